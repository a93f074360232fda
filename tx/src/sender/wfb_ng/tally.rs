//! What repairs come to beside source packets: parities, and the fillers of blocks that ended early.

use std::time::Duration;

use skylark_common::wfb_ng::session::BlockCode;

use crate::sender::rate::micros;

/// It is a mean over about as many µs of airtime.
const MEMORY_US: u64 = 200_000;

/// Airtime of source packets and of their repairs, by the model, in µs.
#[derive(Debug)]
pub(super) struct Tally {
    sources_us: u64,
    repairs_us: u64,
}

impl Tally {
    /// Begins with full blocks.
    pub(super) fn new(code: BlockCode) -> Self {
        let (k, n) = (u64::from(code.k()), u64::from(code.n()));
        Self { sources_us: MEMORY_US, repairs_us: MEMORY_US * (n - k) / k }
    }

    /// A source packet left.
    pub(super) fn source(&mut self, airtime: Duration) {
        self.sources_us += micros(airtime);
    }

    /// A block ended with repairs of this airtime.
    pub(super) fn repairs(&mut self, airtime: Duration) {
        self.repairs_us += micros(airtime);
        if self.sources_us > 2 * MEMORY_US {
            (self.sources_us, self.repairs_us) = (self.sources_us / 2, self.repairs_us / 2);
        }
    }

    /// Source packets of this airtime, and the repairs they will have.
    pub(super) fn with_repairs(&self, sources: Duration) -> Duration {
        Duration::from_micros(micros(sources) * (self.sources_us + self.repairs_us) / self.sources_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_begins_with_the_code_and_learns_what_blocks_came_to() {
        let mut tally = Tally::new(BlockCode::DEFAULT);
        assert_eq!(tally.with_repairs(8 * MS), 12 * MS);
        for _ in 0..100 {
            (0..4).for_each(|_| tally.source(MS));
            tally.repairs(4 * MS);
        }
        let learned = tally.with_repairs(4 * MS);
        assert!(learned > 7 * MS && learned <= 8 * MS, "{learned:?}");
    }
}
