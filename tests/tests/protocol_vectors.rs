//! The test vectors of `docs/PROTOCOL.md`, read out of it, against both ends; and what a packet costs on air.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use skylark_common::fec::{BlockEncoder, Code, FecConfig, Near, WindowEncoder};
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, Payload, TxLatency};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::{Format, GuardInterval, RxHeader, TxRate, Width};
use skylark_common::wire::repair;
use skylark_common::wire::symbol::Symbol;
use skylark_rx::{Receiver, ReceiverConfig};
use skylark_tests::{Link, LinkConfig, Traffic};
use skylark_tx::sender::Pacing;
use skylark_tx::{Entropy, Outgoing, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};

const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");
/// Where the program that makes keys is tested with the same words.
const KEY_TESTS: &str = include_str!("../../radio-setup/tests/keys.rs");

const DATAGRAMS: [&[u8]; 3] = [b"first datagram", b"the second is longer", b"third"];
/// When the unit was captured, in µs after the session's start.
const CAPTURED_US: u32 = 0x01_2345;
const UNIX_US: u64 = 1_700_000_000_000_000;
const CLOCK_ID: u32 = 0x1bad_cafe;

/// The value behind a name in the document.
fn text(name: &str) -> String {
    let (_, block) = DOCUMENT.split_once("```vectors\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut lines = block.lines().skip_while(|line| line.split(' ').next() != Some(name));
    let first = lines.next().unwrap_or_else(|| panic!("the document has no vector {name}"));
    let mut value = first[name.len()..].trim().to_owned();
    lines.take_while(|line| line.starts_with(' ')).for_each(|line| value.push_str(line.trim()));
    value
}

fn bytes(name: &str) -> Vec<u8> {
    let text = text(name);
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{name}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn number(name: &str) -> u32 {
    u32::from_str_radix(&text(name), 16).unwrap()
}

fn link_key() -> LinkKey {
    LinkKey::from_bytes(bytes("link_key").try_into().unwrap())
}

fn session() -> SessionKey {
    SessionKey::derive(&link_key(), &bytes("salt").try_into().unwrap())
}

fn header(kind: Kind, sequence: u32) -> PacketHeader {
    PacketHeader { link: LinkId::from_name("default"), stream: 0, kind, session: number("session_id"), sequence }
}

fn symbols() -> [Vec<u8>; 3] {
    [0, 1, 2].map(|at| bytes(&format!("symbol_{at}")))
}

/// Seals a body as the library does and returns the frame.
fn frame(header: PacketHeader, clear: &[u8], mut body: Vec<u8>) -> Vec<u8> {
    let tag = session().seal(&header, &mut body);
    [&header.emit()[..], clear, &body, &tag].concat()
}

#[test]
fn names_and_keys_are_the_documents() {
    assert_eq!(LinkId::from_name(&text("link_name")).number(), number("link_id"));
    assert_eq!(LinkId::from_name("default").number(), number("link_id"));
    assert_eq!(link_key().fingerprint(), number("fingerprint"));
    assert_eq!(link_key().to_text().trim(), text("key_text"));
    assert_eq!(LinkKey::parse(&text("key_text")), Ok(link_key()));
    assert_eq!(session().id(), number("session_id"));
}

#[test]
fn the_words_are_the_ones_the_key_program_is_tested_with() {
    let key = LinkKey::from_bytes(bytes("passphrase_key").try_into().unwrap());
    assert!(KEY_TESTS.contains(&text("passphrase")) && KEY_TESTS.contains(key.to_text().trim()));
}

#[test]
fn symbols_are_the_documents() {
    for (at, datagram) in DATAGRAMS.into_iter().enumerate() {
        let captured_us = (at == 0).then_some(CAPTURED_US);
        let symbol = Symbol { end_of_unit: at == 2, keyframe: true, captured_us, datagram };
        let mut emitted = Vec::new();
        symbol.emit(&mut emitted);
        assert_eq!(emitted, symbols()[at]);
        assert_eq!(Symbol::parse(&emitted), Ok(symbol));
    }
}

#[test]
fn a_frame_opens_with_nothing_but_the_documents_key_nonce_and_associated_data() {
    let nonce_of = |name: &str| Nonce::assume_unique_for_key(bytes(name).try_into().unwrap());
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &bytes("session_key")).unwrap());
    for (name, sealed_at) in [("source_0", "symbol_0"), ("far", "far_symbol")] {
        let mut frame = bytes(&format!("{name}_frame"));
        let associated = frame[10..22].to_vec();
        let nonce = nonce_of(&format!("{name}_nonce"));
        assert_eq!(key.open_in_place(nonce, Aad::from(associated), &mut frame[27..]).unwrap(), bytes(sealed_at));
    }
    assert_eq!(bytes("source_0_frame")[10..22], bytes("source_0_associated_data"));
    assert_eq!(header(Kind::Source, 0).associated_data()[..], bytes("source_0_associated_data"));
    assert_eq!(header(Kind::Source, 0).emit()[..], bytes("source_0_header"));
}

#[test]
fn a_frame_with_every_field_in_use_is_the_documents() {
    let [stream] = bytes("far_stream").try_into().unwrap();
    let header = PacketHeader { stream, ..header(Kind::Source, number("far_sequence")) };
    assert_eq!(frame(header, &[], bytes("far_symbol")), bytes("far_frame"));
    let far = bytes("far_frame");
    assert_eq!(PacketHeader::parse(&far).unwrap().0, header);
}

#[test]
fn coefficients_are_the_documents() {
    for (name, key, symbols_of_unit) in [
        ("window_coefficients_3", 0, 3),
        ("window_coefficients_40_near_16_key_beef", 0xbeef, 16),
        ("window_coefficients_40_near_32_key_beef", 0xbeef, 32),
        ("window_coefficients_80_near_16_key_beef", 0xbeef, 1),
        ("window_coefficients_83_near_16_key_beef", 0xbeef, 10),
        ("window_coefficients_100_near_64_key_beef", 0xbeef, 33),
        ("window_coefficients_160_near_128_key_beef", 0xbeef, 500),
    ] {
        let expected = bytes(name);
        let mut encoder = WindowEncoder::new();
        unit_vectors(expected.len()).iter().for_each(|symbol| _ = encoder.push(symbol));
        let mut made = 0;
        encoder.repairs(0, Near::covering(symbols_of_unit), &[key], |_, repair| {
            assert_eq!(repair, expected, "{name}");
            made += 1;
        });
        assert_eq!(made, 1);
    }
    let mut encoder = BlockEncoder::new();
    unit_vectors(3).iter().for_each(|symbol| _ = encoder.push(symbol));
    encoder.finish_unit(2, |id, repair| assert_eq!(repair, bytes(&format!("block_coefficients_{}", id.index))));
}

/// Symbols whose sums are their coefficients.
fn unit_vectors(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|at| (0..count).map(|place| u8::from(place == at)).collect()).collect()
}

#[test]
fn repairs_are_the_documents() {
    let mut window = WindowEncoder::new();
    let mut block = BlockEncoder::new();
    for symbol in symbols() {
        window.push(&symbol);
        block.push(&symbol);
    }
    let mut made = 0;
    window.repairs(0, Near::covering(3), &[0], |id, repair| {
        let body = [&repair::emit_window(&id)[..], repair].concat();
        assert_eq!(body, bytes("window_repair_body"));
        assert_eq!(frame(header(Kind::WindowRepair, 0), &[], body), bytes("window_repair_frame"));
        made += 1;
    });
    let mut later = WindowEncoder::starting_at(65_536);
    (0..20_u8).for_each(|at| _ = later.push(&vec![at.wrapping_mul(17); 5 + usize::from(at % 4)]));
    later.repairs(65_536, Near::default(), &[0x0102], |id, repair| {
        assert_eq!([&repair::emit_window(&id)[..], repair].concat(), bytes("window_repair_20_body"));
        made += 1;
    });
    block.finish_unit(2, |id, repair| {
        let body = [&repair::emit_block(&id)[..], repair].concat();
        assert_eq!(body, bytes(&format!("block_repair_{}_body", id.index)));
        let header = header(Kind::BlockRepair, id.index.into());
        assert_eq!(frame(header, &[], body), bytes(&format!("block_repair_{}_frame", id.index)));
        made += 1;
    });
    assert_eq!(made, 4);
}

#[test]
fn announces_are_the_documents() {
    let announce = Announce {
        session_time_us: CAPTURED_US.into(),
        unix_start_us: Some(UNIX_US),
        clock_id: Some(CLOCK_ID),
        next_esi: 0,
        unit_interval_us: None,
        payload: Payload::H264,
        fec: FecConfig { code: Code::Window, redundancy_permille: 500, window_units: 8 },
        latency: None,
    };
    let latency = TxLatency { encode_p50_us: 9100, encode_p95_us: 12_400, queue_p50_us: 210, queue_p95_us: 3300 };
    let later = Announce {
        session_time_us: 4_000_000,
        unix_start_us: None,
        clock_id: None,
        next_esi: 672,
        unit_interval_us: Some(16_667),
        latency: Some(latency),
        ..announce
    };
    for (announce, name) in [(announce, "announce_body"), (later, "announce_body_with_latency")] {
        let mut body = Vec::new();
        announce.emit(&mut body);
        assert_eq!(body, bytes(name));
        assert_eq!(Announce::parse(&body), Ok(announce));
    }
    assert_eq!(frame(header(Kind::Announce, 0), &bytes("salt"), bytes("announce_body")), bytes("announce_frame"));
}

/// The frames of the document's unit, as a sender makes them.
fn sent(code: Code, redundancy_permille: u16) -> Vec<Vec<u8>> {
    let start = Instant::now();
    let now = start + Duration::from_micros(CAPTURED_US.into());
    let fec = FecConfig { code, redundancy_permille, window_units: 8 };
    let streams = vec![StreamConfig { fec, ..StreamConfig::default() }];
    let link = SkylarkConfig { streams, ..SkylarkConfig::default() };
    let config = SenderConfig { pacing: Pacing::None, ..SenderConfig::default() };
    let entropy = Entropy { salt: bytes("salt").try_into().unwrap(), unix_us: Some(UNIX_US), clock_id: Some(CLOCK_ID) };
    let mut sender = Sender::new(config, Skylark::new(link, &link_key(), entropy, start), start);
    for (at, datagram) in DATAGRAMS.into_iter().enumerate() {
        let end_of_unit = at == 2;
        let outgoing = Outgoing { stream: 0, bytes: datagram, end_of_unit, keyframe: true, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
    }
    std::iter::from_fn(|| sender.poll_transmit(now).map(<[u8]>::to_vec)).collect()
}

fn on_air(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| [bytes("radiotap_tx"), bytes(name)].concat()).collect()
}

#[test]
fn a_sender_sends_exactly_the_documents_frames() {
    let sources = ["announce_frame", "source_0_frame", "source_1_frame", "source_2_frame"];
    let window = on_air(&[&sources[..], &["window_repair_frame"]].concat());
    assert_eq!(sent(Code::Window, 500), window);
    let block = on_air(&[&sources[1..], &["block_repair_0_frame", "block_repair_1_frame"]].concat());
    assert_eq!(sent(Code::Block, 700)[1..], block);
}

#[test]
fn a_receiver_repairs_the_documents_unit() {
    for names in [
        ["announce_frame", "source_0_frame", "source_2_frame", "window_repair_frame"],
        ["announce_frame", "source_0_frame", "block_repair_1_frame", "block_repair_0_frame"],
    ] {
        let now = Instant::now();
        let mut receiver = Receiver::new(ReceiverConfig::default(), &link_key(), now);
        let mut handed = Vec::new();
        for frame in on_air(&names) {
            receiver.handle_frame(0, &frame, now);
            while let Some(datagram) = receiver.poll_datagram() {
                handed.push((datagram.bytes.to_vec(), datagram.captured_us));
            }
        }
        let captured = [Some(u64::from(CAPTURED_US)), None, None];
        assert_eq!(handed, DATAGRAMS.map(<[u8]>::to_vec).into_iter().zip(captured).collect::<Vec<_>>(), "{names:?}");
    }
}

#[test]
fn a_source_packet_costs_at_most_48_bytes_on_the_air() {
    let mut costs = Vec::new();
    let mut link = Link::new(LinkConfig::default(), Instant::now());
    let session = SessionKey::derive(&skylark_tests::link::key(), &[1; 16]);
    let traffic = Traffic::default();
    for (unit, index) in (0..60).flat_map(|unit| (0..traffic.datagrams(unit)).map(move |index| (unit, index))) {
        let (bytes, end_of_unit) = (traffic.datagram(unit, index), index + 1 == traffic.datagrams(unit));
        let outgoing = Outgoing { stream: 0, bytes: &bytes, end_of_unit, keyframe: unit == 0, captured: link.now };
        link.sender.push_datagram(outgoing, link.now).unwrap();
        while let Some(due) = link.sender.poll_timeout().filter(|_| !link.sender.is_idle()) {
            link.now = link.now.max(due);
            costs.extend(link.sender.poll_transmit(link.now).and_then(|frame| cost(frame, &session)));
        }
    }
    costs.sort_unstable();
    costs.dedup();
    assert_eq!(costs, [45, 48], "without and with the capture time, as the document says");
}

/// Bytes from the 802.11 header to the tag without the datagram, of a source packet.
fn cost(frame: &[u8], session: &SessionKey) -> Option<usize> {
    let (_, frame) = RxHeader::parse(frame).unwrap();
    let (header, sealed) = PacketHeader::parse(frame).unwrap();
    let mut body = sealed.to_vec();
    let is_source = header.kind == Kind::Source;
    is_source.then(|| frame.len() - Symbol::parse(session.open(&header, &mut body).unwrap()).unwrap().datagram.len())
}

#[test]
fn the_radiotap_headers_are_the_documents() {
    assert_eq!(TxRate::default().emit().as_slice(), bytes("radiotap_tx"));
    let vht = TxRate {
        format: Format::Vht { streams: 2 },
        mcs: 8,
        width: Width::Mhz80,
        guard_interval: GuardInterval::Short,
        ldpc: true,
        stbc: 1,
    };
    assert_eq!(vht.emit().as_slice(), bytes("radiotap_tx_vht"));
}
