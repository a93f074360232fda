//! The coefficients of a window repair: a nibble for each of the newest symbols it covers, a bit for each older one.
//!
//! What a repair is for is the unit just sent, and one repair must bring back one packet of it: its symbols have
//! coefficients that are never zero and seldom alike. Older symbols are covered by many repairs, of which each
//! may leave some out: there a bit does. Neither needs products (the field's element 2 is x):
//! ```text
//! Σ nibble · symbol = ((x · Σ₃ + Σ₂) · x + Σ₁) · x + Σ₀,   Σₙ: the sum of the symbols with bit n in their nibble
//! ```

use super::gf256::{Engine, PlainSum};
use super::slots::SLOT_BYTES;
use super::tinymt32::TinyMt32;
use super::{MAX_WINDOW_SYMBOLS, RepairId};

/// The most symbols that have a nibble: units at 30 Mbit/s and 60 a second have half as many.
const MAX_NEAR: u16 = 128;
/// Bits of a nibble.
const NIBBLE_BITS: u32 = 4;

/// A symbol and the zeros behind it.
type Slot = [u8; SLOT_BYTES];

/// How many of the newest symbols a repair covers have a nibble: 16, 32, 64 or 128, or all if there are fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// How often 16 is doubled.
    doublings: u8,
}

impl Near {
    /// The fewest that a unit of so many symbols is among. Of a unit of more than 128 the rest has bits.
    #[must_use]
    pub fn covering(symbols: u32) -> Self {
        (1..).map_while(Self::from_form).find(|near| u32::from(near.count()) >= symbols).unwrap_or(Self::MOST)
    }

    /// What a form in a repair's head means, docs/PROTOCOL.md: 1 to 4, none else.
    #[must_use]
    pub fn from_form(form: u16) -> Option<Self> {
        let doublings = u8::try_from(form.checked_sub(1)?).ok()?;
        (doublings <= Self::MOST.doublings).then_some(Self { doublings })
    }

    /// The form in a repair's head, 1 to 4.
    #[must_use]
    pub fn form(self) -> u16 {
        u16::from(self.doublings) + 1
    }

    const MOST: Self = Self { doublings: 3 };

    const fn count(self) -> u16 {
        16 << self.doublings
    }
}

const _: () = assert!(Near::MOST.count() == MAX_NEAR);

/// The coefficients of one repair.
#[derive(Clone, Debug)]
pub(super) struct Coefficients {
    /// The older symbols' bits, the oldest symbol's lowest in the first word. Behind the last one all are 0.
    far: [u32; MAX_WINDOW_SYMBOLS as usize / 32],
    far_count: u16,
    /// The newest symbols' nibbles, the oldest first. Behind the last one all are 0.
    near: [u8; MAX_NEAR as usize],
    near_count: u16,
}

impl Coefficients {
    /// Those of a repair, of at most [`MAX_WINDOW_SYMBOLS`] symbols.
    pub(super) fn new(id: RepairId) -> Self {
        let near_count = id.count.min(id.near.count());
        let far_count = id.count.min(MAX_WINDOW_SYMBOLS) - near_count;
        let mut generator = TinyMt32::new(u32::from(id.key));
        let mut far = [0; MAX_WINDOW_SYMBOLS as usize / 32];
        for (place, first) in far.iter_mut().zip((0..far_count).step_by(32)) {
            let behind_last = u32::MAX.checked_shl(u32::from(far_count - first)).unwrap_or(0);
            *place = generator.next_u32() & !behind_last;
        }
        let (mut near, mut word) = ([0; MAX_NEAR as usize], 0);
        for place in near.iter_mut().take(usize::from(near_count)) {
            while *place == 0 {
                word = if word == 0 { generator.next_u32() } else { word };
                *place = (word & 0x0f) as u8;
                word >>= NIBBLE_BITS;
            }
        }
        Self { far, far_count, near, near_count }
    }

    /// All of them, the oldest symbol's first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        let far = (0..self.far_count).map(|at| u8::from(self.far[usize::from(at) / 32] >> (at % 32) & 1 == 1));
        far.chain(self.near.into_iter().take(usize::from(self.near_count)))
    }

    /// Overwrites `sum` with the coefficients times the symbols, plus `rest`. Of the symbols, told apart by how many
    /// the repair covers before them, those that are `None` are left out.
    pub(super) fn sum<'a>(&self, sum: &mut [u8], symbol: impl Fn(u16) -> Option<&'a Slot>, rest: Option<&'a Slot>) {
        let engine = Engine::best();
        if engine.has_fast_products() {
            self.sum_near_by_products(engine, sum, &symbol);
        } else {
            self.sum_near_by_planes(engine, sum, &symbol);
        }
        let mut sum = PlainSum::onto(engine, sum);
        for (first, word) in (0..self.far_count).step_by(32).zip(self.far) {
            for bit in bits(word) {
                symbol(first + bit).into_iter().for_each(|symbol| sum.add(symbol));
            }
        }
        rest.into_iter().for_each(|rest| sum.add(rest));
        sum.finish();
    }

    /// Overwrites `sum` with the nibbles times their symbols, bit by bit.
    fn sum_near_by_planes<'a>(&self, engine: Engine, sum: &mut [u8], symbol: impl Fn(u16) -> Option<&'a Slot>) {
        let mut sum = PlainSum::on(engine, sum);
        for bit in (0..NIBBLE_BITS).rev() {
            sum.double();
            for (at, nibble) in self.near() {
                if nibble >> bit & 1 == 1 {
                    symbol(at).into_iter().for_each(|symbol| sum.add(symbol));
                }
            }
        }
        sum.finish();
    }

    /// The same by as many products.
    fn sum_near_by_products<'a>(&self, engine: Engine, sum: &mut [u8], symbol: impl Fn(u16) -> Option<&'a Slot>) {
        engine.dot([sum], self.near().filter_map(|(at, nibble)| Some(([nibble], &symbol(at)?[..]))));
    }

    /// The newest symbols, told apart by how many are before them, and their nibbles.
    fn near(&self) -> impl Iterator<Item = (u16, u8)> + Clone {
        (self.far_count..).zip(self.near).take(usize::from(self.near_count))
    }
}

/// The positions of the ones in `word`, lowest first.
fn bits(mut word: u32) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        #[expect(clippy::cast_possible_truncation, reason = "less than 32")]
        let lowest = (word != 0).then_some(word.trailing_zeros() as u16);
        word &= word.wrapping_sub(1);
        lowest
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::gf256::multiply;
    use crate::fec::slots::Slots;

    /// The rule of docs/PROTOCOL.md, a bit and a nibble at a time.
    fn drawn(key: u16, count: usize, near: usize) -> Vec<u8> {
        let mut generator = TinyMt32::new(u32::from(key));
        let far = count.saturating_sub(near);
        let words: Vec<u32> = (0..far.div_ceil(32)).map(|_| generator.next_u32()).collect();
        let mut drawn: Vec<u8> = (0..far).map(|at| u8::from(words[at / 32] & 1 << (at % 32) != 0)).collect();
        while drawn.len() < count {
            let word = generator.next_u32();
            let nibbles = (0..8).map(|at| u8::try_from(word >> (4 * at) & 0xf).unwrap());
            drawn.extend(nibbles.filter(|&nibble| nibble != 0));
        }
        drawn.truncate(count);
        drawn
    }

    fn coefficients(key: u16, count: u16, form: u16) -> Coefficients {
        Coefficients::new(RepairId { key, first_esi: 0, count, near: Near::from_form(form).unwrap() })
    }

    #[test]
    fn coefficients_are_drawn_as_documented() {
        for (key, form) in (0..=u16::MAX).step_by(257).zip((1..=4).cycle()) {
            for count in [1, 2, 15, 16, 17, 18, 47, 48, 49, 80, 81, 128, 129, 160, 500, 1023, 1024] {
                let found: Vec<u8> = coefficients(key, count, form).iter().collect();
                let expected = drawn(key, usize::from(count), 8 << form);
                assert_eq!(found, expected, "key {key}, {count} symbols, form {form}");
            }
        }
    }

    #[test]
    fn a_form_is_the_least_that_covers_the_unit() {
        for (symbols, form) in
            [(0, 1), (1, 1), (16, 1), (17, 2), (32, 2), (33, 3), (64, 3), (65, 4), (128, 4), (512, 4)]
        {
            assert_eq!(Near::covering(symbols).form(), form, "{symbols} symbols");
        }
        assert_eq!([0, 5, 15, 257, u16::MAX].map(Near::from_form), [None; 5]);
    }

    #[test]
    fn the_newest_symbols_are_never_left_out() {
        for key in 0..=u16::MAX {
            assert!(coefficients(key, 40, 1).iter().skip(24).all(|nibble| (1..16).contains(&nibble)));
        }
    }

    #[test]
    fn every_engine_and_both_ways_make_the_same_of_the_newest_symbols() {
        let mut slots = Slots::new(40);
        (0..40_u8).for_each(|at| slots.store(at.into(), &[at * 5; 100]));
        let (near, known) = (coefficients(7, 40, 2), |at: u16| (at != 12).then(|| slots.padded(usize::from(at))));
        let mut expected = [0xee; 128];
        near.sum_near_by_products(Engine::best(), &mut expected, known);
        for engine in Engine::available() {
            let (mut planes, mut products) = ([0xee; 128], [0xee; 128]);
            near.sum_near_by_planes(engine, &mut planes, known);
            near.sum_near_by_products(engine, &mut products, known);
            assert_eq!((planes, products), (expected, expected), "{}", engine.name());
        }
    }

    #[test]
    fn the_sum_is_that_of_the_products() {
        for (key, count, form) in [(1, 1, 1), (2, 16, 1), (3, 17, 1), (4, 100, 3), (0xffff, 1024, 4)] {
            let mut slots = Slots::new(usize::from(count) + 1);
            for at in 0..usize::from(count) + 1 {
                let byte = |index: usize| u8::try_from((at * 31 + index * 7) % 256).unwrap();
                slots.store(at, &(0..100).map(byte).collect::<Vec<_>>());
            }
            let known = |at: u16| (at % 5 != 3).then(|| slots.padded(usize::from(at)));
            let rest = slots.padded(usize::from(count));
            let mut expected = rest[..128].to_vec();
            for (at, coefficient) in (0..).zip(drawn(key, usize::from(count), 8 << form)) {
                let symbol = known(at).map_or(&[][..], |symbol| &symbol[..]);
                expected.iter_mut().zip(symbol).for_each(|(sum, &byte)| *sum ^= multiply(coefficient, byte));
            }
            let mut found = [0xee; 128];
            coefficients(key, count, form).sum(&mut found, known, Some(rest));
            assert_eq!(found, expected[..], "key {key}, {count} symbols");
        }
    }
}
