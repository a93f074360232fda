//! The source symbols around the newest one, by ESI: which are known, and their bytes.

use crate::fec::slots::{SLOT_BYTES, Slots};
use crate::fec::{MAX_WINDOW_SYMBOLS, esi_after, is_before};

/// Symbols kept: the widest window, and as many before it for what comes late.
pub(super) const CAPACITY: usize = 2 * MAX_WINDOW_SYMBOLS as usize;

/// A ring of columns. Symbol `esi` is in column `esi % CAPACITY` while `start <= esi < end`.
#[derive(Debug)]
pub(super) struct Symbols {
    slots: Slots,
    /// 0xff where a column's symbol is missing, else 0.
    unknown: Box<[u8; CAPACITY]>,
    start: u32,
    end: u32,
}

impl Symbols {
    /// An empty ring around `esi`, open to symbols up to a full window before it.
    pub(super) fn around(esi: u32) -> Self {
        let start = esi.wrapping_sub(u32::from(MAX_WINDOW_SYMBOLS));
        Self { slots: Slots::new(CAPACITY), unknown: Box::new([0; CAPACITY]), start, end: start }
    }

    /// The oldest ESI kept.
    pub(super) fn start(&self) -> u32 {
        self.start
    }

    /// One after the newest ESI heard of.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// The oldest ESI there is room for beside those before `end`.
    pub(super) fn start_before(end: u32) -> u32 {
        end.wrapping_sub(2 * u32::from(MAX_WINDOW_SYMBOLS))
    }

    /// Moves the oldest ESI kept forward.
    pub(super) fn set_start(&mut self, start: u32) {
        self.start = start;
        if is_before(self.end, start) {
            self.end = start;
        }
    }

    /// Opens the next column; its symbol is missing. Not with [`CAPACITY`] columns open.
    pub(super) fn open_next(&mut self) {
        self.unknown[column(self.end)] = 0xff;
        self.end = self.end.wrapping_add(1);
    }

    /// Whether this ESI has a column.
    pub(super) fn contains(&self, esi: u32) -> bool {
        esi.wrapping_sub(self.start) < self.end.wrapping_sub(self.start)
    }

    /// Whether this ESI has a column and its symbol is there.
    pub(super) fn is_known(&self, esi: u32) -> bool {
        self.contains(esi) && self.unknown[column(esi)] == 0
    }

    /// How many of `count` symbols from `first_esi` on are missing.
    pub(super) fn missing(&self, first_esi: u32, count: u16) -> usize {
        (0..count).filter(|at| !self.is_known(esi_after(first_esi, *at))).count()
    }

    /// Whether any of `count` symbols from `first_esi` on is missing; all must have columns.
    pub(super) fn misses_any(&self, first_esi: u32, count: u16) -> bool {
        let (first, count) = (column(first_esi), usize::from(count));
        let before_seam = count.min(CAPACITY - first);
        let any = |marks: &[u8]| marks.iter().fold(0, |any, mark| any | mark) != 0;
        any(&self.unknown[first..first + before_seam]) || any(&self.unknown[..count - before_seam])
    }

    /// The symbol of an ESI, if it is there.
    pub(super) fn symbol(&self, esi: u32) -> Option<&[u8]> {
        self.is_known(esi).then(|| self.slots.symbol(column(esi)))
    }

    /// Which columns' symbols are missing: 0xff each. Says nothing of columns outside the ring.
    pub(super) fn unknown(&self) -> &[u8; CAPACITY] {
        &self.unknown
    }

    /// A column's symbol with the zeros behind it.
    pub(super) fn padded(&self, column: usize) -> &[u8; SLOT_BYTES] {
        self.slots.padded(column)
    }

    /// A symbol with the zeros behind it, if it is there; its ESI must have a column.
    pub(super) fn known<'a>(&'a self) -> impl Fn(u32) -> Option<&'a [u8; SLOT_BYTES]> {
        let symbols = self.slots.all_padded();
        move |esi| symbols.get(column(esi)).filter(|_| self.unknown[column(esi)] == 0)
    }

    /// The ESI whose symbol is, or would be, in this column.
    pub(super) fn esi(&self, of_column: usize) -> u32 {
        let ahead = (of_column + CAPACITY - column(self.start)) % CAPACITY;
        #[expect(clippy::cast_possible_truncation, reason = "less than CAPACITY")]
        self.start.wrapping_add(ahead as u32)
    }

    /// Fills a column.
    pub(super) fn store(&mut self, column: usize, symbol: &[u8]) {
        self.slots.store(column, symbol);
        self.unknown[column] = 0;
    }
}

/// The column of an ESI.
pub(super) fn column(esi: u32) -> usize {
    esi as usize % CAPACITY
}
