//! The equations a receiver holds, as rows of coefficients in reduced row echelon form.
//!
//! A row says: the sum of its symbols plus the sum of its repairs is zero. Its columns are the ring of
//! symbols, missing ones and those that came after the repair, and behind them the stored repairs. Only these
//! coefficient bytes are ever added to one another; repairs themselves are touched once more, when a row has
//! a single missing symbol left. What is known when a repair comes is taken out of it at once, by plain sums;
//! what becomes known later stays in its rows until then, and costs nothing here.

use std::iter;
use std::ops::Range;

use super::symbols::{CAPACITY, Symbols, column};
use crate::fec::gf256::{COLUMN_BYTES, dot_add, invert, multiply_add};

/// Repairs held at once, and so rows: a quarter of the widest window, all of the usual ones. The time a
/// repair takes in the worst case grows with it, what a jump ahead takes with its square.
pub(super) const MAX_REPAIRS: usize = 256;

/// Columns of a row.
const COLUMNS: usize = CAPACITY + MAX_REPAIRS;

/// Blocks of columns; those a row uses fit the bits of a `u64`.
const BLOCKS: usize = COLUMNS / COLUMN_BYTES;
const _: () = assert!(COLUMNS.is_multiple_of(COLUMN_BYTES) && CAPACITY.is_multiple_of(COLUMN_BYTES) && BLOCKS < 64);

/// One equation.
#[derive(Debug)]
pub(super) struct Row {
    coefficients: Box<[u8; COLUMNS]>,
    /// Bit n: block n may have coefficients that are not zero.
    blocks: u64,
    /// A missing symbol that no other row has; its coefficient here is 1.
    pivot: usize,
}

/// All equations, and emptied rows to use again.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    rows: Vec<Row>,
    spare: Vec<Row>,
}

impl Matrix {
    /// Whether there is no equation.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A row without coefficients, to fill and [`insert`](Self::insert).
    pub(super) fn take_row(&mut self) -> Row {
        self.spare.pop().unwrap_or_else(|| Row { coefficients: Box::new([0; COLUMNS]), blocks: 0, pivot: 0 })
    }

    /// Takes back a row that is done with.
    pub(super) fn recycle(&mut self, mut row: Row) {
        for block in bits(row.blocks) {
            row.block_mut(block).fill(0);
        }
        row.blocks = 0;
        self.spare.push(row);
    }

    /// Adds an equation. False if it says nothing about missing symbols that the others do not say.
    pub(super) fn insert(&mut self, mut row: Row, symbols: &Symbols) -> bool {
        let mut factors = [0; MAX_REPAIRS];
        for (factor, other) in factors.iter_mut().zip(&self.rows) {
            *factor = row.coefficients[other.pivot];
        }
        let others = factors.iter().zip(&self.rows).filter(|(factor, _)| **factor != 0);
        row.blocks = others.clone().fold(row.blocks, |blocks, (_, other)| blocks | other.blocks);
        for run in runs(row.blocks) {
            let terms = others.clone().map(|(factor, other)| ([*factor], &other.coefficients[run.clone()]));
            dot_add([&mut row.coefficients[run.clone()]], terms);
        }
        self.settle(row, symbols)
    }

    /// A missing symbol became known; `symbols` says so already.
    pub(super) fn learn(&mut self, column: usize, symbols: &Symbols) {
        if let Some(at) = self.rows.iter().position(|row| row.pivot == column) {
            let row = self.rows.swap_remove(at);
            self.settle(row, symbols);
        }
    }

    /// Takes all columns out of all equations.
    pub(super) fn clear(&mut self) {
        while let Some(row) = self.rows.pop() {
            self.recycle(row);
        }
    }

    /// Takes a column out of all equations, at the price of one equation if any has it.
    pub(super) fn forget(&mut self, column: usize) {
        if let Some(at) = self.rows.iter().position(|row| row.coefficients[column] != 0) {
            let mut row = self.rows.swap_remove(at);
            row.scale(invert(row.coefficients[column]));
            self.eliminate(column, &row);
            self.recycle(row);
        }
    }

    /// Moves the rows with a single missing symbol, their pivot, to `solved`.
    pub(super) fn take_solved(&mut self, unknown: &[u8; CAPACITY], solved: &mut Vec<Row>) {
        let others = self.unknown_but_pivots(unknown);
        solved.extend(self.rows.extract_if(.., |row| !row.has_any(&others)));
    }

    /// What rows may have besides their own pivots; no row has another's.
    fn unknown_but_pivots(&self, unknown: &[u8; CAPACITY]) -> [u8; CAPACITY] {
        let mut others = *unknown;
        self.rows.iter().for_each(|row| others[row.pivot] = 0);
        others
    }

    /// Whether any equation has this column.
    pub(super) fn has(&self, column: usize) -> bool {
        self.rows.iter().any(|row| row.coefficients[column] != 0)
    }

    /// Which repairs are part of any equation: not zero there.
    pub(super) fn used_repairs(&self) -> [u8; MAX_REPAIRS] {
        let mut used = [0; MAX_REPAIRS];
        for row in &self.rows {
            for (used, coefficient) in used.iter_mut().zip(&row.coefficients[CAPACITY..]) {
                *used |= coefficient;
            }
        }
        used
    }

    /// Gives a row, in which no other row's pivot occurs, a pivot and a place.
    fn settle(&mut self, mut row: Row, symbols: &Symbols) -> bool {
        let Some(pivot) = row.oldest_unknown(symbols) else {
            self.recycle(row);
            return false;
        };
        row.pivot = pivot;
        row.scale(invert(row.coefficients[pivot]));
        self.eliminate(pivot, &row);
        self.rows.push(row);
        true
    }

    /// Makes a column zero in all rows by adding multiples of `row`, which has a 1 there.
    fn eliminate(&mut self, column: usize, row: &Row) {
        let mut touched = self.rows.iter_mut().filter(|other| other.coefficients[column] != 0);
        loop {
            match [touched.next(), touched.next(), touched.next(), touched.next()] {
                [Some(a), Some(b), Some(c), Some(d)] => add([a, b, c, d], column, row),
                [Some(a), Some(b), Some(c), _] => return add([a, b, c], column, row),
                [Some(a), Some(b), ..] => return add([a, b], column, row),
                [Some(a), ..] => return add([a], column, row),
                [None, ..] => return,
            }
        }
    }

    /// Checks what must hold between calls.
    pub(super) fn check_invariants(&self, unknown: &[u8; CAPACITY]) {
        assert!(self.rows.len() <= MAX_REPAIRS, "rows are independent combinations of repairs");
        let others = self.unknown_but_pivots(unknown);
        for (at, row) in self.rows.iter().enumerate() {
            assert_eq!(unknown[row.pivot], 0xff, "a pivot is missing");
            assert_eq!(row.coefficients[row.pivot], 1);
            assert!(row.has_any(&others), "a solved row was left behind");
            let outside = (0..BLOCKS).filter(|block| row.blocks >> block & 1 == 0);
            assert!(outside.flat_map(|block| row.block(block)).all(|&coefficient| coefficient == 0));
            let others = self.rows.iter().enumerate().filter(|(other, _)| *other != at);
            assert!(others.map(|(_, other)| other).all(|other| other.coefficients[row.pivot] == 0));
        }
    }
}

impl Row {
    /// Sets the coefficients of `count` symbols from column `first` on, around the ring, where `unknown` is 0xff.
    pub(super) fn set_symbols(
        &mut self,
        first: usize,
        count: usize,
        mut coefficients: impl Iterator<Item = u8>,
        unknown: &[u8; CAPACITY],
    ) {
        let before_seam = count.min(CAPACITY - first);
        for columns in [first..first + before_seam, 0..count - before_seam] {
            self.touch(&columns);
            let places = self.coefficients[columns.clone()].iter_mut().zip(&unknown[columns]);
            places.zip(&mut coefficients).for_each(|((place, unknown), coefficient)| *place = coefficient & unknown);
        }
    }

    /// Sets a repair's coefficient to 1.
    pub(super) fn set_repair(&mut self, repair: usize) {
        let column = CAPACITY + repair;
        self.touch(&(column..column + 1));
        self.coefficients[column] = 1;
    }

    /// These columns may have coefficients.
    fn touch(&mut self, columns: &Range<usize>) {
        self.blocks |= u64::MAX << (columns.start / COLUMN_BYTES) & !(u64::MAX << columns.end.div_ceil(COLUMN_BYTES));
    }

    /// The missing symbol this row solves.
    pub(super) fn pivot(&self) -> usize {
        self.pivot
    }

    /// The oldest, so that it leaves the ring before any other missing symbol of its row, and takes
    /// the row along without a sum.
    fn oldest_unknown(&self, symbols: &Symbols) -> Option<usize> {
        let mut unknown = bits(self.blocks & SYMBOL_BLOCKS)
            .flat_map(|block| block * COLUMN_BYTES..(block + 1) * COLUMN_BYTES)
            .filter(|&column| self.coefficients[column] & symbols.unknown()[column] != 0);
        let first = unknown.next()?;
        let seam = column(symbols.start());
        if first >= seam { Some(first) } else { unknown.find(|&column| column >= seam).or(Some(first)) }
    }

    /// Whether any of the symbols marked with 0xff is in this row.
    pub(super) fn has_any(&self, marked: &[u8; CAPACITY]) -> bool {
        let (marked, _) = marked.as_chunks::<COLUMN_BYTES>();
        bits(self.blocks & SYMBOL_BLOCKS).any(|block| {
            let pairs = self.block(block).iter().zip(&marked[block]);
            pairs.fold(0, |any, (coefficient, mark)| any | coefficient & mark) != 0
        })
    }

    fn scale(&mut self, factor: u8) {
        for block in bits(self.blocks) {
            let bytes = *self.block(block);
            // x + (factor + 1) · x = factor · x
            multiply_add([self.block_mut(block)], ([factor ^ 1], &bytes));
        }
    }

    fn block(&self, block: usize) -> &[u8; COLUMN_BYTES] {
        &self.coefficients.as_chunks().0[block]
    }

    fn block_mut(&mut self, block: usize) -> &mut [u8; COLUMN_BYTES] {
        &mut self.coefficients.as_chunks_mut().0[block]
    }
}

/// The blocks of symbols, without those of repairs.
const SYMBOL_BLOCKS: u64 = (1 << (CAPACITY / COLUMN_BYTES)) - 1;

/// The symbols' columns in which any of `rows` has a coefficient, with all their coefficients there.
pub(super) fn symbols<'a, const N: usize>(rows: [&'a Row; N]) -> impl Iterator<Item = (usize, [u8; N])> + use<'a, N> {
    columns(rows, SYMBOL_BLOCKS)
}

/// The repairs for which any of `rows` has a coefficient, with all their coefficients there.
pub(super) fn repairs<'a, const N: usize>(rows: [&'a Row; N]) -> impl Iterator<Item = (usize, [u8; N])> + use<'a, N> {
    columns(rows, !SYMBOL_BLOCKS).map(|(column, coefficients)| (column - CAPACITY, coefficients))
}

fn columns<'a, const N: usize>(rows: [&'a Row; N], blocks: u64) -> impl Iterator<Item = (usize, [u8; N])> + use<'a, N> {
    runs(blocks & rows.iter().fold(0, |blocks, row| blocks | row.blocks))
        .flatten()
        .map(move |column| (column, rows.map(|row| row.coefficients[column])))
        .filter(|(_, coefficients)| *coefficients != [0; N])
}

/// Adds to each of `rows` the multiple of `source` that makes `column` zero; `source` has a 1 there.
fn add<const N: usize>(mut rows: [&mut Row; N], column: usize, source: &Row) {
    let factors = rows.each_ref().map(|row| row.coefficients[column]);
    for run in runs(source.blocks) {
        let outputs = rows.each_mut().map(|row| &mut row.coefficients[run.clone()]);
        multiply_add(outputs, (factors, &source.coefficients[run.clone()]));
    }
    for row in rows {
        row.blocks |= source.blocks;
    }
}

/// The columns of blocks that lie side by side, as few runs as there are.
fn runs(mut blocks: u64) -> impl Iterator<Item = Range<usize>> {
    iter::from_fn(move || {
        let start = (blocks != 0).then_some(blocks.trailing_zeros())?;
        let end = start + (blocks >> start).trailing_ones();
        blocks &= u64::MAX << end;
        Some(start as usize * COLUMN_BYTES..end as usize * COLUMN_BYTES)
    })
}

/// The positions of the ones in `word`, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    iter::from_fn(move || {
        let lowest = (word != 0).then_some(word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        lowest
    })
}
