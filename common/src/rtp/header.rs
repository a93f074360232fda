//! The RTP header (RFC 3550 5.1).

use thiserror::Error;

/// The fixed part of an RTP header.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---+-+-+-------+-+-------------+-------------------------------+
/// |V=2|P|X|  CC   |M|     PT      |        sequence number        |
/// +---+-+-+-------+-+-------------+-------------------------------+
/// |                           timestamp                           |
/// +---------------------------------------------------------------+
/// |                             SSRC                              |
/// +---------------------------------------------------------------+
/// |               CC × CSRC, with X an extension                  |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader {
    /// Whether this is the last datagram of an access unit.
    pub marker: bool,
    /// What the payload is, 0 to 127; 96 and above are agreed on elsewhere.
    pub payload_type: u8,
    /// Grows by one a datagram, wraps.
    pub sequence: u16,
    /// Sampling time, for video in 1/90000 s, wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

/// Why bytes are no RTP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtpError {
    /// It ends inside its header.
    #[error("an RTP datagram of {found} bytes, its header needs {expected}")]
    Short {
        /// Its length.
        found: usize,
        /// The length its header asks for.
        expected: usize,
    },
    /// Another version than 2.
    #[error("RTP version {found}, expected 2")]
    Version {
        /// The version it says.
        found: u8,
    },
    /// It is RTCP on the same port.
    #[error("payload type {found} is RTCP's, expected below 64 or above 95")]
    Rtcp {
        /// The payload type it would have.
        found: u8,
    },
    /// More padding than payload.
    #[error("{found} bytes of padding in a payload of {available}")]
    Padding {
        /// The padding it says.
        found: usize,
        /// The bytes behind the header.
        available: usize,
    },
}

impl RtpHeader {
    /// The length of what [`emit`](Self::emit) writes, in bytes.
    pub const LEN: usize = 12;

    /// The header and the payload behind it, CSRCs, extension and padding left out. RTCP is told apart by
    /// what would be its payload type (RFC 5761 4).
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), RtpError> {
        let short = |expected| RtpError::Short { found: bytes.len(), expected };
        let (&[flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3], rest) =
            bytes.split_first_chunk::<{ Self::LEN }>().ok_or(short(Self::LEN))?;
        if flags >> 6 != 2 {
            return Err(RtpError::Version { found: flags >> 6 });
        }
        if let found @ 64..=95 = kind & 0x7f {
            return Err(RtpError::Rtcp { found });
        }
        let csrc_bytes = usize::from(flags & 0x0f) * 4;
        let (_, mut rest) = rest.split_at_checked(csrc_bytes).ok_or(short(Self::LEN + csrc_bytes))?;
        if flags & 0x10 != 0 {
            rest = skip_extension(rest).map_err(|missing| short(bytes.len() + missing))?;
        }
        if flags & 0x20 != 0 {
            rest = strip_padding(rest)?;
        }
        let header = Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Ok((header, rest))
    }

    /// The header's bytes: version 2, without CSRC, extension and padding.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let kind = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }
}

/// What follows a header extension (RFC 3550 5.3.1), or how many bytes of it are missing.
fn skip_extension(bytes: &[u8]) -> Result<&[u8], usize> {
    let (&[_, _, high, low], rest) = bytes.split_first_chunk().ok_or(4_usize.saturating_sub(bytes.len()))?;
    let length = usize::from(u16::from_be_bytes([high, low])) * 4;
    rest.get(length..).ok_or(length.saturating_sub(rest.len()))
}

fn strip_padding(payload: &[u8]) -> Result<&[u8], RtpError> {
    let found = payload.last().map_or(0, |&count| usize::from(count));
    let refusal = RtpError::Padding { found, available: payload.len() };
    if found == 0 {
        return Err(refusal);
    }
    let length = payload.len().checked_sub(found).ok_or(refusal)?;
    payload.get(..length).ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In front of a datagram that ffmpeg 5.1 sent.
    const BYTES: [u8; 12] = [0x80, 0x60, 0x03, 0xc9, 0x16, 0x5d, 0xa3, 0xff, 0x32, 0x9c, 0x36, 0xa4];
    const HEADER: RtpHeader =
        RtpHeader { marker: false, payload_type: 96, sequence: 969, timestamp: 375_235_583, ssrc: 0x329c_36a4 };

    #[test]
    fn a_header_is_written_and_read() {
        assert_eq!(HEADER.emit(), BYTES);
        let datagram = [&BYTES[..], &[7, 8]].concat();
        assert_eq!(RtpHeader::parse(&datagram), Ok((HEADER, &[7, 8][..])));
        let marked = RtpHeader { marker: true, ..HEADER };
        assert_eq!(RtpHeader::parse(&marked.emit()), Ok((marked, &[][..])));
        assert_eq!(marked.emit()[1], 0xe0);
    }

    #[test]
    fn csrcs_an_extension_and_padding_are_left_out() {
        let mut datagram = BYTES.to_vec();
        datagram[0] = 0xb2;
        datagram.extend([1; 8]);
        datagram.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        datagram.extend([7, 8, 0, 0, 3]);
        assert_eq!(RtpHeader::parse(&datagram), Ok((HEADER, &[7, 8][..])));
        for length in 0..28 {
            let Err(RtpError::Short { found, expected }) = RtpHeader::parse(&datagram[..length]) else {
                panic!("{length} bytes taken")
            };
            assert!(found == length && expected > length);
        }
    }

    #[test]
    fn what_is_no_rtp_is_refused() {
        let changed = |at: usize, value: u8| {
            let mut datagram = [&BYTES[..], &[7, 8]].concat();
            datagram[at] = value;
            RtpHeader::parse(&datagram).map(|(_, payload)| payload.len())
        };
        assert_eq!(changed(0, 0x40), Err(RtpError::Version { found: 1 }));
        assert_eq!(changed(0, 0xa0), Err(RtpError::Padding { found: 8, available: 2 }));
        // An RTCP sender report is packet type 200.
        assert_eq!(changed(1, 200), Err(RtpError::Rtcp { found: 72 }));
        assert_eq!(changed(1, 26), Ok(2));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok((_, payload)) = RtpHeader::parse(&bytes) {
                prop_assert!(payload.len() + RtpHeader::LEN <= bytes.len());
            }
        }
    }
}
