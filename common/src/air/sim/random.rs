//! Seeded random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
//! OOPSLA 2014). Not for keys.

/// The golden ratio in 64 bits, the step of the state.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// One stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// The stream that `seed` begins.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of one purpose of one receiver: no draw in it moves any other stream.
    #[must_use]
    pub fn stream(seed: u64, receiver: usize, purpose: Purpose) -> Self {
        let mut of_receiver = Self(seed ^ mix(receiver as u64 + 1));
        Self(of_receiver.bits() ^ mix(purpose as u64 + 1))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number in 0 ≤ x < 1, of 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in 0 ≤ x < `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// True with this probability. Draws once, whatever the probability is.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// An exponentially distributed number of this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }
}

/// What a receiver draws random numbers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its loss model.
    Loss,
    /// Frames too weak to be read.
    Signal,
    /// Which lost frames arrive damaged, and where.
    Damage,
    /// Which frames have bit errors, and where.
    BitErrors,
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_by_receiver_and_by_purpose() {
        let first = |receiver, purpose| Random::stream(7, receiver, purpose).bits();
        let drawn =
            [first(0, Purpose::Loss), first(1, Purpose::Loss), first(0, Purpose::Signal), first(1, Purpose::Signal)];
        for (index, number) in drawn.iter().enumerate() {
            assert!(!drawn[..index].contains(number));
        }
    }

    #[test]
    fn draws_keep_to_their_bounds_and_means() {
        let mut random = Random::new(1);
        let (mut sum, mut exponential) = (0.0, 0.0);
        for _ in 0..100_000 {
            assert!(random.below(10) < 10);
            sum += random.unit();
            exponential += random.exponential(5.0);
        }
        assert!((sum / 100_000.0 - 0.5).abs() < 0.005);
        assert!((exponential / 100_000.0 - 5.0).abs() < 0.05);
        assert_eq!(random.below(0), 0);
    }
}
