//! One card's statistics.

use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::RxHeader;

use crate::stats::CardStats;

/// Signal is a mean over this time.
const SIGNAL_PERIOD: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Card {
    pub(super) stats: CardStats,
    signal: PowerMean,
    snr: PowerMean,
    period_started: Option<Instant>,
}

impl Card {
    /// A frame of the session that is followed was heard.
    pub(super) fn heard(&mut self, info: &RxHeader, now: Instant) {
        self.roll(now);
        self.stats.heard += 1;
        self.stats.last_heard = Some(now);
        let Some(signal_dbm) = info.signal_dbm() else { return };
        self.signal.add(f32::from(signal_dbm));
        if let Some(noise_dbm) = info.noise_dbm() {
            self.snr.add(f32::from(signal_dbm) - f32::from(noise_dbm));
        }
    }

    pub(super) fn stats(&self, now: Instant) -> CardStats {
        let fresh = self.stats.last_heard.is_some_and(|at| now.saturating_duration_since(at) < 2 * SIGNAL_PERIOD);
        let shown = |mean: &PowerMean| if fresh { mean.mean_db() } else { None };
        CardStats { signal_dbm: shown(&self.signal), snr_db: shown(&self.snr), ..self.stats.clone() }
    }

    fn roll(&mut self, now: Instant) {
        let started = *self.period_started.get_or_insert(now);
        if now.saturating_duration_since(started) >= SIGNAL_PERIOD {
            self.period_started = Some(now);
            self.signal.roll();
            self.snr.roll();
        }
    }
}

/// The mean of powers given in dB, over the last whole period once there is one.
#[derive(Debug, Default)]
struct PowerMean {
    sum: f32,
    count: f32,
    last_db: Option<f32>,
}

impl PowerMean {
    fn add(&mut self, db: f32) {
        self.sum += 10_f32.powf(db / 10.0);
        self.count += 1.0;
    }

    fn roll(&mut self) {
        self.last_db = self.running_db();
        self.sum = 0.0;
        self.count = 0.0;
    }

    fn mean_db(&self) -> Option<f32> {
        self.last_db.or_else(|| self.running_db())
    }

    fn running_db(&self) -> Option<f32> {
        (self.count > 0.0).then(|| 10.0 * (self.sum / self.count).log10())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::radiotap::Antenna;

    use super::*;

    fn info(signal_dbm: i8) -> RxHeader {
        let antenna = Antenna { number: 0, signal_dbm: Some(signal_dbm), noise_dbm: Some(-95) };
        RxHeader { antennas: [Some(antenna), None, None, None], ..RxHeader::default() }
    }

    #[test]
    fn the_signal_is_a_mean_of_powers() {
        let now = Instant::now();
        let mut card = Card::default();
        card.heard(&info(-40), now);
        card.heard(&info(-90), now);
        let stats = card.stats(now);
        assert!((stats.signal_dbm.unwrap() + 43.0).abs() < 0.1, "{stats:?}");
        assert!((stats.snr_db.unwrap() - 52.0).abs() < 0.1, "{stats:?}");
    }

    #[test]
    fn a_silent_card_has_no_signal() {
        let now = Instant::now();
        let mut card = Card::default();
        card.heard(&info(-40), now);
        assert_eq!(card.stats(now + 2 * SIGNAL_PERIOD).signal_dbm, None);
    }
}
