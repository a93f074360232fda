//! The modelled air: one transmitter's frames, their time on the air, and what each receiver hears.
//!
//! ```text
//!  inject ─▸ transmit queue ─▸ one frame at a time ─┬▸ loss, signal ─▸ delay ─▸ RX header ─▸ card 0
//!           (full: Busy)       for its airtime      └▸ loss, signal ─▸ delay ─▸ RX header ─▸ card 1 …
//! ```
//!
//! Pure: the same seed, frames and times give the same bytes at the same times.

mod damage;
mod loss;
mod random;
mod receiver;
mod signal;
mod trace;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use loss::Loss;
pub use random::{Purpose, Random};
pub use receiver::{RECEIVER_QUEUE_FRAMES, ReceiverConfig, ReceiverStats};
pub use signal::frame_loss;
pub use trace::{MAX_TRACE_FRAMES, Trace, TraceError};

use super::airtime::airtime;
use super::{MAX_FRAME_BYTES, Refusal};
use crate::wire::radiotap::{RxHeader, RxRate, TxRate};
use receiver::Receiver;

/// Frames that wait for the air, the one on it included. mac80211 drivers queue 64 to 256 (ath9k 128): at
/// MCS 1 this is 130 ms.
pub const TRANSMIT_QUEUE_FRAMES: usize = 128;

/// The frame check sequence: on the air, and cut off by the card.
const FCS_BYTES: usize = 4;

/// What a frame without a rate is sent at: the lowest.
const LOWEST_MCS: u8 = 0;

/// What the air is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Who listens; a receiver's place here is its card number.
    pub receivers: Vec<ReceiverConfig>,
    /// Center frequency the cards report, in MHz; default 5745 (channel 149).
    pub frequency_mhz: u16,
    /// Frames that may wait for the air, the one on it included; default [`TRANSMIT_QUEUE_FRAMES`].
    pub queue_frames: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { receivers: vec![ReceiverConfig::default()], frequency_mhz: 5745, queue_frames: TRANSMIT_QUEUE_FRAMES }
    }
}

/// What went over the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelStats {
    /// Frames taken.
    pub injected: u64,
    /// Their bytes from the 802.11 header on, without FCS.
    pub bytes: u64,
    /// The air time they took, waiting for the air to be free included.
    pub airtime: Duration,
    /// Frames refused because [`Config::queue_frames`] were waiting.
    pub refused_busy: u64,
    /// Frames refused because they had no radiotap header, nothing behind it, or were too long.
    pub refused_malformed: u64,
}

/// A modelled air.
///
/// **After every `inject`, drain [`poll_capture`](Self::poll_capture), then wait no longer than until
/// [`poll_timeout`](Self::poll_timeout).**
#[derive(Debug)]
pub struct Channel {
    start: Instant,
    frequency_mhz: u16,
    queue_frames: usize,
    airtime_percent: u32,
    free_at: Instant,
    queue: VecDeque<OnAir>,
    receivers: Vec<Receiver>,
    stats: ChannelStats,
    captured: Vec<u8>,
}

/// A frame that waits for the air or is on it.
#[derive(Debug)]
struct OnAir {
    end: Instant,
    rate: TxRate,
    mpdu: Arc<[u8]>,
}

impl Channel {
    /// An air that is free at `now`, when its cards' clocks start.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        let receiver = |(index, config)| Receiver::new(config, seed, index);
        Self {
            start: now,
            frequency_mhz: config.frequency_mhz,
            queue_frames: config.queue_frames,
            airtime_percent: 100,
            free_at: now,
            queue: VecDeque::new(),
            receivers: config.receivers.into_iter().enumerate().map(receiver).collect(),
            stats: ChannelStats::default(),
            captured: Vec::with_capacity(MAX_FRAME_BYTES),
        }
    }

    /// Takes one frame: TX radiotap header, 802.11 header, packet. It goes on the air when those before it
    /// are through; without a rate in its header that exists, at MCS 0.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while [`Config::queue_frames`] wait; what can never be sent is refused as the
    /// kernel would. The frame is counted and dropped.
    pub fn inject(&mut self, frame: &[u8], now: Instant) -> Result<(), Refusal> {
        self.advance(now);
        let (header, mpdu) = self.parse(frame).inspect_err(|_| self.stats.refused_malformed += 1)?;
        if self.queue.len() >= self.queue_frames {
            self.stats.refused_busy += 1;
            return Err(Refusal::Busy);
        }
        let lowest = TxRate { mcs: LOWEST_MCS, ..TxRate::default() };
        let rate = header.rate.and_then(RxRate::to_tx).and_then(|rate| rate.checked().ok()).unwrap_or(lowest);
        let airtime = airtime(rate, mpdu.len() + FCS_BYTES) * self.airtime_percent / 100;
        self.free_at = self.free_at.max(now) + airtime;
        self.queue.push_back(OnAir { end: self.free_at, rate, mpdu: mpdu.into() });
        self.stats.injected += 1;
        self.stats.bytes += mpdu.len() as u64;
        self.stats.airtime += airtime;
        Ok(())
    }

    /// The next frame some card has captured by `now`: the card, the frame with its RX radiotap header, and
    /// when it was there. In order of time over all cards.
    pub fn poll_capture(&mut self, now: Instant) -> Option<(usize, &[u8], Instant)> {
        self.advance(now);
        let next = self.receivers.iter().enumerate().filter_map(|(card, receiver)| Some((receiver.due()?, card)));
        let (_, card) = next.min().filter(|(due, _)| *due <= now)?;
        let at = self.receivers.get_mut(card)?.take(&mut self.captured)?;
        Some((card, &self.captured, at))
    }

    /// When the next frame may be there, if one is on its way.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let on_air = self.queue.front().map(|frame| frame.end);
        self.receivers.iter().filter_map(Receiver::due).chain(on_air).min()
    }

    /// Replaces what a card loses; frames that ended before `now` keep their fate.
    pub fn set_loss(&mut self, card: usize, loss: Loss, now: Instant) {
        self.advance(now);
        if let Some(receiver) = self.receivers.get_mut(card) {
            receiver.set_loss(loss);
        }
    }

    /// Moves a card nearer or farther: its signal power in dBm from `now` on.
    pub fn set_signal_dbm(&mut self, card: usize, dbm: i8, now: Instant) {
        self.advance(now);
        if let Some(receiver) = self.receivers.get_mut(card) {
            receiver.set_signal_dbm(dbm);
        }
    }

    /// From here on each frame takes so many percent of the airtime of its rate: other stations are on the air, or the
    /// card sends slower than it was told.
    pub const fn set_airtime_percent(&mut self, percent: u32) {
        self.airtime_percent = percent;
    }

    /// What went over the air so far.
    #[must_use]
    pub fn stats(&self) -> ChannelStats {
        self.stats
    }

    /// Each card's settings and what became of the frames at it, by card number.
    pub fn receivers(&self) -> impl Iterator<Item = (&ReceiverConfig, ReceiverStats)> {
        self.receivers.iter().map(|receiver| (receiver.config(), receiver.stats()))
    }

    /// How much later than `now` the air is free: the queue, in time.
    #[must_use]
    pub fn backlog(&self, now: Instant) -> Duration {
        self.free_at.saturating_duration_since(now)
    }

    fn parse<'a>(&self, frame: &'a [u8]) -> Result<(RxHeader, &'a [u8]), Refusal> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(Refusal::TooLong { found: frame.len(), limit: MAX_FRAME_BYTES });
        }
        let invalid = |reason: String| std::io::Error::new(std::io::ErrorKind::InvalidInput, reason);
        let (header, mpdu) = RxHeader::parse(frame).map_err(|error| invalid(error.to_string()))?;
        if mpdu.is_empty() {
            return Err(invalid("no frame behind the radiotap header".to_owned()).into());
        }
        Ok((header, mpdu))
    }

    /// Lets every frame whose time on the air is over reach the receivers.
    fn advance(&mut self, now: Instant) {
        while let Some(frame) = self.queue.pop_front_if(|frame| frame.end <= now) {
            let since_start = frame.end.saturating_duration_since(self.start);
            let tsft_us = u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX);
            for receiver in &mut self.receivers {
                receiver.hear(&frame, tsft_us, self.frequency_mhz);
            }
        }
    }
}

#[cfg(test)]
mod tests;
