//! One damaged copy of a packet, with everything set right that is known beforehand.

use std::time::Instant;

use skylark_common::seal::session::TAG_LEN;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::repair::BLOCK_LEN;
use skylark_common::wire::symbol::Symbol;

use crate::receiver::fairness::Origin;

/// Known bits of the addresses that may be wrong: one burst's. Of any other frame half of 84 are.
const MAX_WRONG_BITS: u32 = 16;
/// Longest frame of a transmitter: a block repair of the longest symbols. A longer one would have more neighbors at
/// one burst, of which a forged tag may fit any.
const MAX_BYTES: usize = PacketHeader::LEN + BLOCK_LEN + Symbol::MAX_LEN + TAG_LEN;
/// Places at which two copies of a packet are compared first: more than bursts of two copies can spoil.
const WORDS: usize = 8;

/// Which bits of a header are the same in all packets of a session, or the card's affair: all but stream,
/// kind and sequence.
#[rustfmt::skip]
const KNOWN: [u8; PacketHeader::LEN] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
    0xff, 0xf0, 0xff, 0xff, 0xff, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00,
];
/// Where the addresses are that say whose frame it is.
const ADDRESSES: std::ops::Range<usize> = 10..22;

/// A damaged copy.
#[derive(Debug)]
pub(super) struct DamagedCopy {
    /// Who brought it.
    pub(super) origin: Origin,
    /// When.
    pub(super) at: Instant,
    /// Its frame, 802.11 header first.
    pub(super) frame: Vec<u8>,
    /// What its header says, damaged or not.
    pub(super) header: Option<PacketHeader>,
    /// Copies of the same packet have the same number.
    pub(super) packet: u64,
    /// Tries that were spent on it.
    pub(super) tries: u32,
    words: [u64; WORDS],
}

impl DamagedCopy {
    /// Reads a damaged frame into `frame`; `None` if it is none of this link and session, as far as that shows.
    pub(super) fn read(
        mut frame: Vec<u8>,
        origin: Origin,
        dot11: &[u8],
        link: LinkId,
        session: u32,
        at: Instant,
    ) -> Option<Self> {
        let (head, sealed) = dot11.split_first_chunk::<{ PacketHeader::LEN }>()?;
        if sealed.len() < TAG_LEN || dot11.len() > MAX_BYTES {
            return None;
        }
        let expected = PacketHeader { link, stream: 0, kind: Kind::Source, session, sequence: 0 }.emit();
        let parts = || head.iter().zip(expected).zip(KNOWN);
        let wrong = |((found, expected), known): ((&u8, u8), u8)| ((found ^ expected) & known).count_ones();
        if parts().skip(ADDRESSES.start).take(ADDRESSES.len()).map(wrong).sum::<u32>() > MAX_WRONG_BITS {
            return None;
        }
        frame.clear();
        frame.extend(parts().map(|((found, expected), known)| found & !known | expected & known));
        frame.extend_from_slice(sealed);
        let header = PacketHeader::parse(&frame).ok().map(|(header, _)| header);
        Some(Self { origin, at, words: words(sealed), frame, header, packet: 0, tries: 0 })
    }

    /// Whether both may be copies of one packet, by their lengths and at eight places.
    pub(super) fn resembles(&self, other: &Self) -> bool {
        self.frame.len() == other.frame.len()
            && self.words.iter().zip(other.words).any(|(ours, theirs)| *ours == theirs)
    }

    /// Whether those that resemble each other are copies of one packet: sealed bytes of different packets have
    /// nothing in common.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let sealed = || self.frame.iter().zip(&other.frame).skip(PacketHeader::LEN);
        let differing = sealed().filter(|(ours, theirs)| ours != theirs).count();
        differing * 2 <= sealed().len()
    }
}

/// Pieces of the sealed bytes, spread over all of them.
fn words(sealed: &[u8]) -> [u64; WORDS] {
    let last = sealed.len().saturating_sub(size_of::<u64>());
    let mut words = [0; WORDS];
    for (number, word) in words.iter_mut().enumerate() {
        let at = last * number / (WORDS - 1);
        *word = sealed.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    }
    words
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    const HEADER: PacketHeader =
        PacketHeader { link: LinkId::from_number(0x37_a8_ee), stream: 3, kind: Kind::Source, session: 9, sequence: 5 };

    fn frame() -> Vec<u8> {
        [&HEADER.emit()[..], &[0x77; 60]].concat()
    }

    fn read(frame: &[u8]) -> Option<DamagedCopy> {
        DamagedCopy::read(
            Vec::new(),
            Origin { card: 0, station: 0 },
            frame,
            HEADER.link,
            HEADER.session,
            Instant::now(),
        )
    }

    #[test]
    fn what_is_known_is_set_right() {
        let mut damaged = frame();
        (0..10).for_each(|at| damaged[at] ^= 0xff);
        (12..14).for_each(|at| damaged[at] ^= 0xff);
        (22..24).for_each(|at| damaged[at] ^= 0xff);
        let copy = read(&damaged).unwrap();
        assert_eq!((copy.frame, copy.header), (frame(), Some(HEADER)));
    }

    #[test]
    fn stream_kind_and_sequence_stay_as_they_came() {
        for (at, bit) in [(15, 1), (17, 1), (17, 8), (21, 1), (24, 1), (26, 0x80)] {
            let mut damaged = frame();
            damaged[at] ^= bit;
            let copy = read(&damaged).unwrap();
            assert_eq!(copy.frame, damaged);
            assert_ne!(copy.header, Some(HEADER));
        }
    }

    #[test]
    fn frames_longer_than_any_that_is_sent_are_refused() {
        let longest = [&HEADER.emit()[..], &[0x77; 2076]].concat();
        assert!(read(&longest).is_some());
        assert!(read(&[&longest[..], &[0x77]].concat()).is_none());
    }

    #[test]
    fn other_frames_and_short_ones_are_refused() {
        let mut other = frame();
        (12..15).for_each(|at| other[at] ^= 0xff);
        assert!(read(&other).is_none(), "another link");
        assert!(read(&[0x80; 200]).is_none());
        for len in 0..PacketHeader::LEN + TAG_LEN {
            assert!(read(&frame()[..len]).is_none(), "{len} bytes");
        }
    }
}
