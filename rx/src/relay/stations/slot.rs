//! One relay among all that a viewer hears.

use std::time::{Duration, Instant};

use skylark_common::ledger::{Histogram, Summary};

use super::copies::{Packet, Set, set_of};
use crate::relay::{RelayId, Station};

/// What is shown is of the last second.
const PERIOD: Duration = Duration::from_secs(1);
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
    pub(super) refused: u64,
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
            refused: 0,
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

    pub(super) fn is_suspended(&self, now: Instant) -> bool {
        self.suspended_until.is_some_and(|until| now < until)
    }

    /// Suspends it if it says that it heard packets which those brought first that were not asked: it was asked, and
    /// had them at once if it had them at all.
    pub(super) fn judge(&mut self, place: usize, packets: &[Packet], asked: Set, now: Instant) {
        let Some(since) = self.asked_since.filter(|since| now.saturating_duration_since(*since) >= TRIAL) else {
            return;
        };
        let own = set_of(place);
        let (mut of, mut brought, mut failed) = (0_usize, 0_usize, 0_usize);
        for packet in packets.iter().filter(|packet| packet.at >= since + TRIAL) {
            of += 1;
            brought += usize::from(packet.first == own);
            let by_others = packet.first != 0 && packet.first & asked == 0;
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

/// Times over the last whole second.
#[derive(Debug)]
pub(super) struct Rolling {
    running: Histogram,
    last: Option<Summary>,
    since: Instant,
}

impl Rolling {
    fn new(now: Instant) -> Self {
        Self { running: Histogram::default(), last: None, since: now }
    }

    pub(super) fn record(&mut self, took: Duration, now: Instant) {
        if now.saturating_duration_since(self.since) >= PERIOD {
            self.last = Some(self.running.summary());
            self.running.clear();
            self.since = now;
        }
        self.running.record(took);
    }

    pub(super) fn summary(&self) -> Summary {
        self.last.unwrap_or_else(|| self.running.summary())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::link::LinkId;
    use skylark_common::wire::packet::{Kind, PacketHeader};

    use super::super::copies::{Copies, Copy};
    use super::*;
    use crate::relay::ViewerId;

    const START: Duration = Duration::from_secs(1);

    /// A relay in place 0 that has been asked for `START`, and 50 packets of late: who brought them first, and who
    /// says to have heard them.
    fn judged(first: Set, heard: Set, asked: Set) -> (Slot, Instant) {
        let asked_at = Instant::now();
        let now = asked_at + START;
        let link = LinkId::from_number(1);
        let mut slot = Slot::new(RelayId(0), Station::new(link, ViewerId(1), asked_at), asked_at);
        slot.ask(asked & 1 != 0, asked_at);
        let mut copies = Copies::default();
        for sequence in 0..50 {
            let header = PacketHeader { link, stream: 0, kind: Kind::Source, session: 1, sequence };
            copies.note(&header, Copy { who: first, age: Duration::ZERO, was_known: false }, now);
            copies.note(&header, Copy { who: heard, age: Duration::ZERO, was_known: true }, now);
        }
        let packets: Vec<Packet> = copies.between(now, now + PERIOD).copied().collect();
        slot.judge(0, &packets, asked, now);
        (slot, now)
    }

    #[test]
    fn a_relay_that_is_asked_and_leaves_it_to_others_is_suspended_for_longer_each_time() {
        let (mut slot, now) = judged(2, 3, 1);
        assert!(slot.is_suspended(now) && !slot.is_suspended(now + FIRST_SUSPENSION));
        assert_eq!(slot.suspension, 2 * FIRST_SUSPENSION);
        slot.ask(false, now);
        slot.judge(0, &[], 0, now + FIRST_SUSPENSION);
        assert_eq!(slot.suspension, 2 * FIRST_SUSPENSION);
    }

    #[test]
    fn a_relay_that_others_who_are_asked_come_before_is_not_suspended() {
        for (case, first, heard, asked) in [
            ("brings it itself", 1, 1, 1),
            ("another that is asked is nearer", 2, 3, 3),
            ("does not say that it heard it", 2, 2, 1),
            ("is not asked", 2, 3, 2),
            ("repairs brought it", 0, 1, 1),
        ] {
            let (slot, now) = judged(first, heard, asked);
            assert!(!slot.is_suspended(now), "{case}");
        }
    }
}
