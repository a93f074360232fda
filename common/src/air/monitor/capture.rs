//! The air a receiver captures from a card.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::MonitorError;
use super::card::Card;
use super::port::Purpose;
use crate::air::{CaptureAir, CaptureError, Captured, CardState, copy};
use crate::options::Dialect;

/// Captures the frames of every link, of both dialects, that a card in monitor mode hears.
#[derive(Debug)]
pub struct MonitorCapture {
    card: Card,
    /// How the card fared when the caller was last told.
    told: CardState,
}

impl MonitorCapture {
    /// Opens a card by its name. One that is down is taken up when it is up.
    ///
    /// # Errors
    /// There is no such card, it is no monitor, or this process may not.
    pub fn open(card: &str, now: Instant) -> Result<Self, MonitorError> {
        Self::open_for(Dialect::Skylark, card, now)
    }

    /// The same for frames as long as another dialect has.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_for(dialect: Dialect, card: &str, now: Instant) -> Result<Self, MonitorError> {
        let card = Card::open(card, Purpose::Capture(dialect), now)?;
        Ok(Self { card, told: CardState::Working })
    }

    /// Looks whether the card is there when it is time to, and says once that it is lost.
    fn tend(&mut self, now: Instant) -> Result<(), CaptureError> {
        self.card.tend(now);
        let state = self.card.state();
        let told = std::mem::replace(&mut self.told, state);
        if state == told || state == CardState::Working { Ok(()) } else { Err(CaptureError::Lost(state)) }
    }
}

impl CaptureAir for MonitorCapture {
    /// Copies the next frame the kernel has. Costs no system call while there is one.
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError> {
        self.tend(now)?;
        let Some(pcap) = self.card.pcap() else { return Ok(None) };
        let mut len = 0;
        // One copy, from the ring to the caller's buffer; `next_packet` would make another in between.
        match pcap.dispatch(Some(1), |packet| len = copy(packet.data, buffer)) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(Captured { len, at: now })),
            Err(error) => {
                self.card.lose(error.to_string(), now);
                Ok(None)
            }
        }
    }

    /// Nothing while the card is lost: its socket would be of no use, or ready for ever.
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.card.as_fd()
    }

    fn wait(&self, now: Instant) -> Option<Duration> {
        Some(self.card.wait(now))
    }

    fn state(&self) -> CardState {
        self.card.state()
    }

    fn reason(&self) -> Option<&str> {
        self.card.reason()
    }

    fn ended(&self) -> bool {
        false
    }

    /// As of at most 100 ms ago.
    fn dropped(&self) -> u64 {
        self.card.dropped()
    }

    fn name(&self) -> &str {
        self.card.name()
    }
}
