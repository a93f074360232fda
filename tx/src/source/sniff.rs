//! Tells what bytes are that should be H.264 and are not.

use thiserror::Error;

/// A stream that shows no start code in so many bytes is no Annex B.
pub(super) const SNIFFED_BYTES: usize = 64 << 10;

/// Why bytes are not taken as H.264.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NotH264 {
    /// There are none.
    #[error("it is empty, expected H.264 (Annex B)")]
    Empty,
    /// No start code.
    #[error("no H.264 start code in its first {bytes} bytes, expected a raw Annex B stream as encoders write it")]
    NoStartCode {
        /// How many bytes were looked at.
        bytes: usize,
    },
    /// A start code, with something else behind it.
    #[error("this is {found}, expected H.264: {hint}")]
    Other {
        /// What it is.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
}

const UNWRAP: &str = "take the H.264 out of it with `ffmpeg -i FILE -c copy OUT.h264`";
const ENCODE: &str = "set the encoder to H.264, or encode it with `ffmpeg -i FILE -c:v libx264 OUT.h264`";

/// Looks at the first bytes of a stream; `None` when too few are there to tell.
pub(super) fn sniff(bytes: &[u8]) -> Option<Result<(), NotH264>> {
    if let Some(found) = container(bytes) {
        return Some(Err(NotH264::Other { found, hint: UNWRAP }));
    }
    let start = bytes.windows(3).position(|window| window == [0, 0, 1]);
    match start.and_then(|start| bytes.get(start + 3..)) {
        Some([first, second, ..]) => Some(nal_unit(*first, *second)),
        Some([_] | []) => None,
        None if bytes.len() < SNIFFED_BYTES => None,
        None => Some(Err(NotH264::NoStartCode { bytes: bytes.len() })),
    }
}

/// What is said of a stream that ended before [`sniff`] could tell.
pub(super) fn ended_early(bytes: usize) -> NotH264 {
    if bytes == 0 { NotH264::Empty } else { NotH264::NoStartCode { bytes } }
}

fn container(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("an MP4 file"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("a Matroska file"),
        [b'F', b'L', b'V', 1, ..] => Some("an FLV file"),
        [b'R', b'I', b'F', b'F', ..] => Some("an AVI file"),
        [0x47, rest @ ..] if rest.get(187) == Some(&0x47) => Some("an MPEG transport stream"),
        _ => None,
    }
}

/// What stands behind the first start code.
fn nal_unit(first: u8, second: u8) -> Result<(), NotH264> {
    let other = |found, hint| Err(NotH264::Other { found, hint });
    match (first, second) {
        (0xba, _) => other("an MPEG program stream", UNWRAP),
        (0xb3, _) => other("MPEG-1 or MPEG-2 video", ENCODE),
        (0xb0 | 0xb5, _) => other("MPEG-4 part 2 video", ENCODE),
        // A VPS, SPS or PPS of layer 0 (H.265 7.3.1.2), or its access unit delimiter.
        (0x40 | 0x42 | 0x44 | 0x46, 0x01) => other("H.265", ENCODE),
        (first, _) if first & 0x80 != 0 => other("no NAL unit behind the first start code", ENCODE),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annex_b_is_taken_with_either_start_code() {
        assert_eq!(sniff(&[0, 0, 0, 1, 0x67, 0x42]), Some(Ok(())));
        assert_eq!(sniff(&[0, 0, 1, 0x09, 0xf0]), Some(Ok(())));
        assert_eq!(sniff(&[0x41, 0x9a, 0x33, 0, 0, 1, 0x67, 0x42]), Some(Ok(())), "a stream joined in the middle");
    }

    #[test]
    fn too_few_bytes_tell_nothing() {
        for bytes in [&[][..], &[0, 0], &[0, 0, 1], &[0, 0, 1, 0x67], b"hello"] {
            assert_eq!(sniff(bytes), None, "{bytes:?}");
        }
        assert_eq!(ended_early(0), NotH264::Empty);
        assert_eq!(ended_early(5), NotH264::NoStartCode { bytes: 5 });
    }

    #[test]
    fn what_is_something_else_is_named() {
        let mut transport = vec![0xff; 400];
        (transport[0], transport[188]) = (0x47, 0x47);
        for (bytes, name) in [
            (&b"\0\0\0\x20ftypisom"[..], "MP4"),
            (&[0x1a, 0x45, 0xdf, 0xa3, 1], "Matroska"),
            (&[0, 0, 1, 0xba, 0x44], "program stream"),
            (&[0, 0, 0, 1, 0x40, 0x01, 0x0c], "H.265"),
            (&transport, "transport stream"),
        ] {
            let refusal = sniff(bytes).unwrap().unwrap_err().to_string();
            assert!(refusal.contains(name), "{refusal}");
        }
        assert_eq!(sniff(&[7; SNIFFED_BYTES]), Some(Err(NotH264::NoStartCode { bytes: SNIFFED_BYTES })));
    }
}
