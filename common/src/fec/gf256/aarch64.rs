//! The sum on 64-bit ARM: nibble tables by TBL (NEON).
#![expect(unsafe_code, reason = "vector loads and stores take raw pointers")]

use std::arch::aarch64::*;

use super::plain::Begin;
use super::tables::POLYNOMIAL;
use super::{COLUMN_BYTES, Start, Term, offsets, products};

/// Sums outputs that begin at byte `first` of the sources, 16 bytes a register.
#[target_feature(enable = "neon")]
pub(super) fn neon<const N: usize, const B: usize>(
    start: Start,
    terms: &[Term<'_, N>],
    outputs: &mut [&mut [u8]; N],
    first: usize,
) {
    let nibble = vdupq_n_u8(0x0f);
    let products = products::<N, B>(terms);
    for at in offsets(outputs) {
        let mut sums = [[vdupq_n_u8(0); 4]; N];
        if start == Start::Output {
            for (sum, output) in sums.iter_mut().zip(outputs.iter()) {
                *sum = load_column(output, at);
            }
        }
        for (products, (_, source)) in products.iter().zip(terms) {
            let bytes = load_column(source, first + at);
            for (sum, products) in sums.iter_mut().zip(products) {
                let (lows, highs) = (load(&products.low), load(&products.high));
                for quarter in 0..4 {
                    let low = vqtbl1q_u8(lows, vandq_u8(bytes[quarter], nibble));
                    let high = vqtbl1q_u8(highs, vshrq_n_u8::<4>(bytes[quarter]));
                    sum[quarter] = veorq_u8(sum[quarter], veorq_u8(low, high));
                }
            }
        }
        for (sum, output) in sums.iter().zip(outputs.iter_mut()) {
            let (chunks, _) = output[at..at + COLUMN_BYTES].as_chunks_mut::<16>();
            for (value, chunk) in sum.iter().zip(chunks) {
                // SAFETY: `chunk` is 16 writable bytes; the store needs no alignment.
                unsafe { vst1q_u8(chunk.as_mut_ptr(), *value) };
            }
        }
    }
}

/// A plain sum, 16 bytes a register.
#[target_feature(enable = "neon")]
pub(super) fn plain_neon<const L: usize>(begin: Begin, sources: &[&[u8; L]], output: &mut [u8]) {
    for (column, output) in output.as_chunks_mut::<COLUMN_BYTES>().0.iter_mut().enumerate() {
        let at = column * COLUMN_BYTES;
        let mut sums = if begin == Begin::Zero { [vdupq_n_u8(0); 4] } else { load_column(output, 0) };
        if begin == Begin::Double {
            for sum in &mut sums {
                let carries = vreinterpretq_u8_s8(vshrq_n_s8::<7>(vreinterpretq_s8_u8(*sum)));
                *sum = veorq_u8(vshlq_n_u8::<1>(*sum), vandq_u8(carries, vdupq_n_u8(POLYNOMIAL)));
            }
        }
        for source in sources {
            let bytes = load_column(*source, at);
            sums.iter_mut().zip(bytes).for_each(|(sum, bytes)| *sum = veorq_u8(*sum, bytes));
        }
        for (sum, chunk) in sums.into_iter().zip(output.as_chunks_mut::<16>().0) {
            // SAFETY: `chunk` is 16 writable bytes; the store needs no alignment.
            unsafe { vst1q_u8(chunk.as_mut_ptr(), sum) };
        }
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn load_column(bytes: &[u8], at: usize) -> [uint8x16_t; 4] {
    let (chunks, _) = bytes[at..at + COLUMN_BYTES].as_chunks();
    [load(&chunks[0]), load(&chunks[1]), load(&chunks[2]), load(&chunks[3])]
}

#[target_feature(enable = "neon")]
#[inline]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: `bytes` is 16 readable bytes; the load needs no alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}
