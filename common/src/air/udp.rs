//! The on-air bytes over UDP, one frame a datagram: for one desk, a LAN, and the modelled air.

mod drops;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::{CaptureAir, CaptureError, Captured, InjectAir, MAX_FRAME_BYTES, Refusal};

/// Receive buffer asked for, in bytes: a keyframe comes as 100 frames at once, and a receiver that is kept
/// from running for 100 ms should lose none of 2000 frames a second. Without privileges the kernel gives
/// less (`net.core.rmem_max`).
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// Sends frames to one address.
#[derive(Debug)]
pub struct UdpInject {
    socket: UdpSocket,
    name: String,
    unheard: u64,
}

/// Receives frames on one port.
#[derive(Debug)]
pub struct UdpCapture {
    socket: UdpSocket,
    name: String,
}

/// Why a UDP air cannot be opened.
#[derive(Debug, Error)]
pub enum UdpError {
    /// Not an address as this air takes it.
    #[error("udp:{found} is no address, expected {expected}")]
    Address {
        /// What was given.
        found: String,
        /// The form it should have.
        expected: &'static str,
    },
    /// The host name has no address.
    #[error("udp:{host}: no address found for this host ({reason}): check its spelling, or give the IP address")]
    Unresolved {
        /// The host and port as given.
        host: String,
        /// The resolver's word.
        reason: io::Error,
    },
    /// Another socket has the port.
    #[error("udp port {port} is in use: end the program that has it (ss -ulpn shows which), or take another port")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// Anything else the machine says.
    #[error("udp:{address}: {reason}")]
    Io {
        /// The address that was used.
        address: SocketAddr,
        /// The machine's word.
        reason: io::Error,
    },
}

impl UdpInject {
    /// Opens an air that sends to `HOST:PORT`; multicast groups are hosts too.
    ///
    /// # Errors
    /// The address is none, its host is unknown, or there is no way to it.
    pub fn connect(address: &str) -> Result<Self, UdpError> {
        let remote = resolve(address, "HOST:PORT")?;
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let open = || {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(remote)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|reason| UdpError::Io { address: remote, reason })?;
        Ok(Self { socket, name: format!("udp:{address}"), unheard: 0 })
    }
}

impl InjectAir for UdpInject {
    fn inject(&mut self, frame: &[u8], _now: Instant) -> Result<(), Refusal> {
        let mut sent = self.socket.send(frame);
        // The kernel reports the refusal of an earlier frame instead of sending this one: send it again.
        if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            self.unheard += 1;
            sent = self.socket.send(frame);
        }
        match sent {
            Ok(_) => Ok(()),
            Err(error) => refusal(error, frame.len()),
        }
    }

    fn unheard(&self) -> u64 {
        self.unheard
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn refusal(error: io::Error, found: usize) -> Result<(), Refusal> {
    if error.kind() == ErrorKind::ConnectionRefused {
        return Ok(());
    }
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::AGAIN | Errno::NOBUFS | Errno::INTR) => Err(Refusal::Busy),
        Some(Errno::MSGSIZE) => Err(Refusal::TooLong { found, limit: MAX_FRAME_BYTES }),
        _ => Err(Refusal::Failed(error)),
    }
}

impl UdpCapture {
    /// Opens an air that receives on `PORT` of every address of this machine, on `ADDR:PORT`, or from the
    /// multicast group `ADDR`, which it joins.
    ///
    /// # Errors
    /// The address is none or not this machine's, or the port is in use.
    pub fn bind(address: &str) -> Result<Self, UdpError> {
        let socket = match address.parse::<u16>() {
            Ok(port) => bind_any(port)?,
            Err(_) => bind_to(resolve(address, "PORT or ADDR:PORT")?)?,
        };
        Ok(Self { socket, name: format!("udp:{address}") })
    }

    /// The address it is bound to; tells the port if 0 was asked for.
    ///
    /// # Errors
    /// What the machine says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl CaptureAir for UdpCapture {
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError> {
        loop {
            match self.socket.recv(buffer) {
                Ok(len) => return Ok(Some(Captured { len, at: now })),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn wait(&self, _now: Instant) -> Option<Duration> {
        None
    }

    fn ended(&self) -> bool {
        false
    }

    fn dropped(&self) -> u64 {
        drops::dropped(&self.socket)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The first IPv4 address of the host, else the first of any kind: receivers on one desk mostly bind IPv4.
fn resolve(address: &str, expected: &'static str) -> Result<SocketAddr, UdpError> {
    let no_address = || UdpError::Address { found: address.to_owned(), expected };
    let (host, port) = address.rsplit_once(':').ok_or_else(no_address)?;
    if host.is_empty() || port.parse::<u16>().is_err() || (host.contains(':') && !host.starts_with('[')) {
        return Err(no_address());
    }
    let unresolved = |reason| UdpError::Unresolved { host: host.to_owned(), reason };
    let found: Vec<SocketAddr> = address.to_socket_addrs().map_err(unresolved)?.collect();
    let first = found.iter().find(|found| found.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| unresolved(ErrorKind::NotFound.into()))
}

/// Every address of both families; IPv4 only where the machine has no IPv6.
fn bind_any(port: u16) -> Result<UdpSocket, UdpError> {
    match bind_to((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(UdpError::Io { .. }) => bind_to((Ipv4Addr::UNSPECIFIED, port).into()),
        bound => bound,
    }
}

fn bind_to(address: SocketAddr) -> Result<UdpSocket, UdpError> {
    bind_socket(address).map_err(|reason| {
        let in_use = reason.kind() == ErrorKind::AddrInUse;
        if in_use { UdpError::PortInUse { port: address.port() } } else { UdpError::Io { address, reason } }
    })
}

fn bind_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    if address.ip().is_multicast() {
        // Several receivers of one machine may hear the same group.
        socket.set_reuse_address(true)?;
    }
    if set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER_BYTES).is_err() {
        set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES)?;
    }
    socket.bind(&address.into())?;
    match address {
        SocketAddr::V4(v4) if v4.ip().is_multicast() => socket.join_multicast_v4(v4.ip(), &Ipv4Addr::UNSPECIFIED)?,
        SocketAddr::V6(v6) if v6.ip().is_multicast() => socket.join_multicast_v6(v6.ip(), v6.scope_id())?,
        SocketAddr::V4(_) | SocketAddr::V6(_) => {}
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
