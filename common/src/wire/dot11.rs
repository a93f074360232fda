//! The 802.11 data header (IEEE 802.11-2020 9.3.2.1), 24 bytes.
//!
//! ```text
//! | 08 01 | 00 00    | ff ff ff ff ff ff | transmitter | destination | sequence control u16 |
//! | frame | duration | address 1         | address 2   | address 3   | set by the card      |
//! ```
//!
//! Address 1 is broadcast: nobody acknowledges. What addresses 2 and 3 mean is the dialect's affair.

use super::{WireError, take};

/// Frame control, first byte: version 0, type data, subtype data.
const DATA: u8 = 0x08;
/// Frame control, second byte: to the distribution system, as every link of the field sends.
const TO_DS: u8 = 0x01;

/// Addresses 2 and 3 of a broadcast data frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dot11 {
    /// Address 2.
    pub transmitter: [u8; 6],
    /// Address 3.
    pub destination: [u8; 6],
}

impl Dot11 {
    /// Length of the header in bytes.
    pub const LEN: usize = 24;

    /// Reads the header and returns what follows it. Duration, sequence control and the flags a card may
    /// change (retry, power management) are not looked at.
    ///
    /// # Errors
    /// Not a plain data frame, or too short for one.
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), WireError> {
        if frame.first().is_some_and(|control| *control != DATA) {
            return Err(WireError::Foreign);
        }
        Self::read(frame)
    }

    /// Reads the header of a frame of any type that has these three addresses.
    pub(crate) fn read(frame: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let (header, rest) = take::<{ Self::LEN }>("802.11", frame)?;
        let [_, _, _, _, _, _, _, _, _, _, t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5, _, _] = *header;
        Ok((Self { transmitter: [t0, t1, t2, t3, t4, t5], destination: [d0, d1, d2, d3, d4, d5] }, rest))
    }

    /// The header's bytes.
    #[must_use]
    pub const fn emit(self) -> [u8; Self::LEN] {
        let [t0, t1, t2, t3, t4, t5] = self.transmitter;
        let [d0, d1, d2, d3, d4, d5] = self.destination;
        let b = 0xff;
        [DATA, TO_DS, 0, 0, b, b, b, b, b, b, t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Dot11 = Dot11 { transmitter: [1, 2, 3, 4, 5, 6], destination: [7, 8, 9, 10, 11, 12] };

    #[test]
    fn what_is_emitted_comes_back() {
        let mut frame = HEADER.emit().to_vec();
        frame.push(99);
        assert_eq!(Dot11::parse(&frame), Ok((HEADER, &[99][..])));
    }

    #[test]
    fn flags_a_card_may_set_do_not_matter() {
        let mut frame = HEADER.emit();
        frame[1] = 0x19;
        frame[22] = 0x70;
        assert_eq!(Dot11::parse(&frame), Ok((HEADER, &[][..])));
    }

    #[test]
    fn short_and_other_frames_are_refused() {
        let mut frame = HEADER.emit();
        for len in 0..frame.len() {
            assert!(matches!(Dot11::parse(&frame[..len]), Err(WireError::Truncated { .. })));
        }
        frame[0] = 0xd4;
        assert_eq!(Dot11::parse(&frame[..10]), Err(WireError::Foreign), "an ACK is no broken data frame");
    }
}
