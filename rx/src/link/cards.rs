//! The cards of a link: each has a number for life, and an air that may fail, come back, or give its place up.
#![expect(clippy::disallowed_methods, reason = "waits for cards")]

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::receiver::MAX_CARDS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use skylark_common::air::{CaptureAir, CaptureError, CardState, MAX_FRAME_BYTES};

use crate::tell::tell;

/// Of all numbers, how many relays may have: whoever talks on the network leaves 14 to the cards of this machine.
const MAX_RELAYED: usize = MAX_CARDS - 14;
/// Frames taken from one card before the others and the deadlines have their turn.
const FRAMES_A_TURN: usize = 64;
/// How long an air that failed is left alone.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait where the machine cannot say when there is a frame.
const BLIND_WAIT: Duration = Duration::from_millis(1);
/// An air that has not failed for so long listens again.
const STEADY: Duration = Duration::from_secs(1);

/// The cards, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Cards(Vec<Card>);

/// An air and how it fares.
#[derive(Debug)]
struct Card {
    /// Where its frames come from.
    air: Box<dyn CaptureAir>,
    /// Whether it is a relay's.
    is_relayed: bool,
    /// When to try again after a failure.
    retry_at: Option<Instant>,
    /// When and why it last failed without a word about its card, until it is steady; the first has been told.
    failure: Option<(Instant, String)>,
    /// How it fares, as far as people know.
    state: CardState,
    /// Since when it has heard nothing because it cannot.
    away_since: Option<Instant>,
}

impl Cards {
    /// Takes an air as the next card, or in the place of one of the same name that has ended. Among as many cards
    /// as there can be it takes the place of the one that has been away longest. Returns its number; `None`
    /// if all of them work.
    pub(crate) fn add(&mut self, air: Box<dyn CaptureAir>) -> Option<usize> {
        self.place(Card::new(air), MAX_CARDS)
    }

    /// The same where there may be so many cards.
    #[cfg(feature = "relay")]
    pub(crate) fn add_among(&mut self, air: Box<dyn CaptureAir>, most: usize) -> Option<usize> {
        self.place(Card::new(air), most)
    }

    /// Takes a relay's card likewise. Relays have so many numbers and no more, and take none of this machine's cards.
    #[cfg(feature = "relay")]
    pub(crate) fn add_relayed(&mut self, air: Box<dyn CaptureAir>) -> Option<usize> {
        self.place(Card { is_relayed: true, ..Card::new(air) }, MAX_CARDS)
    }

    /// Whether every air has ended for good.
    pub(crate) fn have_ended(&self) -> bool {
        self.0.iter().all(|card| card.air.ended())
    }

    /// Hands what the cards have to `take`, with the card's number, some frames of each; returns whether there may be
    /// more.
    pub(crate) fn capture(&mut self, now: Instant, mut take: impl FnMut(usize, &[u8])) -> bool {
        let mut more = false;
        let mut buffer = [0; MAX_FRAME_BYTES];
        for (number, card) in self.0.iter_mut().enumerate() {
            for turn in 0..FRAMES_A_TURN {
                let Some(len) = card.capture(&mut buffer, now) else { break };
                take(number, buffer.get(..len).unwrap_or_default());
                more |= turn + 1 == FRAMES_A_TURN;
            }
        }
        more
    }

    /// Tells how cards fare where that has changed.
    pub(crate) fn tell_states(&mut self, now: Instant) {
        self.0.iter_mut().for_each(|card| card.tell_state(now));
    }

    /// Their names, as the user wrote them.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|card| card.air.name().to_owned()).collect()
    }

    /// Why they give no frames, those that do not.
    pub(crate) fn faults(&self) -> Vec<Option<String>> {
        self.0.iter().map(Card::fault).collect()
    }

    /// Frames the machine dropped before they were taken, by card.
    pub(crate) fn dropped(&self) -> Vec<u64> {
        self.0.iter().map(|card| card.air.dropped()).collect()
    }

    /// How long until one of them wants to be asked without a word from the machine.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.iter().filter_map(|card| card.wait(now)).min()
    }

    /// One wait until one of them has a frame, one of the others can be read, or this time has passed.
    pub(crate) fn wait_for_frames<'a>(
        &'a self,
        others: impl Iterator<Item = BorrowedFd<'a>>,
        patience: Option<Duration>,
    ) {
        let listening = self.0.iter().filter(|card| card.retry_at.is_none());
        let fds = listening.filter_map(|card| card.air.as_fd()).chain(others);
        let mut fds: Vec<_> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        // Interrupted, the next turn looks at everything anyway.
        if poll(&mut fds, timeout.as_ref()).is_err_and(|error| error != Errno::INTR) {
            // More cards than the limit of open files (poll(2), EINVAL): they are asked in turn.
            std::thread::sleep(patience.map_or(BLIND_WAIT, |patience| patience.min(BLIND_WAIT)));
        }
    }

    fn place(&mut self, new: Card, most: usize) -> Option<usize> {
        let returns = |card: &Card| card.air.ended() && card.air.name() == new.air.name();
        let returns = |card: &Card| returns(card) && card.is_relayed == new.is_relayed;
        let number = self.0.iter().position(returns).or_else(|| self.free_place(new.is_relayed, most))?;
        match self.0.get_mut(number) {
            Some(card) => *card = new,
            None => self.0.push(new),
        }
        Some(number)
    }

    /// A number that was never given, else that of a card that has ended, else of the one that has been away longest.
    fn free_place(&self, is_relayed: bool, most: usize) -> Option<usize> {
        let relayed = self.0.iter().filter(|card| card.is_relayed).count();
        if self.0.len() < most && (!is_relayed || relayed < MAX_RELAYED) {
            return Some(self.0.len());
        }
        let may_give = self.0.iter().enumerate().filter(|(_, card)| card.is_relayed || !is_relayed);
        let away = may_give.filter(|(_, card)| card.air.ended() || card.away_since.is_some());
        away.min_by_key(|(_, card)| (!card.air.ended(), card.away_since)).map(|(number, _)| number)
    }
}

impl Card {
    /// A card that fares well.
    fn new(air: Box<dyn CaptureAir>) -> Self {
        Self { air, is_relayed: false, retry_at: None, failure: None, state: CardState::Working, away_since: None }
    }

    fn tell_state(&mut self, now: Instant) {
        self.news(now).iter().for_each(|news| tell(news));
    }

    /// What people should know of it since the last call. That a relay cannot be reached is told of the relay, once.
    fn news(&mut self, now: Instant) -> Vec<String> {
        let (state, name) = (self.air.state(), self.air.name());
        let recovered = self.failure.as_ref().is_some_and(|(at, _)| now >= *at + STEADY) && !self.air.ended();
        if recovered {
            self.failure = None;
        }
        let works = state == CardState::Working && !self.air.ended() && self.failure.is_none();
        self.away_since = if works { None } else { self.away_since.or(Some(now)) };
        let before = std::mem::replace(&mut self.state, state);
        let changed = before != state && before != CardState::Unreachable && state != CardState::Unreachable;
        let listens = format!("{name} listens again");
        let news = changed.then(|| if state == CardState::Working { listens.clone() } else { self.outage() });
        recovered.then(|| listens.clone()).into_iter().chain(news).collect()
    }

    /// Why it gives no frames; that of one that has ended is history.
    fn fault(&self) -> Option<String> {
        let name = self.air.name();
        match (self.state, &self.failure) {
            _ if self.air.ended() => None,
            (CardState::Working, None) => None,
            (CardState::Working, Some((_, reason))) => Some(format!("{name}: {reason}")),
            _ => Some(self.outage()),
        }
    }

    /// How a card fares that does not work, with the machine's words where it has some.
    fn outage(&self) -> String {
        let reason = self.air.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{}: {}{reason}", self.air.name(), self.state)
    }

    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Option<usize> {
        if self.retry_at.is_some_and(|retry_at| now < retry_at) {
            return None;
        }
        match self.air.capture(buffer, now) {
            Ok(captured) => {
                self.retry_at = None;
                captured.map(|captured| captured.len)
            }
            // How a card fares is told when it has changed.
            Err(CaptureError::Lost(_)) => None,
            Err(error) => {
                if self.failure.is_none() {
                    tell(&format!("{}: {error}", self.air.name()));
                }
                self.failure = Some((now, error.to_string()));
                self.retry_at = Some(now + RETRY_INTERVAL);
                None
            }
        }
    }

    /// How long until this card wants to be asked without a word from the machine.
    fn wait(&self, now: Instant) -> Option<Duration> {
        match self.retry_at {
            Some(_) if self.air.ended() => None,
            Some(retry_at) => Some(retry_at.saturating_duration_since(now)),
            None => self.air.wait(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::BorrowedFd;

    use skylark_common::air::Captured;

    use super::*;
    use crate::clock::now;

    /// An air that fares as it is told.
    #[derive(Debug)]
    struct Told {
        name: String,
        state: CardState,
        ended: bool,
        /// How often it fails before it has nothing more to say, asked again and again.
        failures: usize,
    }

    impl CaptureAir for Told {
        fn capture(&mut self, _: &mut [u8], _: Instant) -> Result<Option<Captured>, CaptureError> {
            let fails = self.failures > 0;
            self.failures = self.failures.saturating_sub(1);
            if fails { Err(std::io::Error::other("broken").into()) } else { Ok(None) }
        }

        fn as_fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }

        fn wait(&self, _: Instant) -> Option<Duration> {
            None
        }

        fn state(&self) -> CardState {
            self.state
        }

        fn ended(&self) -> bool {
            self.ended
        }

        fn dropped(&self) -> u64 {
            0
        }

        fn name(&self) -> &str {
            &self.name
        }
    }

    fn air(name: &str, state: CardState) -> Box<Told> {
        Box::new(Told { name: name.to_owned(), state, ended: false, failures: 0 })
    }

    #[test]
    fn cards_are_numbered_as_they_come() {
        let mut cards = Cards::default();
        let numbers = ["a", "b", "a"].map(|name| cards.add(air(name, CardState::Working)));
        assert_eq!(numbers, [Some(0), Some(1), Some(2)], "one that works gives nothing up");
        assert_eq!(cards.names(), ["a", "b", "a"]);
    }

    #[test]
    fn an_air_that_ended_and_returns_is_the_same_card() {
        let mut cards = Cards::default();
        cards.add(Box::new(Told { name: "a".to_owned(), state: CardState::Working, ended: true, failures: 0 }));
        assert!(cards.have_ended());
        cards.add(air("b", CardState::Working));
        assert_eq!(cards.add(air("a", CardState::Working)), Some(0));
        assert!(!cards.have_ended());
    }

    #[test]
    fn of_as_many_cards_as_there_can_be_the_one_away_longest_gives_its_place_up() {
        let (mut cards, now) = (Cards::default(), now());
        for number in 0..MAX_CARDS {
            cards.add(air(&number.to_string(), CardState::Working));
        }
        cards.tell_states(now);
        assert_eq!(cards.add(air("one too many", CardState::Working)), None);
        for (number, later) in [(7, 2), (3, 1), (50, 3)] {
            let at = now + Duration::from_secs(later);
            cards.0[number].air = air(&number.to_string(), CardState::Gone);
            cards.0[number].away_since = Some(at);
        }
        cards.tell_states(now + Duration::from_secs(9));
        assert_eq!(cards.add(air("a", CardState::Working)), Some(3));
        cards.tell_states(now + Duration::from_secs(9));
        assert_eq!([(); 3].map(|()| cards.add(air("b", CardState::Working))), [Some(7), Some(50), None]);
        assert_eq!(cards.0.len(), MAX_CARDS);
    }

    #[test]
    fn an_air_that_floods_errors_is_left_alone_in_between_and_listens_again_when_it_is_steady() {
        let (mut cards, start) = (Cards::default(), now());
        cards.add(Box::new(Told { failures: 5, ..*air("a", CardState::Working) }));
        let fault_at = |cards: &mut Cards, ms| {
            let now = start + Duration::from_millis(ms);
            cards.capture(now, |_, _| ());
            cards.tell_states(now);
            (cards.faults()[0].clone(), cards.0[0].away_since.is_some())
        };
        for ms in 0..450 {
            assert_eq!(fault_at(&mut cards, ms), (Some("a: broken".to_owned()), true), "{ms}");
        }
        assert_eq!(cards.wait(start + Duration::from_millis(450)), Some(Duration::from_millis(50)));
        assert!(fault_at(&mut cards, 1399).0.is_some());
        assert_eq!(fault_at(&mut cards, 1400), (None, false), "it failed for the fifth time at 400 ms");
    }

    #[test]
    fn of_a_card_whose_relay_cannot_be_reached_nothing_is_told() {
        let (mut cards, now) = (Cards::default(), now());
        for (state, words) in [
            (CardState::Gone, 1),
            (CardState::Working, 1),
            (CardState::Unreachable, 0),
            (CardState::Unreachable, 0),
            (CardState::Working, 0),
        ] {
            cards.0.truncate(1);
            let mut card = cards.0.pop().unwrap_or_else(|| Card::new(air("roof/wlan1", CardState::Working)));
            card.air = air("roof/wlan1", state);
            assert_eq!(card.news(now).len(), words, "{state:?}");
            assert_eq!(card.fault().is_some(), state != CardState::Working);
            card.air = Box::new(Told { ended: true, ..*air("roof/wlan1", state) });
            assert_eq!(card.fault(), None, "what has ended is history");
            cards.0.push(card);
        }
    }

    #[cfg(feature = "relay")]
    #[test]
    fn relays_leave_numbers_to_this_machine_and_take_none_of_its_cards() {
        let mut cards = Cards::default();
        cards.add(Box::new(Told { ended: true, ..*air("recording", CardState::Working) }));
        let relayed = |cards: &mut Cards| cards.add_relayed(air("far/wlan1", CardState::Working));
        assert_eq!(std::iter::from_fn(|| relayed(&mut cards)).count(), MAX_RELAYED);
        assert_eq!((1..MAX_CARDS - MAX_RELAYED).filter_map(|_| cards.add(air("a", CardState::Working))).count(), 13);
        cards.0[9].air = Box::new(Told { ended: true, ..*air("gone/wlan1", CardState::Working) });
        assert_eq!([relayed(&mut cards), relayed(&mut cards)], [Some(9), None], "free at once");
    }
}
