//! What every card came to over the last second.

use std::time::Instant;

use crate::stats::CardStats;
use serde::Serialize;

use super::millis;
use crate::board::Seen;
use crate::verdict::Verdict;

/// At this share and above repairs make up for what is missing, in thousandths.
const GOOD_PERMILLE: u64 = 950;
/// Below this share they do not, in thousandths.
const FAIR_PERMILLE: u64 = 800;

/// What one card heard.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CardReport {
    /// The air as the user wrote it, or as its relay calls it.
    pub(crate) name: String,
    /// Counts since the start.
    #[serde(flatten)]
    pub(crate) stats: CardStats,
    /// Of the source packets of the last second, how many this card heard.
    pub(crate) heard_permille: Option<u64>,
    /// The same in a word; none when there was nothing to hear.
    pub(crate) quality: Option<Quality>,
    /// Frames the machine dropped before the program had them.
    pub(crate) dropped_by_machine: u64,
    /// Why it cannot hear, and what to do, where that is known.
    pub(crate) fault: Option<String>,
    /// Why it is of no use though it works, as far as the last seconds show.
    pub(crate) verdict: Option<Verdict>,
    /// What it is tuned to.
    pub(crate) tuned: Option<String>,
    /// Time since it last heard the transmitter.
    pub(crate) silent_ms: Option<u64>,
}

/// How much of what is sent a card hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quality {
    /// 95 % and more: repairs make up for the rest.
    Good,
    /// 80 % and more: as a rule they still do.
    Fair,
    /// Less: it needs another card beside it.
    Poor,
    /// Nothing.
    Deaf,
}

impl Quality {
    /// What this share comes to.
    pub(crate) fn of(heard_permille: u64) -> Self {
        match heard_permille {
            0 => Self::Deaf,
            1..FAIR_PERMILLE => Self::Poor,
            FAIR_PERMILLE..GOOD_PERMILLE => Self::Fair,
            GOOD_PERMILLE.. => Self::Good,
        }
    }
}

/// What the cards came to since `before`, without verdicts.
pub(super) fn cards(seen: &Seen, before: Option<&Seen>, now: Instant) -> Vec<CardReport> {
    let report = |(number, name): (usize, &String)| {
        let stats = stats(seen, number).cloned().unwrap_or_default();
        let same = before.filter(|before| before.airs.get(number) == Some(name));
        let before = same.and_then(|before| self::stats(before, number)).cloned().unwrap_or_default();
        let heard_permille = heard_permille(&stats, &before);
        CardReport {
            name: name.clone(),
            heard_permille,
            quality: heard_permille.map(Quality::of),
            dropped_by_machine: seen.dropped_by_machine.get(number).copied().unwrap_or(0),
            silent_ms: stats.last_heard.map(|at| millis(now, at)),
            fault: seen.fault(number, name),
            verdict: None,
            tuned: seen.card(name).and_then(|card| card.tuned.clone()),
            stats,
        }
    };
    seen.airs.iter().enumerate().map(report).collect()
}

/// Of the source packets that were expected since `before`, how many were heard.
fn heard_permille(stats: &CardStats, before: &CardStats) -> Option<u64> {
    let expected = stats.expected.saturating_sub(before.expected);
    let heard = sources(stats).saturating_sub(sources(before));
    (heard * 1000).checked_div(expected)
}

/// Source packets it heard.
pub(crate) fn sources(stats: &CardStats) -> u64 {
    stats.expected.saturating_sub(stats.missed + stats.lost)
}

fn stats(seen: &Seen, number: usize) -> Option<&CardStats> {
    seen.rx.cards.get(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::seen;
    use crate::unit::tests::start;

    #[test]
    fn what_nobody_heard_counts_against_a_card_as_what_it_missed() {
        let before = CardStats { expected: 1000, missed: 500, ..CardStats::default() };
        let stats = CardStats { expected: 1100, missed: 510, lost: 5, ..before.clone() };
        assert_eq!(heard_permille(&stats, &before), Some(850));
        assert_eq!(heard_permille(&stats, &stats), None);
        let qualities = [0, 1, 799, 800, 949, 950, 1000].map(Quality::of);
        use Quality::{Deaf, Fair, Good, Poor};
        assert_eq!(qualities, [Deaf, Poor, Poor, Fair, Fair, Good, Good]);
    }

    #[test]
    fn a_number_that_another_card_has_begins_anew() {
        let now = start();
        let mut before = seen(now);
        before.airs = ["wlan1", "wlan2"].map(str::to_owned).to_vec();
        let mut after = before.clone();
        after.airs[1] = "roof/wlan1".to_owned();
        after.rx.cards[1] = CardStats { expected: 10, missed: 1, ..CardStats::default() };
        let reports = cards(&after, Some(&before), now);
        assert_eq!((reports[0].heard_permille, reports[1].heard_permille), (None, Some(900)));
        assert_eq!(reports[1].quality, Some(Quality::Fair));
    }
}
