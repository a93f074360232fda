//! Cards without a radio: TAP devices of link type 803, which libpcap and packet sockets take for interfaces in
//! monitor mode.
//!
//! What a program injects on such a card is read from the device byte for byte, its radiotap header included;
//! what is written to the device is captured by whoever listens on the card. The device is gone with its
//! [`TapCard`], or with the process.
//!
//! | room | what lives there |
//! |---|---|
//! | [`medium`] | the air between such cards |
//! | [`own_network`] | a network namespace for each test |
//! | [`station`], [`ethernet`] | several machines, and the wired network between them |

pub mod ethernet;
pub mod medium;
pub mod own_network;
pub mod station;
mod tun;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;

pub use medium::Medium;
pub use own_network::in_own_network;
use skylark_common::air::MAX_FRAME_BYTES;
use thiserror::Error;

/// Link type of an interface in monitor mode: ARPHRD_IEEE80211_RADIOTAP (Linux `if_arp.h`).
pub const MONITOR: u16 = 803;
/// Link type of Ethernet: what a card says that is no monitor.
pub const ETHERNET: u16 = 1;
/// Frames that wait for the device to be read before the kernel drops: what WiFi interfaces have.
pub const TRANSMIT_QUEUE_FRAMES: u32 = 1000;

/// A card a test plays the radio of.
#[derive(Debug)]
pub struct TapCard {
    name: String,
    mtu_bytes: usize,
    device: File,
}

/// This machine lets us make no such card.
#[derive(Debug, Error)]
#[error("TAP card {name}: {reason}")]
pub struct NotAllowed {
    name: String,
    reason: String,
}

impl TapCard {
    /// A card in monitor mode that is up. Its MTU counts the radiotap header, less 14 bytes.
    ///
    /// # Errors
    /// No root, no `/dev/net/tun`, or a card of this name is there.
    ///
    /// # Panics
    /// Frames of this MTU are longer than any air carries.
    pub fn create(name: &str, mtu_bytes: usize) -> Result<Self, NotAllowed> {
        Self::create_as(name, mtu_bytes, MONITOR)
    }

    /// The same of any link type (`if_arp.h`).
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    ///
    /// # Panics
    /// As for [`create`](Self::create).
    pub fn create_as(name: &str, mtu_bytes: usize, link_type: u16) -> Result<Self, NotAllowed> {
        assert!(mtu_bytes + LINK_HEADER_BYTES <= MAX_FRAME_BYTES, "frames of an MTU of {mtu_bytes} bytes");
        Self::open(name, mtu_bytes, link_type)
            .map_err(|error| NotAllowed { name: name.to_owned(), reason: error.to_string() })
    }

    fn open(name: &str, mtu_bytes: usize, link_type: u16) -> io::Result<Self> {
        let non_blocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let device = OpenOptions::new().read(true).write(true).custom_flags(non_blocking).open("/dev/net/tun")?;
        tun::attach(device.as_fd(), name, link_type)?;
        let (mtu, queue) = (mtu_bytes.to_string(), TRANSMIT_QUEUE_FRAMES.to_string());
        ip(&["link", "set", name, "mtu", &mtu, "txqueuelen", &queue, "arp", "off", "up"])?;
        Ok(Self { name: name.to_owned(), mtu_bytes, device })
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Deletes it and makes it again under the same name, as a card that is plugged in again: the interface
    /// has another index.
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    pub fn replugged(self) -> Result<Self, NotAllowed> {
        let Self { name, mtu_bytes, device } = self;
        drop(device);
        Self::create(&name, mtu_bytes)
    }

    /// Sets the interface up.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn up(&self) -> io::Result<()> {
        ip(&["link", "set", &self.name, "up"])
    }

    /// Sets the interface down.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn down(&self) -> io::Result<()> {
        ip(&["link", "set", &self.name, "down"])
    }

    /// Copies the next frame a program has injected into `buffer`, if there is one, and returns its length.
    ///
    /// # Errors
    /// What the machine says.
    pub fn injected(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            return match (&self.device).read(buffer) {
                Ok(len) => Ok(Some(len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Nobody injects on an interface that is down.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BADFD.raw_os_error()) => Ok(None),
                Err(error) => Err(error),
            };
        }
    }

    /// Lets whoever captures on the card hear a frame; false while the interface is down.
    ///
    /// # Errors
    /// The frame has bytes the kernel would take away: where Ethernet has its type it has that of a VLAN tag.
    pub fn hear(&self, frame: &[u8]) -> io::Result<bool> {
        if let Some([0x81, 0x00] | [0x88, 0xa8]) = frame.get(12..LINK_HEADER_BYTES) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the kernel would take bytes 12 to 15 for a VLAN tag"));
        }
        match (&self.device).write(frame) {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for TapCard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// What the kernel allows a frame beyond the MTU: an Ethernet header, whatever the link type.
const LINK_HEADER_BYTES: usize = 14;

/// Runs `ip` of iproute2 with these arguments.
///
/// # Errors
/// What it says.
pub fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {}: {}", arguments.join(" "), said.trim())))
}
