//! A card's socket: opened by name, closed when the card stops working, opened again when it is back.
//!
//! Only the first opening is waited for; after that, nothing here holds up whoever has other cards to serve.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use pcap::{Active, Capture};

use super::interface::{self, Interface, MONITOR};
use super::losses::Losses;
use super::port::{Opening, Port, Purpose};
use super::{MonitorError, monitors};
use crate::air::CardState;

/// How often a card that works is looked at: an unplugged card says nothing by itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often a card that does not is: it should be at work again 200 ms after it is back.
const LOST_INTERVAL: Duration = Duration::from_millis(50);
/// How often it is asked for whether a socket is open that is on its way.
const OPENING_INTERVAL: Duration = Duration::from_millis(2);
/// How often one is tried that is refused: trying takes the time opening takes.
const REFUSED_INTERVAL: Duration = Duration::from_secs(1);

/// A card and, exactly while it works, a socket bound to it.
#[derive(Debug)]
pub(super) struct Card {
    name: String,
    purpose: Purpose,
    /// Asks about the interface.
    control: OwnedFd,
    port: Option<Port>,
    /// The next one, while it is on its way.
    opening: Option<Opening>,
    /// What the last look found; working only with a socket.
    found: CardState,
    /// What people are told: a card that is about to go is down first, so that takes two looks.
    state: CardState,
    mtu_bytes: usize,
    look_at: Instant,
    losses: Losses,
    /// Frames dropped at ports that were closed.
    dropped_before: u64,
    dropped: u64,
}

impl Card {
    /// Opens a card by the name of its interface. One that is down is taken up when it is up.
    pub(super) fn open(name: &str, purpose: Purpose, now: Instant) -> Result<Self, MonitorError> {
        let refused = |reason: String| MonitorError::Refused { card: name.to_owned(), reason };
        let control = interface::control().map_err(|error| refused(error.to_string()))?;
        let found = Interface::look(&control, name);
        let found = found.ok_or_else(|| MonitorError::Missing { card: name.to_owned(), there: monitors() })?;
        if found.link_type != MONITOR {
            return Err(MonitorError::wrong_mode(name, found.link_type));
        }
        if !interface::is_allowed() {
            return Err(MonitorError::NoPermission { card: name.to_owned() });
        }
        let mut card = Self {
            name: name.to_owned(),
            purpose,
            control,
            port: None,
            opening: None,
            found: CardState::Gone,
            state: CardState::Gone,
            mtu_bytes: found.mtu_bytes,
            look_at: now,
            losses: Losses::default(),
            dropped_before: 0,
            dropped: 0,
        };
        let works = found.state() == CardState::Working;
        let opened = works.then(|| Port::open(name, found.index, purpose).map_err(refused));
        let opened = opened.transpose()?;
        card.look(opened.map(Ok), now);
        Ok(card)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How the card fares.
    pub(super) fn state(&self) -> CardState {
        self.state
    }

    /// What the machine says, while it refuses the card.
    pub(super) fn reason(&self) -> Option<&str> {
        self.losses.reason().filter(|_| self.state == CardState::Refused)
    }

    /// Why there is no socket, when there is none.
    pub(super) fn fault(&self) -> CardState {
        self.found
    }

    /// The largest frame that can be sent: the kernel allows for an Ethernet header beside the MTU.
    pub(super) fn max_frame_bytes(&self) -> usize {
        self.mtu_bytes.saturating_add(14)
    }

    /// Frames the kernel dropped because they were not taken in time, as of the last look.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Which interface it is bound to.
    pub(super) fn index(&self) -> Option<u32> {
        self.port.as_ref().map(|port| port.index)
    }

    pub(super) fn pcap(&mut self) -> Option<&mut Capture<Active>> {
        self.port.as_mut().map(|port| &mut port.pcap)
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.port.as_ref().map(|port| port.pcap.as_fd())
    }

    /// How long until the card wants to be looked at.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.look_at.saturating_duration_since(now)
    }

    /// Looks whether the card still works, or works again, when it is time to; returns whether it was.
    pub(super) fn tend(&mut self, now: Instant) -> bool {
        if now < self.look_at {
            return false;
        }
        if self.opening.as_ref().is_some_and(|opening| !opening.is_over()) {
            self.look_at = now + OPENING_INTERVAL;
            return false;
        }
        let opened = self.opening.take().map(Opening::port);
        self.look(opened, now);
        true
    }

    /// A call on the socket failed for the card's sake.
    pub(super) fn lose(&mut self, reason: String, now: Instant) {
        self.close();
        let found = self.find().map_or(CardState::Gone, Interface::state);
        self.look_at = now + LOST_INTERVAL;
        if found != CardState::Working {
            self.found = found;
            return;
        }
        self.fail(reason, now);
    }

    /// Lets the next [`tend`](Self::tend) look.
    pub(super) fn look_soon(&mut self, now: Instant) {
        self.look_at = now;
    }

    /// Looks at the interface; `opened` is what came of opening it.
    fn look(&mut self, opened: Option<Result<Port, String>>, now: Instant) {
        self.look_at = now + LOST_INTERVAL;
        let interface = self.find();
        let found = interface.map_or(CardState::Gone, Interface::state);
        let Some(interface) = interface.filter(|_| found == CardState::Working) else {
            self.close();
            opened.into_iter().flatten().for_each(Port::close);
            self.miss(found);
            return;
        };
        self.mtu_bytes = interface.mtu_bytes;
        match opened {
            Some(Ok(port)) if port.index == interface.index => {
                self.port = Some(port);
                self.losses.opened(now);
            }
            Some(Ok(port)) => port.close(),
            Some(Err(reason)) => return self.fail(reason, now),
            None if self.index() == Some(interface.index) => self.losses.lives(now),
            None => {}
        }
        if self.index() == Some(interface.index) {
            self.work(now);
        } else {
            self.begin_opening(interface.index, now);
        }
    }

    fn miss(&mut self, found: CardState) {
        let before = std::mem::replace(&mut self.found, found);
        if found == CardState::Gone {
            // What comes back may be another.
            self.losses = Losses::default();
        }
        if found != CardState::Down || before != CardState::Working {
            self.state = found;
        }
    }

    fn work(&mut self, now: Instant) {
        self.found = CardState::Working;
        self.state = if self.losses.are_too_many() { CardState::Refused } else { CardState::Working };
        self.dropped = self.dropped_before + self.port.as_mut().map_or(0, Port::dropped);
        self.look_at = now + LOOK_INTERVAL;
    }

    fn begin_opening(&mut self, index: u32, now: Instant) {
        self.close();
        self.look_at = now + OPENING_INTERVAL;
        if self.found == CardState::Working {
            self.found = CardState::Down;
        }
        match Opening::begin(&self.name, index, self.purpose) {
            Ok(opening) => self.opening = Some(opening),
            Err(reason) => self.fail(reason, now),
        }
    }

    /// A socket failed or could not be opened, though the interface is well. What was down for a moment is opened by
    /// the next look; what only seems to be well, not for ever.
    fn fail(&mut self, reason: String, now: Instant) {
        self.close();
        self.losses.failed(reason);
        (self.found, self.look_at) = (CardState::Down, now + LOST_INTERVAL);
        if self.losses.are_too_many() {
            (self.found, self.state, self.look_at) = (CardState::Refused, CardState::Refused, now + REFUSED_INTERVAL);
        }
    }

    fn find(&self) -> Option<Interface> {
        Interface::look(&self.control, &self.name)
    }

    fn close(&mut self) {
        if let Some(mut port) = self.port.take() {
            self.dropped_before += port.dropped();
            self.dropped = self.dropped_before;
            port.close();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use super::*;
    use crate::options::Dialect;

    #[test]
    fn a_card_that_was_away_for_a_moment_is_tried_again_soon_and_refused_when_that_goes_on() {
        let now = Instant::now();
        let mut card = Card {
            name: "wlan0".to_owned(),
            purpose: Purpose::Capture(Dialect::Skylark),
            control: interface::control().unwrap(),
            port: None,
            opening: None,
            found: CardState::Working,
            state: CardState::Working,
            mtu_bytes: 1500,
            look_at: now,
            losses: Losses::default(),
            dropped_before: 0,
            dropped: 0,
        };
        for _ in 0..4 {
            card.fail("network is down".to_owned(), now);
            assert_eq!((card.state(), card.fault(), card.reason()), (CardState::Working, CardState::Down, None));
            assert_eq!(card.wait(now), LOST_INTERVAL);
        }
        card.fail("no memory".to_owned(), now);
        assert_eq!(
            (card.state(), card.reason(), card.wait(now)),
            (CardState::Refused, Some("no memory"), REFUSED_INTERVAL)
        );
        card.miss(CardState::Gone);
        assert_eq!((card.state(), card.losses.are_too_many()), (CardState::Gone, false));
    }
}
