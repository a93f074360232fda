//! The viewer's half of one relay: messages in, frames as that relay's cards captured them out.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Cards of a relay; what comes from more is counted and dropped.
pub const MAX_RELAY_CARDS: usize = 8;

/// What came from one relay, since it was first heard of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StationStats {
    /// Messages that were read.
    pub messages: u64,
    /// Their bytes.
    pub message_bytes: u64,
    /// Messages that did not come, as the others' numbers show.
    pub messages_lost: u64,
    /// Runs of the relay; above 1 it was restarted.
    pub runs: u64,
    /// Frames that came whole.
    pub frames: u64,
    /// Frames that came as another card's copy.
    pub copies: u64,
    /// Frames told of only, because they were known here.
    pub known: u64,
    /// Messages, and parts of messages, that cannot be.
    pub malformed: u64,
    /// Messages that had come before.
    pub replayed: u64,
    /// Frames beyond what a relay may bring in a second.
    pub flooded: u64,
    /// Frames of cards beyond [`MAX_RELAY_CARDS`].
    pub too_many_cards: u64,
    /// Copies of frames that are not here.
    pub orphaned: u64,
    /// Frames whose signal cannot be: it is not believed.
    pub implausible: u64,
}

/// What a relay's card captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relayed<'a> {
    /// Which of the relay's cards.
    pub card: u8,
    /// From its capture to the message's making, as the relay says.
    pub age: Duration,
    /// The frame, radiotap header first; only its headers if it is not `whole`.
    pub frame: &'a [u8],
    /// Whether all of it is there: for [`Receiver::handle_frame`](crate::Receiver::handle_frame), else for
    /// [`Receiver::handle_heard`](crate::Receiver::handle_heard).
    pub whole: bool,
}

/// One relay, as a viewer sees it.
///
/// **After every `handle_message`, call `poll_relayed` until it returns `None`.** What is not polled is dropped.
#[derive(Debug, Default)]
pub struct Station {
    stats: StationStats,
}

impl Station {
    /// A relay that was not heard before.
    #[must_use]
    pub fn new(_now: Instant) -> Self {
        Self::default()
    }

    /// Takes a message.
    pub fn handle_message(&mut self, _message: &[u8], _now: Instant) {
        self.stats.messages += 1;
    }

    /// The next frame of the message.
    pub fn poll_relayed(&mut self) -> Option<Relayed<'_>> {
        None
    }

    /// Everything that was counted.
    #[must_use]
    pub const fn stats(&self) -> StationStats {
        self.stats
    }
}
