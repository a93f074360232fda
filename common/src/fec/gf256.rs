//! GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), as RFC 8681 3.7.1 and Reed-Solomon use it.
//!
//! All the work of both codes is one operation, the dot product over whole symbols:
//! `output[i] = Σ coefficient[i][j] · source[j]`, up to four outputs at once, so that every source
//! byte is loaded and split once for four products. Symbols are walked in columns of 64 bytes, which
//! stay in registers while all sources of a batch are added. What is left behind the last whole
//! column is computed as one more column that overlaps it: a scalar tail of 56 bytes would cost more
//! than all the rest.

use std::array;
use std::sync::LazyLock;

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod plain;
mod reference;
mod tables;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use plain::PlainSum;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use tables::{PRODUCTS, Products};
pub use tables::{invert, multiply};

/// Bytes of a symbol that are summed in registers at once. Buffers whose length is a multiple of it
/// need no overlapping last column.
pub const COLUMN_BYTES: usize = 64;

/// The most outputs one dot product has: 4 × 64 bytes fill half the registers of AVX2 and of NEON.
pub const MAX_OUTPUTS: usize = 4;

/// Sources summed before the sums are written back. More would save little, and room for their tables
/// would slow down sums of few.
const BATCH_TERMS: usize = 16;

/// One source of a dot product and its coefficient in each output.
pub type Term<'a, const N: usize> = ([u8; N], &'a [u8]);

/// One way to compute, among those this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine(Kind);

/// Never constructed for instructions the machine lacks: [`Engine::available`] alone hands them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reference,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Gfni,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// What a sum starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Zero: what the outputs held does not matter.
    Zero,
    /// The outputs' contents.
    Output,
}

/// Overwrites each output with the sum of its coefficients times the sources, on the fastest engine.
///
/// # Panics
/// If outputs differ in length or a source is shorter than they are.
pub fn dot<'a, const N: usize>(outputs: [&mut [u8]; N], terms: impl IntoIterator<Item = Term<'a, N>>) {
    Engine::best().dot(outputs, terms);
}

/// Adds the sum of coefficients times sources to each output, on the fastest engine.
///
/// # Panics
/// If outputs differ in length or a source is shorter than they are.
pub fn dot_add<'a, const N: usize>(outputs: [&mut [u8]; N], terms: impl IntoIterator<Item = Term<'a, N>>) {
    Engine::best().dot_add(outputs, terms);
}

/// Adds a single source times its coefficients, on the fastest engine: [`dot_add`] without its preparations.
///
/// # Panics
/// If outputs differ in length or the source is shorter than they are.
pub fn multiply_add<const N: usize>(mut outputs: [&mut [u8]; N], term: Term<'_, N>) {
    Engine::best().sum::<N, 1>(Start::Output, &[term], &mut outputs);
}

impl Engine {
    /// Those this machine can run, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let kinds = [
            Some(Kind::Reference),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("ssse3").then_some(Kind::Ssse3),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("avx2").then_some(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("gfni")).then_some(Kind::Gfni),
            #[cfg(target_arch = "aarch64")]
            std::arch::is_aarch64_feature_detected!("neon").then_some(Kind::Neon),
        ];
        kinds.into_iter().flatten().map(Self)
    }

    /// The fastest this machine can run.
    pub fn best() -> Self {
        static BEST: LazyLock<Engine> = LazyLock::new(|| Engine::available().last().unwrap_or(Engine(Kind::Reference)));
        *BEST
    }

    /// Whether a product costs no more than two or three plain sums.
    pub fn has_fast_products(self) -> bool {
        match self.0 {
            Kind::Reference => false,
            #[cfg(target_arch = "x86_64")]
            Kind::Ssse3 | Kind::Avx2 => false,
            #[cfg(target_arch = "x86_64")]
            Kind::Gfni => true,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => false,
        }
    }

    /// The instructions it is made of, for figures and logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Reference => "reference",
            #[cfg(target_arch = "x86_64")]
            Kind::Ssse3 => "ssse3",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Gfni => "gfni",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
        }
    }

    /// [`dot`] on this engine.
    ///
    /// # Panics
    /// As [`dot`] does.
    pub fn dot<'a, const N: usize>(self, outputs: [&mut [u8]; N], terms: impl IntoIterator<Item = Term<'a, N>>) {
        self.sum_all(Start::Zero, outputs, terms.into_iter());
    }

    /// [`dot_add`] on this engine.
    ///
    /// # Panics
    /// As [`dot_add`] does.
    pub fn dot_add<'a, const N: usize>(self, outputs: [&mut [u8]; N], terms: impl IntoIterator<Item = Term<'a, N>>) {
        self.sum_all(Start::Output, outputs, terms.into_iter());
    }

    fn sum_all<'a, const N: usize>(
        self,
        mut start: Start,
        mut outputs: [&mut [u8]; N],
        mut terms: impl Iterator<Item = Term<'a, N>>,
    ) {
        let mut batch = [([0; N], &[][..]); BATCH_TERMS];
        loop {
            let mut filled = 0;
            for (place, term) in batch.iter_mut().zip(terms.by_ref()) {
                *place = term;
                filled += 1;
            }
            if filled > 0 || start == Start::Zero {
                self.sum::<N, BATCH_TERMS>(start, &batch[..filled], &mut outputs);
            }
            if filled < BATCH_TERMS {
                return;
            }
            start = Start::Output;
        }
    }

    /// Sums whole outputs of at most `B` terms.
    fn sum<const N: usize, const B: usize>(self, start: Start, terms: &[Term<'_, N>], outputs: &mut [&mut [u8]; N]) {
        const { assert!(N > 0 && N <= MAX_OUTPUTS) };
        let len = outputs[0].len();
        assert!(outputs.iter().all(|output| output.len() == len), "outputs differ in length");
        assert!(terms.iter().all(|(_, source)| source.len() >= len), "a source is too short");
        let whole = len - len % COLUMN_BYTES;
        if whole == 0 {
            reference::sum(start, terms, outputs, 0);
        } else if whole == len || start == Start::Zero {
            self.columns::<N, B>(start, terms, outputs, 0);
        } else {
            // What the last column overlaps must not be added to twice: it is summed elsewhere.
            let last = len - COLUMN_BYTES;
            let mut ends: [[u8; COLUMN_BYTES]; N] =
                array::from_fn(|at| array::from_fn(|byte| outputs[at][last + byte]));
            self.columns::<N, B>(start, terms, &mut ends.each_mut().map(|end| &mut end[..]), last);
            self.columns::<N, B>(start, terms, &mut outputs.each_mut().map(|output| &mut output[..whole]), 0);
            for (output, end) in outputs.iter_mut().zip(ends) {
                output[last..].copy_from_slice(&end);
            }
        }
    }

    /// Sums outputs of at least a column, which begin at byte `first` of the sources.
    #[cfg_attr(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        expect(unsafe_code, reason = "calls what only some machines can run")
    )]
    fn columns<const N: usize, const B: usize>(
        self,
        start: Start,
        terms: &[Term<'_, N>],
        outputs: &mut [&mut [u8]; N],
        first: usize,
    ) {
        match self.0 {
            Kind::Reference => reference::sum(start, terms, outputs, first),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where SSSE3 was detected.
            Kind::Ssse3 => unsafe { x86_64::ssse3::<N, B>(start, terms, outputs, first) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where AVX2 was detected.
            Kind::Avx2 => unsafe { x86_64::avx2::<N, B>(start, terms, outputs, first) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where AVX2 and GFNI were detected.
            Kind::Gfni => unsafe { x86_64::gfni::<N, B>(start, terms, outputs, first) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: this kind exists only where NEON was detected.
            Kind::Neon => unsafe { aarch64::neon::<N, B>(start, terms, outputs, first) },
        }
    }
}

/// Where the columns of outputs begin: the last one overlaps the one before it if they do not fit.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
fn offsets<const N: usize>(outputs: &[&mut [u8]; N]) -> impl Iterator<Item = usize> + use<N> {
    let len = outputs[0].len();
    (0..len.div_ceil(COLUMN_BYTES)).map(move |column| (column * COLUMN_BYTES).min(len - COLUMN_BYTES))
}

/// The nibble tables of every coefficient, side by side: looked up once for all columns.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
fn products<const N: usize, const B: usize>(terms: &[Term<'_, N>]) -> [[Products; N]; B] {
    let mut products = [[Products::ZERO; N]; B];
    for (products, (coefficients, _)) in products.iter_mut().zip(terms) {
        *products = coefficients.map(|coefficient| PRODUCTS[usize::from(coefficient)]);
    }
    products
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(len: usize, seed: u32) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    /// `coefficient · source` summed byte by byte.
    fn expected<const N: usize>(before: &[u8], terms: &[Term<'_, N>], output: usize) -> Vec<u8> {
        let mut sum = before.to_vec();
        for (coefficients, source) in terms {
            for (byte, &factor) in sum.iter_mut().zip(*source) {
                *byte ^= multiply(coefficients[output], factor);
            }
        }
        sum
    }

    fn every_engine_agrees<const N: usize>(len: usize, count: u32, seed: u32) {
        let sources: Vec<_> = (0..count).map(|at| noise(len, seed ^ at)).collect();
        let coefficients = noise(count as usize * N, !seed);
        let terms: Vec<Term<'_, N>> = std::iter::zip(coefficients.as_chunks().0, &sources)
            .map(|(coefficients, source)| (*coefficients, &source[..]))
            .collect();
        let zeros = vec![0; len];
        let before = noise(len, seed.rotate_left(7));
        for engine in Engine::available() {
            let mut outputs = [(); N].map(|()| before.clone());
            engine.dot(outputs.each_mut().map(|output| &mut output[..]), terms.iter().copied());
            for (at, output) in outputs.iter().enumerate() {
                assert_eq!(*output, expected(&zeros, &terms, at), "{} dot, {len}", engine.name());
            }
            let mut outputs = [(); N].map(|()| before.clone());
            engine.dot_add(outputs.each_mut().map(|output| &mut output[..]), terms.iter().copied());
            for (at, output) in outputs.iter().enumerate() {
                assert_eq!(*output, expected(&before, &terms, at), "{} add, {len}", engine.name());
            }
        }
    }

    #[test]
    fn every_engine_agrees_at_every_short_length() {
        for len in 0..200 {
            every_engine_agrees::<1>(len, 3, 1);
            every_engine_agrees::<4>(len, 5, 2);
        }
    }

    #[test]
    fn sums_of_nothing_are_zero() {
        every_engine_agrees::<2>(100, 0, 3);
    }

    #[test]
    fn every_machine_has_the_reference_and_uses_its_fastest() {
        assert_eq!(Engine::available().next(), Some(Engine(Kind::Reference)));
        assert_eq!(Some(Engine::best()), Engine::available().last());
    }

    #[test]
    #[should_panic(expected = "a source is too short")]
    fn a_source_shorter_than_its_output_is_refused() {
        dot([&mut [0; 100]], [([1], &[0; 99][..])]);
    }

    proptest! {
        #[test]
        fn every_engine_agrees_on_any_input(len in 0..2200_usize, count in 0..70_u32, seed: u32) {
            every_engine_agrees::<1>(len, count, seed);
            every_engine_agrees::<2>(len, count, seed);
            every_engine_agrees::<3>(len, count, seed);
            every_engine_agrees::<4>(len, count, seed);
        }
    }
}
