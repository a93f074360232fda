//! The packet inside an 802.11 frame: how addresses and sequence number say what it is.
//!
//! ```text
//! address 2  | 56 4c | link id, 24 bit            | stream, 8 bit (bit 7: ground to air) |
//! address 3  | 56    | version, 4 bit; kind, 4 bit | session id, 24 bit | sequence 31..24  |
//! then       | sequence 23..0 | body |
//! ```
//!
//! Both addresses are locally administered and individual (IEEE 802.11-2020 9.2.4.3). Addresses 2 and 3
//! are the associated data of the seal; the sequence number is in its nonce.

use super::dot11::Dot11;
use super::link::LinkId;
use super::{WireError, take};

/// The version of the format this program speaks.
pub const VERSION: u8 = 1;

/// First bytes of address 2 of every Skylark frame.
const TRANSMITTER_PREFIX: [u8; 2] = [0x56, 0x4c];
/// First byte of address 3.
const DESTINATION_PREFIX: u8 = 0x56;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// One datagram with its marks: a source symbol.
    Source = 1,
    /// A repair of the sliding-window code.
    WindowRepair = 2,
    /// A repair of the block code.
    BlockRepair = 3,
    /// How to read the session: [`super::announce`].
    Announce = 4,
}

/// What addresses and sequence number of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// The link.
    pub link: LinkId,
    /// The stream; bit 7 set is ground to air.
    pub stream: u8,
    /// What the packet is.
    pub kind: Kind,
    /// Short name of the session, 24 bits.
    pub session: u32,
    /// Counts the packets of this kind in this stream of this session. Of a source packet it is the
    /// encoding symbol id.
    pub sequence: u32,
}

impl PacketHeader {
    /// Length in bytes, 802.11 header included.
    pub const LEN: usize = Dot11::LEN + 3;
    /// Length of [`associated_data`](Self::associated_data).
    pub const ASSOCIATED_LEN: usize = 12;

    /// Reads the header and returns the body behind it.
    ///
    /// # Errors
    /// The frame is too short, not ours, of another version or of no kind we know.
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let (dot11, rest) = Dot11::parse(frame)?;
        let [p0, p1, l0, l1, l2, stream] = dot11.transmitter;
        let [p2, version_and_kind, s0, s1, s2, high] = dot11.destination;
        if [p0, p1] != TRANSMITTER_PREFIX || p2 != DESTINATION_PREFIX {
            return Err(WireError::Foreign);
        }
        let link = LinkId::from_number(u32::from_be_bytes([0, l0, l1, l2]));
        let ([n0, n1, n2], body) = take::<3>("packet", rest)?;
        let session = u32::from_be_bytes([0, s0, s1, s2]);
        let sequence = u32::from_be_bytes([high, *n0, *n1, *n2]);
        let kind = parse_kind(version_and_kind)?;
        Ok((Self { link, stream, kind, session, sequence }, body))
    }

    /// The link a frame names, if it is a Skylark frame of any version and kind.
    #[must_use]
    pub fn peek_link(frame: &[u8]) -> Option<LinkId> {
        let (dot11, _) = Dot11::parse(frame).ok()?;
        let [p0, p1, l0, l1, l2, _] = dot11.transmitter;
        ([p0, p1] == TRANSMITTER_PREFIX).then(|| LinkId::from_number(u32::from_be_bytes([0, l0, l1, l2])))
    }

    /// The header's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let [_, n0, n1, n2] = self.sequence.to_be_bytes();
        let mut bytes = [0; Self::LEN];
        let (dot11, sequence) = bytes.split_at_mut(Dot11::LEN);
        dot11.copy_from_slice(&self.dot11().emit());
        sequence.copy_from_slice(&[n0, n1, n2]);
        bytes
    }

    /// What the seal protects beside the body: addresses 2 and 3.
    #[must_use]
    pub fn associated_data(&self) -> [u8; Self::ASSOCIATED_LEN] {
        let dot11 = self.dot11();
        let [t0, t1, t2, t3, t4, t5] = dot11.transmitter;
        let [d0, d1, d2, d3, d4, d5] = dot11.destination;
        [t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5]
    }

    fn dot11(&self) -> Dot11 {
        let [p0, p1] = TRANSMITTER_PREFIX;
        let [_, l0, l1, l2] = self.link.number().to_be_bytes();
        let [_, s0, s1, s2] = self.session.to_be_bytes();
        let [high, ..] = self.sequence.to_be_bytes();
        let version_and_kind = (VERSION << 4) | self.kind as u8;
        Dot11 {
            transmitter: [p0, p1, l0, l1, l2, self.stream],
            destination: [DESTINATION_PREFIX, version_and_kind, s0, s1, s2, high],
        }
    }
}

fn parse_kind(version_and_kind: u8) -> Result<Kind, WireError> {
    let version = version_and_kind >> 4;
    if version != VERSION {
        return Err(WireError::Version { found: version, expected: VERSION });
    }
    match version_and_kind & 0x0f {
        1 => Ok(Kind::Source),
        2 => Ok(Kind::WindowRepair),
        3 => Ok(Kind::BlockRepair),
        4 => Ok(Kind::Announce),
        kind => Err(WireError::Malformed { header: "packet", field: "kind", found: u32::from(kind) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: PacketHeader = PacketHeader {
        link: LinkId::from_number(0x37_a8_ee),
        stream: 0x81,
        kind: Kind::WindowRepair,
        session: 0x0a_0b_0c,
        sequence: 0x0102_0304,
    };

    #[rustfmt::skip]
    const BYTES: [u8; PacketHeader::LEN] = [
        0x08, 0x01, 0x00, 0x00,                     // data, to DS; duration
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,         // broadcast
        0x56, 0x4c, 0x37, 0xa8, 0xee, 0x81,         // prefix, link, stream 1 up
        0x56, 0x12, 0x0a, 0x0b, 0x0c, 0x01,         // prefix, version 1 window repair, session, sequence
        0x00, 0x00,                                 // sequence control
        0x02, 0x03, 0x04,                           // rest of the sequence
    ];

    #[test]
    fn the_header_is_these_bytes() {
        assert_eq!(HEADER.emit(), BYTES);
        assert_eq!(PacketHeader::parse(&BYTES), Ok((HEADER, &[][..])));
        assert_eq!(HEADER.associated_data(), BYTES[10..22]);
        assert_eq!(PacketHeader::peek_link(&BYTES), Some(HEADER.link));
    }

    #[test]
    fn every_truncation_is_refused() {
        for len in 0..BYTES.len() {
            assert!(matches!(PacketHeader::parse(&BYTES[..len]), Err(WireError::Truncated { .. })));
        }
    }

    #[test]
    fn other_frames_versions_and_kinds_are_told_apart() {
        let with = |at: usize, value: u8| {
            let mut bytes = BYTES;
            bytes[at] = value;
            PacketHeader::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(10, 0x57), WireError::Foreign);
        assert_eq!(with(16, 0x57), WireError::Foreign);
        assert_eq!(with(17, 0x22), WireError::Version { found: 2, expected: 1 });
        assert_eq!(with(17, 0x15), WireError::Malformed { header: "packet", field: "kind", found: 5 });
    }
}
