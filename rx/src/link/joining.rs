//! How an air comes to a link that runs: whoever has opened one hands it over, from any thread.

use std::time::Duration;

use crate::receiver::MAX_CARDS;
use skylark_common::air::CaptureAir;
use skylark_common::queue::{Popped, Queue};

use crate::tell::tell;

/// Airs on their way to the link, shared by those who hand them over and the link.
#[derive(Debug)]
pub(crate) struct Joining(Queue<Box<dyn CaptureAir>>);

impl Joining {
    /// Nothing is on its way.
    pub(crate) fn new() -> Self {
        // A link holds no more cards than that.
        Self(Queue::new(MAX_CARDS))
    }

    /// Hands over an air, opened. Never waits; the link takes it within 100 ms.
    pub(crate) fn join(&self, air: Box<dyn CaptureAir>) {
        if let Some(left_out) = self.0.push(air) {
            tell(&format!("{} does not join: the link takes no more cards", left_out.name()));
        }
    }

    /// Says that no air will be handed over: a link of which every air has ended is over then.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Whether no air will be handed over.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The air that has waited longest.
    pub(crate) fn take(&self) -> Option<Box<dyn CaptureAir>> {
        match self.0.pop_within(Duration::ZERO) {
            Popped::Item(air) => Some(air),
            Popped::TimedOut | Popped::Closed => None,
        }
    }
}
