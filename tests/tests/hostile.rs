//! Hostile input: every frame is counted once, nothing forged is handed on, nothing panics, the live link
//! goes on.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, Random, ReceiverConfig};
use skylark_common::fec::{BlockId, Code, FecConfig, Near, RepairId};
use skylark_common::seal::LinkKey;
use skylark_common::wire::packet::Kind;
use skylark_common::wire::repair;
use skylark_rx::stats::FrameStats;
use skylark_tests::frames::{announce_body, header, radiotap_len, sealed};
use skylark_tests::link::{Recorded, key};
use skylark_tests::{Link, LinkConfig, Outcome, Traffic};

const SECOND: Duration = Duration::from_secs(1);
/// Salt of the first sender of a link.
const SALT: [u8; 16] = [1; 16];
/// Start of the packet header's fields in a frame of the modelled air: behind radiotap and 10 bytes of 802.11.
const ADDRESS_2: usize = 10;

fn config() -> LinkConfig {
    let traffic = Traffic { units_per_s: 30, bits_per_s: 2_000_000, keyframe_interval: 30, ..Traffic::default() };
    LinkConfig { traffic, ..LinkConfig::default() }
}

fn link() -> Link {
    Link::new(config(), Instant::now())
}

/// What a card that loses nothing captures of a sender.
fn recorded(config: LinkConfig, duration: Duration) -> Vec<Recorded> {
    let mut link = Link::new(config, Instant::now());
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(duration);
    link.recording.unwrap_or_default()
}

fn frames(link: &Link) -> FrameStats {
    link.receiver.stats(link.now).frames
}

fn assert_all_counted(link: &Link) {
    let found = frames(link);
    let FrameStats { captured, foreign, truncated, bad_fcs, unknown_version, waiting, unannounced, .. } = found;
    let FrameStats { forged, replayed, duplicate, late, used, .. } = found;
    let early = foreign + truncated + bad_fcs + unknown_version + waiting + unannounced;
    assert_eq!(captured, early + forged + replayed + duplicate + late + used, "{found:?}");
}

/// Nothing was lost, changed, doubled or handed on out of order, and every frame was counted once.
fn assert_unharmed(link: &Link, case: &str) {
    let outcome = Outcome::of(link);
    assert_eq!(outcome.lost, 0, "{case}: of {} units", outcome.units);
    assert_all_counted(link);
}

/// The live link runs while `attack` makes it hear something between any two milliseconds.
fn under_attack(duration_ms: u32, mut attack: impl FnMut(u32, &mut Link)) -> Link {
    let mut link = link();
    link.recording = Some(Vec::new());
    for now_ms in 0..duration_ms {
        link.run(Duration::from_millis(1));
        attack(now_ms, &mut link);
    }
    link.idle(SECOND);
    link
}

fn garbage(random: &mut Random, limit: u64) -> Vec<u8> {
    (0..random.below(limit)).map(|_| random.bits().to_be_bytes()[0]).collect()
}

/// A random change to a frame: flipped bits, a piece cut out, a piece of another put in.
fn mutated(random: &mut Random, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    let place = |random: &mut Random, len: usize| usize::try_from(random.below(len as u64)).expect("it was a length");
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = place(random, bytes.len());
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..(at + place(random, 9)).min(bytes.len()))),
            _ => drop(bytes.splice(at..at, garbage(random, 16))),
        }
    }
    bytes
}

#[test]
fn every_truncation_of_every_kind_of_frame_is_counted_and_harmless() {
    let recording = recorded(config(), SECOND / 4);
    let samples = [Kind::Source, Kind::WindowRepair, Kind::Announce]
        .map(|wanted| recording.iter().find(|frame| header(&frame.bytes).kind == wanted).expect("every kind is there"));
    let mut cut = samples.iter().flat_map(|frame| (0..frame.bytes.len()).map(|len| &frame.bytes[..len]));
    let link = under_attack(1500, |_, link| cut.by_ref().take(3).for_each(|frame| link.hear(0, frame)));
    assert!(cut.next().is_none(), "all were heard");
    assert_unharmed(&link, "truncations");
}

#[test]
fn a_receiver_that_has_not_heard_the_true_frame_believes_none_with_a_flipped_bit() {
    let recording = recorded(config(), SECOND / 4);
    let announce = recording.iter().find(|frame| header(&frame.bytes).kind == Kind::Announce).unwrap();
    for sample in recording.iter().take(12) {
        let mut player = link();
        player.deaf = true;
        if header(&sample.bytes).kind != Kind::Announce {
            player.hear(0, &announce.bytes);
        }
        let before = frames(&player);
        let first_bit = (radiotap_len(&sample.bytes) + ADDRESS_2) * 8;
        let sequence_control = (radiotap_len(&sample.bytes) + 22) * 8;
        for bit in first_bit..sample.bytes.len() * 8 {
            // The sequence control of 802.11 is the card's affair, not the seal's.
            if (sequence_control..sequence_control + 16).contains(&bit) {
                continue;
            }
            let mut flipped = sample.bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            player.hear(0, &flipped);
        }
        let after = frames(&player);
        assert_eq!((player.handed.len(), after.used), (0, before.used));
        let sealed_bits = (sample.bytes.len() - radiotap_len(&sample.bytes) - 27) as u64 * 8;
        assert!(after.forged - before.forged >= sealed_bits, "{after:?}");
        player.hear(0, &sample.bytes);
        assert_eq!(frames(&player).used, before.used + 1, "the true frame finds its place free");
        assert_all_counted(&player);
    }
}

#[test]
fn forged_kinds_and_streams_do_not_use_up_the_places_of_true_ones() {
    let loses = ReceiverConfig { loss: Loss::Independent { share: 0.1 }, ..ReceiverConfig::default() };
    let mut link = Link::new(LinkConfig { receivers: vec![loses], ..config() }, Instant::now());
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.push_unit();
    link.wait_until(link.now + Duration::from_millis(3));
    let announce = link.recording.take().unwrap().remove(0).bytes;
    link.deaf = false;
    link.hear(0, &announce);
    for stream in 0..64 {
        for kind in [0x11, 0x12, 0x13, 0x14] {
            let mut forged = announce.clone();
            let at = radiotap_len(&forged);
            (forged[at + 15], forged[at + 17]) = (stream, kind);
            forged.truncate(forged.len() - 1);
            link.hear(0, &forged);
        }
    }
    link.run(5 * SECOND);
    link.idle(SECOND);
    assert!(link.receiver.stats(link.now).streams[0].recovered > 50, "repairs are taken");
    assert_all_counted(&link);
}

#[test]
fn garbage_and_mutated_frames_do_no_harm() {
    for seed in 1..=4 {
        let mut random = Random::new(seed);
        let link = under_attack(2000, |_, link| {
            let frame = match link.recording.as_ref().and_then(|frames| frames.last()) {
                Some(last) if random.chance(0.8) => mutated(&mut random, &last.bytes),
                _ => garbage(&mut random, 4200),
            };
            let card = usize::try_from(random.below(3)).unwrap();
            link.hear(card, &frame);
        });
        assert_unharmed(&link, "garbage");
    }
}

#[test]
fn mutated_radiotap_headers_never_change_what_is_handed_on() {
    let mut random = Random::new(5);
    let mut player = link();
    player.deaf = true;
    let recording = recorded(config(), 2 * SECOND);
    for frame in &recording {
        player.wait_until(player.start + (frame.at - recording[0].at));
        let (header, mpdu) = frame.bytes.split_at(radiotap_len(&frame.bytes));
        let header = if random.chance(0.5) { mutated(&mut random, header) } else { header.to_vec() };
        player.hear(0, &[&header, mpdu].concat());
    }
    assert_all_counted(&player);
    let labels: Vec<_> = player.handed.iter().map(|handed| Traffic::label(&handed.bytes)).collect();
    assert!(labels.windows(2).all(|pair| pair[0] < pair[1]) && !labels.is_empty());
}

#[test]
fn frames_of_another_link_key_version_or_kind_are_counted_by_reason() {
    let frame = recorded(config(), SECOND / 4)
        .into_iter()
        .find(|frame| header(&frame.bytes).kind == Kind::Announce)
        .unwrap()
        .bytes;
    let with = |offset: usize, change: u8| {
        let mut changed = frame.clone();
        changed[radiotap_len(&frame) + offset] ^= change;
        changed
    };
    let other_key = sealed(&LinkKey::from_bytes([3; 32]), [8; 16], Kind::Announce, 0, &announce_body(0, 0));
    type Counter = fn(FrameStats) -> u64;
    let cases: [(Vec<u8>, Counter); 7] = [
        (with(12, 1), |frames| frames.foreign),
        (with(15, 0x80), |frames| frames.foreign),
        (with(0, 0x80), |frames| frames.foreign),
        (with(17, 0x30), |frames| frames.unknown_version),
        (with(17, 0x08), |frames| frames.unknown_version),
        (other_key, |frames| frames.forged),
        (frame[..radiotap_len(&frame) + 20].to_vec(), |frames| frames.truncated),
    ];
    for (number, (hostile, counter)) in cases.into_iter().enumerate() {
        let mut player = link();
        player.deaf = true;
        player.hear(0, &hostile);
        assert_eq!(counter(frames(&player)), 1, "case {number}: {:?}", frames(&player));
        assert_all_counted(&player);
    }
}

#[test]
fn replayed_frames_are_counted_and_not_handed_on() {
    for (card, counter) in [(0, 0), (1, 1)] {
        let link = under_attack(2000, |now_ms, link| {
            let past = link.recording.as_ref().unwrap();
            // What was sent first: a moment ago at the beginning, long ago at the end.
            let again = past.get(now_ms as usize % 50).or(past.last());
            let again = again.map(|frame| frame.bytes.clone());
            again.into_iter().for_each(|frame| link.hear(card, &frame));
        });
        assert_unharmed(&link, "replays");
        let found = frames(&link);
        assert!([found.replayed, found.duplicate][counter] > 400, "card {card}: {found:?}");
        assert_eq!(found.replayed + found.duplicate, 2000, "card {card}: {found:?}");
    }
}

#[test]
fn a_flood_of_announces_and_unknown_sessions_does_not_touch_the_live_link() {
    let other_key = LinkKey::from_bytes([3; 32]);
    let mut random = Random::new(6);
    let link = under_attack(2000, |now_ms, link| {
        for _ in 0..5 {
            let salt = u128::from(random.bits()).to_be_bytes();
            link.hear(0, &sealed(&other_key, salt, Kind::Announce, now_ms, &announce_body(0, 0)));
            link.hear(0, &sealed(&key(), salt, Kind::Announce, now_ms, &announce_body(0, 0)));
            link.hear(0, &sealed(&other_key, salt, Kind::Source, now_ms, &[0; 1000]));
        }
        assert!(frames(link).waiting <= 512, "frames that wait are bounded");
    });
    assert_unharmed(&link, "flood");
    let found = frames(&link);
    assert_eq!(found.waiting + found.unannounced, 10_000, "{found:?}");
    assert_eq!(link.receiver.stats(link.now).sessions, 1);
}

#[test]
fn a_flood_before_the_first_announce_delays_a_receiver_by_no_more_than_a_keyframe() {
    let other_key = LinkKey::from_bytes([3; 32]);
    let mut link = link();
    link.deaf = true;
    for salt in 0..2000_u32 {
        link.run(Duration::from_micros(500));
        let salt: [u8; 16] = u128::from(salt).to_be_bytes();
        link.hear(0, &sealed(&other_key, salt, Kind::Source, 1, &[0; 100]));
    }
    link.deaf = false;
    let began = link.now;
    link.run(2 * SECOND);
    let first = link.handed.first().expect("it is followed").at;
    assert!(first - began <= Duration::from_millis(150), "{:?}", first - began);
}

#[test]
fn a_forged_copy_that_comes_first_does_not_displace_the_true_one() {
    let mut link = link();
    link.deaf = true;
    let recording = recorded(config(), 2 * SECOND);
    let start = link.now;
    for frame in &recording {
        link.wait_until(start + (frame.at - recording[0].at));
        let mut forged = frame.bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        link.hear(0, &forged);
        link.hear(0, &frame.bytes);
    }
    let labels: Vec<_> = link.handed.iter().filter_map(|handed| Traffic::label(&handed.bytes)).collect();
    let traffic = link.config.traffic;
    let expected: Vec<_> =
        (0..60).flat_map(|unit| (0..traffic.datagrams(unit)).map(move |index| (unit, index))).collect();
    assert_eq!(labels[..expected.len()], expected);
    assert_eq!(frames(&link).used, recording.len() as u64);
    assert_eq!(frames(&link).forged, recording.len() as u64);
}

/// Bodies no transmitter makes, near and far from where the stream is.
fn absurd(random: &mut Random, near: u32) -> (Kind, Vec<u8>) {
    let small = |random: &mut Random| random.bits().to_be_bytes()[0];
    let esi = match random.below(4) {
        0 => near.wrapping_add(u32::from(small(random))),
        1 => near.wrapping_sub(u32::from(small(random))),
        2 => near.wrapping_add(u32::try_from(random.below(1 << 32)).unwrap_or(0)),
        _ => [0, u32::MAX, near ^ (1 << 31)][usize::try_from(random.below(3)).unwrap_or(0)],
    };
    let symbol = garbage(random, 1500);
    match random.below(5) {
        0 => {
            let count = u16::try_from(random.below(4096)).unwrap_or(0);
            let near = Near::covering(u32::try_from(random.below(128)).unwrap_or(0));
            let id = RepairId { key: 0, first_esi: esi, count, near };
            (Kind::WindowRepair, [&repair::emit_window(&id)[..], &symbol].concat())
        }
        1 => {
            let id = BlockId { first_esi: esi, k: small(random), m: small(random), index: small(random) };
            (Kind::BlockRepair, [&repair::emit_block(&id)[..], &symbol].concat())
        }
        2 => (Kind::Announce, announce_body(esi, random.bits())),
        3 => (Kind::Announce, garbage(random, 60)),
        _ => (Kind::Source, symbol),
    }
}

#[test]
fn authentic_but_absurd_bodies_never_panic_and_a_restart_heals_the_link() {
    for seed in 1..=6 {
        let mut random = Random::new(seed);
        let mut link = link();
        for round in 0..1500_u32 {
            link.run(Duration::from_millis(1));
            let near = round * 2;
            let (kind, body) = absurd(&mut random, near);
            let sequence = if random.chance(0.5) { near } else { u32::try_from(random.bits() >> 32).unwrap_or(0) };
            link.hear(0, &sealed(&key(), SALT, kind, sequence, &body));
            assert_all_counted(&link);
        }
        link.idle(SECOND);
        link.handed.clear();
        let restarted = u32::try_from(link.pushed.len()).unwrap();
        link.restart_sender(2, Some(1_700_000_000_000_001));
        link.run(2 * SECOND);
        link.idle(SECOND);
        let outcome = Outcome::of(&link);
        assert_eq!(outcome.units - outcome.lost, link.pushed.len() - restarted as usize, "seed {seed}");
    }
}

#[test]
fn repairs_with_wrong_contents_hand_on_nothing_that_is_no_datagram() {
    let mut random = Random::new(7);
    let receivers = vec![ReceiverConfig { loss: Loss::Independent { share: 0.2 }, ..ReceiverConfig::default() }];
    let mut link = Link::new(LinkConfig { receivers, ..config() }, Instant::now());
    link.run(SECOND);
    for round in 0..50_u32 {
        link.run(Duration::from_millis(10));
        let newest = link.handed.len();
        let first_esi = u32::try_from(newest).unwrap() + 1;
        let id = RepairId { key: 0, first_esi, count: 6, near: Near::default() };
        let body = [&repair::emit_window(&id)[..], &garbage(&mut random, 1400), &[1]].concat();
        link.hear(0, &sealed(&key(), SALT, Kind::WindowRepair, 0x8000_0000 + round, &body));
    }
    // The jump of the repairs' numbers hides the true ones; the sources still come.
    link.handed.clear();
    link.run(2 * SECOND);
    assert!(link.handed.iter().all(|handed| handed.bytes.len() <= skylark_common::MAX_DATAGRAM_BYTES));
    assert!(link.handed.len() > 100);
    assert_all_counted(&link);
}

#[test]
fn the_same_seed_and_input_give_the_same_outcome() {
    let run = |start: Instant| {
        let mut random = Random::new(8);
        let loss = |share| ReceiverConfig {
            loss: Loss::Independent { share },
            damaged_share: 0.5,
            ..ReceiverConfig::default()
        };
        let fec = FecConfig { code: Code::Window, ..FecConfig::default() };
        let mut link = Link::new(LinkConfig { receivers: vec![loss(0.3), loss(0.4)], fec, ..config() }, start);
        for _ in 0..1000 {
            link.run(Duration::from_millis(1));
            link.hear(0, &garbage(&mut random, 200));
        }
        let handed: Vec<_> =
            link.handed.iter().map(|handed| (handed.at - start, handed.bytes.clone(), handed.missing_before)).collect();
        assert_all_counted(&link);
        assert!(frames(&link).bad_fcs > 0);
        (handed, frames(&link))
    };
    let start = Instant::now();
    assert_eq!(run(start), run(start + SECOND));
}
