//! Relays that lie, flood and replay beside true ones: counted by name, and nothing else happens.

use std::collections::VecDeque;
use std::time::Duration;

use skylark_common::air::sim::Random;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::{Antenna, RxHeader};
use skylark_rx::relay::message::{Entry, MAX_MESSAGE_BYTES, Message};
use skylark_rx::relay::{RelayId, RelayStats};

use super::field::{Field, FieldConfig, id, receiver_card};
use super::{SECOND, added, field, percentile, relays};

const LIAR: RelayId = RelayId(666);

/// A liar among the relays.
struct Liar {
    random: Random,
    sequence: u32,
    number: u32,
    message: Vec<u8>,
}

impl Liar {
    fn new() -> Self {
        Self { random: Random::new(5), sequence: 0, number: 0, message: Vec::new() }
    }

    fn garbage(&mut self, limit: u64) -> Vec<u8> {
        (0..self.random.below(limit)).map(|_| self.random.bits().to_be_bytes()[0]).collect()
    }

    fn begin(&mut self, run: u64) {
        self.message.clear();
        Message { run, sequence: self.sequence }.emit(&mut self.message);
        self.sequence += 1;
    }

    fn frame(&mut self, card: u8, bytes: &[u8]) {
        Entry::Frame { card, age_us: 100, number: self.number, bytes }.emit(&mut self.message).unwrap();
        self.number += 1;
    }
}

/// Two true relays of which each loses a tenth.
pub(crate) fn truth() -> Field {
    let mut field = field(relays(2, 0.1));
    field.captured = Some(Vec::new());
    field
}

/// Runs for 6 s while `attack` does something between any two milliseconds; then nothing was lost.
pub(crate) fn under_attack(case: &str, mut attack: impl FnMut(u32, &mut Field)) -> Field {
    let mut field = truth();
    for now_ms in 0..6000 {
        field.run(Duration::from_millis(1));
        attack(now_ms, &mut field);
    }
    field.idle(SECOND);
    field.assert_whole(case);
    field
}

/// What was counted against the liar; the true relays are blamed for nothing.
fn blame(field: &Field) -> RelayStats {
    let stats = field.stations.stats(field.now);
    for relay in stats.iter().filter(|relay| relay.id != LIAR) {
        let station = relay.station;
        let blamed = station.malformed + station.replayed + station.foreign + station.flooded + station.implausible;
        assert_eq!(
            (blamed, station.too_many_cards, station.orphaned, station.messages_lost),
            (0, 0, 0, 0),
            "{relay:?}"
        );
        assert_eq!((relay.refused, relay.suspended), (0, false), "{relay:?}");
    }
    *stats.iter().find(|relay| relay.id == LIAR).unwrap()
}

#[test]
fn garbage_is_counted_against_who_sends_it() {
    let mut liar = Liar::new();
    let field = under_attack("garbage", |now_ms, field| {
        let garbage = liar.garbage(3000);
        let begun = now_ms % 2 > 0;
        liar.begin(1);
        let message = if begun { [&liar.message, &garbage[..]].concat() } else { garbage };
        field.hear(LIAR, &message);
    });
    let blame = blame(&field).station;
    assert!(blame.malformed > 5000 && blame.frames < 10, "{blame:?}");
}

#[test]
fn truncated_and_repeated_messages_of_a_true_relay_are_harmless() {
    let mut field = truth();
    field.messages = Some(Vec::new());
    let mut liar = Liar::new();
    for _ in 0..3000 {
        field.run(Duration::from_millis(1));
        let messages = field.messages.take().unwrap();
        for message in messages.iter().rev().take(3) {
            let len = usize::try_from(liar.random.below(message.len() as u64)).unwrap();
            field.hear(LIAR, &message[..len]);
            field.hear(LIAR, message);
            field.hear(LIAR, message);
        }
        field.messages = Some(messages.into_iter().rev().take(4).rev().collect());
    }
    field.idle(SECOND);
    field.assert_whole("truncations");
    let blame = blame(&field).station;
    assert!(blame.replayed > 5000 && blame.malformed > 1000, "{blame:?}");
}

#[test]
fn a_true_relays_own_messages_played_again_in_its_name_are_replays() {
    let mut field = truth();
    field.messages = Some(Vec::new());
    for _ in 0..3000 {
        field.run(Duration::from_millis(1));
        let messages: Vec<_> = field.messages.iter_mut().flat_map(|messages| messages.drain(..)).collect();
        for message in &messages {
            field.hear(id(usize::from(message[11])), message);
        }
    }
    field.idle(SECOND);
    field.assert_whole("replays");
    let replayed: u64 = field.stations.stats(field.now).iter().map(|relay| relay.station.replayed).sum();
    assert!(replayed > 2000, "{replayed}");
}

#[test]
fn a_flood_is_cut_to_what_a_relay_may_bring() {
    let mut liar = Liar::new();
    let field = under_attack("flood", |_, field| {
        let frame = field.captured.iter().flatten().next_back().cloned().unwrap_or_default();
        field.captured.iter_mut().for_each(|captured| captured.truncate(8));
        if frame.is_empty() {
            return;
        }
        // A hundred times what the link carries, in small frames and big messages.
        let mut forged = frame.clone();
        forged.truncate(RxHeader::parse(&frame).unwrap().1.as_ptr() as usize - frame.as_ptr() as usize + 60);
        liar.begin(1);
        (0..110).for_each(|n| {
            *forged.last_mut().unwrap() = n;
            liar.frame(0, &forged);
        });
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field);
    assert!(blame.station.flooded > 500_000, "{blame:?}");
    assert!(blame.station.frames <= 20_000 * 6 + 4000, "{blame:?}");
    assert!(blame.refused > 50_000, "{blame:?}");
}

/// True headers with other bodies, before the true ones come: the next packets of each kind, guessed.
#[test]
fn forged_frames_that_come_before_the_true_ones_displace_none() {
    let mut liar = Liar::new();
    let field = under_attack("forgeries", |_, field| {
        let captured = field.captured.as_mut().map(std::mem::take).unwrap_or_default();
        liar.begin(1);
        for frame in captured {
            let (_, dot11) = RxHeader::parse(&frame).unwrap();
            let Ok((header, body)) = PacketHeader::parse(dot11) else { continue };
            let radiotap = &frame[..frame.len() - dot11.len()];
            for ahead in 1..4 {
                let header = PacketHeader { sequence: header.sequence + ahead, ..header };
                let forged = [radiotap, &header.emit(), body].concat();
                liar.frame(0, &forged);
            }
        }
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field);
    assert!(blame.refused > 5000 && blame.first == 0, "{blame:?}");
}

#[test]
fn signals_that_cannot_be_are_not_shown() {
    let mut liar = Liar::new();
    let field = under_attack("signal", |_, field| {
        let captured = field.captured.as_mut().map(std::mem::take).unwrap_or_default();
        liar.begin(1);
        for frame in captured {
            let (header, dot11) = RxHeader::parse(&frame).unwrap();
            let loud = Antenna { number: 0, signal_dbm: Some(120), noise_dbm: Some(-95) };
            let mut lie = [0; 64];
            let length = RxHeader { antennas: [Some(loud), None, None, None], ..header }.emit(&mut lie).unwrap();
            liar.frame(3, &[&lie[..length], dot11].concat());
        }
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field);
    assert!(blame.station.implausible > 5000 && blame.station.implausible == blame.station.frames, "{blame:?}");
    let card = &field.receiver.stats(field.now).cards[receiver_card(LIAR, 3)];
    assert!(card.heard > 5000 && card.signal_dbm.is_none(), "{card:?}");
}

/// What waits for an announce that never comes is counted as well.
#[test]
fn frames_of_sessions_that_nobody_announced_are_refused() {
    let mut liar = Liar::new();
    let field = under_attack("sessions", |now_ms, field| {
        let captured = field.captured.as_mut().map(std::mem::take).unwrap_or_default();
        liar.begin(1);
        for frame in captured {
            let (_, dot11) = RxHeader::parse(&frame).unwrap();
            let Ok((header, body)) = PacketHeader::parse(dot11) else { continue };
            let header = PacketHeader { session: now_ms, kind: Kind::Source, ..header };
            let radiotap = &frame[..frame.len() - dot11.len()];
            liar.frame(0, &[radiotap, &header.emit(), body].concat());
        }
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field);
    assert!(blame.refused > 5000 && blame.first == 0, "{blame:?}");
}

#[test]
fn cards_beyond_a_few_and_frames_of_other_links_are_dropped() {
    let mut liar = Liar::new();
    let field = under_attack("cards and links", |now_ms, field| {
        let captured = field.captured.as_mut().map(std::mem::take).unwrap_or_default();
        liar.begin(1);
        for mut frame in captured {
            let link = frame.len() - RxHeader::parse(&frame).unwrap().1.len() + 12;
            frame[link] ^= u8::from(now_ms % 2 > 0);
            liar.frame(u8::try_from(now_ms % 255).unwrap(), &frame);
        }
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field).station;
    assert!(blame.too_many_cards > 5000 && blame.foreign > 100, "{blame:?}");
    assert!(field.receiver.stats(field.now).cards.len() <= 63);
}

/// It repeats what the true relays bring, a little later, and says that it always heard it: it is asked to be prompt,
/// found out, and not asked for longer and longer.
#[test]
fn a_relay_that_only_says_it_hears_everything_is_found_out() {
    let mut liar = Liar::new();
    let mut plain = truth();
    plain.run(6 * SECOND);
    plain.idle(SECOND);
    let (mut asked_ms, mut suspended, mut overheard) = (0, false, VecDeque::new());
    let field = under_attack("hearsay", |_, field| {
        overheard.push_back(field.messages.replace(Vec::new()).unwrap_or_default());
        let later = if overheard.len() > 40 { overheard.pop_front() } else { None };
        for message in later.into_iter().flatten() {
            let (_, entries) = Message::parse(&message).unwrap();
            liar.begin(1);
            for entry in entries.flatten() {
                if let Entry::Frame { bytes, .. } = entry {
                    Entry::Heard { card: 0, age_us: 30_000, head: bytes }.emit(&mut liar.message).unwrap();
                }
            }
            field.hear(LIAR, &liar.message);
        }
        let stats = field.stations.stats(field.now);
        asked_ms += u32::from(stats.iter().any(|relay| relay.id == LIAR && relay.prompt));
        suspended = stats.iter().any(|relay| relay.id == LIAR && relay.suspended);
    });
    let added = added(&field, &plain);
    let blame = blame(&field);
    assert!(suspended && (200..1500).contains(&asked_ms), "asked for {asked_ms} ms of 6000: {blame:?}");
    assert!(percentile(&added, 50) < Duration::from_millis(1));
    assert!(percentile(&added, 100) < Duration::from_millis(60), "{:?}", percentile(&added, 100));
}

#[test]
fn strangers_that_talk_in_a_true_relays_name_do_not_silence_it() {
    let mut liar = Liar::new();
    let field = under_attack("runs", |_, field| {
        for _ in 0..3 {
            let run = liar.random.bits();
            liar.begin(run);
            field.hear(id(0), &liar.message);
        }
    });
    let station = field.stations.stats(field.now)[0].station;
    assert!(station.runs > 10_000 && station.orphaned == 0 && station.frames > 4000, "{station:?}");
}

#[test]
fn more_relays_than_there_is_room_for_crowd_no_useful_one_out() {
    let mut liar = Liar::new();
    let field = under_attack("a crowd", |now_ms, field| {
        liar.begin(1);
        field.hear(RelayId(1000 + u64::from(now_ms)), &liar.message);
    });
    let stats = field.stations.stats(field.now);
    assert!(
        stats.len() == 16 && stats.iter().any(|relay| relay.id == id(0)) && stats.iter().any(|relay| relay.id == id(1))
    );
}

#[test]
fn a_relay_that_hears_finds_room_among_a_thousand_that_do_not() {
    let mut liar = Liar::new();
    let mut field = truth();
    field.relays.iter_mut().for_each(|relay| relay.connected = false);
    for now_ms in 0..2000 {
        if now_ms == 1000 {
            field.relays.iter_mut().for_each(|relay| relay.connected = true);
        }
        field.run(Duration::from_millis(1));
        for relay in 0..30 {
            liar.begin(1);
            field.hear(RelayId(1000 + (now_ms * 30 + relay) % 1000), &liar.message);
        }
    }
    let stats = field.stations.stats(field.now);
    for place in 0..2 {
        assert!(stats.iter().any(|relay| relay.id == id(place) && relay.station.frames > 200), "{stats:?}");
    }
}

/// Words are no packets: what is said to have been heard may still come.
#[test]
fn words_about_packets_that_have_not_come_displace_none() {
    let mut liar = Liar::new();
    let field = under_attack("words", |_, field| {
        let captured = field.captured.as_mut().map(std::mem::take).unwrap_or_default();
        liar.begin(1);
        for head in captured {
            Entry::Heard { card: 0, age_us: 0, head: &head }.emit(&mut liar.message).unwrap();
        }
        field.hear(LIAR, &liar.message);
    });
    let blame = blame(&field);
    assert!(blame.station.known > 5000 && blame.first == 0, "{blame:?}");
}

#[test]
fn messages_and_what_is_held_are_bounded_however_much_is_captured() {
    let mut field = truth();
    field.run(SECOND);
    let frame = field.captured.iter().flatten().next_back().cloned().unwrap();
    let (now, mut random) = (field.now, Random::new(1));
    let forwarder = &mut field.relays[0].forwarder;
    for _ in 0..20_000 {
        let mut other = frame.clone();
        let place = other.len() - 200;
        other[place..place + 8].copy_from_slice(&random.bits().to_be_bytes());
        forwarder.handle_frame(0, &other, now);
    }
    let stats = forwarder.stats(now);
    assert!(stats.held <= 4096 && stats.gave_way >= 15_000, "{stats:?}");
    let mut messages = 0;
    while let Some(message) = forwarder.poll_message(now) {
        assert!(message.len() <= MAX_MESSAGE_BYTES, "{} bytes", message.len());
        messages += 1;
    }
    let stats = forwarder.stats(now);
    assert!(messages > 10 && stats.held < 2000, "{stats:?}");
    let told = stats.foreign + stats.truncated + stats.forwarded + stats.copies + stats.known;
    assert_eq!(stats.captured, told + stats.gave_way + stats.held, "{stats:?}");
}

#[test]
fn every_captured_frame_is_counted_once() {
    let cards = vec![super::loses(0.3); 3];
    let mut field = field(FieldConfig { relays: vec![cards.clone(), cards], ..FieldConfig::default() });
    field.run(2 * SECOND);
    for relay in &field.relays {
        let stats = relay.forwarder.stats(field.now);
        let told = stats.foreign + stats.truncated + stats.forwarded + stats.copies + stats.known;
        assert_eq!(stats.captured, told + stats.gave_way + stats.held, "{stats:?}");
    }
}
