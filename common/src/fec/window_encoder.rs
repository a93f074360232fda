//! The sliding-window encoder: keeps the newest source symbols, sums any run of them into repairs.

use super::coefficients::{Coefficients, Near};
use super::gf256::COLUMN_BYTES;
use super::slots::{SLOT_BYTES, Slots};
use super::{MAX_SYMBOL_BYTES, MAX_WINDOW_SYMBOLS, RepairId, esi_after};

/// Makes repairs over the newest symbols. Owns about 2 MiB, taken once.
#[derive(Debug)]
pub struct WindowEncoder {
    /// Symbol `esi` is in slot `esi % MAX_WINDOW_SYMBOLS`.
    symbols: Slots,
    /// How many symbols are held, the newest being `next_esi - 1`.
    held: u16,
    next_esi: u32,
    repair: Box<[u8; SLOT_BYTES]>,
}

impl Default for WindowEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl WindowEncoder {
    /// An empty window; the first symbol gets ESI 0.
    pub fn new() -> Self {
        Self::starting_at(0)
    }

    /// An empty window; the first symbol gets `esi`.
    pub fn starting_at(esi: u32) -> Self {
        Self {
            symbols: Slots::new(usize::from(MAX_WINDOW_SYMBOLS)),
            held: 0,
            next_esi: esi,
            repair: Box::new([0; SLOT_BYTES]),
        }
    }

    /// Takes the next source symbol and says its ESI. In a full window the oldest gives way.
    ///
    /// # Panics
    /// If the symbol is longer than [`MAX_SYMBOL_BYTES`].
    pub fn push(&mut self, symbol: &[u8]) -> u32 {
        assert!(symbol.len() <= MAX_SYMBOL_BYTES, "a symbol of {} bytes is too long", symbol.len());
        let esi = self.next_esi;
        self.symbols.store(slot(esi), symbol);
        self.next_esi = esi.wrapping_add(1);
        self.held = (self.held + 1).min(MAX_WINDOW_SYMBOLS);
        esi
    }

    /// The ESI the next symbol will get.
    pub fn next_esi(&self) -> u32 {
        self.next_esi
    }

    /// Makes one repair per key over the symbols from `first_esi`, or the oldest still held, to the
    /// newest, of which `near` have a nibble, and hands each to `take`. A repair is as long as the longest symbol it covers. There is
    /// none if no symbol is covered. The same key twice in one window makes the same repair twice.
    pub fn repairs(&mut self, first_esi: u32, near: Near, keys: &[u16], mut take: impl FnMut(RepairId, &[u8])) {
        let wanted = u16::try_from(self.next_esi.wrapping_sub(first_esi));
        let count = wanted.map_or(self.held, |wanted| wanted.min(self.held));
        let first_esi = self.next_esi.wrapping_sub(u32::from(count));
        let lengths = (0..count).map(|at| self.symbols.len(slot(esi_after(first_esi, at))));
        let Some(len) = lengths.max() else { return };
        let symbols = self.symbols.all_padded();
        for key in keys {
            let id = RepairId { key: *key, first_esi, count, near };
            let sum = &mut self.repair[..len.next_multiple_of(COLUMN_BYTES)];
            let symbol = |at| symbols.get(slot(esi_after(first_esi, at)));
            Coefficients::new(id).sum(sum, symbol, None);
            take(id, &self.repair[..len]);
        }
    }
}

fn slot(esi: u32) -> usize {
    esi as usize % usize::from(MAX_WINDOW_SYMBOLS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Decoder;
    use crate::fec::gf256::multiply;

    fn symbol(esi: u32, len: usize) -> Vec<u8> {
        esi.to_be_bytes().map(|byte| byte.wrapping_mul(167) ^ 0x35).into_iter().cycle().take(len).collect()
    }

    #[test]
    fn a_repair_is_the_sum_of_coefficients_times_symbols() {
        let first = 0_u32.wrapping_sub(20);
        let mut encoder = WindowEncoder::starting_at(first);
        let symbols: Vec<_> = (0..60).map(|at| symbol(first.wrapping_add(at), 1405 - at as usize % 7 * 200)).collect();
        for (at, symbol) in (0..).zip(&symbols) {
            assert_eq!(encoder.push(symbol), first.wrapping_add(at));
        }
        let keys: Vec<u16> = (0..61).map(|at| at * 1071).collect();
        let mut repairs = Vec::new();
        encoder.repairs(first, Near::covering(20), &keys, |id, repair| repairs.push((id, repair.to_vec())));
        assert_eq!(repairs.len(), keys.len());
        for (key, (id, repair)) in keys.into_iter().zip(repairs) {
            assert_eq!(id, RepairId { key, first_esi: first, count: 60, near: Near::covering(20) });
            let mut expected = vec![0; 1405];
            for (symbol, coefficient) in symbols.iter().zip(Coefficients::new(id).iter()) {
                expected.iter_mut().zip(symbol).for_each(|(sum, &byte)| *sum ^= multiply(coefficient, byte));
            }
            assert_eq!(repair, expected, "key {key}");
        }
    }

    #[test]
    fn a_repair_is_as_long_as_the_longest_symbol_it_covers() {
        let mut encoder = WindowEncoder::new();
        for (esi, len) in [1400, 30, 70, 5].into_iter().enumerate() {
            encoder.push(&symbol(u32::try_from(esi).unwrap(), len));
        }
        for (first_esi, expected) in [(0, 1400), (1, 70), (2, 70), (3, 5)] {
            encoder.repairs(first_esi, Near::default(), &[9], |_, repair| assert_eq!(repair.len(), expected));
        }
    }

    #[test]
    fn the_oldest_symbol_gives_way_in_a_full_window() {
        let mut encoder = WindowEncoder::new();
        for esi in 0..u32::from(MAX_WINDOW_SYMBOLS) + 3 {
            encoder.push(&symbol(esi, 10));
        }
        let mut ids = Vec::new();
        encoder.repairs(0, Near::default(), &[7], |id, _| ids.push(id));
        assert_eq!(ids, [RepairId { key: 7, first_esi: 3, count: MAX_WINDOW_SYMBOLS, near: Near::default() }]);
    }

    /// Units of `count` symbols with repairs over nothing else, 2 % of all lost: how many of a thousand stay incomplete
    /// though as many repairs came as symbols were lost.
    fn incomplete_permille(count: u32, redundancy_percent: u32) -> u32 {
        let (mut encoder, mut decoder, mut state) = (WindowEncoder::new(), Decoder::new(), 1_u64);
        let mut is_lost = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 50 == 0
        };
        let (mut incomplete, mut repair) = (0, 0);
        for unit in 0..2000 {
            let (mut lost, mut helped) = (Vec::new(), 0);
            for esi in unit * count..(unit + 1) * count {
                encoder.push(&symbol(esi, 8));
                if is_lost() { lost.push(esi) } else { _ = decoder.handle_source(esi, &symbol(esi, 8)) }
            }
            let next = (unit + 1) * count * redundancy_percent / 100;
            let keys: Vec<u16> = (repair..next).map(|key| u16::try_from(key % 0x1_0000).unwrap()).collect();
            encoder.repairs(unit * count, Near::covering(count), &keys, |id, repair| {
                if !is_lost() {
                    helped += 1;
                    decoder.handle_window_repair(id, repair).unwrap();
                }
            });
            repair = next;
            while decoder.poll_recovered().is_some() {}
            incomplete += u32::from(lost.len() <= helped && lost.iter().any(|esi| !decoder.is_known(*esi)));
        }
        incomplete / 2
    }

    #[test]
    fn units_of_any_size_need_hardly_more_repairs_than_they_lost_packets() {
        for count in [16, 24, 40, 60, 128] {
            for redundancy_percent in [10, 25] {
                let incomplete = incomplete_permille(count, redundancy_percent);
                assert!(incomplete <= 6, "{incomplete} of 1000 units of {count} at {redundancy_percent} %");
            }
        }
    }

    #[test]
    fn nothing_covered_makes_no_repair() {
        let mut encoder = WindowEncoder::new();
        encoder.repairs(0, Near::default(), &[1], |_, _| panic!("the window is empty"));
        encoder.push(&[1, 2, 3]);
        encoder.repairs(1, Near::default(), &[1], |_, _| panic!("ESI 1 is yet to come"));
    }
}
