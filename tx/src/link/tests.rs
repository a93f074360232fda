//! The loop's parts, with airs that nobody listens to.

use clap::Parser as _;
use skylark_common::h264::AccessUnit;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::seal::LinkKey;

use super::*;
use crate::args::Args;
use crate::clock::Clock;
use crate::outlet::{Datagram, UNITS};
use crate::source::Obeys;

/// Does something with a link that carries this at first.
fn with_link<T>(payload: Payload, act: impl FnOnce(&mut Link<'_, LinkKey>) -> T) -> T {
    let line = ["skylark-tx", "--input", "test", "--air", "udp:127.0.0.1:9", "--key", "k", "--no-pacing"];
    let args = Args::try_parse_from(line).unwrap();
    let (outlet, key) = (Outlet::new(UNITS).unwrap(), LinkKey::from_bytes([7; 32]));
    let sessions = Sessions { args: &args, key: &key, clock: Clock::read(), obeys: Obeys::ALL };
    let airs = Airs::open(&args.airs, args.rate(), Instant::now()).unwrap();
    act(&mut Link {
        outlet: &outlet,
        transmitter: Transmitter::new(sessions.begin(payload).unwrap(), airs),
        sessions,
        payload,
        packetizer: Packetizer::new(1, 100, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES),
        reporter: &Reporter::open(None).unwrap(),
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

#[test]
fn units_that_gave_way_in_front_of_the_sender_leave_a_gap_that_receivers_see() {
    let sequence = with_link(Payload::H264, |link| {
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
    with_link(Payload::RtpH264, |link| {
        let before = link.transmitter.sender.session();
        for payload in [Payload::RtpH264, Payload::Rtp, Payload::Rtp] {
            let datagram =
                Datagram { bytes: vec![0; 20], end_of_unit: true, keyframe: false, captured: Instant::now(), payload };
            link.push(Taken { item: Item::Datagram(datagram), gave_way: 0 }).unwrap();
        }
        assert_ne!(link.transmitter.sender.session(), before);
        assert_eq!((link.payload, link.transmitter.stats().datagrams), (Payload::Rtp, 3));
        assert_eq!(link.transmitter.sender.stats().datagrams, 2);
    });
}
