//! Numbers modulo 2^130 − 5, in limbs of 44, 44 and 42 bits.

use super::MAX_BURST_BITS;

const BITS: u32 = 44;
const LOW: u128 = (1 << BITS) - 1;
const BITS_OF_LAST: u32 = 42;
const LAST: u128 = (1 << BITS_OF_LAST) - 1;
/// Twice the modulus, limb by limb: with it no difference of limbs is negative.
const TWICE: [u128; 3] = [2 * (LOW - 4), 2 * LOW, 2 * LAST];

/// The low 128 bits of the modulus; those above are 3.
const MODULUS_LOW: u128 = u128::MAX - 4;

/// A few bits next to each other, as what a number is above or below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Burst {
    Above(u128),
    Below(u128),
}

/// A number modulo 2^130 − 5; not always the least that is the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residue([u64; 3]);

impl Residue {
    /// `low` + `high` · 2^128, `high` being at most 3.
    pub(super) fn new(low: u128, high: u128) -> Self {
        carried([low & LOW, low >> BITS & LOW, low >> (2 * BITS) | high << (128 - 2 * BITS)])
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.wide(), other.wide());
        carried([a + x, b + y, c + z])
    }

    pub(super) fn minus(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z], [p, q, r]) = (self.wide(), other.wide(), TWICE);
        carried([a + p - x, b + q - y, c + r - z])
    }

    pub(super) fn times(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.wide(), other.wide());
        // 2^132 is 4 · 5 modulo 2^130 − 5.
        let (y20, z20) = (20 * y, 20 * z);
        carried([a * x + b * z20 + c * y20, a * y + b * x + c * z20, a * z + b * y + c * x])
    }

    /// What it times gives 1; 0 of 0. By Fermat to the power of 2^130 − 7, which is 8 · (2^127 − 1) + 1.
    pub(super) fn inverse(self) -> Self {
        // From the power of 2^n − 1 to that of 2^(2n+1) − 1.
        let next = |power: Self, n| power.squared(n).times(power).squared(1).times(self);
        [1, 3, 7, 15, 31, 63].into_iter().fold(self, next).squared(3).times(self)
    }

    fn squared(self, times: u32) -> Self {
        (0..times).fold(self, |power, _| power.times(power))
    }

    /// The least number that is the same, as its low 128 bits and those above.
    pub(super) fn canonical(self) -> (u128, u128) {
        let number = |Self([a, b, c]): Self| {
            let (a, b, c) = (u128::from(a), u128::from(b), u128::from(c));
            (a | b << BITS | c << (2 * BITS), c >> (128 - 2 * BITS))
        };
        let [a, b, c] = carried(self.wide()).wide();
        // Adding 5 and taking what is within 130 bits is subtracting the modulus.
        let (low, high) = number(Self([a, b, c].map(narrow)));
        let (above, carry) = low.overflowing_add(5);
        if high + u128::from(carry) > 3 { (above, 0) } else { (low, high) }
    }

    /// The number, or what it lacks of the modulus, if that is a burst of bits in one block: at most
    /// [`MAX_BURST_BITS`] of them, wherever they are.
    pub(super) fn burst(self) -> Option<Burst> {
        let is_burst = |number: u128| number != 0 && number >> number.trailing_zeros() < 1 << MAX_BURST_BITS;
        let (low, high) = self.canonical();
        let (lacking, borrow) = MODULUS_LOW.overflowing_sub(low);
        if high == 0 && is_burst(low) {
            Some(Burst::Above(low))
        } else if high + u128::from(borrow) == 3 && is_burst(lacking) {
            Some(Burst::Below(lacking))
        } else {
            None
        }
    }

    fn wide(self) -> [u128; 3] {
        self.0.map(u128::from)
    }
}

/// Carries until no limb has more than its bits, but for a carry of 5 in the first.
fn carried([mut a, mut b, mut c]: [u128; 3]) -> Residue {
    for _ in 0..2 {
        b += a >> BITS;
        c += b >> BITS;
        (a, b) = ((a & LOW) + 5 * (c >> BITS_OF_LAST), b & LOW);
        c &= LAST;
    }
    Residue([a, b, c].map(narrow))
}

fn narrow(limb: u128) -> u64 {
    u64::try_from(limb).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn residue(low: u128, high: u8) -> Residue {
        Residue::new(low, u128::from(high & 3))
    }

    #[test]
    fn the_modulus_is_nothing() {
        assert_eq!(residue(MODULUS_LOW, 3).canonical(), (0, 0));
        assert_eq!(residue(MODULUS_LOW - 1, 3).canonical(), (MODULUS_LOW - 1, 3));
        assert_eq!(residue(MODULUS_LOW + 4, 3).canonical(), (4, 0));
        assert_eq!(residue(0, 0).minus(residue(0, 0)).canonical(), (0, 0));
        assert_eq!(residue(0, 0).minus(residue(1, 0)).canonical(), (MODULUS_LOW - 1, 3));
    }

    #[test]
    fn a_burst_is_known_on_either_side_of_0() {
        for burst in [1, 0xffff, 0x8001 << 100, 0xffff << 112] {
            assert_eq!(residue(burst, 0).burst(), Some(Burst::Above(burst)));
            assert_eq!(residue(0, 0).minus(residue(burst, 0)).burst(), Some(Burst::Below(burst)));
        }
        for none in [residue(0, 0), residue(0x1_0001, 0), residue(1, 1), residue(1, 3), residue(MODULUS_LOW - 1, 2)] {
            assert_eq!(none.burst(), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_added_can_be_taken_away_and_what_is_multiplied_divided(
            a in any::<u128>(), b in any::<u128>(), high in any::<u8>(),
        ) {
            let (a, b) = (residue(a, high), residue(b, high >> 2));
            prop_assert_eq!(a.plus(b).minus(b).canonical(), a.canonical());
            prop_assert_eq!(a.times(b).times(b.inverse()).canonical(), a.canonical());
            prop_assert_eq!(a.times(b).canonical(), b.times(a).canonical());
            let sum = a.plus(b).times(b);
            prop_assert_eq!(sum.canonical(), a.times(b).plus(b.times(b)).canonical());
        }

        #[test]
        fn doubling_is_multiplying_by_two(a in any::<u128>(), high in any::<u8>()) {
            let a = residue(a, high);
            prop_assert_eq!(a.plus(a).canonical(), a.times(residue(2, 0)).canonical());
        }
    }
}
