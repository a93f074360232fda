//! How strongly one card hears, antenna by antenna, and how late: over the last whole second, in fixed memory.

use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::{MAX_ANTENNAS, RxHeader, RxRate};

use crate::stats::{AntennaStats, Spread};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Meter {
    started: Option<Instant>,
    running: Measured,
    last: Option<Measured>,
}

/// What was measured in one second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    /// Of the antenna that was strongest for each frame.
    strongest: Levels,
    /// By number, in the order in which they were first named. More than a card can have are not kept.
    antennas: [Option<(u8, Levels)>; MAX_ANTENNAS],
    behind: Duration,
    behind_count: u32,
    /// Of the latest frame.
    frequency_mhz: Option<u16>,
    rate: Option<RxRate>,
}

/// Signal and signal above noise.
#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    signal: Powers,
    snr: Powers,
}

/// Powers told in dB.
#[derive(Debug, Clone, Copy)]
struct Powers {
    sum: f32,
    count: u32,
    min: i8,
    max: i8,
}

impl Meter {
    /// A frame was heard with these levels.
    pub(super) fn heard(&mut self, info: &RxHeader, now: Instant) {
        self.roll(now);
        (self.running.frequency_mhz, self.running.rate) = (info.frequency_mhz, info.rate);
        let noise_dbm = info.noise_dbm();
        if let Some(signal_dbm) = info.signal_dbm() {
            self.running.strongest.add(signal_dbm, noise_dbm);
        }
        for antenna in info.antennas.iter().flatten() {
            if let Some(signal_dbm) = antenna.signal_dbm {
                self.running.antenna(antenna.number, |levels| {
                    levels.add(signal_dbm, antenna.noise_dbm.or(noise_dbm));
                });
            }
        }
    }

    /// A packet came so long after the first copy of it.
    pub(super) fn behind(&mut self, time: Duration, now: Instant) {
        self.roll(now);
        self.running.behind += time;
        self.running.behind_count += 1;
    }

    /// The last whole second, or the first one so far; nothing after a second without a frame.
    pub(super) fn second(&self, now: Instant) -> Option<&Measured> {
        let passed = now.saturating_duration_since(self.started?);
        match &self.last {
            Some(last) if passed < SECOND => Some(last),
            _ => Some(&self.running).filter(|_| passed < 2 * SECOND),
        }
    }

    fn roll(&mut self, now: Instant) {
        let started = *self.started.get_or_insert(now);
        if now >= started + SECOND {
            self.last = Some(self.running).filter(|_| now < started + 2 * SECOND);
            (self.running, self.started) = (Measured::default(), Some(now));
        }
    }
}

impl Measured {
    /// Signal in dBm of the strongest antenna.
    pub(super) fn signal_dbm(&self) -> Option<f32> {
        self.strongest.signal.spread().map(|spread| spread.mean)
    }

    /// Signal above noise in dB of the strongest antenna.
    pub(super) fn snr_db(&self) -> Option<f32> {
        self.strongest.snr.spread().map(|spread| spread.mean)
    }

    /// How much later than the first copy packets came, on the mean.
    pub(super) fn mean_behind(&self) -> Option<Duration> {
        self.behind.checked_div(self.behind_count)
    }

    /// Center frequency in MHz and rate of the latest frame.
    pub(super) const fn tuning(&self) -> (Option<u16>, Option<RxRate>) {
        (self.frequency_mhz, self.rate)
    }

    /// The antennas in order of their numbers.
    pub(super) fn antennas(&self) -> Vec<AntennaStats> {
        let named = self.antennas.iter().flatten().copied();
        let unnamed = Some((0, self.strongest)).filter(|_| self.antennas.iter().all(Option::is_none));
        let stats = |(number, levels): (u8, Levels)| {
            let snr_db = levels.snr.spread();
            let (frames, signal_dbm) = (levels.signal.count, levels.signal.spread()?);
            Some(AntennaStats { number, frames, signal_dbm, snr_db })
        };
        let mut antennas: Vec<AntennaStats> = named.chain(unnamed).filter_map(stats).collect();
        antennas.sort_unstable_by_key(|antenna| antenna.number);
        antennas
    }

    fn antenna(&mut self, number: u8, change: impl FnOnce(&mut Levels)) {
        let is_its = |place: &&mut Option<(u8, Levels)>| place.is_none_or(|(known, _)| known == number);
        if let Some(place) = self.antennas.iter_mut().find(is_its) {
            change(&mut place.get_or_insert((number, Levels::default())).1);
        }
    }
}

impl Levels {
    fn add(&mut self, signal_dbm: i8, noise_dbm: Option<i8>) {
        self.signal.add(signal_dbm);
        if let Some(noise_dbm) = noise_dbm {
            self.snr.add(signal_dbm.saturating_sub(noise_dbm));
        }
    }
}

impl Default for Powers {
    fn default() -> Self {
        Self { sum: 0.0, count: 0, min: i8::MAX, max: i8::MIN }
    }
}

impl Powers {
    fn add(&mut self, db: i8) {
        self.sum += RATIOS.get(usize::from(db.cast_unsigned())).copied().unwrap_or_default();
        self.count += 1;
        self.min = self.min.min(db);
        self.max = self.max.max(db);
    }

    fn spread(&self) -> Option<Spread> {
        let mean = (1000.0 * (self.sum / self.count as f32).log10()).round() / 100.0;
        (self.count > 0).then_some(Spread { min: self.min, mean, max: self.max })
    }
}

/// The ratio of powers for every number of dB, at the number's place as if it had no sign: `powf` for every antenna
/// of every frame would cost more than finding out whose frame it is.
static RATIOS: [f32; 256] = ratios();

const fn ratios() -> [f32; 256] {
    const ONE_DB: f32 = 1.258_925_4;
    let mut ratios = [1.0; 256];
    let mut db = 1;
    while db < 128 {
        ratios[db] = ratios[db - 1] * ONE_DB;
        ratios[256 - db] = 1.0 / ratios[db];
        db += 1;
    }
    ratios[128] = ratios[129] / ONE_DB;
    ratios
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::wire::radiotap::Antenna;

    use super::*;

    fn info<const N: usize>(antennas: [(u8, i8); N]) -> RxHeader {
        let mut info = RxHeader { combined_noise_dbm: Some(-95), ..RxHeader::default() };
        for (place, (number, dbm)) in info.antennas.iter_mut().zip(antennas) {
            *place = Some(Antenna { number, signal_dbm: Some(dbm), noise_dbm: None });
        }
        info
    }

    #[test]
    fn every_ratio_is_that_of_its_decibels() {
        for db in i8::MIN..=i8::MAX {
            let mut powers = Powers::default();
            powers.add(db);
            let Spread { min, mean, max } = powers.spread().unwrap();
            assert_eq!((min, mean, max), (db, f32::from(db), db));
        }
    }

    #[test]
    fn the_mean_is_one_of_powers_and_the_strongest_antenna_speaks_for_the_card() {
        let (now, mut meter) = (Instant::now(), Meter::default());
        meter.heard(&info([(1, -90), (0, -43)]), now);
        meter.heard(&info([(1, -40), (0, -43)]), now);
        let measured = meter.second(now).unwrap();
        let [zero, one] = measured.antennas()[..] else { panic!("{measured:?}") };
        assert_eq!((zero.number, zero.signal_dbm.min, zero.signal_dbm.max, zero.frames), (0, -43, -43, 2));
        assert_eq!((one.number, one.signal_dbm.min, one.signal_dbm.max), (1, -90, -40));
        assert!((one.signal_dbm.mean + 43.0).abs() < 0.02, "{one:?}");
        let snr = one.snr_db.unwrap();
        assert!((snr.min, snr.max) == (5, 55) && (snr.mean - 52.0).abs() < 0.02, "{snr:?}");
        assert!((measured.signal_dbm().unwrap() + 41.25).abs() < 0.02, "{measured:?}");
        assert!((measured.snr_db().unwrap() - 53.75).abs() < 0.02, "{measured:?}");
    }

    #[test]
    fn a_second_counts_when_it_is_over_and_not_for_ever() {
        let (start, mut meter) = (Instant::now(), Meter::default());
        let at = |ms| start + Duration::from_millis(ms);
        let shown = |meter: &Meter, ms| meter.second(at(ms)).and_then(Measured::signal_dbm).map(f32::round);
        assert_eq!(shown(&meter, 0), None);
        meter.heard(&info([(0, -40)]), at(0));
        assert_eq!(shown(&meter, 999), Some(-40.0));
        meter.heard(&info([(0, -60)]), at(1000));
        assert_eq!(shown(&meter, 1999), Some(-40.0), "the last whole second");
        assert_eq!(shown(&meter, 2000), Some(-60.0), "nobody has to come for a second to be over");
        assert_eq!(shown(&meter, 3000), None);
        meter.heard(&info([(0, -70)]), at(4000));
        assert_eq!(shown(&meter, 4100), Some(-70.0), "what was heard before the silence says nothing");
    }

    #[test]
    fn a_card_that_names_no_antenna_has_one_and_no_card_has_more_than_four() {
        let (now, mut meter) = (Instant::now(), Meter::default());
        meter.heard(&RxHeader { combined_signal_dbm: Some(-50), ..RxHeader::default() }, now);
        let [only] = meter.second(now).unwrap().antennas()[..] else { panic!("{meter:?}") };
        assert_eq!((only.number, only.signal_dbm.max, only.snr_db), (0, -50, None));
        (0..=u8::MAX).for_each(|number| meter.heard(&info([(number, -50)]), now));
        let numbers: Vec<u8> = meter.second(now).unwrap().antennas().iter().map(|antenna| antenna.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
    }

    #[test]
    fn how_far_behind_is_a_mean() {
        let (now, mut meter) = (Instant::now(), Meter::default());
        meter.heard(&info([(0, -50)]), now);
        assert_eq!(meter.second(now).unwrap().mean_behind(), None);
        [0, 30].iter().for_each(|ms| meter.behind(Duration::from_millis(*ms), now));
        assert_eq!(meter.second(now).unwrap().mean_behind(), Some(Duration::from_millis(15)));
    }
}
