//! One card to listen on and to inject into, unfiltered: every frame it hears, and its reports of frames sent.
#![expect(clippy::disallowed_methods, reason = "listens for a time, and compares wall clocks")]

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Direction, Linktype};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::MAX_FRAME_BYTES;

use super::{Ear, Heard};

/// The most frames taken from a card in one turn, so that a flood on one card leaves time for the others.
const MAX_FRAMES_PER_TURN: usize = 256;

/// A card that is listened to.
pub struct Card {
    name: String,
    capture: Capture<Active>,
    ear: Ear,
}

impl Card {
    /// Opens the monitor interface `name` for `ear`.
    ///
    /// # Errors
    /// It is not there, not up, or in another mode; or this user may not.
    pub fn open(name: &str, ear: Ear) -> io::Result<Self> {
        let snaplen = i32::try_from(MAX_FRAME_BYTES).unwrap_or(i32::MAX);
        let inactive = Capture::from_device(name).map_err(said)?.immediate_mode(true).snaplen(snaplen);
        let capture = inactive.open().and_then(Capture::setnonblock).map_err(said)?;
        let link_type = capture.get_datalink();
        if link_type != Linktype::IEEE802_11_RADIOTAP {
            let found = format!("link type {}, expected 127 (monitor mode)", link_type.0);
            return Err(io::Error::new(io::ErrorKind::InvalidData, found));
        }
        // What this machine writes would come back verbatim; the card's reports of it still do.
        capture.direction(Direction::In).map_err(said)?;
        Ok(Self { name: name.to_owned(), capture, ear })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What listens on it.
    #[must_use]
    pub fn ear(&self) -> &Ear {
        &self.ear
    }

    /// Lets another ear listen on it, and returns the one that did.
    pub fn replace_ear(&mut self, ear: Ear) -> Ear {
        std::mem::replace(&mut self.ear, ear)
    }

    /// Listens for `time`, or until what was heard is enough.
    ///
    /// # Errors
    /// The card is gone or went down.
    pub fn listen_until(&mut self, time: Duration, enough: impl Fn(&Heard) -> bool) -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end && !enough(self.ear.heard()) {
            wait(&[&*self], end)?;
            self.drain()?;
        }
        Ok(())
    }

    /// Injects one frame, TX radiotap header first.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.capture.sendpacket(frame).map_err(said)
    }

    /// Takes what is there.
    fn drain(&mut self) -> io::Result<()> {
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let unix_us = u64::try_from(unix_us).unwrap_or(u64::MAX);
        for _ in 0..MAX_FRAMES_PER_TURN {
            match self.capture.next_packet() {
                Ok(packet) => self.ear.hear(packet.data, unix_us),
                Err(pcap::Error::TimeoutExpired) => break,
                Err(error) => return Err(said(error)),
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Card({})", self.name)
    }
}

/// Listens on all cards at once for `time`. One that fails is left out from then on; says of each how it went.
pub fn listen(cards: &mut [Card], time: Duration) -> Vec<io::Result<()>> {
    let end = Instant::now() + time;
    let mut outcomes: Vec<io::Result<()>> = cards.iter().map(|_| Ok(())).collect();
    while Instant::now() < end && outcomes.iter().any(Result::is_ok) {
        let working: Vec<&Card> =
            cards.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(card, _)| card).collect();
        let waited = wait(&working, end);
        for (card, outcome) in cards.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_ok()) {
            *outcome = card.drain();
        }
        if waited.is_err() {
            break;
        }
    }
    outcomes
}

/// Waits until a card has a frame, or `end`.
fn wait(cards: &[&Card], end: Instant) -> io::Result<()> {
    let left = end.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut fds: Vec<PollFd<'_>> = cards.iter().map(|card| PollFd::new(&card.capture, PollFlags::IN)).collect();
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn said(error: pcap::Error) -> io::Error {
    if let pcap::Error::PcapError(text) = error {
        return io::Error::other(text);
    }
    if let pcap::Error::ErrnoError(errno) = error {
        return io::Error::from_raw_os_error(errno.0);
    }
    io::Error::other(error.to_string())
}
