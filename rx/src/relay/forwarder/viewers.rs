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
    pub(super) fn echo(&mut self, now: Instant, patience: Patience, out: &mut Vec<u8>) {
        for viewer in self.present.iter_mut().filter(|viewer| viewer.echo_due(patience).is_some_and(|due| due <= now)) {
            if let Some((stamp_us, came)) = viewer.to_echo.take() {
                let held_us = micros(now.saturating_duration_since(came));
                viewer.echoed = now;
                // Of its length it always fits.
                let _ = Entry::Echo { viewer: viewer.id, stamp_us, held_us }.emit(out);
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

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::link::LinkId;

    use super::*;
    use crate::relay::report::Prompt;

    const OWN: RelayId = RelayId(3);

    fn known(next: u32, bits: u64) -> Known {
        Known { session: 1, stream: 0, kind: Kind::Source, next, bits: [bits, u64::MAX, u64::MAX, u64::MAX] }
    }

    fn report(viewer: u64, stamp_us: u64, known: Known) -> Report {
        Report { viewer: ViewerId(viewer), stamp_us, prompt: Prompt::Only(vec![]), known: vec![known] }
    }

    fn header(sequence: u32) -> PacketHeader {
        PacketHeader { link: LinkId::from_number(1), stream: 0, kind: Kind::Source, session: 1, sequence }
    }

    #[test]
    fn what_every_viewer_knows_nobody_wants_and_what_one_misses_is_wanted_at_once() {
        let now = Instant::now();
        let mut viewers = Viewers::default();
        assert_eq!(viewers.wanted(&header(9), now), Wanted::AtOnce, "nobody is there");
        viewers.handle_report(report(1, 1, known(10, 0b1101)), OWN, now);
        viewers.handle_report(report(2, 1, known(8, u64::MAX)), OWN, now);
        let wanted = [9, 8, 7, 6, 10].map(|sequence| viewers.wanted(&header(sequence), now));
        let expected = [Wanted::Perhaps, Wanted::AtOnce, Wanted::ByNobody, Wanted::ByNobody, Wanted::Perhaps];
        assert_eq!(wanted, expected);
        assert_eq!(viewers.wanted(&header(10_u32.wrapping_sub(300)), now), Wanted::AtOnce, "older than told of");
        assert_eq!(viewers.wanted(&PacketHeader { session: 2, ..header(9) }, now), Wanted::AtOnce, "never told of");
        let later = now + SILENCE;
        viewers.handle_report(report(2, 2, known(9, u64::MAX)), OWN, later);
        assert_eq!((viewers.wanted(&header(8), later), viewers.len()), (Wanted::ByNobody, 1));
    }

    #[test]
    fn a_viewer_that_wants_it_prompt_gets_all_that_it_does_not_know() {
        let now = Instant::now();
        let mut viewers = Viewers::default();
        viewers.handle_report(Report { prompt: Prompt::Only(vec![OWN]), ..report(1, 1, known(10, 1)) }, OWN, now);
        assert!(viewers.want_prompt(now));
        assert_eq!(viewers.wanted(&header(10), now), Wanted::AtOnce);
        assert_eq!(viewers.wanted(&header(9), now), Wanted::ByNobody);
    }

    #[test]
    fn reports_that_contradict_each_other_are_not_believed() {
        let now = Instant::now();
        for (case, second) in [
            ("an older stamp", report(1, 4, known(11, u64::MAX))),
            ("a packet is known no longer", report(1, 6, known(11, 0b1011))),
            ("the newest packet is known no longer", report(1, 6, known(9, u64::MAX))),
        ] {
            let mut viewers = Viewers::default();
            assert_eq!(viewers.handle_report(report(1, 5, known(10, 0b1111_1011)), OWN, now), Reported::Believed);
            assert_eq!(viewers.handle_report(second, OWN, now), Reported::Contested, "{case}");
            assert_eq!(viewers.wanted(&header(8), now), Wanted::AtOnce);
        }
        let mut viewers = Viewers::default();
        viewers.handle_report(report(1, 5, known(10, 0b1111_1011)), OWN, now);
        assert_eq!(viewers.handle_report(report(1, 6, known(12, u64::MAX ^ 1 << 1)), OWN, now), Reported::Believed);
    }

    #[test]
    fn a_viewer_that_floods_is_not_believed() {
        let now = Instant::now();
        let mut viewers = Viewers::default();
        let believed = (1..1000).filter(|stamp| {
            viewers.handle_report(report(1, *stamp, known(10, u64::MAX)), OWN, now) == Reported::Believed
        });
        assert_eq!(believed.count(), 201);
        assert_eq!(viewers.wanted(&header(9), now + CONTESTED / 2), Wanted::AtOnce);
    }

    #[test]
    fn more_viewers_than_there_is_room_for_get_everything_at_once() {
        let now = Instant::now();
        let mut viewers = Viewers::default();
        for viewer in 0..=MAX_VIEWERS as u64 {
            assert!(!viewers.want_prompt(now) || viewer == 0);
            viewers.handle_report(report(viewer, 1, known(10, u64::MAX)), OWN, now);
        }
        assert_eq!((viewers.len(), viewers.want_prompt(now)), (MAX_VIEWERS, true));
        viewers.forget_silent(now + SILENCE);
        assert_eq!(viewers.len(), 0);
    }
}
