//! Whether the host a relay or viewer was told to connect to is reached.

use std::time::{Duration, Instant};

use crate::fabric::Fabric;
use crate::signal::unreached;
use crate::tell::tell;

/// So long it may take before it is told that nobody is reached.
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks whether anybody is reached, and tells once if not, and when it is.
#[derive(Debug)]
pub(super) struct Reaching {
    fabric: Fabric,
    endpoints: String,
    since: Instant,
    told: bool,
}

impl Reaching {
    /// The endpoints were asked for at `now`; none need be reached.
    pub(super) fn new(fabric: Fabric, endpoints: &[String], now: Instant) -> Self {
        Self { fabric, endpoints: endpoints.join(", "), since: now, told: false }
    }

    /// Looks; call it some times a second.
    pub(super) fn look(&mut self, now: Instant) {
        let waits = !self.endpoints.is_empty() && now.saturating_duration_since(self.since) >= PATIENCE;
        if !waits && !self.told {
            return;
        }
        match (self.fabric.is_connected(), self.told) {
            (true, true) => tell(&format!("{} is reached", self.endpoints)),
            (false, false) => tell(&unreached(&self.endpoints)),
            _ => return,
        }
        self.told = !self.told;
    }
}
