//! One relay as a viewer's people know it: its name, its cards, whether it is heard.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::ledger::Summary;
use skylark_rx::Receiver;
use skylark_rx::relay::RelayId;
use skylark_rx::relay::stations::RelayStats;

use super::card::{RelayCard, Told};
use super::status::{CardStatus, MAX_CARDS, Status};
use super::tell_of;
use crate::board::CardSeen;
use crate::link::cards::Cards;

/// A relay says how it fares four times a second: one that said nothing for so long is silent.
const SILENCE: Duration = Duration::from_millis(1500);

/// What happens so often is no accident of the network.
const NO_ACCIDENT: u64 = 20;

/// A relay.
#[derive(Debug)]
pub(super) struct Relay {
    /// Which.
    pub(super) id: RelayId,
    /// Whether nothing comes from it.
    pub(super) is_silent: bool,
    status: Status,
    /// Its cards, by their numbers there: their numbers here.
    cards: Vec<(Option<usize>, Arc<Told>)>,
    told_at: Instant,
    /// What it has been accused of.
    accused: Vec<&'static str>,
}

/// What is known of a relay, for whoever shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RelaySeen {
    /// What it calls itself.
    pub(crate) name: String,
    /// Whether anything comes from it.
    pub(crate) state: RelayState,
    /// What its messages came to.
    #[serde(flatten)]
    pub(crate) stats: Option<RelayStats>,
    /// What is known of its cards.
    #[serde(skip)]
    pub(crate) cards: Vec<CardSeen>,
    /// Whether it hears frames that are no Skylark link's.
    #[serde(skip)]
    pub(crate) hears_others: bool,
}

/// Whether anything comes from a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RelayState {
    /// It tells of itself.
    Heard,
    /// It has not for more than a second.
    Silent,
}

impl RelaySeen {
    /// What the way from its cards to here took over the last second; `None` if nothing came this way for 2 s.
    pub(crate) fn relayed(&self) -> Option<Summary> {
        self.stats.and_then(|stats| stats.relayed)
    }
}

impl Relay {
    /// A relay that was not heard of before.
    pub(super) fn new(id: RelayId, now: Instant) -> Self {
        Self { id, is_silent: false, status: Status::default(), cards: Vec::new(), told_at: now, accused: Vec::new() }
    }

    /// What it calls itself.
    pub(super) fn name(&self) -> &str {
        &self.status.name
    }

    /// The link's number for a card of it.
    pub(super) fn number(&self, card: u8) -> Option<usize> {
        self.cards.get(usize::from(card))?.0
    }

    /// Takes what it says of itself.
    pub(super) fn take_status(&mut self, status: Status, cards: &mut Cards, receiver: &mut Receiver, now: Instant) {
        if self.is_silent {
            tell_of(&status.name, "is heard again");
        }
        (self.status, self.told_at, self.is_silent) = (status, now, false);
        for card in self.status.cards.iter().take(MAX_CARDS).skip(self.cards.len()) {
            let told = Arc::new(Told::default());
            let name = format!("{}/{}", self.status.name, card.name);
            let number = cards.add(Box::new(RelayCard::new(name, Arc::clone(&told))));
            match number {
                Some(number) => {
                    receiver.add_card(number, self.cards.iter().find_map(|(number, _)| *number));
                    tell_of(&self.status.name, &format!("joins with {}", card.name));
                }
                None => tell_of(&self.status.name, &format!("has {}, but the link takes no more cards", card.name)),
            }
            self.cards.push((number, told));
        }
        for ((_, told), card) in self.cards.iter().zip(&self.status.cards) {
            told.is_silent.store(false, Ordering::Relaxed);
            told.dropped.store(card.dropped_by_machine, Ordering::Relaxed);
        }
    }

    /// Notices when nothing comes from it.
    pub(super) fn listen(&mut self, now: Instant) {
        if !self.is_silent && now.saturating_duration_since(self.told_at) > SILENCE {
            self.is_silent = true;
            self.cards.iter().for_each(|(_, told)| told.is_silent.store(true, Ordering::Relaxed));
            tell_of(self.name(), "is silent: is it running, and is the network between well?");
        }
    }

    /// Tells people, once for each kind, that it sends what no relay should.
    pub(super) fn accuse(&mut self, stats: &RelayStats) {
        for (count, what) in misdeeds(stats) {
            if count >= NO_ACCIDENT && !self.accused.contains(&what) {
                self.accused.push(what);
                tell_of(self.name(), &format!("sends {what} ({count} so far): is it yours? They are dropped"));
            }
        }
    }

    /// Another relay takes its place: its cards end.
    pub(super) fn leave(&self) {
        self.cards.iter().for_each(|(_, told)| told.is_gone.store(true, Ordering::Relaxed));
    }

    /// What is known of it.
    pub(super) fn seen(&self, stats: Option<RelayStats>) -> RelaySeen {
        let card = |card: &CardStatus| CardSeen {
            name: format!("{}/{}", self.status.name, card.name),
            fault: card.fault.clone(),
            tuned: card.tuned.clone(),
        };
        RelaySeen {
            name: self.status.name.clone(),
            state: if self.is_silent { RelayState::Silent } else { RelayState::Heard },
            stats,
            cards: self.status.cards.iter().map(card).collect(),
            hears_others: self.status.hears_others && !self.is_silent,
        }
    }
}

/// What a relay sent that none should, and how often.
fn misdeeds(stats: &RelayStats) -> [(u64, &'static str); 6] {
    let station = stats.station;
    [
        (station.malformed, "messages that cannot be read"),
        (station.replayed, "messages again"),
        (station.flooded, "more frames than any card hears"),
        (station.too_many_cards, "frames of more cards than a relay may have"),
        (station.implausible, "signal levels that cannot be"),
        (stats.refused, "frames nobody with the key has sealed"),
    ]
}
