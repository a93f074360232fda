//! Which session is followed. A session is one run of one transmitter.
//!
//! A recording of an earlier session is authentic, so the tag alone decides nothing. Sessions order
//! themselves by the transmitter's wall clock where it has one; where not, another session is followed only
//! when the present one has fallen silent. That one is kept on hold and comes back if its announces show
//! the time its clock must show: a live transmitter does, a recording does not.

use std::time::Instant;

use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, SALT_LEN};
use skylark_common::wire::packet::PacketHeader;

use super::session::{Patience, Session};

/// Sessions on hold. Each takes 16 to 48 KiB; an attacker would need as many recordings, and a fade of
/// 300 ms for each, to push a live one out.
const MAX_ON_HOLD: usize = 16;

#[derive(Debug)]
pub(super) struct Sessions {
    patience: Patience,
    started: Instant,
    current: Option<Session>,
    /// Sessions that were followed before, the one displaced last at the end.
    on_hold: Vec<Session>,
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
    pub(super) const fn new(patience: Patience, started: Instant) -> Self {
        Self { patience, started, current: None, on_hold: Vec::new(), count: 0 }
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

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.current.iter_mut().for_each(|session| session.handle_timeout(now));
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.current.iter_mut().chain(&mut self.on_hold).for_each(|session| session.forget_card(card));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.current.as_ref()?.poll_timeout()
    }

    /// Judges an announce of a session that is not followed, and enters it if it is to be.
    pub(super) fn judge(&mut self, key: &LinkKey, header: &PacketHeader, sealed: &[u8], now: Instant) -> Verdict {
        let Some((salt, sealed)) = sealed.split_first_chunk::<SALT_LEN>() else { return Verdict::Truncated };
        let key = SessionKey::derive(key, salt);
        let mut body = sealed.to_vec();
        let opened = if key.id() == header.session { key.open(header, &mut body).ok() } else { None };
        let Some(body) = opened else { return Verdict::Forged };
        let Ok(announce) = Announce::parse(body) else { return Verdict::Truncated };
        if let Some(at) = self.on_hold.iter().position(|session| session.id() == header.session) {
            return self.judge_on_hold(at, &announce, now);
        }
        if self.current.as_ref().is_some_and(|current| !displaces(&announce, current, now)) {
            return Verdict::Stale;
        }
        self.follow(Session::new(key, announce, self.patience, self.started, now));
        Verdict::Enter
    }

    /// A session on hold is back, if this is no recording of it and the one followed does not outrank it.
    fn judge_on_hold(&mut self, at: usize, announce: &Announce, now: Instant) -> Verdict {
        let alive = |session: &&Session| session.is_on_schedule(announce, now);
        let outranked = |session: &Session| {
            let current = self.current.as_ref();
            current.is_some_and(|current| !current.is_silent(now) && outranks(current, session))
        };
        if self.on_hold.get(at).filter(alive).is_none_or(outranked) {
            return Verdict::Stale;
        }
        let back = self.on_hold.remove(at);
        self.follow(back);
        Verdict::Enter
    }

    /// Follows a session and puts the one before on hold.
    fn follow(&mut self, session: Session) {
        self.count += 1;
        let Some(mut displaced) = self.current.replace(session) else { return };
        displaced.put_on_hold();
        if self.on_hold.len() >= MAX_ON_HOLD {
            self.on_hold.remove(0);
        }
        self.on_hold.push(displaced);
    }
}

/// Whether a session that was not heard of before is followed instead of the present one: it is newer by
/// both clocks, or the present one is silent.
fn displaces(announce: &Announce, current: &Session, now: Instant) -> bool {
    let newer = match (announce.unix_start_us, current.order()) {
        (Some(new), Some(present)) => new > present,
        _ => false,
    };
    newer || current.is_silent(now)
}

/// Whether a session stays while another, heard as well, shows that its transmitter is alive: the newer one
/// by both clocks does, without clocks the one that was followed first. A recording that began to play in a
/// fade does not.
fn outranks(current: &Session, other: &Session) -> bool {
    match (current.order(), other.order()) {
        (Some(current), Some(other)) => current > other,
        _ => current.entered() <= other.entered(),
    }
}

/// An announce's sealed part.
pub(super) fn behind_salt(body: &[u8]) -> Option<&[u8]> {
    body.split_first_chunk::<SALT_LEN>().map(|(_, sealed)| sealed)
}
