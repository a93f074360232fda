//! Which packets a receiver needs no copy of.

use std::time::Instant;

use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;

use super::heard::{Heard, Look};
use super::session::Session;
use super::stream::StreamReceiver;
use super::{Outcome, Receiver};

/// The newest packets of one kind in one stream of a session that need no copy: those that were heard and authentic,
/// source packets that repairs brought back or whose turn has passed, and all repairs while there is nothing to repair.
/// A source packet that is known stays known.
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

    /// What is known of the packets of one kind; `None` before the first.
    pub(super) fn of(
        (session, stream, kind): (u32, u8, Kind),
        heard: &Heard,
        receiver: Option<&StreamReceiver>,
    ) -> Option<Self> {
        let needless = match kind {
            Kind::WindowRepair | Kind::BlockRepair => receiver.is_some_and(|stream| !stream.misses_any()),
            Kind::Source | Kind::Announce => false,
        };
        let settled = |stream: &StreamReceiver, esi| stream.is_known(esi) || stream.is_past(esi);
        let recovered = |esi| kind == Kind::Source && receiver.is_some_and(|stream| settled(stream, esi));
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

/// What a packet that is known is called, in either dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketName {
    /// The session, as [`Datagram::session`](super::Datagram::session).
    pub session: u32,
    /// The stream.
    pub stream: u8,
    /// Whether it carries a datagram; else it repairs or announces.
    pub is_source: bool,
    /// Its number among those of its kind, wrapping.
    pub sequence: u32,
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

impl Receiver {
    /// A card of a relay heard a packet that was not forwarded because it is known here: `frame` is a captured
    /// frame's radiotap and packet headers, or more of it. Counted for that card as a copy; anything else is not counted.
    pub fn handle_heard(&mut self, card: usize, frame: &[u8], now: Instant) {
        let Ok((info, dot11)) = RxHeader::parse(frame) else { return };
        let Ok((header, _)) = PacketHeader::parse(dot11) else { return };
        if info.bad_fcs || !self.knows(&header) {
            return;
        }
        let card = self.cards.admit(card);
        let Some(session) = self.sessions.current() else { return };
        if matches!(session.look(&header, card), Look::Fresh | Look::Duplicate) {
            session.remember(&header, card);
            self.cards.with(card, |card| {
                card.captured(Outcome::Duplicate, frame.len());
                if header.kind == Kind::Announce {
                    card.session_packet(Outcome::Duplicate);
                }
                card.duplicate(&info, now);
            });
            self.settle();
        }
    }

    /// Whether a packet was heard and authentic, or brought back by repairs: it needs no copy.
    #[must_use]
    pub fn knows(&self, header: &PacketHeader) -> bool {
        let followed = self.sessions.followed().filter(|session| session.id() == header.session);
        header.link == self.config.link && followed.is_some_and(|session| session.knows(header))
    }

    /// Which of the newest packets of the session that is followed need no copy: one entry for each kind heard in each
    /// stream, at most 32.
    pub fn known(&self) -> impl Iterator<Item = Known> {
        self.sessions.followed().into_iter().flat_map(Session::known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_packet_depends_on_where_it_is() {
        let known = Known { session: 1, stream: 0, kind: Kind::Source, next: 3, bits: [0b101, 0, 0, 1 << 63] };
        for (sequence, expected) in [
            (3, Told::Ahead),
            (2, Told::Known),
            (1, Told::Missing),
            (0, Told::Known),
            (u32::MAX, Told::Missing),
            (2_u32.wrapping_sub(255), Told::Known),
            (2_u32.wrapping_sub(256), Told::Behind),
            (u32::MAX / 2, Told::Ahead),
        ] {
            assert_eq!(known.tells(sequence), expected, "{sequence}");
        }
    }
}
