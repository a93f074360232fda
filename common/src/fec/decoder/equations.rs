//! The window code's side of the decoder: repairs stored, equations solved.

use super::matrix::{self, MAX_REPAIRS, Matrix, Row, repairs};
use super::symbols::{CAPACITY, Symbols, column};
use crate::fec::coefficients::Coefficients;
use crate::fec::gf256::{COLUMN_BYTES, MAX_OUTPUTS, dot};
use crate::fec::slots::{SLOT_BYTES, Slots};
use crate::fec::{RepairId, esi_after};

/// The equations and the repairs they are made of.
#[derive(Debug)]
pub(super) struct Equations {
    matrix: Matrix,
    repairs: Slots,
    /// What each occupied slot of `repairs` holds.
    ids: Vec<Option<RepairId>>,
    /// Rows on their way from the matrix to their symbols, kept for its memory.
    solved: Vec<Row>,
    sums: Box<[[u8; SLOT_BYTES]; MAX_OUTPUTS]>,
}

impl Equations {
    pub(super) fn new() -> Self {
        Self {
            matrix: Matrix::default(),
            repairs: Slots::new(MAX_REPAIRS),
            ids: vec![None; MAX_REPAIRS],
            solved: Vec::new(),
            sums: Box::new([[0; SLOT_BYTES]; MAX_OUTPUTS]),
        }
    }

    /// Whether there is no equation.
    pub(super) fn is_empty(&self) -> bool {
        self.matrix.is_empty()
    }

    /// Adds a repair all of whose symbols have columns. False if it brings nothing.
    pub(super) fn insert(&mut self, id: RepairId, payload: &[u8], symbols: &Symbols) -> bool {
        let mut row = self.matrix.take_row();
        let coefficients = Coefficients::new(id);
        row.set_symbols(column(id.first_esi), usize::from(id.count), coefficients.iter(), symbols.unknown());
        if !row.has_any(symbols.unknown()) {
            self.matrix.recycle(row);
            return false;
        }
        let slot = self.free_slot(symbols);
        row.set_repair(slot);
        let useful = self.matrix.insert(row, symbols);
        if useful {
            self.store(slot, payload, id.first_esi, &coefficients, symbols);
            self.ids[slot] = Some(id);
        }
        useful
    }

    /// Stores what a repair says of missing symbols: the known ones are added to it, which takes them out.
    fn store(&mut self, slot: usize, payload: &[u8], first_esi: u32, coefficients: &Coefficients, symbols: &Symbols) {
        self.repairs.store(slot, payload);
        let [sum, ..] = &mut *self.sums;
        let padded_len = payload.len().next_multiple_of(COLUMN_BYTES);
        let known = symbols.known();
        let known = |at| known(esi_after(first_esi, at));
        coefficients.sum(&mut sum[..padded_len], known, Some(self.repairs.padded(slot)));
        self.repairs.store(slot, &sum[..payload.len()]);
    }

    /// A missing symbol arrived.
    pub(super) fn learn(&mut self, column: usize, symbols: &Symbols) {
        self.matrix.learn(column, symbols);
    }

    /// A symbol leaves the ring.
    pub(super) fn forget(&mut self, column: usize) {
        self.matrix.forget(column);
    }

    /// All symbols leave the ring.
    pub(super) fn clear(&mut self) {
        self.matrix.clear();
    }

    /// Stores every symbol the equations determine and tells its column.
    pub(super) fn solve(&mut self, symbols: &mut Symbols, mut recovered: impl FnMut(u32)) {
        if self.matrix.is_empty() {
            return;
        }
        let mut solved = std::mem::take(&mut self.solved);
        self.matrix.take_solved(symbols.unknown(), &mut solved);
        for rows in solved.chunks(MAX_OUTPUTS) {
            match rows {
                [a, b, c, d] => self.sum([a, b, c, d], symbols),
                [a, b, c] => self.sum([a, b, c], symbols),
                [a, b] => self.sum([a, b], symbols),
                _ => self.sum([&rows[0]], symbols),
            }
        }
        if !solved.is_empty() {
            self.release_unused();
        }
        for row in solved.drain(..) {
            recovered(symbols.esi(row.pivot()));
            self.matrix.recycle(row);
        }
        self.solved = solved;
    }

    /// One symbol for each row: the sum of its repairs, and of its symbols that came after them, as long as the longest repair.
    fn sum<const N: usize>(&mut self, rows: [&Row; N], symbols: &mut Symbols) {
        let Some(sums) = self.sums.first_chunk_mut::<N>() else { return };
        let payloads = &self.repairs;
        let len = repairs(rows).map(|(slot, _)| payloads.len(slot)).max().unwrap_or(0);
        let known = matrix::symbols(rows).filter(|(column, _)| symbols.unknown()[*column] == 0);
        let known = known.map(|(column, coefficients)| (coefficients, &symbols.padded(column)[..]));
        let repairs = repairs(rows).map(|(slot, coefficients)| (coefficients, &payloads.padded(slot)[..]));
        let padded_len = len.next_multiple_of(COLUMN_BYTES);
        dot(sums.each_mut().map(|sum| &mut sum[..padded_len]), known.chain(repairs));
        for (row, sum) in rows.iter().zip(sums) {
            symbols.store(row.pivot(), &sum[..len]);
        }
    }

    /// A slot for a repair: a free one, one no equation uses any more, or the oldest repair's.
    fn free_slot(&mut self, symbols: &Symbols) -> usize {
        if self.matrix.is_empty() {
            self.ids.fill(None);
            return 0;
        }
        if let Some(slot) = self.ids.iter().position(Option::is_none) {
            return slot;
        }
        self.release_unused();
        if let Some(slot) = self.ids.iter().position(Option::is_none) {
            return slot;
        }
        let age = |id: &Option<RepairId>| id.map(|id| id.first_esi.wrapping_sub(symbols.start()));
        let (oldest, _) = self.ids.iter().enumerate().min_by_key(|(_, id)| age(id)).unwrap_or((0, &None));
        self.matrix.forget(CAPACITY + oldest);
        self.release_unused();
        oldest
    }

    /// Frees the slots of repairs that are part of no equation.
    fn release_unused(&mut self) {
        for (id, used) in self.ids.iter_mut().zip(self.matrix.used_repairs()) {
            if used == 0 {
                *id = None;
            }
        }
    }

    /// Checks what must hold between calls.
    pub(super) fn check_invariants(&self, symbols: &Symbols) {
        self.matrix.check_invariants(symbols.unknown());
        let outside = (0..CAPACITY).filter(|&column| !symbols.contains(symbols.esi(column)));
        let mut missing = outside.filter(|&column| symbols.unknown()[column] != 0);
        assert!(missing.all(|column| !self.matrix.has(column)), "an equation has a symbol given up");
        for (used, id) in self.matrix.used_repairs().into_iter().zip(&self.ids) {
            assert!(used == 0 || id.is_some(), "an equation uses a repair that is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Near;

    #[test]
    fn a_repair_that_leaves_out_what_is_missing_costs_no_equation() {
        let mut symbols = Symbols::around(0);
        while symbols.end() != 360 {
            symbols.open_next();
        }
        (301..360).for_each(|esi| symbols.store(column(esi), &[1]));
        let mut equations = Equations::new();
        let id = |key, first_esi, count| RepairId { key, first_esi, count, near: Near::default() };
        let many = (0..256).map(|key| id(key, 0, 300));
        assert_eq!(many.filter(|id| equations.insert(*id, &[1], &symbols)).count(), MAX_REPAIRS);
        let leaves_out = |id: &RepairId| Coefficients::new(*id).iter().next() == Some(0);
        let useless = (0..100).map(|key| id(key, 300, 60)).find(leaves_out).unwrap();
        assert!(!equations.insert(useless, &[1], &symbols));
        let used = equations.matrix.used_repairs().into_iter().filter(|used| *used != 0).count();
        assert_eq!(used, MAX_REPAIRS);
        equations.check_invariants(&symbols);
    }
}
