//! The announce: everything a receiver needs to read a stream, sent with every keyframe and at least every
//! 100 ms.
//!
//! ```text
//! clear   | salt, 16 bytes |
//! sealed  | session time µs u64 | unix time at session start µs u64 (0: no clock) | clock id u32 (0: none)
//!         | next ESI u32 | unit interval µs u32 | payload u8 | code u8 | window units u8 | redundancy ‰ u16
//!         | type u8, length u8, value | ... |
//! ```
//!
//! Types nobody knows are skipped. Type 1 carries the transmitter's share of the latency ledger.

use serde::Serialize;

use super::{WireError, take};
use crate::fec::{Code, FecConfig};

const HEADER: &str = "announce";
/// Length of the salt in bytes.
pub const SALT_LEN: usize = 16;
/// Length of the fixed part of the sealed body in bytes.
const FIXED_LEN: usize = 33;
/// Type of the latency ledger: four u32 in µs.
const TYPE_LATENCY: u8 = 1;

/// What the datagrams of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// Anything: carried as it is.
    #[default]
    Opaque,
    /// H.264 in RTP (RFC 6184), packetized by the transmitter from Annex B.
    H264,
    /// RTP from elsewhere with H.264 in it, carried 1:1.
    RtpH264,
    /// RTP from elsewhere with anything else in it, carried 1:1.
    Rtp,
    /// RTP from elsewhere with H.265 in it (RFC 7798), carried 1:1.
    RtpH265,
    /// A number a later version may have given a meaning.
    Unknown(u8),
}

/// How long the transmitter's own stages took over the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TxLatency {
    /// Capture to encoded, median, in µs.
    pub encode_p50_us: u32,
    /// Capture to encoded, 95th percentile, in µs.
    pub encode_p95_us: u32,
    /// Encoded to first frame injected, median, in µs.
    pub queue_p50_us: u32,
    /// Encoded to first frame injected, 95th percentile, in µs.
    pub queue_p95_us: u32,
}

/// The sealed part of an announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// When this announce was made, in µs since the session's start.
    pub session_time_us: u64,
    /// Wall clock at the session's start in µs since 1970, where the transmitter has one. Orders sessions.
    pub unix_start_us: Option<u64>,
    /// Which machine's clock that is, so that a receiver on the same machine knows it is its own.
    pub clock_id: Option<u32>,
    /// The ESI of the next source packet of this stream.
    pub next_esi: u32,
    /// Time from one unit to the next as far as the transmitter knows it, in µs.
    pub unit_interval_us: Option<u32>,
    /// What the datagrams are.
    pub payload: Payload,
    /// How the stream is protected.
    pub fec: FecConfig,
    /// The transmitter's share of the latency ledger.
    pub latency: Option<TxLatency>,
}

impl Announce {
    /// Reads the sealed body.
    ///
    /// # Errors
    /// Too short, a code nobody knows, or an extension longer than what is left.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(body);
        if body.len() < FIXED_LEN {
            return Err(WireError::Truncated { header: HEADER, found: body.len(), expected: FIXED_LEN });
        }
        let mut announce = Self {
            session_time_us: u64::from_be_bytes(reader.take()?),
            unix_start_us: some_unless(0, u64::from_be_bytes(reader.take()?)),
            clock_id: some_unless(0, u32::from_be_bytes(reader.take()?)),
            next_esi: u32::from_be_bytes(reader.take()?),
            unit_interval_us: some_unless(0, u32::from_be_bytes(reader.take()?)),
            payload: Payload::from_byte(u8::from_be_bytes(reader.take()?)),
            fec: FecConfig {
                code: code_from_byte(u8::from_be_bytes(reader.take()?))?,
                window_units: u8::from_be_bytes(reader.take()?),
                redundancy_permille: u16::from_be_bytes(reader.take()?),
            },
            latency: None,
        };
        while let Some((kind, value)) = reader.extension()? {
            if kind == TYPE_LATENCY {
                announce.latency = Some(TxLatency::parse(value)?);
            }
        }
        Ok(announce)
    }

    /// Appends the sealed body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.session_time_us.to_be_bytes());
        out.extend_from_slice(&self.unix_start_us.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&self.clock_id.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&self.next_esi.to_be_bytes());
        out.extend_from_slice(&self.unit_interval_us.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&[self.payload.byte(), code_byte(self.fec.code), self.fec.window_units]);
        out.extend_from_slice(&self.fec.redundancy_permille.to_be_bytes());
        if let Some(latency) = self.latency {
            out.extend_from_slice(&[TYPE_LATENCY, TxLatency::LEN]);
            latency.emit(out);
        }
    }
}

impl TxLatency {
    const LEN: u8 = 16;

    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(value);
        Ok(Self {
            encode_p50_us: u32::from_be_bytes(reader.take()?),
            encode_p95_us: u32::from_be_bytes(reader.take()?),
            queue_p50_us: u32::from_be_bytes(reader.take()?),
            queue_p95_us: u32::from_be_bytes(reader.take()?),
        })
    }

    fn emit(self, out: &mut Vec<u8>) {
        for us in [self.encode_p50_us, self.encode_p95_us, self.queue_p50_us, self.queue_p95_us] {
            out.extend_from_slice(&us.to_be_bytes());
        }
    }
}

impl Payload {
    /// Whether the datagrams are RTP with H.264 in it.
    #[must_use]
    pub const fn is_h264(self) -> bool {
        matches!(self, Self::H264 | Self::RtpH264)
    }

    /// Whether the datagrams are RTP with video in it, the marker of which ends units.
    #[must_use]
    pub const fn is_video(self) -> bool {
        self.is_h264() || matches!(self, Self::RtpH265)
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Opaque => 0,
            Self::H264 => 1,
            Self::RtpH264 => 2,
            Self::Rtp => 3,
            Self::RtpH265 => 4,
            Self::Unknown(byte) => byte,
        }
    }

    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Opaque,
            1 => Self::H264,
            2 => Self::RtpH264,
            3 => Self::Rtp,
            4 => Self::RtpH265,
            byte => Self::Unknown(byte),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = take::<N>(HEADER, self.0)?;
        self.0 = rest;
        Ok(*head)
    }

    fn extension(&mut self) -> Result<Option<(u8, &'a [u8])>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let [kind, len] = self.take()?;
        let len = usize::from(len);
        let truncated = WireError::Truncated { header: HEADER, found: self.0.len(), expected: len };
        let (value, rest) = self.0.split_at_checked(len).ok_or(truncated)?;
        self.0 = rest;
        Ok(Some((kind, value)))
    }
}

fn some_unless<T: PartialEq>(none: T, value: T) -> Option<T> {
    (value != none).then_some(value)
}

const fn code_byte(code: Code) -> u8 {
    match code {
        Code::None => 0,
        Code::Window => 1,
        Code::Block => 2,
    }
}

const fn code_from_byte(byte: u8) -> Result<Code, WireError> {
    match byte {
        0 => Ok(Code::None),
        1 => Ok(Code::Window),
        2 => Ok(Code::Block),
        _ => Err(WireError::Malformed { header: HEADER, field: "code", found: byte as u32 }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANNOUNCE: Announce = Announce {
        session_time_us: 0x0102_0304_0506_0708,
        unix_start_us: Some(0x1112_1314_1516_1718),
        clock_id: Some(0x2122_2324),
        next_esi: 0x3132_3334,
        unit_interval_us: Some(16_667),
        payload: Payload::H264,
        fec: FecConfig { code: Code::Window, redundancy_permille: 500, window_units: 4 },
        latency: Some(TxLatency { encode_p50_us: 1, encode_p95_us: 2, queue_p50_us: 3, queue_p95_us: 4 }),
    };

    #[rustfmt::skip]
    const BYTES: &[u8] = &[
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // session time
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, // unix time at start
        0x21, 0x22, 0x23, 0x24,                         // clock id
        0x31, 0x32, 0x33, 0x34,                         // next ESI
        0x00, 0x00, 0x41, 0x1b,                         // unit interval
        0x01, 0x01, 0x04,                               // H.264, window code, 4 units
        0x01, 0xf4,                                     // 500 ‰
        0x01, 0x10,                                     // latency, 16 bytes
        0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
    ];

    #[test]
    fn the_announce_is_these_bytes() {
        let mut bytes = Vec::new();
        ANNOUNCE.emit(&mut bytes);
        assert_eq!(bytes, BYTES);
        assert_eq!(Announce::parse(BYTES), Ok(ANNOUNCE));
    }

    #[test]
    fn what_a_later_version_adds_is_skipped() {
        let bytes = [BYTES, &[0x7f, 0x02, 9, 9]].concat();
        assert_eq!(Announce::parse(&bytes), Ok(ANNOUNCE));
    }

    #[test]
    fn payloads_keep_their_numbers_and_others_wait_for_a_meaning() {
        use Payload::{H264, Opaque, Rtp, RtpH264, RtpH265, Unknown};
        for (number, payload) in (0..).zip([Opaque, H264, RtpH264, Rtp, RtpH265, Unknown(5)]) {
            assert_eq!((Payload::from_byte(number), payload.byte()), (payload, number));
        }
    }

    #[test]
    fn truncations_and_unknown_codes_are_refused() {
        for len in (0..FIXED_LEN).chain(FIXED_LEN + 1..BYTES.len()) {
            assert!(matches!(Announce::parse(&BYTES[..len]), Err(WireError::Truncated { .. })), "{len} bytes");
        }
        let mut bytes = BYTES.to_vec();
        bytes[29] = 9;
        assert!(matches!(Announce::parse(&bytes), Err(WireError::Malformed { field: "code", found: 9, .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
            let _ = Announce::parse(&bytes);
        }
    }
}
