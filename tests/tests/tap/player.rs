//! Where the receiver sends what it hands on, so that a test sees each datagram when it comes.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing for so long, and nothing is on its way: twice the receiver's latency budget.
const SILENCE: Duration = Duration::from_millis(300);

/// A player of RTP that only listens.
#[derive(Debug)]
pub(crate) struct Player {
    socket: UdpSocket,
}

impl Player {
    pub(crate) fn new() -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").unwrap() }
    }

    /// The receiver's output that plays here.
    pub(crate) fn output(&self) -> String {
        format!("rtp:{}", self.socket.local_addr().unwrap())
    }

    /// Waits for so many units, and says how long the first datagram took.
    pub(crate) fn wait_for_units(&self, count: usize) -> Duration {
        let start = Instant::now();
        let mut first = None;
        let mut units = 0;
        while units < count {
            let marker = self.next(PATIENCE).expect("the next datagram");
            first.get_or_insert_with(|| start.elapsed());
            units += usize::from(marker);
            assert!(start.elapsed() < PATIENCE, "{units} of {count} units came");
        }
        first.unwrap_or_default()
    }

    /// Waits until nothing comes any more.
    pub(crate) fn wait_for_silence(&self) {
        let start = Instant::now();
        while self.next(SILENCE).is_some() {
            assert!(start.elapsed() < PATIENCE, "datagrams go on coming");
        }
    }

    /// Whether nothing comes for so long.
    pub(crate) fn is_silent_for(&self, patience: Duration) -> bool {
        self.next(patience).is_none()
    }

    /// Whether the next datagram ends a unit (RFC 3550 5.1, the marker); `None` when none comes.
    pub(crate) fn next(&self, patience: Duration) -> Option<bool> {
        let mut datagram = [0; 2048];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        self.socket.recv(&mut datagram).ok().map(|_| datagram[1] & 0x80 != 0)
    }
}
