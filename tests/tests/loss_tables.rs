//! What each code makes of each loss pattern, as a table under version control that is compared exactly.
//!
//! `SKYLARK_WRITE_TABLES=1 cargo test -p skylark-tests --test loss_tables` writes it anew.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::fec::{Code, FecConfig};
use skylark_tests::reference::{self, BlockCode};
use skylark_tests::{Link, LinkConfig, Outcome, tables};

/// Virtual time of each cell.
const CELL: Duration = Duration::from_secs(60);

/// The loss patterns, by name, with the number of cards that each have them, independently.
fn patterns() -> Vec<(&'static str, usize, Loss)> {
    let independent = |share| Loss::Independent { share };
    let bursts = |share, mean_frames| Loss::Bursts { share, mean_frames };
    let fades = |mean_ms, share| Loss::Fades { share, mean: Duration::from_millis(mean_ms), inside: 0.9 };
    vec![
        ("none", 1, Loss::None),
        ("independent 5 %", 1, independent(0.05)),
        ("independent 10 %", 1, independent(0.10)),
        ("independent 20 %", 1, independent(0.20)),
        ("independent 30 %", 1, independent(0.30)),
        ("bursts of 5, 10 %", 1, bursts(0.10, 5.0)),
        ("bursts of 10, 10 %", 1, bursts(0.10, 10.0)),
        ("bursts of 5, 20 %", 1, bursts(0.20, 5.0)),
        ("fades of 3 ms, 10 %", 1, fades(3, 0.10)),
        ("fades of 8 ms, 10 %", 1, fades(8, 0.10)),
        ("fades of 20 ms, 10 %", 1, fades(20, 0.10)),
        ("independent 20 %", 2, independent(0.20)),
        ("independent 40 %", 2, independent(0.40)),
        ("bursts of 10, 20 %", 2, bursts(0.20, 10.0)),
        ("fades of 20 ms, 20 %", 2, fades(20, 0.20)),
        ("independent 40 %", 3, independent(0.40)),
    ]
}

/// What protects the traffic in a cell.
#[derive(Clone, Copy)]
enum Protection {
    Ours(Code, u16),
    Reference(BlockCode),
}

const PROTECTIONS: [(&str, Protection); 7] = [
    ("window 50 %", Protection::Ours(Code::Window, 500)),
    ("window 25 %", Protection::Ours(Code::Window, 250)),
    ("block 50 %", Protection::Ours(Code::Block, 500)),
    ("block 25 %", Protection::Ours(Code::Block, 250)),
    ("none", Protection::Ours(Code::None, 0)),
    ("8/12 across units", Protection::Reference(BlockCode { k: 8, n: 12 })),
    ("16/24 across units", Protection::Reference(BlockCode { k: 16, n: 24 })),
];

fn run(cards: usize, loss: &Loss, protection: Protection, seed: u64) -> Outcome {
    let receivers = vec![ReceiverConfig { loss: loss.clone(), ..ReceiverConfig::default() }; cards];
    let config = LinkConfig { receivers, seed, ..LinkConfig::default() };
    let start = Instant::now();
    match protection {
        Protection::Reference(code) => reference::run(&config, code, CELL, start),
        Protection::Ours(code, redundancy_permille) => {
            let fec = FecConfig { code, redundancy_permille, ..FecConfig::default() };
            let mut link = Link::new(LinkConfig { fec, ..config }, start);
            link.run(CELL);
            link.idle(Duration::from_secs(1));
            Outcome::of(&link)
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[test]
fn the_loss_table_is_as_recorded() {
    let cells: Vec<_> = patterns()
        .into_iter()
        .flat_map(|(name, cards, loss)| {
            PROTECTIONS.map(|(code, protection)| (name, cards, loss.clone(), code, protection))
        })
        .collect();
    let rows = tables::in_parallel(&cells, |(name, cards, loss, code, protection)| {
        let outcome = run(*cards, loss, *protection, 1);
        format!(
            "{name:<22} {cards:>5}  {code:<20} {:>6.2} {:>7.1} {:>7.1}\n",
            outcome.lost_percent(),
            milliseconds(outcome.percentile(50)),
            milliseconds(outcome.percentile(95)),
        )
    });
    let head = "\
# 60 s of 60 units/s, 8 Mbit/s, a six-fold keyframe a second, datagrams of 1400 bytes, MCS 3, 20 MHz.
# lost: units never complete within the latency budget. p50, p95: from the unit's first datagram pushed
# to its last handed on, of the units not lost. The codes across units are a model of the field's
# standard: an ideal block code, on the same air and the same loss sequence.
# loss                 cards  code                  lost %  p50 ms  p95 ms
";
    tables::compare("loss.txt", &[head, &rows.concat()].concat());
}

#[test]
fn at_most_half_a_percent_is_lost_where_the_fields_standard_loses_a_seventh() {
    let cases = [
        ("independent 20 %", Loss::Independent { share: 0.20 }),
        ("bursts of 5, 10 %", Loss::Bursts { share: 0.10, mean_frames: 5.0 }),
    ];
    for (name, loss) in cases {
        for seed in 1..=3 {
            let ours = run(1, &loss, Protection::Ours(Code::Window, 500), seed);
            let reference = run(1, &loss, Protection::Reference(BlockCode { k: 8, n: 12 }), seed);
            assert!(ours.lost_percent() <= 0.5, "{name}, seed {seed}: lost {:.2} %", ours.lost_percent());
            assert!(reference.lost_percent() > 10.0, "{name}, seed {seed}: the model of the reference is off");
            assert!(ours.percentile(50) <= reference.percentile(50), "{name}, seed {seed}: later at the median");
        }
    }
}

#[test]
fn two_receivers_of_20_percent_independent_loss_lose_nothing_in_a_minute() {
    for seed in 1..=3 {
        let outcome = run(2, &Loss::Independent { share: 0.20 }, Protection::Ours(Code::Window, 500), seed);
        assert_eq!(outcome.lost, 0, "of {} units", outcome.units);
    }
}
