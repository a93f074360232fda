//! The body of a source packet: one datagram and its marks. It is also the symbol the FEC codes work on,
//! so that a recovered datagram has its marks and its length too.
//!
//! ```text
//! | end 1 | keyframe 1 | start 1 | 0 | length, 12 bit | captured µs, 24 bit (start only) | datagram |
//! ```

use super::{WireError, take};
use crate::MAX_DATAGRAM_BYTES;

const HEADER: &str = "source symbol";
const END_OF_UNIT: u16 = 0x8000;
const KEYFRAME: u16 = 0x4000;
const START_OF_UNIT: u16 = 0x2000;
const LENGTH: u16 = 0x0fff;

/// The capture time is sent modulo this many µs (16.8 s).
pub const CAPTURED_MODULUS_US: u32 = 1 << 24;

/// One datagram and its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The last datagram of its unit.
    pub end_of_unit: bool,
    /// Its unit can be decoded without any before it.
    pub keyframe: bool,
    /// On the first datagram of a unit: when the unit was captured, in µs since the session's start,
    /// modulo [`CAPTURED_MODULUS_US`].
    pub captured_us: Option<u32>,
    /// The datagram.
    pub datagram: &'a [u8],
}

impl<'a> Symbol<'a> {
    /// Longest header in bytes.
    pub const MAX_HEADER_LEN: usize = 5;
    /// Longest symbol in bytes.
    pub const MAX_LEN: usize = Self::MAX_HEADER_LEN + MAX_DATAGRAM_BYTES;

    /// Reads a symbol; bytes behind its datagram are the padding of a recovered one.
    ///
    /// # Errors
    /// Shorter than its header or its length says, or longer than a datagram may be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (marks, rest) = take::<2>(HEADER, bytes)?;
        let marks = u16::from_be_bytes(*marks);
        let (captured_us, rest) = if marks & START_OF_UNIT == 0 {
            (None, rest)
        } else {
            let ([c0, c1, c2], rest) = take::<3>(HEADER, rest)?;
            (Some(u32::from_be_bytes([0, *c0, *c1, *c2])), rest)
        };
        let len = usize::from(marks & LENGTH);
        if len > MAX_DATAGRAM_BYTES {
            return Err(WireError::Malformed { header: HEADER, field: "length", found: u32::from(marks & LENGTH) });
        }
        let truncated = WireError::Truncated { header: HEADER, found: rest.len(), expected: len };
        let (datagram, _) = rest.split_at_checked(len).ok_or(truncated)?;
        Ok(Self { end_of_unit: marks & END_OF_UNIT != 0, keyframe: marks & KEYFRAME != 0, captured_us, datagram })
    }

    /// Appends the symbol's bytes. The datagram must not be longer than [`MAX_DATAGRAM_BYTES`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        let len = u16::try_from(self.datagram.len()).unwrap_or(LENGTH) & LENGTH;
        let marks = len
            | bit(self.end_of_unit, END_OF_UNIT)
            | bit(self.keyframe, KEYFRAME)
            | bit(self.captured_us.is_some(), START_OF_UNIT);
        out.extend_from_slice(&marks.to_be_bytes());
        if let Some(captured_us) = self.captured_us {
            let [_, c0, c1, c2] = captured_us.to_be_bytes();
            out.extend_from_slice(&[c0, c1, c2]);
        }
        out.extend_from_slice(self.datagram);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_symbol_is_these_bytes() {
        let symbol =
            Symbol { end_of_unit: true, keyframe: true, captured_us: Some(0x01_02_03), datagram: &[0xaa, 0xbb] };
        let mut bytes = Vec::new();
        symbol.emit(&mut bytes);
        assert_eq!(bytes, [0xe0, 0x02, 0x01, 0x02, 0x03, 0xaa, 0xbb]);
        bytes.extend_from_slice(&[0; 9]);
        assert_eq!(Symbol::parse(&bytes), Ok(symbol));
    }

    #[test]
    fn truncated_and_overlong_symbols_are_refused() {
        let bytes = [0xe0, 0x02, 0x01, 0x02, 0x03, 0xaa, 0xbb];
        for len in 0..bytes.len() {
            assert!(matches!(Symbol::parse(&bytes[..len]), Err(WireError::Truncated { .. })));
        }
        let overlong = [0x0f, 0xff].into_iter().chain([0; 4095]).collect::<Vec<u8>>();
        assert!(matches!(Symbol::parse(&overlong), Err(WireError::Malformed { field: "length", .. })));
    }

    proptest! {
        #[test]
        fn what_is_emitted_comes_back(
            end_of_unit: bool,
            keyframe: bool,
            captured_us in proptest::option::of(0..CAPTURED_MODULUS_US),
            datagram in proptest::collection::vec(any::<u8>(), 0..=MAX_DATAGRAM_BYTES),
        ) {
            let symbol = Symbol { end_of_unit, keyframe, captured_us, datagram: &datagram };
            let mut bytes = Vec::new();
            symbol.emit(&mut bytes);
            prop_assert_eq!(Symbol::parse(&bytes), Ok(symbol));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Symbol::parse(&bytes);
        }
    }
}
