//! What this end is called, and what it listens for and to.

use std::fmt;

use skylark_common::options::{AirTarget, Dialect};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wire::link::LinkId;

use crate::args::Source;

/// What this end is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The link's name, or its number where it has no name.
    pub(crate) link_name: String,
    /// What it listens for, and with which key.
    pub(crate) target: Target,
    /// What it listens to.
    pub(crate) listening: Listening,
}

/// A link of one of the dialects, and the key for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A Skylark link.
    Skylark {
        /// Its number on the air.
        link: LinkId,
        /// The key's fingerprint.
        fingerprint: u32,
    },
    /// A stream of a WFB-NG link.
    WfbNg {
        /// Link id and radio port.
        channel: ChannelId,
        /// The key file, as the user calls it.
        key: String,
    },
}

/// What the airs are, as far as that tells why there is silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listening {
    /// Recordings: what was captured when, tells nothing about the present.
    Recordings,
    /// One of them at least is a host and port.
    Hosts,
    /// Cards.
    Cards,
    /// Relays and nothing else.
    Relays,
}

impl Names {
    /// Whether every air is a recording.
    pub(crate) fn are_recordings(&self) -> bool {
        self.listening == Listening::Recordings
    }

    /// What the key is called where people compare keys: its fingerprint, or its file.
    pub(crate) fn key(&self) -> String {
        match &self.target {
            Target::Skylark { fingerprint, .. } => format!("{fingerprint:08x}"),
            Target::WfbNg { key, .. } => key.clone(),
        }
    }
}

impl Target {
    /// The dialect it is of.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Skylark { .. } => Dialect::Skylark,
            Self::WfbNg { .. } => Dialect::WfbNg,
        }
    }
}

impl fmt::Display for Names {
    /// Link and key, as they are told at the start.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link_name, target, .. } = self;
        match target {
            Target::Skylark { .. } => write!(f, "link {link_name} ({target}), key {}", self.key()),
            Target::WfbNg { .. } => write!(f, "wfb-ng link {target}, key {}", self.key()),
        }
    }
}

impl fmt::Display for Target {
    /// What it is called on the air.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skylark { link, .. } => link.fmt(f),
            Self::WfbNg { channel, .. } => channel.fmt(f),
        }
    }
}

impl Listening {
    /// What these airs come to; none are cards.
    pub(crate) fn to(airs: &[Source]) -> Self {
        let is_recording = |air: &Source| matches!(air, Source::Air(AirTarget::Pcap(_)));
        match airs {
            [] => Self::Cards,
            airs if airs.iter().all(is_recording) => Self::Recordings,
            airs if airs.iter().all(|air| matches!(air, Source::Relays(_))) => Self::Relays,
            airs if airs.iter().any(|air| matches!(air, Source::Air(AirTarget::Udp(_)))) => Self::Hosts,
            _ => Self::Cards,
        }
    }
}
