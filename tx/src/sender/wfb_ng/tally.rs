//! What repairs come to beside source packets: parities, and the fillers of blocks that ended early.

use std::time::Duration;

use skylark_common::wfb_ng::session::BlockCode;

use crate::sender::rate::micros;

/// It is a mean over about as many µs of airtime.
const MEMORY_US: u64 = 200_000;

/// Airtime of source packets and of their repairs, by the model, in µs, of blocks that had repairs.
#[derive(Debug)]
pub(super) struct Tally {
    sources_us: u64,
    repairs_us: u64,
    /// Of the source packets of the block under way.
    block_us: u64,
}

impl Tally {
    /// Begins with full blocks.
    pub(super) fn new(code: BlockCode) -> Self {
        let (k, n) = (u64::from(code.k()), u64::from(code.n()));
        Self { sources_us: MEMORY_US, repairs_us: MEMORY_US * (n - k) / k, block_us: 0 }
    }

    /// A source packet left.
    pub(super) fn source(&mut self, airtime: Duration) {
        self.block_us += micros(airtime);
    }

    /// The block under way ended without any: it tells nothing of what the next ones need.
    pub(super) const fn no_repairs(&mut self) {
        self.block_us = 0;
    }

    /// The block under way ended with repairs of this airtime.
    pub(super) fn repairs(&mut self, airtime: Duration) {
        self.sources_us += std::mem::take(&mut self.block_us);
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

    #[test]
    fn blocks_whose_repairs_gave_way_are_not_learned_from() {
        let mut tally = Tally::new(BlockCode::DEFAULT);
        for _ in 0..10_000 {
            (0..8).for_each(|_| tally.source(MS));
            tally.no_repairs();
        }
        assert_eq!(tally.with_repairs(8 * MS), 12 * MS, "overload has no end that it would not see");
        for _ in 0..100 {
            (0..4).for_each(|_| tally.source(MS));
            tally.repairs(4 * MS);
        }
        assert!(tally.with_repairs(4 * MS) > 7 * MS, "and learns as quickly after it");
    }
}
