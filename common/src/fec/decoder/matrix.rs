//! The equations a receiver holds, as rows of coefficients in reduced row echelon form.
//!
//! A row says: the sum of its symbols plus the sum of its repairs is zero. Its columns are the ring of
//! symbols, missing ones and known ones alike, and behind them the stored repairs. Only these
//! coefficient bytes are ever added to one another; symbols and repairs themselves are touched once,
//! when a row has a single missing symbol left. Known symbols need no subtracting before that, so a
//! symbol that becomes known costs nothing here.

use super::symbols::CAPACITY;
use crate::fec::gf256::{COLUMN_BYTES, dot_add, invert};

/// Repairs held at once, and so rows: half of the widest window, which is all that 50 % redundancy can
/// bring back.
pub(super) const MAX_REPAIRS: usize = 512;

/// Columns of a row.
const COLUMNS: usize = CAPACITY + MAX_REPAIRS;

/// Runs of columns that are added at once; those a row uses fit the bits of a `u64`.
const BLOCKS: usize = COLUMNS / COLUMN_BYTES;
const _: () = assert!(COLUMNS.is_multiple_of(COLUMN_BYTES) && CAPACITY.is_multiple_of(COLUMN_BYTES) && BLOCKS <= 64);

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
    pub(super) fn insert(&mut self, mut row: Row, unknown: &[u8; CAPACITY]) -> bool {
        for other in &self.rows {
            add([&mut row], other.pivot, other);
        }
        self.settle(row, unknown)
    }

    /// A missing symbol became known; `unknown` says so already.
    pub(super) fn learn(&mut self, column: usize, unknown: &[u8; CAPACITY]) {
        if let Some(at) = self.rows.iter().position(|row| row.pivot == column) {
            let row = self.rows.swap_remove(at);
            self.settle(row, unknown);
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
        solved.extend(self.rows.extract_if(.., |row| !row.has_other_unknown(unknown)));
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
    fn settle(&mut self, mut row: Row, unknown: &[u8; CAPACITY]) -> bool {
        let Some(pivot) = row.first_unknown(unknown) else {
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
                rest => return rest.into_iter().flatten().for_each(|other| add([other], column, row)),
            }
        }
    }

    /// Checks what must hold between calls.
    pub(super) fn check_invariants(&self, unknown: &[u8; CAPACITY]) {
        assert!(self.rows.len() <= MAX_REPAIRS, "rows are independent combinations of repairs");
        for (at, row) in self.rows.iter().enumerate() {
            assert_eq!(unknown[row.pivot], 0xff, "a pivot is missing");
            assert_eq!(row.coefficients[row.pivot], 1);
            assert!(row.has_other_unknown(unknown), "a solved row was left behind");
            let outside = (0..BLOCKS).filter(|block| row.blocks >> block & 1 == 0);
            assert!(outside.flat_map(|block| row.block(block)).all(|&coefficient| coefficient == 0));
            let others = self.rows.iter().enumerate().filter(|(other, _)| *other != at);
            assert!(others.map(|(_, other)| other).all(|other| other.coefficients[row.pivot] == 0));
        }
    }
}

impl Row {
    /// Sets the coefficient of a symbol's column.
    pub(super) fn set_symbol(&mut self, column: usize, coefficient: u8) {
        self.coefficients[column] = coefficient;
        self.blocks |= 1 << (column / COLUMN_BYTES);
    }

    /// Sets a repair's coefficient to 1.
    pub(super) fn set_repair(&mut self, repair: usize) {
        self.set_symbol(CAPACITY + repair, 1);
    }

    /// The missing symbol this row solves.
    pub(super) fn pivot(&self) -> usize {
        self.pivot
    }

    /// The repairs with a coefficient.
    pub(super) fn repairs(&self) -> impl Iterator<Item = usize> {
        let blocks = self.blocks >> (CAPACITY / COLUMN_BYTES);
        bits(blocks)
            .flat_map(|block| block * COLUMN_BYTES..(block + 1) * COLUMN_BYTES)
            .filter(|repair| self.coefficients[CAPACITY + repair] != 0)
    }

    fn first_unknown(&self, unknown: &[u8; CAPACITY]) -> Option<usize> {
        bits(self.blocks & SYMBOL_BLOCKS)
            .flat_map(|block| block * COLUMN_BYTES..(block + 1) * COLUMN_BYTES)
            .find(|&column| self.coefficients[column] & unknown[column] != 0)
    }

    fn has_other_unknown(&self, unknown: &[u8; CAPACITY]) -> bool {
        let (unknown, _) = unknown.as_chunks::<COLUMN_BYTES>();
        bits(self.blocks & SYMBOL_BLOCKS).any(|block| {
            let pairs = self.block(block).iter().zip(&unknown[block]);
            let missing: u8 = pairs.map(|(coefficient, unknown)| u8::from(coefficient & unknown != 0)).sum();
            missing > u8::from(block == self.pivot / COLUMN_BYTES)
        })
    }

    fn scale(&mut self, factor: u8) {
        for block in bits(self.blocks) {
            let bytes = *self.block(block);
            // x + (factor + 1) · x = factor · x
            dot_add([self.block_mut(block)], [([factor ^ 1], &bytes[..])]);
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

/// The columns in which any of `rows` has a coefficient, with all their coefficients there; symbols
/// first, repairs from [`CAPACITY`] on.
pub(super) fn columns<'a, const N: usize>(rows: [&'a Row; N]) -> impl Iterator<Item = (usize, [u8; N])> + use<'a, N> {
    bits(rows.iter().fold(0, |blocks, row| blocks | row.blocks))
        .flat_map(|block| block * COLUMN_BYTES..(block + 1) * COLUMN_BYTES)
        .map(move |column| (column, rows.map(|row| row.coefficients[column])))
        .filter(|(_, coefficients)| *coefficients != [0; N])
}

/// Adds to each of `rows` the multiple of `source` that makes `column` zero; `source` has a 1 there.
fn add<const N: usize>(mut rows: [&mut Row; N], column: usize, source: &Row) {
    let factors = rows.each_ref().map(|row| row.coefficients[column]);
    if factors == [0; N] {
        return;
    }
    for block in bits(source.blocks) {
        dot_add(rows.each_mut().map(|row| &mut row.block_mut(block)[..]), [(factors, &source.block(block)[..])]);
    }
    for row in rows {
        row.blocks |= source.blocks;
    }
}

/// The positions of the ones in `word`, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then_some(word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        lowest
    })
}
