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
//! and not every viewer has reported it known. Packets of WFB-NG have no name that a relay without a key could know them
//! by: every relay forwards those at once. Everything here is pure: bytes and `now` in, bytes out. Nothing a relay, a
//! viewer or the network between them says is trusted beyond what it costs to check.

mod bucket;
mod bytes;
pub mod forwarder;
pub mod message;
pub mod report;
pub mod station;
pub mod stations;

use std::fmt;

use serde::{Serialize, Serializer};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::PacketHeader;

pub use forwarder::{Forwarder, ForwarderConfig, ForwarderStats};
pub use report::Report;
pub use station::{Station, StationStats};
pub use stations::{RelayStats, Stations};

/// What relays forward and viewers want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayedLink {
    /// A link of our own dialect.
    Skylark(LinkId),
    /// A stream of a WFB-NG link.
    WfbNg(ChannelId),
}

impl RelayedLink {
    /// Whether a frame, from its 802.11 header on, is of it.
    #[must_use]
    pub fn has(self, dot11: &[u8]) -> bool {
        match self {
            Self::Skylark(link) => PacketHeader::peek_link(dot11) == Some(link),
            Self::WfbNg(channel) => ChannelId::parse(dot11).is_ok_and(|(found, _)| found == channel),
        }
    }

    /// What tells a packet of it from all others, without a key: a WFB-NG packet has a number, and no name of its session.
    #[must_use]
    pub fn packet_name(self, dot11: &[u8]) -> Option<PacketHeader> {
        match self {
            Self::Skylark(_) => PacketHeader::parse(dot11).ok().map(|(header, _)| header),
            Self::WfbNg(_) => None,
        }
    }

    /// Whether its packets have names, so that relays can learn which of them nobody misses.
    #[must_use]
    pub const fn names_packets(self) -> bool {
        match self {
            Self::Skylark(_) => true,
            Self::WfbNg(_) => false,
        }
    }
}

impl fmt::Display for RelayedLink {
    /// What it is called on the air.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skylark(link) => link.fmt(f),
            Self::WfbNg(channel) => channel.fmt(f),
        }
    }
}

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
