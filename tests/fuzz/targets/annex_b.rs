//! H.264 byte streams in pieces of any size, from an encoder that may write anything at any time.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use skylark_common::h264::annex_b::{NalUnits, Splitter};
use skylark_common::h264::{AccessUnit, Assembler, NalHeader, ParameterSets, sps};
use skylark_fuzz::Pieces;

fuzz_target!(|bytes: &[u8]| {
    splitter_finds_what_is_there(bytes);
    if let Some((first, rest)) = bytes.split_first() {
        assembler(rest, Duration::from_micros(u64::from(*first) * 100));
    }
});

/// The NAL units do not depend on how the stream was cut.
fn splitter_finds_what_is_there(bytes: &[u8]) {
    let stream = Pieces(bytes).collect::<Vec<_>>().concat();
    let whole: Vec<Vec<u8>> = NalUnits::new(&stream).map(<[u8]>::to_vec).collect();
    let mut splitter = Splitter::default();
    let mut cut = Vec::new();
    for piece in Pieces(bytes) {
        splitter.push(piece, |nal| cut.push(nal.to_vec()));
    }
    splitter.finish(|nal| cut.push(nal.to_vec()));
    assert_eq!(whole, cut);
    for nal in &whole {
        let _ = sps::parse(nal);
    }
}

fn assembler(bytes: &[u8], gap: Duration) {
    let mut now = Instant::now();
    let mut assembler = Assembler::default();
    let mut sets = ParameterSets::default();
    let mut units = 0;
    for piece in Pieces(bytes) {
        now += gap;
        if assembler.poll_timeout().is_some_and(|due| due <= now) {
            assembler.handle_timeout(now);
        }
        assembler.handle_bytes(piece, now);
        units += drain(&mut assembler, &mut sets);
    }
    assembler.handle_end(now);
    units += drain(&mut assembler, &mut sets);
    assert_eq!(units, assembler.stats().units);
}

fn drain(assembler: &mut Assembler, sets: &mut ParameterSets) -> u64 {
    let mut units = 0;
    while let Some(mut assembled) = assembler.poll_unit() {
        units += 1;
        assert!(!assembled.unit.is_empty());
        let before = content(&assembled.unit);
        sets.complete(&mut assembled.unit);
        assert_eq!(content(&assembled.unit), before);
        assert_eq!(AccessUnit::from_annex_b(&assembled.unit.bytes).bytes, assembled.unit.bytes);
        let _ = sets.picture_format();
    }
    units
}

/// The NAL units that are no parameter sets, in order.
fn content(unit: &AccessUnit) -> Vec<Vec<u8>> {
    let is_set = |nal: &[u8]| NalHeader::of(nal).is_some_and(|header| header.is_parameter_set());
    unit.nal_units().filter(|nal| !is_set(nal)).map(<[u8]>::to_vec).collect()
}
