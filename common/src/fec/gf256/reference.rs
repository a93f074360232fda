//! The sum as plain, safe Rust: what every engine is tested against, and for outputs shorter than a column.

use super::plain::Begin;
use super::tables::{PRODUCTS, multiply};
use super::{Start, Term};

/// Sums outputs that begin at byte `first` of the sources.
pub(super) fn sum<const N: usize>(start: Start, terms: &[Term<'_, N>], outputs: &mut [&mut [u8]; N], first: usize) {
    for (at, output) in outputs.iter_mut().enumerate() {
        if start == Start::Zero {
            output.fill(0);
        }
        for (coefficients, source) in terms {
            add(output, coefficients[at], &source[first..]);
        }
    }
}

fn add(output: &mut [u8], coefficient: u8, source: &[u8]) {
    let products = &PRODUCTS[usize::from(coefficient)];
    for (sum, byte) in output.iter_mut().zip(source) {
        *sum ^= products.low[usize::from(byte & 0x0f)] ^ products.high[usize::from(byte >> 4)];
    }
}

/// Adds sources to what a plain sum begins with.
pub(super) fn plain<const L: usize>(begin: Begin, sources: &[&[u8; L]], output: &mut [u8]) {
    match begin {
        Begin::Zero => output.fill(0),
        Begin::Output => {}
        Begin::Double => output.iter_mut().for_each(|byte| *byte = multiply(2, *byte)),
    }
    for source in sources {
        output.iter_mut().zip(*source).for_each(|(sum, byte)| *sum ^= byte);
    }
}
