//! Messages for whoever connects: a TCP server that greets each client and then sends all of them the same.
//!
//! It has no thread that accepts: whoever has something to send asks in its turn. Each client has a writer of its own
//! ([`Lines`]), so that one that does not read holds nobody up.

pub mod feeds;
pub mod figures;
pub mod msgpack;

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use thiserror::Error;

use crate::lines::Lines;
use crate::options::ListenAddress;

/// Clients at a time: a handful of tools on the ground. For a further one the oldest is let go.
pub const MAX_CLIENTS: usize = 16;
/// What the kernel keeps for a client that does not read, in bytes: half a minute of messages of 2 kB a second.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// A client that has taken nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server of messages. Drop it to end it.
#[derive(Debug)]
pub struct Feed {
    listeners: Vec<TcpListener>,
    clients: Vec<Client>,
}

/// Who is connected.
#[derive(Debug)]
struct Client {
    lines: Lines,
    stream: TcpStream,
}

/// Why a feed cannot be served.
#[derive(Debug, Error)]
pub enum FeedError {
    /// Somebody else has the port.
    #[error("{0}: the port is in use: name another, or end the program that has it (`ss -ltnp` says which)")]
    InUse(ListenAddress),
    /// The address is none of this machine's, or there is another reason.
    #[error("{0}: {1}; expected a port, or an address of this machine and a port (8103, 0.0.0.0:8103, [::]:8103)")]
    Refused(ListenAddress, io::Error),
}

impl Feed {
    /// Listens at every address the name stands for.
    ///
    /// # Errors
    /// One of them is taken or not this machine's.
    pub fn listen(address: &ListenAddress) -> Result<Self, FeedError> {
        let refused = |error: io::Error| {
            let is_taken = error.kind() == io::ErrorKind::AddrInUse;
            if is_taken { FeedError::InUse(address.clone()) } else { FeedError::Refused(address.clone(), error) }
        };
        let addresses = address.as_str().to_socket_addrs().map_err(refused)?;
        let listen = |address| {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listeners = addresses.map(listen).collect::<io::Result<_>>().map_err(refused)?;
        Ok(Self { listeners, clients: Vec::new() })
    }

    /// Lets out who has left and lets in who has come since, each with this before all else. Never waits.
    pub fn admit(&mut self, greeting: &[u8]) {
        self.clients.retain(|client| !client.lines.have_ended() && !client.has_left());
        for listener in &self.listeners {
            while let Ok((stream, _)) = listener.accept() {
                let Ok(client) = Client::new(stream) else { continue };
                client.lines.push_bytes(greeting.to_owned());
                if self.clients.len() >= MAX_CLIENTS {
                    self.clients.remove(0);
                }
                self.clients.push(client);
            }
        }
    }

    /// Sends everybody this message; a client that has not taken the last eight loses the oldest of them. Never waits.
    pub fn push(&self, message: &[u8]) {
        self.clients.iter().for_each(|client| client.lines.push_bytes(message.to_owned()));
    }
}

impl Client {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES)?;
        // That a client has gone, or does not read, is its own affair.
        let lines = Lines::to(stream.try_clone()?, |_| {});
        Ok(Self { lines, stream })
    }

    /// Whether it has closed its end: none of them has anything to say.
    fn has_left(&self) -> bool {
        match recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, len)) => len == 0,
            Err(error) => error != Errno::WOULDBLOCK,
        }
    }
}

impl Drop for Client {
    /// A writer that hangs is set free; what the kernel has taken still arrives.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a client connects in real time")]

    use std::io::{BufRead as _, BufReader};
    use std::net::SocketAddr;
    use std::time::Instant;

    use super::*;

    fn feed() -> (Feed, SocketAddr) {
        let feed = Feed::listen(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let address = feed.listeners[0].local_addr().unwrap();
        (feed, address)
    }

    /// A client that has been let in.
    fn connect(feed: &mut Feed, address: SocketAddr) -> BufReader<TcpStream> {
        let (stream, before) = (TcpStream::connect(address).unwrap(), feed.clients.len());
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        while feed.clients.len() == before {
            feed.admit(b"hello\n");
        }
        BufReader::new(stream)
    }

    fn line(client: &mut BufReader<TcpStream>) -> String {
        let mut line = String::new();
        client.read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn every_client_is_greeted_and_gets_every_line_from_then_on() {
        let (mut feed, address) = feed();
        let mut first = connect(&mut feed, address);
        feed.push(b"one\n");
        let mut second = connect(&mut feed, address);
        feed.push(b"two\n");
        assert_eq!([(); 3].map(|()| line(&mut first)), ["hello\n", "one\n", "two\n"]);
        assert_eq!([(); 2].map(|()| line(&mut second)), ["hello\n", "two\n"]);
        drop(feed);
        assert_eq!(line(&mut first), "", "the end");
    }

    #[test]
    fn a_client_that_does_not_read_holds_nobody_up() {
        let (mut feed, address) = feed();
        let _deaf = connect(&mut feed, address);
        let mut reader = connect(&mut feed, address);
        line(&mut reader);
        let long = "x".repeat(100_000) + "\n";
        for _ in 0..100 {
            feed.push(long.as_bytes());
            assert_eq!(line(&mut reader).len(), long.len());
        }
        let begun = Instant::now();
        drop(feed);
        assert!(begun.elapsed() < Duration::from_secs(4), "nor does it hold up the end");
    }

    #[test]
    fn a_client_that_has_gone_leaves_its_place_at_once() {
        let (mut feed, address) = feed();
        let mut oldest = connect(&mut feed, address);
        for _ in 0..2 * MAX_CLIENTS {
            drop(connect(&mut feed, address));
            while feed.clients.len() > 1 {
                feed.admit(b"hello\n");
            }
        }
        feed.push(b"one\n");
        assert_eq!([(); 2].map(|()| line(&mut oldest)), ["hello\n", "one\n"]);
    }

    #[test]
    fn where_there_is_no_place_the_oldest_client_goes() {
        let (mut feed, address) = feed();
        let mut clients: Vec<_> = (0..MAX_CLIENTS).map(|_| connect(&mut feed, address)).collect();
        // A writer that is let go before it ran takes its greeting along.
        clients.iter_mut().for_each(|client| assert_eq!(line(client), "hello\n"));
        let further = TcpStream::connect(address).unwrap();
        let is_in = |client: &Client| client.stream.peer_addr().ok() == further.local_addr().ok();
        while !feed.clients.iter().any(is_in) {
            feed.admit(b"hello\n");
        }
        let mut further = BufReader::new(further.try_clone().unwrap());
        assert_eq!(feed.clients.len(), MAX_CLIENTS);
        feed.push(b"one\n");
        assert_eq!(line(&mut clients[0]), "");
        assert_eq!(line(&mut clients[1]), "one\n");
        assert_eq!([(); 2].map(|()| line(&mut further)), ["hello\n", "one\n"]);
    }

    #[test]
    fn an_address_that_is_taken_or_none_of_ours_is_refused_in_words() {
        let (_feed, address) = feed();
        let told = |address: &str| Feed::listen(&address.parse().unwrap()).unwrap_err().to_string();
        assert!(told(&address.to_string()).contains("the port is in use"));
        assert!(told("192.0.2.1:8103").contains("expected a port, or an address of this machine"));
    }
}
