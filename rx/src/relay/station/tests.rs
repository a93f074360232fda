//! What a viewer makes of one relay's messages.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use proptest::prelude::*;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::Antenna;

use super::*;
use crate::relay::message::HEADER_BYTES;

const LINK: LinkId = LinkId::from_number(5);
const VIEWER: ViewerId = ViewerId(9);

fn station(now: Instant) -> Station {
    Station::new(RelayedLink::Skylark(LINK), VIEWER, now)
}

fn radiotap(signal_dbm: i8) -> Vec<u8> {
    let antenna = Antenna { number: 0, signal_dbm: Some(signal_dbm), noise_dbm: None };
    let mut header = vec![0; 64];
    let length = RxHeader { antennas: [Some(antenna), None, None, None], ..RxHeader::default() }.emit(&mut header);
    header.truncate(length.unwrap());
    header
}

/// The same header, and a flag that says that an FCS follows.
fn with_fcs(mut radiotap: Vec<u8>) -> Vec<u8> {
    radiotap[8] |= 0x10;
    radiotap
}

fn packet(sequence: u32) -> Vec<u8> {
    let header = PacketHeader { link: LINK, stream: 0, kind: Kind::Source, session: 1, sequence };
    [&header.emit()[..], &[7; 50]].concat()
}

fn message(run: u64, sequence: u32, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    Message { run, sequence }.emit(&mut message);
    entries.iter().for_each(|entry| entry.emit(&mut message).unwrap());
    message
}

/// Every frame that comes of a message: its card, signal, and what follows the radiotap header.
fn heard(station: &mut Station, message: &[u8], now: Instant) -> Vec<(u8, Option<i8>, Vec<u8>)> {
    station.handle_message(message, now);
    let mut heard = Vec::new();
    while let Some(relayed) = station.poll_relayed(1000, now) {
        let (header, dot11) = RxHeader::parse(relayed.frame).unwrap();
        heard.push((relayed.card, header.signal_dbm(), dot11.to_vec()));
    }
    heard
}

#[test]
fn copies_are_whole_frames_again_with_or_without_fcs() {
    let now = Instant::now();
    let fcs = [1, 2, 3, 4];
    for (case, first, second) in [
        ("neither", radiotap(-50), radiotap(-60)),
        ("the first", with_fcs(radiotap(-50)), radiotap(-60)),
        ("the copy", radiotap(-50), with_fcs(radiotap(-60))),
        ("both", with_fcs(radiotap(-50)), with_fcs(radiotap(-60))),
    ] {
        let tail: &[u8] = if first[8] & 0x10 == 0 { &[] } else { &fcs };
        let frame = [&first[..], &packet(4), tail].concat();
        let entries = [
            Entry::Frame { card: 0, age_us: 0, number: 4, bytes: &frame },
            Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &second },
        ];
        let found = heard(&mut station(now), &message(1, 0, &entries), now);
        assert_eq!(found, [(0, Some(-50), packet(4)), (1, Some(-60), packet(4))], "FCS: {case}");
    }
}

#[test]
fn copies_of_frames_that_are_not_here_and_headers_that_are_none_are_counted() {
    let now = Instant::now();
    let mut station = station(now);
    let frame = [&radiotap(-50)[..], &packet(4)].concat();
    let longer = [&radiotap(-50)[..], &[0]].concat();
    let entries = [
        Entry::Copy { card: 1, age_us: 0, number: 3, radiotap: &radiotap(-60) },
        Entry::Frame { card: 0, age_us: 0, number: 4, bytes: &frame },
        Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &longer },
        Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &[0; 8] },
        Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &[0, 0, 0xff, 0] },
    ];
    assert_eq!(heard(&mut station, &message(1, 0, &entries), now).len(), 1);
    let StationStats { frames, copies, orphaned, malformed, .. } = station.stats();
    assert_eq!((frames, copies, orphaned, malformed), (1, 0, 1, 3));
    let again = [Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &radiotap(-60) }];
    assert_eq!(heard(&mut station, &message(2, 1, &again), now).len(), 0, "another run has other frames");
    assert_eq!(station.stats().orphaned, 2);
}

#[test]
fn a_signal_that_cannot_be_is_not_handed_on_and_the_frame_is() {
    let now = Instant::now();
    let mut station = station(now);
    let frame = [&with_fcs(radiotap(30))[..], &packet(4), &[0; 4]].concat();
    let entries = [
        Entry::Frame { card: 0, age_us: 0, number: 4, bytes: &frame },
        Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &radiotap(-60) },
    ];
    let found = heard(&mut station, &message(1, 0, &entries), now);
    assert_eq!(found, [(0, None, packet(4)), (1, Some(-60), packet(4))]);
    assert_eq!(station.stats().implausible, 1);
}

#[test]
fn an_echo_says_how_far_the_relay_is() {
    let now = Instant::now();
    let mut station = station(now);
    let echo = |viewer, stamp_us, held_us| Entry::Echo { viewer, stamp_us, held_us };
    for strange in [echo(ViewerId(1), 100, 200), echo(VIEWER, 2000, 0), echo(VIEWER, 100, 2000)] {
        heard(&mut station, &message(1, 0, &[strange]), now);
        assert_eq!(station.round_trip_us(), None, "{strange:?}");
    }
    heard(&mut station, &message(1, 1, &[echo(VIEWER, 100, 200)]), now);
    assert_eq!(station.round_trip_us(), Some(700));
}

#[test]
fn a_run_that_goes_on_keeps_its_place_and_a_silent_one_does_not() {
    let now = Instant::now();
    let mut station = station(now);
    let frame = [&radiotap(-50)[..], &packet(4)].concat();
    let whole = Entry::Frame { card: 0, age_us: 0, number: 4, bytes: &frame };
    let radiotap = radiotap(-60);
    let copy = Entry::Copy { card: 1, age_us: 0, number: 4, radiotap: &radiotap };
    heard(&mut station, &message(1, 0, &[whole]), now);
    (2..9).for_each(|run| assert_eq!(heard(&mut station, &message(run, 0, &[whole]), now).len(), 1));
    assert_eq!(heard(&mut station, &message(1, 1, &[copy]), now).len(), 1, "its frames are here");
    let later = now + RUN_SILENCE;
    assert_eq!(heard(&mut station, &message(9, 0, &[whole]), later).len(), 1);
    assert_eq!(heard(&mut station, &message(9, 0, &[whole]), later).len(), 0);
    assert_eq!((station.stats().runs, station.stats().replayed), (9, 1));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..8)) {
        let now = Instant::now();
        let mut station = station(now);
        for (bytes, sequence) in messages.iter().zip(0..) {
            let head = message(1, sequence, &[]);
            assert_eq!(head.len(), HEADER_BYTES);
            station.handle_message(&[&head[..], bytes].concat(), now);
            while station.poll_relayed(1, now).is_some() {}
        }
    }
}
