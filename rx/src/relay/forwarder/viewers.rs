//! Who listens to a relay, which packets they know, and whether they agree with themselves.

use std::time::{Duration, Instant};

use skylark_common::wire::packet::{Kind, PacketHeader};

use crate::receiver::{Known, Told};
use crate::relay::bucket::Bucket;
use crate::relay::message::Entry;
use crate::relay::{RelayId, Report, ViewerId};

/// Bytes of the echoes to all viewers.
pub(super) const MAX_ECHO_BYTES: usize = MAX_VIEWERS * Entry::ECHO_BYTES;
/// Viewers told apart. While more are present, everything is forwarded at once.
pub(super) const MAX_VIEWERS: usize = 16;
/// A viewer reports at least every 100 ms: one that is silent for this long is gone or out of reach.
const SILENCE: Duration = Duration::from_millis(500);
/// After reports in the same name contradicted each other, that viewer is not believed for this long.
const CONTESTED: Duration = Duration::from_secs(1);
/// Reports a second of one viewer, twice what one sends; and as many at once as a stalled network hands on.
const REPORTS_PER_S: u32 = 400;
const REPORTS_BURST: u32 = 200;
/// An echo goes with a message this long after the last one,
const ECHO_INTERVAL: Duration = Duration::from_millis(20);
/// and by itself after this.
const ECHO_PATIENCE: Duration = Duration::from_millis(100);

/// The viewers present.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    present: Vec<Viewer>,
    /// Until when there are more than are told apart.
    crowded_until: Option<Instant>,
}

#[derive(Debug)]
struct Viewer {
    id: ViewerId,
    heard: Instant,
    stamp_us: u64,
    wants_prompt: bool,
    known: Vec<Known>,
    contested_until: Option<Instant>,
    bucket: Bucket,
    /// A report that was not echoed yet: its stamp, and when it came.
    to_echo: Option<(u64, Instant)>,
    echoed: Instant,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reported {
    Believed,
    Contested,
}

/// What the viewers' reports mean for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Forward it at once.
    AtOnce,
    /// Perhaps nobody needs it.
    Perhaps,
    /// Every viewer knows it.
    ByNobody,
}

impl Viewers {
    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    /// Takes a report to the relay `own`.
    pub(super) fn handle_report(&mut self, report: Report, own: RelayId, now: Instant) -> Reported {
        self.forget_silent(now);
        if let Some(viewer) = self.present.iter_mut().find(|viewer| viewer.id == report.viewer) {
            return viewer.handle_report(report, own, now);
        }
        if self.present.len() >= MAX_VIEWERS {
            self.crowded_until = Some(now + SILENCE);
            return Reported::Contested;
        }
        self.present.push(Viewer::new(report, own, now));
        Reported::Believed
    }

    /// Forgets viewers that are silent.
    pub(super) fn forget_silent(&mut self, now: Instant) {
        self.present.retain(|viewer| now.saturating_duration_since(viewer.heard) < SILENCE);
        self.crowded_until = self.crowded_until.filter(|until| now < *until);
    }

    /// Whether everything is to be forwarded at once, whatever is known.
    pub(super) fn want_prompt(&self, now: Instant) -> bool {
        self.present.is_empty()
            || self.crowded_until.is_some_and(|until| now < until)
            || self.present.iter().any(|viewer| viewer.wants_prompt || viewer.is_contested(now))
    }

    /// What the reports say of a packet.
    pub(super) fn wanted(&self, header: &PacketHeader, now: Instant) -> Wanted {
        let crowded = self.crowded_until.is_some_and(|until| now < until);
        if crowded || self.present.is_empty() || self.present.iter().any(|viewer| viewer.is_contested(now)) {
            return Wanted::AtOnce;
        }
        let mut wanted = Wanted::ByNobody;
        for viewer in &self.present {
            match viewer.told(header) {
                Some(Told::Known) => {}
                Some(Told::Ahead) if !viewer.wants_prompt => wanted = Wanted::Perhaps,
                Some(Told::Ahead | Told::Missing | Told::Behind) | None => return Wanted::AtOnce,
            }
        }
        wanted
    }

    /// Appends the echoes to send: with a message that leaves anyway, or because they waited long enough.
    pub(super) fn echo(&mut self, now: Instant, patience: Patience, mut emit: impl FnMut(Entry<'_>)) {
        for viewer in self.present.iter_mut().filter(|viewer| viewer.echo_due(patience).is_some_and(|due| due <= now)) {
            if let Some((stamp_us, came)) = viewer.to_echo.take() {
                let held_us = micros(now.saturating_duration_since(came));
                viewer.echoed = now;
                emit(Entry::Echo { viewer: viewer.id, stamp_us, held_us });
            }
        }
    }

    /// When an echo leaves by itself.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.present.iter().filter_map(|viewer| viewer.echo_due(Patience::Alone)).min()
    }
}

/// Whether an echo leaves with something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Along,
    Alone,
}

impl Viewer {
    fn new(report: Report, own: RelayId, now: Instant) -> Self {
        Self {
            id: report.viewer,
            heard: now,
            stamp_us: report.stamp_us,
            wants_prompt: report.prompt.asks(own),
            known: report.known,
            contested_until: None,
            bucket: Bucket::new(REPORTS_PER_S, REPORTS_BURST, now),
            to_echo: Some((report.stamp_us, now)),
            echoed: now,
        }
    }

    /// Reports of one viewer are in order of their stamps, come at a bounded rate, and what was known stays known. Where
    /// they do not, somebody else reports in its name, or again what it reported.
    fn handle_report(&mut self, report: Report, own: RelayId, now: Instant) -> Reported {
        self.heard = now;
        let orderly = self.bucket.take(now) && report.stamp_us > self.stamp_us;
        if !orderly || self.known.iter().any(|before| is_contradicted(before, &report.known)) {
            self.contested_until = Some(now + CONTESTED);
        }
        if orderly {
            self.stamp_us = report.stamp_us;
            self.wants_prompt = report.prompt.asks(own);
            self.known = report.known;
            self.to_echo = Some((report.stamp_us, now));
        }
        if self.is_contested(now) { Reported::Contested } else { Reported::Believed }
    }

    fn is_contested(&self, now: Instant) -> bool {
        self.contested_until.is_some_and(|until| now < until)
    }

    fn told(&self, header: &PacketHeader) -> Option<Told> {
        self.known.iter().find(|known| known.is_about(header)).map(|known| known.tells(header.sequence))
    }

    fn echo_due(&self, patience: Patience) -> Option<Instant> {
        let interval = match patience {
            Patience::Along => ECHO_INTERVAL,
            Patience::Alone => ECHO_PATIENCE,
        };
        self.to_echo.map(|_| self.echoed + interval)
    }
}

/// Whether a later report does not know a source packet that an earlier one did. Of repairs a viewer says that it
/// needs none until something is missing.
fn is_contradicted(before: &Known, after: &[Known]) -> bool {
    let alike =
        |after: &&Known| (after.session, after.stream, after.kind) == (before.session, before.stream, before.kind);
    let Some(after) = after.iter().find(alike).filter(|_| before.kind == Kind::Source) else { return false };
    let was_known = (1..=Known::PACKETS).map(|behind| before.next.wrapping_sub(behind));
    let mut was_known = was_known.filter(|sequence| before.tells(*sequence) == Told::Known);
    was_known.any(|sequence| matches!(after.tells(sequence), Told::Missing | Told::Ahead))
}

pub(super) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
