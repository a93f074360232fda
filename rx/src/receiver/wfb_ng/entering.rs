//! Session packets as they come, and what waits for them.

use std::time::Instant;

use skylark_common::wfb_ng::session::{Session, SessionError};
use skylark_common::wire::radiotap::RxHeader;

use super::super::Outcome;
use super::run::Run;
use super::sessions::{self, Verdict};
use super::{Heard, WfbNgReceiver, data_packet};

/// Waiting frames, the latest, on which the key of a session is tried that may be followed: more would cost too much.
const MAX_TRIED: usize = 64;

impl WfbNgReceiver {
    /// A session packet: perhaps of a session to follow.
    pub(super) fn take_session(&mut self, card: usize, info: &RxHeader, packet: &[u8], now: Instant) -> Outcome {
        let (session, seen) = match self.seen.look(packet, card) {
            Some((session, is_first)) => (session, Some(is_first)),
            None => match Session::open(packet, &self.key, self.config.channel) {
                Ok(session) => (session, None),
                Err(error) => return self.refuse(error, now),
            },
        };
        if seen.is_none() {
            self.seen.remember(packet, &session, card);
        }
        match self.sessions.judge(&session, self.run.as_ref().map(Run::session)) {
            Verdict::Stale => return Outcome::Replayed,
            Verdict::Followed if seen.is_none() => self.run.iter_mut().for_each(|run| run.confirm(now)),
            // A recording can repeat it: it shows what is on the air, and not that the transmitter lives.
            Verdict::Followed => self.hearing.own_session = Some(now),
            Verdict::Noted if seen.is_none() || self.run.is_none() => self.enter_latest(now),
            Verdict::Noted => {}
        }
        match seen {
            None => self.cards.with(card, |card| card.first(info, now)),
            Some(true) => self.cards.with(card, |card| card.duplicate(info, now)),
            Some(false) => {}
        }
        if seen.is_none() { Outcome::Used } else { Outcome::Duplicate }
    }

    fn refuse(&mut self, error: SessionError, now: Instant) -> Outcome {
        match error {
            SessionError::Length { .. } => return Outcome::Truncated,
            SessionError::Key => {
                self.hearing.other_key = Some(now);
                return Outcome::Forged;
            }
            SessionError::Channel { .. }
            | SessionError::Code(_)
            | SessionError::Shape { .. }
            | SessionError::Field { .. } => {}
        }
        self.hearing.refused_session = Some((now, error));
        let is_moved = matches!(error, SessionError::Channel { .. });
        if is_moved { Outcome::Replayed } else { Outcome::UnknownVersion }
    }

    /// The session whose packet came last is entered if there is no other, or if that is silent and a packet of this one
    /// waits.
    fn enter_latest(&mut self, now: Instant) {
        let Some((at, session)) = self.sessions.latest() else { return };
        let (waiting, body) = (&self.waiting, &mut self.body);
        let mut is_awaited = || {
            let mut waits = waiting.iter().rev().take(MAX_TRIED).filter_map(|frame| data_packet(&frame.bytes));
            waits.any(|(_, _, id, sealed)| sessions::opens(session, id, sealed, body))
        };
        if self.run.is_none() || self.sessions.is_silent(now) && is_awaited() {
            self.enter(at, now);
        }
    }

    /// Follows the session at this place; what waits is tried with its key.
    pub(super) fn enter(&mut self, at: usize, now: Instant) {
        let followed = self.run.as_ref().map(Run::session);
        let Some((session, heard_until)) = self.sessions.enter(at, followed, now) else { return };
        let entered = Run::new((session, heard_until), self.config.latency_budget, now);
        self.left = self.run.replace(entered);
        self.left.iter_mut().for_each(Run::finish);
        self.untried = self.waiting.len();
    }

    /// Tries the key of the session followed on the next frame that waited; returns whether there was one.
    pub(super) fn try_waiting(&mut self) -> bool {
        let Some(left) = self.untried.checked_sub(1) else { return false };
        self.untried = left;
        let Some(frame) = self.waiting.take_oldest() else { return false };
        let card = frame.origin.card;
        let outcome = data_packet(&frame.bytes)
            .and_then(|(info, _, id, sealed)| self.take_known(Heard { card, info: &info, id, sealed, at: frame.at }));
        let Some(outcome) = outcome else {
            self.waiting.put_back(frame);
            return true;
        };
        self.cards.waited(card, outcome);
        self.settle();
        true
    }
}
