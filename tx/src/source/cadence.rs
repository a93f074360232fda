//! When the n-th picture is due: absolute, so that rounding and late wake-ups never add up.

use std::time::{Duration, Instant};

/// Deadlines at a fixed rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cadence {
    start: Instant,
    /// This many deadlines...
    count: u64,
    /// ...take this long.
    period: Duration,
    next: u64,
}

impl Cadence {
    /// `per_second` deadlines a second, the first at `start`.
    pub(crate) fn per_second(per_second: u32, start: Instant) -> Self {
        Self { start, count: u64::from(per_second.max(1)), period: Duration::from_secs(1), next: 0 }
    }

    /// A deadline each `interval`, the first at `start`.
    pub(crate) fn each(interval: Duration, start: Instant) -> Self {
        Self { start, count: 1, period: interval.max(Duration::from_micros(1)), next: 0 }
    }

    /// The next deadline. Each call moves on by one.
    pub(crate) fn next(&mut self) -> Instant {
        let at = self.at(self.next);
        self.next += 1;
        at
    }

    /// Leaves out the deadlines that have passed by more than one interval, and returns how many those were.
    pub(crate) fn skip_missed(&mut self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.start).as_nanos() * u128::from(self.count);
        let passed = u64::try_from(nanos / self.period.as_nanos()).unwrap_or(u64::MAX);
        let missed = passed.saturating_sub(self.next);
        self.next += missed;
        missed
    }

    /// Begins anew at `now` if more than `patience` behind: what was missed is not made up for in a burst.
    pub(crate) fn catch_up(&mut self, patience: Duration, now: Instant) {
        if now.saturating_duration_since(self.at(self.next)) > patience {
            (self.start, self.next) = (now, 0);
        }
    }

    fn at(&self, n: u64) -> Instant {
        let nanos = self.period.as_nanos() * u128::from(n) / u128::from(self.count);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use super::*;

    #[test]
    fn sixty_a_second_are_exact_after_a_day() {
        let start = Instant::now();
        let mut cadence = Cadence::per_second(60, start);
        assert_eq!(cadence.next(), start);
        assert_eq!(cadence.next(), start + Duration::from_nanos(16_666_666));
        assert_eq!(cadence.at(60), start + Duration::from_secs(1));
        assert_eq!(cadence.at(60 * 86_400), start + Duration::from_secs(86_400));
    }

    #[test]
    fn missed_deadlines_are_skipped_and_counted() {
        let start = Instant::now();
        let mut cadence = Cadence::each(Duration::from_millis(10), start);
        cadence.next();
        assert_eq!(cadence.skip_missed(start + Duration::from_millis(19)), 0);
        assert_eq!(cadence.next(), start + Duration::from_millis(10));
        assert_eq!(cadence.skip_missed(start + Duration::from_millis(55)), 3);
        assert_eq!(cadence.next(), start + Duration::from_millis(50));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let start = Instant::now();
        let mut cadence = Cadence::each(Duration::from_millis(10), start);
        let patience = Duration::from_millis(100);
        cadence.catch_up(patience, start + Duration::from_millis(90));
        assert_eq!(cadence.next(), start);
        let late = start + Duration::from_secs(5);
        cadence.catch_up(patience, late);
        assert_eq!(cadence.next(), late);
        assert_eq!(cadence.next(), late + Duration::from_millis(10));
    }
}
