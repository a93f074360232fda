//! A token bucket: how much of something may come.

use std::time::{Duration, Instant};

/// So many tokens a second, and at most a burst of them at once.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    burst: u32,
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(per_s: u32, burst: u32, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / per_s.max(1), burst, tokens: burst, filled: now }
    }

    /// Takes a token if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.tokens == 0 {
            self.fill(now);
        }
        let taken = self.tokens.checked_sub(1);
        self.tokens = taken.unwrap_or(0);
        taken.is_some()
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = u32::try_from(elapsed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX);
        if earned >= self.burst {
            (self.tokens, self.filled) = (self.burst, now);
        } else {
            self.tokens = earned;
            self.filled += self.interval * earned;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, 10, start);
        let mut taken = |from_ms: u64, to_ms: u64| {
            let at = (from_ms * 100..to_ms * 100).map(|step| start + Duration::from_micros(step * 10));
            at.filter(|at| bucket.take(*at)).count()
        };
        assert_eq!(taken(0, 1), 10);
        assert_eq!(taken(1, 101), 100);
        assert_eq!(taken(10_000, 10_001), 10, "the burst again, and no more for a long silence");
    }
}
