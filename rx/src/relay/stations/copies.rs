//! Which relays heard the newest source packets, and which one brought them first.

use std::time::{Duration, Instant};

use crate::receiver::PacketName;
use crate::relay::forwarder::HOLD;

/// Packets remembered: those of the last half second at 4000 a second.
const PACKETS: usize = 2048;

/// A set of relays, a bit for each place; the last bit stands for the cards of this machine.
pub(super) type Set = u32;

/// The set of a place among the stations.
pub(super) const fn set_of(place: usize) -> Set {
    if place < 31 { 1 << place } else { LOCAL }
}

/// The cards of this machine.
pub(super) const LOCAL: Set = 1 << 31;

/// A packet that is known: authentic, or brought back by repairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet {
    name: PacketName,
    /// When it became known.
    pub(super) at: Instant,
    /// When the first copy left its relay or card: it came then, but for what the relay held it.
    left: Instant,
    /// Who brought it first; nobody if repairs did.
    pub(super) first: Set,
    /// Whether its relay had held it: those who were asked would have been first, had they brought it.
    pub(super) was_held: bool,
    /// Who says to have heard it.
    pub(super) heard: Set,
}

/// The newest packets.
#[derive(Debug, Default)]
pub(super) struct Copies {
    packets: Vec<Option<Packet>>,
}

/// What a copy was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) who: Set,
    /// How long its relay held it.
    pub(super) age: Duration,
    /// Whether the packet was known before it.
    pub(super) was_known: bool,
}

impl Copies {
    /// Takes a copy of a packet that is known now; returns how far it came behind the first one, had no relay held it.
    pub(super) fn note(&mut self, name: PacketName, copy: Copy, now: Instant) -> Option<Duration> {
        if self.packets.is_empty() {
            self.packets.resize(PACKETS, None);
        }
        let place = name.sequence as usize % PACKETS;
        let slot = self.packets.get_mut(place)?;
        let left = now.checked_sub(copy.age).unwrap_or(now);
        match slot.as_mut().filter(|packet| packet.name == name) {
            Some(packet) => {
                packet.heard |= copy.who;
                Some(left.saturating_duration_since(packet.left))
            }
            None => {
                let first = if copy.was_known { 0 } else { copy.who };
                let was_held = copy.age >= HOLD / 2;
                *slot = Some(Packet { name, at: now, left, first, was_held, heard: copy.who });
                (!copy.was_known).then_some(Duration::ZERO)
            }
        }
    }

    /// The packets that became known within this time.
    pub(super) fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &Packet> {
        self.packets.iter().flatten().filter(move |packet| from <= packet.at && packet.at < to)
    }

    /// A place has another relay.
    pub(super) fn forget(&mut self, who: Set) {
        for packet in self.packets.iter_mut().flatten() {
            packet.heard &= !who;
            packet.first &= !who;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    fn name(sequence: u32) -> PacketName {
        PacketName { session: 1, stream: 0, is_source: true, sequence }
    }

    fn copy(who: Set, age_ms: u64, was_known: bool) -> Copy {
        Copy { who, age: Duration::from_millis(age_ms), was_known }
    }

    #[test]
    fn copies_are_behind_by_what_the_way_took_and_not_by_what_they_were_held() {
        let start = Instant::now() + Duration::from_secs(1);
        let after = |ms| start + Duration::from_millis(ms);
        let mut copies = Copies::default();
        assert_eq!(copies.note(name(5), copy(1, 2, false), after(7)), Some(Duration::ZERO));
        assert_eq!(copies.note(name(5), copy(2, 25, true), after(33)), Some(Duration::from_millis(3)));
        assert_eq!(copies.note(name(5), copy(4, 25, true), after(29)), Some(Duration::ZERO));
        let packet = copies.between(start, after(50)).next().unwrap();
        assert_eq!((packet.first, packet.heard), (1, 7));
        assert_eq!(copies.between(after(8), after(50)).count(), 0);
        copies.forget(3);
        let packet = copies.between(start, after(50)).next().unwrap();
        assert_eq!((packet.first, packet.heard), (0, 4));
    }

    #[test]
    fn what_repairs_brought_back_nobody_was_first_with() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut copies = Copies::default();
        assert_eq!(copies.note(name(5), copy(1, 0, true), start), None);
        assert_eq!(copies.between(start, start + Duration::from_millis(1)).next().unwrap().first, 0);
        copies.note(name(5 + 2048), copy(2, 0, false), start);
        assert_eq!(copies.between(start, start + Duration::from_millis(1)).next().unwrap().heard, 2);
    }
}
