//! Why a card cannot be set up as wanted, and what is worth knowing though it can.

use thiserror::Error;

use crate::machine::{Region, Tuned, Width};

/// Why a plan cannot be made: one sentence that says what was found and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// No interface of that name.
    #[error("{card}: no such card; found {found}; `skylark-setup list` says more about them")]
    NoSuchCard {
        /// The name asked for.
        card: String,
        /// The names there are.
        found: String,
    },
    /// An interface that is no radio's.
    #[error("{card}: no WiFi card but another network interface; found {found}")]
    NotWireless {
        /// The name asked for.
        card: String,
        /// The names of the cards there are.
        found: String,
    },
    /// A radio that cannot listen to everything.
    #[error(
        "{card}: its driver {driver} has no monitor mode, and the link needs it; take another card or another \
         driver: `skylark-setup list` says which are known to work"
    )]
    NoMonitorMode {
        /// The card.
        card: String,
        /// Its driver.
        driver: String,
    },
    /// Switched off by a switch or key.
    #[error("{card}: its radio is switched off by a switch or key of this machine; switch it on and try again")]
    HardBlocked {
        /// The card.
        card: String,
    },
    /// A program that cannot be made to let go of one card.
    #[error("{card}: {program} (process {pid}) holds it and {why}; run `sudo {remedy}` and try again")]
    Held {
        /// The card.
        card: String,
        /// The program.
        program: String,
        /// Its process.
        pid: u32,
        /// What keeps it from letting go.
        why: &'static str,
        /// The command that takes the card from it.
        remedy: String,
    },
    /// A frequency the radio does not have.
    #[error("{card}: its radio has no channel at {frequency_mhz} MHz; it has {there}")]
    NoSuchChannel {
        /// The card.
        card: String,
        /// What was asked for, or lies within it.
        frequency_mhz: u32,
        /// The channels it has.
        there: String,
    },
    /// A channel the region forbids.
    #[error(
        "{card}: region {region} forbids {tuned}; allowed are {allowed}; if you are elsewhere, say where with \
         --region and the two letters of the country"
    )]
    Forbidden {
        /// The card.
        card: String,
        /// The region in force.
        region: Region,
        /// What was asked for.
        tuned: Tuned,
        /// The channels allowed.
        allowed: String,
    },
    /// A width beyond the hardware.
    #[error("{card}: a channel of {wanted} was asked for, its radio does at most {widest}; give --width {}", .widest.mhz())]
    TooWide {
        /// The card.
        card: String,
        /// What was asked for.
        wanted: Width,
        /// What it can.
        widest: Width,
    },
    /// Not allowed to change interfaces.
    #[error(
        "changing a card needs root or CAP_NET_ADMIN; run it with sudo (--dry-run shows without either what would \
         be done)"
    )]
    NotPermitted,
    /// No card that could be meant.
    #[error("no card to set up: {0}; `skylark-setup list` says what there is")]
    NoCard(String),
    /// More than one card that could be meant.
    #[error("which card? {0} would do; name one or more: `skylark-setup up {first}`", first = .0.split([',', ' ']).next().unwrap_or_default())]
    SeveralCards(String),
}

/// What is worth knowing about a plan that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Warning {
    /// A region that the kernel may not know.
    #[error(
        "region {0}: this machine seems to have no regulatory database; if the kernel does not take the region, \
         install it with `apt install wireless-regdb` and restart the machine"
    )]
    NoRegionDatabase(Region),
    /// A channel where injected frames vanish.
    #[error(
        "{card}: in region {region} nothing may be sent on {tuned} before somebody else is heard: it can receive, \
         and what it sends vanishes without an error; to send from here say where you are with --region and the two \
         letters of the country, or take one of {sendable}"
    )]
    ReceivesOnly {
        /// The card.
        card: String,
        /// The region in force.
        region: Region,
        /// The channel.
        tuned: Tuned,
        /// Channels where it may send.
        sendable: String,
    },
    /// A region that does not bind this card.
    #[error("{card}: it keeps to a region of its own, {own}; --region {wanted} changes nothing for it")]
    OwnRegion {
        /// The card.
        card: String,
        /// Its own.
        own: Region,
        /// What was asked for.
        wanted: Region,
    },
    /// More power than the region allows.
    #[error("{card}: {wanted_dbm} dBm wanted, region {region} allows {allowed_dbm} dBm on this channel")]
    MuchPower {
        /// The card.
        card: String,
        /// What was asked for, in whole dBm.
        wanted_dbm: i32,
        /// The region in force.
        region: Region,
        /// What it allows, in whole dBm.
        allowed_dbm: i32,
    },
    /// A program that is left alone and might interfere.
    #[error("{card}: {program} (process {pid}) uses it too; {remedy}")]
    AlsoUsed {
        /// The card.
        card: String,
        /// The program.
        program: String,
        /// Its process.
        pid: u32,
        /// What to do if it interferes.
        remedy: String,
    },
}
