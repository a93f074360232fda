//! The decoder of both codes: source symbols and repairs in, missing symbols out.

mod blocks;
mod equations;
mod matrix;
mod symbols;

use std::collections::VecDeque;

use self::blocks::Blocks;
use self::equations::Equations;
use self::symbols::{CAPACITY, Symbols, column};
use super::{BlockId, MAX_SYMBOL_BYTES, MAX_WINDOW_SYMBOLS, RepairId, esi_after, is_before};

/// Keeps the newest source symbols and repairs of one stream and recovers what they determine.
///
/// It does not ask which code the transmitter uses: every repair says what it is. Repairs come from
/// whoever holds the key and may still be absurd; they are refused, never believed.
///
/// **After every `handle_` and before [`retire_before`](Self::retire_before), drain
/// [`poll_recovered`](Self::poll_recovered).**
///
/// Memory at most: 2048 symbols (4.1 MiB); from the first repair of the window code on 256 repairs and
/// their coefficients (1.1 MiB); from the first of the block code on repairs of 32 incomplete blocks
/// (3.9 MiB) and codecs (2 MiB). Parts never written cost nothing.
///
/// Time: what a symbol brings to recover is what its sum costs. Beyond that a packet costs microseconds
/// in a working link, and some hundred where nothing can be recovered any more.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Absent until the first packet says where the stream is.
    symbols: Option<Symbols>,
    equations: Option<Equations>,
    blocks: Blocks,
    /// At most one entry for each column: it leaves with the column at the latest.
    recovered: VecDeque<u32>,
    newest_repair_first_esi: Option<u32>,
    stats: DecoderStats,
}

/// What a decoder has seen: every source symbol and every repair is counted exactly once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DecoderStats {
    /// Source symbols that were missing when they came.
    pub sources: u64,
    /// Source symbols that were there already, received or recovered.
    pub sources_duplicate: u64,
    /// Source symbols older than what is kept.
    pub sources_late: u64,
    /// Source symbols longer than [`MAX_SYMBOL_BYTES`].
    pub sources_refused: u64,
    /// Repairs that added something to what is known about missing symbols.
    pub repairs_useful: u64,
    /// Repairs with nothing to repair, that leave out what is missing, or that say nothing others had not said.
    pub repairs_unneeded: u64,
    /// Repairs that cover symbols older than what is kept.
    pub repairs_late: u64,
    /// Repairs with an absurd id or payload.
    pub repairs_refused: u64,
    /// Symbols recovered.
    pub recovered: u64,
}

/// Why a repair is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepairError {
    /// A payload that cannot be a sum of symbols.
    #[error("repair of {found_bytes} bytes, expected 1 to {MAX_SYMBOL_BYTES}")]
    Length {
        /// The payload's length.
        found_bytes: usize,
    },
    /// A window of no symbols or of too many.
    #[error("repair over {found} symbols, expected 1 to {MAX_WINDOW_SYMBOLS}")]
    Window {
        /// How many symbols it claims to cover.
        found: u16,
    },
    /// A block that no transmitter makes: empty, too large, or without such a repair.
    #[error(
        "repair {index} of a block of {k} + {m} symbols, expected an index below m and at most {} symbols",
        super::MAX_BLOCK_SYMBOLS
    )]
    Block {
        /// Source symbols claimed.
        k: u8,
        /// Repair symbols claimed.
        m: u8,
        /// The repair's index.
        index: u8,
    },
    /// Repairs of one block that differ in length.
    #[error("repair of {found_bytes} bytes in a block of {expected_bytes}")]
    BlockLength {
        /// The payload's length.
        found_bytes: usize,
        /// The length of the block's other repairs.
        expected_bytes: usize,
    },
}

impl Decoder {
    /// A decoder that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a received source symbol. True if it was missing.
    ///
    /// A symbol far ahead moves the window there; what is too old is counted and ignored.
    pub fn handle_source(&mut self, esi: u32, symbol: &[u8]) -> bool {
        if symbol.len() > MAX_SYMBOL_BYTES {
            self.stats.sources_refused += 1;
            return false;
        }
        if !self.open(esi, 1) {
            self.stats.sources_late += 1;
            return false;
        }
        let Some(symbols) = &mut self.symbols else { return false };
        if symbols.is_known(esi) {
            self.stats.sources_duplicate += 1;
            return false;
        }
        self.stats.sources += 1;
        symbols.store(column(esi), symbol);
        if let Some(equations) = &mut self.equations {
            equations.learn(column(esi), symbols);
        }
        self.recover();
        true
    }

    /// Takes a received repair of the window code.
    ///
    /// # Errors
    /// If its id or its length is absurd. A repair that is late or not needed is no error.
    pub fn handle_window_repair(&mut self, id: RepairId, payload: &[u8]) -> Result<(), RepairError> {
        let checked = match id.count {
            1..=MAX_WINDOW_SYMBOLS => check_length(payload),
            found => Err(RepairError::Window { found }),
        };
        checked.inspect_err(|_| self.stats.repairs_refused += 1)?;
        if !self.open(id.first_esi, id.count) {
            self.stats.repairs_late += 1;
            return Ok(());
        }
        self.note_repair(id.first_esi);
        let Some(symbols) = &mut self.symbols else { return Ok(()) };
        let missing = symbols.misses_any(id.first_esi, id.count);
        if missing && self.equations.get_or_insert_with(Equations::new).insert(id, payload, symbols) {
            self.stats.repairs_useful += 1;
            self.recover();
        } else {
            self.stats.repairs_unneeded += 1;
        }
        Ok(())
    }

    /// Takes a received repair of the block code.
    ///
    /// # Errors
    /// If its id or its length is absurd. A repair that is late or not needed is no error.
    pub fn handle_block_repair(&mut self, id: BlockId, payload: &[u8]) -> Result<(), RepairError> {
        let checked = blocks::check(id).and_then(|()| check_length(payload));
        checked.inspect_err(|_| self.stats.repairs_refused += 1)?;
        if !self.open(id.first_esi, u16::from(id.k)) {
            self.stats.repairs_late += 1;
            return Ok(());
        }
        self.note_repair(id.first_esi);
        let Some(symbols) = &mut self.symbols else { return Ok(()) };
        let missing = symbols.misses_any(id.first_esi, u16::from(id.k));
        let useful = missing && self.blocks.insert(id, payload).inspect_err(|_| self.stats.repairs_refused += 1)?;
        if useful {
            self.stats.repairs_useful += 1;
            self.recover();
        } else {
            self.stats.repairs_unneeded += 1;
        }
        Ok(())
    }

    /// The next symbol that was recovered, in the order of recovery.
    pub fn poll_recovered(&mut self) -> Option<u32> {
        self.recovered.pop_front()
    }

    /// A symbol that was received or recovered and is still kept. A recovered one is as long as the
    /// longest repair used: its true bytes, then zeros. Its own header knows the true length.
    pub fn symbol(&self, esi: u32) -> Option<&[u8]> {
        self.symbols.as_ref()?.symbol(esi)
    }

    /// Whether [`symbol`](Self::symbol) has this one.
    pub fn is_known(&self, esi: u32) -> bool {
        self.symbols.as_ref().is_some_and(|symbols| symbols.is_known(esi))
    }

    /// One after the newest ESI heard of, in a source packet or in what a repair covers.
    pub fn end_esi(&self) -> Option<u32> {
        self.symbols.as_ref().map(Symbols::end)
    }

    /// Where the newest repair's window begins: repairs made after it begin there or later, so older
    /// symbols can come back only by what is on its way already.
    pub fn newest_repair_first_esi(&self) -> Option<u32> {
        self.newest_repair_first_esi
    }

    /// Gives up all missing symbols before `esi`. Equations about them go as well, except what they say about
    /// later symbols alone. Symbols that are there are not handed out any more and go on serving equations.
    pub fn retire_before(&mut self, esi: u32) {
        let Some(symbols) = &mut self.symbols else { return };
        if !is_before(symbols.start(), esi) {
            return;
        }
        if let Some(equations) = &mut self.equations {
            if symbols.contains(esi) {
                let retired = (0..esi.wrapping_sub(symbols.start())).map(|at| symbols.start().wrapping_add(at));
                retired.filter(|esi| !symbols.is_known(*esi)).for_each(|esi| equations.forget(column(esi)));
            } else {
                equations.clear();
            }
        }
        symbols.set_start(esi);
        self.blocks.retire_before(esi);
        self.recovered.retain(|&recovered| !is_before(recovered, esi));
    }

    /// What has been seen so far.
    pub fn stats(&self) -> DecoderStats {
        self.stats
    }

    /// Checks what must hold between calls; for tests and fuzzing.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check_invariants(&self) {
        assert!(self.recovered.len() <= CAPACITY);
        let Some(symbols) = &self.symbols else { return };
        assert!(symbols.end().wrapping_sub(symbols.start()) as usize <= CAPACITY);
        assert!(self.recovered.iter().all(|&esi| symbols.is_known(esi)));
        if let Some(equations) = &self.equations {
            equations.check_invariants(symbols);
        }
    }

    /// Makes room for `count` symbols from `first_esi` on. False if some of them are too old.
    fn open(&mut self, first_esi: u32, count: u16) -> bool {
        let symbols = self.symbols.get_or_insert_with(|| Symbols::around(first_esi));
        if is_before(first_esi, symbols.start()) {
            return false;
        }
        let end = esi_after(first_esi, count);
        self.retire_before(Symbols::start_before(end));
        let Some(symbols) = &mut self.symbols else { return false };
        while is_before(symbols.end(), end) {
            // The column may still have the symbol of one ring before, which old equations count on.
            self.equations.iter_mut().for_each(|equations| equations.forget(column(symbols.end())));
            symbols.open_next();
        }
        true
    }

    fn note_repair(&mut self, first_esi: u32) {
        let newest = self.newest_repair_first_esi.get_or_insert(first_esi);
        if is_before(*newest, first_esi) {
            *newest = first_esi;
        }
    }

    /// Recovers all there is to recover: what one code brings back may help the other.
    fn recover(&mut self) {
        if self.blocks.is_empty() && self.equations.as_ref().is_none_or(Equations::is_empty) {
            return;
        }
        let Some(symbols) = &mut self.symbols else { return };
        let recovered = &mut self.recovered;
        loop {
            let before = recovered.len();
            self.blocks.solve(symbols, |esi| recovered.push_back(esi));
            if let Some(equations) = &mut self.equations {
                recovered.range(before..).for_each(|&esi| equations.learn(column(esi), symbols));
                equations.solve(symbols, |esi| recovered.push_back(esi));
            }
            self.stats.recovered += (recovered.len() - before) as u64;
            if recovered.len() == before {
                return;
            }
        }
    }
}

fn check_length(payload: &[u8]) -> Result<(), RepairError> {
    if payload.is_empty() || payload.len() > MAX_SYMBOL_BYTES {
        return Err(RepairError::Length { found_bytes: payload.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
