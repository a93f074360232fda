//! The two requests that turn an open `/dev/net/tun` into an interface; no crate has the second one.
#![expect(unsafe_code, reason = "rustix wants a word for what a request of a driver takes")]

use std::io;
use std::os::fd::BorrowedFd;

use rustix::ioctl::{IntegerSetter, Opcode, Setter, ioctl, opcode};

/// `TUNSETIFF` (Linux `if_tun.h`).
const SET_INTERFACE: Opcode = opcode::write::<i32>(b'T', 202);
/// `TUNSETLINK` (Linux `if_tun.h`).
const SET_LINK_TYPE: Opcode = opcode::write::<i32>(b'T', 205);
/// `IFF_TAP | IFF_NO_PI`: frames with nothing in front (Linux `if_tun.h`).
const TAP_WITHOUT_HEADER: u16 = 0x0002 | 0x1000;
/// `IFNAMSIZ` (Linux `if.h`), the zero at the end included.
const NAME_LEN: usize = 16;

/// `struct ifreq` (Linux `if.h`) with the flags of its union.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_LEN],
    flags: u16,
    rest_of_union: [u8; 22],
}

/// Makes the interface and gives it a link type, for which it has to be down.
///
/// # Errors
/// The name is too long, or what the kernel says.
pub(super) fn attach(device: BorrowedFd<'_>, name: &str, link_type: u16) -> io::Result<()> {
    let mut request = InterfaceRequest { name: [0; NAME_LEN], flags: TAP_WITHOUT_HEADER, rest_of_union: [0; 22] };
    let room = request.name[..NAME_LEN - 1].get_mut(..name.len());
    room.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF takes a `struct ifreq`, which `InterfaceRequest` is laid out as.
    let set_interface = unsafe { Setter::<SET_INTERFACE, InterfaceRequest>::new(request) };
    // SAFETY: the request is read before `ioctl` returns.
    unsafe { ioctl(device, set_interface) }?;
    // SAFETY: TUNSETLINK takes the number itself, not a pointer to it.
    let set_link_type = unsafe { IntegerSetter::<SET_LINK_TYPE>::new_usize(link_type.into()) };
    // SAFETY: no memory is passed.
    unsafe { ioctl(device, set_link_type) }?;
    Ok(())
}
