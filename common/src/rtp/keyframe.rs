//! A cheap look at what an RTP datagram belongs to: a keyframe, a picture nothing refers to.

use super::h265;
use super::header::RtpHeader;
use super::payload::{FU_A, Payload, STAP_A};
use crate::h264::NalHeader;
use crate::wire::announce;

/// Payload types below this are assigned, none of them to H.264 or H.265 (RFC 3551 6).
pub(super) const FIRST_DYNAMIC_PAYLOAD_TYPE: u8 = 96;

/// Whether an RTP datagram holds an IDR slice, a part of one, or a sequence parameter set, if its payload
/// is H.264.
///
/// H.265 is never mistaken for it: there the lowest bit of the first byte is part of the layer number and 0
/// (RFC 7798 1.1.4), while IDR slices and sequence parameter sets have odd types in H.264, and the first
/// bytes of STAP-A and FU-A are types that H.265 reserves.
pub fn is_keyframe(datagram: &[u8]) -> bool {
    match RtpHeader::parse(datagram) {
        Ok((header, payload)) if header.payload_type >= FIRST_DYNAMIC_PAYLOAD_TYPE => holds_keyframe(payload),
        _ => false,
    }
}

/// Whether other pictures may refer to the one of which a datagram that carries `payload` holds a part; what cannot be
/// read is taken for referred to. The first byte of each payload of H.264 says so for all NAL units in it (RFC 6184 5.3).
pub fn is_referred_to(payload: announce::Payload, datagram: &[u8]) -> bool {
    let behind_header = || RtpHeader::parse(datagram).ok().map(|(_, payload)| payload);
    match payload {
        announce::Payload::H264 | announce::Payload::RtpH264 => {
            behind_header().and_then(NalHeader::of).is_none_or(|header| header.ref_idc() != 0)
        }
        announce::Payload::RtpH265 => behind_header().is_none_or(h265::is_referred_to),
        announce::Payload::Opaque | announce::Payload::Rtp | announce::Payload::Unknown(_) => true,
    }
}

/// Whether a payload may be H.264 (RFC 6184 5.2): a NAL unit of a type that cameras send, a part of one or several.
/// H.265, VP8, VP9 and AV1 have first bytes that say otherwise within a picture or two.
pub(super) fn may_be_h264(payload: &[u8]) -> bool {
    let Some(first) = NalHeader::of(payload) else { return true };
    let kind = match (first.kind(), payload.get(1)) {
        (FU_A, Some(second)) => second & 0x1f,
        (kind, _) => kind,
    };
    let is_known = matches!(kind, NalHeader::SLICE | NalHeader::IDR_SLICE..=NalHeader::FILLER | STAP_A);
    is_known && !first.is_forbidden()
}

pub(super) fn holds_keyframe(payload: &[u8]) -> bool {
    match Payload::parse(payload) {
        Ok(Payload::Single(nal)) => NalHeader::of(nal).is_some_and(is_key),
        Ok(Payload::Aggregate(mut nals)) => nals.any(|nal| nal.ok().and_then(NalHeader::of).is_some_and(is_key)),
        Ok(Payload::Fragment(fragment)) => is_key(fragment.header),
        Err(_) => false,
    }
}

fn is_key(header: NalHeader) -> bool {
    header.is_idr() || header.kind() == NalHeader::SPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_keyframe_of(payload: &[u8]) -> bool {
        is_keyframe(&[&[0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], payload].concat())
    }

    #[test]
    fn idr_slices_and_sequence_parameter_sets_are_found_in_every_packet_type() {
        assert!(is_keyframe_of(&[0x65, 0x88]));
        assert!(is_keyframe_of(&[0x67, 0x42]));
        assert!(is_keyframe_of(&[0x78, 0, 1, 0x09, 0, 2, 0x67, 0x42]));
        assert!(is_keyframe_of(&[0x7c, 0x85, 1]));
        assert!(is_keyframe_of(&[0x7c, 0x05, 1]));
    }

    #[test]
    fn the_keyframe_that_ffmpeg_sends_is_found() {
        // The beginnings of its first two datagrams of tests/data/clip.h264 (ffmpeg 5.1): STAP-A, FU-A.
        let first = [
            0x80, 0x60, 0x03, 0xc9, 0x16, 0x5d, 0xa3, 0xff, 0x32, 0x9c, 0x36, 0xa4, 0x18, 0x00, 0x18, 0x67, 0x42, 0xc0,
            0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc8, 0xf1,
            0x42, 0xa4, 0x80, 0x00, 0x04, 0x68, 0xcb, 0x8c, 0xb2, 0x02, 0xbc, 0x06, 0x05, 0xff,
        ];
        let second =
            [0x80, 0x60, 0x03, 0xca, 0x16, 0x5d, 0xa3, 0xff, 0x32, 0x9c, 0x36, 0xa4, 0x7c, 0x85, 0x88, 0x84, 0x13];
        assert!(is_keyframe(&first));
        assert!(is_keyframe(&second));
    }

    #[test]
    fn other_pictures_are_none() {
        assert!(!is_keyframe_of(&[0x41, 0x9a]));
        assert!(!is_keyframe_of(&[0x68, 0xcb]));
        assert!(!is_keyframe_of(&[0x78, 0, 2, 0x41, 0x9a, 0, 9, 0x65]));
        assert!(!is_keyframe_of(&[0x7c, 0x81, 1]));
    }

    #[test]
    fn no_first_byte_of_h265_is_taken_for_a_keyframe() {
        for kind in 0..64_u8 {
            // One of the NAL unit types that RFC 7798 and H.265 define, base layer.
            if !matches!(kind, 12 | 28 | 30 | 44 | 46 | 60 | 62) {
                assert!(!is_keyframe_of(&[kind << 1, 0x01, 0x85, 0x67]), "type {kind}");
            }
        }
    }

    #[test]
    fn another_payload_type_and_no_rtp_are_none() {
        // JPEG is payload type 26.
        assert!(!is_keyframe(&[0x80, 26, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88]));
        assert!(!is_keyframe(&[0x65, 0x88]));
    }

    #[test]
    fn what_nothing_refers_to_is_told_by_the_first_byte_of_the_payload() {
        let header: &[u8] = &[0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(is_referred_to(announce::Payload::H264, &[0; 20]), "no RTP");
        assert!(is_referred_to(announce::Payload::Rtp, &[header, &[0x01, 0x9a]].concat()));
        assert!(!is_referred_to(announce::Payload::RtpH265, &[header, &[0x00, 0x01]].concat()));
        let is_referred_to = |payload: &[u8]| is_referred_to(announce::Payload::RtpH264, &[header, payload].concat());
        assert!([&[0x41, 0x9a][..], &[0x65], &[0x78, 0, 1, 0x09], &[0x5c, 0x81], &[]].into_iter().all(is_referred_to));
        assert!(![&[0x01, 0x9a][..], &[0x06, 5], &[0x18, 0, 1, 0x01], &[0x1c, 0x81]].into_iter().any(is_referred_to));
    }
}
