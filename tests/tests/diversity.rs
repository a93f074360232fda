//! Several cards: what one misses another brings, the first copy wins, and every card's numbers are true.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::fec::{Code, FecConfig};
use skylark_common::wire::packet::Kind;
use skylark_common::wire::radiotap::RxHeader;
use skylark_rx::stats::{CardStats, FrameStats, RxStats};
use skylark_tests::frames::{header, sealed};
use skylark_tests::link::key;
use skylark_tests::{Link, LinkConfig, Outcome, Traffic};

const SECOND: Duration = Duration::from_secs(1);
/// A packet counts as missed when so many of its kind came after it.
const SETTLED: u32 = 128;

fn loses(share: f64) -> ReceiverConfig {
    ReceiverConfig { loss: Loss::Independent { share }, ..ReceiverConfig::default() }
}

fn later(delay_ms: u64) -> ReceiverConfig {
    ReceiverConfig { delay: Duration::from_millis(delay_ms), ..ReceiverConfig::default() }
}

/// 30 units/s of 2 Mbit/s to these cards.
fn link(receivers: Vec<ReceiverConfig>, seed: u64) -> Link {
    let traffic = Traffic { units_per_s: 30, bits_per_s: 2_000_000, keyframe_interval: 30, ..Traffic::default() };
    Link::new(LinkConfig { receivers, traffic, seed, ..LinkConfig::default() }, Instant::now())
}

fn assert_nothing_lost(link: &mut Link, case: &str) {
    link.idle(SECOND);
    assert_eq!(Outcome::of(link).lost, 0, "{case}: of {} units", link.pushed.len());
}

/// Five minutes without FEC from so many cards that each lose a fifth: the share of packets that nobody heard.
fn unprotected_loss(cards: usize, seed: u64) -> f64 {
    let traffic = Traffic { bits_per_s: 8_000_000, datagram_bytes: 600, ..Traffic::default() };
    let fec = FecConfig { code: Code::None, redundancy_permille: 0, ..FecConfig::default() };
    let config = LinkConfig { receivers: vec![loses(0.2); cards], fec, traffic, seed, ..LinkConfig::default() };
    let mut link = Link::new(config, Instant::now());
    for _ in 0..10 {
        link.run(30 * SECOND);
        link.handed.clear();
    }
    let stats = link.receiver.stats(link.now);
    let CardStats { expected, lost, .. } = stats.cards[0];
    assert!(expected > 450_000 && stats.cards.iter().all(|card| card.lost == lost), "{stats:?}");
    let share_lost = lost as f64 / expected as f64;
    // Those of the end are not settled, those after them not counted.
    let handed = stats.streams[0].lost as f64 / (stats.streams[0].lost + stats.streams[0].datagrams) as f64;
    assert!((handed - share_lost).abs() < 0.001, "{handed} of the datagrams, {share_lost} of the packets");
    share_lost
}

#[test]
fn without_fec_cards_of_20_percent_loss_lose_what_chance_says() {
    for (cards, chance) in [(2, 0.2 * 0.2), (3, 0.2 * 0.2 * 0.2)] {
        let lost = unprotected_loss(cards, 31);
        assert!((lost / chance - 1.0).abs() < 0.1, "{cards} cards: {lost} of the packets, expected {chance}");
    }
}

#[test]
fn with_25_percent_redundancy_two_and_three_cards_of_20_percent_loss_lose_no_unit_in_a_minute() {
    for (cards, seed) in [(2, 11), (2, 12), (2, 13), (3, 11)] {
        let fec = FecConfig { code: Code::Window, redundancy_permille: 250, ..FecConfig::default() };
        let config = LinkConfig { receivers: vec![loses(0.2); cards], fec, seed, ..LinkConfig::default() };
        let mut link = Link::new(config, Instant::now());
        link.run(60 * SECOND);
        assert_nothing_lost(&mut link, &format!("{cards} cards, seed {seed}"));
    }
}

/// Which packets each card heard and was the first to hear, by what the channel handed over.
#[derive(Default)]
struct Truth {
    /// The first packet of each kind to come: counting begins there.
    begin: BTreeMap<Kind, u32>,
    heard: BTreeMap<Kind, [BTreeSet<u32>; 3]>,
    first: [u64; 3],
    duplicates: [u64; 3],
}

/// What a card is told of source packets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sources {
    expected: u64,
    missed: u64,
    lost: u64,
    unique: u64,
}

impl Truth {
    fn of(link: &Link) -> Self {
        let mut truth = Self::default();
        let intact = |bytes| RxHeader::parse(bytes).is_ok_and(|(header, _)| !header.bad_fcs);
        for frame in link.recording.iter().flatten().filter(|frame| intact(&frame.bytes)) {
            let header = header(&frame.bytes);
            truth.begin.entry(header.kind).or_insert(header.sequence);
            let cards = truth.heard.entry(header.kind).or_default();
            let known = cards.iter().any(|heard| heard.contains(&header.sequence));
            cards[frame.card].insert(header.sequence);
            truth.duplicates[frame.card] += u64::from(known);
            truth.first[frame.card] += u64::from(!known);
        }
        truth
    }

    fn heard(&self, card: usize) -> u64 {
        self.heard.values().map(|cards| cards[card].len() as u64).sum()
    }

    /// What became of the source packets that have reached every card they will.
    fn sources(&self, card: usize) -> Sources {
        let cards = &self.heard[&Kind::Source];
        let last = cards.iter().filter_map(BTreeSet::last).max().expect("somebody heard one");
        let mut sources = Sources::default();
        for sequence in self.begin[&Kind::Source]..(last + 1).saturating_sub(SETTLED) {
            let heard = cards[card].contains(&sequence);
            let others = (0..cards.len()).filter(|other| *other != card);
            let others = others.filter(|other| cards[*other].contains(&sequence)).count();
            sources.expected += 1;
            sources.missed += u64::from(!heard && others > 0);
            sources.lost += u64::from(!heard && others == 0);
            sources.unique += u64::from(heard && others == 0);
        }
        sources
    }

    /// Compares what the receiver says of each card.
    fn assert(&self, stats: &RxStats, case: &str) {
        for (card, stats) in stats.cards.iter().enumerate() {
            let CardStats { heard, first, duplicates, expected, missed, lost, unique, .. } = *stats;
            let told = (heard, first, duplicates, Sources { expected, missed, lost, unique });
            let truth = (self.heard(card), self.first[card], self.duplicates[card], self.sources(card));
            assert_eq!(told, truth, "{case}, card {card}");
            let FrameStats { captured, used, late, duplicate, bad_fcs, .. } = stats.frames;
            assert_eq!((used + late + duplicate, captured - heard), (heard, bad_fcs), "{case}, card {card}: {stats:?}");
        }
        // A first copy of what repairs had brought back before counts as a duplicate frame as well.
        let after_repair = stats.frames.duplicate - self.duplicates.iter().sum::<u64>();
        assert!(after_repair <= stats.streams[0].recovered, "{after_repair} copies came after their repair");
        assert_eq!(stats.frames.used + stats.frames.late + after_repair, self.first.iter().sum::<u64>(), "{case}");
        assert_eq!(stats.frames, stats.cards.iter().map(|card| card.frames).sum(), "{case}");
    }
}

#[test]
fn every_card_is_told_truly_what_it_heard_missed_and_was_first_with() {
    for seed in [12, 13, 14, 15] {
        let second = ReceiverConfig { delay: Duration::from_millis(3), ..loses(0.3) };
        let mut link = link(vec![loses(0.1), second, loses(0.6)], seed);
        link.recording = Some(Vec::new());
        link.run(20 * SECOND);
        let stats = link.receiver.stats(link.now);
        Truth::of(&link).assert(&stats, &format!("seed {seed}"));
        assert!(stats.cards.iter().all(|card| card.unique > 20 && card.lost > 20 && card.missed > 200), "{stats:?}");
    }
}

#[test]
fn what_is_sent_while_no_card_hears_is_lost_to_the_packet_however_long_it_takes() {
    let mut link = link(vec![loses(0.1), loses(0.3), loses(0.6)], 16);
    link.recording = Some(Vec::new());
    link.run(2 * SECOND);
    (0..3).for_each(|card| link.channel.set_loss(card, Loss::Independent { share: 1.0 }, link.now));
    link.run(30 * SECOND);
    (0..3).for_each(|card| link.channel.set_loss(card, Loss::Independent { share: 0.1 }, link.now));
    link.run(2 * SECOND);
    let stats = link.receiver.stats(link.now);
    Truth::of(&link).assert(&stats, "a long silence");
    assert!(stats.cards[0].lost > 5000, "a silence longer than what is remembered: {stats:?}");
}

#[test]
fn damaged_frames_are_counted_at_the_card_that_brought_them() {
    let damages = ReceiverConfig { damaged_share: 1.0, ..loses(0.3) };
    let mut link = link(vec![loses(0.1), damages], 19);
    link.run(5 * SECOND);
    let (stats, damaged) =
        (link.receiver.stats(link.now), link.channel.receivers().map(|(_, heard)| heard.damaged).sum::<u64>());
    assert!(damaged > 300, "{damaged}");
    assert_eq!([0, 1].map(|card: usize| stats.cards[card].bad_fcs), [0, damaged]);
    assert_eq!([0, 1].map(|card: usize| stats.cards[card].frames.bad_fcs), [0, damaged]);
}

#[test]
fn who_brings_what_is_forged_or_waits_in_vain_is_known() {
    let mut link = link(vec![loses(0.0), loses(0.0)], 21);
    link.run(SECOND);
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(SECOND / 4);
    link.deaf = false;
    for frame in link.recording.take().into_iter().flatten().filter(|frame| frame.card == 1).take(7) {
        let mut forged = frame.bytes;
        *forged.last_mut().expect("a frame has bytes") ^= 1;
        link.hear(1, &forged);
    }
    for (sequence, card) in [0, 1, 1, 0, 1, 1, 1].into_iter().enumerate() {
        let sequence = u32::try_from(sequence).expect("it is small");
        link.hear(card, &sealed(&key(), [9; 16], Kind::Source, sequence, &[0; 100]));
    }
    let told = |link: &Link| {
        let cards = link.receiver.stats(link.now).cards;
        let told = cards.iter().map(|card| (card.frames.forged, card.frames.waiting, card.frames.unannounced));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&link), [(0, 2, 0), (7, 5, 0)]);
    link.idle(SECOND);
    assert_eq!(told(&link), [(0, 0, 2), (7, 0, 5)]);
}

#[test]
fn a_card_that_was_added_is_told_what_it_missed_before_it_heard_anything() {
    let mut link = link(vec![loses(0.0), loses(1.0)], 17);
    link.run(SECOND);
    assert_eq!(link.receiver.stats(link.now).cards.len(), 1, "nobody has said that there is another");
    link.receiver.add_card(1, None);
    link.run(9 * SECOND);
    let cards = link.receiver.stats(link.now).cards;
    assert_eq!((cards[1].heard, cards[1].expected, cards[1].lost), (0, cards[1].missed, 0));
    assert!(cards[1].missed > 1000 && cards[1].missed < cards[0].expected, "{cards:?}");
}

#[test]
fn a_card_that_takes_anothers_number_begins_with_nothing() {
    let mut link = link(vec![loses(0.2), loses(0.2)], 20);
    link.run(5 * SECOND);
    let before = link.receiver.stats(link.now);
    link.receiver.add_card(1, None);
    let after = link.receiver.stats(link.now);
    assert_eq!((after.frames, &after.cards[1]), (before.frames, &CardStats::default()));
    // The next has its own copies of what the one before brought last.
    let mut late = self::link(vec![loses(0.0)], 20);
    late.recording = Some(Vec::new());
    late.run(5 * SECOND);
    late.recording.iter().flatten().rev().take(100).for_each(|frame| link.hear(1, &frame.bytes));
    let card = link.receiver.stats(link.now).cards[1].clone();
    assert_eq!((card.frames.replayed, card.heard, card.unique), (0, 100, 0));
}

#[test]
fn a_card_is_told_how_far_it_is_behind() {
    let mut link = link(vec![later(0), later(40), later(900)], 18);
    link.run(3 * SECOND);
    let behind = link.receiver.stats(link.now).cards.into_iter().map(|card| card.behind);
    assert_eq!(behind.collect::<Vec<_>>(), [0, 40, 900].map(|ms| Some(Duration::from_millis(ms))));
}

#[test]
fn a_perfect_card_that_comes_later_makes_up_for_a_bad_one() {
    for share in [0.3, 0.6, 0.9] {
        for delay_ms in [10, 30] {
            let mut link = link(vec![loses(share), later(delay_ms)], 13);
            link.run(20 * SECOND);
            assert_nothing_lost(&mut link, &format!("{share} beside a card {delay_ms} ms late"));
        }
    }
}

#[test]
fn a_card_that_dies_and_comes_back_is_not_missed_and_then_of_use_again() {
    let mut link = link(vec![loses(0.0), loses(0.1)], 14);
    link.run(3 * SECOND);
    link.channel.set_loss(0, Loss::Independent { share: 1.0 }, link.now);
    link.run(3 * SECOND);
    let dead = link.receiver.stats(link.now).cards[0].clone();
    assert_eq!(dead.signal_dbm, None);
    assert!(dead.missed > 300, "{dead:?}");
    link.channel.set_loss(0, Loss::None, link.now);
    link.channel.set_loss(1, Loss::Independent { share: 1.0 }, link.now);
    link.run(3 * SECOND);
    let back = link.receiver.stats(link.now).cards[0].clone();
    assert!(back.first > dead.first + 300 && back.signal_dbm.is_some(), "{back:?}");
    assert_nothing_lost(&mut link, "a card that died");
}

#[test]
fn the_first_copy_wins() {
    let mut link = link(vec![later(5), later(0), later(5)], 15);
    link.run(5 * SECOND);
    link.idle(SECOND);
    let stats = link.receiver.stats(link.now);
    assert_eq!((stats.cards[0].first, stats.cards[1].first, stats.cards[2].first), (0, stats.frames.used, 0));
    assert_eq!((stats.frames.duplicate, stats.frames.late), (2 * stats.frames.used, 0));
    assert!(link.handed.iter().all(|handed| !handed.recovered));
}

#[test]
fn the_signal_is_the_strongest_antennas_mean_over_the_last_second() {
    let card = ReceiverConfig { signal_dbm: -48, noise_dbm: -90, antennas: 3, ..ReceiverConfig::default() };
    let mut link = link(vec![card], 16);
    let signal = |link: &Link| {
        let card = link.receiver.stats(link.now).cards[0].clone();
        (card.signal_dbm.unwrap().round(), card.snr_db.unwrap().round())
    };
    link.run(2 * SECOND);
    assert_eq!(signal(&link), (-48.0, 42.0));
    link.channel.set_signal_dbm(0, -60, link.now);
    link.run(3 * SECOND);
    assert_eq!(signal(&link), (-60.0, 30.0));
}

#[test]
fn more_cards_than_are_told_apart_break_nothing() {
    let mut link = link(vec![loses(0.9); 70], 17);
    link.run(5 * SECOND);
    assert_nothing_lost(&mut link, "70 cards");
    assert_eq!(link.receiver.stats(link.now).cards.len(), 62);
}
