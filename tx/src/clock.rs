//! The machine's clocks: the time of day at each `Instant`, and which clock that is.
#![expect(clippy::disallowed_methods, reason = "reads the clocks for everything that is told the time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sender::rate::micros;

/// 2020-01-01: a clock that says less was never set.
const NEVER_SET_BEFORE: Duration = Duration::from_secs(1_577_836_800);

/// The time of day at some `Instant`, read once, so that it never steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) started: Instant,
    since_epoch: Duration,
}

impl Clock {
    pub(crate) fn read() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), since_epoch }
    }

    /// µs since 1970 at `at`, whether the clock was ever set or not.
    pub(crate) fn time_of_day_us(&self, at: Instant) -> u64 {
        micros(self.since_epoch + at.saturating_duration_since(self.started))
    }

    /// µs since 1970 at `at`, if the clock was ever set.
    pub(crate) fn unix_us(&self, at: Instant) -> Option<u64> {
        (self.since_epoch > NEVER_SET_BEFORE).then(|| self.time_of_day_us(at))
    }

    /// µs from the start to `at`.
    pub(crate) fn session_us(&self, at: Instant) -> u64 {
        micros(at.saturating_duration_since(self.started))
    }
}
