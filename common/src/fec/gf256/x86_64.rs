//! The sum on x86-64: nibble tables by PSHUFB (SSSE3, AVX2), bit matrices by GF2P8AFFINEQB (GFNI).
#![expect(unsafe_code, reason = "vector loads and stores take raw pointers")]

use std::arch::x86_64::*;

use super::plain::Begin;
use super::tables::{POLYNOMIAL, POWERS, Products};
use super::{COLUMN_BYTES, Start, Term, offsets, products};

/// Sums outputs that begin at byte `first` of the sources, 32 bytes a register.
#[target_feature(enable = "avx2")]
pub(super) fn avx2<const N: usize, const B: usize>(
    start: Start,
    terms: &[Term<'_, N>],
    outputs: &mut [&mut [u8]; N],
    first: usize,
) {
    let nibble = _mm256_set1_epi8(0x0f);
    let products = products::<N, B>(terms);
    for at in offsets(outputs) {
        let mut sums = begin_256(start, outputs, at);
        for (products, (_, source)) in products.iter().zip(terms) {
            let [a, b] = load_256(column(source, first + at));
            let low = [_mm256_and_si256(a, nibble), _mm256_and_si256(b, nibble)];
            let high = [
                _mm256_and_si256(_mm256_srli_epi64::<4>(a), nibble),
                _mm256_and_si256(_mm256_srli_epi64::<4>(b), nibble),
            ];
            for (sum, products) in sums.iter_mut().zip(products) {
                let lows = _mm256_broadcastsi128_si256(load_128(&products.low));
                let highs = _mm256_broadcastsi128_si256(load_128(&products.high));
                for half in 0..2 {
                    let product =
                        _mm256_xor_si256(_mm256_shuffle_epi8(lows, low[half]), _mm256_shuffle_epi8(highs, high[half]));
                    sum[half] = _mm256_xor_si256(sum[half], product);
                }
            }
        }
        store_256(sums, outputs, at);
    }
}

/// Sums outputs that begin at byte `first` of the sources, 32 bytes a register, one instruction a product.
#[target_feature(enable = "avx2,gfni")]
pub(super) fn gfni<const N: usize, const B: usize>(
    start: Start,
    terms: &[Term<'_, N>],
    outputs: &mut [&mut [u8]; N],
    first: usize,
) {
    let mut matrices = [[0; N]; B];
    for (matrices, (coefficients, _)) in matrices.iter_mut().zip(terms) {
        *matrices = coefficients.map(|coefficient| MATRICES[usize::from(coefficient)]);
    }
    for at in offsets(outputs) {
        let mut sums = begin_256(start, outputs, at);
        for (matrices, (_, source)) in matrices.iter().zip(terms) {
            let bytes = load_256(column(source, first + at));
            for (sum, matrix) in sums.iter_mut().zip(matrices) {
                let matrix = _mm256_set1_epi64x(*matrix);
                for half in 0..2 {
                    let product = _mm256_gf2p8affine_epi64_epi8::<0>(bytes[half], matrix);
                    sum[half] = _mm256_xor_si256(sum[half], product);
                }
            }
        }
        store_256(sums, outputs, at);
    }
}

/// Sums outputs that begin at byte `first` of the sources, 16 bytes a register.
#[target_feature(enable = "ssse3")]
pub(super) fn ssse3<const N: usize, const B: usize>(
    start: Start,
    terms: &[Term<'_, N>],
    outputs: &mut [&mut [u8]; N],
    first: usize,
) {
    let products = products::<N, B>(terms);
    for at in offsets(outputs).flat_map(|at| [at, at + HALF_BYTES]) {
        ssse3_half(start, products.iter().zip(terms), outputs, first, at);
    }
}

/// Half a column for SSSE3: its 16 registers hold 4 sums of 32 bytes and what they are made from.
const HALF_BYTES: usize = COLUMN_BYTES / 2;

#[target_feature(enable = "ssse3")]
#[inline]
fn ssse3_half<'a, const N: usize>(
    start: Start,
    terms: impl Iterator<Item = (&'a [Products; N], &'a Term<'a, N>)>,
    outputs: &mut [&mut [u8]; N],
    first: usize,
    at: usize,
) {
    let nibble = _mm_set1_epi8(0x0f);
    let mut sums = [[_mm_setzero_si128(); 2]; N];
    if start == Start::Output {
        for (sum, output) in sums.iter_mut().zip(outputs.iter()) {
            *sum = load_half(output, at);
        }
    }
    for (products, (_, source)) in terms {
        let [a, b] = load_half(source, first + at);
        let low = [_mm_and_si128(a, nibble), _mm_and_si128(b, nibble)];
        let high = [_mm_and_si128(_mm_srli_epi64::<4>(a), nibble), _mm_and_si128(_mm_srli_epi64::<4>(b), nibble)];
        for (sum, products) in sums.iter_mut().zip(products) {
            let (lows, highs) = (load_128(&products.low), load_128(&products.high));
            for half in 0..2 {
                let product = _mm_xor_si128(_mm_shuffle_epi8(lows, low[half]), _mm_shuffle_epi8(highs, high[half]));
                sum[half] = _mm_xor_si128(sum[half], product);
            }
        }
    }
    for (sum, output) in sums.iter().zip(outputs) {
        let (chunks, _) = output[at..at + HALF_BYTES].as_chunks_mut::<16>();
        for (value, chunk) in sum.iter().zip(chunks) {
            // SAFETY: `chunk` is 16 writable bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(chunk.as_mut_ptr().cast(), *value) };
        }
    }
}

#[target_feature(enable = "ssse3")]
#[inline]
fn load_half(bytes: &[u8], at: usize) -> [__m128i; 2] {
    let (chunks, _) = bytes[at..at + HALF_BYTES].as_chunks();
    [load_128(&chunks[0]), load_128(&chunks[1])]
}

/// A plain sum, 32 bytes a register.
#[target_feature(enable = "avx2")]
pub(super) fn plain_avx2<const L: usize>(begin: Begin, sources: &[&[u8; L]], output: &mut [u8]) {
    let first = plain_avx2_columns::<L, 8, 256>(begin, sources, 0, output);
    let first = plain_avx2_columns::<L, 4, 128>(begin, sources, first, output);
    plain_avx2_columns::<L, 2, 64>(begin, sources, first, output);
}

/// As many whole columns of `R` registers or `BYTES` bytes as there are from register `first` on; returns the register
/// behind them.
#[target_feature(enable = "avx2")]
#[inline]
fn plain_avx2_columns<const L: usize, const R: usize, const BYTES: usize>(
    begin: Begin,
    sources: &[&[u8; L]],
    mut first: usize,
    output: &mut [u8],
) -> usize {
    for column in output[first * 32..].as_chunks_mut::<BYTES>().0 {
        plain_avx2_column::<L, R>(begin, sources, first, column.as_chunks_mut().0);
        first += R;
    }
    first
}

/// `R` registers of a plain sum, of the sources from register `first` on.
#[target_feature(enable = "avx2")]
#[inline]
fn plain_avx2_column<const L: usize, const R: usize>(
    begin: Begin,
    sources: &[&[u8; L]],
    first: usize,
    output: &mut [[u8; 32]],
) {
    let load = |bytes: &[u8; 32]| {
        // SAFETY: `bytes` is 32 readable bytes; the load needs no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    };
    let mut sums = [_mm256_setzero_si256(); R];
    if begin != Begin::Zero {
        sums.iter_mut().zip(&*output).for_each(|(sum, bytes)| *sum = load(bytes));
    }
    if begin == Begin::Double {
        for sum in &mut sums {
            let carries = _mm256_cmpgt_epi8(_mm256_setzero_si256(), *sum);
            let reduced = _mm256_and_si256(carries, _mm256_set1_epi8(POLYNOMIAL.cast_signed()));
            *sum = _mm256_xor_si256(_mm256_add_epi8(*sum, *sum), reduced);
        }
    }
    for source in sources {
        let registers = &source.as_chunks().0[first..first + R];
        sums.iter_mut().zip(registers).for_each(|(sum, bytes)| *sum = _mm256_xor_si256(*sum, load(bytes)));
    }
    for (sum, bytes) in sums.into_iter().zip(output) {
        // SAFETY: `bytes` is 32 writable bytes; the store needs no alignment.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), sum) };
    }
}

/// A plain sum, 16 bytes a register.
#[target_feature(enable = "ssse3")]
pub(super) fn plain_ssse3<const L: usize>(begin: Begin, sources: &[&[u8; L]], output: &mut [u8]) {
    for (column, output) in output.as_chunks_mut::<COLUMN_BYTES>().0.iter_mut().enumerate() {
        let (output, _) = output.as_chunks_mut::<16>();
        let first = column * (COLUMN_BYTES / 16);
        let mut sums = [_mm_setzero_si128(); COLUMN_BYTES / 16];
        if begin != Begin::Zero {
            sums.iter_mut().zip(&*output).for_each(|(sum, bytes)| *sum = load_128(bytes));
        }
        if begin == Begin::Double {
            for sum in &mut sums {
                let carries = _mm_cmpgt_epi8(_mm_setzero_si128(), *sum);
                let reduced = _mm_and_si128(carries, _mm_set1_epi8(POLYNOMIAL.cast_signed()));
                *sum = _mm_xor_si128(_mm_add_epi8(*sum, *sum), reduced);
            }
        }
        for source in sources {
            let registers = &source.as_chunks().0[first..first + sums.len()];
            sums.iter_mut().zip(registers).for_each(|(sum, bytes)| *sum = _mm_xor_si128(*sum, load_128(bytes)));
        }
        for (sum, bytes) in sums.into_iter().zip(output) {
            // SAFETY: `bytes` is 16 writable bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), sum) };
        }
    }
}

#[inline]
fn column(bytes: &[u8], at: usize) -> &[[u8; 32]] {
    bytes[at..at + COLUMN_BYTES].as_chunks().0
}

#[target_feature(enable = "ssse3")]
#[inline]
fn load_128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: `bytes` is 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_256(column: &[[u8; 32]]) -> [__m256i; 2] {
    let load = |bytes: &[u8; 32]| {
        // SAFETY: `bytes` is 32 readable bytes; the load needs no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    };
    [load(&column[0]), load(&column[1])]
}

#[target_feature(enable = "avx2")]
#[inline]
fn begin_256<const N: usize>(start: Start, outputs: &[&mut [u8]; N], at: usize) -> [[__m256i; 2]; N] {
    let mut sums = [[_mm256_setzero_si256(); 2]; N];
    if start == Start::Output {
        for (sum, output) in sums.iter_mut().zip(outputs) {
            *sum = load_256(column(output, at));
        }
    }
    sums
}

#[target_feature(enable = "avx2")]
#[inline]
fn store_256<const N: usize>(sums: [[__m256i; 2]; N], outputs: &mut [&mut [u8]; N], at: usize) {
    for (sum, output) in sums.iter().zip(outputs) {
        let (chunks, _) = output[at..at + COLUMN_BYTES].as_chunks_mut::<32>();
        for (value, chunk) in sum.iter().zip(chunks) {
            // SAFETY: `chunk` is 32 writable bytes; the store needs no alignment.
            unsafe { _mm256_storeu_si256(chunk.as_mut_ptr().cast(), *value) };
        }
    }
}

/// Multiplication by each constant as a bit matrix for GF2P8AFFINEQB: byte 7 - i holds the mask of
/// the bits of x whose sum is bit i of the product.
static MATRICES: [i64; 256] = {
    let mut matrices = [0; 256];
    let mut constant = 0;
    while constant < 256 {
        matrices[constant] = matrix(POWERS[constant]);
        constant += 1;
    }
    matrices
};

const fn matrix(powers: [u8; 8]) -> i64 {
    let mut rows = [0; 8];
    let mut at = 0;
    while at < 64 {
        let (row, bit) = (at / 8, at % 8);
        rows[7 - row] |= (powers[bit] >> row & 1) << bit;
        at += 1;
    }
    i64::from_le_bytes(rows)
}
