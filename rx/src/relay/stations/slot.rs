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

/// A relay in its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: RelayId,
    pub(super) station: Station,
    /// When a message of it was read last.
    pub(super) heard: Option<Instant>,
    /// When it last brought something of use, or came here.
    pub(super) useful: Instant,
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
            useful: now,
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
