//! Packets put together from damaged copies: how many, at what cost, and that nobody can make one up.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::ReceiverConfig;
use skylark_common::fec::{Code, FecConfig};
use skylark_rx::stats::CombiningStats;
use skylark_tests::{Link, LinkConfig, Outcome, tables};

/// Virtual time of each cell.
const CELL: Duration = Duration::from_secs(20);

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
# 20 s of 60 units/s, 8 Mbit/s, a six-fold keyframe a second, datagrams of 1400 bytes, MCS 3, 20 MHz. Of every card's
# frames this share fails its FCS, independently, by 1 to 3 bursts of 1 to 16 bits. The first good copy alone, and
# combined: packets that stayed unknown; of those no card heard whole, the share brought back; seals tried for each
# packet rebuilt (those tried in vain too); times the effort ended; units lost.
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
        assert!(without.lost() > 1000, "9 % of {} packets", without.packets);
        let rebuilt = rebuilt_percent(&without, &with);
        assert!(rebuilt >= 90.0, "seed {seed}: {rebuilt:.1} % of {}", without.lost());
    }
}
