//! Says when the next frame may leave: the air carries one at a time.

use std::time::{Duration, Instant};

use super::config::Pacing;

/// A thread that wakes up late may catch up by as much, so that a timer's slack costs no throughput.
const CATCH_UP: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Pacer {
    pacing: Pacing,
    ready_at: Instant,
}

impl Pacer {
    pub(super) const fn new(pacing: Pacing, now: Instant) -> Self {
        Self { pacing, ready_at: now }
    }

    pub(super) fn is_ready(&self, now: Instant) -> bool {
        now >= self.ready_at
    }

    pub(super) const fn ready_at(&self) -> Instant {
        self.ready_at
    }

    /// A frame of this airtime left at `now`.
    pub(super) fn sent(&mut self, airtime: Duration, now: Instant) {
        if self.pacing == Pacing::Airtime {
            let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.ready_at = self.ready_at.max(earliest) + airtime;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    const AIRTIME: Duration = Duration::from_millis(1);

    #[test]
    fn frames_leave_one_airtime_apart() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pacing::Airtime, start);
        pacer.sent(AIRTIME, start);
        assert!(!pacer.is_ready(start));
        assert!(pacer.is_ready(start + AIRTIME));
    }

    #[test]
    fn a_late_wake_up_is_caught_up_and_an_idle_second_is_not() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pacing::Airtime, start);
        let idle = start + Duration::from_secs(1);
        pacer.sent(AIRTIME, idle);
        assert_eq!(pacer.ready_at(), idle - CATCH_UP + AIRTIME);
    }

    #[test]
    fn without_pacing_every_frame_may_leave_at_once() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pacing::None, start);
        pacer.sent(AIRTIME, start);
        assert!(pacer.is_ready(start));
    }
}
