//! The machine's clocks: the one place of the program that reads them.
#![expect(clippy::disallowed_methods, reason = "the pure rooms are given `now`: somebody has to read it")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A capture that is said to be longer ago than this was stamped by a clock that has been set since.
const OLDEST_CAPTURE: Duration = Duration::from_secs(10);

/// The time, for deadlines and stamps.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, as far as 1970 is past.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Relates the transmitter's time of day to our instants, where both ends run on one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedClock {
    id: Option<u32>,
    at: Instant,
    unix: Duration,
}

impl SharedClock {
    /// This machine's clock, read once: a time of day that is set later changes nothing.
    pub(crate) fn of_this_machine() -> Self {
        Self { id: skylark_common::clock_id::read(), at: now(), unix: since_1970() }
    }

    /// A clock that says `unix` since 1970 at `at`.
    #[cfg(test)]
    pub(crate) fn for_test(at: Instant, unix: Duration) -> Self {
        Self { id: Some(7), at, unix }
    }

    /// Whether the clock of this name is ours.
    pub(crate) fn is_shared(&self, clock_id: Option<u32>) -> bool {
        self.id.is_some() && self.id == clock_id
    }

    /// Our instant of what the transmitter stamped `since_start_us` after `unix_start_us`; `None` when it
    /// is not in the past few seconds before `heard`.
    pub(crate) fn captured(&self, unix_start_us: u64, since_start_us: u64, heard: Instant) -> Option<Instant> {
        let unix = Duration::from_micros(unix_start_us.checked_add(since_start_us)?);
        let captured = match unix.checked_sub(self.unix) {
            Some(after) => self.at.checked_add(after)?,
            None => self.at.checked_sub(self.unix.checked_sub(unix)?)?,
        };
        heard.checked_duration_since(captured).filter(|age| *age <= OLDEST_CAPTURE).map(|_| captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_of_a_capture_becomes_an_instant() {
        let at = now();
        let clock = SharedClock { id: Some(7), at, unix: Duration::from_secs(1_000_000) };
        let heard = at + Duration::from_secs(3);
        let captured = clock.captured(1_000_000_000_000, 2_500_000, heard);
        assert_eq!(captured, Some(at + Duration::from_millis(2500)));
        assert_eq!(clock.captured(999_999_000_000, 0, at), at.checked_sub(Duration::from_secs(1)));
    }

    #[test]
    fn a_capture_in_the_future_or_long_ago_is_not_believed() {
        let at = now();
        let clock = SharedClock { id: Some(7), at, unix: Duration::from_secs(1_000_000) };
        assert_eq!(clock.captured(1_000_001_000_000, 0, at), None);
        assert_eq!(clock.captured(0, 0, at), None);
        assert_eq!(clock.captured(u64::MAX, 1, at), None);
    }

    #[test]
    fn only_the_same_clock_is_shared() {
        let clock = SharedClock { id: Some(7), at: now(), unix: Duration::ZERO };
        assert!(clock.is_shared(Some(7)));
        assert!(!clock.is_shared(Some(8)) && !clock.is_shared(None));
        assert!(!SharedClock { id: None, ..clock }.is_shared(None));
    }
}
