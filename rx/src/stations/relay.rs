//! One relay as a viewer's people know it: its name, its cards, whether it is heard.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::receiver::DialectReceiver;
use crate::relay::RelayId;
use crate::relay::stations::RelayStats;
use serde::Serialize;
use skylark_common::ledger::Summary;

use super::card::{RelayCard, Told};
use super::status::{CardStatus, MAX_CARDS, Status};
use super::tell_of;
use crate::board::CardSeen;
use crate::link::cards::Cards;

/// A relay says how it fares four times a second: one that said nothing for so long is silent.
pub(super) const SILENCE: Duration = Duration::from_millis(1500);

/// A relay.
#[derive(Debug)]
pub(super) struct Relay {
    /// Which.
    pub(super) id: RelayId,
    /// What it calls itself, as it said first: whoever speaks in its name later does not rename it.
    pub(super) said: String,
    /// What people call it, once it is clear that no other is called so.
    pub(super) name: Option<String>,
    /// Whether nothing comes from it.
    pub(super) is_silent: bool,
    /// When it said something first,
    pub(super) first_heard: Instant,
    /// and last.
    pub(super) told_at: Instant,
    /// Since when it could have been of use, or waits for numbers.
    pub(super) since: Instant,
    status: Status,
    /// By their numbers there.
    cards: Vec<Card>,
}

/// One of its cards.
#[derive(Debug)]
struct Card {
    /// As the relay calls it.
    name: String,
    told: Arc<Told>,
    number: Option<usize>,
    /// What people know of it.
    is_known: bool,
    is_known_to_lack: bool,
}

/// What is known of a relay, for whoever shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RelaySeen {
    /// What people call it.
    pub(crate) name: String,
    /// Whether anything comes from it.
    pub(crate) state: RelayState,
    /// What its messages came to.
    #[serde(flatten)]
    pub(crate) stats: Option<RelayStats>,
    /// What is known of its cards.
    #[serde(skip)]
    pub(crate) cards: Vec<CardSeen>,
    /// Whether it hears frames of no link of this dialect.
    #[serde(skip)]
    pub(crate) hears_others: bool,
}

/// Whether anything comes from a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RelayState {
    /// It tells of itself.
    Heard,
    /// It has not for more than a second and a half.
    Silent,
}

impl RelaySeen {
    /// What the way from its cards to here took over the last second; `None` if nothing came this way for 2 s.
    pub(crate) fn relayed(&self) -> Option<Summary> {
        self.stats.and_then(|stats| stats.relayed)
    }
}

impl Relay {
    /// A relay that was not heard of before, and calls itself so.
    pub(super) fn new(id: RelayId, said: String, now: Instant) -> Self {
        let (status, cards) = (Status::default(), Vec::new());
        Self { id, said, name: None, is_silent: false, first_heard: now, told_at: now, since: now, status, cards }
    }

    /// The link's number for a card of it.
    pub(super) fn number(&self, card: u8) -> Option<usize> {
        self.cards.get(usize::from(card))?.number()
    }

    /// Whether one of its cards has a number.
    pub(super) fn has_numbers(&self) -> bool {
        self.cards.iter().any(|card| card.number().is_some())
    }

    /// Whether it has a name and cards, and none of them has a number.
    pub(super) fn lacks_numbers(&self) -> bool {
        self.name.is_some() && !self.cards.is_empty() && !self.has_numbers()
    }

    /// Takes what it says of itself.
    pub(super) fn take_status(&mut self, status: Status, now: Instant) {
        if self.is_silent {
            self.tell("is heard again");
        }
        (self.status, self.told_at, self.is_silent) = (status, now, false);
        let cards = self.status.cards.iter().take(MAX_CARDS);
        self.cards.extend(cards.clone().skip(self.cards.len()).map(|card| Card::new(&card.name)));
        for (card, said) in self.cards.iter().zip(cards) {
            card.told.is_silent.store(false, Ordering::Relaxed);
            card.told.dropped.store(said.dropped_by_machine, Ordering::Relaxed);
        }
    }

    /// Asks for numbers for its cards that have none; returns whether all have one. Without a name it has no cards.
    pub(super) fn place_cards(&mut self, cards: &mut Cards, receiver: &mut DialectReceiver, now: Instant) -> bool {
        let Some(name) = &self.name else { return true };
        let had_numbers = self.has_numbers();
        let (mut all, mut companion) = (true, self.cards.iter().find_map(Card::number));
        for card in self.cards.iter_mut().filter(|card| card.number().is_none()) {
            // One that has ended stays so for whoever still has it.
            card.told = Arc::new(Told { dropped: card.told.dropped.load(Ordering::Relaxed).into(), ..Told::default() });
            let air = RelayCard::new(format!("{name}/{}", card.name), Arc::clone(&card.told));
            card.number = cards.add_relayed(Box::new(air));
            card.number.into_iter().for_each(|number| receiver.add_card(number, companion));
            companion = companion.or(card.number);
            all &= card.number.is_some();
        }
        if !had_numbers && self.has_numbers() {
            self.since = now;
        }
        all
    }

    /// Tells people, once, of each card that joins, and of each for which there is no number.
    pub(super) fn tell_of_cards(&mut self) {
        if self.name.is_none() {
            return;
        }
        let (mut joining, mut lacking) = (Vec::new(), Vec::new());
        for card in &mut self.cards {
            if card.number().is_some() && !std::mem::replace(&mut card.is_known, true) {
                joining.push(card.name.as_str());
            } else if card.number().is_none() && !std::mem::replace(&mut card.is_known_to_lack, true) {
                lacking.push(card.name.as_str());
            }
        }
        let joining = (!joining.is_empty()).then(|| format!("joins with {}", joining.join(", ")));
        let lacking = (!lacking.is_empty())
            .then(|| format!("has {}, but relays have as many cards as they may", lacking.join(", ")));
        joining.iter().chain(&lacking).for_each(|news| self.tell(news));
    }

    /// Whether nothing has come from it for long.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.told_at) > SILENCE
    }

    /// Notices when nothing comes from it.
    pub(super) fn listen(&mut self, now: Instant) {
        if !self.is_silent && self.is_overdue(now) {
            self.is_silent = true;
            self.cards.iter().for_each(|card| card.told.is_silent.store(true, Ordering::Relaxed));
            self.tell("is silent: is it running, and is the network between well?");
        }
    }

    /// Its cards end, and others may have their numbers.
    pub(super) fn leave(&mut self, now: Instant) {
        self.since = now;
        for card in &mut self.cards {
            card.told.is_gone.store(true, Ordering::Relaxed);
            card.number = None;
        }
    }

    /// What is known of it, if it has a name.
    pub(super) fn seen(&self, stats: Option<RelayStats>) -> Option<RelaySeen> {
        let name = self.name.clone()?;
        let card = |(card, said): (&Card, &CardStatus)| CardSeen {
            name: format!("{name}/{}", card.name),
            fault: said.fault.clone(),
            tuned: said.tuned.clone(),
        };
        Some(RelaySeen {
            state: if self.is_silent { RelayState::Silent } else { RelayState::Heard },
            stats,
            cards: self.cards.iter().zip(&self.status.cards).map(card).collect(),
            hears_others: self.status.hears_others && !self.is_silent,
            name,
        })
    }

    fn tell(&self, news: &str) {
        tell_of(self.name.as_deref().unwrap_or(&self.said), news);
    }
}

impl Card {
    fn new(name: &str) -> Self {
        let told = Arc::new(Told::default());
        Self { name: name.to_owned(), told, number: None, is_known: false, is_known_to_lack: false }
    }

    /// Its number, as long as no other card was given it: then the link has let go of what it was told.
    fn number(&self) -> Option<usize> {
        self.number.filter(|_| Arc::strong_count(&self.told) > 1)
    }
}
