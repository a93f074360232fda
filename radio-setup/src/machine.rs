//! What a machine knows of its radios, as plain values: read by `probe`, judged by `diagnose`, changed by
//! `plan` and `apply`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Everything about a machine that decides whether its radios are of use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Its radios, by number.
    pub radios: Vec<Radio>,
    /// Network interfaces that are no radio's: to tell a wrong name from a wrong kind.
    pub other_interfaces: Vec<String>,
    /// Those among them that are in monitor mode all the same: simulated cards.
    pub simulated_cards: Vec<String>,
    /// The regulatory domain in force for radios that do not bring their own.
    pub region: Region,
    /// Whether a regulatory database is there: without one only the world domain exists.
    pub has_region_database: bool,
    /// The interfaces that carry a default route, IPv4 or IPv6, the best first.
    pub default_routes: Vec<String>,
    /// What this process may do.
    pub permissions: Permissions,
    /// Whether `NetworkManager` runs.
    pub has_network_manager: bool,
    /// USB devices that are WiFi cards by their numbers, and that no driver has taken.
    pub driverless: Vec<Driverless>,
    /// Programs of the link that run.
    pub link_programs: Vec<LinkProgram>,
}

/// A program of the link that runs: `skylark-tx` or `skylark-rx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkProgram {
    /// Its name.
    pub name: String,
    /// What it was started with, its name left out; empty where that cannot be read.
    pub arguments: Vec<String>,
}

/// A USB WiFi card that no driver has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driverless {
    /// Vendor and product number.
    pub id: (u16, u16),
    /// What the device calls itself.
    pub product: Option<String>,
    /// The driver it needs, as in `drivers`.
    pub driver: &'static str,
}

/// A regulatory domain, ISO 3166-1 alpha-2; `00` is the world domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Region(pub [u8; 2]);

/// Why a text is no regulatory domain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no region, expected the two letters of a country such as `DE`, or `00`")]
pub struct NoRegion(String);

/// What a process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Change interfaces (`CAP_NET_ADMIN`).
    pub net_admin: bool,
    /// Capture and inject (`CAP_NET_RAW`).
    pub net_raw: bool,
}

/// One radio (nl80211: wiphy): a piece of hardware, which may have several interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Radio {
    /// Its number (wiphy index).
    pub index: u32,
    /// Its name: `phy0`.
    pub name: String,
    /// Its address from the factory: stays when an interface is given another.
    pub permanent_mac: Option<[u8; 6]>,
    /// The kernel driver.
    pub driver: Option<String>,
    /// Whether mac80211 does the protocol for the driver, and with it injection.
    pub is_mac80211: bool,
    /// What it is plugged into.
    pub bus: Bus,
    /// Whether it can listen to everything (monitor mode).
    pub has_monitor_mode: bool,
    /// Its channels, all bands.
    pub channels: Vec<Channel>,
    /// The widest channel of its hardware.
    pub widest: Width,
    /// Whether somebody has switched it off, and how.
    pub rfkill: Rfkill,
    /// A regulatory domain of its own (self-managed).
    pub own_region: Option<Region>,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
}

/// What a radio is plugged into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Bus {
    /// USB.
    Usb {
        /// Vendor and product number.
        id: (u16, u16),
        /// What the device calls itself.
        product: Option<String>,
        /// Speed of the connection in Mbit/s: 480 is USB 2, 5000 USB 3.
        speed_mbit_per_s: Option<u32>,
        /// The USB release the device speaks, in hundredths: 300 is 3.0.
        release: Option<u16>,
        /// The most current it may take, in mA.
        max_current_ma: Option<u16>,
    },
    /// PCI Express.
    Pci {
        /// Vendor and device number.
        id: (u16, u16),
    },
    /// Any other, by its name in the kernel: `sdio`, `platform`.
    Other(String),
    /// None that is known.
    #[default]
    Unknown,
}

/// Whether a radio is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rfkill {
    /// By software.
    pub soft: bool,
    /// By a switch or key.
    pub hard: bool,
}

/// A channel of a radio and what the region allows there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Center frequency in MHz.
    pub frequency_mhz: u32,
    /// Not to be used at all.
    pub disabled: bool,
    /// Nothing may be sent before somebody else is heard (no initiating radiation): injected frames vanish.
    pub no_ir: bool,
    /// Radar has to be listened for.
    pub radar: bool,
    /// The most power allowed, in hundredths of dBm.
    pub max_power_mbm: u32,
}

/// Width of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Width {
    /// 5 MHz.
    Mhz5,
    /// 10 MHz.
    Mhz10,
    /// 20 MHz.
    #[default]
    Mhz20,
    /// 40 MHz.
    Mhz40,
    /// 80 MHz.
    Mhz80,
    /// 160 MHz.
    Mhz160,
}

/// A network interface of a radio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its number (ifindex).
    pub index: u32,
    /// Its name: `wlan0`.
    pub name: String,
    /// Its address.
    pub mac: [u8; 6],
    /// What it does.
    pub mode: Mode,
    /// Whether it is up.
    pub up: bool,
    /// The longest packet, in bytes; sends may be 14 bytes longer.
    pub mtu_bytes: u32,
    /// What it is tuned to.
    pub tuned: Option<Tuned>,
    /// Transmit power in hundredths of dBm.
    pub power_mbm: Option<i32>,
    /// The network it has joined.
    pub joined: Option<String>,
    /// Whether `NetworkManager` looks after it.
    pub managed_by_network_manager: bool,
    /// Programs that use it: wpa_supplicant, hostapd, whoever has a packet socket on it.
    pub users: Vec<User>,
    /// Whether a program uses it whose files this process may not see: another user's, or one with capabilities.
    pub has_hidden_user: bool,
}

/// What an interface does (nl80211: interface type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// Joins networks (station).
    #[default]
    Managed,
    /// Listens to everything, and injects.
    Monitor,
    /// Access point.
    AccessPoint,
    /// Anything else, by nl80211's number.
    Other(u32),
}

/// What an interface is tuned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuned {
    /// Center of the primary channel in MHz.
    pub frequency_mhz: u32,
    /// Center of the whole channel in MHz.
    pub center_mhz: u32,
    /// Width of the whole channel.
    pub width: Width,
}

/// A program that uses an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name, as in `/proc/PID/comm`.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

impl Machine {
    /// The interface of this name and its radio.
    #[must_use]
    pub fn interface(&self, name: &str) -> Option<(&Radio, &Interface)> {
        self.radios.iter().find_map(|radio| {
            let interface = radio.interfaces.iter().find(|interface| interface.name == name)?;
            Some((radio, interface))
        })
    }

    /// The regulatory domain that binds this radio.
    #[must_use]
    pub fn region_of(&self, radio: &Radio) -> Region {
        radio.own_region.unwrap_or(self.region)
    }
}

impl Interface {
    /// Whether any program uses it.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.has_hidden_user || !self.users.is_empty()
    }
}

impl Channel {
    /// Whether the region lets this link send here, which neither waits for others nor listens for radar.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        !(self.disabled || self.no_ir || self.radar)
    }
}

impl Radio {
    /// What the region allows on a frequency, where the radio has it.
    #[must_use]
    pub fn channel(&self, frequency_mhz: u32) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.frequency_mhz == frequency_mhz)
    }
}

impl Region {
    /// The world domain: what is allowed everywhere, which is next to nothing at 5 GHz.
    pub const WORLD: Self = Self(*b"00");
    /// What is allowed in each of two domains that were asked for (nl80211: alpha2 98).
    pub const INTERSECTION: Self = Self(*b"98");
}

impl FromStr for Region {
    type Err = NoRegion;

    fn from_str(text: &str) -> Result<Self, NoRegion> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            // 00 is the world domain, 98 and 99 are what the kernel makes of several.
            [first, second] if first.is_ascii_digit() && second.is_ascii_digit() => Ok(Self([*first, *second])),
            _ => Err(NoRegion(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = NoRegion;

    fn try_from(text: String) -> Result<Self, NoRegion> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.to_string()
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::WORLD
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second]) = self;
        write!(f, "{}{}", char::from(*first), char::from(*second))
    }
}

impl Width {
    /// In MHz.
    #[must_use]
    pub const fn mhz(self) -> u32 {
        match self {
            Self::Mhz5 => 5,
            Self::Mhz10 => 10,
            Self::Mhz20 => 20,
            Self::Mhz40 => 40,
            Self::Mhz80 => 80,
            Self::Mhz160 => 160,
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz", self.mhz())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed => f.write_str("managed"),
            Self::Monitor => f.write_str("monitor"),
            Self::AccessPoint => f.write_str("access point"),
            Self::Other(number) => write!(f, "nl80211 type {number}"),
        }
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz, {} wide", self.frequency_mhz, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_two_letters_or_two_digits() {
        assert_eq!("bo".parse(), Ok(Region(*b"BO")));
        assert_eq!("00".parse(), Ok(Region::WORLD));
        for text in ["", "B", "BOL", "B0", "ß", "é"] {
            assert_eq!(text.parse::<Region>(), Err(NoRegion(text.to_owned())));
        }
    }
}
