//! What both ends of a Skylark link share.
//!
//! ```text
//!  datagrams ─▸ fec ─▸ seal ─▸ wire ─▸ air ╌╌╌▸ air ─▸ wire ─▸ seal ─▸ fec ─▸ datagrams
//! ```
//!
//! | room | what lives there |
//! |---|---|
//! | [`wire`] | what is on the air, one file a header |
//! | [`fec`] | GF(2^8) kernels, the sliding-window code, the block code |
//! | [`seal`] | link key, session key, AEAD |
//! | [`rtp`] | RTP header and the H.264 payload format (RFC 6184) |
//! | [`h264`] | Annex B, NAL units, access units |
//! | [`air`] | where frames come from and go to: udp, pcap files, the modelled channel |
//! | [`queue`] | the one hand-off between threads |
//! | [`time_code`] | which picture this is and when it was captured, burnt into it |
//! | [`ledger`] | percentiles of what each stage took |
//! | [`lines`] | JSON lines on a thread of their own |
//! | `feed` | the same for whoever connects |
//! | `scheduling` | threads that are to run the moment they have work |
//! | `key_path` | where key files are looked for |
//! | [`options`], [`clock_id`] | what the programs have in common |
//!
//! Everything here but `air::udp`, `air::pcap_file`, `key_path` and the two `key_file`s, `clock_id`, `lines`, `feed`, `queue` and `scheduling` is pure:
//! bytes and `now` in, bytes out.

pub mod air;
pub mod clock_id;
pub mod fec;
#[cfg(feature = "airs")]
pub mod feed;
pub mod h264;
mod key_path;
pub mod ledger;
pub mod lines;
pub mod options;
pub mod queue;
pub mod rtp;
#[cfg(feature = "airs")]
pub mod scheduling;
pub mod seal;
pub mod time_code;
pub mod wfb_ng;
pub mod wire;

/// The stream that carries video. Others carry telemetry and control; bit 7 set means ground to air.
pub const VIDEO_STREAM: u8 = 0;

/// The largest datagram a source packet carries, in bytes. With every header it stays below the 2304
/// bytes an 802.11 MSDU may have (IEEE 802.11-2020 9.2.4.7) and above what RTP senders use by default.
pub const MAX_DATAGRAM_BYTES: usize = 2048;
