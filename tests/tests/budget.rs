//! What patience costs and brings: the latency budget against lost units, freezes and lateness.
//!
//! `SKYLARK_WRITE_TABLES=1 cargo test -p skylark-tests --test budget` writes the table anew.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::fec::{Code, FecConfig};
use skylark_tests::{Link, LinkConfig, Outcome, Traffic, tables};

/// Virtual time of each cell.
const CELL: Duration = Duration::from_secs(30);
const BUDGETS_MS: [u64; 7] = [0, 33, 66, 100, 150, 200, 300];

fn patterns() -> Vec<(&'static str, usize, Loss)> {
    let independent = |share| Loss::Independent { share };
    let fades = |mean_ms, share| Loss::Fades { share, mean: Duration::from_millis(mean_ms), inside: 0.9 };
    vec![
        ("none", 1, Loss::None),
        ("independent 10 %", 1, independent(0.10)),
        ("independent 20 %", 1, independent(0.20)),
        ("independent 30 %", 1, independent(0.30)),
        ("bursts of 10, 10 %", 1, Loss::Bursts { share: 0.10, mean_frames: 10.0 }),
        ("fades of 8 ms, 10 %", 1, fades(8, 0.10)),
        ("fades of 20 ms, 10 %", 1, fades(20, 0.10)),
        ("fades of 40 ms, 10 %", 1, fades(40, 0.10)),
        ("fades of 20 ms, 20 %", 2, fades(20, 0.20)),
    ]
}

fn link(cards: usize, loss: &Loss, budget_ms: u64) -> Link {
    let receivers = vec![ReceiverConfig { loss: loss.clone(), ..ReceiverConfig::default() }; cards];
    let latency_budget = Duration::from_millis(budget_ms);
    Link::new(LinkConfig { receivers, latency_budget, ..LinkConfig::default() }, Instant::now())
}

/// The longest time from one unit handed on whole to the next.
fn longest_freeze(link: &Link) -> Duration {
    let labels = link.handed.iter().filter_map(|handed| Some((Traffic::label(&handed.bytes)?, handed.at)));
    let labels: Vec<_> = labels.collect();
    let units = labels.chunk_by(|a, b| a.0.0 == b.0.0);
    let whole = units.filter(|unit| unit.len() == link.config.traffic.datagrams(unit[0].0.0) as usize);
    let at: Vec<Instant> = whole.filter_map(|unit| unit.last()).map(|(_, at)| *at).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

#[test]
fn the_budget_table_is_as_recorded() {
    let cells: Vec<_> = patterns()
        .into_iter()
        .flat_map(|(name, cards, loss)| BUDGETS_MS.map(|ms| (name, cards, loss.clone(), ms)))
        .collect();
    let rows = tables::in_parallel(&cells, |(name, cards, loss, budget_ms)| {
        let mut link = link(*cards, loss, *budget_ms);
        link.run(CELL);
        link.idle(Duration::from_secs(1));
        let (outcome, freeze) = (Outcome::of(&link), longest_freeze(&link));
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let (lost, p95, freeze) = (outcome.lost_percent(), ms(outcome.percentile(95)), ms(freeze));
        format!("{name:<22} {cards:>5} {budget_ms:>10} {lost:>7.2} {freeze:>10.1} {p95:>7.1}\n")
    });
    let head = "\
# 30 s of 60 units/s, 8 Mbit/s, a six-fold keyframe a second, window code of 50 %, MCS 3, 20 MHz.
# lost: units never complete within the budget. freeze: the longest time from one unit handed on whole to
# the next. p95: from a unit's first datagram pushed to its last handed on, of the units not lost.
# loss                 cards  budget ms  lost %  freeze ms  p95 ms
";
    tables::compare("budget.txt", &[head, &rows.concat()].concat());
}

#[test]
fn where_nothing_is_lost_no_budget_gives_anything_up() {
    for budget_ms in BUDGETS_MS {
        let mut link = link(1, &Loss::None, budget_ms);
        link.run(Duration::from_secs(5));
        link.idle(Duration::from_secs(1));
        let lost = link.receiver.stats(link.now).streams[0].lost;
        assert_eq!((Outcome::of(&link).lost, lost), (0, 0), "budget {budget_ms} ms");
    }
}

#[test]
fn nothing_that_is_there_waits_longer_than_the_budget() {
    for budget_ms in BUDGETS_MS {
        let fades = Loss::Fades { share: 0.2, mean: Duration::from_millis(30), inside: 0.9 };
        let mut link = link(1, &fades, budget_ms);
        link.run(Duration::from_secs(10));
        let waited = link.handed.iter().map(|handed| handed.at - handed.available).max().unwrap();
        assert!(waited <= Duration::from_millis(budget_ms), "budget {budget_ms} ms: {waited:?}");
    }
}

#[test]
fn what_comes_after_its_turn_is_counted_late_and_not_handed_on() {
    let near = ReceiverConfig { loss: Loss::Independent { share: 0.1 }, ..ReceiverConfig::default() };
    let far = ReceiverConfig { delay: Duration::from_millis(60), ..ReceiverConfig::default() };
    let fec = FecConfig { code: Code::None, ..FecConfig::default() };
    let receivers = vec![near, far];
    let config = LinkConfig { receivers, fec, latency_budget: Duration::from_millis(33), ..LinkConfig::default() };
    let mut link = Link::new(config, Instant::now());
    link.run(Duration::from_secs(5));
    link.idle(Duration::from_secs(1));
    // Outcome::of refuses what is handed on out of order or twice.
    let (outcome, stats) = (Outcome::of(&link), link.receiver.stats(link.now));
    let stream = stats.streams[0];
    assert!(outcome.lost > 100 && stream.lost > 300, "{stream:?}");
    assert_eq!((stream.late, stats.frames.late), (stream.lost, stream.lost), "all that was given up came later");
}
