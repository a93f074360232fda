//! The air a transmitter injects into through a card.

use std::io;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::MonitorError;
use super::card::Card;
use super::port::Purpose;
use super::self_check::SelfCheck;
use crate::air::{CardState, Confirmed, InjectAir, Refusal};

/// Reports taken at once, so that a flood of them holds nothing up.
const REPORTS_A_TURN: usize = 64;

/// Injects frames through a card in monitor mode.
#[derive(Debug)]
pub struct MonitorInject {
    card: Card,
    check: SelfCheck,
    /// The interface `check` is about.
    checked_index: Option<u32>,
    confirmed: Option<Confirmed>,
}

/// Frames that wait in a card unless less are wanted: 30 ms at MCS 1.
const QUEUE_FRAMES: usize = 32;

impl MonitorInject {
    /// Opens a card by its name. One that is down is taken up when it is up.
    ///
    /// # Errors
    /// There is no such card, it is no monitor, or this process may not.
    pub fn open(card: &str, now: Instant) -> Result<Self, MonitorError> {
        Self::with_queue(card, QUEUE_FRAMES, now)
    }

    /// The same with room for so many frames inside the kernel and the card; with more it is busy. Drivers that copy a
    /// frame and let go of it have a queue of their own, which nobody outside them can bound.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn with_queue(card: &str, queue_frames: usize, now: Instant) -> Result<Self, MonitorError> {
        let card = Card::open(card, Purpose::Inject { queue_frames }, now)?;
        let checked_index = card.index();
        Ok(Self { card, check: SelfCheck::default(), checked_index, confirmed: None })
    }

    fn take_reports(&mut self, now: Instant) {
        let Some(pcap) = self.card.pcap() else { return };
        if let Err(error) = pcap.dispatch(Some(REPORTS_A_TURN), |report| self.check.reported(report.data)) {
            self.card.lose(error.to_string(), now);
        }
    }

    fn refusal(&mut self, errno: Errno, found: usize, now: Instant) -> Refusal {
        match errno {
            Errno::AGAIN | Errno::NOBUFS | Errno::INTR => Refusal::Busy,
            Errno::MSGSIZE => {
                self.card.look_soon(now);
                self.tend(now);
                Refusal::TooLong { found, limit: self.card.max_frame_bytes().min(found.saturating_sub(1)) }
            }
            Errno::NETDOWN | Errno::NXIO | Errno::NODEV => {
                self.card.lose(errno.to_string(), now);
                lost(self.card.fault())
            }
            other => Refusal::Failed(other.into()),
        }
    }
}

impl InjectAir for MonitorInject {
    fn inject(&mut self, frame: &[u8], now: Instant) -> Result<(), Refusal> {
        self.tend(now);
        let (found, limit) = (frame.len(), self.max_frame_bytes());
        let Some(socket) = self.card.as_fd() else { return Err(lost(self.card.fault())) };
        if found > limit {
            return Err(Refusal::TooLong { found, limit });
        }
        match send(socket, frame, SendFlags::DONTWAIT) {
            Ok(_) => {
                self.check.injected(frame, now);
                Ok(())
            }
            Err(errno) => Err(self.refusal(errno, found, now)),
        }
    }

    fn tend(&mut self, now: Instant) {
        if !self.card.tend(now) {
            return;
        }
        if self.checked_index != self.card.index() {
            (self.check, self.checked_index) = (SelfCheck::default(), self.card.index());
        }
        self.take_reports(now);
        self.confirmed = self.check.confirmed(now);
    }

    fn state(&self) -> CardState {
        self.card.state()
    }

    fn reason(&self) -> Option<&str> {
        self.card.reason()
    }

    /// The MTU and 14 bytes.
    fn max_frame_bytes(&self) -> usize {
        self.card.max_frame_bytes()
    }

    fn confirmed(&self) -> Option<Confirmed> {
        self.confirmed
    }

    fn name(&self) -> &str {
        self.card.name()
    }
}

fn lost(state: CardState) -> Refusal {
    Refusal::Failed(io::Error::other(state))
}
