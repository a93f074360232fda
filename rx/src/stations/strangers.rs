//! Whoever sends messages: those that say nothing of themselves are known by their numbers, and who sends what no relay
//! should is accused.

use std::time::Instant;

use crate::relay::stations::MAX_STATIONS;
use crate::relay::{RelayId, RelayStats};

use super::relay::{RelaySeen, RelayState, SILENCE};

/// What happens so often is no accident of the network.
const NO_ACCIDENT: u64 = 20;

/// Senders of messages that say nothing of themselves or have no place, at most [`MAX_STATIONS`].
#[derive(Debug, Default)]
pub(super) struct Strangers(Vec<Stranger>);

#[derive(Debug)]
struct Stranger {
    id: RelayId,
    first_heard: Instant,
    last_heard: Instant,
}

/// What senders have been accused of, each once.
#[derive(Debug, Default)]
pub(super) struct Accused(Vec<(RelayId, &'static str)>);

impl Strangers {
    /// Notes a message of a sender nobody knows.
    pub(super) fn note(&mut self, id: RelayId, now: Instant) {
        if let Some(stranger) = self.0.iter_mut().find(|stranger| stranger.id == id) {
            stranger.last_heard = now;
            return;
        }
        self.0.retain(|stranger| now.saturating_duration_since(stranger.last_heard) <= SILENCE);
        if self.0.len() < MAX_STATIONS {
            self.0.push(Stranger { id, first_heard: now, last_heard: now });
        }
    }

    /// It said who it is and has a place.
    pub(super) fn forget(&mut self, id: RelayId) {
        self.0.retain(|stranger| stranger.id != id);
    }

    /// Those that could have said long ago who they are, and are heard.
    pub(super) fn seen(&self, stats: &[RelayStats], now: Instant) -> impl Iterator<Item = RelaySeen> {
        let is_heard = move |stranger: &&Stranger| {
            let said_nothing = now.saturating_duration_since(stranger.first_heard) > SILENCE;
            said_nothing && now.saturating_duration_since(stranger.last_heard) <= SILENCE
        };
        self.0.iter().filter(is_heard).map(|stranger| RelaySeen {
            name: stranger.id.to_string(),
            state: RelayState::Heard,
            stats: stats.iter().find(|stats| stats.id == stranger.id).copied(),
            cards: Vec::new(),
            hears_others: false,
        })
    }
}

impl Accused {
    /// What people are to be told of a sender: of each kind of misdeed once, as long as it is heard of.
    pub(super) fn accuse(&mut self, all: &[RelayStats]) -> Vec<(RelayId, String)> {
        self.0.retain(|(id, _)| all.iter().any(|stats| stats.id == *id));
        let mut news = Vec::new();
        for stats in all {
            for (count, what) in misdeeds(stats) {
                if count >= NO_ACCIDENT && !self.0.contains(&(stats.id, what)) {
                    self.0.push((stats.id, what));
                    news.push((stats.id, format!("sends {what} ({count} so far): is it yours? They are dropped")));
                }
            }
        }
        news
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::relay::{RelayedLink, Stations, ViewerId};
    use skylark_common::wire::link::LinkId;

    use super::*;
    use crate::clock::now;

    #[test]
    fn who_sends_messages_and_says_nothing_is_seen_by_its_number_and_accused_once_of_each_kind() {
        let start = now();
        let at = |ms| start + Duration::from_millis(ms);
        let link = RelayedLink::Skylark(LinkId::from_name("hill"));
        let mut stations = Stations::new(link, ViewerId(1), start);
        let (mut strangers, mut accused) = (Strangers::default(), Accused::default());
        for ms in (0..3000).step_by(100) {
            stations.handle_message(RelayId(9), b"nonsense", at(ms));
            strangers.note(RelayId(9), at(ms));
        }
        let stats = stations.stats(at(3000));
        let seen: Vec<_> = strangers.seen(&stats, at(3000)).collect();
        assert_eq!(seen.iter().map(|relay| relay.name.as_str()).collect::<Vec<_>>(), ["0000000000000009"]);
        assert_eq!((seen[0].state, seen[0].stats.unwrap().station.malformed), (RelayState::Heard, 30));
        let news = accused.accuse(&stats);
        assert!(news.len() == 1 && news[0].0 == RelayId(9), "{news:?}");
        assert_eq!(accused.accuse(&stats), []);
        assert_eq!(strangers.seen(&stats, at(4500)).count(), 0, "it is silent");
        strangers.forget(RelayId(9));
        assert_eq!(strangers.seen(&stats, at(3000)).count(), 0);
    }

    #[test]
    fn a_relay_has_time_to_say_who_it_is_and_strangers_are_bounded() {
        let (mut strangers, start) = (Strangers::default(), now());
        (0..1000).for_each(|id| strangers.note(RelayId(id), start));
        assert_eq!((strangers.0.len(), strangers.seen(&[], start).count()), (MAX_STATIONS, 0));
        strangers.note(RelayId(2000), start + 2 * SILENCE);
        assert_eq!(strangers.0.len(), 1);
    }
}
