//! Viewers that lie and flood beside a true one: they get what they ask for, and it misses nothing.

use std::time::{Duration, Instant};

use skylark_common::air::sim::Loss;
use skylark_rx::receiver::Known;
use skylark_rx::relay::report::Prompt;
use skylark_rx::relay::{Report, ViewerId};

use super::field::{Field, FieldConfig, VIEWER, id};
use super::hostile::{truth, under_attack};
use super::{SECOND, added, loses, percentile};

/// Runs for 6 s with a second viewer, whose reports `lie` makes.
fn with_viewer(case: &str, mut lie: impl FnMut(u32, &Field) -> Vec<Report>) -> Field {
    under_attack(case, |now_ms, field| {
        for report in lie(now_ms, field) {
            let mut bytes = Vec::new();
            report.emit(&mut bytes);
            let now = field.now;
            field.relays.iter_mut().for_each(|relay| relay.forwarder.handle_report(&bytes, now));
        }
    })
}

/// A report that says that everything is known and nobody is wanted.
fn everything(viewer: ViewerId, stamp_us: u64, field: &Field) -> Report {
    let all = |known: Known| Known { next: known.next.wrapping_add(200), bits: [u64::MAX; 4], ..known };
    Report { viewer, stamp_us, prompt: Prompt::Only(Vec::new()), known: field.receiver.known().map(all).collect() }
}

#[test]
fn a_viewer_that_says_it_knows_everything_harms_only_itself() {
    let mut plain = truth();
    plain.run(6 * SECOND);
    plain.idle(SECOND);
    let field = with_viewer("a know-all", |now_ms, field| vec![everything(ViewerId(1), u64::from(now_ms), field)]);
    let added = added(&field, &plain);
    assert!(percentile(&added, 95) < Duration::from_millis(2), "{:?}", percentile(&added, 95));
}

#[test]
fn a_stranger_that_reports_in_a_viewers_name_only_makes_relays_prompt() {
    let field = with_viewer("a double", |_, field| {
        let since = (field.now - field.start).as_micros();
        vec![everything(VIEWER, u64::try_from(since).unwrap() + 1, field)]
    });
    for relay in &field.relays {
        let stats = relay.forwarder.stats(field.now);
        assert!(stats.reports_contested > 1000 && stats.forwarded * 10 > stats.captured * 9, "{stats:?}");
    }
}

#[test]
fn a_flood_of_viewers_only_makes_relays_prompt() {
    let mut stamp = 0;
    let field = with_viewer("a crowd of viewers", |_, field| {
        stamp += 1;
        (0..40).map(|viewer| everything(ViewerId(100 + stamp * 40 + viewer), stamp, field)).collect()
    });
    for relay in &field.relays {
        let stats = relay.forwarder.stats(field.now);
        assert!(stats.viewers <= 16 && stats.reports_contested > 100_000, "{stats:?}");
    }
}

/// The viewer asks the farther relay, which hears all; another viewer asks the nearer one, whose frames are first.
#[test]
fn a_relay_that_another_viewer_asks_blames_none_that_this_one_asks() {
    let config = FieldConfig { relays: vec![vec![Loss::None], vec![loses(0.05)]], ..FieldConfig::default() };
    let mut field = Field::new(config, Instant::now());
    field.relays[0].extra_delay = Duration::from_millis(2);
    let stats = |field: &Field| {
        let stats = field.stations.stats(field.now);
        [0, 1].map(|place| *stats.iter().find(|relay| relay.id == id(place)).unwrap())
    };
    let mut first_by_the_farther = 0;
    for turn in 1..=60 * 200 {
        field.run(Duration::from_millis(5));
        let known = field.receiver.known().collect();
        let report = Report { viewer: ViewerId(1), stamp_us: turn * 5000, prompt: Prompt::Only(vec![id(1)]), known };
        let mut bytes = Vec::new();
        report.emit(&mut bytes);
        let now = field.now;
        field.relays.iter_mut().for_each(|relay| relay.forwarder.handle_report(&bytes, now));
        if turn < 200 {
            continue;
        }
        let stats = stats(&field);
        assert!(stats.iter().all(|relay| !relay.suspended), "after {} ms: {stats:?}", turn * 5);
        if turn == 200 {
            first_by_the_farther = stats[0].first;
        }
        assert!(stats[0].prompt, "after {} ms: {stats:?}", turn * 5);
    }
    let stats = stats(&field);
    assert!(stats[1].first > 10 * (stats[0].first - first_by_the_farther), "{stats:?}");
    field.idle(SECOND);
    field.assert_whole("two viewers");
}
