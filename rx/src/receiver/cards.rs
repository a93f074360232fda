//! The cards a receiver hears, each by its number.

use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::RxHeader;

use super::card::{Card, Outcome};
use super::fairness::{Origin, Stations};
use super::heard::MAX_CARDS;
use super::race::Race;
use crate::stats::{CardStats, FrameStats, RxStats};

/// What every card heard. `P` is what a packet is known by, beside a number that tells most of them apart.
#[derive(Debug)]
pub(super) struct Cards<P> {
    cards: Vec<Card>,
    stations: Stations,
    race: Race<P>,
    /// What became of the frames of cards that gave their number up.
    forgotten: FrameStats,
}

impl<P> Default for Cards<P> {
    fn default() -> Self {
        let (stations, race, forgotten) = (Stations::default(), Race::default(), FrameStats::default());
        Self { cards: Vec::new(), stations, race, forgotten }
    }
}

impl<P: Copy + PartialEq> Cards<P> {
    /// The card's place, made if it is not there. More than [`MAX_CARDS`] share the last.
    pub(super) fn admit(&mut self, card: usize) -> usize {
        let card = card.min(MAX_CARDS - 1);
        while self.cards.len() <= card {
            self.cards.push(Card::default());
        }
        card
    }

    /// Another card has this number from here on, one of the station of the card `beside` or one by itself: it begins
    /// with nothing counted.
    pub(super) fn renew(&mut self, card: usize, beside: Option<usize>) {
        self.stations.add(card, beside);
        if let Some(card) = self.cards.get_mut(card) {
            self.forgotten = [self.forgotten, std::mem::take(card).frames()].into_iter().sum();
        }
    }

    /// Whose a card is.
    pub(super) fn origin(&self, card: usize) -> Origin {
        self.stations.origin(card)
    }

    /// Changes a card that was admitted.
    pub(super) fn with(&mut self, card: usize, change: impl FnOnce(&mut Card)) {
        if let Some(card) = self.cards.get_mut(card) {
            change(card);
        }
    }

    /// A card was the first to bring a packet.
    pub(super) fn first(&mut self, card: usize, info: &RxHeader, (number, packet): (u32, &P), now: Instant) {
        let timed = self.race.start(number, packet, now);
        self.with(card, |card| {
            card.first(info, now);
            if timed {
                card.behind(Duration::ZERO, now);
            }
        });
    }

    /// A card brought a packet that another card had brought.
    pub(super) fn duplicate(&mut self, card: usize, info: &RxHeader, (number, packet): (u32, &P), now: Instant) {
        let behind = self.race.behind(number, packet, now);
        self.with(card, |card| {
            card.duplicate(info, now);
            behind.into_iter().for_each(|time| card.behind(time, now));
        });
    }

    /// It is known what became of a frame of this card that waited.
    pub(super) fn waited(&mut self, card: usize, outcome: Outcome) {
        self.with(card, |card| {
            card.waited();
            card.count(outcome);
        });
    }

    /// Source packets have reached the cards in the set `heard` and will reach no others, `count` in a row.
    pub(super) fn settled(&mut self, heard: u64, count: u64) {
        self.cards.iter_mut().enumerate().for_each(|(number, card)| card.settled(number, heard, count));
    }

    /// What became of the frames of a card.
    pub(super) fn frames(&self, card: usize) -> FrameStats {
        self.cards.get(card).map(Card::frames).unwrap_or_default()
    }

    /// What was counted of the cards and of all their frames.
    pub(super) fn stats(&self, now: Instant) -> RxStats {
        let cards: Vec<CardStats> = self.cards.iter().map(|card| card.stats(now)).collect();
        let frames = cards.iter().map(|card| card.frames).chain([self.forgotten]).sum();
        RxStats { frames, cards, ..RxStats::default() }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn frames_stay_counted_when_their_card_gives_its_number_up() {
        let (now, mut cards) = (Instant::now(), Cards::<u8>::default());
        let card = cards.admit(MAX_CARDS + 3);
        assert_eq!(card, MAX_CARDS - 1);
        cards.with(card, |card| card.captured(Outcome::Waiting, 100));
        cards.waited(card, Outcome::Unannounced);
        assert_eq!(cards.frames(card).unannounced, 1);
        cards.renew(card, Some(4));
        assert_eq!((cards.frames(card), cards.origin(card).station), (FrameStats::default(), 4));
        let stats = cards.stats(now);
        assert_eq!((stats.cards.len(), stats.frames.captured, stats.frames.unannounced), (MAX_CARDS, 1, 1));
        assert_eq!((stats.frames.waiting, stats.frames.own_bytes), (0, 100));
    }
}
