//! Puts datagrams in order and knows since when each missing one is missed. Holds no bytes.

use std::time::Instant;

/// Datagrams between the next to hand on and the newest known of. More than the window code covers; at
/// 100 Mbit/s about 0.2 s.
const SPAN: u32 = 2048;

#[derive(Debug)]
pub(super) struct Order {
    /// What is known of ESI `n`, at `n % SPAN`; only those from `next` to `end` count.
    places: Vec<Place>,
    /// The next to hand on, and one past the newest known of.
    range: Option<(u32, u32)>,
    missing_before: u32,
    overrun: u32,
    /// Reads ahead of what is missing, while it does.
    ahead: Option<Ahead>,
    /// Whether anything has been handed on or given up.
    begun: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Missing { since: Instant },
    There { at: Instant, recovered: bool },
    Empty,
}

/// A second cursor, which leaves behind what is missing.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    next: u32,
    missing_before: u32,
}

/// A datagram whose turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) esi: u32,
    pub(super) missing_before: u32,
    pub(super) recovered: bool,
    pub(super) available: Instant,
}

/// A datagram that holds back those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) esi: u32,
    pub(super) since: Instant,
}

impl Order {
    pub(super) fn new() -> Self {
        let places = vec![Place::Empty; SPAN as usize];
        Self { places, range: None, missing_before: 0, overrun: 0, ahead: None, begun: false }
    }

    /// The next ESI to hand on.
    pub(super) const fn next(&self) -> Option<u32> {
        match self.range {
            Some((next, _)) => Some(next),
            None => None,
        }
    }

    /// The stream goes on at `esi`: what lies between it and the first datagram heard is missing since now,
    /// as long as nothing has been handed on.
    pub(super) fn reach_back(&mut self, esi: u32, now: Instant) {
        let Some((next, end)) = self.range else { return };
        if self.begun || !is_before(esi, next) || end.wrapping_sub(esi) > SPAN {
            return;
        }
        for ahead in 0..next.wrapping_sub(esi) {
            self.set(esi.wrapping_add(ahead), Place::Missing { since: now });
        }
        self.range = Some((esi, end));
    }

    /// All datagrams before `end` are known to have been sent: those not there are missing since now.
    pub(super) fn expect(&mut self, end: u32, now: Instant) {
        let (mut next, known) = *self.range.get_or_insert((end, end));
        if !is_before(known, end) {
            return;
        }
        let new = end.wrapping_sub(known).min(SPAN);
        for back in 1..=new {
            self.set(end.wrapping_sub(back), Place::Missing { since: now });
        }
        let span = end.wrapping_sub(next);
        if span > SPAN {
            let skipped = span.saturating_sub(SPAN);
            next = next.wrapping_add(skipped);
            self.missing_before = self.missing_before.saturating_add(skipped);
            self.overrun = self.overrun.saturating_add(skipped);
        }
        self.range = Some((next, end));
    }

    /// A datagram is there. Returns whether its turn has not passed.
    pub(super) fn arrived(&mut self, esi: u32, recovered: bool, now: Instant) -> bool {
        let (next, _) = *self.range.get_or_insert((esi, esi));
        if is_before(esi, next) {
            return false;
        }
        self.expect(esi.wrapping_add(1), now);
        self.set(esi, Place::There { at: now, recovered });
        true
    }

    /// The datagram everything waits for, if something behind it is known of.
    pub(super) fn oldest_missing(&self) -> Option<Missing> {
        let (esi, end) = self.range?;
        match self.at(esi) {
            Place::Missing { since } if esi != end => Some(Missing { esi, since }),
            Place::Missing { .. } | Place::There { .. } | Place::Empty => None,
        }
    }

    /// Waits for the oldest missing datagram no longer.
    pub(super) fn give_up(&mut self) {
        if let (Some(_), Some((next, end))) = (self.oldest_missing(), self.range) {
            self.begun = true;
            self.range = Some((next.wrapping_add(1), end));
            self.missing_before = self.missing_before.saturating_add(1);
        }
    }

    /// Whether the next datagram is there.
    pub(super) fn is_ready(&self) -> bool {
        self.range.is_some_and(|(next, end)| next != end && self.is_there(next))
    }

    /// The next datagram if it is there.
    pub(super) fn poll(&mut self) -> Option<Next> {
        let (esi, end) = self.range.filter(|(next, end)| next != end)?;
        let Place::There { at: available, recovered } = self.at(esi) else { return None };
        self.begun = true;
        self.range = Some((esi.wrapping_add(1), end));
        if self.ahead.is_some_and(|ahead| !is_before(esi.wrapping_add(1), ahead.next)) {
            self.ahead = None;
        }
        Some(Next { esi, missing_before: std::mem::take(&mut self.missing_before), recovered, available })
    }

    /// Reads ahead of what is missing until everything read ahead has been polled in its turn too.
    pub(super) fn read_ahead(&mut self) {
        if let (None, Some((next, _))) = (self.ahead, self.range) {
            self.ahead = Some(Ahead { next, missing_before: self.missing_before });
        }
    }

    /// Whether it reads ahead.
    pub(super) const fn reads_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// The next datagram ahead that is there, if it reads ahead. It will be polled in its turn all the same.
    pub(super) fn poll_ahead(&mut self) -> Option<Next> {
        let (Ahead { next, missing_before }, (oldest, end)) = (self.ahead?, self.range?);
        // A jump may have left behind what was not read.
        let next = if is_before(next, oldest) { oldest } else { next };
        let missing = (0..end.wrapping_sub(next)).find(|on| self.is_there(next.wrapping_add(*on)))?;
        let esi = next.wrapping_add(missing);
        let Place::There { at: available, recovered } = self.at(esi) else { return None };
        self.ahead = Some(Ahead { next: esi.wrapping_add(1), missing_before: 0 });
        Some(Next { esi, missing_before: missing_before.saturating_add(missing), recovered, available })
    }

    /// One that was polled turned out to be of no use: it counts as missing.
    pub(super) const fn skip(&mut self, next: Next) {
        self.missing_before = next.missing_before.saturating_add(1);
    }

    /// How many datagrams a jump has left behind since this was last asked.
    pub(super) fn take_overrun(&mut self) -> u32 {
        std::mem::take(&mut self.overrun)
    }

    fn is_there(&self, esi: u32) -> bool {
        matches!(self.at(esi), Place::There { .. })
    }

    fn at(&self, esi: u32) -> Place {
        self.places.get((esi % SPAN) as usize).copied().unwrap_or(Place::Empty)
    }

    fn set(&mut self, esi: u32, place: Place) {
        if let Some(slot) = self.places.get_mut((esi % SPAN) as usize) {
            *slot = place;
        }
    }
}

/// Whether `a` comes before `b` in numbers that wrap.
pub(super) const fn is_before(a: u32, b: u32) -> bool {
    let ahead = b.wrapping_sub(a);
    ahead != 0 && ahead < u32::MAX / 2
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    fn polled(order: &mut Order) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| order.poll()).map(|next| (next.esi, next.missing_before)).collect()
    }

    #[test]
    fn datagrams_come_out_in_order() {
        let now = Instant::now();
        let mut order = Order::new();
        assert!(order.arrived(5, false, now));
        assert!(order.arrived(7, false, now));
        assert_eq!(polled(&mut order), [(5, 0)]);
        assert_eq!(order.oldest_missing(), Some(Missing { esi: 6, since: now }));
        assert!(order.arrived(6, true, now));
        assert_eq!(polled(&mut order), [(6, 0), (7, 0)]);
        assert!(!order.arrived(6, false, now), "its turn has passed");
    }

    #[test]
    fn until_one_is_handed_on_the_beginning_may_move_back() {
        let now = Instant::now();
        let mut order = Order::new();
        order.arrived(7, false, now);
        order.reach_back(5, now);
        assert_eq!(order.oldest_missing(), Some(Missing { esi: 5, since: now }));
        order.give_up();
        order.reach_back(3, now);
        assert_eq!(order.next(), Some(6));
    }

    #[test]
    fn what_is_given_up_is_said_before_the_next() {
        let now = Instant::now();
        let mut order = Order::new();
        order.expect(10, now);
        order.arrived(12, false, now);
        order.give_up();
        assert_eq!(polled(&mut order), []);
        order.give_up();
        assert_eq!(polled(&mut order), [(12, 2)]);
        order.give_up();
        assert_eq!(order.next(), Some(13), "nothing is missing, so nothing is given up");
    }

    #[test]
    fn a_jump_beyond_the_span_leaves_the_oldest_behind() {
        let now = Instant::now();
        let mut order = Order::new();
        order.arrived(0, false, now);
        order.arrived(SPAN + 9, false, now);
        assert_eq!(order.take_overrun(), 10);
        assert_eq!(order.next(), Some(10));
        order.arrived(100_000, false, now);
        assert_eq!(order.next(), Some(100_001 - SPAN));
    }

    #[test]
    fn what_is_behind_a_gap_can_be_read_ahead_and_comes_again_in_its_turn() {
        let now = Instant::now();
        let mut order = Order::new();
        let ahead = |order: &mut Order| -> Vec<_> {
            std::iter::from_fn(|| order.poll_ahead()).map(|next| (next.esi, next.missing_before)).collect()
        };
        [5, 7, 9].into_iter().for_each(|esi| _ = order.arrived(esi, false, now));
        assert_eq!(polled(&mut order), [(5, 0)]);
        assert_eq!(ahead(&mut order), [], "not asked to");
        order.read_ahead();
        assert_eq!(ahead(&mut order), [(7, 1), (9, 1)]);
        order.arrived(8, true, now);
        order.arrived(10, true, now);
        assert_eq!(ahead(&mut order), [(10, 0)], "8 was left behind");
        order.give_up();
        assert_eq!(polled(&mut order), [(7, 1), (8, 0), (9, 0), (10, 0)]);
        assert!(!order.reads_ahead());
        order.arrived(11, true, now);
        assert_eq!(ahead(&mut order), []);
        assert_eq!(polled(&mut order), [(11, 0)]);
    }

    #[test]
    fn numbers_wrap() {
        let now = Instant::now();
        let mut order = Order::new();
        order.arrived(u32::MAX, false, now);
        order.arrived(0, false, now);
        assert_eq!(polled(&mut order), [(u32::MAX, 0), (0, 0)]);
    }
}
