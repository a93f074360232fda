//! Which cards are of no use though they work, in one line each with what to look at: from what the last seconds
//! say of one card beside the best.

mod evidence;
mod ruling;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::report::CardReport;
use evidence::{Evidence, Window};
use ruling::{Kind, Ruling, rule};

/// A card that is of no use for less time than this beyond the window is not told: by then the figures in the sentence
/// are those of the fault alone.
const STEADY: Duration = Duration::from_secs(1);

/// Why a card is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    kind: Kind,
    /// In one sentence, with what to look at.
    pub(crate) sentence: String,
}

/// Watches the cards and judges them.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// By name; those that are there, no others.
    cards: BTreeMap<String, Watched>,
    news: Vec<String>,
}

/// One that is watched.
#[derive(Debug, Default)]
struct Watched {
    window: Window,
    verdict: Option<Verdict>,
    /// What it will be said to be if it stays so, and since when it is.
    pending: Option<(Kind, Instant)>,
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sentence.serialize(serializer)
    }
}

impl Judge {
    /// Looks at the cards as they are at `now` and writes its verdicts into them; call it some times a second. A
    /// verdict stands until there is evidence that it is over, or the card has a fault.
    pub(crate) fn judge(&mut self, cards: &mut [CardReport], now: Instant) {
        self.cards.retain(|name, _| cards.iter().any(|card| card.name == *name));
        let watch = |card: &CardReport| self.cards.entry(card.name.clone()).or_default().window.look(card, now);
        let evidence: Vec<Option<Evidence>> = cards.iter().map(watch).collect();
        let best = evidence.iter().flatten().max_by_key(|evidence| evidence.heard).cloned();
        for (card, own) in cards.iter_mut().zip(&evidence) {
            let Some(watched) = self.cards.get_mut(&card.name) else { continue };
            let before = watched.kind();
            match own.as_ref().zip(best.as_ref()) {
                Some((own, best)) => watched.judge(own, best, now),
                // A window begins when a card does, and when its fault is over.
                None => (watched.verdict, watched.pending) = (None, None),
            }
            card.verdict.clone_from(&watched.verdict);
            self.news.extend(news(before, card));
        }
    }

    /// Verdicts that began or are over since the last call, each in one sentence.
    pub(crate) fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }
}

impl Watched {
    fn kind(&self) -> Option<Kind> {
        self.verdict.as_ref().map(|verdict| verdict.kind)
    }

    fn judge(&mut self, own: &Evidence, best: &Evidence, now: Instant) {
        let before = self.kind();
        match rule(own, best, before) {
            Ruling::Useless(kind) => {
                let since = self.pending.filter(|(pending, _)| *pending == kind).map_or(now, |(_, since)| since);
                self.pending = Some((kind, since));
                if before == Some(kind) || now.saturating_duration_since(since) >= STEADY {
                    self.verdict = Some(Verdict { kind, sentence: kind.sentence(own, best) });
                }
            }
            Ruling::Useful => (self.verdict, self.pending) = (None, None),
            Ruling::Undecided => {}
        }
    }
}

/// What to tell of a card about which `before` was said last. A fault is told as such.
fn news(before: Option<Kind>, card: &CardReport) -> Option<String> {
    match (before, &card.verdict) {
        _ if card.fault.is_some() => None,
        (before, Some(verdict)) => Some(verdict.sentence.clone()).filter(|_| before != Some(verdict.kind)),
        (Some(kind), None) => Some(kind.is_over(&card.name)),
        (None, None) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::stats::CardStats;

    use super::*;
    use crate::report::tests::card_report;
    use crate::unit::tests::start;

    /// Cards that are looked at four times a second.
    struct Flight {
        judge: Judge,
        cards: Vec<CardReport>,
        now: Instant,
        told: Vec<String>,
    }

    impl Flight {
        fn new(names: &[&str]) -> Self {
            let cards = names.iter().map(|name| card_report(name)).collect();
            Self { judge: Judge::default(), cards, now: start(), told: Vec::new() }
        }

        /// For so many quarters of a second, `change` happens to the counts of each card.
        fn fly(&mut self, quarters: u32, change: impl Fn(&str, &mut CardStats)) {
            for _ in 0..quarters {
                self.now += Duration::from_millis(250);
                for card in &mut self.cards {
                    change(&card.name, &mut card.stats);
                }
                self.judge.judge(&mut self.cards, self.now);
                self.told.extend(self.judge.take_news());
            }
        }

        fn take_told(&mut self) -> Vec<String> {
            std::mem::take(&mut self.told)
        }
    }

    /// A quarter of a second in which `heard` of 100 packets are heard.
    fn hears(stats: &mut CardStats, heard: u64) {
        stats.expected += 100;
        stats.missed += 100 - heard;
        stats.frames.captured += heard;
    }

    #[test]
    fn a_deaf_card_beside_one_that_hears_is_told_once_and_when_it_is_over() {
        let mut flight = Flight::new(&["wlan1", "wlan2"]);
        let deaf = |name: &str, stats: &mut CardStats| hears(stats, if name == "wlan1" { 100 } else { 3 });
        flight.fly(12, deaf);
        assert_eq!(flight.take_told(), [""; 0], "it has not lasted");
        flight.fly(1, deaf);
        let sentence = "wlan2 hears 3 % of what wlan1 hears: antenna or driver?";
        assert_eq!(flight.take_told(), [sentence]);
        flight.fly(40, deaf);
        assert_eq!(flight.take_told(), [""; 0]);
        assert_eq!(flight.cards[1].verdict.as_ref().unwrap().sentence, sentence);
        assert_eq!(flight.cards[0].verdict, None);
        flight.fly(12, |_, stats| hears(stats, 90));
        assert_eq!(flight.take_told(), ["wlan2 hears again"]);
        assert_eq!(flight.cards[1].verdict, None);
    }

    #[test]
    fn a_card_on_the_edge_is_not_told_again_and_again() {
        let mut flight = Flight::new(&["wlan1", "wlan2"]);
        for turn in 0..20 {
            let heard = if turn % 2 == 0 { 5 } else { 14 };
            flight.fly(13, |name, stats| hears(stats, if name == "wlan1" { 100 } else { heard }));
        }
        assert_eq!(flight.take_told().len(), 1);
    }

    #[test]
    fn a_card_that_hears_nothing_says_on_which_channel() {
        let mut flight = Flight::new(&["wlan1", "wlan2", "wlan3"]);
        flight.cards[1].tuned = Some("channel 36 (5180 MHz)".to_owned());
        flight.fly(13, |name, stats| match name {
            "wlan1" => hears(stats, 98),
            "wlan2" => stats.frames.captured += 7,
            _ => {}
        });
        assert_eq!(
            flight.take_told(),
            [
                "wlan2 hears other frames and nothing of what wlan1 hears, on channel 36 (5180 MHz): is that the \
                 transmitter's channel?",
                "wlan3 hears nothing at all while wlan1 hears the link: antenna, driver or channel?"
            ]
        );
    }

    #[test]
    fn damaged_forged_and_late_frames_each_have_their_word() {
        let mut flight = Flight::new(&["wlan1", "wlan2", "roof/wlan1", "far/wlan1"]);
        flight.fly(13, |name, stats| {
            stats.behind = Some(Duration::from_millis(if name == "far/wlan1" { 180 } else { 2 }));
            match name {
                "wlan2" => {
                    hears(stats, 1);
                    stats.bad_fcs += 80;
                }
                "roof/wlan1" => {
                    hears(stats, 100);
                    stats.frames.captured += 100;
                    stats.frames.forged += 60;
                    stats.frames.replayed += 40;
                }
                _ => hears(stats, 100),
            }
        });
        assert_eq!(
            flight.take_told(),
            [
                "wlan2 brings hardly anything but damaged frames: antenna, or too close to the transmitter?",
                "50 % of what roof/wlan1 brings is forged or repeated: somebody disturbs the link there, or it is not \
                 to be trusted",
                "far/wlan1 brings everything 180 ms after the others: a slow port, hub or network?"
            ]
        );
        flight.fly(13, |_, stats| {
            stats.behind = Some(Duration::ZERO);
            hears(stats, 100);
        });
        let mut over = flight.take_told();
        over.sort();
        assert_eq!(over, ["far/wlan1 is on time again", "no more forgeries come from roof/wlan1", "wlan2 hears again"]);
    }

    #[test]
    fn what_the_machine_drops_is_not_held_against_a_card() {
        let mut flight = Flight::new(&["wlan1", "wlan2"]);
        for _ in 0..13 {
            flight.cards[1].dropped_by_machine += 95;
            flight.fly(1, |name, stats| hears(stats, if name == "wlan1" { 100 } else { 5 }));
        }
        assert_eq!(
            flight.take_told(),
            ["this machine drops 95 % of what wlan2 hears: too busy, or its port too slow?"]
        );
        flight.fly(13, |_, stats| hears(stats, 100));
        assert_eq!(flight.take_told(), ["this machine keeps up with wlan2 again"]);
    }

    #[test]
    fn nobody_is_blamed_for_silence_and_a_fault_says_more_than_a_verdict() {
        let mut flight = Flight::new(&["wlan1", "wlan2"]);
        flight.fly(40, |_, _| {});
        flight.fly(40, |_, stats| hears(stats, 2));
        assert_eq!(flight.take_told(), [""; 0], "all hear as little");
        flight.cards[1].fault = Some("wlan2: the card is gone".to_owned());
        flight.fly(40, |name, stats| hears(stats, if name == "wlan1" { 100 } else { 0 }));
        assert_eq!((flight.take_told().len(), &flight.cards[1].verdict), (0, &None));
        flight.cards[1].fault = None;
        flight.fly(12, |name, stats| hears(stats, if name == "wlan1" { 100 } else { 15 }));
        assert_eq!(flight.take_told(), [""; 0], "what it missed while it was gone is not held against it");
        flight.fly(13, |name, stats| hears(stats, if name == "wlan1" { 100 } else { 0 }));
        flight.take_told();
        flight.fly(40, |_, _| {});
        assert!(flight.cards[1].verdict.is_some() && flight.take_told().is_empty(), "silence is no evidence");
    }
}
