//! What is on the air, one file a header, outermost first.
//!
//! ```text
//! | radiotap | 802.11 header, 24 bytes | sequence, 3 bytes | sealed body | tag, 16 bytes |
//! ```
//!
//! [`radiotap`] is between the program and the card only, [`dot11`] carries link, stream, kind, session
//! and the top of the sequence number in its addresses, [`packet`] is what the seal protects, and
//! [`announce`] is the packet that tells a receiver how to read the others.

pub mod announce;
pub mod dot11;
pub mod link;
pub mod packet;
pub mod radiotap;
pub mod repair;
pub mod symbol;

use thiserror::Error;

/// Why bytes are not the header they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// Fewer bytes than the header needs.
    #[error("{header}: found {found} bytes, expected at least {expected}")]
    Truncated {
        /// The header that was being read.
        header: &'static str,
        /// Bytes that were there.
        found: usize,
        /// Bytes it needs.
        expected: usize,
    },
    /// A field has a value the header cannot have.
    #[error("{header}: {field} is {found}")]
    Malformed {
        /// The header that was being read.
        header: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        found: u32,
    },
    /// A frame that does not belong to any Skylark link.
    #[error("not a Skylark frame")]
    Foreign,
    /// A Skylark frame of a version this program does not speak.
    #[error("protocol version {found}, expected {expected}")]
    Version {
        /// The version on the air.
        found: u8,
        /// The version this program speaks.
        expected: u8,
    },
}

/// Splits the first `N` bytes off, or says how many were missing.
pub(crate) fn take<'a, const N: usize>(
    header: &'static str,
    bytes: &'a [u8],
) -> Result<(&'a [u8; N], &'a [u8]), WireError> {
    let truncated = WireError::Truncated { header, found: bytes.len(), expected: N };
    bytes.split_first_chunk().ok_or(truncated)
}
