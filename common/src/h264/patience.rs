//! How long a byte stream is silent before what is there is taken as a whole picture.

use std::time::Duration;

/// Where it starts, and the least: longer than a writer pauses inside a picture, short against the time to
/// the next (8 ms at 120 pictures a second).
pub(super) const SHORTEST_IDLE: Duration = Duration::from_millis(4);
/// The most: beyond it the next picture comes first at any rate worth flying with.
const LONGEST_IDLE: Duration = Duration::from_millis(64);
/// So many pictures in a row ended by silence, none of them wrongly, make it shorter again.
const UNITS_TO_TRUST: u32 = 512;

/// An idle time that learns from the stream.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Duration,
    right: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: SHORTEST_IDLE, right: 0 }
    }
}

impl Patience {
    /// The silence to wait for.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// A picture was ended by silence.
    pub(super) fn prove_right(&mut self) {
        self.right += 1;
        if self.right >= UNITS_TO_TRUST {
            self.right = 0;
            self.idle = (self.idle / 2).max(SHORTEST_IDLE);
        }
    }

    /// A picture that was ended by silence went on.
    pub(super) fn prove_wrong(&mut self) {
        self.right = 0;
        self.idle = (self.idle * 2).min(LONGEST_IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_time_is_bounded_and_shrinks_when_it_proved_right() {
        let mut patience = Patience::default();
        (0..10).for_each(|_| patience.prove_wrong());
        assert_eq!(patience.idle(), LONGEST_IDLE);
        (0..UNITS_TO_TRUST).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), LONGEST_IDLE / 2);
        (0..UNITS_TO_TRUST * 10).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), SHORTEST_IDLE);
    }
}
