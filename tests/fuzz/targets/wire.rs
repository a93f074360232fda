//! Every parser of what is on the air. What is read must come out of `emit` and in again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skylark_common::wire::announce::Announce;
use skylark_common::wire::packet::PacketHeader;
use skylark_common::wire::radiotap::{RxHeader, RxRate};
use skylark_common::wire::repair;
use skylark_common::wire::symbol::Symbol;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((header, frame)) = RxHeader::parse(bytes) {
        radiotap(header);
        packet(frame);
    }
    packet(bytes);
    announce(bytes);
    symbol(bytes);
    repairs(bytes);
});

/// What `emit` does not write is left out: HE rates and what only a card's own frames have.
fn radiotap(header: RxHeader) {
    let rate = header.rate.filter(|rate| !matches!(rate, RxRate::He(_)));
    let header = RxHeader { rate, tx_flags: None, data_retries: None, ..header };
    let mut again = [0; 128];
    let len = header.emit(&mut again).expect("128 bytes are enough for any header");
    let fcs = if header.has_fcs { 4 } else { 0 };
    assert_eq!(RxHeader::parse(&again[..len + fcs]), Ok((header, &[][..])));
    if let Some(rate) = header.rate.and_then(RxRate::to_tx).and_then(|rate| rate.checked().ok()) {
        let sent = rate.emit();
        let (sent, _) = RxHeader::parse(sent.as_slice()).expect("a transmitter's header is one");
        assert_eq!(sent.rate.and_then(RxRate::to_tx), Some(rate));
    }
}

fn packet(frame: &[u8]) {
    let Ok((header, body)) = PacketHeader::parse(frame) else { return };
    assert_eq!(PacketHeader::peek_link(frame), Some(header.link));
    let again = [&header.emit()[..], body].concat();
    assert_eq!(PacketHeader::parse(&again), Ok((header, body)));
}

fn announce(body: &[u8]) {
    let Ok(announce) = Announce::parse(body) else { return };
    let mut again = Vec::new();
    announce.emit(&mut again);
    assert_eq!(Announce::parse(&again), Ok(announce));
}

fn symbol(bytes: &[u8]) {
    let Ok(symbol) = Symbol::parse(bytes) else { return };
    let mut again = Vec::new();
    symbol.emit(&mut again);
    assert!(again.len() <= Symbol::MAX_LEN);
    assert_eq!(Symbol::parse(&again), Ok(symbol));
}

fn repairs(body: &[u8]) {
    if let Ok((id, symbol)) = repair::parse_window(7, body) {
        let again = [&repair::emit_window(&id)[..], symbol].concat();
        assert_eq!(repair::parse_window(7, &again), Ok((id, symbol)));
    }
    if let Ok((id, symbol)) = repair::parse_block(body) {
        let again = [&repair::emit_block(&id)[..], symbol].concat();
        assert_eq!(repair::parse_block(&again), Ok((id, symbol)));
    }
}
