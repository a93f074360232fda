//! How long a unit takes from its first source packet on the air to its last.

use std::collections::VecDeque;
use std::time::Instant;

use skylark_common::ledger::{Histogram, Summary};

use crate::stats::TxStats;

/// Units that can be on their way: more than the queue's airtime holds of the smallest.
const MAX_UNITS: usize = 256;

/// Follows units through the sender by counting their datagrams: those of one stream leave in order, each as
/// one source packet.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// For each unit on its way, how many datagrams were pushed up to its end.
    ends: VecDeque<u64>,
    pushed: u64,
    /// Datagrams that never became source packets: their units were dropped.
    never_sent: u64,
    source_packets: u64,
    units_dropped: u64,
    /// Units were dropped, so that counting begins anew when nothing waits.
    lost: bool,
    first: Option<Instant>,
    took: Histogram,
}

impl Flight {
    /// A datagram was pushed.
    pub(super) fn pushed(&mut self, end_of_unit: bool) {
        self.pushed += 1;
        if end_of_unit && !self.lost && self.ends.len() < MAX_UNITS {
            self.ends.push_back(self.pushed);
        }
    }

    /// A frame has left; `idle` says that no other waits.
    pub(super) fn sent(&mut self, stats: &TxStats, idle: bool, now: Instant) {
        if stats.units_dropped != self.units_dropped {
            self.units_dropped = stats.units_dropped;
            (self.lost, self.first) = (true, None);
            self.ends.clear();
        }
        if self.lost {
            self.lost = !idle;
            self.source_packets = stats.source_packets;
            self.never_sent = self.pushed.saturating_sub(stats.source_packets);
        }
        if stats.source_packets == self.source_packets {
            return;
        }
        self.source_packets = stats.source_packets;
        let first = *self.first.get_or_insert(now);
        if self.ends.pop_front_if(|end| *end == stats.source_packets + self.never_sent).is_some() {
            self.took.record(now.saturating_duration_since(first));
            self.first = None;
        }
    }

    /// What units took since this was last asked.
    pub(super) fn take(&mut self) -> Summary {
        let summary = self.took.summary();
        self.took.clear();
        summary
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn a_unit_takes_from_its_first_packet_to_its_last_whatever_leaves_between() {
        let mut flight = Flight::default();
        let (start, ms) = (Instant::now(), Duration::from_millis(1));
        for end_of_unit in [false, false, true, true] {
            flight.pushed(end_of_unit);
        }
        // Three packets with repairs between them, then the only packet of the next unit.
        for (at, source_packets) in [(0, 1), (1, 2), (2, 2), (5, 3), (6, 3), (9, 4)] {
            flight.sent(&TxStats { source_packets, ..TxStats::default() }, false, start + ms * at);
        }
        let summary = flight.take();
        assert_eq!((summary.count, summary.max_us), (2, 5000));
        assert_eq!(flight.take().count, 0);
    }

    #[test]
    fn after_dropped_units_it_counts_anew_when_nothing_waits() {
        let mut flight = Flight::default();
        let (start, ms) = (Instant::now(), Duration::from_millis(1));
        (0..6).for_each(|at| flight.pushed(at % 2 == 1));
        let stats = |source_packets, units_dropped| TxStats { source_packets, units_dropped, ..TxStats::default() };
        flight.sent(&stats(1, 0), false, start);
        flight.sent(&stats(2, 1), false, start + ms);
        flight.sent(&stats(3, 1), true, start + ms * 2);
        assert_eq!(flight.take().count, 0);
        (0..2).for_each(|at| flight.pushed(at % 2 == 1));
        flight.sent(&stats(4, 1), false, start + ms * 3);
        flight.sent(&stats(5, 1), true, start + ms * 7);
        assert_eq!(flight.take().max_us, 4000);
    }
}
