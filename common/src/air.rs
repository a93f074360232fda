//! Where frames go to and come from. The bytes on every air are those of a monitor interface:
//! a radiotap header, an 802.11 header, a sealed packet.

pub mod airtime;
#[cfg(feature = "airs")]
pub mod monitor;
#[cfg(feature = "airs")]
pub mod pcap_file;
pub mod sim;
#[cfg(feature = "airs")]
pub mod udp;

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// The largest frame any air carries, radiotap header included: the largest MSDU of 802.11 (2304 bytes)
/// with room for the longest radiotap header drivers send.
pub const MAX_FRAME_BYTES: usize = 4096;

/// An air a transmitter injects into.
pub trait InjectAir: std::fmt::Debug + Send {
    /// Injects one frame: TX radiotap header, 802.11 header, packet.
    ///
    /// # Errors
    /// What the machine says; [`Refusal`] tells the caller whether it is worth trying again.
    fn inject(&mut self, frame: &[u8], now: Instant) -> Result<(), Refusal>;

    /// Looks after the air: call it at least every 100 ms, frames or not. Costs next to nothing in between.
    fn tend(&mut self, _now: Instant) {}

    /// How the card behind this air fares.
    fn state(&self) -> CardState {
        CardState::Working
    }

    /// Why the machine refuses its card, in the machine's words, while it is [`CardState::Refused`].
    fn reason(&self) -> Option<&str> {
        None
    }

    /// The longest frame [`inject`](Self::inject) takes, in bytes; may change while the card is in use.
    fn max_frame_bytes(&self) -> usize {
        MAX_FRAME_BYTES
    }

    /// Whether frames that were injected really left, as of the last [`tend`](Self::tend); `None` where
    /// nothing can be said, or not yet.
    fn confirmed(&self) -> Option<Confirmed> {
        None
    }

    /// How often the other end said that nobody listens there, since the start. The receiver may start later,
    /// so this is no error. 0 for an air that is never told.
    fn unheard(&self) -> u64 {
        0
    }

    /// Short name for stats and messages, as the user wrote it.
    fn name(&self) -> &str;
}

/// An air a receiver captures from. The receiver treats each as a card.
pub trait CaptureAir: std::fmt::Debug + Send {
    /// Copies the next frame that is there into `buffer` and returns its length and when it was captured;
    /// `None` when there is none at `now`.
    ///
    /// # Errors
    /// The air is gone for the reason given. A card that may come back says so once, then gives nothing until
    /// it is back: go on asking.
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError>;

    /// What `poll(2)` can wait on, if this air has such a thing.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// How long until this air wants to be asked again without a word from its file descriptor: a recording
    /// whose next frame is due then, a card that looks whether it is still there.
    fn wait(&self, now: Instant) -> Option<Duration>;

    /// How the card behind this air fares.
    fn state(&self) -> CardState {
        CardState::Working
    }

    /// Why the machine refuses its card, in the machine's words, while it is [`CardState::Refused`].
    fn reason(&self) -> Option<&str> {
        None
    }

    /// Whether this air has ended for good (a recording played to its end).
    fn ended(&self) -> bool;

    /// Frames the machine dropped before we could take them, since the start, where it says so. Asking may
    /// cost a fraction of a millisecond.
    fn dropped(&self) -> u64;

    /// Short name for stats and messages, as the user wrote it.
    fn name(&self) -> &str;
}

/// One captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// Bytes written to the buffer.
    pub len: usize,
    /// When it was captured: the time a recording says, `now` elsewhere.
    pub at: Instant,
}

/// How a card fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
pub enum CardState {
    /// It injects or captures.
    #[default]
    #[error("the card works")]
    Working,
    /// Its interface is down.
    #[error("the interface is down, expected up: run skylark-setup up with its name, and it goes on by itself")]
    Down,
    /// There is no interface of its name.
    #[error("the card is gone: plug it in again, and it goes on by itself")]
    Gone,
    /// Its interface is there, and no monitor.
    #[error("the card has left monitor mode: run skylark-setup up with its name, and it goes on by itself")]
    WrongMode,
    /// All is as it should be, and the machine does not let it be opened.
    #[error("the machine does not let the card be opened, or not for long: skylark-setup doctor says why")]
    Refused,
    /// It is a relay's, from which nothing comes.
    #[error("nothing comes from its relay: is it running, and is the network between well?")]
    Unreachable,
}

/// What became of a sample of the frames injected within the last two seconds.
///
/// A stack that drops what is injected (no transmission allowed on the channel, another interface of the radio
/// up) says nothing; but each frame it sends comes back as a report. Drivers that never report are told from
/// such drops by `ever`, or by their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Sample frames injected.
    pub injected: u32,
    /// Those that were reported as sent.
    pub came_back: u32,
    /// Whether any has been reported since the card was opened.
    pub ever: bool,
}

/// Why a frame was not injected.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No room at the moment: try again later.
    #[error("the air is busy")]
    Busy,
    /// This frame can never be sent (too long for the air).
    #[error("a frame of {found} bytes, at most {limit} fit")]
    TooLong {
        /// The frame's length.
        found: usize,
        /// The most the air takes.
        limit: usize,
    },
    /// The air failed; it may come back.
    #[error(transparent)]
    Failed(#[from] std::io::Error),
}

/// Why an air gives no more frames.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The machine's word.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The card does not work; it may come back.
    #[error(transparent)]
    Lost(CardState),
    /// A recording that breaks off or is none.
    #[error("{0}")]
    Recording(String),
}

/// Copies what fits, and says how much that was.
#[cfg(feature = "airs")]
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    len
}
