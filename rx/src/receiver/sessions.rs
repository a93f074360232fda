//! Which session is followed. A session is one run of one transmitter.
//!
//! A recording of an earlier session is authentic, so the tag alone decides nothing. Sessions order
//! themselves by the transmitter's wall clock where it has one; where not, another session is followed only
//! when the present one has fallen silent. That one is kept on hold and comes back if its announces show
//! the time its clock must show: a live transmitter does, a recording does not.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, SALT_LEN};
use skylark_common::wire::packet::PacketHeader;

use super::session::Session;

/// A transmitter sends an announce every 100 ms: one that is silent for this long is gone or out of reach.
const SILENCE: Duration = Duration::from_millis(300);
/// Without an announce on schedule for this long, what is heard may be a recording of packets that were never
/// heard. Six announces are lost in a row only in a fade.
const UNCONFIRMED: Duration = Duration::from_millis(600);
/// Sessions that were left and are never entered again. An hour of restarts every minute.
const MAX_LEFT: usize = 64;

#[derive(Debug)]
pub(super) struct Sessions {
    budget: Duration,
    started: Instant,
    current: Option<Session>,
    on_hold: Option<Session>,
    left: VecDeque<u32>,
    count: u64,
}

/// What an announce of a session that is not followed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Truncated,
    Forged,
    /// Authentic, of a session that was left or is older than the present one.
    Stale,
    /// Its session is followed from here on.
    Enter,
}

impl Sessions {
    pub(super) const fn new(budget: Duration, started: Instant) -> Self {
        Self { budget, started, current: None, on_hold: None, left: VecDeque::new(), count: 0 }
    }

    pub(super) const fn current(&mut self) -> Option<&mut Session> {
        self.current.as_mut()
    }

    pub(super) const fn followed(&self) -> Option<&Session> {
        self.current.as_ref()
    }

    /// Sessions followed since the start.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn has_left(&self, id: u32) -> bool {
        self.left.contains(&id)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.current.iter_mut().for_each(|session| session.handle_timeout(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.current.as_ref()?.poll_timeout()
    }

    /// Judges an announce of a session that is not followed, and enters it if it is to be.
    pub(super) fn judge(&mut self, key: &LinkKey, header: &PacketHeader, sealed: &[u8], now: Instant) -> Verdict {
        if self.has_left(header.session) {
            return Verdict::Stale;
        }
        let Some((salt, sealed)) = sealed.split_first_chunk::<SALT_LEN>() else { return Verdict::Truncated };
        let key = SessionKey::derive(key, salt);
        let mut body = sealed.to_vec();
        let opened = if key.id() == header.session { key.open(header, &mut body).ok() } else { None };
        let Some(body) = opened else { return Verdict::Forged };
        let Ok(announce) = Announce::parse(body) else { return Verdict::Truncated };
        if self.on_hold.as_ref().is_some_and(|session| session.id() == header.session) {
            return self.judge_on_hold(&announce, now);
        }
        match self.current.as_ref().map(|current| Standing::of(current, &announce, now)) {
            Some(Standing::Refused) => return Verdict::Stale,
            Some(Standing::Newer) => self.leave_all(),
            Some(Standing::AfterSilence) => self.hold_current(),
            None => {}
        }
        self.current = Some(Session::new(key, announce, self.budget, self.started, now));
        self.count += 1;
        Verdict::Enter
    }

    /// The session on hold is back, if it is no recording of it.
    fn judge_on_hold(&mut self, announce: &Announce, now: Instant) -> Verdict {
        if !self.on_hold.as_ref().is_some_and(|session| session.is_on_schedule(announce, now)) {
            return Verdict::Stale;
        }
        let back = self.on_hold.take();
        self.leave_all();
        self.current = back;
        self.count += 1;
        Verdict::Enter
    }

    /// Of two silent sessions the one that was followed longer stays on hold: recordings played in a fade
    /// do not push the live session out.
    fn hold_current(&mut self) {
        let followed_for = |session: &Option<Session>| session.as_ref().map(Session::followed_for);
        let mut shorter = self.current.take();
        if followed_for(&shorter) >= followed_for(&self.on_hold) {
            std::mem::swap(&mut shorter, &mut self.on_hold);
        }
        self.leave(shorter);
    }

    fn leave_all(&mut self) {
        let (current, on_hold) = (self.current.take(), self.on_hold.take());
        self.leave(current);
        self.leave(on_hold);
    }

    fn leave(&mut self, session: Option<Session>) {
        let Some(session) = session else { return };
        if self.left.len() >= MAX_LEFT {
            self.left.pop_front();
        }
        self.left.push_back(session.id());
    }
}

/// How a session that was not heard of before stands to the present one.
enum Standing {
    Newer,
    AfterSilence,
    Refused,
}

impl Standing {
    fn of(current: &Session, announce: &Announce, now: Instant) -> Self {
        let newer = match (announce.unix_start_us, current.order()) {
            (Some(new), Some(present)) => new > present,
            _ => false,
        };
        let silent = now.saturating_duration_since(current.last_heard()) >= SILENCE
            || now.saturating_duration_since(current.last_on_schedule()) >= UNCONFIRMED;
        match (newer, silent) {
            (true, _) => Self::Newer,
            (false, true) => Self::AfterSilence,
            (false, false) => Self::Refused,
        }
    }
}

/// An announce's sealed part.
pub(super) fn behind_salt(body: &[u8]) -> Option<&[u8]> {
    body.split_first_chunk::<SALT_LEN>().map(|(_, sealed)| sealed)
}
