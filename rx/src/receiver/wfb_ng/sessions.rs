//! Which session is followed. A session is one run of one transmitter under one code; its session packets say its key.
//!
//! Nothing in the format tells a recording from the air but its age, and nobody says how old a packet is: epochs are 0
//! where nobody sets them. What can be known is this: a transmitter has one session at a time, and leaves it for good.
//!
//! * The first session whose packet opens is followed: who starts to listen to a recording cannot know that it is one.
//! * A session of a later epoch is followed as soon as a data packet of it opens, one of an earlier epoch never.
//! * Another session of the same epoch is followed when the one followed is silent and a data packet of it opens: a
//!   session packet alone changes nothing. What comes of it until then waits.
//! * Where both are heard, the one followed stays. If it goes on 250 ms behind the first packet of the other, the other
//!   was not its successor, but is a recording: it is refuted, and followed only in a silence of 3 s.
//! * A session that was left comes back only with packets beyond the last that was heard of it: a recording of what was
//!   heard has none. If it does for 250 ms while its successor is heard, within 3 s, it had only faded. Later it comes back
//!   only when the successor is silent for 250 ms: the first pauses of a session show nothing, as nobody knows how long its
//!   pauses are.
//!
//! So a recording does not disturb a link that runs, and where a receiver began with the recording, the link has it as
//! soon as the recording pauses, ends or begins again; nothing gives it back.
//!
//! A stream of less than a datagram a second is silent between any two: another session of the same epoch is followed as
//! soon as a data packet of it opens, a recording of one that was never heard as well.

use std::time::{Duration, Instant};

use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::session::Session;

use super::pace::Pace;

/// Sessions known beside the one followed. A recording each, and a silence for each, would push one out.
const MAX_OTHERS: usize = 16;
/// Keys of other sessions that are tried on a packet, the latest first.
const MAX_TRIES: usize = 4;
/// Copies of slower cards come so long behind at most, and a session that was left waits for such a silence.
const STRAGGLERS: Duration = Duration::from_millis(250);
/// A refuted session is followed after such a silence: longer than fades, and short enough if it was the true one.
const LONG_SILENCE: Duration = Duration::from_secs(3);
/// What waits does so for no longer: an older sign of another session is none.
const FRESH: Duration = Duration::from_secs(1);

/// The session followed and those it is told from.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    followed: Option<Followed>,
    /// The one heard of last at the end.
    others: Vec<Other>,
    count: u64,
}

#[derive(Debug)]
struct Followed {
    epoch: u64,
    /// Sessions followed before it for the first time.
    rank: u64,
    newest: Option<PacketId>,
    pace: Pace,
}

/// A session that is not followed: one that may be, or that was.
#[derive(Debug)]
struct Other {
    session: Session,
    rank: Option<u64>,
    /// The newest packet heard of it when it was left.
    newest: Option<PacketId>,
    left: Option<Instant>,
    /// When the first and the last packet of it came that could make it the one to follow.
    heard: Option<(Instant, Instant)>,
    is_refuted: bool,
}

/// What a packet that the session followed does not open means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// No known key opens it.
    Unknown,
    /// It is of a session that may yet be followed.
    Waits,
    /// It is of a session that is not to be followed.
    Stale,
    /// The session at this place is to be followed.
    Enter(usize),
}

/// What a session packet that opened means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is of the session followed.
    Followed,
    /// It is of another, which may yet be followed.
    Noted,
    /// It is of one that is not to be followed.
    Stale,
}

impl Sessions {
    /// Sessions followed since the start.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing shows that the transmitter of the session followed is alive and in reach.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.followed.as_ref().is_none_or(|followed| followed.pace.is_silent(Duration::ZERO, now))
    }

    /// A session packet was opened. `followed` is the session followed.
    pub(super) fn judge(&mut self, session: &Session, followed: Option<&Session>) -> Verdict {
        if let Some(followed) = followed {
            if session.key == followed.key {
                return if session == followed { Verdict::Followed } else { Verdict::Stale };
            }
            if session.epoch < self.least_epoch() {
                return Verdict::Stale;
            }
        }
        if let Some(at) = self.others.iter().position(|other| other.session.key == session.key) {
            let other = self.others.remove(at);
            let is_stale = other.is_refuted || other.left.is_some();
            self.others.push(other);
            return if is_stale { Verdict::Stale } else { Verdict::Noted };
        }
        self.push(Other {
            session: session.clone(),
            rank: None,
            newest: None,
            left: None,
            heard: None,
            is_refuted: false,
        });
        Verdict::Noted
    }

    /// Whose packet is this, which the session followed does not open? `scratch` is for its bytes.
    pub(super) fn recognize(&mut self, id: PacketId, sealed: &[u8], scratch: &mut Vec<u8>, now: Instant) -> Stranger {
        let mut tried = self.others.iter().enumerate().rev().take(MAX_TRIES);
        let opened = tried.find(|(_, other)| opens(&other.session, id, sealed, scratch)).map(|(at, _)| at);
        opened.map_or(Stranger::Unknown, |at| self.judge_packet(at, id, now))
    }

    /// The place of the session that came last, if a packet that waits is of it.
    pub(super) fn latest(&self) -> Option<(usize, &Session)> {
        let at = self.others.len().checked_sub(1)?;
        let other = self.others.get(at).filter(|other| other.rank.is_none() && !other.is_refuted)?;
        Some((at, &other.session))
    }

    /// The session at this place is followed from here on, behind the newest packet that was heard of it; `followed` is
    /// the one that was.
    pub(super) fn enter(
        &mut self,
        at: usize,
        followed: Option<&Session>,
        now: Instant,
    ) -> Option<(Session, Option<PacketId>)> {
        if at >= self.others.len() {
            return None;
        }
        let other = self.others.remove(at);
        let rank = other.rank.unwrap_or(self.count);
        self.count += 1;
        let entered = Followed { epoch: other.session.epoch, rank, newest: other.newest, pace: Pace::default() };
        if let (Some(left), Some(session)) = (self.followed.replace(entered), followed) {
            self.push(Other {
                session: session.clone(),
                rank: Some(left.rank),
                newest: left.newest,
                left: Some(now),
                heard: None,
                is_refuted: false,
            });
        }
        Some((other.session, other.newest))
    }

    /// A packet of the session followed was opened that had not been heard before.
    pub(super) fn advanced(&mut self, id: PacketId, now: Instant) {
        let Some(followed) = &mut self.followed else { return };
        followed.pace.heard(now);
        if followed.newest.is_some_and(|newest| id <= newest) {
            return;
        }
        followed.newest = Some(id);
        let rank = followed.rank;
        let goes_on = |other: &Other| other.heard.is_some_and(|(first, _)| first + STRAGGLERS <= now);
        let others = self.others.iter_mut().filter(|other| other.rank.is_none_or(|other| other > rank));
        others.filter(|other| goes_on(other)).for_each(|other| other.is_refuted = true);
    }

    /// The place of the session whose packets wait for the silence of the one followed, which has come.
    pub(super) fn successor(&self, now: Instant) -> Option<usize> {
        self.awaited().filter(|(_, due)| *due <= now).map(|(at, _)| at)
    }

    /// When the session followed will be silent, if another waits for that.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.awaited().map(|(_, due)| due)
    }

    /// Of those that wait the one that was heard first, and when the session followed will be silent.
    fn awaited(&self) -> Option<(usize, Instant)> {
        let pace = self.followed.as_ref()?.pace;
        let waits = self.others.iter().enumerate().filter(|(_, other)| !other.is_refuted);
        let heard = waits.filter_map(|(at, other)| Some((at, other.heard?, pace.silent_from(other.silence())?)));
        let fresh = heard.filter(|(_, (_, last), silent)| *silent <= *last + FRESH);
        fresh.min_by_key(|(_, (first, _), _)| *first).map(|(at, _, silent)| (at, silent))
    }

    /// The epoch of the session followed, once a data packet of it was opened: a session packet alone may be a recording.
    fn least_epoch(&self) -> u64 {
        self.followed.as_ref().filter(|followed| followed.newest.is_some()).map_or(0, |followed| followed.epoch)
    }

    fn judge_packet(&mut self, at: usize, id: PacketId, now: Instant) -> Stranger {
        let least_epoch = self.least_epoch();
        let (Some(followed), Some(other)) = (&self.followed, self.others.get_mut(at)) else { return Stranger::Unknown };
        if other.session.epoch < least_epoch || other.newest.is_some_and(|newest| id <= newest) {
            return Stranger::Stale;
        }
        if other.session.epoch > least_epoch || followed.pace.is_silent(other.silence(), now) {
            return Stranger::Enter(at);
        }
        if other.is_refuted && other.rank.is_none_or(|rank| rank > followed.rank) {
            return Stranger::Stale;
        }
        let before = other.heard.filter(|(_, last)| now.saturating_duration_since(*last) < FRESH);
        let (first, _) = *other.heard.insert((before.map_or(now, |(first, _)| first), now));
        let is_before = other.rank.is_some_and(|rank| rank < followed.rank);
        let is_lately = other.left.is_some_and(|left| now < left + LONG_SILENCE);
        let had_faded = is_before && is_lately && first + STRAGGLERS <= now;
        if had_faded { Stranger::Enter(at) } else { Stranger::Waits }
    }

    fn push(&mut self, other: Other) {
        if self.others.len() >= MAX_OTHERS {
            let is_idle = |other: &Other| other.rank.is_none() && other.heard.is_none();
            self.others.remove(self.others.iter().position(is_idle).unwrap_or(0));
        }
        self.others.push(other);
    }
}

impl Other {
    /// For how long the session followed is silent at least before this one is followed instead.
    const fn silence(&self) -> Duration {
        match self.left {
            _ if self.is_refuted => LONG_SILENCE,
            Some(_) => STRAGGLERS,
            None => Duration::ZERO,
        }
    }
}

/// Whether a session's key opens a packet.
pub(super) fn opens(session: &Session, id: PacketId, sealed: &[u8], scratch: &mut Vec<u8>) -> bool {
    scratch.clear();
    scratch.extend_from_slice(sealed);
    session.key.open(id, scratch).is_ok()
}
