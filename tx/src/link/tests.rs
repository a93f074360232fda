//! The loop's parts, with airs that nobody listens to.

use std::fs;
use std::net::UdpSocket;

use clap::Parser as _;
use serde_json::Value;
use skylark_common::h264::AccessUnit;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::seal::LinkKey;
use skylark_common::wfb_ng::keys::{EndKey, KeyPair};

use super::*;
use crate::args::Args;
use crate::clock::Clock;
use crate::outlet::{Datagram, UNITS};
use crate::source::Obeys;

const SKYLARK: LinkKey = LinkKey::from_bytes([7; 32]);

fn wfb_ng() -> EndKey {
    KeyPair::from_secrets([1; 32], [2; 32]).drone
}

/// Does something with a link that was started so and carries this at first.
fn with_link<K: Key, T>(key: &K, more: &str, payload: Payload, act: impl FnOnce(&mut Link<'_, K>) -> T) -> T {
    let line = "skylark-tx --input test --air udp:127.0.0.1:9 --key k --no-pacing";
    let args = Args::try_parse_from(line.split(' ').chain(more.split_whitespace())).unwrap();
    let outlet = Outlet::new(UNITS).unwrap();
    let sessions = Sessions { args: &args, key, clock: Clock::read(), obeys: Obeys::ALL };
    let airs = Airs::open(&args.airs, args.rate(), Instant::now()).unwrap();
    act(&mut Link {
        outlet: &outlet,
        transmitter: Transmitter::new(sessions.begin(payload).unwrap(), airs),
        sessions,
        payload,
        packetizer: Packetizer::new(1, 100, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES),
        reporter: &Reporter::open(args.stats.as_ref()).unwrap(),
        figures: &Figures::new(),
        ends_at: None,
        looks: &Looks::default(),
        scheduling: Scheduling::Ordinary,
        dropped: Dropped::default(),
        rate: ToldRate::default(),
    })
}

fn unit() -> EncodedUnit {
    EncodedUnit { unit: AccessUnit::from_annex_b(&[0, 0, 0, 1, 0x65, 2, 3]), captured: Instant::now() }
}

fn push<K: Key>(link: &mut Link<'_, K>, payload: Payload) {
    let datagram =
        Datagram { bytes: vec![0; 20], end_of_unit: true, keyframe: false, captured: Instant::now(), payload };
    link.push(Taken { item: Item::Datagram(datagram), gave_way: 0 }).unwrap();
}

#[test]
fn units_that_gave_way_in_front_of_the_sender_leave_a_gap_that_receivers_see() {
    let sequence = with_link(&SKYLARK, "", Payload::H264, |link| {
        (0..UNITS + 3).for_each(|_| link.outlet.push(Item::Unit(unit())));
        while let Popped::Item(taken) = link.outlet.pop_within(Duration::ZERO) {
            link.push(taken).unwrap();
        }
        let mut sequence = None;
        link.packetizer.for_each_datagram(&unit().unit, 0, |bytes, _| {
            sequence = RtpHeader::parse(bytes).ok().map(|(header, _)| header.sequence);
        });
        sequence
    });
    assert_eq!(sequence.map(usize::from), Some(100 + UNITS + 3));
}

#[test]
fn datagrams_of_another_kind_begin_another_session_and_counters_go_on() {
    with_link(&SKYLARK, "", Payload::RtpH264, |link| {
        let before = link.transmitter.sender.session();
        [Payload::RtpH264, Payload::Rtp, Payload::Rtp].into_iter().for_each(|payload| push(link, payload));
        assert_ne!(link.transmitter.sender.session(), before);
        assert_eq!((link.payload, link.transmitter.stats().datagrams), (Payload::Rtp, 3));
        assert_eq!(link.transmitter.sender.stats().datagrams, 2);
    });
}

/// What machines are told by a link that is started, and carries RTP and then H.265 in it.
fn told_of_another_payload<K: Key>(key: &K, more: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tx.json");
    with_link(key, &format!("{more} --stats json:{}", path.display()), Payload::Rtp, |link| {
        link.say_start();
        [Payload::Rtp, Payload::RtpH265, Payload::RtpH265].into_iter().for_each(|payload| push(link, payload));
    });
    let lines = fs::read_to_string(path).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn another_payload_is_told_by_another_start_of_the_same_session_where_receivers_are_not_told() {
    for (lines, is_same_session) in
        [(told_of_another_payload(&SKYLARK, ""), false), (told_of_another_payload(&wfb_ng(), "--dialect wfb-ng"), true)]
    {
        let [first, second] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&first["ev"], &second["ev"]), (&"tx.start".into(), &"tx.start".into()));
        assert_eq!((&first["payload"], &second["payload"]), (&"rtp".into(), &"rtp-h265".into()));
        assert_eq!(first["session"] == second["session"], is_same_session, "{lines:?}");
    }
}

#[test]
fn at_the_end_the_block_under_way_gets_its_repairs_and_they_leave() {
    let card = UdpSocket::bind("127.0.0.1:0").unwrap();
    card.set_nonblocking(true).unwrap();
    let more = format!("--dialect wfb-ng --fec 4/6 --fec-timeout never --air udp:{}", card.local_addr().unwrap());
    let stats = with_link(&wfb_ng(), &more, Payload::Opaque, |link| {
        push(link, Payload::Opaque);
        assert_eq!(link.transmitter.stats().repair_packets, 0);
        link.finish();
        link.transmitter.stats()
    });
    assert_eq!((stats.source_packets, stats.repair_packets, stats.queued_us), (1, 5, 0), "three fillers, two parities");
    let frames = std::iter::from_fn(|| card.recv(&mut [0; 4096]).ok()).count();
    assert_eq!(frames as u64, 1 + 5 + stats.announces);
}
