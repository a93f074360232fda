//! The block code's side of the decoder: blocks that wait for enough of their symbols.

use super::symbols::{Symbols, column};
use super::{BlockId, RepairError};
use crate::fec::block::{Codecs, MAX_BLOCK_SYMBOLS};
use crate::fec::{esi_after, is_before};

/// Incomplete blocks kept: half a second of units at 60 a second, longer than anyone waits for one.
const MAX_BLOCKS: usize = 32;

/// Blocks decoded before the codecs are built anew: each may leave a matrix of up to 16 KiB in its
/// codec, which would keep 254 of them. Building a codec costs little beside so many uses of it.
const MAX_DECODINGS: usize = 64;

/// The incomplete blocks, the one heard of first in front.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    codecs: Codecs,
    /// Blocks decoded since the codecs were built.
    decodings: usize,
}

/// One block that misses symbols.
#[derive(Debug)]
struct Block {
    first_esi: u32,
    k: u8,
    m: u8,
    /// Which repairs came, and their payloads, all equally long.
    repairs: Vec<(u8, Vec<u8>)>,
}

/// Refuses ids no transmitter makes.
pub(super) fn check(id: BlockId) -> Result<(), RepairError> {
    let BlockId { k, m, index, .. } = id;
    if k == 0 || index >= m || u16::from(k) + u16::from(m) > u16::from(MAX_BLOCK_SYMBOLS) {
        return Err(RepairError::Block { k, m, index });
    }
    Ok(())
}

impl Blocks {
    /// Whether no block waits for symbols.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds a repair of a block that misses symbols. False if it was there already.
    pub(super) fn insert(&mut self, id: BlockId, payload: &[u8]) -> Result<bool, RepairError> {
        let same = |block: &Block| (block.first_esi, block.k, block.m) == (id.first_esi, id.k, id.m);
        let Some(block) = self.blocks.iter_mut().find(|block| same(block)) else {
            self.begin(id, payload);
            return Ok(true);
        };
        let expected_bytes = block.len();
        if payload.len() != expected_bytes {
            return Err(RepairError::BlockLength { found_bytes: payload.len(), expected_bytes });
        }
        let fresh = block.repairs.iter().all(|(index, _)| *index != id.index);
        if fresh {
            block.repairs.push((id.index, payload.to_vec()));
        }
        Ok(fresh)
    }

    fn begin(&mut self, id: BlockId, payload: &[u8]) {
        if self.blocks.len() == MAX_BLOCKS {
            self.blocks.remove(0);
        }
        let BlockId { first_esi, k, m, index } = id;
        self.blocks.push(Block { first_esi, k, m, repairs: vec![(index, payload.to_vec())] });
    }

    /// Stores the symbols of every block that has enough of them and tells their ESIs.
    pub(super) fn solve(&mut self, symbols: &mut Symbols, mut recovered: impl FnMut(u32)) {
        let Self { blocks, codecs, decodings } = self;
        blocks.retain(|block| {
            let missing = symbols.missing(block.first_esi, u16::from(block.k));
            if missing > block.repairs.len() {
                return true;
            }
            if missing > 0 {
                if *decodings == MAX_DECODINGS {
                    (*codecs, *decodings) = (Codecs::default(), 0);
                }
                *decodings += 1;
                block.solve(codecs, symbols, &mut recovered);
            }
            false
        });
    }

    /// Gives up the blocks that begin before `esi`.
    pub(super) fn retire_before(&mut self, esi: u32) {
        self.blocks.retain(|block| !is_before(block.first_esi, esi));
    }
}

impl Block {
    fn len(&self) -> usize {
        self.repairs.first().map_or(0, |(_, payload)| payload.len())
    }

    fn solve(&self, codecs: &mut Codecs, symbols: &mut Symbols, recovered: &mut impl FnMut(u32)) {
        let Some(codec) = codecs.codec(self.k, self.m) else { return };
        let len = self.len();
        let esis = (0..u16::from(self.k)).map(|at| esi_after(self.first_esi, at));
        let known = esis.clone().map(|esi| symbols.is_known(esi).then(|| symbols.padded(column(esi))[..len].to_vec()));
        let repair = |index: u8| self.repairs.iter().find(|(found, _)| *found == index);
        let mut shards: Vec<Option<Vec<u8>>> =
            known.chain((0..self.m).map(|index| repair(index).map(|(_, payload)| payload.clone()))).collect();
        if codec.reconstruct_data(&mut shards).is_err() {
            return;
        }
        for (esi, shard) in esis.zip(shards) {
            if let (false, Some(symbol)) = (symbols.is_known(esi), shard) {
                symbols.store(column(esi), &symbol);
                recovered(esi);
            }
        }
    }
}
