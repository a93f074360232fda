//! The relay's half: what its cards hear goes to the viewers, at once or when it is missed.

use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::wire::link::LinkId;

use super::RelayId;

/// How long a relay that is not prompt holds a frame: a packet reaches the viewer by a prompt relay (5 ms), is told
/// of in the next report (5 ms) and the report comes here (5 ms), with as much again for jitter. Far below the
/// receiver's latency budget of 150 ms, for this is what the loss of every prompt relay costs, once.
pub const HOLD: Duration = Duration::from_millis(25);

/// What a forwarder is told once, at its start.
#[derive(Debug, Clone, Copy)]
pub struct ForwarderConfig {
    /// Which relay this is.
    pub id: RelayId,
    /// Which link's frames to forward.
    pub link: LinkId,
    /// A random number of this start.
    pub run: u64,
}

/// What a forwarder counts, since the start. `captured` is the sum of `foreign`, `truncated`, `own`, `gave_way`,
/// `forwarded`, `copies`, `known` and what is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ForwarderStats {
    /// Frames given to it.
    pub captured: u64,
    /// Not of this link, or from ground to air.
    pub foreign: u64,
    /// Shorter than their headers say.
    pub truncated: u64,
    /// Sent by the card that reported them.
    pub own: u64,
    /// Forwarded whole.
    pub forwarded: u64,
    /// Forwarded as another card's copy of one that was.
    pub copies: u64,
    /// Told of only, because every viewer knew the packet.
    pub known: u64,
    /// Given up because too many were held.
    pub gave_way: u64,
    /// Frames held at the moment.
    pub held: u64,
    /// Messages made.
    pub messages: u64,
    /// Their bytes.
    pub message_bytes: u64,
    /// Reports read.
    pub reports: u64,
    /// Reports that could not be read.
    pub reports_malformed: u64,
    /// Reports of a viewer that another claims to be as well: they contradict each other.
    pub reports_contested: u64,
    /// Viewers present.
    pub viewers: u64,
    /// Whether frames are forwarded at once.
    pub prompt: bool,
}

/// The relay's state machine.
///
/// **After `handle_frame` for all that the cards have and after `handle_report`, call `poll_message` until it returns
/// `None`, then wait no longer than `poll_timeout`.**
#[derive(Debug)]
pub struct Forwarder {
    config: ForwarderConfig,
    stats: ForwarderStats,
    message: Vec<u8>,
}

impl Forwarder {
    /// A forwarder that has heard nothing.
    #[must_use]
    pub fn new(config: ForwarderConfig) -> Self {
        Self { config, stats: ForwarderStats::default(), message: Vec::new() }
    }

    /// Takes a frame as a card captured it, radiotap header first.
    pub fn handle_frame(&mut self, _card: u8, _frame: &[u8], _now: Instant) {
        self.stats.captured += 1;
    }

    /// Takes a viewer's report.
    pub fn handle_report(&mut self, _report: &[u8], _now: Instant) {
        self.stats.reports += 1;
    }

    /// The next message to all viewers, if there is something to say.
    pub fn poll_message(&mut self, _now: Instant) -> Option<&[u8]> {
        (!self.message.is_empty()).then_some(&self.message[..])
    }

    /// When to call `poll_message` if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Everything that was counted.
    #[must_use]
    pub fn stats(&self, _now: Instant) -> ForwarderStats {
        ForwarderStats { prompt: self.config.run == 0, ..self.stats }
    }
}
