//! Symbols in fixed places, each followed by zeros, so that sums need no tail and no special case for
//! a short one.

use super::MAX_SYMBOL_BYTES;
use super::gf256::COLUMN_BYTES;

/// What a slot holds: the largest symbol, rounded up to whole columns. An odd number of cache lines,
/// so that the same column of many slots spreads over all sets of a cache.
pub(super) const SLOT_BYTES: usize = MAX_SYMBOL_BYTES.next_multiple_of(COLUMN_BYTES);
const _: () = assert!(SLOT_BYTES / COLUMN_BYTES % 2 == 1);

/// A fixed number of slots.
#[derive(Debug)]
pub(super) struct Slots {
    /// One run of bytes, for zeros that are asked for as such cost no memory until they are written.
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self { bytes: vec![0; count * SLOT_BYTES], lengths: vec![0; count] }
    }

    /// Puts `symbol`, at most [`SLOT_BYTES`] long, into a slot.
    pub(super) fn store(&mut self, slot: usize, symbol: &[u8]) {
        let (head, tail) = self.bytes.as_chunks_mut::<SLOT_BYTES>().0[slot].split_at_mut(symbol.len());
        head.copy_from_slice(symbol);
        let old = std::mem::replace(&mut self.lengths[slot], symbol.len());
        if let Some(rest) = old.checked_sub(symbol.len()) {
            tail[..rest].fill(0);
        }
    }

    /// The symbol as it was stored.
    pub(super) fn symbol(&self, slot: usize) -> &[u8] {
        &self.padded(slot)[..self.lengths[slot]]
    }

    /// The symbol's length in bytes.
    pub(super) fn len(&self, slot: usize) -> usize {
        self.lengths[slot]
    }

    /// The symbol and the zeros behind it.
    pub(super) fn padded(&self, slot: usize) -> &[u8; SLOT_BYTES] {
        &self.all_padded()[slot]
    }

    /// Every slot's symbol and the zeros behind it.
    pub(super) fn all_padded(&self) -> &[[u8; SLOT_BYTES]] {
        self.bytes.as_chunks().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_symbol_leaves_nothing_of_the_longer_one_before_it() {
        let mut slots = Slots::new(2);
        for len in [MAX_SYMBOL_BYTES, 100, 7, 0, 9] {
            slots.store(1, &vec![0xaa; len]);
            assert_eq!(slots.symbol(1), vec![0xaa; len]);
            assert!(slots.padded(1)[len..].iter().all(|&byte| byte == 0), "{len}");
        }
    }
}
