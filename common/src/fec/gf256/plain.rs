//! Sums without products: what coefficients of one bit need, and of several with a doubling between their bits.

#[cfg(target_arch = "aarch64")]
use super::aarch64;
#[cfg(target_arch = "x86_64")]
use super::x86_64;
use super::{COLUMN_BYTES, Engine, Kind, reference};

/// Sources gathered before they are added: enough that writing the sum back and reading it again costs little.
const BATCH: usize = 64;

/// What a plain sum begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Nothing, whatever the output holds.
    Zero,
    /// What the output holds.
    Output,
    /// What the output holds, multiplied by 2.
    Double,
}

/// A sum of sources of `L` bytes, of which its output takes the first. It is whole after [`finish`](Self::finish).
#[derive(Debug)]
pub struct PlainSum<'a, 'b, const L: usize> {
    engine: Engine,
    begin: Begin,
    output: &'b mut [u8],
    batch: [&'a [u8; L]; BATCH],
    filled: usize,
}

impl<'a, 'b, const L: usize> PlainSum<'a, 'b, L> {
    /// The sum of nothing: zero, whatever `output` holds.
    ///
    /// # Panics
    /// If the output is longer than a source or no multiple of [`COLUMN_BYTES`].
    pub fn on(engine: Engine, output: &'b mut [u8]) -> Self {
        Self::begin(engine, Begin::Zero, output)
    }

    /// A sum that begins with what `output` holds.
    ///
    /// # Panics
    /// As [`on`](Self::on) does.
    pub fn onto(engine: Engine, output: &'b mut [u8]) -> Self {
        Self::begin(engine, Begin::Output, output)
    }

    fn begin(engine: Engine, begin: Begin, output: &'b mut [u8]) -> Self {
        assert!(output.len() <= L && output.len().is_multiple_of(COLUMN_BYTES), "an output of {} bytes", output.len());
        Self { engine, begin, output, batch: [const { &[0; L] }; BATCH], filled: 0 }
    }

    /// Adds a source.
    #[inline]
    pub fn add(&mut self, source: &'a [u8; L]) {
        if self.filled == BATCH {
            self.flush();
        }
        self.batch[self.filled] = source;
        self.filled += 1;
    }

    /// Multiplies what has been added so far by 2.
    pub fn double(&mut self) {
        if self.begin != Begin::Zero || self.filled > 0 {
            self.flush();
            self.begin = Begin::Double;
        }
    }

    /// Writes the sum.
    pub fn finish(mut self) {
        self.flush();
    }

    /// Writes what has been added so far.
    #[cfg_attr(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        expect(unsafe_code, reason = "calls what only some machines can run")
    )]
    fn flush(&mut self) {
        let begin = std::mem::replace(&mut self.begin, Begin::Output);
        let sources = &self.batch[..std::mem::take(&mut self.filled)];
        match self.engine.0 {
            Kind::Reference => reference::plain(begin, sources, self.output),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where SSSE3 was detected.
            Kind::Ssse3 => unsafe { x86_64::plain_ssse3(begin, sources, self.output) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: these kinds exist only where AVX2 was detected.
            Kind::Avx2 | Kind::Gfni => unsafe { x86_64::plain_avx2(begin, sources, self.output) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: this kind exists only where NEON was detected.
            Kind::Neon => unsafe { aarch64::plain_neon(begin, sources, self.output) },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fec::gf256::multiply;

    const LEN: usize = 576;

    fn noise(seed: u32) -> [u8; LEN] {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
    }

    /// Sums of so many sources each, with a doubling between them.
    fn every_engine_agrees(counts: &[usize], len: usize) {
        let sources: Vec<_> = (0..counts.iter().sum()).map(|at| noise(u32::try_from(at).unwrap())).collect();
        let (mut expected, mut left) = (vec![0; len], &sources[..]);
        for &count in counts {
            expected.iter_mut().for_each(|byte| *byte = multiply(2, *byte));
            let (these, rest) = left.split_at(count);
            these.iter().for_each(|source| expected.iter_mut().zip(source).for_each(|(sum, byte)| *sum ^= byte));
            left = rest;
        }
        for engine in Engine::available() {
            let mut found = vec![0xee; len];
            let mut sum = PlainSum::on(engine, &mut found);
            let mut sources = sources.iter();
            for &count in counts {
                sum.double();
                sources.by_ref().take(count).for_each(|source| sum.add(source));
            }
            sum.finish();
            assert_eq!(found, expected, "{} {counts:?}", engine.name());
        }
    }

    #[test]
    fn every_engine_agrees_across_batches() {
        every_engine_agrees(&[], 64);
        every_engine_agrees(&[0, 0, 1, 0], LEN);
        every_engine_agrees(&[BATCH, BATCH + 1, 0, 3 * BATCH], LEN);
    }

    #[test]
    #[should_panic(expected = "an output of 640 bytes")]
    fn an_output_longer_than_its_sources_is_refused() {
        PlainSum::<LEN>::on(Engine::best(), &mut [0; LEN + COLUMN_BYTES]);
    }

    proptest! {
        #[test]
        fn every_engine_agrees_on_any_sum(counts in proptest::collection::vec(0..90_usize, 0..6), columns in 0..=LEN / COLUMN_BYTES) {
            every_engine_agrees(&counts, columns * COLUMN_BYTES);
        }
    }
}
