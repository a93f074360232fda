//! The one-byte NAL unit header and what its type means (ITU-T H.264 7.3.1, 7.4.1, Table 7-1).

use super::bits::BitReader;

/// The header of a NAL unit.
///
/// ```text
///  7   6 5  4       0
/// +---+----+---------+
/// | F | RI |  type   |
/// +---+----+---------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalHeader(pub u8);

impl NalHeader {
    /// A slice of a picture that refers to others.
    pub const SLICE: u8 = 1;
    /// Data partition A of a slice.
    pub const PARTITION_A: u8 = 2;
    /// A slice of a picture that refers to none and after which none refers to an earlier one.
    pub const IDR_SLICE: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
    /// Filler data.
    pub const FILLER: u8 = 12;
    /// Prefix of a slice in a scalable stream (Annex G).
    pub const PREFIX: u8 = 14;

    /// The header of these NAL unit bytes; `None` when there are none.
    pub fn of(nal: &[u8]) -> Option<Self> {
        nal.first().copied().map(Self)
    }

    /// `nal_unit_type`, 0 to 31. RFC 6184 gives 24 to 31 a meaning of its own.
    pub fn kind(self) -> u8 {
        self.0 & 0x1f
    }

    /// `nal_ref_idc`, 0 to 3: 0 when no other picture refers to this one.
    pub fn ref_idc(self) -> u8 {
        (self.0 >> 5) & 3
    }

    /// Whether `forbidden_zero_bit` is set: a gateway has marked the NAL unit as damaged.
    pub fn is_forbidden(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether this is a slice of an IDR picture, where decoding can begin.
    pub fn is_idr(self) -> bool {
        self.kind() == Self::IDR_SLICE
    }

    /// Whether this is a sequence or picture parameter set.
    pub fn is_parameter_set(self) -> bool {
        matches!(self.kind(), Self::SPS | Self::PPS)
    }

    /// Whether this carries a part of the primary picture and begins with a slice header.
    pub fn is_slice(self) -> bool {
        matches!(self.kind(), Self::SLICE | Self::PARTITION_A | Self::IDR_SLICE)
    }

    /// Whether this, behind a slice, begins the next access unit (H.264 7.4.1.2.3). The prefix of a slice
    /// (14) goes with its slice, and whether a slice does is another question.
    pub fn begins_access_unit(self) -> bool {
        matches!(self.kind(), 6..=9 | 15..=18)
    }
}

/// `first_mb_in_slice` of a slice NAL unit: the address of its first macroblock. `None` when it is no
/// slice, or too short to tell.
pub fn first_mb_in_slice(nal: &[u8]) -> Option<u32> {
    let (&header, payload) = nal.split_first()?;
    if !NalHeader(header).is_slice() {
        return None;
    }
    BitReader::new(payload).unsigned_exp_golomb().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_they_are() {
        assert!(NalHeader(0x65).is_idr());
        assert!(NalHeader(0x65).is_slice());
        assert_eq!(NalHeader(0x65).ref_idc(), 3);
        assert!(NalHeader(0x67).is_parameter_set());
        assert!(NalHeader(0x68).begins_access_unit());
        assert!(!NalHeader(0x0c).begins_access_unit());
        assert!(!NalHeader(0x6e).begins_access_unit());
        assert!(NalHeader(0x80).is_forbidden());
        assert_eq!(NalHeader::of(&[]), None);
    }

    #[test]
    fn the_first_macroblock_of_a_slice_is_read() {
        // The slices of the second picture of tests/data/clip.h264, 20 macroblocks in a row.
        assert_eq!(first_mb_in_slice(&[0x41, 0x9a, 0x38]), Some(0));
        assert_eq!(first_mb_in_slice(&[0x41, 0x02, 0x89]), Some(80));
        assert_eq!(first_mb_in_slice(&[0x41, 0x01, 0x42]), Some(160));
        assert_eq!(first_mb_in_slice(&[0x41, 0x01, 0xba]), Some(220));
        assert_eq!(first_mb_in_slice(&[0x41, 0x00]), None);
        assert_eq!(first_mb_in_slice(&[0x41]), None);
        assert_eq!(first_mb_in_slice(&[0x67, 0x80]), None);
    }
}
