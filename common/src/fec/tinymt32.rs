//! TinyMT32, the pseudo-random number generator of RFC 8682 with that RFC's one parameter set.

const MAT1: u32 = 0x8f70_11ee;
const MAT2: u32 = 0xfc78_ff1f;
const TEMPERING: u32 = 0x3793_fdff;

/// The generator's 127 bits of state.
#[derive(Clone, Debug)]
pub(super) struct TinyMt32 {
    state: [u32; 4],
}

impl TinyMt32 {
    /// A generator started from `seed`; any value is allowed (RFC 8682 2.1).
    pub(super) fn new(seed: u32) -> Self {
        let mut state = [seed, MAT1, MAT2, TEMPERING];
        let mut last = seed;
        for step in 1..8_u32 {
            let place = &mut state[step as usize % 4];
            *place ^= (last ^ last >> 30).wrapping_mul(1_812_433_253).wrapping_add(step);
            last = *place;
        }
        let mut generator = Self { state };
        for _ in 0..8 {
            generator.step();
        }
        generator
    }

    /// The next number, uniform over all of `u32`.
    #[inline]
    pub(super) fn next_u32(&mut self) -> u32 {
        self.step();
        let [s0, _, s2, s3] = self.state;
        let sum = s0.wrapping_add(s2 >> 8);
        s3 ^ sum ^ mask(sum) & TEMPERING
    }

    #[inline]
    fn step(&mut self) {
        let [s0, s1, s2, s3] = self.state;
        let mut x = (s0 & 0x7fff_ffff) ^ s1 ^ s2;
        x ^= x << 1;
        let y = s3 ^ s3 >> 1 ^ x;
        self.state = [s1, s2 ^ mask(y) & MAT1, x ^ y << 10 ^ mask(y) & MAT2, y];
    }
}

/// All ones if `word` is odd, else zero.
#[inline]
fn mask(word: u32) -> u32 {
    (word & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8682 2.1 and 3: seed 1.
    #[test]
    fn the_first_numbers_are_those_of_the_rfc() {
        let mut generator = TinyMt32::new(1);
        let first: Vec<u32> = std::iter::repeat_with(|| generator.next_u32()).take(50).collect();
        assert_eq!(
            first[..10],
            [
                2_545_341_989,
                981_918_433,
                3_715_302_833,
                2_387_538_352,
                3_591_001_365,
                3_820_442_102,
                2_114_400_566,
                2_196_103_051,
                2_783_359_912,
                764_534_509,
            ]
        );
        assert_eq!(first[48..], [521_822_317, 2_292_524_454]);
    }
}
