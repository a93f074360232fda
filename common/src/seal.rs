//! Keys and sealing: the link key, the session key derived from it, and the AEAD over every packet.

pub mod key;
pub mod key_file;
mod mend;
pub mod session;

pub use key::{KeyError, LinkKey};
pub use mend::MAX_BURST_BITS;
pub use session::SessionKey;
