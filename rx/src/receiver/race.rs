//! How long after its first copy a packet comes from another card: measured on few packets, which costs next to
//! nothing.

use std::time::{Duration, Instant};

use skylark_common::wire::packet::PacketHeader;

/// From one packet that is timed to the next.
const INTERVAL: Duration = Duration::from_millis(250);
/// Packets timed at once: a copy is recognized for a second, far longer than it is of use.
const TIMED: usize = 4;

/// The packets that are timed, the latest at the place before `next`.
#[derive(Debug, Default)]
pub(super) struct Race {
    timed: [Option<(PacketHeader, Instant)>; TIMED],
    /// When the next packet is timed.
    due: Option<Instant>,
    next: usize,
}

impl Race {
    /// The first copy of a packet came; returns whether the others will be timed against it.
    pub(super) fn start(&mut self, header: &PacketHeader, now: Instant) -> bool {
        if self.due.is_some_and(|due| now < due) {
            return false;
        }
        if let Some(place) = self.timed.get_mut(self.next % TIMED) {
            *place = Some((*header, now));
        }
        (self.next, self.due) = ((self.next + 1) % TIMED, Some(now + INTERVAL));
        true
    }

    /// How long after the first copy of it this one came, if this packet is timed.
    pub(super) fn behind(&self, header: &PacketHeader, now: Instant) -> Option<Duration> {
        let timed = self.timed.iter().flatten();
        let first = timed.filter(|(timed, _)| timed.sequence == header.sequence).find(|(timed, _)| timed == header);
        first.map(|(_, first)| now.saturating_duration_since(*first))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::link::LinkId;
    use skylark_common::wire::packet::Kind;

    use super::*;

    fn header(sequence: u32) -> PacketHeader {
        PacketHeader { link: LinkId::from_name("hill"), stream: 0, kind: Kind::Source, session: 7, sequence }
    }

    #[test]
    fn a_copy_is_timed_against_the_first_for_a_second() {
        let (start, mut race) = (Instant::now(), Race::default());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(race.start(&header(0), at(0)));
        assert!(!race.start(&header(1), at(249)));
        assert_eq!(race.behind(&header(1), at(260)), None);
        assert_eq!(race.behind(&header(0), at(260)), Some(Duration::from_millis(260)));
        let repair = PacketHeader { kind: Kind::WindowRepair, ..header(0) };
        assert_eq!(race.behind(&repair, at(260)), None);
        for turn in 1..4 {
            assert!(race.start(&header(turn), at(250 * u64::from(turn))));
        }
        assert_eq!(race.behind(&header(0), at(999)), Some(Duration::from_millis(999)));
        assert!(race.start(&header(4), at(1000)));
        assert_eq!(race.behind(&header(0), at(1001)), None);
        assert_eq!(race.behind(&header(4), at(1001)), Some(Duration::from_millis(1)));
    }
}
