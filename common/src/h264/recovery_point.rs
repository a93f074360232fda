//! Where decoding can begin without a keyframe: the recovery point message (ITU-T H.264 D.1.8, D.2.8).
//!
//! An encoder that refreshes its pictures stripe by stripe sends a keyframe once, at its start, and after that says
//! where a refresh begins and after how many pictures it is complete.

use super::bits::{BitError, BitReader};
use super::nal::NalHeader;

/// `payloadType` of the message.
const RECOVERY_POINT: u32 = 6;
/// Frame numbers count at most so far (7.4.2.1.1, `log2_max_frame_num`).
const MAX_FRAME_COUNT: u32 = 0xffff;

/// What a recovery point message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// Pictures that others refer to, this one included, before the first that is what the encoder meant, if decoding
    /// begins here; 0 to 65535.
    pub frames: u32,
}

impl RecoveryPoint {
    /// The recovery point in a NAL unit, its header byte included. `None` when it is no SEI, has none, or cannot be
    /// read.
    pub fn of(nal: &[u8]) -> Option<Self> {
        let (&header, payload) = nal.split_first()?;
        if NalHeader(header).kind() != NalHeader::SEI {
            return None;
        }
        find(&mut BitReader::new(payload)).ok().filter(|found| found.frames <= MAX_FRAME_COUNT)
    }
}

/// Reads messages (7.3.2.3.1) until one is a recovery point, at the latest until the bits end.
fn find(reader: &mut BitReader<'_>) -> Result<RecoveryPoint, BitError> {
    loop {
        let (kind, bytes) = (number(reader)?, number(reader)?);
        if kind == RECOVERY_POINT {
            return Ok(RecoveryPoint { frames: reader.unsigned_exp_golomb()? });
        }
        for _ in 0..bytes {
            reader.unsigned(8)?;
        }
    }
}

/// A type or a size: a byte of 255 says that more is to be added.
fn number(reader: &mut BitReader<'_>) -> Result<u32, BitError> {
    let mut number = 0_u32;
    loop {
        let byte = reader.unsigned(8)?;
        number = number.saturating_add(byte);
        if byte != 255 {
            return Ok(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// x264 with `intra-refresh=1:keyint=30` at 320 × 240: the 21st picture after this one is whole.
    const X264: [u8; 6] = [0x06, 0x06, 0x02, 0x09, 0xc4, 0x80];

    #[test]
    fn the_message_of_x264_is_read() {
        assert_eq!(RecoveryPoint::of(&X264), Some(RecoveryPoint { frames: 18 }));
    }

    #[test]
    fn it_is_found_behind_other_messages() {
        // 5 is user data, here of 2 and of 255 + 1 bytes.
        let nal = [&[0x06, 0x05, 0x02, 0xaa, 0xbb, 0x05, 0xff, 0x01][..], &[7; 256], &X264[1..]].concat();
        assert_eq!(RecoveryPoint::of(&nal), Some(RecoveryPoint { frames: 18 }));
        assert_eq!(RecoveryPoint::of(&nal[..nal.len() - 6]), None);
    }

    #[test]
    fn a_picture_from_which_all_is_well_at_once_says_zero() {
        assert_eq!(RecoveryPoint::of(&[0x06, 0x06, 0x01, 0xc4, 0x80]), Some(RecoveryPoint { frames: 0 }));
    }

    #[test]
    fn other_nal_units_and_counts_no_stream_has_are_none() {
        assert_eq!(RecoveryPoint::of(&[0x41, 0x06, 0x02, 0x09, 0xc4, 0x80]), None);
        // ue(v) of 65536.
        assert_eq!(RecoveryPoint::of(&[0x06, 0x06, 0x05, 0x00, 0x00, 0x80, 0x00, 0xc0, 0x80]), None);
        (0..4).for_each(|length| assert_eq!(RecoveryPoint::of(&X264[..length]), None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = RecoveryPoint::of(&[&[0x06], &bytes[..]].concat());
        }
    }
}
