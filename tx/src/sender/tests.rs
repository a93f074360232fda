//! The sender as its caller sees it, in virtual time.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use skylark_common::VIDEO_STREAM;
use skylark_common::fec::{Code, FecConfig};
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::{Format, RxHeader, TxRate};

use super::config::Pacing;
use super::*;

const ENTROPY: Entropy = Entropy { salt: [3; 16], unix_us: Some(1_700_000_000_000_000), clock_id: Some(7) };

fn key() -> LinkKey {
    LinkKey::from_bytes([1; LinkKey::LEN])
}

fn sender(now: Instant) -> Sender {
    sender_of(SkylarkConfig::default(), SenderConfig::default(), now)
}

fn sender_of(link: SkylarkConfig, config: SenderConfig, now: Instant) -> Sender {
    Sender::new(config, Skylark::new(link, &key(), ENTROPY, now), now)
}

/// One stream, protected so.
fn protected(fec: FecConfig) -> SkylarkConfig {
    let streams = vec![StreamConfig { fec, ..StreamConfig::default() }];
    SkylarkConfig { streams, ..SkylarkConfig::default() }
}

/// Pushes a unit of `count` datagrams of 1400 bytes.
fn push_unit(sender: &mut Sender, count: u32, keyframe: bool, now: Instant) {
    for index in 1..=count {
        let outgoing = Outgoing {
            stream: VIDEO_STREAM,
            bytes: &[u8::try_from(index % 251).unwrap(); 1400],
            end_of_unit: index == count,
            keyframe,
            captured: now,
        };
        sender.push_datagram(outgoing, now).unwrap();
    }
}

/// Everything that leaves until `end`, with when it left.
fn sent_until(sender: &mut Sender, mut now: Instant, end: Instant) -> Vec<(Instant, PacketHeader, Vec<u8>)> {
    let mut sent = Vec::new();
    loop {
        while let Some(frame) = sender.poll_transmit(now) {
            let (_, dot11) = RxHeader::parse(frame).unwrap();
            sent.push((now, PacketHeader::parse(dot11).unwrap().0, frame.to_vec()));
        }
        match sender.poll_timeout() {
            Some(due) if due < end => now = due.max(now),
            _ => return sent,
        }
    }
}

fn kinds(sent: &[(Instant, PacketHeader, Vec<u8>)]) -> Vec<Kind> {
    sent.iter().map(|(_, header, _)| header.kind).collect()
}

#[test]
fn a_keyframe_comes_behind_an_announce_and_before_its_repairs() {
    let now = Instant::now();
    let mut sender = sender(now);
    push_unit(&mut sender, 4, true, now);
    let sent = sent_until(&mut sender, now, now + Duration::from_millis(50));
    let (a, s, r) = (Kind::Announce, Kind::Source, Kind::WindowRepair);
    assert_eq!(kinds(&sent), [a, s, s, s, s, r, r]);
}

#[test]
fn a_source_packet_adds_at_most_48_bytes_on_the_air() {
    let now = Instant::now();
    let mut sender = sender(now);
    push_unit(&mut sender, 3, false, now);
    let sent = sent_until(&mut sender, now, now + Duration::from_millis(50));
    let overhead = |(_, _, frame): &(_, _, Vec<u8>)| frame.len() - TxRate::default().header_len() - 1400;
    let sources = sent.iter().filter(|(_, header, _)| header.kind == Kind::Source);
    assert_eq!(sources.map(overhead).collect::<Vec<_>>(), [48, 45, 45]);
}

#[test]
fn announces_are_never_more_than_100_ms_apart() {
    let start = Instant::now();
    let mut sender = sender(start);
    let mut announced = Vec::new();
    for unit in 0..100 {
        let now = start + Duration::from_millis(17) * unit;
        push_unit(&mut sender, 6, unit % 30 == 0, now);
        let sent = sent_until(&mut sender, now, now + Duration::from_millis(17));
        announced.extend(sent.iter().filter(|(_, header, _)| header.kind == Kind::Announce).map(|(at, _, _)| *at));
    }
    let longest = announced.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(announced[0] == start && longest <= Duration::from_millis(100), "{longest:?}");
}

#[test]
fn frames_leave_no_faster_than_the_air_carries_them() {
    let now = Instant::now();
    let mut sender = sender(now);
    push_unit(&mut sender, 20, false, now);
    let sent = sent_until(&mut sender, now, now + Duration::from_secs(1));
    let sources: Vec<_> =
        sent.iter().filter(|(_, header, _)| header.kind == Kind::Source).map(|(at, _, _)| *at).collect();
    // MCS 1: a frame of 1448 bytes takes 932 µs and 101.5 µs of access.
    assert!(sources[19] - sources[0] > Duration::from_micros(19 * 1000 - 2000), "{:?}", sources[19] - sources[0]);
}

#[test]
fn a_slow_air_drops_the_oldest_units() {
    let start = Instant::now();
    let mut sender = sender(start);
    for unit in 0..30 {
        let now = start + Duration::from_millis(10) * unit;
        push_unit(&mut sender, 20, unit == 5, now);
        sent_until(&mut sender, now, now + Duration::from_millis(10));
        assert!(sender.stats().queued_us < 150_000, "latency is bounded: {}", sender.stats().queued_us);
    }
    assert!(sender.stats().units_dropped > 5);
    assert!(!sender.keyframe_wanted(start), "this encoder cannot be told");
}

#[test]
fn a_keyframe_gives_way_to_a_keyframe_only() {
    let now = Instant::now();
    let mut sender = sender(now);
    push_unit(&mut sender, 5, false, now);
    push_unit(&mut sender, 40, true, now);
    push_unit(&mut sender, 40, false, now);
    assert_eq!(sender.stats().units_dropped, 1, "the unit before the keyframe");
    push_unit(&mut sender, 40, true, now);
    assert_eq!(sender.stats().units_dropped, 3, "the unit behind the keyframe, then the keyframe");
    let sent = sent_until(&mut sender, now, now + Duration::from_secs(1));
    let first = sent.iter().find(|(_, header, _)| header.kind == Kind::Source).unwrap();
    assert_eq!(first.1.sequence, 85);
}

#[test]
fn the_same_calls_give_the_same_bytes_and_another_salt_gives_others() {
    let now = Instant::now();
    let bytes = |entropy: Entropy| {
        let dialect = Skylark::new(SkylarkConfig::default(), &key(), entropy, now);
        let mut sender = Sender::new(SenderConfig::default(), dialect, now);
        push_unit(&mut sender, 9, true, now);
        sent_until(&mut sender, now, now + Duration::from_millis(200))
            .into_iter()
            .map(|(_, _, frame)| frame)
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(ENTROPY), bytes(ENTROPY));
    assert_ne!(bytes(ENTROPY), bytes(Entropy { salt: [4; 16], ..ENTROPY }));
}

#[test]
fn a_datagram_that_does_not_fit_is_refused_and_counted() {
    let now = Instant::now();
    let mut sender = sender(now);
    let outgoing =
        Outgoing { stream: VIDEO_STREAM, bytes: &[0; 2049], end_of_unit: true, keyframe: false, captured: now };
    assert_eq!(sender.push_datagram(outgoing, now), Err(PushError::TooLong { found: 2049, limit: 2048 }));
    let stray = Outgoing { stream: 9, bytes: &[0], ..outgoing };
    assert_eq!(sender.push_datagram(stray, now), Err(PushError::NoStream(9)));
    assert_eq!((sender.stats().too_long, sender.stats().datagrams), (1, 0));
}

/// The longest frame, radiotap included, where all datagrams have this length.
fn longest_frame(rate: TxRate, code: Code, datagram_bytes: usize) -> usize {
    let now = Instant::now();
    let fec = FecConfig { code, ..FecConfig::default() };
    let config = SenderConfig { rate, pacing: Pacing::None, ..SenderConfig::default() };
    let mut sender = sender_of(protected(fec), config, now);
    let datagram = vec![0xff; datagram_bytes];
    for number in 1..=8 {
        let (bytes, end_of_unit) = (&datagram[..], number % 2 == 0);
        let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe: true, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
    }
    let sent = sent_until(&mut sender, now, now + Duration::from_secs(1));
    assert!(kinds(&sent).iter().any(|kind| matches!(kind, Kind::WindowRepair | Kind::BlockRepair)));
    sent.iter().map(|(_, _, frame)| frame.len()).max().unwrap()
}

#[test]
fn source_and_repair_frames_fit_a_card_with_the_usual_mtu() {
    const MOST: usize = 1500 + 14;
    let ht = TxRate::default();
    let vht = TxRate { format: Format::Vht { streams: 1 }, ..ht };
    for (rate, code, largest) in
        [(ht, Code::Window, 1447), (ht, Code::Block, 1446), (vht, Code::Window, 1438), (vht, Code::Block, 1437)]
    {
        assert_eq!(longest_frame(rate, code, largest), MOST, "{rate}, {code}");
        assert!(longest_frame(rate, code, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES) <= MOST, "{rate}, {code}");
    }
}

#[test]
fn a_datagram_that_the_air_cannot_take_is_refused_with_what_fits() {
    let now = Instant::now();
    let mut sender = sender(now);
    sender.fit_frames(1514);
    let outgoing =
        Outgoing { stream: VIDEO_STREAM, bytes: &[0; 1472], end_of_unit: true, keyframe: false, captured: now };
    assert_eq!(sender.push_datagram(outgoing, now), Err(PushError::TooLong { found: 1472, limit: 1446 }));
    assert_eq!(longest_frame(TxRate::default(), Code::Block, 1446), 1514);
    sender.fit_frames(usize::MAX);
    assert_eq!(sender.push_datagram(outgoing, now), Ok(()));
}

#[test]
fn redundancy_is_kept_over_small_units() {
    let now = Instant::now();
    let fec = FecConfig { redundancy_permille: 300, ..FecConfig::default() };
    let config = SenderConfig { pacing: Pacing::None, ..SenderConfig::default() };
    let mut sender = sender_of(protected(fec), config, now);
    for unit in 0..100 {
        let now = now + Duration::from_millis(10) * unit;
        push_unit(&mut sender, 1, false, now);
        sent_until(&mut sender, now, now + Duration::from_millis(10));
    }
    assert_eq!((sender.stats().source_packets, sender.stats().repair_packets), (100, 30));
}

#[test]
fn a_unit_that_never_ends_is_protected_all_the_same() {
    let now = Instant::now();
    let config = SenderConfig { pacing: Pacing::None, ..SenderConfig::default() };
    let mut sender = sender_of(SkylarkConfig::default(), config, now);
    for index in 0..2000 {
        let now = now + Duration::from_millis(1) * index;
        let outgoing =
            Outgoing { stream: VIDEO_STREAM, bytes: &[0; 50], end_of_unit: false, keyframe: false, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
        sent_until(&mut sender, now, now + Duration::from_millis(1));
    }
    assert_eq!((sender.stats().source_packets, sender.stats().repair_packets), (2000, 768));
}

#[test]
fn no_sequence_number_is_used_twice_with_one_key() {
    let now = Instant::now();
    let mut sender = sender(now);
    let first_session = sender.session();
    sender.dialect.exhaust();
    push_unit(&mut sender, 2, true, now);
    let renewed = SessionKey::derive(&key(), &[3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]).id();
    assert_ne!(sender.session(), first_session);
    let sent = sent_until(&mut sender, now, now + Duration::from_millis(20));
    assert_eq!(kinds(&sent)[..3], [Kind::Announce, Kind::Source, Kind::Source]);
    assert!(sent.iter().all(|(_, header, _)| header.session == renewed), "the salt is counted up");
    assert_eq!(sent[1].1.sequence, 0);
}

#[test]
fn the_ledger_says_what_encoding_and_queueing_took() {
    let start = Instant::now();
    let mut sender = sender(start);
    for unit in 0..80 {
        let now = start + Duration::from_millis(20) * unit;
        let outgoing = Outgoing {
            stream: VIDEO_STREAM,
            bytes: &[0; 100],
            end_of_unit: true,
            keyframe: false,
            captured: now.checked_sub(Duration::from_millis(5)).unwrap(),
        };
        sender.push_datagram(outgoing, now).unwrap();
        sent_until(&mut sender, now, now + Duration::from_millis(20));
    }
    let latency = sender.latency().unwrap();
    assert!((4900..5100).contains(&latency.encode_p50_us), "{latency:?}");
    assert!(latency.queue_p95_us < 1000, "{latency:?}");
}
