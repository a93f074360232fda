//! How long after its first copy a packet comes from another card: measured on few packets, which costs next to
//! nothing.

use std::time::{Duration, Instant};

/// From one packet that is timed to the next.
const INTERVAL: Duration = Duration::from_millis(250);
/// Packets timed at once: a copy is recognized for a second, far longer than it is of use.
const TIMED: usize = 4;

/// The packets that are timed, the latest at the place before `next`. `P` is what a packet is known by, beside a number
/// that tells most of them apart.
#[derive(Debug)]
pub(super) struct Race<P> {
    timed: [Option<(u32, P, Instant)>; TIMED],
    /// When the next packet is timed.
    due: Option<Instant>,
    next: usize,
}

impl<P> Default for Race<P> {
    fn default() -> Self {
        Self { timed: [const { None }; TIMED], due: None, next: 0 }
    }
}

impl<P: Copy + PartialEq> Race<P> {
    /// The first copy of a packet came; returns whether the others will be timed against it.
    pub(super) fn start(&mut self, number: u32, packet: &P, now: Instant) -> bool {
        if self.due.is_some_and(|due| now < due) {
            return false;
        }
        if let Some(place) = self.timed.get_mut(self.next % TIMED) {
            *place = Some((number, *packet, now));
        }
        (self.next, self.due) = ((self.next + 1) % TIMED, Some(now + INTERVAL));
        true
    }

    /// How long after the first copy of it this one came, if this packet is timed.
    pub(super) fn behind(&self, number: u32, packet: &P, now: Instant) -> Option<Duration> {
        let timed = self.timed.iter().flatten();
        let first = timed.filter(|(timed, ..)| *timed == number).find(|(_, timed, _)| timed == packet);
        first.map(|(.., first)| now.saturating_duration_since(*first))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn a_copy_is_timed_against_the_first_for_a_second() {
        let (start, mut race) = (Instant::now(), Race::default());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(race.start(0, &"source", at(0)));
        assert!(!race.start(1, &"source", at(249)));
        assert_eq!(race.behind(1, &"source", at(260)), None);
        assert_eq!(race.behind(0, &"source", at(260)), Some(Duration::from_millis(260)));
        assert_eq!(race.behind(0, &"repair", at(260)), None);
        for turn in 1..4 {
            assert!(race.start(turn, &"source", at(250 * u64::from(turn))));
        }
        assert_eq!(race.behind(0, &"source", at(999)), Some(Duration::from_millis(999)));
        assert!(race.start(4, &"source", at(1000)));
        assert_eq!(race.behind(0, &"source", at(1001)), None);
        assert_eq!(race.behind(4, &"source", at(1001)), Some(Duration::from_millis(1)));
    }
}
