//! Tells what a byte stream is before any of it is sent: H.264, or what else.

use skylark_common::h264::{NalHeader, sps};
use thiserror::Error;

/// A file shows its parameter sets within so many bytes.
pub(super) const FILE_BYTES: usize = 64 << 10;
/// A live stream that was joined in the middle repeats them after a keyframe interval: two seconds at 4 Mbit/s.
pub(super) const LIVE_BYTES: usize = 1 << 20;

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
    /// Start codes, with nothing behind any of them that begins a stream.
    #[error(
        "no H.264 sequence parameter set in its first {bytes} bytes, expected one before the first keyframe: let the \
         encoder repeat its headers, as `rpicam-vid --inline` does"
    )]
    NoParameterSet {
        /// How many bytes were looked at.
        bytes: usize,
    },
    /// Something else.
    #[error("this is {found}, expected H.264: {hint}")]
    Other {
        /// What it is.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
}

/// Looks at the beginning of a stream until it tells what the stream is.
#[derive(Debug)]
pub(super) struct Sniffer {
    seen: Vec<u8>,
    /// Where the next start code is looked for.
    at: usize,
    started: bool,
    limit: usize,
}

const UNWRAP: &str = "take the H.264 out of it with `ffmpeg -i FILE -c copy OUT.h264`";
const ENCODE: &str = "set the encoder to H.264, or encode it with `ffmpeg -i FILE -c:v libx264 OUT.h264`";
const POINT: &str = "name a file or an encoder that holds or writes raw H.264";

impl Sniffer {
    /// Gives up after `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { seen: Vec::new(), at: 0, started: false, limit }
    }

    /// Looks at the next bytes; `None` when what is there does not tell.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<Result<(), NotH264>> {
        self.seen.extend_from_slice(bytes);
        if let Some(verdict) = self.look() {
            return Some(verdict);
        }
        (self.seen.len() >= self.limit).then(|| self.end())
    }

    /// What is said of a stream that is over, or should have told by now.
    pub(super) fn end(&self) -> Result<(), NotH264> {
        let bytes = self.seen.len();
        match self.seen.get(self.at..) {
            // A parameter set that nothing follows yet.
            Some([0, 0, 1, nal @ ..]) if is_sequence_parameter_set(nal) => Ok(()),
            _ if bytes == 0 => Err(NotH264::Empty),
            _ if self.started => Err(NotH264::NoParameterSet { bytes }),
            _ => Err(NotH264::NoStartCode { bytes }),
        }
    }

    fn look(&mut self) -> Option<Result<(), NotH264>> {
        if let Some((found, hint)) = container(&self.seen) {
            return Some(Err(NotH264::Other { found, hint }));
        }
        loop {
            self.at += start_code(self.seen.get(self.at..)?)?;
            let nal = self.seen.get(self.at + 3..)?;
            let &[first, second, ..] = nal else { return None };
            if let Some(refusal) = other_video(first, second, self.started) {
                return Some(Err(refusal));
            }
            self.started = true;
            let end = start_code(nal);
            if NalHeader(first).kind() == NalHeader::SPS {
                // Where it ends shows in the next start code.
                if is_sequence_parameter_set(nal.get(..end?)?) {
                    return Some(Ok(()));
                }
            }
            self.at += 3 + end?;
        }
    }
}

fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

/// Whether these bytes are a sequence parameter set of a profile there is (H.264 7.4.2.1.1, Annex A, G, H).
fn is_sequence_parameter_set(nal: &[u8]) -> bool {
    let &[first, profile, ..] = nal else { return false };
    let header = NalHeader(first);
    let known =
        matches!(profile, 44 | 66 | 77 | 83 | 86 | 88 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244);
    header.kind() == NalHeader::SPS
        && !header.is_forbidden()
        && header.ref_idc() != 0
        && known
        && sps::parse(nal).is_ok()
}

/// What a file is by its first bytes, and what to do.
fn container(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let found = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "an MP4 file",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "a Matroska file",
        [b'F', b'L', b'V', 1, ..] => "an FLV file",
        [b'R', b'I', b'F', b'F', ..] => "an AVI file",
        [0x47, rest @ ..] if rest.get(187) == Some(&0x47) => "an MPEG transport stream",
        [0x7f, b'E', b'L', b'F', ..] => return Some(("a program", POINT)),
        _ => return None,
    };
    Some((found, UNWRAP))
}

/// What stands behind a start code, if that is not H.264.
fn other_video(first: u8, second: u8, started: bool) -> Option<NotH264> {
    let (found, hint) = match (first, second) {
        // A VPS, SPS or PPS of layer 0 (H.265 7.3.1.2), or its access unit delimiter.
        (0x40 | 0x42 | 0x44 | 0x46, 0x01) => ("H.265", ENCODE),
        _ if started => return None,
        (0xba, _) => ("an MPEG program stream", UNWRAP),
        (0xb3, _) => ("MPEG-1 or MPEG-2 video", ENCODE),
        (0xb0 | 0xb5, _) => ("MPEG-4 part 2 video", ENCODE),
        (first, _) if NalHeader(first).is_forbidden() => ("no video: no NAL unit behind the first start code", POINT),
        _ => return None,
    };
    Some(NotH264::Other { found, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of tests/data/clip.h264.
    const SPS: &[u8] = &[
        0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
        0x03, 0x03, 0xc8, 0xf1, 0x42, 0xa4, 0x80,
    ];
    const PPS: &[u8] = &[0, 0, 1, 0x68, 0xcb, 0x8c, 0xb2];
    const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x33];
    const LIMIT: usize = 1000;

    fn sniff(bytes: &[u8]) -> Option<Result<(), NotH264>> {
        Sniffer::new(LIMIT).push(bytes)
    }

    #[test]
    fn it_is_h264_when_a_parameter_set_is_whole_however_the_bytes_are_cut() {
        assert_eq!(sniff(&[SPS, PPS].concat()), Some(Ok(())));
        assert_eq!(
            sniff(&[&[0x9a, 0x33], SLICE, SLICE, &[0, 0, 1, 9, 0xf0], SPS, PPS].concat()),
            Some(Ok(())),
            "joined"
        );
        let mut sniffer = Sniffer::new(LIMIT);
        let whole = [SLICE, SPS, PPS].concat();
        let verdicts: Vec<_> = whole.iter().map(|byte| sniffer.push(&[*byte])).collect();
        assert_eq!(verdicts.iter().position(Option::is_some), Some(SLICE.len() + SPS.len() + 2));
        let mut sniffer = Sniffer::new(LIMIT);
        assert_eq!((sniffer.push(SPS), sniffer.end()), (None, Ok(())), "nothing else");
    }

    #[test]
    fn too_few_bytes_tell_nothing_until_they_end() {
        let end = |bytes: &[u8]| {
            let mut sniffer = Sniffer::new(LIMIT);
            assert_eq!(sniffer.push(bytes), None, "{bytes:?}");
            sniffer.end().unwrap_err()
        };
        assert_eq!(end(&[]), NotH264::Empty);
        assert_eq!(end(b"hello"), NotH264::NoStartCode { bytes: 5 });
        assert_eq!(end(&[0, 0, 1, 0x67]), NotH264::NoStartCode { bytes: 4 });
        assert_eq!(end(SLICE), NotH264::NoParameterSet { bytes: 7 });
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
            (&[0, 0, 0, 1, 0x02, 0x01, 0xd0, 0, 0, 1, 0x42, 0x01, 0x01], "H.265"),
            (&[0, 0, 1, 0xff, 0xff], "no video"),
            (b"\x7fELF\x02", "a program"),
            (&transport, "transport stream"),
        ] {
            let refusal = sniff(bytes).unwrap().unwrap_err().to_string();
            assert!(refusal.contains(name), "{refusal}");
        }
    }

    #[test]
    fn bytes_with_start_codes_and_no_parameter_set_are_refused_at_the_limit() {
        assert_eq!(sniff(&[7; LIMIT]), Some(Err(NotH264::NoStartCode { bytes: LIMIT })));
        let slices = SLICE.repeat(LIMIT / SLICE.len() + 1);
        assert_eq!(sniff(&slices), Some(Err(NotH264::NoParameterSet { bytes: slices.len() })));
        // A profile there is none of; one that cannot be read.
        for wrong in [&[0, 0, 1, 0x67, 0x13, 0xc0, 0x0d, 0xd9][..], &[0, 0, 1, 0x67, 0x42], &[0, 0, 1, 0x07, 0x42]] {
            assert_eq!(sniff(&[wrong, PPS].concat()), None, "{wrong:?}");
        }
    }
}
