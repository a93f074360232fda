//! What an RTP payload of H.264 holds (RFC 6184 5.2).

use thiserror::Error;

use crate::h264::NalHeader;

/// Single-time aggregation packet without decoding order numbers (RFC 6184 5.7.1).
pub const STAP_A: u8 = 24;
/// Fragmentation unit without decoding order number (RFC 6184 5.8).
pub const FU_A: u8 = 28;
/// First fragment, in the second byte of a fragmentation unit.
pub const FU_START: u8 = 0x80;
/// Last fragment, in the second byte of a fragmentation unit.
pub const FU_END: u8 = 0x40;

/// The payload of one datagram in non-interleaved mode.
///
/// ```text
///  single NAL unit   | header (type 1-23) | …
///  STAP-A            | header (type 24) | length (2 bytes) | NAL unit | length | NAL unit | …
///  FU-A              | F, NRI, type 28 | S, E, 0, NAL unit type | a part of the NAL unit behind its header
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// One NAL unit.
    Single(&'a [u8]),
    /// Several.
    Aggregate(Aggregate<'a>),
    /// A part of one.
    Fragment(Fragment<'a>),
}

/// The NAL units of an aggregation packet; ends where a length is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aggregate<'a> {
    rest: &'a [u8],
}

/// A part of a NAL unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The header of the NAL unit, put together again.
    pub header: NalHeader,
    /// Whether the NAL unit begins here.
    pub is_first: bool,
    /// Whether the NAL unit ends here.
    pub is_last: bool,
    /// The bytes, without the NAL unit's header.
    pub bytes: &'a [u8],
}

/// Why a payload is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// It has no byte, as datagrams that only probe a path.
    #[error("an empty payload")]
    Empty,
    /// It ends inside its own header, or a length in it points behind its end.
    #[error("a payload of {found} bytes that is cut off")]
    Short {
        /// Its length.
        found: usize,
    },
    /// The forbidden bit is set: the NAL unit is known to be damaged.
    #[error("the forbidden bit is set")]
    Forbidden,
    /// A packet type of interleaved mode, or one that nobody has given a meaning.
    #[error("packet type {found}, expected 1 to 24 or 28")]
    Unsupported {
        /// The type.
        found: u8,
    },
}

impl<'a> Payload<'a> {
    /// Parses what stands behind the RTP header.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PayloadError> {
        let (&indicator, rest) = payload.split_first().ok_or(PayloadError::Empty)?;
        let header = NalHeader(indicator);
        if header.is_forbidden() {
            return Err(PayloadError::Forbidden);
        }
        match header.kind() {
            1..=23 => Ok(Self::Single(payload)),
            STAP_A => Ok(Self::Aggregate(Aggregate { rest })),
            FU_A => Fragment::parse(header, rest).map(Self::Fragment),
            found => Err(PayloadError::Unsupported { found }),
        }
    }
}

impl<'a> Fragment<'a> {
    fn parse(indicator: NalHeader, rest: &'a [u8]) -> Result<Self, PayloadError> {
        let Some((&[flags], bytes @ [_, ..])) = rest.split_first_chunk() else {
            return Err(PayloadError::Short { found: rest.len() + 1 });
        };
        let header = NalHeader(indicator.0 & 0xe0 | flags & 0x1f);
        if !(1..=23).contains(&header.kind()) {
            return Err(PayloadError::Unsupported { found: header.kind() });
        }
        Ok(Self { header, is_first: flags & FU_START != 0, is_last: flags & FU_END != 0, bytes })
    }
}

impl<'a> Iterator for Aggregate<'a> {
    type Item = Result<&'a [u8], PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let short = PayloadError::Short { found: self.rest.len() };
        let Some((&length, rest)) = std::mem::take(&mut self.rest).split_first_chunk() else {
            return Some(Err(short));
        };
        let Some((nal, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(length))) else {
            return Some(Err(short));
        };
        self.rest = rest;
        Some(match NalHeader::of(nal) {
            None => Err(PayloadError::Empty),
            Some(header) if header.is_forbidden() => Err(PayloadError::Forbidden),
            Some(header) if !(1..=23).contains(&header.kind()) => {
                Err(PayloadError::Unsupported { found: header.kind() })
            }
            Some(_) => Ok(nal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_nal_unit_is_the_payload_itself() {
        assert_eq!(Payload::parse(&[0x41, 0x9a]), Ok(Payload::Single(&[0x41, 0x9a])));
    }

    #[test]
    fn an_aggregate_gives_its_nal_units_up_to_a_wrong_length() {
        let nals = |payload| match Payload::parse(payload) {
            Ok(Payload::Aggregate(nals)) => nals.collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(nals(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68]), [Ok(&[0x67, 1][..]), Ok(&[0x68])]);
        assert_eq!(nals(&[0x78, 0, 1, 0x67, 0, 2, 0x68]), [Ok(&[0x67][..]), Err(PayloadError::Short { found: 3 })]);
        assert_eq!(nals(&[0x78, 0]), [Err(PayloadError::Short { found: 1 })]);
        assert_eq!(nals(&[0x78, 0, 0, 0, 1, 0x68]), [Err(PayloadError::Empty), Ok(&[0x68][..])]);
        assert_eq!(nals(&[0x78, 0, 1, 0x78]), [Err(PayloadError::Unsupported { found: 24 })]);
        assert_eq!(nals(&[0x78]), []);
    }

    #[test]
    fn a_fragment_knows_its_nal_unit_and_place() {
        let first = Fragment { header: NalHeader(0x65), is_first: true, is_last: false, bytes: &[1, 2] };
        assert_eq!(Payload::parse(&[0x7c, 0x85, 1, 2]), Ok(Payload::Fragment(first)));
        let last = Fragment { header: NalHeader(0x41), is_first: false, is_last: true, bytes: &[3] };
        assert_eq!(Payload::parse(&[0x5c, 0x41, 3]), Ok(Payload::Fragment(last)));
        assert_eq!(Payload::parse(&[0x7c]), Err(PayloadError::Short { found: 1 }));
        assert_eq!(Payload::parse(&[0x7c, 0x85]), Err(PayloadError::Short { found: 2 }));
        assert_eq!(Payload::parse(&[0x7c, 0x9c, 1]), Err(PayloadError::Unsupported { found: 28 }));
    }

    #[test]
    fn interleaved_mode_and_damage_are_refused() {
        for kind in [0, 25, 26, 27, 29, 30, 31] {
            assert_eq!(Payload::parse(&[0x60 | kind, 0, 0, 1]), Err(PayloadError::Unsupported { found: kind }));
        }
        assert_eq!(Payload::parse(&[0xe5, 1]), Err(PayloadError::Forbidden));
        assert_eq!(Payload::parse(&[]), Err(PayloadError::Empty));
    }
}
