//! One air: what it took, what it refused and why.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::air::{CardState, Confirmed, InjectAir, Refusal};
use skylark_setup::keep::Look;

use crate::report::note;

/// Frames that wait for a busy air while others go on: at 1 ms a frame, a fifth of what a receiver waits for a copy.
const MAX_WAITING: usize = 32;
/// How soon a busy air is tried again: the airtime of a short frame.
pub(super) const SOONEST_RETRY: Duration = Duration::from_micros(200);
/// How soon one is that seems to be stuck.
pub(super) const LATEST_RETRY: Duration = Duration::from_millis(10);
/// An air that has taken nothing for so long is stuck, and loses what waits.
const STUCK: Duration = Duration::from_secs(1);
/// Fewer frames than this prove nothing when none is reported as sent.
const LEAST_SAMPLE: u32 = 5;

/// What was done on one air since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AirStats {
    pub(crate) air: String,
    /// Frames it took.
    pub(crate) injected: u64,
    /// Frames it did not take.
    pub(crate) refused: u64,
    /// Frames that came back because nobody listens there.
    pub(crate) unheard: u64,
    /// Why the last one was refused, while it refuses.
    pub(crate) failing: Option<String>,
    /// Of a sample of the frames of the last two seconds, how many the card reported as sent; `null` where
    /// nothing can be said.
    pub(crate) confirmed: Option<Sample>,
}

/// Whether frames leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Sample {
    /// Frames injected.
    pub(crate) injected: u32,
    /// Of those, reported as sent.
    pub(crate) sent: u32,
}

/// An air and how it fares.
#[derive(Debug)]
pub(super) struct Air {
    air: Box<dyn InjectAir>,
    kind: Kind,
    /// Frames it was too busy for so far.
    waiting: VecDeque<Vec<u8>>,
    /// Buffers for more.
    free: Vec<Vec<u8>>,
    /// Since when it has been too busy for each frame.
    busy_since: Option<Instant>,
    /// Why a frame was last refused.
    refusal: Option<String>,
    /// Whether the last frame was.
    is_failing: bool,
    /// Whether it takes nothing any more.
    has_ended: bool,
    injected: u64,
    refused: u64,
    told: Told,
}

/// What people know of an air.
#[derive(Debug, Default)]
struct Told {
    /// How its card fares.
    state: CardState,
    /// Why it refuses frames.
    refusal: Option<String>,
    /// That nobody listens.
    unheard: bool,
    /// That no frame leaves.
    vanishing: bool,
    /// What it had refused by then.
    refused: u64,
}

/// What an air is, as far as that tells what its failures mean and whom others wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has a radio, which sends one frame after the other; when it fails, it may come back.
    Card,
    /// It takes whatever comes; when it fails, it may come back.
    Host,
    /// It takes whatever comes; when it fails, it never comes back.
    Recording,
}

impl Air {
    pub(super) fn new(air: Box<dyn InjectAir>, kind: Kind) -> Self {
        Self {
            air,
            kind,
            waiting: VecDeque::new(),
            free: Vec::new(),
            busy_since: None,
            refusal: None,
            is_failing: false,
            has_ended: false,
            injected: 0,
            refused: 0,
            told: Told::default(),
        }
    }

    /// Its name as the user wrote it.
    pub(super) fn name(&self) -> &str {
        self.air.name()
    }

    /// Whether frames wait for it.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether it can be waited for: one that refuses frames takes the next as soon as it takes any.
    pub(super) fn is_at_work(&self) -> bool {
        self.takes() || (self.is_busy() && !self.has_ended)
    }

    /// Whether it took the last frame it was given.
    pub(super) fn takes(&self) -> bool {
        !self.has_ended && !self.is_failing
    }

    /// Whether it is a card.
    pub(super) fn is_card(&self) -> bool {
        self.kind == Kind::Card
    }

    /// How long until what waits is tried again, if something does: the longer the air has been busy, the longer.
    pub(super) fn retry(&self, now: Instant) -> Option<Duration> {
        let busy_for = self.busy_since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        self.is_busy().then(|| (busy_for / 8).clamp(SOONEST_RETRY, LATEST_RETRY))
    }

    /// Why it takes nothing any more, if it has ended.
    pub(super) fn ended(&self) -> Option<&str> {
        self.refusal.as_deref().filter(|_| self.has_ended)
    }

    /// The longest frame it takes.
    pub(super) fn max_frame_bytes(&self) -> usize {
        self.air.max_frame_bytes()
    }

    /// Looks after it, frames or not.
    pub(super) fn tend(&mut self, now: Instant) {
        self.air.tend(now);
        let state = self.air.state();
        if std::mem::replace(&mut self.told.state, state) == state {
            return;
        }
        // What was refused meanwhile is told with that.
        (self.told.refused, self.told.refusal) = (self.refused, None);
        let name = self.air.name();
        match state {
            CardState::Working => note(format_args!("{name} sends again")),
            CardState::Down | CardState::Gone | CardState::WrongMode | CardState::Refused | CardState::Unreachable => {
                let reason = self.air.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
                note(format_args!("{name}: {state}{reason}"));
            }
        }
    }

    /// Whether its card reports frames as sent.
    pub(super) fn sends(&self) -> bool {
        self.air.confirmed().is_some_and(|confirmed| confirmed.came_back > 0)
    }

    /// Tells what has changed since it was last called, about once a second.
    pub(super) fn tell(&mut self, look: Option<&Look>) {
        self.tell_refusals();
        let name = self.air.name();
        if !self.told.unheard && self.air.unheard() > 0 {
            self.told.unheard = true;
            note(format_args!("nobody listens at {} yet", name.strip_prefix("udp:").unwrap_or(name)));
        }
        let vanishing = vanishes(self.air.confirmed(), look).unwrap_or(self.told.vanishing);
        if std::mem::replace(&mut self.told.vanishing, vanishing) == vanishing {
            return;
        }
        match look.and_then(|look| look.fault.as_ref()).filter(|fault| fault.code.stops_sending()) {
            _ if !vanishing => note(format_args!("{name}: frames leave the card again")),
            Some(fault) => note(format_args!("{name}: frames are injected and none leaves: {}", fault.sentence())),
            None => note(format_args!(
                "{name}: frames are injected and none leaves the card; `skylark-setup doctor --air {name}` looks for why"
            )),
        }
    }

    fn tell_refusals(&mut self) {
        if self.has_ended || self.told.state != CardState::Working {
            return;
        }
        let refuses = std::mem::replace(&mut self.told.refused, self.refused) != self.refused;
        let name = self.air.name();
        if refuses && self.told.refusal != self.refusal {
            self.told.refusal.clone_from(&self.refusal);
            let reason = self.refusal.as_deref().unwrap_or_default();
            note(format_args!("{name} refuses frames: {reason}; trying on with each frame"));
        }
        if !refuses && !self.is_failing && self.told.refusal.take().is_some() {
            note(format_args!("{name} takes frames again"));
        }
    }

    /// Injects a frame; one it is too busy for waits, and the oldest of many that wait gives way.
    pub(super) fn push(&mut self, frame: &[u8], now: Instant) {
        if self.has_ended {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.refuse("it stays busy".to_owned());
        }
        let mut bytes = self.free.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        self.waiting.push_back(bytes);
        self.try_inject(now);
    }

    /// Injects what waits, as far as it is taken.
    pub(super) fn try_inject(&mut self, now: Instant) {
        while let Some(frame) = self.waiting.front().filter(|_| !self.has_ended) {
            match self.air.inject(frame, now) {
                Ok(()) => self.took(),
                Err(Refusal::Busy) => {
                    let since = *self.busy_since.get_or_insert(now);
                    if now.saturating_duration_since(since) >= STUCK {
                        self.give_up();
                    }
                    return;
                }
                Err(refusal @ Refusal::TooLong { .. }) => self.refuse(refusal.to_string()),
                Err(Refusal::Failed(error)) => self.fail(error.to_string()),
            }
        }
    }

    fn took(&mut self) {
        self.discard();
        self.busy_since = None;
        self.is_failing = false;
        self.injected += 1;
    }

    /// The frame that has waited longest is not sent.
    fn refuse(&mut self, reason: String) {
        self.discard();
        self.refused += 1;
        (self.refusal, self.is_failing) = (Some(reason), true);
    }

    fn fail(&mut self, reason: String) {
        if self.kind == Kind::Recording {
            note(format_args!("{} has ended: {reason}", self.air.name()));
            self.has_ended = true;
        }
        self.busy_since = None;
        self.refuse(reason);
    }

    /// It has taken nothing for a second. Until it does, each frame is tried once: nobody waits for it.
    fn give_up(&mut self) {
        while self.is_busy() {
            self.refuse("it stays busy".to_owned());
        }
    }

    fn discard(&mut self) {
        self.free.extend(self.waiting.pop_front());
    }

    pub(super) fn stats(&self) -> AirStats {
        AirStats {
            air: self.air.name().to_owned(),
            injected: self.injected,
            refused: self.refused,
            unheard: self.air.unheard(),
            failing: self.refusal.clone().filter(|_| self.is_failing),
            confirmed: self.air.confirmed().map(|of| Sample { injected: of.injected, sent: of.came_back }),
        }
    }
}

/// Whether injected frames do not leave the card, as far as can be told: some drivers never report those that do.
fn vanishes(confirmed: Option<Confirmed>, look: Option<&Look>) -> Option<bool> {
    match confirmed? {
        Confirmed { came_back: 1.., .. } => Some(false),
        Confirmed { injected: LEAST_SAMPLE.., ever, .. } => {
            Some(ever || look.is_some_and(|look| look.stops_sending() || look.reports_sent))
        }
        Confirmed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use skylark_setup::diagnose::{Code, Finding, Severity};

    use super::*;

    #[test]
    fn frames_vanish_only_where_those_that_leave_would_be_reported() {
        let confirmed = |injected, came_back, ever| Some(Confirmed { injected, came_back, ever });
        let (silent, reporting) = (Look::default(), Look { reports_sent: true, ..Look::default() });
        let fault =
            |code| Some(Finding { code, card: None, severity: Severity::Fault, found: String::new(), fix: None });
        let faulty = Look { fault: fault(Code::Region), ..Look::default() };
        let too_short = Look { fault: fault(Code::Mtu), ..Look::default() };
        assert_eq!(vanishes(None, Some(&reporting)), None);
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE - 1, 0, true), Some(&reporting)), None);
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE, 1, true), Some(&faulty)), Some(false));
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE, 0, true), None), Some(true));
        let never = confirmed(LEAST_SAMPLE, 0, false);
        let looks = [None, Some(&silent), Some(&too_short), Some(&reporting), Some(&faulty)];
        assert_eq!(looks.map(|look| vanishes(never, look)), [false, false, false, true, true].map(Some));
    }
}
