//! The stream's datagrams over UDP, each as it came: what players and ground stations take as RTP.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

use anyhow::{Context as _, Result, bail};

/// Multicast stays on the network of this machine.
const MULTICAST_HOPS: u32 = 1;

/// Sends datagrams to one address, and never waits.
#[derive(Debug)]
pub(crate) struct RtpOutput {
    socket: UdpSocket,
    remote: SocketAddr,
    sent: u64,
    refused: u64,
}

impl RtpOutput {
    /// An output to `HOST:PORT`, which may be a multicast group.
    ///
    /// # Errors
    /// The host has no address, or there is no way to it.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let expected = || format!("rtp:{address}: expected rtp:HOST:PORT with a host that can be found");
        let found: Vec<SocketAddr> = address.to_socket_addrs().with_context(expected)?.collect();
        // Players on one desk mostly listen on IPv4.
        let Some(&remote) = found.iter().find(|found| found.is_ipv4()).or(found.first()) else { bail!(expected()) };
        let socket = open(remote).with_context(|| format!("rtp:{address}: no way to {remote}"))?;
        Ok(Self { socket, remote, sent: 0, refused: 0 })
    }

    /// Where it sends to.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Sends a datagram, or counts it as refused.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut sent = self.socket.send(bytes);
        // The kernel reports that nobody listened to an earlier datagram instead of sending this one.
        if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            sent = self.socket.send(bytes);
        }
        match sent {
            Ok(_) => self.sent += 1,
            Err(_) => self.refused += 1,
        }
    }

    /// Datagrams sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Datagrams the network did not take.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

fn open(remote: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match remote {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    if remote.is_ipv4() && remote.ip().is_multicast() {
        socket.set_multicast_ttl_v4(MULTICAST_HOPS)?;
    }
    socket.connect(remote)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn datagrams_go_out_as_they_came() {
        let player = UdpSocket::bind("127.0.0.1:0").unwrap();
        player.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let port = player.local_addr().unwrap().port();
        let mut output = RtpOutput::connect(&format!("localhost:{port}")).unwrap();
        output.send(b"\x80\x60datagram");
        let mut buffer = [0; 64];
        let len = player.recv(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], output.sent(), output.refused()), (&b"\x80\x60datagram"[..], 1, 0));
    }

    #[test]
    fn nobody_listening_stops_nothing() {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut output = RtpOutput::connect(&format!("127.0.0.1:{port}")).unwrap();
        (0..10).for_each(|_| output.send(b"x"));
        assert_eq!(output.sent() + output.refused(), 10);
    }

    #[test]
    fn a_datagram_the_network_does_not_take_is_counted() {
        let mut output = RtpOutput::connect("127.0.0.1:9").unwrap();
        output.send(&vec![0; 70_000]);
        assert_eq!((output.sent(), output.refused()), (0, 1));
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_what_was_expected() {
        for address in ["127.0.0.1:port", "[::1:5600", "no such host:5600"] {
            let error = format!("{:#}", RtpOutput::connect(address).unwrap_err());
            assert!(error.contains("expected rtp:HOST:PORT"), "{error}");
        }
    }
}
