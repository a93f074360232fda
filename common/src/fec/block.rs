//! The block code: one Reed-Solomon block per unit, by the crate `reed-solomon-erasure`.
//!
//! The simple code the window is measured against. Its repairs help their own unit only.

use reed_solomon_erasure::galois_8::ReedSolomon;

use super::slots::Slots;
use super::{BlockId, MAX_SYMBOL_BYTES, MAX_WINDOW_SYMBOLS};

/// The most source and repair symbols of one block together. GF(2^8) would take 255, but building a
/// codec takes time with the cube of it.
pub const MAX_BLOCK_SYMBOLS: u8 = 128;

/// Codecs kept: units of a steady stream differ little in size.
const MAX_CODECS: usize = 16;

/// Gathers the symbols of a unit and makes the repairs of its block, or of several equal ones if the
/// unit is too large for one. Owns about 2 MiB, taken once.
#[derive(Debug)]
pub struct BlockEncoder {
    /// Symbol `esi` is in slot `esi % MAX_WINDOW_SYMBOLS`.
    symbols: Slots,
    /// Symbols of the unit so far that are held.
    held: u16,
    next_esi: u32,
    codecs: Codecs,
}

impl Default for BlockEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockEncoder {
    /// An empty unit; the first symbol gets ESI 0.
    pub fn new() -> Self {
        Self::starting_at(0)
    }

    /// An empty unit; the first symbol gets `esi`.
    pub fn starting_at(esi: u32) -> Self {
        Self { symbols: Slots::new(usize::from(MAX_WINDOW_SYMBOLS)), held: 0, next_esi: esi, codecs: Codecs::default() }
    }

    /// Takes the next source symbol of the unit and says its ESI. Of a unit of more than
    /// [`MAX_WINDOW_SYMBOLS`] the oldest stay unprotected.
    ///
    /// # Panics
    /// If the symbol is longer than [`MAX_SYMBOL_BYTES`].
    pub fn push(&mut self, symbol: &[u8]) -> u32 {
        assert!(symbol.len() <= MAX_SYMBOL_BYTES, "a symbol of {} bytes is too long", symbol.len());
        let esi = self.next_esi;
        self.symbols.store(slot(esi), symbol);
        self.next_esi = esi.wrapping_add(1);
        self.held = (self.held + 1).min(MAX_WINDOW_SYMBOLS);
        esi
    }

    /// Begins a unit with the next symbol: what was taken since the last one ended gets no repairs.
    pub const fn begin_unit(&mut self) {
        self.held = 0;
    }

    /// The ESI the next symbol will get.
    pub fn next_esi(&self) -> u32 {
        self.next_esi
    }

    /// Ends the unit: makes `repairs` repairs for it, as far as its blocks can have as many, and hands
    /// each to `take`. A repair is as long as the longest symbol of its block.
    pub fn finish_unit(&mut self, repairs: usize, mut take: impl FnMut(BlockId, &[u8])) {
        let count = u32::from(std::mem::take(&mut self.held));
        let limit = u32::from(MAX_BLOCK_SYMBOLS);
        let most = count * (limit - 1);
        let repairs = u32::try_from(repairs).map_or(most, |repairs| repairs.min(most));
        let fits = |blocks: &u32| count.div_ceil(*blocks) + repairs.div_ceil(*blocks) <= limit;
        let blocks = (1..=count).find(fits).unwrap_or(count);
        let unit = self.next_esi.wrapping_sub(count);
        for block in 0..blocks {
            let share = |of: u32| of * block / blocks..of * (block + 1) / blocks;
            let (symbols, repairs) = (share(count), share(repairs));
            let (k, m) = (symbols.end - symbols.start, repairs.end - repairs.start);
            self.encode(unit.wrapping_add(symbols.start), k, m, &mut take);
        }
    }

    fn encode(&mut self, first_esi: u32, k: u32, m: u32, take: &mut impl FnMut(BlockId, &[u8])) {
        let slots = (0..k).map(|at| slot(first_esi.wrapping_add(at)));
        let len = slots.clone().map(|slot| self.symbols.len(slot)).max().unwrap_or(0);
        let (Ok(k), Ok(m)) = (u8::try_from(k), u8::try_from(m)) else { return };
        let Some(codec) = self.codecs.codec(k, m) else { return };
        let symbols: Vec<_> = slots.map(|slot| &self.symbols.padded(slot)[..len]).collect();
        let mut repairs = vec![vec![0; len]; usize::from(m)];
        if codec.encode_sep(&symbols, &mut repairs).is_err() {
            return;
        }
        for (index, repair) in (0..m).zip(&repairs) {
            take(BlockId { first_esi, k, m, index }, repair);
        }
    }
}

fn slot(esi: u32) -> usize {
    esi as usize % usize::from(MAX_WINDOW_SYMBOLS)
}

/// The codecs of the block sizes used last. Building one takes longer than using it.
#[derive(Debug, Default)]
pub(super) struct Codecs(Vec<ReedSolomon>);

impl Codecs {
    /// The codec of blocks of `k` source and `m` repair symbols; none if there is no such block.
    pub(super) fn codec(&mut self, k: u8, m: u8) -> Option<&ReedSolomon> {
        let (k, m) = (usize::from(k), usize::from(m));
        let same = |codec: &ReedSolomon| (codec.data_shard_count(), codec.parity_shard_count()) == (k, m);
        let codec = match self.0.iter().position(same) {
            Some(at) => self.0.remove(at),
            None => ReedSolomon::new(k, m).ok()?,
        };
        self.0.truncate(MAX_CODECS - 1);
        self.0.insert(0, codec);
        self.0.first()
    }
}
