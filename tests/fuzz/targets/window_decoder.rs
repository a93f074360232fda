//! The FEC decoder, told absurd things, and told the truth with losses: what it recovers must be the truth.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use skylark_common::fec::{BlockId, Decoder, Near, RepairId, WindowEncoder};
use skylark_fuzz::Pieces;

/// Just before the numbers wrap.
const FIRST_ESI: u32 = u32::MAX - 20;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, rest)) => absurd(rest),
        Some((_, rest)) => lossy(rest),
        None => {}
    }
});

/// Packets of any name and content.
fn absurd(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    for piece in Pieces(bytes) {
        let Some(([what, e0, e1, a, b], payload)) = piece.split_first_chunk() else { continue };
        let esi = FIRST_ESI.wrapping_add(u32::from(u16::from_be_bytes([*e0, *e1])));
        match what & 3 {
            0 => {
                decoder.handle_source(esi, payload);
            }
            1 => {
                let count = u16::from_be_bytes([*a & 0x0f, *b]);
                let near = Near::from_form(u16::from(a >> 4 & 3) + 1).unwrap_or_default();
                let id = RepairId { key: u16::from(*what), first_esi: esi, count, near };
                let _ = decoder.handle_window_repair(id, payload);
            }
            2 => {
                let _ =
                    decoder.handle_block_repair(BlockId { first_esi: esi, k: *a, m: *b, index: what >> 2 }, payload);
            }
            _ => decoder.retire_before(esi),
        }
        while let Some(esi) = decoder.poll_recovered() {
            assert!(decoder.is_known(esi) && decoder.symbol(esi).is_some());
        }
        decoder.check_invariants();
    }
}

/// A real encoder's packets, some of which get lost: bits of each piece's first byte say which.
fn lossy(bytes: &[u8]) {
    let mut encoder = WindowEncoder::starting_at(FIRST_ESI);
    let mut decoder = Decoder::new();
    let mut sent: BTreeMap<u32, &[u8]> = BTreeMap::new();
    for (key, piece) in (1_u16..).zip(Pieces(bytes)) {
        let Some((what, symbol)) = piece.split_first() else { continue };
        if symbol.is_empty() {
            continue;
        }
        let esi = encoder.push(symbol);
        sent.insert(esi, symbol);
        if what & 1 == 0 {
            decoder.handle_source(esi, symbol);
        }
        if what & 2 != 0 {
            let back = u32::from(what >> 3).min(esi.wrapping_sub(FIRST_ESI));
            encoder.repairs(esi.wrapping_sub(back), Near::covering(back / 2), &[key], |id, payload| {
                if what & 4 == 0 {
                    decoder.handle_window_repair(id, payload).expect("an encoder's repairs are taken");
                }
            });
        }
        while let Some(esi) = decoder.poll_recovered() {
            let recovered = decoder.symbol(esi).expect("a recovered symbol is there");
            let (symbol, padding) = recovered.split_at(sent[&esi].len());
            assert!(symbol == sent[&esi] && padding.iter().all(|byte| *byte == 0), "symbol {esi}");
        }
        decoder.check_invariants();
    }
}
