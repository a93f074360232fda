//! How long a byte stream is silent before what is there is taken as a whole picture.

use std::time::Duration;

/// Where it starts: longer than most writers pause inside a picture, short against the time to the next (8 ms at 120
/// pictures a second).
pub(super) const FIRST_IDLE: Duration = Duration::from_millis(4);
/// The least: every picture waits for it.
pub(super) const SHORTEST_IDLE: Duration = Duration::from_millis(1);
/// The most: beyond it the next picture comes first at any rate worth flying with.
const LONGEST_IDLE: Duration = Duration::from_millis(64);
/// The most that pauses alone lead to: they have split no picture.
const LONGEST_BY_PAUSE: Duration = Duration::from_millis(8);
/// So many pictures ended, none of them wrongly, make it shorter: some seconds.
const UNITS_TO_TRUST: u32 = 256;
/// So many such pictures make the pauses of the writer that were seen count for less.
const UNITS_TO_FORGET: u32 = 1024;

/// An idle time that learns from the stream.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Duration,
    /// It gets no shorter than this: twice the longest pause inside a picture.
    floor: Duration,
    right: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: FIRST_IDLE, floor: SHORTEST_IDLE, right: 0 }
    }
}

impl Patience {
    /// The silence to wait for.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// The writer paused inside a picture, and went on in time.
    pub(super) fn note_pause(&mut self, pause: Duration) {
        // A longer one has ended the picture.
        self.floor = self.floor.max((pause.min(self.idle) * 2).min(LONGEST_BY_PAUSE));
        self.idle = self.idle.max(self.floor);
    }

    /// A picture was ended by silence, or by the next before there was enough of it.
    pub(super) fn prove_right(&mut self) {
        self.right += 1;
        if self.right.is_multiple_of(UNITS_TO_FORGET) {
            self.floor = (self.floor / 2).max(SHORTEST_IDLE);
        }
        if self.right.is_multiple_of(UNITS_TO_TRUST) {
            self.idle = (self.idle / 2).max(self.floor);
        }
    }

    /// A picture that was ended by silence went on.
    pub(super) fn prove_wrong(&mut self) {
        self.right = 0;
        self.idle = (self.idle * 2).min(LONGEST_IDLE);
        self.floor = self.idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_idle_time_shrinks_where_it_proves_right() {
        let mut patience = Patience::default();
        (0..UNITS_TO_TRUST).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), FIRST_IDLE / 2);
        (0..UNITS_TO_TRUST * 10).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), SHORTEST_IDLE);
    }

    #[test]
    fn it_is_bounded_where_it_proves_wrong_and_that_is_forgotten_slowly() {
        let mut patience = Patience::default();
        (0..10).for_each(|_| patience.prove_wrong());
        assert_eq!(patience.idle(), LONGEST_IDLE);
        (0..UNITS_TO_FORGET - 1).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), LONGEST_IDLE);
        patience.prove_right();
        assert_eq!(patience.idle(), LONGEST_IDLE / 2);
    }

    #[test]
    fn it_stays_longer_than_the_writer_pauses() {
        let mut patience = Patience::default();
        patience.note_pause(MS);
        (0..UNITS_TO_TRUST * 3).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), MS * 2);
        (0..9).for_each(|_| patience.note_pause(Duration::MAX));
        assert_eq!(patience.idle(), LONGEST_BY_PAUSE);
        (0..UNITS_TO_FORGET * 4).for_each(|_| patience.prove_right());
        assert_eq!(patience.idle(), SHORTEST_IDLE);
    }
}
