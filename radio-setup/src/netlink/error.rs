//! What the kernel refused, and what was attempted.

use std::fmt;

use rustix::io::Errno;
use thiserror::Error;

use crate::machine::{Mode, Region, Tuned};

/// The kernel did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KernelError {
    /// It said no.
    #[error("cannot {attempt}: {}", refusal(*errno, reason.as_deref()))]
    Refused {
        /// What it was asked.
        attempt: Attempt,
        /// Its error number.
        errno: Errno,
        /// What it says to it in words, where it does.
        reason: Option<String>,
    },
    /// It has no nl80211, therefore no radios.
    #[error("cannot {attempt}: this kernel has no WiFi (nl80211); plug in a card, or load its driver")]
    NoWireless {
        /// What it was asked.
        attempt: Attempt,
    },
    /// It did not answer.
    #[error("cannot {attempt}: the kernel gave no answer within {} s", super::socket::PATIENCE.as_secs())]
    Silent {
        /// What it was asked.
        attempt: Attempt,
    },
    /// Its answer was not what the answer to this is.
    #[error("cannot {attempt}: the kernel's answer cannot be read")]
    Garbled {
        /// What it was asked.
        attempt: Attempt,
    },
    /// It keeps another regulatory domain.
    #[error(
        "the kernel does not take region {wanted} and keeps {found}: is it a country's two letters, and the package \
         wireless-regdb installed?"
    )]
    RegionNotTaken {
        /// The domain it was asked for.
        wanted: Region,
        /// The domain in force.
        found: Region,
    },
    /// It combines the regulatory domain with that of a network.
    #[error(
        "the kernel does not take region {wanted} alone: the network {card} has joined sets the country too; leave it, \
         then try again"
    )]
    RegionOfNetwork {
        /// The domain it was asked for.
        wanted: Region,
        /// The interface that has joined the network.
        card: String,
    },
}

/// What the kernel was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Talk netlink.
    Open,
    /// List radios.
    ReadRadios,
    /// List interfaces.
    ReadInterfaces,
    /// List regulatory domains.
    ReadRegion,
    /// List routes.
    ReadRoutes,
    /// Bring an interface up.
    SetUp,
    /// Take an interface down.
    SetDown,
    /// Set the longest packet, in bytes.
    SetMtu(u32),
    /// Change what an interface does.
    SetMode(Mode),
    /// Choose which frames a monitor interface hands on.
    SetMonitorFlags,
    /// Tune.
    SetChannel(Tuned),
    /// Set transmit power in hundredths of dBm; `None` is automatic.
    SetPower(Option<i32>),
    /// Ask for a regulatory domain.
    SetRegion(Region),
    /// Make an interface.
    AddInterface(Mode),
    /// Remove an interface.
    RemoveInterface,
    /// Lift a software block.
    UnblockRfkill,
    /// Set a software block.
    BlockRfkill,
}

impl KernelError {
    /// The kernel has `found` in force where `wanted` was asked for; `joined` is an interface that has joined a
    /// network, whose country is combined with the one that is asked for.
    pub(super) fn region(wanted: Region, found: Region, joined: Option<String>) -> Self {
        match joined {
            Some(card) if found == Region::INTERSECTION => Self::RegionOfNetwork { wanted, card },
            Some(_) | None => Self::RegionNotTaken { wanted, found },
        }
    }

    pub(super) const fn refused(attempt: Attempt, errno: Errno) -> Self {
        Self::Refused { attempt, errno, reason: None }
    }

    /// The kernel's error number, where it gave one.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            Self::NoWireless { .. } | Self::Silent { .. } | Self::Garbled { .. } => None,
            Self::RegionNotTaken { .. } | Self::RegionOfNetwork { .. } => None,
        }
    }
}

fn refusal(errno: Errno, reason: Option<&str>) -> String {
    match (reason, errno) {
        (Some(reason), _) => format!("{reason} ({errno})"),
        (None, Errno::PERM | Errno::ACCESS) => format!("{errno}; it takes root, or CAP_NET_ADMIN"),
        (None, _) => errno.to_string(),
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("talk to the kernel (netlink)"),
            Self::ReadRadios => f.write_str("list radios"),
            Self::ReadInterfaces => f.write_str("list interfaces"),
            Self::ReadRegion => f.write_str("read the region"),
            Self::ReadRoutes => f.write_str("list routes"),
            Self::SetUp => f.write_str("bring the interface up"),
            Self::SetDown => f.write_str("take the interface down"),
            Self::SetMtu(bytes) => write!(f, "set MTU {bytes}"),
            Self::SetMode(mode) => write!(f, "set mode {mode}"),
            Self::SetMonitorFlags => f.write_str("set the flags of the monitor interface"),
            Self::SetChannel(tuned) => write!(f, "tune to {tuned}"),
            Self::SetPower(None) => f.write_str("leave transmit power to the driver"),
            Self::SetPower(Some(mbm)) => write!(f, "set transmit power to {} dBm", f64::from(*mbm) / 100.0),
            Self::SetRegion(region) => write!(f, "set region {region}"),
            Self::AddInterface(mode) => write!(f, "make an interface of mode {mode}"),
            Self::RemoveInterface => f.write_str("remove the interface"),
            Self::UnblockRfkill => f.write_str("lift the software block (rfkill)"),
            Self::BlockRfkill => f.write_str("block the radio (rfkill)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_attempted_and_why_not() {
        let attempt = Attempt::SetMode(Mode::Monitor);
        let busy = KernelError::refused(attempt, Errno::BUSY);
        assert_eq!(busy.to_string(), "cannot set mode monitor: Device or resource busy (os error 16)");
        assert_eq!(busy.errno(), Some(Errno::BUSY));
        let forbidden = KernelError::refused(Attempt::SetUp, Errno::PERM);
        assert_eq!(
            forbidden.to_string(),
            "cannot bring the interface up: Operation not permitted (os error 1); it takes root, or CAP_NET_ADMIN"
        );
    }

    #[test]
    fn a_network_that_has_a_say_in_the_region_is_to_be_left() {
        let error = |found, joined: Option<&str>| KernelError::region(Region(*b"DE"), found, joined.map(str::to_owned));
        let shared = error(Region(*b"98"), Some("wlan0")).to_string();
        assert!(
            shared.ends_with("the network wlan0 has joined sets the country too; leave it, then try again"),
            "{shared}"
        );
        let kept = |found, joined| matches!(error(found, joined), KernelError::RegionNotTaken { .. });
        assert!(kept(Region(*b"98"), None) && kept(Region(*b"US"), Some("wlan0")));
    }

    #[test]
    fn the_kernels_own_words_come_first() {
        let error = KernelError::Refused {
            attempt: Attempt::SetPower(Some(2050)),
            errno: Errno::INVAL,
            reason: Some("power out of range".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "cannot set transmit power to 20.5 dBm: power out of range (Invalid argument (os error 22))"
        );
    }
}
