//! Forward error correction: what makes lost datagrams come back.
//!
//! ```text
//!  tx: symbols ─┬▸ WindowEncoder ─▸ repairs over several units ─┬╌╌▸ rx: Decoder ─▸ lost symbols
//!               └▸ BlockEncoder  ─▸ repairs of one unit ─────────┘
//!                        └──── gf256: fused dot products over GF(2^8) ────┘
//! ```
//!
//! Both codes are systematic: every source packet goes on air as it is, and repair packets beside it
//! are sums of source packets over GF(2^8). Both number source symbols alike, by a wrapping 32-bit
//! encoding symbol id (ESI, RFC 8681 4.1.1), and treat a symbol as opaque bytes: a symbol shorter than
//! another counts as if zeros followed it.

mod block;
mod coefficients;
mod decoder;
pub mod gf256;
mod slots;
mod tinymt32;
mod window_encoder;

use serde::Serialize;

pub use self::block::{BlockEncoder, MAX_BLOCK_SYMBOLS};
pub use self::coefficients::Near;
pub use self::decoder::{Decoder, DecoderStats, RepairError};
pub use self::window_encoder::WindowEncoder;

use crate::MAX_DATAGRAM_BYTES;

/// The largest symbol in bytes: a datagram and the five bytes of marks and length protected with it.
pub const MAX_SYMBOL_BYTES: usize = MAX_DATAGRAM_BYTES + 5;

/// The most source symbols one repair covers: five units of 100 Mbit/s at 60 units a second, with room
/// for a keyframe among them. A power of two, so that ESIs wrap without a seam.
pub const MAX_WINDOW_SYMBOLS: u16 = 1024;

/// How a stream is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FecConfig {
    /// Which code makes the repairs.
    pub code: Code,
    /// Repair packets per thousand source packets, default 500 (50 %). More survives more loss and
    /// costs air time in proportion. At a few hundred a small unit often has no repair of its own: with a
    /// window of 0 units, or the block code, nothing then brings back what it loses.
    pub redundancy_permille: u16,
    /// How many units before the one just sent its repairs cover as well, default 8. More survives
    /// longer bursts, costs no delay while nothing is lost, and costs computing in proportion. Only
    /// the window code uses it.
    pub window_units: u8,
}

impl Default for FecConfig {
    fn default() -> Self {
        Self { code: Code::Window, redundancy_permille: 500, window_units: 8 }
    }
}

/// Which erasure code protects a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Code {
    /// No repairs.
    None,
    /// A sliding window over units: a random linear code over GF(2^8), in the manner of RFC 8681.
    #[default]
    Window,
    /// One Reed-Solomon block per unit.
    Block,
}

impl Code {
    /// The code's name, as [`FromStr`](std::str::FromStr) reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Window => "window",
            Self::Block => "block",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no code's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown code, expected none, window or block")]
pub struct UnknownCode;

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    fn from_str(name: &str) -> Result<Self, UnknownCode> {
        [Self::None, Self::Window, Self::Block].into_iter().find(|code| code.name() == name).ok_or(UnknownCode)
    }
}

/// What a repair of the window code covers and how (RFC 8681 4.1.3, its coefficients apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairId {
    /// Seed of the repair's coefficients.
    pub key: u16,
    /// The oldest source symbol it covers.
    pub first_esi: u32,
    /// How many source symbols it covers, counted from `first_esi`: 1 to [`MAX_WINDOW_SYMBOLS`].
    pub count: u16,
    /// How many of them have a nibble each.
    pub near: Near,
}

/// Which repair of which block this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// The block's first source symbol.
    pub first_esi: u32,
    /// Source symbols in the block, at least 1.
    pub k: u8,
    /// Repair symbols made for the block, at least 1; `k + m` is at most [`MAX_BLOCK_SYMBOLS`].
    pub m: u8,
    /// Which of the repair symbols this is, 0 to `m - 1`.
    pub index: u8,
}

/// The ESI `ahead` places after `esi`.
fn esi_after(esi: u32, ahead: u16) -> u32 {
    esi.wrapping_add(u32::from(ahead))
}

/// Whether ESI `a` comes before `b` on the circle of 2^32.
fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}
