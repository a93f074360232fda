//! What gives way, in virtual time.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use skylark_common::VIDEO_STREAM;
use skylark_common::fec::{Code, FecConfig};
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;
use skylark_common::wire::repair::{parse_block, parse_window};

use super::*;
use crate::sender::{Entropy, Outgoing, SenderConfig, Skylark, SkylarkConfig, StreamConfig};

const MS: Duration = Duration::from_millis(1);
/// The first byte of an RTP payload: a slice others refer to, one that none refers to, an IDR slice.
const SLICE: u8 = 0x41;
const DISPOSABLE: u8 = 0x01;
const IDR: u8 = 0x65;

const SALT: [u8; 16] = [3; 16];

fn key() -> LinkKey {
    LinkKey::from_bytes([1; LinkKey::LEN])
}

fn sender(keyframes: Keyframes, now: Instant) -> Sender {
    sender_with(Code::Window, keyframes, now)
}

fn sender_with(code: Code, keyframes: Keyframes, now: Instant) -> Sender {
    let fec = FecConfig { code, ..FecConfig::default() };
    let streams = vec![StreamConfig { fec, ..StreamConfig::default() }];
    let entropy = Entropy { salt: SALT, unix_us: None, clock_id: None };
    let dialect = Skylark::new(SkylarkConfig { streams, ..SkylarkConfig::default() }, &key(), entropy, now);
    Sender::new(SenderConfig { keyframes, ..SenderConfig::default() }, dialect, now)
}

/// The symbols that the repairs cover which leave until `end`, each by its first ESI and how many they are.
fn covered(sender: &mut Sender, mut now: Instant, end: Instant) -> Vec<(u32, u16)> {
    let (session, mut covered) = (SessionKey::derive(&key(), &SALT), Vec::new());
    loop {
        while let Some(frame) = sender.poll_transmit(now) {
            let (header, body) = PacketHeader::parse(RxHeader::parse(frame).unwrap().1).unwrap();
            let mut body = body.to_vec();
            match header.kind {
                Kind::WindowRepair => {
                    let (id, _) = parse_window(header.sequence, session.open(&header, &mut body).unwrap()).unwrap();
                    covered.push((id.first_esi, id.count));
                }
                Kind::BlockRepair => {
                    let (id, _) = parse_block(session.open(&header, &mut body).unwrap()).unwrap();
                    covered.push((id.first_esi, id.k.into()));
                }
                Kind::Source | Kind::Announce => {}
            }
        }
        match sender.poll_timeout() {
            Some(due) if due < end => now = due.max(now),
            _ => return covered,
        }
    }
}

/// Pushes a unit of `count` datagrams of about 1 ms, all of this kind.
fn push(sender: &mut Sender, count: u32, nal: u8, now: Instant) {
    for index in 1..=count {
        let bytes = [&[0x80, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, nal][..], &[7; 1387]].concat();
        let (end_of_unit, keyframe) = (index == count, nal == IDR);
        let outgoing = Outgoing { stream: VIDEO_STREAM, bytes: &bytes, end_of_unit, keyframe, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
    }
}

/// Kind and sequence number of the next frame.
fn next(sender: &mut Sender, now: Instant) -> Option<(Kind, u32)> {
    let frame = sender.poll_transmit(now)?;
    let header = PacketHeader::parse(RxHeader::parse(frame).unwrap().1).unwrap().0;
    Some((header.kind, header.sequence))
}

/// Sequence numbers of the source packets that leave until `end`, as fast as the model says.
fn sent(sender: &mut Sender, mut now: Instant, end: Instant) -> Vec<u32> {
    let mut sent = Vec::new();
    loop {
        while let Some((kind, sequence)) = next(sender, now) {
            sent.extend((kind == Kind::Source).then_some(sequence));
        }
        match sender.poll_timeout() {
            Some(due) if due < end => now = due.max(now),
            _ => return sent,
        }
    }
}

#[test]
fn repairs_give_way_first() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    (0..7).for_each(|_| push(&mut sender, 9, SLICE, now));
    assert_eq!(sender.stats().units_dropped, 0);
    assert!(sender.stats().queued_us <= 70_000, "{:?}", sender.stats());
    let sent = sent(&mut sender, now, now + MS * 200);
    assert_eq!((sent.len(), sender.stats().repair_packets, sender.stats().repairs_dropped), (63, 31, 0));
}

#[test]
fn the_repairs_of_a_large_keyframe_leave_behind_it_on_an_air_that_is_idle_else() {
    let start = Instant::now();
    let mut sender = sender(Keyframes::AsTheyCome, start);
    for unit in 0..30 {
        let now = start + MS * 33 * unit;
        let (count, nal) = if unit == 10 { (120, IDR) } else { (4, SLICE) };
        push(&mut sender, count, nal, now);
        sent(&mut sender, now, now + MS * 33);
    }
    let stats = sender.stats();
    assert_eq!((stats.source_packets, stats.units_dropped), (236, 0), "{stats:?}");
    assert!(stats.repair_packets >= 115 && stats.repairs_dropped <= 2, "{stats:?}");
}

#[test]
fn repairs_for_which_there_is_no_gap_are_dropped_and_counted() {
    let start = Instant::now();
    let mut sender = sender(Keyframes::AsTheyCome, start);
    for unit in 0..30 {
        let now = start + MS * 20 * unit;
        push(&mut sender, 21, SLICE, now);
        sent(&mut sender, now, now + MS * 20);
    }
    sent(&mut sender, start + MS * 600, start + MS * 1000);
    let stats = sender.stats();
    assert!(stats.repairs_dropped > 150 && stats.units_dropped > 0, "{stats:?}");
    assert_eq!(stats.repairs_dropped + stats.repair_packets, 315, "{stats:?}");
}

#[test]
fn what_nothing_refers_to_gives_way_next_and_costs_no_keyframe() {
    let now = Instant::now();
    for keyframes in [Keyframes::OnDemand, Keyframes::AsTheyCome] {
        let mut sender = sender(keyframes, now);
        [SLICE, SLICE, DISPOSABLE, SLICE].into_iter().for_each(|nal| push(&mut sender, 18, nal, now));
        assert_eq!((sender.stats().units_dropped, sender.stats().dropped_disposable), (1, 1));
        assert!(!sender.keyframe_wanted(now));
        let expected: Vec<u32> = (0..36).chain(54..72).collect();
        assert_eq!(sent(&mut sender, now, now + MS * 100), expected);
    }
}

#[test]
fn a_keyframe_on_its_way_makes_what_refers_to_a_dropped_unit_useless() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    (0..4).for_each(|_| push(&mut sender, 18, SLICE, now));
    assert!(sender.keyframe_wanted(now));
    let (dropped, useless) = (sender.stats().units_dropped, sender.stats().dropped_useless);
    assert_eq!((dropped, useless, sender.stats().queued_us), (4, 3, 0));
    push(&mut sender, 5, SLICE, now);
    assert_eq!((sender.stats().units_dropped, sender.stats().queued_us), (5, 0));
    push(&mut sender, 5, IDR, now);
    push(&mut sender, 5, SLICE, now);
    assert_eq!(sent(&mut sender, now, now + MS * 100), (68..78).collect::<Vec<_>>());
}

#[test]
fn where_keyframes_come_as_they_come_damage_is_better_than_nothing() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::AsTheyCome, now);
    (0..4).for_each(|_| push(&mut sender, 18, SLICE, now));
    assert_eq!((sender.stats().units_dropped, sender.stats().dropped_useless), (1, 0));
    assert_eq!(sent(&mut sender, now, now + MS * 100), (18..72).collect::<Vec<_>>());
}

#[test]
fn a_unit_that_began_is_cut_when_it_has_waited_too_long() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 20, SLICE, now);
    assert!(!sent(&mut sender, now, now + MS * 5).is_empty());
    // The air is busy for a while.
    let later = now + MS * 101;
    assert_eq!(sent(&mut sender, later, later + MS * 50), [0; 0]);
    assert_eq!((sender.stats().units_dropped, sender.stats().dropped_late), (1, 1));
    assert!(sender.keyframe_wanted(now));
}

#[test]
fn a_keyframe_that_cannot_be_had_again_is_finished_however_late() {
    let now = Instant::now();
    for (keyframes, expected) in [(Keyframes::AsTheyCome, 150), (Keyframes::OnDemand, 97)] {
        let mut sender = sender(keyframes, now);
        push(&mut sender, 150, IDR, now);
        let sent = sent(&mut sender, now, now + MS * 300).len();
        assert!(sent.abs_diff(expected) <= 3, "{sent}");
    }
}

#[test]
fn a_keyframe_that_stands_for_one_that_was_cut_is_finished_however_late() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 150, IDR, now);
    assert!(sent(&mut sender, now, now + MS * 300).len() < 100);
    let later = now + MS * 300;
    assert!(sender.keyframe_wanted(later));
    push(&mut sender, 5, SLICE, later);
    push(&mut sender, 150, IDR, later);
    assert_eq!(sent(&mut sender, later, later + MS * 300), (150..300).collect::<Vec<_>>());
}

#[test]
fn while_keyframes_leave_late_nothing_that_began_is_cut_and_pictures_are_left_out() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 150, IDR, now);
    sent(&mut sender, now, now + MS * 190);
    assert!(!sender.keyframes_are_late, "it was cut");
    push(&mut sender, 150, IDR, now + MS * 200);
    sent(&mut sender, now + MS * 200, now + MS * 400);
    assert!(sender.keyframes_are_late);

    let now = now + MS * 400;
    push(&mut sender, 5, SLICE, now);
    assert!(!sender.has_room(), "a unit waits");
    let begun = sent(&mut sender, now, now + MS).len();
    assert!(begun > 0 && sender.has_room());
    push(&mut sender, 130, SLICE, now + MS);
    assert_eq!(begun + sent(&mut sender, now + MS, now + MS * 200).len(), 135);
    push(&mut sender, 9, IDR, now + MS * 200);
    sent(&mut sender, now + MS * 200, now + MS * 250);
    push(&mut sender, 130, SLICE, now + MS * 250);
    assert!(sent(&mut sender, now + MS * 250, now + MS * 450).len() < 110, "keyframes are in time");
}

#[test]
fn a_keyframe_is_asked_for_when_there_is_room_for_it_and_not_where_one_waits() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 60, SLICE, now);
    assert!(!sent(&mut sender, now, now + MS).is_empty());
    (0..2).for_each(|_| push(&mut sender, 10, SLICE, now));
    assert_eq!(sender.stats().units_dropped, 2);
    assert!(!sender.keyframe_wanted(now), "50 ms wait");
    assert!(sent(&mut sender, now + MS, now + MS * 40).len() > 30);
    assert!(sender.keyframe_wanted(now + MS * 40));
    assert!(!sender.keyframe_wanted(now + MS * 40), "told once");

    let mut sender = self::sender(Keyframes::OnDemand, now);
    push(&mut sender, 30, SLICE, now);
    push(&mut sender, 60, IDR, now);
    assert_eq!((sender.stats().units_dropped, sender.keyframe_wanted(now)), (1, false));
    assert_eq!(sent(&mut sender, now, now + MS * 90), (30..90).collect::<Vec<_>>());
    assert!(!sender.keyframe_wanted(now + MS * 90));
}

#[test]
fn where_a_keyframe_does_not_come_when_asked_for_it_is_asked_for_again_and_what_comes_is_taken() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    (0..4).for_each(|_| push(&mut sender, 18, SLICE, now));
    assert!(sender.keyframe_wanted(now));
    push(&mut sender, 1, SLICE, now + MS * 240);
    assert_eq!((sender.keyframe_wanted(now + MS * 240), sender.stats().units_dropped), (false, 5));
    assert!(sender.keyframe_wanted(now + MS * 250));
    let later = now + MS * 260;
    (0..4).for_each(|_| push(&mut sender, 18, SLICE, later));
    assert_eq!(
        (sender.stats().units_dropped, sender.stats().dropped_useless),
        (6, 4),
        "as where none can be asked for"
    );
    assert_eq!(sent(&mut sender, later, later + MS * 100).len(), 54);
    assert!(sender.keyframe_wanted(now + MS * 500));
    push(&mut sender, 1, IDR, now + MS * 510);
    assert!(!sender.keyframe_wanted(now + MS * 800));
}

#[test]
fn repairs_that_waited_too_long_are_no_lost_unit() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 4, SLICE, now);
    assert_eq!(sent(&mut sender, now, now + MS * 4), [0, 1, 2, 3]);
    assert_eq!(next(&mut sender, now + MS * 150).map(|(kind, _)| kind), Some(Kind::Announce));
    assert_eq!(next(&mut sender, now + MS * 160), None);
    assert_eq!((sender.stats().units_dropped, sender.keyframe_wanted(now)), (0, false));
}

/// Pushes a datagram of a unit that goes on.
fn push_part(sender: &mut Sender, now: Instant) {
    let bytes = [&[0x80, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, SLICE][..], &[7; 1387]].concat();
    let part = Outgoing { stream: VIDEO_STREAM, bytes: &bytes, end_of_unit: false, keyframe: false, captured: now };
    sender.push_datagram(part, now).unwrap();
}

#[test]
fn the_newest_unit_is_not_covered_any_more_when_it_was_dropped() {
    let now = Instant::now();
    let later = now + MS * 101;
    for code in [Code::Window, Code::Block] {
        let mut sender = sender_with(code, Keyframes::AsTheyCome, now);
        push(&mut sender, 20, SLICE, now);
        assert!(!sent(&mut sender, now, now + MS * 5).is_empty());
        assert_eq!(covered(&mut sender, later, later + MS), []);
        push(&mut sender, 4, SLICE, later + MS);
        assert_eq!(covered(&mut sender, later + MS, later + MS * 50), [(20, 4); 2], "{code}");
        assert_eq!(sender.stats().dropped_late, 1);
    }
}

#[test]
fn of_a_unit_dropped_under_way_repairs_cover_what_is_to_come() {
    let now = Instant::now();
    let later = now + MS * 101;
    for (code, keyframes) in [
        (Code::Window, Keyframes::AsTheyCome),
        (Code::Block, Keyframes::AsTheyCome),
        (Code::Window, Keyframes::OnDemand),
        (Code::Block, Keyframes::OnDemand),
    ] {
        let mut sender = sender_with(code, keyframes, now);
        (0..10).for_each(|_| push_part(&mut sender, now));
        assert!(!sent(&mut sender, now, now + MS * 5).is_empty());
        assert_eq!(covered(&mut sender, later, later + MS), []);
        assert_eq!(sender.stats().dropped_late, 1);
        // With a keyframe on its way the rest is not taken.
        push(&mut sender, 4, if keyframes == Keyframes::OnDemand { IDR } else { SLICE }, later + MS);
        let covered = covered(&mut sender, later + MS, later + MS * 50);
        assert!(!covered.is_empty() && covered.iter().all(|one| *one == (10, 4)), "{code}: {covered:?}");
    }
}

#[test]
fn pictures_are_left_out_while_what_waits_takes_long_and_only_the_air_counts() {
    let now = Instant::now();
    let mut sender = sender(Keyframes::OnDemand, now);
    push(&mut sender, 20, SLICE, now);
    assert!(sender.has_room());
    // This program is late by 40 ms: that says nothing about the air.
    assert_eq!(next(&mut sender, now).map(|(kind, _)| kind), Some(Kind::Announce));
    (1..6).for_each(|frame| assert!(next(&mut sender, now + MS * 40 * frame / 5).is_some()));
    push(&mut sender, 1, SLICE, now + MS * 40);
    assert!(sender.has_room());
    // The air refuses for 40 ms.
    assert!(next(&mut sender, now + MS * 42).is_some());
    sender.air_is_busy();
    assert!(next(&mut sender, now + MS * 82).is_some());
    push(&mut sender, 1, SLICE, now + MS * 82);
    assert!(!sender.has_room());
}
