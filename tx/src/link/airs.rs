//! The airs every frame is injected into.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use skylark_common::air::pcap_file::{PcapError, PcapInject};
use skylark_common::air::udp::UdpInject;
use skylark_common::air::{InjectAir, MAX_FRAME_BYTES, Refusal};
use skylark_common::options::AirTarget;

use crate::report::note;

/// An air that stays busy for longer does not hold up the others.
const BUSY_PATIENCE: Duration = Duration::from_millis(20);
/// How soon a busy air is tried again: the airtime of a short frame.
const RETRY: Duration = Duration::from_micros(200);

/// All airs. A frame is on its way until each of them has taken or refused it.
#[derive(Debug)]
pub(crate) struct Airs {
    airs: Vec<Air>,
    frame: Vec<u8>,
}

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
}

#[derive(Debug)]
struct Air {
    air: Box<dyn InjectAir>,
    /// What happens when it fails.
    failure: Failure,
    state: State,
    /// The frame on its way still has to be injected here.
    due: bool,
    injected: u64,
    refused: u64,
    unheard_told: bool,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
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

impl Airs {
    /// Opens all, recordings last: an address that is none leaves an older recording as it was.
    pub(crate) fn open(targets: &[AirTarget], now: Instant) -> anyhow::Result<Self> {
        let mut order: Vec<(usize, &AirTarget)> = targets.iter().enumerate().collect();
        order.sort_by_key(|(_, target)| matches!(target, AirTarget::Pcap(_)));
        let airs: anyhow::Result<Vec<(usize, Air)>> =
            order.into_iter().map(|(at, target)| Ok((at, Air::open(target, now)?))).collect();
        let mut airs = airs?;
        airs.sort_by_key(|(at, _)| *at);
        let airs = airs.into_iter().map(|(_, air)| air).collect();
        Ok(Self { airs, frame: Vec::with_capacity(MAX_FRAME_BYTES) })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.airs.iter().map(|air| air.air.name().to_owned()).collect()
    }

    /// Injects a frame into every air. Call [`is_ready`](Self::is_ready) before.
    pub(crate) fn inject(&mut self, frame: &[u8], now: Instant) {
        self.frame.clear();
        self.frame.extend_from_slice(frame);
        for air in &mut self.airs {
            air.due = true;
            air.try_inject(&self.frame, now);
        }
    }

    /// Tries again where the last frame was not taken, and says whether the next frame may come.
    pub(crate) fn is_ready(&mut self, now: Instant) -> bool {
        self.airs.iter_mut().for_each(|air| air.try_inject(&self.frame, now));
        self.airs.iter().all(|air| !air.due)
    }

    /// When to try again, while an air is busy.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.airs.iter().any(|air| air.due).then(|| now + RETRY)
    }

    /// Why the program cannot go on, when no air is left.
    pub(crate) fn all_ended(&self) -> Option<&str> {
        let ended = self.airs.iter().map(|air| match &air.state {
            State::Ended { reason } => Some(reason.as_str()),
            State::Working | State::Busy { .. } | State::Failing { .. } => None,
        });
        ended.reduce(|first, next| first.and(next)).flatten()
    }

    pub(crate) fn stats(&self) -> Vec<AirStats> {
        self.airs.iter().map(Air::stats).collect()
    }
}

impl Air {
    fn open(target: &AirTarget, now: Instant) -> anyhow::Result<Self> {
        let (air, failure): (Box<dyn InjectAir>, Failure) = match target {
            AirTarget::Udp(address) => (Box::new(UdpInject::connect(address).context("--air")?), Failure::MayPass),
            AirTarget::Pcap(path) => {
                let recording = PcapInject::create(path, now).map_err(|error| match error {
                    PcapError::Open { path, reason } => anyhow!(
                        "--air pcap:{}: {reason}; name a file in a folder that is there and can be written to",
                        path.display()
                    ),
                    PcapError::LinkType { .. } => error.into(),
                });
                (Box::new(recording?), Failure::IsFinal)
            }
        };
        Ok(Self::new(air, failure))
    }

    fn new(air: Box<dyn InjectAir>, failure: Failure) -> Self {
        Self { air, failure, state: State::Working, due: false, injected: 0, refused: 0, unheard_told: false }
    }

    fn try_inject(&mut self, frame: &[u8], now: Instant) {
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

    fn stats(&self) -> AirStats {
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
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use std::collections::VecDeque;

    use super::*;

    /// Answers as it was told to, then takes everything.
    #[derive(Debug)]
    struct Scripted(VecDeque<Result<(), Refusal>>);

    impl InjectAir for Scripted {
        fn inject(&mut self, _frame: &[u8], _now: Instant) -> Result<(), Refusal> {
            self.0.pop_front().unwrap_or(Ok(()))
        }

        fn name(&self) -> &str {
            "scripted"
        }
    }

    fn broken() -> Result<(), Refusal> {
        Err(Refusal::Failed(std::io::Error::other("broken")))
    }

    fn airs(scripts: Vec<(Vec<Result<(), Refusal>>, Failure)>) -> Airs {
        let airs = scripts.into_iter().map(|(script, failure)| Air::new(Box::new(Scripted(script.into())), failure));
        Airs { airs: airs.collect(), frame: Vec::new() }
    }

    fn counts(airs: &Airs) -> Vec<(u64, u64)> {
        airs.stats().iter().map(|air| (air.injected, air.refused)).collect()
    }

    #[test]
    fn a_busy_air_gets_its_frame_later_and_the_others_get_it_once() {
        let busy = vec![Err(Refusal::Busy), Err(Refusal::Busy)];
        let mut airs = airs(vec![(busy, Failure::MayPass), (vec![], Failure::MayPass)]);
        let now = Instant::now();
        airs.inject(b"frame", now);
        assert!(!airs.is_ready(now));
        assert_eq!(airs.poll_timeout(now), Some(now + RETRY));
        assert!(airs.is_ready(now + RETRY));
        assert_eq!((airs.poll_timeout(now), counts(&airs)), (None, vec![(1, 0), (1, 0)]));
    }

    #[test]
    fn an_air_that_stays_busy_loses_the_frame_and_then_holds_nobody_up() {
        let busy = (0..9).map(|_| Err(Refusal::Busy)).collect();
        let mut airs = airs(vec![(busy, Failure::MayPass)]);
        let now = Instant::now();
        airs.inject(b"frame", now);
        assert!(airs.is_ready(now + BUSY_PATIENCE));
        airs.inject(b"frame", now + BUSY_PATIENCE);
        assert!(airs.is_ready(now + BUSY_PATIENCE));
        assert_eq!(counts(&airs), [(0, 2)]);
    }

    #[test]
    fn an_air_that_fails_is_tried_again_with_each_frame() {
        let mut airs = airs(vec![(vec![broken(), broken()], Failure::MayPass)]);
        let now = Instant::now();
        for failing in [true, true, false] {
            airs.inject(b"frame", now);
            assert_eq!(airs.stats()[0].failing.is_some(), failing);
            assert!(airs.is_ready(now) && airs.all_ended().is_none());
        }
        assert_eq!(counts(&airs), [(1, 2)]);
    }

    #[test]
    fn a_recording_is_left_as_it_was_when_another_air_cannot_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.pcap");
        std::fs::write(&path, "old").unwrap();
        let targets = [AirTarget::Pcap(path.clone()), AirTarget::Udp("nowhere".to_owned())];
        assert!(Airs::open(&targets, Instant::now()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        let targets = [AirTarget::Pcap(path), AirTarget::Udp("127.0.0.1:9".to_owned())];
        let names = Airs::open(&targets, Instant::now()).unwrap().names();
        assert!(names[0].starts_with("pcap:") && names[1].starts_with("udp:"), "{names:?}");
    }

    #[test]
    fn frames_that_nobody_listens_to_are_counted() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        drop(taken);
        let now = Instant::now();
        let mut airs = Airs::open(&[AirTarget::Udp(address)], now).unwrap();
        for _ in 0..10 {
            airs.inject(b"frame", now);
        }
        let stats = &airs.stats()[0];
        assert!(stats.injected == 10 && stats.unheard > 0 && airs.airs[0].unheard_told, "{stats:?}");
    }

    #[test]
    fn the_program_ends_with_the_last_air_that_cannot_come_back() {
        let mut airs = airs(vec![(vec![broken()], Failure::IsFinal), (vec![Ok(()), broken()], Failure::IsFinal)]);
        let now = Instant::now();
        airs.inject(b"frame", now);
        assert_eq!(airs.all_ended(), None);
        airs.inject(b"frame", now);
        assert!(airs.all_ended().is_some());
        assert_eq!(counts(&airs), [(0, 1), (1, 1)]);
    }
}
