//! What is inside a packet: flags, length, datagram; and what parities are computed over.
//!
//! ```text
//! | flags u8       | length u16, bytes that follow | datagram |
//! | bit 0: fills   |                               |          |
//! |   a block only |                               |          |
//! ```

use thiserror::Error;

use super::MAX_DATAGRAM_BYTES;

/// Length of flags and length, in bytes.
pub const HEADER_LEN: usize = 3;
/// The longest fragment, header included, in bytes.
pub const MAX_FRAGMENT_BYTES: usize = HEADER_LEN + MAX_DATAGRAM_BYTES;

/// Flag: an empty fragment that is there to end a block.
const FEC_ONLY: u8 = 1;

/// A source fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment<'a> {
    /// It carries a datagram.
    Datagram(&'a [u8]),
    /// It fills its block.
    Filler,
}

/// Why a fragment is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FragmentError {
    /// Fewer bytes than flags and length have.
    #[error("a fragment of {found} bytes, expected at least {HEADER_LEN}")]
    Truncated {
        /// Bytes that were there.
        found: usize,
    },
    /// The length goes past the end.
    #[error("a fragment says {said} bytes and has {found}")]
    TooLong {
        /// What the length says.
        said: usize,
        /// Bytes behind the header.
        found: usize,
    },
}

impl<'a> Fragment<'a> {
    /// Reads a fragment as it was sent or rebuilt; a rebuilt one has zeros behind the datagram.
    ///
    /// # Errors
    /// Truncated, or its length goes past its end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FragmentError> {
        let ([flags, l0, l1], rest) =
            bytes.split_first_chunk().ok_or(FragmentError::Truncated { found: bytes.len() })?;
        let said = usize::from(u16::from_be_bytes([*l0, *l1]));
        let datagram = rest.get(..said).ok_or(FragmentError::TooLong { said, found: rest.len() })?;
        Ok(if flags & FEC_ONLY == 0 { Self::Datagram(datagram) } else { Self::Filler })
    }

    /// Appends its bytes.
    ///
    /// # Panics
    /// If the datagram is longer than [`MAX_DATAGRAM_BYTES`].
    pub fn emit(self, out: &mut Vec<u8>) {
        let (flags, datagram) = match self {
            Self::Datagram(datagram) => (0, datagram),
            Self::Filler => (FEC_ONLY, &[][..]),
        };
        assert!(datagram.len() <= MAX_DATAGRAM_BYTES, "a datagram of {} bytes is too long", datagram.len());
        let [l0, l1] = u16::try_from(datagram.len()).unwrap_or(0).to_be_bytes();
        out.extend_from_slice(&[flags, l0, l1]);
        out.extend_from_slice(datagram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(fragment: Fragment<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        fragment.emit(&mut bytes);
        bytes
    }

    #[test]
    fn what_is_emitted_comes_back_whatever_zeros_follow() {
        for datagram in [&[][..], b"abc", &[7; MAX_DATAGRAM_BYTES]] {
            let mut bytes = emitted(Fragment::Datagram(datagram));
            assert_eq!(bytes.len(), HEADER_LEN + datagram.len());
            bytes.extend([0; 20]);
            assert_eq!(Fragment::parse(&bytes), Ok(Fragment::Datagram(datagram)));
        }
        assert_eq!(emitted(Fragment::Filler), [1, 0, 0]);
        assert_eq!(Fragment::parse(&[1, 0, 0]), Ok(Fragment::Filler));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = emitted(Fragment::Datagram(b"abcdef"));
        for len in 0..HEADER_LEN {
            assert_eq!(Fragment::parse(&bytes[..len]), Err(FragmentError::Truncated { found: len }));
        }
        for len in HEADER_LEN..bytes.len() {
            let refused = FragmentError::TooLong { said: 6, found: len - HEADER_LEN };
            assert_eq!(Fragment::parse(&bytes[..len]), Err(refused));
        }
    }

    #[test]
    fn flags_that_are_not_known_are_left_alone() {
        assert_eq!(Fragment::parse(&[0xfe, 0, 1, 5]), Ok(Fragment::Datagram(&[5])));
    }
}
