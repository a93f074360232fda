//! One receiver of the modelled air: what reaches it, and the header its card puts in front.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::damage::Damage;
use super::loss::{Loss, LossProcess};
use super::random::{Purpose, Random};
use super::signal::frame_loss;
use super::{FCS_BYTES, OnAir};
use crate::wire::radiotap::{Antenna, MAX_ANTENNAS, RxHeader};

/// Frames a receiver holds until they are polled, like the socket buffer of a card: 2 MB of the usual frames,
/// more than a second on the air at MCS 1.
pub const RECEIVER_QUEUE_FRAMES: usize = 1024;

/// What a further antenna of the same card hears less, in dB: enough to tell them apart.
const DB_BETWEEN_ANTENNAS: i8 = 3;

/// How one receiver hears.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiverConfig {
    /// What it loses beyond the frames that are too weak; default nothing.
    pub loss: Loss,
    /// Signal power in dBm; default −50. Frames too weak for their rate are lost ([`frame_loss`]).
    pub signal_dbm: i8,
    /// Noise power in dBm; default −95.
    pub noise_dbm: i8,
    /// Antennas its card reports, 1 to [`MAX_ANTENNAS`]; default 1.
    pub antennas: usize,
    /// What its card and bus add before a frame is there; default 0.
    pub delay: Duration,
    /// Share of the lost frames that are heard damaged, with the bad-FCS flag, 0 to 1; default 0.
    pub damaged_share: f64,
    /// Share of the frames that are neither lost nor too weak whose FCS fails for bit errors, 0 to 1; default
    /// 0: bursts of at most 16 bits in at most 3 places, anywhere from the 802.11 header on.
    pub bit_error_share: f64,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            loss: Loss::None,
            signal_dbm: -50,
            noise_dbm: -95,
            antennas: 1,
            delay: Duration::ZERO,
            damaged_share: 0.0,
            bit_error_share: 0.0,
        }
    }
}

/// What became of the frames at one receiver: `on_air = heard + damaged + lost + overflowed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverStats {
    /// Frames that were on the air.
    pub on_air: u64,
    /// Frames it heard.
    pub heard: u64,
    /// Frames it heard damaged.
    pub damaged: u64,
    /// Frames it did not hear.
    pub lost: u64,
    /// Frames it heard while [`RECEIVER_QUEUE_FRAMES`] were waiting to be polled.
    pub overflowed: u64,
}

/// A receiver at work.
#[derive(Debug)]
pub(super) struct Receiver {
    config: ReceiverConfig,
    loss: LossProcess,
    signal: Random,
    damage: Random,
    bit_errors: Random,
    arrivals: VecDeque<Arrival>,
    stats: ReceiverStats,
}

/// A frame on its way from the antenna to the program.
#[derive(Debug)]
struct Arrival {
    due: Instant,
    header: RxHeader,
    mpdu: Arc<[u8]>,
    damage: Option<Damage>,
}

impl Receiver {
    pub(super) fn new(config: ReceiverConfig, seed: u64, index: usize) -> Self {
        Self {
            loss: LossProcess::new(config.loss.clone(), Random::stream(seed, index, Purpose::Loss)),
            signal: Random::stream(seed, index, Purpose::Signal),
            damage: Random::stream(seed, index, Purpose::Damage),
            bit_errors: Random::stream(seed, index, Purpose::BitErrors),
            arrivals: VecDeque::new(),
            stats: ReceiverStats::default(),
            config,
        }
    }

    pub(super) fn set_loss(&mut self, loss: Loss) {
        self.loss.set(loss.clone());
        self.config.loss = loss;
    }

    pub(super) fn set_signal_dbm(&mut self, dbm: i8) {
        self.config.signal_dbm = dbm;
    }

    pub(super) fn config(&self) -> &ReceiverConfig {
        &self.config
    }

    pub(super) fn stats(&self) -> ReceiverStats {
        self.stats
    }

    /// A frame was on the air. Every random stream is drawn from once a frame whatever the others say, so
    /// that no setting changes what another one loses.
    pub(super) fn hear(&mut self, frame: &OnAir, tsft_us: u64, frequency_mhz: u16) {
        self.stats.on_air += 1;
        let lost_to_model = self.loss.loses(frame.end);
        let snr_db = f64::from(self.config.signal_dbm) - f64::from(self.config.noise_dbm);
        let too_weak = self.signal.chance(frame_loss(frame.rate, snr_db, frame.mpdu.len() + FCS_BYTES));
        let mut damage = Random::new(self.damage.bits());
        let mut bit_errors = Random::new(self.bit_errors.bits());
        let damage = match lost_to_model || too_weak {
            false => bit_errors.chance(self.config.bit_error_share).then_some(Damage::Bursts(bit_errors)),
            true if damage.chance(self.config.damaged_share) => Some(Damage::Bits(damage)),
            true => {
                self.stats.lost += 1;
                return;
            }
        };
        if self.arrivals.len() >= RECEIVER_QUEUE_FRAMES {
            self.stats.overflowed += 1;
            return;
        }
        let header = self.header(frame, tsft_us, frequency_mhz, damage.is_some());
        match damage {
            None => self.stats.heard += 1,
            Some(_) => self.stats.damaged += 1,
        }
        let due = frame.end + self.config.delay;
        self.arrivals.push_back(Arrival { due, header, mpdu: Arc::clone(&frame.mpdu), damage });
    }

    /// When its next frame is there.
    pub(super) fn due(&self) -> Option<Instant> {
        self.arrivals.front().map(|arrival| arrival.due)
    }

    /// Writes its next frame, header and all.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> Option<Instant> {
        let arrival = self.arrivals.pop_front()?;
        out.clear();
        out.resize(MAX_HEADER_BYTES, 0);
        let len = arrival.header.emit(out).unwrap_or(0);
        out.truncate(len);
        out.extend_from_slice(&arrival.mpdu);
        if let (Some(damage), Some(mpdu)) = (arrival.damage, out.get_mut(len..)) {
            damage.inflict(mpdu);
        }
        Some(arrival.due)
    }

    fn header(&self, frame: &OnAir, tsft_us: u64, frequency_mhz: u16, bad_fcs: bool) -> RxHeader {
        RxHeader {
            tsft_us: Some(tsft_us),
            frequency_mhz: Some(frequency_mhz),
            bad_fcs,
            rate: Some(frame.rate.into()),
            antennas: self.antennas(),
            ..RxHeader::default()
        }
    }

    /// As mac80211 drivers do it, only the first antenna says the noise.
    fn antennas(&self) -> [Option<Antenna>; MAX_ANTENNAS] {
        let mut antennas = [None; MAX_ANTENNAS];
        let mut signal_dbm = self.config.signal_dbm;
        for (antenna, number) in antennas.iter_mut().zip(0..).take(self.config.antennas.max(1)) {
            *antenna = Some(Antenna { number, signal_dbm: Some(signal_dbm), noise_dbm: None });
            signal_dbm = signal_dbm.saturating_sub(DB_BETWEEN_ANTENNAS);
        }
        if let Some(Some(first)) = antennas.first_mut() {
            first.noise_dbm = Some(self.config.noise_dbm);
        }
        antennas
    }
}

/// Room for the longest header [`RxHeader::emit`] writes.
const MAX_HEADER_BYTES: usize = 64;
