//! What bit errors do to a frame that is heard all the same.

use super::random::Random;

/// Most places in which the bits of a lost frame that is heard damaged are flipped.
const MAX_FLIPPED_BITS: u64 = 8;
/// Most bursts in a frame with bit errors.
const MAX_BURSTS: u64 = 3;
/// Longest burst in bits: what a decoder of convolutional codes leaves wrong around one error event.
const MAX_BURST_BITS: u64 = 16;

/// Damage to one frame, with the random numbers that say where.
#[derive(Debug)]
pub(super) enum Damage {
    /// 1 to 8 single bits.
    Bits(Random),
    /// 1 to 3 bursts of 1 to 16 bits: the first and the last are flipped, those between by chance.
    Bursts(Random),
}

impl Damage {
    /// Flips the bits, in the order in which they are on the air: of a byte the lowest first (IEEE
    /// 802.11-2020 9.2.2).
    pub(super) fn inflict(self, mpdu: &mut [u8]) {
        match self {
            Self::Bits(mut random) => {
                let bits = 8 * mpdu.len() as u64;
                (0..=random.below(MAX_FLIPPED_BITS)).for_each(|_| flip(mpdu, random.below(bits)));
            }
            Self::Bursts(mut random) => (0..=random.below(MAX_BURSTS)).for_each(|_| burst(mpdu, &mut random)),
        }
    }
}

fn burst(mpdu: &mut [u8], random: &mut Random) {
    let bits = 8 * mpdu.len() as u64;
    let length = (1 + random.below(MAX_BURST_BITS)).min(bits);
    let first = random.below((bits + 1).saturating_sub(length));
    let inside = random.bits();
    for at in 0..length {
        let is_end = at == 0 || at + 1 == length;
        if is_end || inside >> at & 1 == 1 {
            flip(mpdu, first + at);
        }
    }
}

fn flip(mpdu: &mut [u8], bit: u64) {
    let byte = usize::try_from(bit / 8).ok().and_then(|byte| mpdu.get_mut(byte));
    if let Some(byte) = byte {
        *byte ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where bits were flipped in 200 bytes.
    fn flipped(seed: u64) -> Vec<usize> {
        let mut mpdu = [0_u8; 200];
        Damage::Bursts(Random::new(seed)).inflict(&mut mpdu);
        (0..1600).filter(|bit| mpdu[bit / 8] >> (bit % 8) & 1 == 1).collect()
    }

    #[test]
    fn bursts_are_few_and_short_and_come_everywhere() {
        let mut reached = [false; 200];
        for seed in 0..3000 {
            let bits = flipped(seed);
            bits.iter().for_each(|bit| reached[bit / 8] = true);
            let mut left = &bits[..];
            let mut bursts = 0;
            while let Some(first) = left.first() {
                let inside = left.iter().take_while(|bit| *bit - first < 16).count();
                left = &left[inside..];
                bursts += 1;
            }
            assert!(bursts <= 3, "seed {seed}: {bits:?}");
        }
        assert!(reached.iter().all(|reached| *reached));
    }

    #[test]
    fn frames_too_short_for_a_burst_are_damaged_where_they_are() {
        for seed in 0..100 {
            Damage::Bursts(Random::new(seed)).inflict(&mut []);
            let mut byte = [0_u8];
            Damage::Bursts(Random::new(seed)).inflict(&mut byte);
        }
    }
}
