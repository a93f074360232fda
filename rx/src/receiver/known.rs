//! Which of the newest packets a receiver needs no copy of.

use skylark_common::wire::packet::{Kind, PacketHeader};

use super::heard::Heard;
use super::stream::StreamReceiver;

/// The newest packets of one kind in one stream of a session: those that were heard and authentic, and source
/// packets that repairs brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The session.
    pub session: u32,
    /// The stream.
    pub stream: u8,
    /// The kind.
    pub kind: Kind,
    /// One more than the newest number known.
    pub next: u32,
    /// Bit `i` (bit 0 of word 0 is `i` = 0) says that packet `next − 1 − i` is known.
    pub bits: [u64; Self::WORDS],
}

impl Known {
    /// Packets told of. At 100 Mbit/s in packets of 1400 bytes these are the last 28 ms.
    pub const PACKETS: u32 = 256;
    /// Words of [`bits`](Self::bits).
    pub const WORDS: usize = 4;

    /// What is known of the packets of one kind; `None` before the first. Of repairs, all of them while there is
    /// nothing to repair.
    pub(super) fn of(
        (session, stream, kind): (u32, u8, Kind),
        heard: &Heard,
        receiver: Option<&StreamReceiver>,
    ) -> Option<Self> {
        let needless = match kind {
            Kind::WindowRepair | Kind::BlockRepair => receiver.is_some_and(|stream| !stream.misses_any()),
            Kind::Source | Kind::Announce => false,
        };
        let recovered = |esi| kind == Kind::Source && receiver.is_some_and(|stream| stream.is_known(esi));
        let heard_next = heard.next()?;
        let ahead = (0..Self::PACKETS).find(|ahead| !recovered(heard_next.wrapping_add(*ahead)));
        let next = heard_next.wrapping_add(ahead.unwrap_or(Self::PACKETS));
        let mut bits = [0; Self::WORDS];
        for (behind, word) in (0..).step_by(64).zip(&mut bits) {
            for bit in 0..64 {
                let sequence = next.wrapping_sub(behind + bit + 1);
                *word |= u64::from(needless || recovered(sequence) || heard.is_heard(sequence)) << bit;
            }
        }
        Some(Self { session, stream, kind, next, bits })
    }

    /// Whether it tells of packets like this one.
    #[must_use]
    pub fn is_about(&self, header: &PacketHeader) -> bool {
        (self.session, self.stream, self.kind) == (header.session, header.stream, header.kind)
    }

    /// What it tells of the packet with this number.
    #[must_use]
    pub fn tells(&self, sequence: u32) -> Told {
        let behind = self.next.wrapping_sub(1).wrapping_sub(sequence);
        if behind >= u32::MAX / 2 {
            return Told::Ahead;
        }
        let word = self.bits.get((behind / 64) as usize).copied();
        match word.map(|word| word >> (behind % 64) & 1) {
            Some(1) => Told::Known,
            Some(_) => Told::Missing,
            None => Told::Behind,
        }
    }
}

/// What is told of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is known.
    Known,
    /// Later ones are known, and it is not.
    Missing,
    /// It is later than all that are known.
    Ahead,
    /// It is older than those told of.
    Behind,
}
