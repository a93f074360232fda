//! What the codes cost: kernels, window and block, beside `memcpy` and `reed-solomon-erasure`.
//!
//! `mul-add` counts every source byte once for each sum it is multiplied and added into.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "measure/median.rs"]
mod median;

use std::hint::black_box;

use median::median_us;
use reed_solomon_erasure::galois_8::ReedSolomon;
use skylark_common::fec::gf256::Engine;
use skylark_common::fec::{BlockEncoder, BlockId, Decoder, Near, RepairId, WindowEncoder};
use skylark_common::wfb_ng::reed_solomon;
use skylark_common::wfb_ng::session::BlockCode;

const SYMBOL_BYTES: usize = 1400;

/// Rounds a figure is the median of.
const ROUNDS: usize = 501;

/// What every figure is compared with, in µs.
#[derive(Clone, Copy)]
struct Yardsticks {
    reed_solomon_us: f64,
    memcpy_us: f64,
}

fn main() {
    let yardsticks = Yardsticks { reed_solomon_us: reed_solomon_us(), memcpy_us: memcpy_us() };
    println!("{SYMBOL_BYTES} bytes a symbol, median of {ROUNDS} rounds, best engine: {}", Engine::best().name());
    println!("8 sources, 4 repairs               µs   GB/s mul-add   × r-s-e   ÷ memcpy of the 12");
    row("memcpy of all 12", yardsticks.memcpy_us, yardsticks);
    row("reed-solomon-erasure", yardsticks.reed_solomon_us, yardsticks);
    for engine in Engine::available() {
        row(engine.name(), kernel_us(engine), yardsticks);
    }
    println!("\nwhole codes                        µs   GB/s mul-add");
    whole("window encode 60 + 8", window_encode_us(), 60 * 8);
    whole("window encode 60 + 30", window_encode_many_us(), 60 * 30);
    whole("window decode 20 of 60", window_decode_us(), 60 * 20);
    whole("window decode 4 of 60", window_decode_few_us(), 60 * 4);
    whole("block encode 12 + 6", block_encode_us(), 12 * 6);
    whole("block decode 6 of 12", block_decode_us(), 12 * 6);
    whole("WFB-NG encode 8 + 4", wfb_ng_encode_us(), 8 * 4);
    whole("WFB-NG decode 4 of 8", wfb_ng_decode_us(), 8 * 4);
    println!("60 sources, nothing lost: {:.3} µs; with 8 repairs: {:.3} µs", quiet_us(0), quiet_us(8));
}

fn row(name: &str, us: f64, yardsticks: Yardsticks) {
    let rate = rate(32, us);
    let (faster, slower) = (yardsticks.reed_solomon_us / us, us / yardsticks.memcpy_us);
    println!("{name:28} {us:8.3} {rate:14.1} {faster:9.1} {slower:10.2}");
}

fn whole(name: &str, us: f64, products: u32) {
    println!("{name:28} {us:8.2} {:14.1}", rate(products, us));
}

fn rate(products: u32, us: f64) -> f64 {
    f64::from(products) * SYMBOL_BYTES as f64 / us / 1e3
}

fn symbol(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..SYMBOL_BYTES).map(|_| next()).collect()
}

fn symbols(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(symbol).collect()
}

fn memcpy_us() -> f64 {
    let (sources, mut targets) = (symbols(12), symbols(12));
    median_us::<ROUNDS>(|| {
        for (target, source) in targets.iter_mut().zip(&sources) {
            black_box(&mut target[..]).copy_from_slice(black_box(source));
        }
    })
}

fn reed_solomon_us() -> f64 {
    let codec = ReedSolomon::new(8, 4).unwrap();
    let (sources, mut repairs) = (symbols(8), symbols(4));
    median_us::<ROUNDS>(|| codec.encode_sep(black_box(&sources), black_box(&mut repairs)).unwrap())
}

fn kernel_us(engine: Engine) -> f64 {
    let sources = symbols(8);
    let coefficients = symbols(1).remove(0).as_chunks::<4>().0.to_vec();
    let mut repairs = [[0; SYMBOL_BYTES]; 4];
    median_us::<ROUNDS>(|| {
        let terms = black_box(&coefficients).iter().copied().zip(sources.iter().map(Vec::as_slice));
        engine.dot(repairs.each_mut().map(|repair| &mut repair[..]), terms);
        black_box(&mut repairs);
    })
}

fn encode_us(keys: &[u16]) -> f64 {
    let mut encoder = WindowEncoder::new();
    for symbol in symbols(60) {
        encoder.push(&symbol);
    }
    median_us::<ROUNDS>(|| {
        encoder.repairs(0, Near::default(), keys, |_, repair| {
            black_box(repair);
        });
    })
}

fn window_encode_us() -> f64 {
    encode_us(&(0..8).collect::<Vec<_>>())
}

fn window_encode_many_us() -> f64 {
    encode_us(&(0..30).collect::<Vec<_>>())
}

/// Repairs more than are lost: bits are seldom independent of each other at once. They come last and are not needed.
const SPARE: usize = 8;

/// What a receiver spends on `lost` symbols of 60 beyond what it spends on the 60 when all are there:
/// the repairs, and the sums they solve.
fn decode_us(lost: u32) -> f64 {
    let sources = symbols(60);
    let mut repairs: Vec<(RepairId, Vec<u8>)> = Vec::new();
    let mut encoder = WindowEncoder::new();
    for symbol in &sources {
        encoder.push(symbol);
    }
    let keys: Vec<u16> = (0..60).take(lost as usize + SPARE).collect();
    encoder.repairs(0, Near::default(), &keys, |id, repair| repairs.push((id, repair.to_vec())));
    let mut decoder = Decoder::new();
    let mut first = 0_u32;
    let mut once = |lost: u32| {
        for (at, symbol) in (0..).zip(&sources) {
            if at >= lost {
                decoder.handle_source(first + at, symbol);
            }
        }
        for (id, repair) in repairs.iter().filter(|_| lost > 0) {
            decoder.handle_window_repair(RepairId { first_esi: first, ..*id }, repair).unwrap();
        }
        while let Some(esi) = decoder.poll_recovered() {
            black_box(decoder.symbol(esi));
        }
        first += 60;
    };
    let all = median_us::<ROUNDS>(|| once(0));
    let some = median_us::<ROUNDS>(|| once(lost));
    let stats = decoder.stats();
    assert!(stats.recovered > 0 && stats.recovered == stats.repairs_useful, "{stats:?}");
    assert_eq!(stats.recovered % u64::from(lost), 0, "{stats:?}");
    some - all * f64::from(60 - lost) / 60.0
}

fn window_decode_us() -> f64 {
    decode_us(20)
}

fn window_decode_few_us() -> f64 {
    decode_us(4)
}

fn quiet_us(repairs: u16) -> f64 {
    let (sources, repair) = (symbols(60), symbol(0));
    let mut decoder = Decoder::new();
    let mut first = 0_u32;
    median_us::<ROUNDS>(|| {
        for (at, symbol) in (0..).zip(&sources) {
            decoder.handle_source(first + at, symbol);
        }
        for key in 0..repairs {
            decoder
                .handle_window_repair(RepairId { key, first_esi: first, count: 60, near: Near::default() }, &repair)
                .unwrap();
        }
        first += 60;
    })
}

fn block_repairs(sources: &[Vec<u8>], encoder: &mut BlockEncoder, mut take: impl FnMut(BlockId, &[u8])) {
    for symbol in sources {
        encoder.push(symbol);
    }
    encoder.finish_unit(6, |id, repair| take(id, repair));
}

fn block_encode_us() -> f64 {
    let (sources, mut encoder) = (symbols(12), BlockEncoder::new());
    median_us::<ROUNDS>(|| {
        block_repairs(&sources, &mut encoder, |_, repair| {
            black_box(repair);
        });
    })
}

fn block_decode_us() -> f64 {
    let (sources, mut repairs) = (symbols(12), Vec::new());
    block_repairs(&sources, &mut BlockEncoder::new(), |id, repair| repairs.push((id, repair.to_vec())));
    let (mut decoder, mut first) = (Decoder::new(), 0_u32);
    median_us::<ROUNDS>(|| {
        for (at, symbol) in (0..).zip(&sources).skip(6) {
            decoder.handle_source(first + at, symbol);
        }
        for (id, repair) in &repairs {
            decoder.handle_block_repair(BlockId { first_esi: first, ..*id }, repair).unwrap();
        }
        while decoder.poll_recovered().is_some() {}
        first += 12;
    })
}

fn wfb_ng_code() -> reed_solomon::ReedSolomon {
    reed_solomon::ReedSolomon::new(BlockCode::new(8, 12).unwrap())
}

fn wfb_ng_encode_us() -> f64 {
    let (code, sources) = (wfb_ng_code(), symbols(8));
    let sources: [&[u8]; 8] = std::array::from_fn(|at| &sources[at][..]);
    let mut parities = [[0; SYMBOL_BYTES]; 4];
    median_us::<ROUNDS>(|| {
        code.encode(0, black_box(&sources), &mut parities.each_mut().map(|parity| &mut parity[..]));
        black_box(&mut parities);
    })
}

/// All four parities stand in for the first four sources, the matrix of this pattern included.
fn wfb_ng_decode_us() -> f64 {
    let (code, sources) = (wfb_ng_code(), symbols(8));
    let slices: [&[u8]; 8] = std::array::from_fn(|at| &sources[at][..]);
    let mut parities = [[0; SYMBOL_BYTES]; 4];
    code.encode(0, &slices, &mut parities.each_mut().map(|parity| &mut parity[..]));
    let present: Vec<(u8, &[u8])> = (4..8)
        .zip(slices.iter().skip(4).copied())
        .chain((8..12).zip(parities.iter().map(|parity| &parity[..])))
        .collect();
    let mut outputs = [[0; SYMBOL_BYTES]; 4];
    let us = median_us::<ROUNDS>(|| {
        let whole =
            code.decode(black_box(&present), &[0, 1, 2, 3], &mut outputs.each_mut().map(|output| &mut output[..]));
        assert!(whole);
        black_box(&mut outputs);
    });
    assert!(outputs.iter().zip(&sources).all(|(output, source)| output[..] == source[..]));
    us
}
