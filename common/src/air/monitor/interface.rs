//! What the kernel says of a network interface, and the two things about sockets no crate has.
#![expect(unsafe_code, reason = "interface requests and an option of packet sockets that no crate offers")]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::super::CardState;

/// Link type of an interface in monitor mode: ARPHRD_IEEE80211_RADIOTAP (Linux `if_arp.h`).
pub(super) const MONITOR: u16 = 803;

/// `SIOCGIFFLAGS`, `SIOCGIFHWADDR`, `SIOCGIFMTU` (Linux `sockios.h`, netdevice(7)).
const FLAGS: Opcode = 0x8913;
const HARDWARE_ADDRESS: Opcode = 0x8927;
const MTU: Opcode = 0x8921;
/// `IFF_UP` (Linux `if.h`).
const UP: u16 = 0x1;
/// `IFNAMSIZ` (Linux `if.h`), the zero at the end included.
const NAME_LEN: usize = 16;

/// An interface as it is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interface {
    /// Another interface that takes the name has another index.
    pub(super) index: u32,
    pub(super) is_up: bool,
    /// ARPHRD number (Linux `if_arp.h`).
    pub(super) link_type: u16,
    pub(super) mtu_bytes: usize,
}

/// `struct ifreq` (Linux `if.h`), its union as bytes, as long as it is anywhere.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Request {
    name: [u8; NAME_LEN],
    value: [u8; 24],
}

impl Interface {
    /// Asks the kernel; `None` if there is no interface of this name. Costs four system calls, about 2 µs.
    pub(super) fn look(control: &OwnedFd, name: &str) -> Option<Self> {
        let index = netdevice::name_to_index(control, name).ok()?;
        let [f0, f1, ..] = ask::<FLAGS>(control, name)?;
        let [t0, t1, ..] = ask::<HARDWARE_ADDRESS>(control, name)?;
        let [m0, m1, m2, m3, ..] = ask::<MTU>(control, name)?;
        Some(Self {
            index,
            is_up: u16::from_ne_bytes([f0, f1]) & UP != 0,
            link_type: u16::from_ne_bytes([t0, t1]),
            mtu_bytes: usize::try_from(i32::from_ne_bytes([m0, m1, m2, m3])).unwrap_or(0),
        })
    }

    /// What a card with this interface can be at best.
    pub(super) fn state(self) -> CardState {
        match self {
            Self { link_type, .. } if link_type != MONITOR => CardState::WrongMode,
            Self { is_up: false, .. } => CardState::Down,
            Self { .. } => CardState::Working,
        }
    }
}

/// A socket to ask about interfaces with. Of a family that no sandbox forbids.
pub(super) fn control() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

/// Whether this process may open packet sockets.
pub(super) fn is_allowed() -> bool {
    socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None).is_ok()
}

/// The names of all interfaces of this network namespace, as the kernel lists them.
pub(super) fn names() -> Vec<String> {
    let table = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let lines = table.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, _)| name.trim().to_owned()).collect()
}

/// Whether the kernel knows a radio behind the interface.
pub(super) fn has_radio(name: &str) -> bool {
    fs::exists(format!("/sys/class/net/{name}/phy80211")).unwrap_or(false)
}

/// Lets frames pass the queueing discipline: what does not fit into the card's queue is refused (`ENOBUFS`);
/// in a queueing discipline it would vanish (packet(7), `PACKET_QDISC_BYPASS`).
pub(super) fn bypass_queueing(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(0);
    let (level, option) = (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS);
    // SAFETY: `on` is `len` bytes that can be read during the call, and nothing keeps the pointer.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn ask<const REQUEST: Opcode>(control: &OwnedFd, name: &str) -> Option<[u8; 24]> {
    let mut request = Request { name: [0; NAME_LEN], value: [0; 24] };
    let (room, _zero) = request.name.split_last_chunk_mut::<1>()?;
    room.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    // SAFETY: each of the requests above reads and writes a `struct ifreq`, no longer than `Request`.
    let updater = unsafe { Updater::<REQUEST, Request>::new(&mut request) };
    // SAFETY: the kernel writes plain bytes into plain bytes.
    unsafe { ioctl(control.as_fd(), updater) }.ok()?;
    Some(request.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_up_and_no_monitor() {
        let control = control().unwrap();
        let lo = Interface::look(&control, "lo").unwrap();
        assert_eq!((lo.index, lo.link_type, lo.mtu_bytes), (1, 772, 65536));
        assert!(names().contains(&"lo".to_owned()) && !has_radio("lo"));
        assert_eq!(Interface::look(&control, "none-such"), None);
        assert_eq!(Interface::look(&control, &"n".repeat(16)), None);
        assert_eq!(Interface::look(&control, ""), None);
    }

    #[test]
    fn a_card_works_only_as_a_monitor_that_is_up() {
        let card = Interface { index: 3, is_up: true, link_type: MONITOR, mtu_bytes: 1500 };
        assert_eq!(card.state(), CardState::Working);
        assert_eq!(Interface { is_up: false, ..card }.state(), CardState::Down);
        assert_eq!(Interface { link_type: 1, is_up: false, ..card }.state(), CardState::WrongMode);
    }
}
