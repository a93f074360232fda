//! How much trying is allowed: per packet, and per second of each station and of all.

use std::time::{Duration, Instant};

use crate::receiver::heard::MAX_CARDS;

/// Tries for one packet: enough for ten regions in which two copies differ.
pub(super) const MAX_TRIES: u32 = 1024;
/// Tries beyond this number for one packet leave half of what may be spent at once to other packets.
const LIKELY_TRIES: u32 = 64;
/// Tries that take the time of mending one copy.
pub(super) const MENDING_TRIES: u32 = 12;
/// What a try costs of the time all share: 20 000 a second, some 3 % of a desktop's core at 1400 bytes.
const COST: Duration = Duration::from_micros(50);
/// What a try costs of the station's that brought the copy: none can take more than half from the others.
const COST_OF_STATION: Duration = Duration::from_micros(100);
/// What may be spent at once: 2000 tries, of one station 1000.
const SPENT_AT_ONCE: Duration = Duration::from_millis(100);

/// What was spent so far.
#[derive(Debug)]
pub(super) struct Effort {
    all: Credit,
    stations: [Credit; MAX_CARDS],
}

impl Default for Effort {
    fn default() -> Self {
        Self { all: Credit::default(), stations: [Credit::default(); MAX_CARDS] }
    }
}

impl Effort {
    /// Whether one more try is allowed for a packet that had `tries` before; if so it is spent.
    pub(super) fn take(&mut self, station: usize, tries: u32, now: Instant) -> bool {
        let at_once = if tries < LIKELY_TRIES { SPENT_AT_ONCE } else { SPENT_AT_ONCE / 2 };
        tries < MAX_TRIES && self.spend(station, 1, at_once, now)
    }

    /// Whether a copy may be mended; if so as many tries are spent as that takes the time of.
    pub(super) fn take_mending(&mut self, station: usize, now: Instant) -> bool {
        self.spend(station, MENDING_TRIES, SPENT_AT_ONCE / 2, now)
    }

    /// Whether so many copies may be compared; if so a try is spent for each.
    pub(super) fn take_comparing(&mut self, station: usize, copies: usize, now: Instant) -> bool {
        self.spend(station, u32::try_from(copies).unwrap_or(u32::MAX), SPENT_AT_ONCE, now)
    }

    fn spend(&mut self, station: usize, tries: u32, at_once: Duration, now: Instant) -> bool {
        let Some(of_station) = self.stations.get_mut(station) else { return false };
        let (all, own) = (COST.saturating_mul(tries), COST_OF_STATION.saturating_mul(tries));
        let (Some(all), Some(own)) = (self.all.after(all, at_once, now), of_station.after(own, SPENT_AT_ONCE, now))
        else {
            return false;
        };
        (self.all, *of_station) = (all, own);
        true
    }
}

/// A bucket that refills with time: what was spent, as the time until which it is.
#[derive(Debug, Clone, Copy, Default)]
struct Credit {
    spent_until: Option<Instant>,
}

impl Credit {
    /// What is left after spending `cost`; `None` if that is more than may be spent at once.
    fn after(self, cost: Duration, at_once: Duration, now: Instant) -> Option<Self> {
        let until = self.spent_until.map_or(now, |until| until.max(now)) + cost;
        (until <= now + at_once).then_some(Self { spent_until: Some(until) })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    /// Tries allowed to a station in 10 s, asked for all the time.
    fn allowed(effort: &mut Effort, card: usize, now: Instant) -> u32 {
        (0..10_000)
            .map(|ms| {
                let now = now + Duration::from_millis(ms);
                (0..100).map(|_| u32::from(effort.take(card, 0, now))).sum::<u32>()
            })
            .sum()
    }

    #[test]
    fn a_station_can_spend_half_of_what_all_can() {
        let now = Instant::now();
        let mut effort = Effort::default();
        assert_eq!(allowed(&mut effort, 0, now), 100_990);
        let mut effort = Effort::default();
        let mut all = 0;
        for ms in 0..10_000 {
            for card in (0..4).cycle().take(400) {
                all += u32::from(effort.take(card, 0, now + Duration::from_millis(ms)));
            }
        }
        assert_eq!(all, 201_980);
    }

    #[test]
    fn unlikely_tries_leave_half_to_the_likely_ones() {
        let now = Instant::now();
        let mut effort = Effort::default();
        let unlikely = (0..4000).filter(|at| effort.take(at % 4, LIKELY_TRIES, now)).count();
        let likely = (0..4000).filter(|at| effort.take(at % 4, 0, now)).count();
        assert_eq!((unlikely, likely), (1000, 1000));
        assert!(!Effort::default().take(0, MAX_TRIES, now));
    }
}
