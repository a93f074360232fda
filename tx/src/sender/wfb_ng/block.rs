//! The block under way: its source fragments, and their parities.

use skylark_common::fec::gf256::COLUMN_BYTES;
use skylark_common::wfb_ng::fragment::MAX_FRAGMENT_BYTES;
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::BlockCode;

/// What a slot holds: the longest fragment, rounded up to whole columns. An odd number of cache lines, so that the same
/// column of many slots spreads over all sets of a cache.
const SLOT_BYTES: usize = MAX_FRAGMENT_BYTES.next_multiple_of(COLUMN_BYTES);
const _: () = assert!(SLOT_BYTES / COLUMN_BYTES % 2 == 1);

/// The source fragments of one block, each followed by zeros. Owns about 4 KiB for each.
#[derive(Debug)]
pub(super) struct Block {
    code: ReedSolomon,
    slots: Vec<u8>,
    /// What each slot holds that is not zero, of the block under way or the one before.
    lengths: Vec<usize>,
    sources: u8,
    longest: usize,
}

impl Block {
    pub(super) fn new(code: BlockCode) -> Self {
        let k = usize::from(code.k());
        Self {
            code: ReedSolomon::new(code),
            slots: vec![0; k * SLOT_BYTES],
            lengths: vec![0; k],
            sources: 0,
            longest: 0,
        }
    }

    /// Source fragments so far, which is the number of the next.
    pub(super) const fn sources(&self) -> u8 {
        self.sources
    }

    pub(super) const fn is_full(&self) -> bool {
        self.sources == self.code.code().k()
    }

    /// Takes the next source fragment.
    ///
    /// # Panics
    /// If the block is full.
    pub(super) fn push(&mut self, fragment: &[u8]) {
        let slot = usize::from(self.sources);
        let (head, tail) = self.slots.as_chunks_mut::<SLOT_BYTES>().0[slot].split_at_mut(fragment.len());
        head.copy_from_slice(fragment);
        let old = std::mem::replace(&mut self.lengths[slot], fragment.len());
        if let Some(rest) = old.checked_sub(fragment.len()) {
            tail[..rest].fill(0);
        }
        self.longest = self.longest.max(fragment.len());
        self.sources += 1;
    }

    /// Length of its parities: that of its longest fragment.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Length of what they are computed in: whole columns.
    pub(super) const fn padded(&self) -> usize {
        self.longest.next_multiple_of(COLUMN_BYTES)
    }

    /// The numbers of its parities.
    pub(super) fn parities(&self) -> std::ops::Range<u8> {
        self.code.code().k()..self.code.code().n()
    }

    /// Writes all parities, each into the last [`padded`](Self::padded) bytes of its frame.
    pub(super) fn encode(&self, frames: &mut [Vec<u8>]) {
        let padded = self.padded();
        let sources: Vec<&[u8]> = self.slots.as_chunks::<SLOT_BYTES>().0.iter().map(|slot| &slot[..padded]).collect();
        let mut parities: Vec<&mut [u8]> = Vec::with_capacity(frames.len());
        for frame in frames {
            let room = frame.len() - padded;
            parities.push(&mut frame[room..]);
        }
        self.code.encode(0, &sources, &mut parities);
    }

    /// Begins the next block.
    pub(super) const fn clear(&mut self) {
        self.sources = 0;
        self.longest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_block_before_is_in_a_parity() {
        let parity = |blocks: &[&[&[u8]]]| {
            let mut block = Block::new(BlockCode::new(2, 3).unwrap());
            let mut frames = Vec::new();
            for fragments in blocks {
                block.clear();
                fragments.iter().for_each(|fragment| block.push(fragment));
                frames = vec![vec![0xee; block.padded()]];
                block.encode(&mut frames);
            }
            frames[0][..block.longest()].to_vec()
        };
        let (long, short): (&[&[u8]], &[&[u8]]) = (&[&[7; 300], &[9; 200]], &[&[1; 3], &[2; 70]]);
        assert_eq!(parity(&[long, short]), parity(&[short]));
        assert_eq!(parity(&[short]).len(), 70);
    }
}
