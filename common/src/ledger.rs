//! Where the milliseconds go: percentiles of what each stage took.

use std::time::Duration;

use serde::Serialize;

/// A value below this is its own bucket; above, each octave has half as many buckets.
const LINEAR: u64 = 64;
/// Buckets an octave: a bucket is at most 1/32 of its value wide, its middle at most 1.6 % off.
const PER_OCTAVE: u64 = LINEAR / 2;
/// Two minutes and a quarter, in µs as a power of two: what takes longer is counted there.
const MAX_BITS: u32 = 27;
const BUCKETS: usize = 64 + 32 * (27 - 6);

/// How often which time was seen: fixed size, no allocation, percentiles at most 1.6 % off.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: [u32; BUCKETS],
    count: u64,
    sum_us: u64,
    max_us: u64,
}

/// What a stage took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many times were recorded. When 0, so are the others.
    pub count: u64,
    /// Their mean, in µs, exact: means of stages add up, percentiles do not.
    pub mean_us: u64,
    /// Half of them took no longer, in µs.
    pub p50_us: u64,
    /// 95 % of them took no longer, in µs.
    pub p95_us: u64,
    /// 99 % of them took no longer, in µs.
    pub p99_us: u64,
    /// The longest, in µs, exact.
    pub max_us: u64,
}

/// What each of a fixed list of stages took since it was last asked.
#[derive(Debug, Clone)]
pub struct Ledger<const STAGES: usize> {
    names: [&'static str; STAGES],
    stages: [Histogram; STAGES],
}

impl<const STAGES: usize> Ledger<STAGES> {
    /// An empty ledger of these stages.
    pub fn new(names: [&'static str; STAGES]) -> Self {
        Self { names, stages: std::array::from_fn(|_| Histogram::default()) }
    }

    /// Notes what a stage, given by its place in the list of names, took once. A stage that is not in the list is not noted.
    pub fn record(&mut self, stage: usize, took: Duration) {
        if let Some(histogram) = self.stages.get_mut(stage) {
            histogram.record(took);
        }
    }

    /// What each stage took since this was last called: call it once a second.
    pub fn take(&mut self) -> [(&'static str, Summary); STAGES] {
        let summaries = std::array::from_fn(|stage| (self.names[stage], self.stages[stage].summary()));
        self.stages.iter_mut().for_each(Histogram::clear);
        summaries
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], count: 0, sum_us: 0, max_us: 0 }
    }
}

impl Histogram {
    /// Notes a time; beyond two minutes percentiles no longer tell it apart.
    pub fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(us)) {
            *count = count.saturating_add(1);
        }
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
    }

    /// Count, percentiles and maximum.
    pub fn summary(&self) -> Summary {
        Summary {
            count: self.count,
            mean_us: self.sum_us.checked_div(self.count).unwrap_or(0),
            p50_us: self.permille_us(500),
            p95_us: self.permille_us(950),
            p99_us: self.permille_us(990),
            max_us: self.max_us,
        }
    }

    /// The time that `permille` of 1000 did not exceed, in µs, by nearest rank; 0 when nothing was noted.
    pub fn permille_us(&self, permille: u64) -> u64 {
        let rank = (self.count * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return middle_us(bucket as u64).min(self.max_us);
            }
        }
        self.max_us
    }

    /// How often which time was seen: the middle of each bucket that is not empty, in µs, but no more than the longest
    /// time; and its count, the shortest first.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u32)> {
        let middles = (0..).map(|bucket| middle_us(bucket).min(self.max_us)).zip(self.counts);
        middles.filter(|(_, count)| *count > 0)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn bucket(us: u64) -> usize {
    let us = us.min((1 << MAX_BITS) - 1);
    let octave = us.max(1).ilog2().saturating_sub(LINEAR.ilog2() - 1);
    // Within octave n the value, shifted right by n, is in PER_OCTAVE..2 × PER_OCTAVE.
    let bucket = u64::from(octave) * PER_OCTAVE + (us >> octave);
    usize::try_from(bucket).unwrap_or(BUCKETS - 1)
}

fn middle_us(bucket: u64) -> u64 {
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    let low = (bucket - octave * PER_OCTAVE) << octave;
    low + (1 << octave) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(times_us: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        times_us.into_iter().for_each(|us| histogram.record(Duration::from_micros(us)));
        histogram
    }

    #[test]
    fn every_bucket_is_within_a_sixtieth_of_its_values() {
        let edges = (0..27).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for us in edges.chain((0..1 << 27).step_by(9973)) {
            let middle = middle_us(bucket(us) as u64);
            assert!(middle.abs_diff(us) * 60 <= us, "{us} µs are told as {middle}");
        }
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        assert_eq!(histogram([]).summary(), Summary::default());
        let one = Summary { count: 1, mean_us: 33, p50_us: 33, p95_us: 33, p99_us: 33, max_us: 33 };
        assert_eq!(histogram([33]).summary(), one);
        let sixty = histogram(1..=60).summary();
        assert_eq!(sixty, Summary { count: 60, mean_us: 30, p50_us: 30, p95_us: 57, p99_us: 60, max_us: 60 });
        assert!(histogram([5, 70, 5]).counts().eq([(5, 2), (70, 1)]));
        let wide = histogram((1..=1000).map(|ms| ms * 1000)).summary();
        for (found, exact) in [(wide.p50_us, 500_000), (wide.p95_us, 950_000), (wide.p99_us, 990_000)] {
            assert!(u64::abs_diff(found, exact) * 60 <= exact, "{found} for {exact}");
        }
        assert_eq!(wide.max_us, 1_000_000);
    }

    #[test]
    fn no_time_is_too_long() {
        let summary = histogram([u64::MAX, 5]).summary();
        assert_eq!((summary.count, summary.p50_us, summary.max_us), (2, 5, u64::MAX));
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.summary().max_us, u64::MAX);
    }

    #[test]
    fn a_ledger_tells_each_stage_and_begins_anew() {
        let mut ledger = Ledger::new(["encoded", "decoded"]);
        ledger.record(0, Duration::from_micros(7));
        ledger.record(2, Duration::from_micros(9));
        let seven = Summary { count: 1, mean_us: 7, p50_us: 7, p95_us: 7, p99_us: 7, max_us: 7 };
        assert_eq!(ledger.take(), [("encoded", seven), ("decoded", Summary::default())]);
        assert_eq!(ledger.take(), [("encoded", Summary::default()), ("decoded", Summary::default())]);
    }
}
