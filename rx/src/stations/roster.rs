//! The relays a viewer knows by what they say of themselves: who has a place, which name, and numbers for its cards.

use std::time::{Duration, Instant};

use crate::receiver::DialectReceiver;
use crate::relay::stations::MAX_STATIONS;
use crate::relay::{RelayId, RelayStats};

use super::relay::{Relay, RelaySeen};
use super::status::Status;
use super::tell_of;
use crate::link::cards::Cards;

/// A relay that speaks four times a second and was quiet for so long while another came with its name was restarted.
const REPLACED: Duration = Duration::from_millis(500);
/// So long a relay keeps its place and its cards' numbers without bringing anything of use, when others want them.
const TRIAL: Duration = Duration::from_secs(2);
/// Relays that wait for a place; one more waits until there is room to wait.
const MAX_WAITING: usize = 64;

/// The relays, at most [`MAX_STATIONS`].
#[derive(Debug, Default)]
pub(super) struct Roster {
    relays: Vec<Relay>,
    /// Those there is no place for, as they came, and when each spoke last.
    waiting: Vec<(RelayId, Instant)>,
}

impl Roster {
    /// Takes what a relay says of itself: its cards are cards of the link from then on. Whoever `is_useful` keeps place
    /// and numbers; others give them up to those who come.
    pub(super) fn take_status(
        &mut self,
        id: RelayId,
        status: Status,
        is_useful: impl Fn(RelayId) -> bool,
        (cards, receiver): (&mut Cards, &mut DialectReceiver),
        now: Instant,
    ) {
        if !self.admit(id, &status.name, &is_useful, now) {
            return;
        }
        self.settle_name(id, now);
        let Some(relay) = self.relay(id) else { return };
        relay.take_status(status, now);
        while self.is_next_for_numbers(id)
            && let Some(relay) = self.relay(id)
            && !relay.place_cards(cards, receiver, now)
            && let Some(spare) = self.spare(&is_useful, now, |relay| relay.id != id && relay.has_numbers())
        {
            self.give_up(spare, now);
        }
        if let Some(relay) = self.relay(id) {
            relay.tell_of_cards();
        }
    }

    /// Notices relays from which nothing comes. One that was restarted meanwhile is forgotten.
    pub(super) fn listen(&mut self, now: Instant) {
        let replaced = |relay: &Relay| {
            let returned =
                |other: &Relay| other.said == relay.said && !other.is_overdue(now) && other.first_heard > relay.told_at;
            !relay.is_silent && relay.is_overdue(now) && (relay.name.is_none() || self.relays.iter().any(returned))
        };
        let replaced: Vec<RelayId> = self.relays.iter().filter(|relay| replaced(relay)).map(|relay| relay.id).collect();
        self.relays.retain_mut(|relay| {
            let stays = !replaced.contains(&relay.id);
            if stays {
                relay.listen(now);
            } else {
                relay.leave(now);
            }
            stays
        });
    }

    /// The link's number for a card of a relay.
    pub(super) fn number(&self, id: RelayId, card: u8) -> Option<usize> {
        self.relays.iter().find(|relay| relay.id == id)?.number(card)
    }

    /// Whether this relay has a place.
    pub(super) fn has(&self, id: RelayId) -> bool {
        self.relays.iter().any(|relay| relay.id == id)
    }

    /// What people call a relay, once that is known.
    pub(super) fn name(&self, id: RelayId) -> Option<&str> {
        self.relays.iter().find(|relay| relay.id == id)?.name.as_deref()
    }

    /// What is known of each relay that has a name.
    pub(super) fn seen(&self, stats: &[RelayStats]) -> Vec<RelaySeen> {
        let of = |relay: &Relay| stats.iter().find(|stats| stats.id == relay.id).copied();
        self.relays.iter().filter_map(|relay| relay.seen(of(relay))).collect()
    }

    fn relay(&mut self, id: RelayId) -> Option<&mut Relay> {
        self.relays.iter_mut().find(|relay| relay.id == id)
    }

    /// Gives a relay a place: of the one it was before its restart, a free one, or a spare one.
    fn admit(&mut self, id: RelayId, said: &str, is_useful: impl Fn(RelayId) -> bool, now: Instant) -> bool {
        if self.has(id) {
            return true;
        }
        let relay = Relay::new(id, said.to_owned(), now);
        let gone = self.relays.iter().position(|relay| relay.is_silent && relay.said == said);
        let place = match gone {
            Some(gone) => Some(gone),
            None if !self.is_next_for_place(id, now) => None,
            None if self.relays.len() < MAX_STATIONS => Some(self.relays.len()),
            None => self.spare(is_useful, now, |_| true),
        };
        let Some(place) = place else { return false };
        self.waiting.retain(|(waiting, _)| *waiting != id);
        match self.relays.get_mut(place) {
            Some(given) => {
                given.leave(now);
                *given = relay;
            }
            None => self.relays.push(relay),
        }
        true
    }

    /// Notes that a relay waits for a place; returns whether it is its turn, among those that still speak.
    fn is_next_for_place(&mut self, id: RelayId, now: Instant) -> bool {
        self.waiting.retain(|(_, at)| now.saturating_duration_since(*at) < REPLACED);
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == id) {
            Some((_, at)) => *at = now,
            None => self.waiting.push((id, now)),
        }
        self.waiting.truncate(MAX_WAITING);
        self.waiting.first().is_some_and(|(first, _)| *first == id)
    }

    /// Whether a relay has been without numbers for longest; those that have some come after all that have none.
    fn is_next_for_numbers(&self, id: RelayId) -> bool {
        let without = self.relays.iter().filter(|relay| !relay.is_silent && relay.lacks_numbers());
        without.min_by_key(|relay| relay.since).is_none_or(|first| first.id == id)
    }

    /// A relay gives up its numbers, and its place too if others wait for one.
    fn give_up(&mut self, place: usize, now: Instant) {
        if let Some(relay) = self.relays.get_mut(place) {
            relay.leave(now);
        }
        if !self.waiting.is_empty() && place < self.relays.len() {
            self.relays.remove(place);
        }
    }

    /// Of those that had their time and brought nothing of use, the one whose time was over first; before them, one
    /// that is silent.
    fn spare(&self, is_useful: impl Fn(RelayId) -> bool, now: Instant, may: impl Fn(&Relay) -> bool) -> Option<usize> {
        let had_its_time =
            |relay: &Relay| !relay.lacks_numbers() && now.saturating_duration_since(relay.since) >= TRIAL;
        let is_idle = |relay: &Relay| had_its_time(relay) && !is_useful(relay.id);
        let spare =
            self.relays.iter().enumerate().filter(|(_, relay)| may(relay) && (relay.is_silent || is_idle(relay)));
        spare.min_by_key(|(_, relay)| (!relay.is_silent, relay.since)).map(|(place, _)| place)
    }

    /// Gives a relay its name. While another has that name, it must first show whether it is the same one restarted,
    /// which has gone quiet, or a second one, which has not.
    fn settle_name(&mut self, id: RelayId, now: Instant) {
        let Some(own) = self.relays.iter().position(|relay| relay.id == id && relay.name.is_none()) else { return };
        let Some((said, first_heard)) = self.relays.get(own).map(|relay| (relay.said.clone(), relay.first_heard))
        else {
            return;
        };
        let has = |name: &str| self.relays.iter().position(|relay| relay.name.as_deref() == Some(name));
        let Some((place, rival)) = has(&said).and_then(|place| Some((place, self.relays.get(place)?))) else {
            return self.call(own, said);
        };
        if rival.told_at > first_heard {
            tell_of(&said, "has a namesake: two relays are called so: give one of them --name");
            let digits = id.to_string();
            let short = format!("{said}-{}", digits.get(..4).unwrap_or(&digits));
            let is_free = has(&short).is_none();
            return self.call(own, if is_free { short } else { format!("{said}-{digits}") });
        }
        if now.saturating_duration_since(rival.told_at) >= REPLACED {
            self.relays.swap(place, own);
            self.relays.remove(own).leave(now);
            self.call(place, said);
        }
    }

    fn call(&mut self, place: usize, name: String) {
        if let Some(relay) = self.relays.get_mut(place) {
            relay.name = Some(name);
        }
    }
}

#[cfg(test)]
mod tests;
