//! The decoder against a textbook elimination and absurd input.

use proptest::prelude::*;

use super::matrix::MAX_REPAIRS;
use super::*;
use crate::fec::coefficients::Coefficients;
use crate::fec::gf256::{invert, multiply};
use crate::fec::{BlockEncoder, Near, WindowEncoder, esi_after};

/// The bytes of symbol `esi`: 1 to 200 of them.
fn symbol(esi: u32) -> Vec<u8> {
    let mut state = esi.wrapping_mul(0x9e37_79b9) | 1;
    let len = 1 + state.rotate_left(9) as usize % 200;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Checks the decoder's symbol `esi` byte for byte, zeros behind its end aside.
fn assert_right(decoder: &Decoder, esi: u32) {
    let expected = symbol(esi);
    let (found, zeros) = decoder.symbol(esi).unwrap().split_at(expected.len());
    assert_eq!(found, expected, "symbol {esi}");
    assert!(zeros.iter().all(|&byte| byte == 0));
}

fn drain(decoder: &mut Decoder) -> Vec<u32> {
    decoder.check_invariants();
    let recovered: Vec<_> = std::iter::from_fn(|| decoder.poll_recovered()).collect();
    recovered.iter().for_each(|&esi| assert_right(decoder, esi));
    recovered
}

/// A sender's source packets, and repairs over some windows of them.
#[derive(Clone, Debug)]
struct Stream {
    first: u32,
    sources: u32,
    repairs: Vec<(RepairId, Vec<u8>)>,
}

impl Stream {
    fn new(first: u32, sources: u32, windows: &[(u32, u32, u16)]) -> Self {
        let mut repairs = Vec::new();
        for &(start, count, key) in windows {
            let mut encoder = WindowEncoder::starting_at(first.wrapping_add(start));
            (0..count).for_each(|at| {
                encoder.push(&symbol(first.wrapping_add(start + at)));
            });
            encoder.repairs(first.wrapping_add(start), Near::covering(u32::from(key) % 40), &[key], |id, repair| {
                repairs.push((id, repair.to_vec()))
            });
        }
        Self { first, sources, repairs }
    }

    /// What the textbook determines from `heard` sources and all repairs: reduced row echelon form over
    /// the missing symbols; a row with one of them is a solution.
    fn determined(&self, heard: &[bool]) -> Vec<bool> {
        let mut rows: Vec<Vec<u8>> = self.repairs.iter().map(|(id, _)| self.missing_part(*id, heard)).collect();
        let mut rank = 0;
        for column in 0..heard.len() {
            let Some(at) = (rank..rows.len()).find(|&row| rows[row][column] != 0) else { continue };
            rows.swap(rank, at);
            let pivot = rows[rank].clone();
            for (_, row) in rows.iter_mut().enumerate().filter(|(row, _)| *row != rank) {
                let factor = multiply(row[column], invert(pivot[column]));
                row.iter_mut().zip(&pivot).for_each(|(sum, &byte)| *sum ^= multiply(factor, byte));
            }
            rank += 1;
        }
        let solves = |row: &&Vec<u8>| row.iter().filter(|&&coefficient| coefficient != 0).count() == 1;
        let mut determined = heard.to_vec();
        for row in rows.iter().filter(solves) {
            let column = row.iter().position(|&coefficient| coefficient != 0);
            determined[column.unwrap()] = true;
        }
        determined
    }

    fn missing_part(&self, id: RepairId, heard: &[bool]) -> Vec<u8> {
        let mut row = vec![0; heard.len()];
        let start = id.first_esi.wrapping_sub(self.first) as usize;
        for (column, coefficient) in (start..).zip(Coefficients::new(id).iter()) {
            row[column] = if heard[column] { 0 } else { coefficient };
        }
        row
    }
}

/// Sources 0 to 29, of which some are heard, and repairs over random parts of them, in any order.
fn stream_and_arrivals() -> impl Strategy<Value = (Stream, Vec<bool>, Vec<usize>)> {
    let window =
        (0..30_u32, 1..=30_u32, any::<u16>()).prop_map(|(start, count, key)| (start, count.min(30 - start), key));
    let streams = (prop_oneof![Just(u32::MAX - 11), any::<u32>()], prop::collection::vec(window, 0..25));
    (streams, prop::collection::vec(any::<bool>(), 30)).prop_flat_map(|((first, windows), heard)| {
        let packets: Vec<usize> = (0..30).filter(|&at| heard[at]).chain(30..30 + windows.len()).collect();
        let stream = (Just(first), Just(windows)).prop_map(|(first, windows)| Stream::new(first, 30, &windows));
        (stream, Just(heard), Just(packets).prop_shuffle())
    })
}

fn arrive(decoder: &mut Decoder, stream: &Stream, packet: usize) {
    let at = u32::try_from(packet).unwrap();
    if at < stream.sources {
        let esi = stream.first.wrapping_add(at);
        decoder.handle_source(esi, &symbol(esi));
    } else {
        let (id, repair) = &stream.repairs[packet - stream.sources as usize];
        decoder.handle_window_repair(*id, repair).unwrap();
    }
}

proptest! {
    #[test]
    fn exactly_what_is_determined_is_recovered((stream, heard, arrivals) in stream_and_arrivals()) {
        let mut decoder = Decoder::new();
        for packet in arrivals {
            arrive(&mut decoder, &stream, packet);
            drain(&mut decoder);
        }
        let esis = (0..stream.sources).map(|at| stream.first.wrapping_add(at));
        let known: Vec<bool> = esis.map(|esi| decoder.is_known(esi)).collect();
        prop_assert_eq!(known, stream.determined(&heard));
    }

    #[test]
    fn what_is_recovered_is_right_whenever_symbols_are_given_up(
        (stream, _, arrivals) in stream_and_arrivals(),
        retire in prop::collection::vec(prop::option::weighted(0.2, 0..30_u32), 60),
    ) {
        let mut decoder = Decoder::new();
        for (packet, retire) in arrivals.into_iter().zip(retire) {
            arrive(&mut decoder, &stream, packet);
            drain(&mut decoder);
            if let Some(at) = retire {
                decoder.retire_before(stream.first.wrapping_add(at));
                decoder.check_invariants();
            }
        }
    }

    #[test]
    fn absurd_packets_are_counted_and_nothing_else(
        packets in prop::collection::vec((any::<u8>(), near_or_far(), any::<[u8; 4]>(), 0..2100_usize), 0..60)
    ) {
        let mut decoder = Decoder::new();
        for (kind, first_esi, [k, m, index, key], len) in &packets {
            let payload = vec![*index; *len];
            let (first_esi, key, count) = (*first_esi, u16::from(*key), u16::from_be_bytes([k % 8, *m]));
            let block = BlockId { first_esi, k: *k, m: *m, index: *index };
            match kind % 4 {
                0 => decoder.retire_before(first_esi.wrapping_sub(50)),
                1 => {
                    decoder.handle_source(first_esi, &payload);
                }
                2 => {
                    let _ = decoder.handle_window_repair(RepairId { key, first_esi, count, near: Near::default() }, &payload);
                }
                _ => {
                    let _ = decoder.handle_block_repair(block, &payload);
                }
            }
            decoder.check_invariants();
        }
        let heard = packets.iter().filter(|packet| packet.0 % 4 != 0).count() as u64;
        let stats = decoder.stats();
        let sources = stats.sources + stats.sources_duplicate + stats.sources_late + stats.sources_refused;
        let repairs = stats.repairs_useful + stats.repairs_unneeded + stats.repairs_late + stats.repairs_refused;
        prop_assert_eq!(sources + repairs, heard);
    }
}

fn near_or_far() -> impl Strategy<Value = u32> {
    prop_oneof![8 => (0..300_u32).prop_map(|at| at.wrapping_sub(100)), 1 => any::<u32>()]
}

#[test]
fn what_comes_after_a_repair_serves_it_as_what_came_before() {
    let windows: Vec<_> = (1..=12).map(|key| (0, 60, key)).collect();
    let stream = Stream::new(0, 60, &windows);
    let lost = |esi: &usize| (11..22).contains(esi);
    for early in [0, 7, 30, 60] {
        let mut decoder = Decoder::new();
        let (before, after) = (0..early, early..60);
        for packet in before.filter(|esi| !lost(esi)).chain(60..72).chain(after.filter(|esi| !lost(esi))) {
            arrive(&mut decoder, &stream, packet);
        }
        drain(&mut decoder);
        assert!((0..60).all(|esi| decoder.is_known(esi)), "{early} sources before the repairs");
    }
}

#[test]
fn a_repair_with_nothing_to_repair_is_dropped() {
    let stream = Stream::new(5, 10, &[(0, 10, 3)]);
    let mut decoder = Decoder::new();
    for packet in 0..11 {
        arrive(&mut decoder, &stream, packet);
    }
    assert_eq!(decoder.stats(), DecoderStats { sources: 10, repairs_unneeded: 1, ..DecoderStats::default() });
}

#[test]
fn what_equations_say_about_later_symbols_outlives_the_earlier_ones() {
    let stream = Stream::new(0, 5, &[(0, 4, 1), (0, 4, 2), (1, 4, 3)]);
    let mut decoder = Decoder::new();
    for packet in [3, 4, 5, 6] {
        arrive(&mut decoder, &stream, packet);
    }
    assert_eq!(drain(&mut decoder), [0; 0], "three missing, two equations");
    decoder.retire_before(1);
    arrive(&mut decoder, &stream, 7);
    let mut recovered = drain(&mut decoder);
    recovered.sort_unstable();
    assert_eq!(recovered, [1, 2]);
    assert!(!decoder.is_known(0));
}

#[test]
fn a_symbol_far_ahead_moves_the_window_and_older_ones_are_late() {
    let mut decoder = Decoder::new();
    decoder.handle_source(7, &symbol(7));
    decoder.handle_source(1_000_000, &symbol(1_000_000));
    assert_eq!(decoder.symbol(7), None);
    assert!(!decoder.handle_source(7, &symbol(7)));
    assert_eq!(decoder.stats().sources_late, 1);
    let stream = Stream::new(999_990, 20, &[(0, 20, 9)]);
    arrive(&mut decoder, &stream, 20);
    assert_eq!((decoder.end_esi(), decoder.newest_repair_first_esi()), (Some(1_000_010), Some(999_990)));
}

#[test]
fn symbols_given_up_all_at_once_leave_nothing_behind() {
    let stream = Stream::new(0, 45, &[(0, 40, 1), (20, 20, 2), (40, 5, 3), (40, 5, 4)]);
    let mut decoder = Decoder::new();
    (0..10).chain(45..47).for_each(|packet| arrive(&mut decoder, &stream, packet));
    assert_eq!(drain(&mut decoder), [0; 0]);
    decoder.retire_before(40);
    (42..45).chain(47..49).for_each(|packet| arrive(&mut decoder, &stream, packet));
    let mut recovered = drain(&mut decoder);
    recovered.sort_unstable();
    assert_eq!(recovered, [40, 41]);
}

#[test]
fn a_flood_of_repairs_for_what_never_comes_keeps_to_its_bounds_and_the_newest_still_work() {
    let mut decoder = Decoder::new();
    let limit = MAX_REPAIRS + 200;
    for key in 0..u16::try_from(limit).unwrap() {
        let id = RepairId { key, first_esi: u32::from(key), count: MAX_WINDOW_SYMBOLS, near: Near::default() };
        decoder.handle_window_repair(id, &[1]).unwrap();
    }
    decoder.check_invariants();
    assert_eq!(decoder.stats().repairs_useful, limit as u64);
    let stream = Stream::new(2000, 40, &[(0, 40, 1), (0, 40, 2), (20, 20, 3)]);
    for packet in (0..37).chain(40..43) {
        arrive(&mut decoder, &stream, packet);
    }
    let mut recovered = drain(&mut decoder);
    recovered.sort_unstable();
    assert_eq!(recovered, [2037, 2038, 2039]);
}

#[test]
fn ids_and_payloads_that_cannot_be_are_refused() {
    let mut decoder = Decoder::new();
    let window = |count| RepairId { key: 1, first_esi: 0, count, near: Near::default() };
    assert_eq!(decoder.handle_window_repair(window(0), &[1]), Err(RepairError::Window { found: 0 }));
    assert_eq!(decoder.handle_window_repair(window(1025), &[1]), Err(RepairError::Window { found: 1025 }));
    assert_eq!(decoder.handle_window_repair(window(1), &[]), Err(RepairError::Length { found_bytes: 0 }));
    let long = [0; MAX_SYMBOL_BYTES + 1];
    assert_eq!(decoder.handle_window_repair(window(1), &long), Err(RepairError::Length { found_bytes: 2054 }));
    assert!(!decoder.handle_source(0, &long));
    for (k, m, index) in [(0, 1, 0), (1, 0, 0), (4, 2, 2), (127, 2, 0), (255, 255, 0)] {
        let id = BlockId { first_esi: 0, k, m, index };
        assert_eq!(decoder.handle_block_repair(id, &[1]), Err(RepairError::Block { k, m, index }));
    }
    let block = |index| BlockId { first_esi: 0, k: 9, m: 3, index };
    assert_eq!(decoder.handle_block_repair(block(0), &[1, 2]), Ok(()));
    let differs = RepairError::BlockLength { found_bytes: 1, expected_bytes: 2 };
    assert_eq!(decoder.handle_block_repair(block(1), &[1]), Err(differs));
    assert_eq!(decoder.stats().repairs_refused, 10);
}

/// The packets of a unit of `count` symbols and its block repairs, one in `lost_each` of them lost.
fn block_unit(count: u32, repairs: usize, lost_each: usize) -> (Decoder, usize) {
    let first = 0_u32.wrapping_sub(5);
    let (mut encoder, mut decoder) = (BlockEncoder::starting_at(first), Decoder::new());
    let mut lost = 0;
    for at in 0..count {
        let esi = encoder.push(&symbol(first.wrapping_add(at)));
        if (at as usize).is_multiple_of(lost_each) {
            lost += 1;
        } else {
            decoder.handle_source(esi, &symbol(esi));
        }
    }
    encoder.finish_unit(repairs, |id, repair| {
        assert!(u16::from(id.k) + u16::from(id.m) <= u16::from(crate::fec::MAX_BLOCK_SYMBOLS));
        decoder.handle_block_repair(id, repair).unwrap();
    });
    let recovered = drain(&mut decoder).len();
    assert!(recovered == lost || recovered == 0);
    (decoder, recovered)
}

#[test]
fn a_block_with_enough_repairs_is_whole() {
    assert_eq!(block_unit(12, 6, 2).1, 6);
    assert_eq!(block_unit(12, 5, 2).1, 0);
    assert_eq!(block_unit(1, 1, 1).1, 1);
}

#[test]
fn blocks_are_decoded_however_many_were_before() {
    let (mut encoder, mut decoder) = (BlockEncoder::new(), Decoder::new());
    for unit in 0..200 {
        for at in 0..6 {
            let esi = encoder.push(&symbol(unit * 6 + at));
            if at != unit % 6 {
                decoder.handle_source(esi, &symbol(esi));
            }
        }
        encoder.finish_unit(1, |id, repair| decoder.handle_block_repair(id, repair).unwrap());
        assert_eq!(drain(&mut decoder), [unit * 6 + unit % 6]);
    }
}

#[test]
fn a_unit_too_large_for_one_block_is_split_in_equal_ones() {
    let (decoder, recovered) = block_unit(300, 100, 4);
    assert_eq!(recovered, 75);
    assert_eq!(decoder.stats().repairs_useful + decoder.stats().repairs_unneeded, 100);
}

#[test]
fn a_late_source_completes_a_block() {
    let (mut encoder, mut decoder) = (BlockEncoder::new(), Decoder::new());
    (0..3).for_each(|esi| {
        encoder.push(&symbol(esi));
    });
    encoder.finish_unit(1, |id, repair| decoder.handle_block_repair(id, repair).unwrap());
    assert_eq!(drain(&mut decoder), [0; 0]);
    decoder.handle_source(2, &symbol(2));
    decoder.handle_source(0, &symbol(0));
    assert_eq!(drain(&mut decoder), [1]);
}

#[test]
fn what_one_code_recovers_helps_the_other() {
    let stream = Stream::new(0, 12, &[(0, 12, 1), (0, 12, 2)]);
    let (mut encoder, mut decoder) = (BlockEncoder::new(), Decoder::new());
    for packet in (4..12).chain([12, 13]) {
        arrive(&mut decoder, &stream, packet);
    }
    (0..3).for_each(|esi| {
        encoder.push(&symbol(esi));
    });
    encoder.finish_unit(2, |id, repair| decoder.handle_block_repair(id, repair).unwrap());
    assert_eq!(drain(&mut decoder), [0; 0]);
    decoder.handle_source(1, &symbol(1));
    assert_eq!(drain(&mut decoder), [0, 2, 3]);
}

#[test]
fn symbols_at_the_wrap_are_neighbours() {
    let stream = Stream::new(u32::MAX - 3, 8, &[(0, 8, 1), (2, 6, 2)]);
    let mut decoder = Decoder::new();
    for packet in [0, 1, 2, 5, 6, 7, 8, 9] {
        arrive(&mut decoder, &stream, packet);
    }
    let mut recovered = drain(&mut decoder);
    recovered.sort_unstable();
    assert_eq!(recovered, [esi_after(stream.first, 4), esi_after(stream.first, 3)]);
}
