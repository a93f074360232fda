//! A packet socket of a card, opened and closed on threads of their own.
//!
//! Opening and closing take 20 to 35 ms each, in which the kernel waits for its own. Whoever takes the frames of other
//! cards meanwhile must not wait with it: their copies would come late.

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::thread::{Builder, JoinHandle};

use pcap::{Active, Capture, Direction, Linktype};
use rustix::net::sockopt::set_socket_send_buffer_size;

use super::{filter, interface};
use crate::air::MAX_FRAME_BYTES;
use crate::options::Dialect;

/// Send buffer to ask for, in bytes, for each frame that may wait: the kernel counts 2304 for a frame of 1500, and doubles
/// what it is asked. It bounds what waits inside drivers that keep a frame until it is sent. The default holds 92.
const SEND_BUFFER_BYTES_A_FRAME: usize = 1152;

/// LINKTYPE_IEEE802_11_RADIOTAP (tcpdump.org/linktypes.html).
const RADIOTAP: Linktype = Linktype(127);

/// A socket bound to an interface.
pub(super) struct Port {
    pub(super) pcap: Capture<Active>,
    /// The interface's number: another one of the same name has another.
    pub(super) index: u32,
}

/// A port on its way.
#[derive(Debug)]
pub(super) struct Opening(JoinHandle<Result<Port, String>>);

/// What a card is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Frames up to the longest of this dialect are kept whole.
    Capture(Dialect),
    Inject {
        /// Frames that may wait inside the kernel and the card.
        queue_frames: usize,
    },
}

impl Purpose {
    /// Which frames the kernel hands on.
    fn filter(self) -> &'static str {
        match self {
            Self::Capture(_) => filter::HEARD,
            Self::Inject { .. } => filter::REPORTED_ANNOUNCES,
        }
    }

    /// The longest frame kept, in bytes. libpcap's ring gives each frame a slot of this and its own headers, in
    /// blocks of a power of two: with 4000 a slot fills a page, with 4096 it fills half of two. 802.11
    /// frames have at most 2304 bytes and their headers; WFB-NG makes longer ones where a card takes them. Of a report
    /// only the headers count.
    fn snaplen_bytes(self) -> i32 {
        match self {
            Self::Capture(Dialect::Skylark) => 4000,
            Self::Capture(Dialect::WfbNg) => i32::try_from(MAX_FRAME_BYTES).unwrap_or(i32::MAX),
            Self::Inject { .. } => 256,
        }
    }

    /// The ring's size in bytes, which the kernel keeps for each card. To capture: 2048 slots, for it has to
    /// hold what comes while the receiver is kept from running, and 150 ms of 13 400 frames/s (100 Mbit/s of
    /// video and half as much redundancy) are 2010; of the 5500 a 20 MHz channel carries they are 370 ms. Half of that
    /// for WFB-NG. For
    /// reports: 170 slots, 15 s of them.
    fn ring_bytes(self) -> i32 {
        match self {
            Self::Capture(_) => 8 << 20,
            Self::Inject { .. } => 64 << 10,
        }
    }
}

impl Opening {
    /// Begins to open a port.
    pub(super) fn begin(name: &str, index: u32, purpose: Purpose) -> Result<Self, String> {
        let name = name.to_owned();
        let thread = Builder::new().name("open card".to_owned()).spawn(move || Port::open(&name, index, purpose));
        thread.map(Self).map_err(|error| error.to_string())
    }

    /// Whether [`port`](Self::port) does not wait.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// What came of it.
    pub(super) fn port(self) -> Result<Port, String> {
        self.0.join().unwrap_or_else(|_| Err("opening it panicked".to_owned()))
    }
}

impl Port {
    /// Opens a port, and waits for it.
    pub(super) fn open(name: &str, index: u32, purpose: Purpose) -> Result<Self, String> {
        let pcap = open_pcap(name, purpose).map_err(|error| error.to_string())?;
        let found = pcap.get_datalink();
        if found != RADIOTAP {
            return Err(format!("link type {}, expected {} (radiotap)", found.0, RADIOTAP.0));
        }
        if let Purpose::Inject { queue_frames } = purpose {
            prepare_to_send(pcap.as_fd(), queue_frames).map_err(|error| error.to_string())?;
        }
        Ok(Self { pcap, index })
    }

    /// Closes it without waiting.
    pub(super) fn close(self) {
        // Where there is no thread to be had, the port is closed with the closure, here.
        let _ = Builder::new().name("close card".to_owned()).spawn(move || drop(self));
    }

    /// Frames the kernel dropped because they were not taken in time.
    pub(super) fn dropped(&mut self) -> u64 {
        self.pcap.stats().map_or(0, |stats| stats.dropped.into())
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("index", &self.index).finish_non_exhaustive()
    }
}

fn open_pcap(name: &str, purpose: Purpose) -> Result<Capture<Active>, pcap::Error> {
    let capture = Capture::from_device(name)?.immediate_mode(true);
    let capture = capture.snaplen(purpose.snaplen_bytes()).buffer_size(purpose.ring_bytes());
    let mut pcap = capture.open()?.setnonblock()?;
    pcap.filter(purpose.filter(), true)?;
    if matches!(purpose, Purpose::Capture(_)) {
        // What another program sends without TX flags; libpcap looks at it after the kernel's filter.
        pcap.direction(Direction::In)?;
    }
    Ok(pcap)
}

fn prepare_to_send(socket: BorrowedFd<'_>, queue_frames: usize) -> io::Result<()> {
    interface::bypass_queueing(socket)?;
    Ok(set_socket_send_buffer_size(socket, queue_frames * SEND_BUFFER_BYTES_A_FRAME)?)
}
