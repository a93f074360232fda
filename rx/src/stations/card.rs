//! A relay's card among the cards of the link: its frames come by the network, so it never has one here.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use skylark_common::air::{CaptureAir, CaptureError, Captured, CardState};

/// What the network tells of a relay's card.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Whether nothing comes from the relay.
    pub(crate) is_silent: AtomicBool,
    /// Whether the relay has given up the card's number.
    pub(crate) is_gone: AtomicBool,
    /// Frames the relay's machine dropped.
    pub(crate) dropped: AtomicU64,
}

/// A relay's card.
#[derive(Debug)]
pub(crate) struct RelayCard {
    name: String,
    told: Arc<Told>,
}

impl RelayCard {
    /// A card called so, for instance `roof/wlan1`.
    pub(crate) fn new(name: String, told: Arc<Told>) -> Self {
        Self { name, told }
    }
}

impl CaptureAir for RelayCard {
    fn capture(&mut self, _buffer: &mut [u8], _now: Instant) -> Result<Option<Captured>, CaptureError> {
        Ok(None)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn wait(&self, _now: Instant) -> Option<Duration> {
        None
    }

    fn state(&self) -> CardState {
        let silent = self.told.is_silent.load(Ordering::Relaxed);
        if silent { CardState::Unreachable } else { CardState::Working }
    }

    fn ended(&self) -> bool {
        self.told.is_gone.load(Ordering::Relaxed)
    }

    fn dropped(&self) -> u64 {
        self.told.dropped.load(Ordering::Relaxed)
    }

    fn name(&self) -> &str {
        &self.name
    }
}
