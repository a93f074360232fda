//! The on-air dialect of WFB-NG, the field's standard ("WFB-NG Data Transport Standard", draft of June 2026): what a
//! link must speak to be heard by the cameras and ground stations people already fly.
//!
//! ```text
//!  datagram ─▸ block: k fragments, n − k parities ─▸ packet: seal ─▸ channel: 802.11 header ─▸ air
//!  session packet, once a second: the key and the code, boxed for the other end
//! ```
//!
//! | room | what lives there |
//! |---|---|
//! | [`channel`] | link id and radio port, in the addresses of a frame |
//! | [`keys`] | `drone.key`, `gs.key`, and both from a passphrase |
//! | [`key_file`] | where they are, and which is whose |
//! | [`session`] | session packets: epoch, code and key in a box |
//! | [`packet`] | data packets: nonce, fragment, tag; `aead` is what seals them |
//! | [`reed_solomon`] | the code over a block: the systematic Vandermonde matrix |
//! | [`seed`] | the keys of one session after another |
//! | [`fragment`] | what is inside a packet: flags, length, datagram |
//!
//! One datagram is one packet here, and nothing says where a unit ends; what is inside tells (RTP's marker).

mod aead;
pub mod channel;
pub mod fragment;
pub mod key_file;
pub mod keys;
pub mod packet;
pub mod reed_solomon;
pub mod seed;
pub mod session;

/// The largest datagram a packet carries, in bytes.
pub const MAX_DATAGRAM_BYTES: usize = 3993;
