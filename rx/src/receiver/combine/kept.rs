//! Damaged copies kept for those that may come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::wire::packet::PacketHeader;

use super::copy::DamagedCopy;
use crate::receiver::fairness::gives_way;

/// Copies kept: those of packets no card heard whole are 40 within a latency budget where two cards fail a
/// third of 1500 frames a second each. Beyond, stations that have most give way. At most 1 MiB.
pub(super) const MAX_COPIES: usize = 256;

/// Copies of a packet that are kept of one card: where two cards transmit, each packet comes twice.
const MAX_OF_CARD: usize = 2;
/// Copies of a packet that are kept of all cards: as many as a set of them has room for.
const MAX_OF_PACKET: usize = u64::BITS as usize;
/// Kept copies that are compared with one that comes, byte by byte: others that begin alike are made up.
const MAX_COMPARED: usize = 16;

/// Copies in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Kept {
    copies: VecDeque<DamagedCopy>,
    free: Vec<Vec<u8>>,
    packets: u64,
}

/// What a copy is to those that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// The first of its packet.
    First,
    /// Another of this packet.
    Packet(u64),
    /// Another of a packet this card has brought two copies of.
    Enough,
}

impl Kept {
    pub(super) fn len(&self) -> u64 {
        self.copies.len() as u64
    }

    /// Memory for a copy to come.
    pub(super) fn free(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_default()
    }

    pub(super) fn recycle(&mut self, copy: DamagedCopy) {
        if self.free.len() < MAX_COPIES {
            self.free.push(copy.frame);
        }
    }

    /// Which packet this is a copy of.
    pub(super) fn packet_of(&self, copy: &DamagedCopy) -> Joined {
        let mut resembling = self.copies.iter().filter(|kept| kept.resembles(copy)).take(MAX_COMPARED);
        let Some(packet) = resembling.find(|kept| kept.is_alike(copy)).map(|kept| kept.packet) else {
            return Joined::First;
        };
        let of_card = self.copies(packet).filter(|kept| kept.origin.card == copy.origin.card).count();
        let is_enough = of_card >= MAX_OF_CARD || self.copies(packet).count() >= MAX_OF_PACKET;
        if is_enough { Joined::Enough } else { Joined::Packet(packet) }
    }

    /// Whether all copies it has joined, if any, have this header.
    pub(super) fn all_say(&self, joined: Joined, header: Option<PacketHeader>) -> bool {
        match joined {
            Joined::Packet(packet) => self.copies(packet).all(|kept| kept.header == header),
            Joined::First | Joined::Enough => true,
        }
    }

    /// Keeps a copy; returns the packet it is of.
    pub(super) fn keep(&mut self, mut copy: DamagedCopy, joined: Joined) -> u64 {
        copy.packet = match joined {
            Joined::Packet(packet) => packet,
            Joined::First | Joined::Enough => {
                self.packets += 1;
                self.packets
            }
        };
        let packet = copy.packet;
        self.copies.push_back(copy);
        packet
    }

    /// Drops what is too much; returns how many copies gave way.
    pub(super) fn make_room(&mut self) -> u64 {
        if self.copies.len() <= MAX_COPIES {
            return 0;
        }
        let oldest = gives_way(self.copies.iter().map(|copy| copy.origin));
        let copy = oldest.and_then(|at| self.copies.remove(at));
        copy.into_iter().map(|copy| self.recycle(copy)).count() as u64
    }

    /// Drops copies older than `keep_for`; returns how many.
    pub(super) fn expire(&mut self, now: Instant, keep_for: Duration) -> u64 {
        let mut expired = 0;
        while let Some(copy) = self.copies.pop_front_if(|copy| copy.at + keep_for <= now) {
            self.recycle(copy);
            expired += 1;
        }
        expired
    }

    /// The copies of a packet, the oldest first.
    pub(super) fn copies(&self, packet: u64) -> impl Iterator<Item = &DamagedCopy> {
        self.copies.iter().filter(move |copy| copy.packet == packet)
    }

    /// Notes tries spent on a packet.
    pub(super) fn charge(&mut self, packet: u64, tries: u32) {
        let newest = self.copies.iter_mut().rfind(|copy| copy.packet == packet);
        newest.into_iter().for_each(|copy| copy.tries += tries);
    }

    /// Drops the copies of a packet; returns how many.
    pub(super) fn remove(&mut self, packet: u64) -> u64 {
        self.drop_where(|copy| copy.packet == packet)
    }

    /// Drops the copies that say they are of this packet; returns how many.
    pub(super) fn forget(&mut self, header: &PacketHeader) -> u64 {
        self.drop_where(|copy| copy.header.as_ref() == Some(header))
    }

    fn drop_where(&mut self, gone: impl Fn(&DamagedCopy) -> bool) -> u64 {
        if self.copies.is_empty() {
            return 0;
        }
        let before = self.copies.len();
        let free = &mut self.free;
        self.copies.retain_mut(|copy| {
            let gone = gone(copy);
            if gone && free.len() < MAX_COPIES {
                free.push(std::mem::take(&mut copy.frame));
            }
            !gone
        });
        (before - self.copies.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::air::sim::Random;
    use skylark_common::wire::link::LinkId;
    use skylark_common::wire::packet::Kind;

    use super::*;
    use crate::receiver::fairness::Origin;

    const HEADER: PacketHeader =
        PacketHeader { link: LinkId::from_number(7), stream: 0, kind: Kind::Source, session: 9, sequence: 5 };

    /// A copy of packet `number`, its sealed bytes changed from `from` to `to`.
    fn copy(card: usize, number: u64, wrong: std::ops::Range<usize>, at: Instant) -> DamagedCopy {
        let mut random = Random::new(number);
        let mut sealed: Vec<u8> = (0..200).map(|_| random.bits().to_be_bytes()[0]).collect();
        sealed[wrong].iter_mut().for_each(|byte| *byte ^= 0xff);
        let frame = [&HEADER.emit()[..], &sealed].concat();
        let origin = Origin { card, station: card };
        DamagedCopy::read(Vec::new(), origin, &frame, HEADER.link, HEADER.session, at).unwrap()
    }

    fn keep(kept: &mut Kept, copy: DamagedCopy) -> u64 {
        let joined = kept.packet_of(&copy);
        kept.keep(copy, joined);
        kept.make_room()
    }

    #[test]
    fn copies_find_each_other_by_their_bytes() {
        let now = Instant::now();
        let mut kept = Kept::default();
        keep(&mut kept, copy(0, 1, 0..9, now));
        assert_eq!(kept.packet_of(&copy(1, 2, 0..9, now)), Joined::First, "another packet with the same header");
        assert_eq!(kept.packet_of(&copy(1, 1, 50..99, now)), Joined::Packet(1));
        keep(&mut kept, copy(0, 1, 50..99, now));
        assert_eq!(kept.packet_of(&copy(0, 1, 50..60, now)), Joined::Enough, "the third by the same card");
        assert_eq!(kept.packet_of(&copy(1, 1, 50..60, now)), Joined::Packet(1));
        assert_eq!(kept.packet_of(&copy(1, 1, 9..199, now)), Joined::First, "hardly anything in common");
    }

    #[test]
    fn a_card_that_brings_most_displaces_only_its_own() {
        let now = Instant::now();
        let mut kept = Kept::default();
        (0..100).for_each(|number| assert_eq!(keep(&mut kept, copy(0, number, 0..9, now)), 0));
        let gave_way: u64 = (100..1000).map(|number| keep(&mut kept, copy(1, number, 0..9, now))).sum();
        assert_eq!((gave_way, kept.len()), (900 - 156, MAX_COPIES as u64));
        assert!((0..100).all(|number| matches!(kept.packet_of(&copy(2, number, 0..1, now)), Joined::Packet(_))));
    }

    #[test]
    fn copies_are_kept_for_a_bounded_time_and_forgotten_when_their_packet_is_known() {
        let now = Instant::now();
        let mut kept = Kept::default();
        let budget = Duration::from_millis(150);
        keep(&mut kept, copy(0, 1, 0..9, now));
        keep(&mut kept, copy(0, 2, 0..9, now + budget));
        assert_eq!((kept.expire(now + budget, budget), kept.len()), (1, 1));
        assert_eq!(kept.forget(&PacketHeader { sequence: 6, ..HEADER }), 0);
        assert_eq!((kept.forget(&HEADER), kept.len()), (1, 0));
    }
}
