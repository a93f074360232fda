//! The code over a block: systematic Reed-Solomon over GF(2^8) from a Vandermonde matrix, as zfec has it.
//!
//! Row 0 of the matrix is 1, 0, 0, …; row r is the powers of α^(r − 1), that is it belongs to the points 0, 1, α, α², ….
//! Multiplied by the inverse of its upper k rows, those become the identity and the others the parities. The matrix of
//! the `reed-solomon-erasure` crate belongs to the points 0, 1, 2, 3, … and makes other parities.

use crate::fec::gf256::{MAX_OUTPUTS, dot, invert, multiply};

use super::session::BlockCode;

/// The generator of the field's powers: x.
const ALPHA: u8 = 2;

/// The parities of one code.
#[derive(Debug, Clone)]
pub struct ReedSolomon {
    code: BlockCode,
    /// n − k rows of k coefficients.
    parities: Matrix,
}

/// A matrix over GF(2^8), row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Matrix {
    columns: usize,
    cells: Vec<u8>,
}

impl ReedSolomon {
    /// The code's matrix. Costs k³ multiplications: make it once.
    #[must_use]
    pub fn new(code: BlockCode) -> Self {
        let (k, n) = (usize::from(code.k()), usize::from(code.n()));
        let vandermonde = Matrix::from_rows(n, k, |row, column| match (row, column) {
            (0, 0) => 1,
            (0, _) => 0,
            _ => power((row - 1) * column),
        });
        let (upper, lower) = vandermonde.split_at_row(k);
        let inverse = upper.inverse().unwrap_or_else(|| Matrix::identity(k));
        Self { code, parities: lower.times(&inverse) }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> BlockCode {
        self.code
    }

    /// Overwrites `parities`, the first of which has the number `first`, with sums over the k source fragments.
    ///
    /// # Panics
    /// If there are not k sources, or one is shorter than the parities, or the parities differ in length.
    pub fn encode(&self, first: usize, sources: &[&[u8]], parities: &mut [&mut [u8]]) {
        assert_eq!(sources.len(), usize::from(self.code.k()), "source fragments");
        let rows = (first..).map(|row| self.parities.row(row));
        let rows: Vec<&[u8]> = rows.take(parities.len()).collect();
        combine(&rows, sources, parities);
    }

    /// Brings the source fragments `missing` back. `present` are k fragments and their numbers, sources and parities.
    /// Returns whether that is possible: exactly k different fragments, and `missing` are the sources that are not among
    /// them.
    ///
    /// # Panics
    /// If a fragment is shorter than an output, or outputs differ in length.
    #[must_use]
    pub fn decode(&self, present: &[(u8, &[u8])], missing: &[u8], outputs: &mut [&mut [u8]]) -> bool {
        let Some(rows) = self.rows_for(present, missing) else { return false };
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let fragments: Vec<&[u8]> = present.iter().map(|(_, bytes)| *bytes).collect();
        combine(&rows, &fragments, outputs);
        true
    }

    /// For each missing source, its coefficients over what is present.
    ///
    /// A parity is its row times all sources. What it is less the sources that are there is its row over the missing
    /// ones only; as many parities as sources are missing give an invertible matrix.
    fn rows_for(&self, present: &[(u8, &[u8])], missing: &[u8]) -> Option<Vec<Vec<u8>>> {
        let k = self.code.k();
        let parities: Vec<usize> =
            present.iter().filter_map(|(number, _)| number.checked_sub(k)).map(usize::from).collect();
        if present.len() != usize::from(k) || parities.len() != missing.len() {
            return None;
        }
        let over_missing = Matrix::from_rows(missing.len(), missing.len(), |row, column| {
            self.parities.at(parities[row], usize::from(missing[column]))
        });
        let inverse = over_missing.inverse()?;
        let row_of = |wanted: usize| {
            let coefficient = |(number, _): &(u8, &[u8])| match number.checked_sub(k) {
                Some(parity) => {
                    let at = parities.iter().position(|found| *found == usize::from(parity));
                    at.map_or(0, |at| inverse.at(wanted, at))
                }
                None => parities.iter().enumerate().fold(0, |sum, (at, parity)| {
                    sum ^ multiply(inverse.at(wanted, at), self.parities.at(*parity, usize::from(*number)))
                }),
            };
            present.iter().map(coefficient).collect()
        };
        Some((0..missing.len()).map(row_of).collect())
    }
}

/// Each output becomes its row of coefficients times the fragments.
fn combine(rows: &[&[u8]], fragments: &[&[u8]], outputs: &mut [&mut [u8]]) {
    for (rows, outputs) in rows.chunks(MAX_OUTPUTS).zip(outputs.chunks_mut(MAX_OUTPUTS)) {
        match (rows, outputs) {
            ([a, b, c, d], [w, x, y, z]) => sum([a, b, c, d], fragments, [w, x, y, z]),
            ([a, b, c], [w, x, y]) => sum([a, b, c], fragments, [w, x, y]),
            ([a, b], [w, x]) => sum([a, b], fragments, [w, x]),
            ([a], [w]) => sum([a], fragments, [w]),
            _ => unreachable!("as many rows as outputs"),
        }
    }
}

fn sum<const N: usize>(rows: [&[u8]; N], fragments: &[&[u8]], outputs: [&mut [u8]; N]) {
    let terms = fragments.iter().enumerate().map(|(at, fragment)| (rows.map(|row| row[at]), *fragment));
    dot(outputs, terms);
}

/// α to this power.
fn power(exponent: usize) -> u8 {
    (0..exponent % 255).fold(1, |product, _| multiply(product, ALPHA))
}

impl Matrix {
    fn from_rows(rows: usize, columns: usize, cell: impl Fn(usize, usize) -> u8) -> Self {
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        Self { columns, cells: cells.map(|(row, column)| cell(row, column)).collect() }
    }

    fn identity(side: usize) -> Self {
        Self::from_rows(side, side, |row, column| u8::from(row == column))
    }

    fn at(&self, row: usize, column: usize) -> u8 {
        self.cells[row * self.columns + column]
    }

    fn row(&self, row: usize) -> &[u8] {
        &self.cells[row * self.columns..(row + 1) * self.columns]
    }

    fn split_at_row(mut self, row: usize) -> (Self, Self) {
        let lower = self.cells.split_off(row * self.columns);
        let columns = self.columns;
        (self, Self { columns, cells: lower })
    }

    fn times(&self, other: &Self) -> Self {
        let rows = self.cells.len() / self.columns.max(1);
        Self::from_rows(rows, other.columns, |row, column| {
            (0..self.columns).fold(0, |sum, at| sum ^ multiply(self.at(row, at), other.at(at, column)))
        })
    }

    /// Its inverse by Gauss and Jordan; `None` if it has none.
    fn inverse(mut self) -> Option<Self> {
        let side = self.columns;
        let mut inverse = Self::identity(side);
        for pivot in 0..side {
            let found = (pivot..side).find(|row| self.at(*row, pivot) != 0)?;
            self.swap_rows(pivot, found);
            inverse.swap_rows(pivot, found);
            let factor = invert(self.at(pivot, pivot));
            self.scale_row(pivot, factor);
            inverse.scale_row(pivot, factor);
            for row in (0..side).filter(|row| *row != pivot) {
                let factor = self.at(row, pivot);
                self.add_row(pivot, row, factor);
                inverse.add_row(pivot, row, factor);
            }
        }
        Some(inverse)
    }

    fn swap_rows(&mut self, one: usize, other: usize) {
        for column in 0..self.columns {
            self.cells.swap(one * self.columns + column, other * self.columns + column);
        }
    }

    fn scale_row(&mut self, row: usize, factor: u8) {
        let cells = &mut self.cells[row * self.columns..(row + 1) * self.columns];
        cells.iter_mut().for_each(|cell| *cell = multiply(*cell, factor));
    }

    /// Adds `factor` times one row to another.
    fn add_row(&mut self, from: usize, to: usize, factor: u8) {
        for column in 0..self.columns {
            let added = multiply(self.at(from, column), factor);
            self.cells[to * self.columns + column] ^= added;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(k: u8, len: usize) -> Vec<Vec<u8>> {
        let byte = |at: usize, number: u8| u8::try_from(at * 31 % 251).unwrap().wrapping_mul(number | 1) ^ number;
        (0..k).map(|number| (0..len).map(|at| byte(at, number)).collect()).collect()
    }

    fn parities(code: &ReedSolomon, sources: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let count = usize::from(code.code().n() - code.code().k());
        let mut parities = vec![vec![0; sources[0].len()]; count];
        let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        code.encode(0, &sources, &mut parities.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        parities
    }

    #[test]
    fn the_first_parity_of_one_source_is_the_source() {
        let code = ReedSolomon::new(BlockCode::new(1, 3).unwrap());
        assert_eq!(parities(&code, &[vec![7; 70]]), vec![vec![7; 70]; 2]);
    }

    /// By hand from the points 0, 1, α: two sources a and b are a line through (0, a) with slope a + b, as the upper
    /// rows are (1, 0) and (1, 1); at α it is a + α (a + b).
    #[test]
    fn the_parity_of_two_sources_is_the_line_through_them() {
        let code = ReedSolomon::new(BlockCode::new(2, 3).unwrap());
        let (a, b) = (0x53, 0xca);
        let expected = a ^ multiply(2, a ^ b);
        assert_eq!(parities(&code, &[vec![a; 64], vec![b; 64]]), [vec![expected; 64]]);
    }

    #[test]
    fn any_k_fragments_bring_all_sources_back() {
        for (k, n) in [(1, 2), (4, 8), (8, 12), (5, 7)] {
            let code = ReedSolomon::new(BlockCode::new(k, n).unwrap());
            let sources = sources(k, 100);
            let all: Vec<Vec<u8>> = sources.iter().cloned().chain(parities(&code, &sources)).collect();
            for pattern in (0_u32..1 << n).filter(|pattern| pattern.count_ones() == u32::from(k)) {
                let has = |number: &u8| pattern >> number & 1 == 1;
                let present: Vec<(u8, &[u8])> =
                    (0..n).filter(has).map(|number| (number, &all[usize::from(number)][..])).collect();
                let missing: Vec<u8> = (0..k).filter(|number| !has(number)).collect();
                let mut outputs = vec![vec![0; 100]; missing.len()];
                let mut slices: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                assert!(code.decode(&present, &missing, &mut slices), "{k}/{n}, {pattern:b}");
                for (number, output) in missing.iter().zip(&outputs) {
                    assert_eq!(output, &sources[usize::from(*number)], "{k}/{n}, {pattern:b}");
                }
            }
        }
    }

    #[test]
    fn the_largest_code_is_one() {
        let code = ReedSolomon::new(BlockCode::new(128, 255).unwrap());
        let sources = sources(128, 64);
        let parities = parities(&code, &sources);
        let present: Vec<(u8, &[u8])> = (128..255)
            .chain([0])
            .map(|number| match number {
                0 => (0, &sources[0][..]),
                parity => (parity, &parities[usize::from(parity) - 128][..]),
            })
            .collect();
        let missing: Vec<u8> = (1..128).collect();
        let mut outputs = vec![vec![0; 64]; 127];
        assert!(code.decode(&present, &missing, &mut outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>()));
        assert_eq!(outputs, sources[1..]);
    }

    #[test]
    fn too_few_fragments_bring_nothing_back() {
        let code = ReedSolomon::new(BlockCode::DEFAULT);
        assert!(!code.decode(&[(0, &[0; 64])], &[1], &mut [&mut [0; 64]]));
    }
}
