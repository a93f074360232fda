//! One encoded picture as everything here hands it on: Annex B bytes with four-byte start codes.

use super::annex_b::{NalUnits, START_CODE};
use super::nal::NalHeader;
use super::recovery_point::RecoveryPoint;

/// The NAL units of one picture, in decoding order, each behind a four-byte start code.
///
/// It is what an encoder and a file give and what a decoder and a recording take, as it is; the RTP
/// payload format walks over its NAL units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessUnit {
    /// Annex B: `00 00 00 01`, NAL unit, `00 00 00 01`, NAL unit, …
    pub bytes: Vec<u8>,
    /// Whether it holds an IDR slice: decoding can begin here.
    pub keyframe: bool,
}

impl AccessUnit {
    /// The access unit an encoder has written as Annex B, with start codes of any length.
    pub fn from_annex_b(bytes: &[u8]) -> Self {
        let mut unit = Self { bytes: Vec::with_capacity(bytes.len() + 16), keyframe: false };
        NalUnits::new(bytes).for_each(|nal| unit.push_nal(nal));
        unit
    }

    /// Puts a NAL unit, without its start code, at the end.
    pub fn push_nal(&mut self, nal: &[u8]) {
        self.bytes.extend_from_slice(&START_CODE);
        self.bytes.extend_from_slice(nal);
        self.keyframe |= NalHeader::of(nal).is_some_and(NalHeader::is_idr);
    }

    /// Its NAL units in order, without start codes.
    pub fn nal_units(&self) -> NalUnits<'_> {
        NalUnits::new(&self.bytes)
    }

    /// Whether a slice of it says that other pictures refer to this one; `None` without a slice.
    pub fn is_reference(&self) -> Option<bool> {
        let mut headers = self.nal_units().filter_map(NalHeader::of);
        headers.find(|header| header.is_slice()).map(|header| header.ref_idc() != 0)
    }

    /// What it says about beginning to decode here; a keyframe needs to say nothing.
    pub fn recovery_point(&self) -> Option<RecoveryPoint> {
        // SEI stand before the slices (7.4.1.2.3).
        let is_slice = |nal: &&[u8]| NalHeader::of(nal).is_some_and(NalHeader::is_slice);
        self.nal_units().take_while(|nal| !is_slice(nal)).find_map(RecoveryPoint::of)
    }

    /// Whether it holds no NAL unit.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_start_code_becomes_one_of_four_bytes() {
        let unit = AccessUnit::from_annex_b(&[0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 0, 1, 0x65, 0x88]);
        assert_eq!(unit.bytes, [0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88]);
        assert!(unit.keyframe);
        assert_eq!(unit.nal_units().collect::<Vec<_>>(), [&[0x67, 0x42][..], &[0x68, 0xce], &[0x65, 0x88]]);
    }

    #[test]
    fn what_it_says_before_its_slices_and_in_their_headers_is_found() {
        let recovery = AccessUnit::from_annex_b(&[0, 0, 1, 0x06, 0x06, 0x01, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a]);
        assert_eq!(recovery.recovery_point(), Some(RecoveryPoint { frames: 0 }));
        assert_eq!(recovery.is_reference(), Some(true));
        let disposable = AccessUnit::from_annex_b(&[0, 0, 1, 0x01, 0x9a, 0, 0, 1, 0x06, 0x06, 0x01, 0xc4, 0x80]);
        assert_eq!((disposable.recovery_point(), disposable.is_reference()), (None, Some(false)));
        assert_eq!(AccessUnit::from_annex_b(&[0, 0, 1, 0x67, 0x42]).is_reference(), None);
    }

    #[test]
    fn a_picture_that_refers_to_others_is_no_keyframe() {
        assert!(!AccessUnit::from_annex_b(&[0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x41, 0x9a]).keyframe);
        assert!(AccessUnit::from_annex_b(b"no start code").is_empty());
    }
}
