//! What a sender is told: once at its start, and with every datagram.

use std::time::{Duration, Instant};

use skylark_common::fec::FecConfig;
use skylark_common::wire::announce::{Payload, SALT_LEN};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::radiotap::TxRate;
use thiserror::Error;

use super::rate::RateLimits;

/// What a sender of any dialect is told once, at its start.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// How frames are modulated; also says how long each takes on the air.
    pub rate: TxRate,
    /// Whether frames leave no faster than the rate carries them.
    pub pacing: Pacing,
    /// How long a unit may wait in the transmit queue, default 100 ms: with 10 ms to encode, 30 ms in a card that has
    /// become three times as slow, and 5 ms to decode, a picture is shown within 150 ms. More: fewer units are
    /// dropped at a peak of the encoder, and the picture comes later by as much.
    pub patience: Duration,
    /// Where keyframes come from, which decides what gives way.
    pub keyframes: Keyframes,
    /// Between which bitrates the encoder is kept, if it does as it is told.
    pub bitrate: Option<RateLimits>,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            rate: TxRate::default(),
            pacing: Pacing::Airtime,
            patience: Duration::from_millis(100),
            keyframes: Keyframes::AsTheyCome,
            bitrate: None,
        }
    }
}

/// Where keyframes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyframes {
    /// The encoder makes the next picture one when asked.
    OnDemand,
    /// The encoder cannot be told.
    AsTheyCome,
}

/// Who sees to it that frames leave no faster than the air carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// The sender, by the modelled airtime of each frame.
    Airtime,
    /// Somebody behind it.
    None,
}

/// What a session of Skylark's own dialect is told at its start.
#[derive(Debug, Clone)]
pub struct SkylarkConfig {
    /// Which link this is.
    pub link: LinkId,
    /// The streams it carries.
    pub streams: Vec<StreamConfig>,
}

impl Default for SkylarkConfig {
    fn default() -> Self {
        Self { link: LinkId::from_name("default"), streams: vec![StreamConfig::default()] }
    }
}

/// What one stream carries and how it is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Its number: 0 is video.
    pub stream: u8,
    /// What its datagrams are.
    pub payload: Payload,
    /// How it is protected.
    pub fec: FecConfig,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self { stream: skylark_common::VIDEO_STREAM, payload: Payload::H264, fec: FecConfig::default() }
    }
}

/// What the shell knows and the core cannot: randomness and clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entropy {
    /// Random bytes that were never used before: the salt of the session key.
    pub salt: [u8; SALT_LEN],
    /// µs since 1970 at the start, if the machine has a clock that was set.
    pub unix_us: Option<u64>,
    /// A number that only this machine's clock has, not 0: receivers on the same machine know the clock as theirs.
    pub clock_id: Option<u32>,
}

/// A datagram to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The stream it belongs to.
    pub stream: u8,
    /// Its bytes, at most as many as [`Sender::max_datagram_bytes`](super::Sender::max_datagram_bytes) says.
    pub bytes: &'a [u8],
    /// Whether it is the last of its unit.
    pub end_of_unit: bool,
    /// Whether its unit can be decoded without any before it.
    pub keyframe: bool,
    /// When its unit was captured; looked at in the first datagram of a unit.
    pub captured: Instant,
}

/// Why a datagram was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PushError {
    /// It is longer than a packet carries, or a frame of the air.
    #[error(
        "a datagram of {found} bytes, at most {limit} fit into a frame: set the packet size of the source lower; a card \
         that `skylark-setup up` has set up takes more than others"
    )]
    TooLong {
        /// Its length.
        found: usize,
        /// The most a packet carries, and the air takes.
        limit: usize,
    },
    /// The configuration has no such stream.
    #[error("no stream {0} is configured")]
    NoStream(u8),
}
