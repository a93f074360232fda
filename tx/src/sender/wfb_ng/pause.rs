//! When nothing comes for so long that the block under way is not waited for.

use std::time::{Duration, Instant};

/// Fewer are the gaps within a unit whose packets come as they are encoded.
const LEAST: Duration = Duration::from_millis(20);
/// What came before so long a pause is old: its repairs are worth their airtime only if they come at last.
pub(super) const MOST: Duration = Duration::from_millis(100);

/// How units followed each other.
#[derive(Debug)]
pub(super) struct Cadence {
    last: Option<Instant>,
    /// The longest time between two units of late, in which longer ones are forgotten over some ten units.
    between: Duration,
}

impl Cadence {
    /// None has begun.
    pub(super) const fn new() -> Self {
        Self { last: None, between: MOST }
    }

    /// A unit begins.
    pub(super) fn begins(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            let between = now.saturating_duration_since(last).min(MOST);
            self.between = between.max(self.between * 7 / 8);
        }
    }

    /// How long nothing comes before it is a pause: twice what lies between units, 20 to 100 ms.
    pub(super) fn pause(&self) -> Duration {
        (self.between * 2).clamp(LEAST, MOST)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_pause_is_longer_than_what_lies_between_units() {
        let mut cadence = Cadence::new();
        assert_eq!(cadence.pause(), MOST);
        let mut now = Instant::now();
        for (between, expected) in [(33 * MS, 66 * MS), (17 * MS, 34 * MS), (MS, LEAST), (500 * MS, MOST)] {
            for _ in 0..50 {
                now += between;
                cadence.begins(now);
            }
            assert_eq!(cadence.pause(), expected, "{between:?}");
        }
        cadence.begins(now + 17 * MS);
        assert_eq!(cadence.pause(), MOST, "a single short one tells nothing");
    }
}
