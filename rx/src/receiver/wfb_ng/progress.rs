//! How far each card is: a card brings fragments in the order in which they were sent, so that what all cards have passed
//! will not come.

use std::time::{Duration, Instant};

use skylark_common::wfb_ng::packet::PacketId;

use super::super::heard::MAX_CARDS;

/// A card that has brought nothing for so long is not waited for.
const ACTIVE: Duration = Duration::from_millis(100);
/// Fragments by which their order on the way may differ, as long as nothing shows how many they are.
const LEAST_SLACK: u64 = 2;
/// The most that is believed: more than the queues of two transmit cards differ.
const MOST_SLACK: u64 = 64;

/// What every card has passed.
#[derive(Debug)]
pub(super) struct Progress {
    n: u64,
    cards: [Option<Passed>; MAX_CARDS],
    /// Cards from this number on have brought nothing.
    end: usize,
    slack: u64,
}

/// The furthest fragment a card has brought, counted from the first of block 0, and when it last brought any.
#[derive(Debug, Clone, Copy)]
struct Passed {
    position: u64,
    at: Instant,
}

impl Progress {
    pub(super) const fn new(n: u8) -> Self {
        Self { n: n as u64, cards: [None; MAX_CARDS], end: 0, slack: LEAST_SLACK }
    }

    /// A card has brought a fragment, the first copy or another.
    pub(super) fn heard(&mut self, card: usize, id: PacketId, now: Instant) {
        let position = self.position(id.block, u64::from(id.fragment));
        let Some(place) = self.cards.get_mut(card) else { return };
        self.end = self.end.max(card.saturating_add(1));
        let passed = place.get_or_insert(Passed { position, at: now });
        self.slack = passed.position.saturating_sub(position).clamp(self.slack, MOST_SLACK);
        *passed = Passed { position: position.max(passed.position), at: now };
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.cards.get_mut(card).into_iter().for_each(|place| *place = None);
    }

    /// The number of the first fragment of a block that may still come, n or more if none will. Where the order on the way
    /// is trusted (`in_order`), a card brings nothing older than its latest.
    pub(super) fn first_to_come(&self, block: u64, in_order: bool, pause: Duration, now: Instant) -> u64 {
        let slack = if in_order { 0 } else { self.slack };
        let passed = self.active(pause, now).map(|(passed, _)| passed.position).min();
        let Some(passed) = passed else { return 0 };
        passed.saturating_add(1).saturating_sub(slack).saturating_sub(self.position(block, 0))
    }

    /// When the next card will be waited for no longer, if it brings nothing.
    pub(super) fn poll_timeout(&self, pause: Duration, now: Instant) -> Option<Instant> {
        let mut until = self.active(pause, now).map(|(_, until)| until);
        // The last one is not waited for in any case: nobody is there who could be further.
        let first = until.next()?;
        until.reduce(Instant::min).map(|second| second.min(first))
    }

    fn active(&self, pause: Duration, now: Instant) -> impl Iterator<Item = (Passed, Instant)> {
        let active = ACTIVE.max(pause);
        let heard = self.cards.iter().take(self.end).flatten();
        heard.map(move |passed| (*passed, passed.at + active)).filter(move |(_, until)| *until > now)
    }

    fn position(&self, block: u64, fragment: u64) -> u64 {
        block.saturating_mul(self.n).saturating_add(fragment)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    const PAUSE: Duration = Duration::from_millis(50);

    fn id(block: u64, fragment: u8) -> PacketId {
        PacketId { block, fragment }
    }

    #[test]
    fn the_slowest_card_that_is_heard_says_what_may_still_come() {
        let (start, mut progress) = (Instant::now(), Progress::new(12));
        let at = |ms| start + Duration::from_millis(ms);
        let first = |progress: &Progress, in_order, ms| progress.first_to_come(7, in_order, PAUSE, at(ms));
        assert_eq!(first(&progress, true, 0), 0, "nobody was heard");
        progress.heard(0, id(7, 9), at(0));
        assert_eq!((first(&progress, true, 0), first(&progress, false, 0)), (10, 8));
        progress.heard(3, id(7, 4), at(1));
        assert_eq!(first(&progress, true, 1), 5);
        assert_eq!(progress.poll_timeout(PAUSE, at(1)), Some(at(100)));
        progress.heard(0, id(8, 0), at(50));
        assert_eq!(first(&progress, true, 101), 13, "the slow one has fallen silent");
        assert_eq!(progress.poll_timeout(PAUSE, at(101)), None);
        progress.forget_card(0);
        assert_eq!(first(&progress, true, 101), 0);
    }

    #[test]
    fn a_card_that_brings_things_out_of_order_is_given_slack() {
        let (now, mut progress) = (Instant::now(), Progress::new(12));
        progress.heard(0, id(7, 9), now);
        progress.heard(0, id(7, 4), now);
        assert_eq!(progress.first_to_come(7, false, PAUSE, now), 5);
        progress.heard(0, id(1, 0), now);
        progress.heard(0, id(70, 0), now);
        assert_eq!(progress.first_to_come(64, false, PAUSE, now), 6 * 12 + 1 - MOST_SLACK);
    }
}
