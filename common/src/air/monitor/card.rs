//! A card's socket: opened by name, closed when the card stops working, opened again when it is back.
//!
//! Opening and closing take 20 to 35 ms each, in which the kernel waits for its own; what other cards hear in that
//! time waits in their rings.

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use pcap::{Active, Capture, Direction, Linktype};
use rustix::net::sockopt::set_socket_send_buffer_size;

use super::interface::{self, Interface, MONITOR};
use super::{MonitorError, filter, monitors};
use crate::air::CardState;

/// How often a card that works is looked at: an unplugged card says nothing by itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often a card that does not is: it should be at work again 200 ms after it is back.
const LOST_INTERVAL: Duration = Duration::from_millis(50);
/// How often one is tried that could not be opened: trying takes the time opening takes.
const REFUSED_INTERVAL: Duration = Duration::from_secs(1);

/// A card of which so many sockets in a row fail at once is refused by the machine, whatever it says of the interface.
const MOST_LOSSES: u32 = 5;

/// Send buffer asked for, in bytes; the kernel doubles it and counts 2304 for a frame of 1500, so 32 fit. It bounds
/// what waits inside drivers that keep a frame until it is sent: 30 ms at MCS 1. The default holds 92 frames.
const SEND_BUFFER_BYTES: usize = 36 << 10;

/// LINKTYPE_IEEE802_11_RADIOTAP (tcpdump.org/linktypes.html).
const RADIOTAP: Linktype = Linktype(127);

/// A card and, exactly while it works, a socket bound to it.
#[derive(Debug)]
pub(super) struct Card {
    name: String,
    purpose: Purpose,
    /// Asks about the interface.
    control: OwnedFd,
    port: Option<Port>,
    /// What the last look found.
    found: CardState,
    /// What people are told: a card that is about to go is down first, so that takes two looks.
    state: CardState,
    mtu_bytes: usize,
    look_at: Instant,
    /// Sockets in a row that failed while the interface was well.
    losses: u32,
    /// Frames dropped at ports that were closed.
    dropped_before: u64,
    dropped: u64,
}

/// What a card is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Capture,
    Inject,
}

struct Port {
    pcap: Capture<Active>,
    index: u32,
}

impl Card {
    /// Opens a card by the name of its interface. One that is down is taken up when it is up.
    pub(super) fn open(name: &str, purpose: Purpose, now: Instant) -> Result<Self, MonitorError> {
        let refused = |reason: String| MonitorError::Refused { card: name.to_owned(), reason };
        let control = interface::control().map_err(|error| refused(error.to_string()))?;
        let found = Interface::look(&control, name);
        let found = found.ok_or_else(|| MonitorError::Missing { card: name.to_owned(), there: monitors() })?;
        if found.link_type != MONITOR {
            return Err(MonitorError::wrong_mode(name, found.link_type));
        }
        if !interface::is_allowed() {
            return Err(MonitorError::NoPermission { card: name.to_owned() });
        }
        let mut card = Self {
            name: name.to_owned(),
            purpose,
            control,
            port: None,
            found: CardState::Gone,
            state: CardState::Gone,
            mtu_bytes: found.mtu_bytes,
            look_at: now,
            losses: 0,
            dropped_before: 0,
            dropped: 0,
        };
        card.look(now).map_err(refused)?;
        Ok(card)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How the card fares.
    pub(super) fn state(&self) -> CardState {
        self.state
    }

    /// Why there is no socket, when there is none.
    pub(super) fn fault(&self) -> CardState {
        self.found
    }

    /// The largest frame that can be sent: the kernel allows for an Ethernet header beside the MTU.
    pub(super) fn max_frame_bytes(&self) -> usize {
        self.mtu_bytes.saturating_add(14)
    }

    /// Frames the kernel dropped because they were not taken in time, as of the last look.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Which interface it is bound to.
    pub(super) fn index(&self) -> Option<u32> {
        self.port.as_ref().map(|port| port.index)
    }

    pub(super) fn pcap(&mut self) -> Option<&mut Capture<Active>> {
        self.port.as_mut().map(|port| &mut port.pcap)
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.port.as_ref().map(|port| port.pcap.as_fd())
    }

    /// How long until the card wants to be looked at.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.look_at.saturating_duration_since(now)
    }

    /// Looks whether the card still works, or works again, when it is time to; returns whether it was.
    pub(super) fn tend(&mut self, now: Instant) -> bool {
        if now < self.look_at {
            return false;
        }
        if self.look(now).is_err() {
            // Unless it was lost while it was being opened.
            let found = self.find().map_or(CardState::Gone, Interface::state);
            if found == CardState::Working {
                (self.found, self.look_at) = (CardState::Refused, now + REFUSED_INTERVAL);
            } else {
                self.found = found;
            }
            self.state = self.found;
        }
        true
    }

    /// A call on the socket failed for the card's sake.
    pub(super) fn lose(&mut self, now: Instant) {
        self.close();
        let found = self.find().map_or(CardState::Gone, Interface::state);
        self.look_at = now + LOST_INTERVAL;
        if found != CardState::Working {
            self.found = found;
            return;
        }
        // What came back in the meantime is opened by the next look; what only seems to, not for ever.
        self.losses = self.losses.saturating_add(1);
        self.found = CardState::Down;
        if self.losses >= MOST_LOSSES {
            (self.found, self.state, self.look_at) = (CardState::Refused, CardState::Refused, now + REFUSED_INTERVAL);
        }
    }

    /// Lets the next [`tend`](Self::tend) look.
    pub(super) fn look_soon(&mut self, now: Instant) {
        self.look_at = now;
    }

    fn look(&mut self, now: Instant) -> Result<(), String> {
        self.look_at = now + LOST_INTERVAL;
        let interface = self.find();
        let found = interface.map_or(CardState::Gone, Interface::state);
        let before = std::mem::replace(&mut self.found, found);
        if found != CardState::Down || before != CardState::Working {
            self.state = found;
        }
        let Some(interface) = interface.filter(|_| found == CardState::Working) else {
            self.close();
            return Ok(());
        };
        self.mtu_bytes = interface.mtu_bytes;
        if self.index() == Some(interface.index) {
            self.losses = 0;
        } else {
            self.close();
            self.port = Some(Port::open(&self.name, interface.index, self.purpose)?);
        }
        self.dropped = self.dropped_before + self.port.as_mut().map_or(0, Port::dropped);
        self.look_at = now + LOOK_INTERVAL;
        Ok(())
    }

    fn find(&self) -> Option<Interface> {
        Interface::look(&self.control, &self.name)
    }

    fn close(&mut self) {
        if let Some(mut port) = self.port.take() {
            self.dropped_before += port.dropped();
            self.dropped = self.dropped_before;
        }
    }
}

impl Purpose {
    /// Which frames the kernel hands on.
    fn filter(self) -> &'static str {
        match self {
            Self::Capture => filter::HEARD,
            Self::Inject => filter::REPORTED_ANNOUNCES,
        }
    }

    /// The longest frame kept, in bytes. libpcap's ring gives each frame a slot of this and its own headers, in
    /// blocks of a power of two: with 4000 a slot fills a page, with 4096 it would fill half of two. 802.11
    /// frames have at most 2304 bytes and their headers. Of a report only the headers count.
    fn snaplen_bytes(self) -> i32 {
        match self {
            Self::Capture => 4000,
            Self::Inject => 256,
        }
    }

    /// The ring's size in bytes, which the kernel keeps for each card. To capture: 2048 slots, for it has to
    /// hold what comes while the receiver is kept from running, and 150 ms of 13 400 frames/s (100 Mbit/s of
    /// video and half as much redundancy) are 2010; of the 5500 a 20 MHz channel carries they are 370 ms. For
    /// reports: 170 slots, 15 s of them.
    fn ring_bytes(self) -> i32 {
        match self {
            Self::Capture => 8 << 20,
            Self::Inject => 64 << 10,
        }
    }
}

impl Port {
    fn open(name: &str, index: u32, purpose: Purpose) -> Result<Self, String> {
        let pcap = open_pcap(name, purpose).map_err(|error| error.to_string())?;
        let found = pcap.get_datalink();
        if found != RADIOTAP {
            return Err(format!("link type {}, expected {} (radiotap)", found.0, RADIOTAP.0));
        }
        if purpose == Purpose::Inject {
            prepare_to_send(pcap.as_fd()).map_err(|error| error.to_string())?;
        }
        Ok(Self { pcap, index })
    }

    fn dropped(&mut self) -> u64 {
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
    if purpose == Purpose::Capture {
        // What another program sends without TX flags; libpcap looks at it after the kernel's filter.
        pcap.direction(Direction::In)?;
    }
    Ok(pcap)
}

fn prepare_to_send(socket: BorrowedFd<'_>) -> io::Result<()> {
    interface::bypass_queueing(socket)?;
    Ok(set_socket_send_buffer_size(socket, SEND_BUFFER_BYTES)?)
}
