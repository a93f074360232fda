//! Where frames go to and come from. The bytes on every air are those of a monitor interface:
//! a radiotap header, an 802.11 header, a sealed packet.

pub mod airtime;
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
    /// The air is gone for the reason given.
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError>;

    /// What `poll(2)` can wait on, if this air has such a thing.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// How long until the next frame is due, for an air that knows (a recording).
    fn wait(&self, now: Instant) -> Option<Duration>;

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
    /// A recording that breaks off or is none.
    #[error("{0}")]
    Recording(String),
}
