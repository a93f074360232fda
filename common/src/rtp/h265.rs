//! What RTP payloads of H.265 show of themselves (RFC 7798): nothing here decodes it.

/// Aggregation packet (RFC 7798 4.4.2).
const AGGREGATION: u8 = 48;
/// Fragmentation unit (RFC 7798 4.4.3); the type of what is cut stands in the byte behind the header.
const FRAGMENTATION: u8 = 49;
/// Length of a payload's header, and of the length in front of each NAL unit of an aggregation packet, in bytes.
const HEADER_LEN: usize = 2;

/// Whether a payload looks like H.265: its NAL units are of the base layer and of types that have a meaning.
///
/// A byte of H.264 that looks like this is the header of supplemental information (6), which here is a picture of a
/// temporal sub-layer (TSA_R); it is left to the next payload to tell. Every other type of H.264 is odd, which here
/// belongs to another layer (RFC 7798 1.1.4), or reserved here.
pub(super) fn looks_like_it(payload: &[u8]) -> bool {
    const SUPPLEMENTAL_OF_H264: u8 = 0x06;
    let mut kinds = kinds(payload).peekable();
    let is_any = kinds.peek().is_some() && payload.first() != Some(&SUPPLEMENTAL_OF_H264);
    is_any && kinds.all(|kind| matches!(kind, 0..=9 | 16..=21 | 32..=40))
}

/// Whether a payload holds a picture that decoding can begin with (IRAP, types 16 to 21), a part of one, or a parameter
/// set that stands before one (VPS 32, SPS 33) (H.265 7.4.2.2).
pub(super) fn holds_keyframe(payload: &[u8]) -> bool {
    kinds(payload).any(|kind| matches!(kind, 16..=21 | 32 | 33))
}

/// Whether other pictures may refer to the one of which a payload holds a part. Those of even types below 16 no picture
/// of their sub-layer refers to (H.265 7.4.2.2); delimiters, filler and supplemental information belong to a picture and
/// are none. What cannot be read is taken for referred to.
pub(super) fn is_referred_to(payload: &[u8]) -> bool {
    let mut kinds = kinds(payload).peekable();
    kinds.peek().is_none() || !kinds.all(|kind| matches!(kind, 0 | 2 | 4 | 6 | 8 | 35 | 38..=40))
}

/// The types of the NAL units in a payload, up to what cannot be read.
fn kinds(payload: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (single, aggregated) = match kind(payload) {
        Some(AGGREGATION) => (None, payload.get(HEADER_LEN..)),
        Some(FRAGMENTATION) => (payload.get(HEADER_LEN).map(|header| header & 0x3f), None),
        single => (single, None),
    };
    let mut rest = aggregated.unwrap_or_default();
    let of_aggregated = std::iter::from_fn(move || {
        let (&length, behind) = rest.split_first_chunk::<HEADER_LEN>()?;
        let (nal, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(length)))?;
        rest = behind;
        kind(nal)
    });
    single.into_iter().chain(of_aggregated)
}

/// The type in a NAL unit header of the base layer.
///
/// ```text
/// │ F 1 bit │ type 6 bit │ layer 6 bit │ temporal sub-layer + 1, 3 bit │
/// ```
fn kind(nal: &[u8]) -> Option<u8> {
    let (&[first, second], _) = nal.split_first_chunk()?;
    let is_base_layer = first & 0x81 == 0 && (1..=7).contains(&second);
    is_base_layer.then_some(first >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// VPS, SPS and PPS as rtph265pay (GStreamer 1.22) with `aggregate-mode=zero-latency` begins with, cut short.
    const PARAMETER_SETS: &[u8] =
        &[0x60, 0x01, 0, 4, 0x40, 0x01, 0x0c, 0x01, 0, 3, 0x42, 0x01, 0x01, 0, 3, 0x44, 0x01, 0xc1];

    #[test]
    fn each_packet_type_is_known() {
        let idr: &[u8] = &[0x26, 0x01, 0xaf];
        for payload in [PARAMETER_SETS, idr, &[0x62, 0x01, 0x93, 1], &[0x62, 0x01, 0x13, 1], &[0x02, 0x01, 0xd0]] {
            assert!(looks_like_it(payload), "{payload:x?}");
        }
        assert!([PARAMETER_SETS, idr, &[0x2a, 0x01], &[0x62, 0x01, 0x13, 1]].into_iter().all(holds_keyframe));
        assert!(![&[0x02, 0x01, 0xd0][..], &[0x62, 0x01, 0x81, 1], &[0x44, 0x01], &[]].into_iter().any(holds_keyframe));
    }

    #[test]
    fn what_nothing_refers_to_is_told_by_its_type() {
        for payload in [&[0x00, 0x01, 1][..], &[0x62, 0x01, 0x40], &[0x10, 0x01], &[0x4e, 0x01, 5]] {
            assert!(!is_referred_to(payload), "{payload:x?}");
        }
        assert!(
            [PARAMETER_SETS, &[0x02, 0x01], &[0x26, 0x01], &[0x62, 0x01, 0x41], &[], &[0xff]]
                .into_iter()
                .all(is_referred_to)
        );
    }

    #[test]
    fn h264_and_others_do_not_look_like_it() {
        let others: [&[u8]; 11] = [
            &[0x65, 0x88],
            &[0x41, 0x01],
            &[0x06, 0x05, 0xff],
            &[0x67, 0x42],
            &[0x68, 0x01],
            &[0x78, 0x00, 0x01, 0x67],
            &[0x7c, 0x01, 1],
            &[0x09, 0x01],
            // VP8, keyframe; AV1; a FU that is cut off.
            &[0x10, 0x50, 0x9d],
            &[0x18, 0x0a],
            &[0x62, 0x01],
        ];
        assert!(!others.into_iter().any(looks_like_it));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (looks_like_it(&bytes), holds_keyframe(&bytes), is_referred_to(&bytes));
        }
    }
}
