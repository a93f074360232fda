//! Packets put together from damaged copies: how many, at what cost, and that nobody can make one up.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Random, ReceiverConfig};
use skylark_common::fec::{Code, FecConfig};
use skylark_common::wire::packet::Kind;
use skylark_common::wire::radiotap::RxHeader;
use skylark_rx::stats::{CombiningStats, FrameStats};
use skylark_tests::frames::{header, radiotap_len};
use skylark_tests::{Link, LinkConfig, Outcome, tables};

/// Virtual time of each cell.
const CELL: Duration = Duration::from_secs(10);

fn fails(bit_error_share: f64) -> ReceiverConfig {
    ReceiverConfig { bit_error_share, ..ReceiverConfig::default() }
}

/// What a link came to.
struct Run {
    /// Packets on the air, repairs and announces too.
    packets: u64,
    /// Those that came to be known, whole or rebuilt.
    known: u64,
    combining: CombiningStats,
    units: Outcome,
}

impl Run {
    fn new(cards: usize, bit_error_share: f64, redundancy_permille: u16, combining: bool, seed: u64) -> Self {
        let code = if redundancy_permille == 0 { Code::None } else { Code::Window };
        let fec = FecConfig { code, redundancy_permille, ..FecConfig::default() };
        let receivers = vec![fails(bit_error_share); cards];
        let mut link =
            Link::new(LinkConfig { receivers, fec, seed, combining, ..LinkConfig::default() }, Instant::now());
        link.run(CELL);
        link.idle(Duration::from_secs(1));
        let stats = link.receiver.stats(link.now);
        let first: u64 = stats.cards.iter().map(|card| card.first).sum();
        Self {
            packets: link.channel.stats().injected,
            known: first + stats.combining.rebuilt,
            combining: stats.combining,
            units: Outcome::of(&link),
        }
    }

    fn lost(&self) -> u64 {
        self.packets - self.known
    }
}

fn without_fec() -> FecConfig {
    FecConfig { code: Code::None, redundancy_permille: 0, ..FecConfig::default() }
}

/// What is behind the radiotap header, with one that says its FCS is wrong.
fn bad_fcs(mpdu: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 64];
    let radiotap = RxHeader { bad_fcs: true, ..RxHeader::default() }.emit(&mut frame).expect("it fits");
    frame.truncate(radiotap);
    frame.extend_from_slice(mpdu);
    frame
}

/// Frames as they are sent.
fn sent(fec: FecConfig) -> Vec<Vec<u8>> {
    let mut link = Link::new(LinkConfig { fec, ..LinkConfig::default() }, Instant::now());
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(Duration::from_millis(100));
    link.recording.take().expect("it was asked for").into_iter().map(|frame| frame.bytes).collect()
}

/// Frames as a card captured them, without their radiotap headers: an announce and `packets` source packets.
fn captured(packets: usize) -> Vec<Vec<u8>> {
    let frames = sent(without_fec());
    let of = |kind| frames.iter().filter(move |frame| header(frame).kind == kind);
    let frames = of(Kind::Announce).take(1).chain(of(Kind::Source).take(packets));
    frames.map(|frame| frame[radiotap_len(frame)..].to_vec()).collect()
}

/// A receiver that has heard the announce, and so many packets it has not.
fn listener(packets: usize) -> (Link, Vec<Vec<u8>>) {
    let mut frames = captured(packets);
    let mut link = Link::new(LinkConfig { fec: without_fec(), ..LinkConfig::default() }, Instant::now());
    link.deaf = true;
    link.hear(0, &good(&frames.remove(0)));
    (link, frames)
}

fn good(mpdu: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 0, 0, 0, 0, 0][..], mpdu].concat()
}

fn wrong(mpdu: &[u8], bytes: &[usize]) -> Vec<u8> {
    let mut damaged = mpdu.to_vec();
    bytes.iter().for_each(|at| damaged[*at] ^= 0x5a);
    bad_fcs(&damaged)
}

fn combining(link: &Link) -> CombiningStats {
    let stats = link.receiver.stats(link.now).combining;
    let CombiningStats { copies, known, spent, expired, gave_way, held, .. } = stats;
    assert_eq!(copies, known + spent + expired + gave_way + held, "{stats:?}");
    stats
}

fn assert_all_counted(link: &Link) {
    let FrameStats { captured, foreign, truncated, bad_fcs, unknown_version, waiting, unannounced, .. } =
        link.receiver.stats(link.now).frames;
    let FrameStats { forged, replayed, duplicate, late, used, .. } = link.receiver.stats(link.now).frames;
    let early = foreign + truncated + bad_fcs + unknown_version + waiting + unannounced;
    assert_eq!(captured, early + forged + replayed + duplicate + late + used);
}

/// Share of the packets no card heard whole that combining brought back, in percent.
fn rebuilt_percent(without: &Run, with: &Run) -> f64 {
    100.0 * (without.lost() - with.lost()) as f64 / without.lost().max(1) as f64
}

#[test]
fn the_table_of_combining_is_as_recorded() {
    let mut cells = Vec::new();
    for cards in 1..=3 {
        for percent in [10, 20, 30, 50] {
            cells.extend([0, 250, 500].map(|redundancy| (cards, percent, redundancy)));
        }
    }
    let rows = tables::in_parallel(&cells, |(cards, percent, redundancy)| {
        let run = |combining| Run::new(*cards, f64::from(*percent) / 100.0, *redundancy, combining, 1);
        let (without, with) = (run(false), run(true));
        let lost_percent = |run: &Run| 100.0 * run.lost() as f64 / run.packets as f64;
        format!(
            "{cards:>5} {percent:>7} {:>5}   {:>7.3} {:>9.3}   {:>7.1} {:>7.1} {:>8}   {:>7.2} {:>9.2}\n",
            redundancy / 10,
            lost_percent(&without),
            lost_percent(&with),
            rebuilt_percent(&without, &with),
            with.combining.tries as f64 / with.combining.rebuilt.max(1) as f64,
            with.combining.out_of_effort,
            without.units.lost_percent(),
            with.units.lost_percent(),
        )
    });
    let head = "\
# 10 s of 60 units/s, 8 Mbit/s, a six-fold keyframe a second, datagrams of 1400 bytes, MCS 3, 20 MHz. Of every card's
# frames this share fails its FCS, independently, by 1 to 3 bursts of 1 to 16 bits. The first good copy alone, and
# combined: packets that stayed unknown; of those no card heard whole, the share brought back; seals tried for each
# packet rebuilt (those tried in vain too, mending counts as 12); times the effort ended; units lost.
#          FCS   FEC   packets lost        of all   tries    out of      units lost
# cards  bad %     %    first   combined   bad %    each     effort     first   combined
";
    tables::compare("combining.txt", &[head, &rows.concat()].concat());
}

#[test]
fn nine_in_ten_packets_that_both_cards_heard_damaged_are_rebuilt() {
    for seed in 1..=4 {
        let run = |combining| Run::new(2, 0.3, 0, combining, seed);
        let (without, with) = (run(false), run(true));
        assert!(without.lost() > 500, "9 % of {} packets", without.packets);
        let rebuilt = rebuilt_percent(&without, &with);
        assert!(rebuilt >= 90.0, "seed {seed}: {rebuilt:.1} % of {}", without.lost());
    }
}

#[test]
fn a_packet_is_rebuilt_whichever_part_of_it_each_copy_has_wrong() {
    // Stream, kind and highest byte of the sequence; its other bytes; body; tag.
    for parts in [[15, 700], [17, 700], [21, 700], [24, 26], [26, 15], [27, 1000], [1400, 30], [1000, 1001]] {
        let (mut link, frames) = listener(1);
        let [one, other] = parts;
        link.hear(0, &wrong(&frames[0], &[one, 300]));
        assert_eq!(link.handed.len(), 0);
        link.hear(1, &wrong(&frames[0], &[other, 500]));
        assert_eq!((link.handed.len(), combining(&link).rebuilt), (1, 1), "{parts:?}");
        assert_all_counted(&link);
    }
}

#[test]
fn a_copy_damaged_only_where_all_frames_are_the_same_is_mended_by_itself() {
    let (mut link, frames) = listener(1);
    link.hear(0, &wrong(&frames[0], &[0, 3, 9, 11, 13, 19, 23]));
    assert_eq!((link.handed.len(), combining(&link).rebuilt, combining(&link).tries), (1, 1, 1));
}

#[test]
fn a_copy_with_one_burst_of_wrong_bits_is_mended_by_its_tag() {
    let (mut link, frames) = listener(2);
    link.hear(0, &wrong(&frames[0], &[700, 701]));
    assert_eq!((link.handed.len(), combining(&link).mended), (1, 1));
    link.hear(0, &wrong(&frames[1], &[700, 1000]));
    assert_eq!((link.handed.len(), combining(&link).mended), (1, 1), "two are too many");
    assert_all_counted(&link);
}

#[test]
fn one_card_is_rid_of_its_single_bursts() {
    for seed in 1..=3 {
        let run = |combining| Run::new(1, 0.2, 250, combining, seed);
        let (without, with) = (run(false), run(true));
        let rebuilt = rebuilt_percent(&without, &with);
        assert!((29.0..34.0).contains(&rebuilt), "seed {seed}: of a third {rebuilt:.1} %");
        assert!(with.units.lost * 10 < without.units.lost, "{} units, else {}", with.units.lost, without.units.lost);
    }
}

#[test]
fn a_rebuilt_packet_was_heard_by_no_card_and_its_whole_copy_is_a_duplicate() {
    let (mut link, frames) = listener(1);
    link.hear(0, &wrong(&frames[0], &[100, 200]));
    link.hear(1, &wrong(&frames[0], &[900, 999]));
    link.hear(2, &good(&frames[0]));
    link.hear(3, &wrong(&frames[0], &[500]));
    let stats = link.receiver.stats(link.now);
    assert_eq!((stats.frames.duplicate, stats.frames.bad_fcs), (1, 3));
    let first: Vec<u64> = stats.cards.iter().map(|card| card.first).collect();
    assert_eq!(first, [1, 0, 0, 0], "the announce");
    assert_eq!((link.handed.len(), combining(&link).known), (1, 1));
    assert_all_counted(&link);
}

#[test]
fn damaged_copies_of_a_known_packet_cost_no_try() {
    let (mut link, frames) = listener(1);
    link.hear(0, &wrong(&frames[0], &[100, 200]));
    link.hear(1, &good(&frames[0]));
    let before = combining(&link);
    assert_eq!((before.known, before.held), (1, 0), "the copy that was kept is of no use any more");
    (2..9).for_each(|card| link.hear(card, &wrong(&frames[0], &[200 + card])));
    assert_eq!(combining(&link).tries, before.tries);
    assert_eq!(combining(&link).known, 8);
}

#[test]
fn damaged_copies_of_a_packet_that_repairs_brought_back_cost_no_try() {
    let frames = sent(FecConfig { redundancy_permille: 500, ..FecConfig::default() });
    let missing = frames.iter().position(|frame| header(frame).kind == Kind::Source).expect("there are some");
    let mut link = Link::new(LinkConfig::default(), Instant::now());
    link.deaf = true;
    (0..).zip(&frames).filter(|(at, _)| *at != missing).for_each(|(_, frame)| link.hear(0, frame));
    assert!(link.receiver.stats(link.now).streams[0].recovered > 0);
    let mpdu = &frames[missing][radiotap_len(&frames[missing])..];
    (0..2).for_each(|card| link.hear(card, &wrong(mpdu, &[200 + card, 700])));
    link.hear(2, &wrong(mpdu, &[900]));
    let found = combining(&link);
    assert_eq!((found.known, found.tries, found.rebuilt), (3, 0, 0));
}

#[test]
fn where_two_cards_transmit_one_card_combines_both_copies() {
    for second in [&[900, 1100][..], &[900], &[3]] {
        let (mut link, frames) = listener(1);
        link.hear(0, &wrong(&frames[0], &[300, 700]));
        link.hear(0, &wrong(&frames[0], second));
        assert_eq!((link.handed.len(), combining(&link).rebuilt), (1, 1), "{second:?}");
    }
}

#[test]
fn copies_further_apart_than_the_latency_budget_are_not_combined() {
    let (mut link, frames) = listener(1);
    link.hear(0, &wrong(&frames[0], &[100, 200]));
    link.wait_until(link.now + link.config.latency_budget);
    link.hear(1, &wrong(&frames[0], &[900, 999]));
    assert_eq!((combining(&link).rebuilt, combining(&link).expired), (0, 1));
}

/// What an attacker makes the cards of a third station hear.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Attack {
    /// 20 frames a millisecond with the addresses of the link and random bytes.
    Random,
    /// 20 frames a millisecond with the header of the newest frame or of one to come, and random bytes.
    SameHeader,
    /// Each packet with bytes changed in four places, before the other cards hear it.
    Decoy,
}

impl Attack {
    /// What it makes of the frames sent in a millisecond.
    fn frames(self, sent: &[Vec<u8>], random: &mut Random) -> Vec<Vec<u8>> {
        let Some(newest) = sent.last() else { return Vec::new() };
        let mut garbage = |from: usize, mut frame: Vec<u8>| {
            frame[from..].fill_with(|| random.bits().to_be_bytes()[0]);
            frame
        };
        match self {
            Self::Random => (0..20).map(|_| garbage(24, newest.clone())).collect(),
            Self::SameHeader => (0..20_u8)
                .map(|ahead| {
                    let mut frame = newest.clone();
                    frame[26] = frame[26].wrapping_add(ahead % 4);
                    garbage(27, frame)
                })
                .collect(),
            Self::Decoy => sent.iter().map(|frame| decoy(frame, random)).collect(),
        }
    }
}

fn decoy(frame: &[u8], random: &mut Random) -> Vec<u8> {
    let mut frame = frame.to_vec();
    for _ in 0..4 {
        let at = random.below(frame.len() as u64 - 27);
        frame[27 + usize::try_from(at).expect("it is below a length")] ^= 0x5a;
    }
    frame
}

/// A link of two cards that fail 30 % each and hear everything 3 ms late, perhaps attacked on those of a relay.
fn link_under(attack: Option<Attack>, cards: usize, duration: Duration) -> Link {
    let card = ReceiverConfig { delay: Duration::from_millis(3), ..fails(0.3) };
    let config = |receivers| LinkConfig { fec: without_fec(), receivers, ..LinkConfig::default() };
    let start = Instant::now();
    let mut spy = Link::new(config(vec![fails(0.0)]), start);
    (spy.deaf, spy.recording) = (true, Some(Vec::new()));
    let mut link = Link::new(config(vec![card; 2]), start);
    (2..2 + cards).for_each(|card| link.receiver.add_card(card, (card > 2).then_some(2)));
    let mut random = Random::new(11);
    while link.now < start + duration {
        spy.run(Duration::from_millis(1));
        link.run(Duration::from_millis(1));
        let sent: Vec<_> = spy.recording.iter_mut().flat_map(|sent| sent.drain(..)).collect();
        let sent: Vec<_> = sent.iter().map(|frame| frame.bytes[radiotap_len(&frame.bytes)..].to_vec()).collect();
        for card in 2..2 + cards {
            let frames = attack.map(|attack| attack.frames(&sent, &mut random));
            frames.into_iter().flatten().for_each(|frame| link.hear(card, &bad_fcs(&frame)));
        }
    }
    link.idle(Duration::from_secs(1));
    link
}

#[test]
fn a_flood_of_damaged_copies_costs_a_bounded_effort_and_displaces_nothing() {
    let duration = Duration::from_secs(3);
    let quiet = link_under(None, 0, duration);
    let (quiet_outcome, before) = (Outcome::of(&quiet), combining(&quiet));
    let alone = [Attack::Random, Attack::SameHeader, Attack::Decoy].map(|attack| (attack, 1));
    let together = [(Attack::Random, 2), (Attack::Random, 8), (Attack::Decoy, 8)];
    for (attack, cards) in alone.into_iter().chain(together) {
        let link = link_under(Some(attack), cards, duration);
        // Compares every byte handed on with what was sent.
        let outcome = Outcome::of(&link);
        let found = combining(&link);
        assert!(found.copies > 2 * before.copies, "{attack:?} on {cards}: {found:?}");
        assert!(found.tries <= 20_000 * duration.as_secs() + 2000, "{attack:?} on {cards}: {found:?}");
        assert!(found.rebuilt + 5 >= before.rebuilt, "{attack:?} on {cards}: {found:?}, without {before:?}");
        assert!(outcome.lost <= quiet_outcome.lost + 1, "{attack:?} on {cards}: {} units lost", outcome.lost);
        assert!(found.held <= 256);
        assert_all_counted(&link);
    }
}

/// The frame with all bytes of `places` garbled, otherwise for every card.
fn garbled(frame: &[u8], places: std::ops::Range<usize>, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut damaged = frame.to_vec();
    damaged[places].fill_with(|| random.bits().to_be_bytes()[0]);
    bad_fcs(&damaged)
}

#[test]
fn copies_garbled_over_hundreds_of_bytes_cost_a_bounded_effort() {
    for places in [24..1424, 724..1424, 1024..1424, 24..724] {
        let (mut link, frames) = listener(1);
        (0..8).for_each(|card| link.hear(card, &garbled(&frames[0], places.clone(), card as u64)));
        let found = combining(&link);
        assert!(found.tries < 200, "{places:?}: {found:?}");
        assert_eq!(found.rebuilt, 0);
    }
}

#[test]
fn two_copies_with_a_long_damage_in_common_are_given_up_and_with_one_apart_are_rebuilt() {
    let (mut link, frames) = listener(2);
    link.hear(0, &garbled(&frames[0], 700..1400, 1));
    link.hear(1, &garbled(&frames[0], 700..1400, 2));
    let found = combining(&link);
    assert_eq!((found.rebuilt, found.unspliced > 0), (0, true), "{found:?}");
    assert!(found.tries < 40, "{found:?}");
    link.hear(0, &garbled(&frames[1], 100..400, 1));
    link.hear(1, &garbled(&frames[1], 900..1200, 2));
    assert_eq!(combining(&link).rebuilt, 1);
}
