//! Which packets were heard, and by which cards: the replay window and the base of every card's statistics.

/// Packets remembered. At 100 Mbit/s about 0.3 s: longer than any two cards are apart, and than a packet
/// stays useful. What is older counts as replayed.
const REMEMBERED: u32 = 4096;
/// A packet this far behind the newest has reached every card it will reach: then it is told who missed it.
const SETTLED: u32 = 128;
/// Cards told apart. More share the last place.
pub const MAX_CARDS: usize = 62;
/// In the place of a card: all cards that had a number another card has. What they heard was heard.
const FORGOTTEN: usize = 62;
/// In the place of a card: the packet was put together from damaged copies, none of which counts as heard.
pub(super) const REBUILT: usize = 63;

/// The packets of one kind in one stream of one session.
#[derive(Debug)]
pub(super) struct Heard {
    /// Which cards heard packet `n`, at `n % REMEMBERED`; 0: none did.
    cards: Vec<u64>,
    /// One more than the newest number; `None` before the first packet.
    next: Option<u32>,
    /// Packets before this one are settled.
    settled: u32,
    /// Those that were not settled when a jump took their places: they come before `settled`.
    displaced: Vec<u64>,
}

/// What is known of a packet before its seal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Not heard yet.
    Fresh,
    /// Heard, by other cards only.
    Duplicate,
    /// Heard by this card a moment ago: where two cards transmit, each packet comes twice.
    Again,
    /// Heard by this card before that, or too old to tell.
    Replayed,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self { cards: vec![0; REMEMBERED as usize], next: None, settled: 0, displaced: Vec::new() }
    }

    pub(super) fn look(&self, sequence: u32, card: usize) -> Look {
        let Some(next) = self.next else { return Look::Fresh };
        let ahead = sequence.wrapping_sub(next);
        if ahead < u32::MAX / 2 {
            return Look::Fresh;
        }
        if next.wrapping_sub(sequence) > REMEMBERED {
            return Look::Replayed;
        }
        match self.at(sequence) {
            0 => Look::Fresh,
            cards if cards & bit(card) == 0 => Look::Duplicate,
            _ if next.wrapping_sub(sequence) <= SETTLED => Look::Again,
            _ => Look::Replayed,
        }
    }

    /// One more than the newest number remembered.
    pub(super) const fn next(&self) -> Option<u32> {
        self.next
    }

    /// Whether any card heard this packet.
    pub(super) fn is_heard(&self, sequence: u32) -> bool {
        let behind = self.next.map(|next| next.wrapping_sub(1).wrapping_sub(sequence));
        behind.is_some_and(|behind| behind < REMEMBERED) && self.at(sequence) != 0
    }

    /// Notes that `card` heard this packet; only for packets whose seal was opened, now or before.
    pub(super) fn remember(&mut self, sequence: u32, card: usize) {
        let next = *self.next.get_or_insert_with(|| {
            self.settled = sequence;
            sequence
        });
        let ahead = sequence.wrapping_sub(next);
        if ahead < u32::MAX / 2 {
            if next.wrapping_sub(self.settled) >= REMEMBERED.saturating_sub(ahead) {
                self.displace(next);
            }
            for skipped in 0..ahead.saturating_add(1).min(REMEMBERED) {
                self.set(sequence.wrapping_sub(skipped), 0);
            }
            self.next = Some(sequence.wrapping_add(1));
        }
        self.set(sequence, self.at(sequence) | bit(card));
    }

    /// Another card has this number from here on: what this one heard is not the other's.
    pub(super) fn forget_card(&mut self, card: usize) {
        let own = bit(card);
        for cards in self.cards.iter_mut().chain(&mut self.displaced).filter(|cards| **cards & own != 0) {
            *cards = *cards & !own | bit(FORGOTTEN);
        }
    }

    /// Hands every packet that is settled since the last call to `settled`, as the set of cards that heard it and
    /// how many in a row were heard by just these.
    pub(super) fn settle(&mut self, mut settled: impl FnMut(u64, u64)) {
        let Some(next) = self.next else { return };
        if next.wrapping_sub(self.settled) <= SETTLED && self.displaced.is_empty() {
            return;
        }
        let heard = |cards: u64| cards & !bit(REBUILT);
        self.displaced.drain(..).for_each(|cards| settled(heard(cards), 1));
        // Between those and what is remembered nobody heard anything.
        let silent = next.wrapping_sub(self.settled).saturating_sub(REMEMBERED);
        if silent > 0 {
            settled(0, u64::from(silent));
            self.settled = self.settled.wrapping_add(silent);
        }
        while next.wrapping_sub(self.settled) > SETTLED {
            settled(heard(self.at(self.settled)), 1);
            self.settled = self.settled.wrapping_add(1);
        }
    }

    /// Moves those that are not settled out of the way of a jump.
    fn displace(&mut self, next: u32) {
        while self.settled != next {
            self.displaced.push(self.at(self.settled));
            self.settled = self.settled.wrapping_add(1);
        }
    }

    fn at(&self, sequence: u32) -> u64 {
        self.cards.get(place(sequence)).copied().unwrap_or(0)
    }

    fn set(&mut self, sequence: u32, cards: u64) {
        if let Some(slot) = self.cards.get_mut(place(sequence)) {
            *slot = cards;
        }
    }
}

/// The bit that stands for a card, [`FORGOTTEN`] or [`REBUILT`] in a set of cards.
pub(super) fn bit(card: usize) -> u64 {
    1 << card.min(REBUILT)
}

const fn place(sequence: u32) -> usize {
    (sequence % REMEMBERED) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_from_a_replay_by_its_card_and_its_age() {
        let mut heard = Heard::new();
        assert_eq!(heard.look(7, 0), Look::Fresh);
        heard.remember(7, 0);
        assert_eq!(heard.look(7, 0), Look::Again);
        assert_eq!(heard.look(7, 1), Look::Duplicate);
        heard.remember(7, 1);
        assert_eq!(heard.look(7, 1), Look::Again);
        assert_eq!(heard.look(6, 1), Look::Fresh);
        heard.remember(7 + SETTLED - 1, 0);
        assert_eq!(heard.look(7, 0), Look::Again);
        heard.remember(7 + SETTLED, 0);
        assert_eq!([0, 1, 2].map(|card| heard.look(7, card)), [Look::Replayed, Look::Replayed, Look::Duplicate]);
    }

    #[test]
    fn what_is_older_than_the_memory_is_a_replay() {
        let mut heard = Heard::new();
        heard.remember(0, 0);
        heard.remember(REMEMBERED, 0);
        assert_eq!(heard.look(0, 1), Look::Replayed);
        assert_eq!(heard.look(1, 1), Look::Fresh);
    }

    #[test]
    fn a_jump_forgets_what_was_in_those_places() {
        let mut heard = Heard::new();
        (0..10).for_each(|n| heard.remember(n, 0));
        heard.remember(3 * REMEMBERED, 0);
        assert_eq!(heard.look(3 * REMEMBERED - 1, 0), Look::Fresh);
    }

    #[test]
    fn numbers_wrap() {
        let mut heard = Heard::new();
        heard.remember(u32::MAX, 0);
        assert_eq!(heard.look(0, 0), Look::Fresh);
        heard.remember(0, 0);
        assert_eq!(heard.look(u32::MAX, 0), Look::Again);
    }

    fn settled(heard: &mut Heard) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        heard.settle(|cards, count| told.push((cards, count)));
        told
    }

    #[test]
    fn settled_packets_say_who_heard_them() {
        let mut heard = Heard::new();
        heard.remember(0, 0);
        heard.remember(2, 1);
        heard.remember(2, 0);
        heard.remember(SETTLED + 2, 0);
        assert_eq!(settled(&mut heard), [(1, 1), (0, 1), (3, 1)]);
        assert_eq!(settled(&mut heard), []);
    }

    #[test]
    fn what_a_card_heard_is_not_heard_by_the_next_of_its_number_and_heard_all_the_same() {
        let mut heard = Heard::new();
        heard.remember(0, 5);
        heard.forget_card(5);
        assert_eq!(heard.look(0, 5), Look::Duplicate);
        heard.remember(0, 5);
        heard.remember(SETTLED, 0);
        let told = settled(&mut heard);
        assert!(told.len() == 1 && told[0].0 != bit(5) && told[0].0 & bit(5) != 0, "{told:?}");
    }

    #[test]
    fn a_silence_longer_than_the_memory_is_counted_to_the_packet() {
        for jump in [REMEMBERED - SETTLED, REMEMBERED - 1, REMEMBERED, 100 * REMEMBERED, u32::MAX / 2 - 1] {
            let mut heard = Heard::new();
            (0..SETTLED).for_each(|n| heard.remember(n, 3));
            assert_eq!(settled(&mut heard), []);
            heard.remember(SETTLED + jump, 0);
            let told = settled(&mut heard);
            let (known, silent) = told.split_at(SETTLED as usize);
            assert!(known.iter().all(|told| *told == (bit(3), 1)), "{jump}");
            assert!(silent.iter().all(|(cards, _)| *cards == 0), "{jump}");
            assert_eq!(silent.iter().map(|(_, count)| count).sum::<u64>(), u64::from(jump + 1 - SETTLED));
        }
    }
}
