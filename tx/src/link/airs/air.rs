//! One air: what it took, what it refused and why.

use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::air::{Confirmed, InjectAir, Refusal};
use skylark_setup::keep::Look;

use crate::report::note;

/// An air that stays busy for longer does not hold up the others.
pub(super) const BUSY_PATIENCE: Duration = Duration::from_millis(20);

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
    /// What happens when it fails.
    failure: Failure,
    state: State,
    /// The frame on its way still has to be injected here.
    due: bool,
    injected: u64,
    refused: u64,
    pub(super) unheard_told: bool,
    /// Whether it was told that no frame leaves.
    silent_told: bool,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may come back: each frame tries again.
    MayPass,
    /// It never comes back.
    IsFinal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Working,
    Busy { since: Instant },
    Failing { reason: String },
    Ended { reason: String },
}

impl Air {
    pub(super) fn new(air: Box<dyn InjectAir>, failure: Failure) -> Self {
        let (due, injected, refused) = (false, 0, 0);
        Self { air, failure, state: State::Working, due, injected, refused, unheard_told: false, silent_told: false }
    }

    /// Its name as the user wrote it.
    pub(super) fn name(&self) -> &str {
        self.air.name()
    }

    /// Whether the frame on its way still has to be injected here.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Why it takes nothing any more, if it has ended.
    pub(super) fn ended(&self) -> Option<&str> {
        match &self.state {
            State::Ended { reason } => Some(reason),
            State::Working | State::Busy { .. } | State::Failing { .. } => None,
        }
    }

    pub(super) fn tend(&mut self, now: Instant) {
        self.air.tend(now);
    }

    /// Whether its card reports frames as sent.
    pub(super) fn sends(&self) -> bool {
        self.air.confirmed().is_some_and(|confirmed| confirmed.came_back > 0)
    }

    /// Tells when what is injected begins to vanish in the machine, and when it leaves again.
    pub(super) fn tell(&mut self, look: Option<&Look>) {
        let vanishes = vanishes(self.air.confirmed(), look).unwrap_or(self.silent_told);
        if std::mem::replace(&mut self.silent_told, vanishes) == vanishes {
            return;
        }
        let name = self.air.name();
        match look.and_then(|look| look.fault.as_ref()) {
            _ if !vanishes => note(format_args!("{name}: frames leave the card again")),
            Some(fault) => note(format_args!("{name}: frames are injected and none leaves the card: {fault}")),
            None => note(format_args!(
                "{name}: frames are injected and none leaves the card; `skylark-setup doctor --air {name}` looks for why"
            )),
        }
    }

    /// Injects another frame.
    pub(super) fn push(&mut self, frame: &[u8], now: Instant) {
        self.due = true;
        self.try_inject(frame, now);
    }

    /// Injects the frame on its way, if it still has to be.
    pub(super) fn try_inject(&mut self, frame: &[u8], now: Instant) {
        if !self.due {
            return;
        }
        if matches!(self.state, State::Ended { .. }) {
            self.due = false;
            return;
        }
        match self.air.inject(frame, now) {
            Ok(()) => self.took(),
            Err(Refusal::Busy) => self.busy(now),
            Err(refusal @ Refusal::TooLong { .. }) => self.refuse(Failure::MayPass, refusal.to_string()),
            Err(Refusal::Failed(error)) => self.refuse(self.failure, error.to_string()),
        }
    }

    fn took(&mut self) {
        self.due = false;
        self.injected += 1;
        if matches!(self.state, State::Failing { .. }) {
            note(format_args!("{} takes frames again", self.air.name()));
        }
        self.state = State::Working;
        if !self.unheard_told && self.air.unheard() > 0 {
            self.unheard_told = true;
            let name = self.air.name();
            note(format_args!("nobody listens at {} yet", name.strip_prefix("udp:").unwrap_or(name)));
        }
    }

    fn busy(&mut self, now: Instant) {
        match self.state {
            State::Working => self.state = State::Busy { since: now },
            State::Busy { since } if now.saturating_duration_since(since) < BUSY_PATIENCE => {}
            State::Busy { .. } | State::Failing { .. } | State::Ended { .. } => {
                self.refuse(Failure::MayPass, "it stays busy".to_owned());
            }
        }
    }

    fn refuse(&mut self, failure: Failure, reason: String) {
        self.due = false;
        self.refused += 1;
        let name = self.air.name();
        match failure {
            Failure::IsFinal => {
                note(format_args!("{name} has ended: {reason}"));
                self.state = State::Ended { reason };
            }
            Failure::MayPass => {
                if !matches!(self.state, State::Failing { .. }) {
                    note(format_args!("{name} refuses frames: {reason}; trying on with each frame"));
                }
                self.state = State::Failing { reason };
            }
        }
    }

    pub(super) fn stats(&self) -> AirStats {
        let failing = match &self.state {
            State::Working | State::Busy { .. } => None,
            State::Failing { reason } | State::Ended { reason } => Some(reason.clone()),
        };
        AirStats {
            air: self.air.name().to_owned(),
            injected: self.injected,
            refused: self.refused,
            unheard: self.air.unheard(),
            failing,
            confirmed: self.air.confirmed().map(|of| Sample { injected: of.injected, sent: of.came_back }),
        }
    }
}

/// Whether injected frames do not leave the card, as far as can be told: some drivers never report those that do.
fn vanishes(confirmed: Option<Confirmed>, look: Option<&Look>) -> Option<bool> {
    match confirmed? {
        Confirmed { came_back: 1.., .. } => Some(false),
        Confirmed { injected: LEAST_SAMPLE.., ever, .. } => {
            Some(ever || look.is_some_and(|look| look.fault.is_some() || look.reports_sent))
        }
        Confirmed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_vanish_only_where_those_that_leave_would_be_reported() {
        let confirmed = |injected, came_back, ever| Some(Confirmed { injected, came_back, ever });
        let (silent, reporting) = (Look::default(), Look { reports_sent: true, ..Look::default() });
        let faulty = Look { fault: Some("no transmission there".to_owned()), ..Look::default() };
        assert_eq!(vanishes(None, Some(&reporting)), None);
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE - 1, 0, true), Some(&reporting)), None);
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE, 1, true), Some(&faulty)), Some(false));
        assert_eq!(vanishes(confirmed(LEAST_SAMPLE, 0, true), None), Some(true));
        let never = confirmed(LEAST_SAMPLE, 0, false);
        let told = [None, Some(&silent), Some(&reporting), Some(&faulty)].map(|look| vanishes(never, look));
        assert_eq!(told, [Some(false), Some(false), Some(true), Some(true)]);
    }
}
