//! Relays and a viewer in virtual time: one picture whatever relays die, stall or are cut off, and few frames twice.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test begins its virtual time somewhere")]

#[path = "relays/field.rs"]
mod field;
#[path = "relays/hostile.rs"]
mod hostile;
#[path = "relays/viewers.rs"]
mod viewers;
#[path = "relays/wfb_ng.rs"]
mod wfb_ng;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use field::{Field, FieldConfig, id};
use skylark_common::air::sim::Loss;
use skylark_tests::tables;

const SECOND: Duration = Duration::from_secs(1);

fn loses(share: f64) -> Loss {
    Loss::Independent { share }
}

/// Relays with a card each that loses this share.
fn relays(count: usize, share: f64) -> FieldConfig {
    FieldConfig { relays: vec![vec![loses(share)]; count], ..FieldConfig::default() }
}

fn field(config: FieldConfig) -> Field {
    Field::new(config, Instant::now())
}

/// How much later each datagram was there than in a field in which every relay forwards everything at once, in order.
fn added(field: &Field, plain: &Field) -> Vec<Duration> {
    let plain: BTreeMap<_, _> = plain.available_at().into_iter().collect();
    let both = field.available_at().into_iter().filter_map(|(label, at)| Some((at, *plain.get(&label)?)));
    let mut added: Vec<Duration> = both.map(|(at, plain)| at.saturating_sub(plain)).collect();
    added.sort_unstable();
    added
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// One relay after the other is cut off for 3 s of every 5 s.
fn cut_off_in_turn(field: &mut Field, seconds: u32) {
    for second in 0..seconds {
        let cut_off = (second / 5) as usize % field.relays.len();
        for (place, relay) in field.relays.iter_mut().enumerate() {
            relay.connected = place != cut_off || second % 5 < 2;
        }
        field.run(SECOND);
    }
    field.idle(SECOND);
}

#[test]
fn four_relays_of_which_one_is_cut_off_every_5_seconds_lose_nothing_and_add_no_latency() {
    let mut field = field(relays(4, 0.1));
    cut_off_in_turn(&mut field, 60);
    field.assert_whole("partitions");
    let gap = field.longest_gap();
    assert!(gap < Duration::from_millis(100), "nothing was handed on for {gap:?}");
    let mut plain = Field::new(FieldConfig { suppresses: false, ..relays(4, 0.1) }, field.start);
    cut_off_in_turn(&mut plain, 60);
    let added = added(&field, &plain);
    let [p50, p99] = [50, 99].map(|percent| percentile(&added, percent));
    println!("longest gap {gap:?}; added p50 {p50:?}, p99 {p99:?}");
    assert!(p50 <= Duration::from_millis(1));
    field.assert_trusted();
}

#[test]
fn relays_that_die_until_one_is_left_leave_the_picture() {
    let mut field = field(relays(4, 0.05));
    for place in 0..3 {
        field.run(3 * SECOND);
        field.relays[place].alive = false;
    }
    field.run(5 * SECOND);
    field.idle(SECOND);
    field.assert_whole("deaths");
    field.assert_trusted();
    let stats = field.stations.stats(field.now);
    assert!(stats.iter().any(|relay| relay.id == id(3) && relay.first > 4000), "{stats:?}");
    let useful = [0, 1, 2, 3].map(|place| field.stations.is_useful(id(place), field.now));
    assert_eq!(useful, [false, false, false, true]);
    for dead in stats.iter().filter(|relay| relay.id != id(3)) {
        assert_eq!((dead.prompt, dead.behind, dead.relayed, dead.round_trip_us), (false, None, None, None));
    }
}

#[test]
fn a_relay_that_begins_anew_is_heard_at_once() {
    let mut field = field(relays(1, 0.05));
    for run in 2..8 {
        field.run(SECOND);
        field.restart(0, run);
    }
    field.run(SECOND);
    field.idle(SECOND);
    field.assert_whole("restarts");
    field.assert_trusted();
    let station = field.stations.stats(field.now)[0].station;
    assert_eq!((station.runs, station.malformed, station.replayed), (7, 0, 0));
}

#[test]
fn a_relay_whose_uplink_stalls_delays_no_other() {
    let mut field = field(relays(3, 0.05));
    for round in 0..10 {
        field.relays[round % 3].extra_delay = Duration::from_millis(600);
        field.run(SECOND);
        field.relays[round % 3].extra_delay = Duration::ZERO;
        field.run(SECOND);
    }
    field.idle(SECOND);
    field.assert_whole("stalls");
    let gap = field.longest_gap();
    assert!(gap < Duration::from_millis(100), "nothing was handed on for {gap:?}");
}

#[test]
fn cards_of_one_relay_are_told_apart_and_their_copies_cost_little() {
    let config = FieldConfig { relays: vec![vec![loses(0.2), loses(0.2), loses(0.2)]], ..FieldConfig::default() };
    let mut field = field(config);
    field.run(10 * SECOND);
    field.idle(SECOND);
    field.assert_whole("three cards");
    field.assert_trusted();
    let forwarder = field.relays[0].forwarder.stats(field.now);
    let bytes = forwarder.message_bytes / field.pushed.len() as u64;
    assert!(forwarder.copies > forwarder.forwarded, "{forwarder:?}");
    assert!(bytes < 30_000, "{bytes} bytes a unit: one copy of each frame, and a word for each other");
    let cards = field.receiver.stats(field.now).cards;
    assert!(
        cards.len() == 3 && cards.iter().all(|card| (190..=210).contains(&(card.missed * 1000 / card.expected))),
        "{cards:?}"
    );
}

#[test]
fn relays_bring_only_what_the_viewers_own_cards_miss() {
    let mut field = field(FieldConfig { local: vec![loses(0.02)], ..relays(2, 0.05) });
    field.run(10 * SECOND);
    let shares = field.relays.iter().map(|relay| relay.forwarder.stats(field.now));
    let shares: Vec<_> = shares.map(|stats| stats.forwarded * 1000 / stats.captured).collect();
    assert!(shares.iter().all(|share| *share < 60), "{shares:?} of 1000 frames were forwarded");
    let cards = field.receiver.stats(field.now).cards;
    assert!((45..55).contains(&(cards[0].missed * 1000 / cards[0].expected)), "a relay's card is known all the same");
    field.idle(SECOND);
    field.assert_whole("local");
    field.assert_trusted();
}

/// A row of the table: frames and bandwidth with and without suppression, and what it costs.
fn row(&(count, percent): &(usize, u32)) -> String {
    let config = relays(count, f64::from(percent) / 100.0);
    let mut plain = field(FieldConfig { suppresses: false, ..config.clone() });
    let mut field = Field::new(config, plain.start);
    for field in [&mut field, &mut plain] {
        field.run(20 * SECOND);
        field.idle(SECOND);
    }
    let mbit = |field: &Field| {
        let messages = field.relays.iter().map(|relay| relay.forwarder.stats(field.now).message_bytes).sum::<u64>();
        (messages + field.report_bytes * count as u64) as f64 * 8.0 / 20e6
    };
    let (captured, forwarded) = field.relays.iter().fold((0, 0), |(captured, forwarded), relay| {
        let stats = relay.forwarder.stats(field.now);
        (captured + stats.captured, forwarded + stats.forwarded)
    });
    let added = added(&field, &plain);
    let ms = |percent| percentile(&added, percent).as_micros() as f64 / 1000.0;
    format!(
        "{count:>6} {percent:>4} % {:>9.1} {:>9.1} {:>8.0} % {:>8} {:>8.2} {:>8.2} {:>8.2}",
        mbit(&plain),
        mbit(&field),
        100.0 * forwarded as f64 / captured as f64,
        field.units_lost(),
        ms(50),
        ms(95),
        ms(99),
    )
}

#[test]
fn what_suppression_saves_is_as_recorded() {
    let cells: Vec<(usize, u32)> =
        [2, 4].into_iter().flat_map(|count| [0, 1, 5, 10, 20].map(|loss| (count, loss))).collect();
    let mut table = String::from(
        "Relays of one card each that loses so many of its frames, 5 to 7 ms from one viewer; 8 Mbit/s of video, 20 s.\n\
         Mbit/s of all relays and reports: when all forward at once, and when those not asked hold. Share of the frames\n\
         captured that were forwarded whole. What holding adds until a datagram is there, in ms.\n\n\
         relays   loss   at once      held  forwarded     lost  add p50  add p95  add p99\n",
    );
    tables::in_parallel(&cells, row).into_iter().for_each(|row| writeln!(table, "{row}").unwrap());
    tables::compare("relays.txt", &table);
}
