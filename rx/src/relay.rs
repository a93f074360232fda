//! What relays and viewers say to each other, without the network between them.
//!
//! A relay runs where cards are and forwards what they hear, still sealed; a viewer has the key and makes one
//! picture of all relays and its own cards.
//!
//! ```text
//!   cards ─▸ Forwarder ─── message ───▸ Stations ─▸ Receiver
//!                 ▲                        │            │ what is known
//!                 └──────── report ────────┴────────────┘
//! ```
//!
//! A viewer asks few relays to be *prompt*: those forward at once. The others *hold* each frame for
//! [`HOLD`](forwarder::HOLD) and forward it when a report shows that a viewer misses it, or when the time is over
//! and not every viewer has reported it known. Everything here is pure: bytes and `now` in, bytes out. Nothing a
//! relay, a viewer or the network between them says is trusted beyond what it costs to check.

mod bucket;
mod bytes;
pub mod forwarder;
pub mod message;
pub mod report;
pub mod station;
pub mod stations;

use std::fmt;

use serde::{Serialize, Serializer};

pub use forwarder::{Forwarder, ForwarderConfig, ForwarderStats};
pub use report::Report;
pub use station::{Station, StationStats};
pub use stations::{RelayStats, Stations};

/// Which relay: 64 bits, drawn once for a machine or at each start. Told apart, never believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct RelayId(pub u64);

/// Which viewer: 64 bits, drawn at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ViewerId(pub u64);

impl Serialize for RelayId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
