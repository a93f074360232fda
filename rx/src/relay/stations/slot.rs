//! One relay among all that a viewer hears.

use std::time::{Duration, Instant};

use skylark_common::ledger::{Histogram, Summary};

use super::copies::{Packet, Set, set_of};
use crate::relay::station::MAX_RELAY_CARDS;
use crate::relay::{RelayId, Station};

/// What is shown is of the last second.
const PERIOD: Duration = Duration::from_secs(1);
/// What was last known longer ago is not shown.
const LATELY: Duration = Duration::from_secs(2);
/// A relay that was asked must have been asked for this long before it is judged by what it brought.
const TRIAL: Duration = Duration::from_millis(150);
/// Packets to judge it by.
const TRIAL_PACKETS: usize = 20;
/// How long a relay that did not bring what it said it heard is not asked, the first time; then twice as long, and so on.
const FIRST_SUSPENSION: Duration = Duration::from_secs(1);
const LONGEST_SUSPENSION: Duration = Duration::from_secs(64);

/// A relay that brought nothing of use for this long makes room for another; one that never did, at once.
const USELESS: Duration = Duration::from_secs(2);

/// A relay in its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: RelayId,
    pub(super) station: Station,
    /// When a message of it was read last.
    pub(super) heard: Option<Instant>,
    /// When it last brought a packet that is known: the first copy or another.
    pub(super) useful: Option<Instant>,
    pub(super) first: u64,
    pub(super) refusals: Refusals,
    pub(super) heard_permille: u32,
    pub(super) behind: Rolling,
    pub(super) relayed: Rolling,
    asked_since: Option<Instant>,
    suspended_until: Option<Instant>,
    suspension: Duration,
}

impl Slot {
    pub(super) fn new(id: RelayId, station: Station, now: Instant) -> Self {
        Self {
            id,
            station,
            heard: None,
            useful: None,
            first: 0,
            refusals: Refusals::default(),
            heard_permille: 0,
            behind: Rolling::new(now),
            relayed: Rolling::new(now),
            asked_since: None,
            suspended_until: None,
            suspension: FIRST_SUSPENSION,
        }
    }

    /// Notes whether it is asked to be prompt.
    pub(super) fn ask(&mut self, asked: bool, now: Instant) {
        self.asked_since = if asked { self.asked_since.or(Some(now)) } else { None };
    }

    /// Whether it brought a packet that is known, not long ago.
    pub(super) fn is_useful(&self, now: Instant) -> bool {
        self.useful.is_some_and(|at| now.saturating_duration_since(at) < USELESS)
    }

    /// Whether messages of it come.
    pub(super) fn is_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|at| now.saturating_duration_since(at) < LATELY)
    }

    /// How far its copies come behind the first, at the median.
    pub(super) fn usually_behind(&self, now: Instant) -> Duration {
        Duration::from_micros(self.behind.summary(now).map_or(0, |behind| behind.p50_us))
    }

    pub(super) fn is_suspended(&self, now: Instant) -> bool {
        self.suspended_until.is_some_and(|until| now < until)
    }

    /// Suspends it if it says that it heard packets which those brought first that were not asked and had held them: it
    /// was asked, and had them at once if it had them at all. What was not held another viewer asked for, and says
    /// nothing.
    pub(super) fn judge(&mut self, place: usize, packets: &[Packet], asked: Set, now: Instant) {
        let Some(since) = self.asked_since.filter(|since| now.saturating_duration_since(*since) >= TRIAL) else {
            return;
        };
        let own = set_of(place);
        let (mut of, mut brought, mut failed) = (0_usize, 0_usize, 0_usize);
        for packet in packets.iter().filter(|packet| packet.at >= since + TRIAL) {
            of += 1;
            brought += usize::from(packet.first == own);
            let by_others = packet.was_held && packet.first != 0 && packet.first & asked == 0;
            failed += usize::from(by_others && packet.heard & own != 0);
        }
        if of >= TRIAL_PACKETS && failed * 10 > of && failed > brought {
            self.suspended_until = Some(now + self.suspension);
            self.suspension = (self.suspension * 2).min(LONGEST_SUSPENSION);
        } else if now.saturating_duration_since(since) >= LONGEST_SUSPENSION {
            self.suspension = FIRST_SUSPENSION;
        }
    }
}

/// Frames of a relay nobody with the key has sealed.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) count: u64,
    /// Of each of its cards: the receiver's number for it, and how many the receiver had counted of it.
    cards: [Option<(usize, u64)>; MAX_RELAY_CARDS as usize],
}

impl Refusals {
    /// Notes what the receiver has counted of a card, before its next frame: some are given up long after they came.
    pub(super) fn note(&mut self, card: u8, number: usize, total: u64) {
        let Some(noted) = self.cards.get_mut(usize::from(card)) else { return };
        let before = noted.filter(|(noted, _)| *noted == number).map_or(total, |(_, total)| total);
        self.count += total.saturating_sub(before);
        *noted = Some((number, total));
    }
}

/// Times over the last whole second.
#[derive(Debug)]
pub(super) struct Rolling {
    running: Histogram,
    last: Option<Summary>,
    since: Instant,
    recorded: Option<Instant>,
}

impl Rolling {
    fn new(now: Instant) -> Self {
        Self { running: Histogram::default(), last: None, since: now, recorded: None }
    }

    pub(super) fn record(&mut self, took: Duration, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= PERIOD {
            self.last = Some(self.running.summary()).filter(|last| last.count > 0 && age < LATELY);
            self.running.clear();
            self.since = now;
        }
        self.running.record(took);
        self.recorded = Some(now);
    }

    /// What was recorded; nothing if that is long ago.
    pub(super) fn summary(&self, now: Instant) -> Option<Summary> {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < LATELY;
        self.recorded.filter(is_recent).map(|_| self.last.unwrap_or_else(|| self.running.summary()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::link::LinkId;

    use super::super::copies::{Copies, Copy};
    use super::*;
    use crate::receiver::PacketName;
    use crate::relay::{RelayedLink, ViewerId};

    const START: Duration = Duration::from_secs(1);

    /// A relay in place 0 that has been asked for `START`, and 50 packets of late: who brought them first, how long it
    /// had held them, and who says to have heard them.
    fn judged(first: Set, held_ms: u64, heard: Set, asked: Set) -> (Slot, Instant) {
        let asked_at = Instant::now();
        let now = asked_at + START;
        let link = RelayedLink::Skylark(LinkId::from_number(1));
        let mut slot = Slot::new(RelayId(0), Station::new(link, ViewerId(1), asked_at), asked_at);
        slot.ask(asked & 1 != 0, asked_at);
        let mut copies = Copies::default();
        for sequence in 0..50 {
            let name = PacketName { session: 1, stream: 0, is_source: true, sequence };
            copies.note(name, Copy { who: first, age: Duration::from_millis(held_ms), was_known: false }, now);
            copies.note(name, Copy { who: heard, age: Duration::ZERO, was_known: true }, now);
        }
        let packets: Vec<Packet> = copies.between(now, now + PERIOD).copied().collect();
        slot.judge(0, &packets, asked, now);
        (slot, now)
    }

    #[test]
    fn a_relay_that_is_asked_and_leaves_it_to_others_is_suspended_for_longer_each_time() {
        let (mut slot, now) = judged(2, 25, 3, 1);
        assert!(slot.is_suspended(now) && !slot.is_suspended(now + FIRST_SUSPENSION));
        assert_eq!(slot.suspension, 2 * FIRST_SUSPENSION);
        slot.ask(false, now);
        slot.judge(0, &[], 0, now + FIRST_SUSPENSION);
        assert_eq!(slot.suspension, 2 * FIRST_SUSPENSION);
    }

    #[test]
    fn a_relay_that_others_who_are_asked_come_before_is_not_suspended() {
        for (case, first, held_ms, heard, asked) in [
            ("brings it itself", 1, 0, 1, 1),
            ("another that is asked is nearer", 2, 25, 3, 3),
            ("another viewer asks one that is nearer", 2, 0, 3, 1),
            ("does not say that it heard it", 2, 25, 2, 1),
            ("is not asked", 2, 25, 3, 2),
            ("repairs brought it", 0, 25, 1, 1),
        ] {
            let (slot, now) = judged(first, held_ms, heard, asked);
            assert!(!slot.is_suspended(now), "{case}");
        }
    }

    #[test]
    fn times_grow_old_and_those_after_a_pause_are_told_alone() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut times = Rolling::new(start);
        assert_eq!(times.summary(start), None);
        (0..15).for_each(|turn| times.record(Duration::from_millis(3), after(turn * 100)));
        assert_eq!(times.summary(after(3399)).map(|times| times.count), Some(10));
        assert_eq!(times.summary(after(3400)), None);
        times.record(Duration::from_micros(7), after(4000));
        let summary = times.summary(after(4000)).map(|times| (times.count, times.max_us));
        assert_eq!(summary, Some((1, 7)));
    }
}
