//! Link id and radio port: which frames belong together, in the addresses of the 802.11 header.
//!
//! ```text
//! addresses 2 and 3   | 57 42 | link id u24 | radio port u8 |
//! ```

use std::fmt;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::wire::WireError;
use crate::wire::dot11::Dot11;

/// What every address of the dialect begins with: "WB", locally administered.
const PREFIX: [u8; 2] = [0x57, 0x42];
/// Frame control, first byte, of the frames a transmitter sends that asks the stations around to be silent: an RTS with the
/// header of a data frame.
const RTS: u8 = 0xb4;
/// Ports from here on carry what goes up to the aircraft.
const FIRST_UP_PORT: u8 = 128;

/// One stream of one link: 24 bits of link id, 8 of radio port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(u32);

impl ChannelId {
    /// The port of video from the aircraft.
    pub const VIDEO: u8 = 0;

    /// The stream of this port; only the low 24 bits of the link id count.
    #[must_use]
    pub const fn new(link_id: u32, radio_port: u8) -> Self {
        Self((link_id & 0x00ff_ffff) << 8 | radio_port as u32)
    }

    /// The stream with this number, as session packets carry it.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number: link id, then port.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The link id, 24 bits.
    #[must_use]
    pub const fn link_id(self) -> u32 {
        self.0 >> 8
    }

    /// The port.
    #[must_use]
    pub const fn radio_port(self) -> u8 {
        self.0.to_be_bytes()[3]
    }

    /// Whether it goes from the ground to the aircraft.
    #[must_use]
    pub const fn goes_up(self) -> bool {
        self.radio_port() >= FIRST_UP_PORT
    }

    /// The addresses of its frames.
    #[must_use]
    pub const fn dot11(self) -> Dot11 {
        let [l0, l1, l2, port] = self.0.to_be_bytes();
        let address = [PREFIX[0], PREFIX[1], l0, l1, l2, port];
        Dot11 { transmitter: address, destination: address }
    }

    /// Reads the header of a frame, a data frame or one of RTS mode, and returns the packet behind it.
    ///
    /// # Errors
    /// None of this dialect, or too short for one.
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let is_rts = frame.first() == Some(&RTS);
        let (header, packet) = if is_rts { Dot11::read(frame) } else { Dot11::parse(frame) }?;
        Ok((Self::of(header).ok_or(WireError::Foreign)?, packet))
    }

    /// Whose frame this is; `None` if it is none of this dialect.
    #[must_use]
    pub fn of(header: Dot11) -> Option<Self> {
        let [p0, p1, l0, l1, l2, port] = header.transmitter;
        let is_ours = [p0, p1] == PREFIX && header.transmitter == header.destination;
        is_ours.then_some(Self(u32::from_be_bytes([l0, l1, l2, port])))
    }
}

/// The link id of a link domain: the first three bytes of SHA-1 over its name.
#[must_use]
pub fn link_id_of_domain(name: &str) -> u32 {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    hash.as_ref().iter().take(3).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.link_id(), self.radio_port())
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_domain_has_the_link_id_most_cameras_use() {
        assert_eq!(link_id_of_domain("default"), 7_669_206);
    }

    #[test]
    fn addresses_carry_link_id_and_port() {
        let channel = ChannelId::new(7_669_206, 16);
        assert_eq!(channel.dot11().transmitter, [0x57, 0x42, 0x75, 0x05, 0xd6, 16]);
        assert_eq!(ChannelId::of(channel.dot11()), Some(channel));
        assert_eq!(channel.to_string(), "7669206 port 16");
        assert!(!channel.goes_up() && ChannelId::new(1, 144).goes_up());
    }

    #[test]
    fn frames_of_both_types_are_read_and_no_others() {
        let channel = ChannelId::new(7_669_206, 16);
        let mut frame = channel.dot11().emit().to_vec();
        frame.push(9);
        for (control, expected) in
            [(0x08, Ok((channel, &[9][..]))), (0xb4, Ok((channel, &[9][..]))), (0x88, Err(WireError::Foreign))]
        {
            frame[0] = control;
            assert_eq!(ChannelId::parse(&frame), expected);
        }
        frame[0] = 0xb4;
        for len in 1..Dot11::LEN {
            assert!(matches!(ChannelId::parse(&frame[..len]), Err(WireError::Truncated { .. })));
        }
        frame[10] = 0x56;
        assert_eq!(ChannelId::parse(&frame), Err(WireError::Foreign));
    }

    #[test]
    fn addresses_of_others_are_not_taken() {
        let ours = ChannelId::new(1, 0).dot11();
        assert_eq!(ChannelId::of(Dot11 { destination: [0; 6], ..ours }), None);
        assert_eq!(ChannelId::of(Dot11 { transmitter: [2, 0x42, 0, 0, 1, 0], ..ours }), None);
    }
}
