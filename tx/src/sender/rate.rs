//! How much the encoder may make: as much as leaves.
//!
//! One figure is learned: which share of the airtime that the model promises the air really gives. While frames wait
//! and the air refuses them, what leaves in a stretch of time is measured, and the figure falls to it at once. While
//! nothing waits, nothing can be measured, and the figure rises in steps, careful near where the air failed last. Beside
//! it stands what a second of modelled airtime carries, headers and repairs off, by the units that went before.
//!
//! An air that never refuses (UDP, a recording) gives what the model says, which bounds the encoder all the same.

use std::time::{Duration, Instant};

use skylark_common::air::airtime::airtime;
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::wire::radiotap::TxRate;

/// Between which bitrates the encoder is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// In bits per second, what it makes where the air carries it.
    pub most_bits_per_s: u32,
    /// In bits per second, what it makes however little the air carries; pictures are left out then.
    pub least_bits_per_s: u32,
}

/// What the encoder may make; may change with every picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Mean bitrate to aim for, in bits per second.
    pub bits_per_s: u32,
    /// The most bytes of an access unit.
    pub unit_bytes: usize,
}

/// Why the encoder may make no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateReason {
    /// No more was asked for.
    Asked,
    /// The modulation carries no more.
    Modulation,
    /// The air takes less than the modulation carries.
    Air,
}

/// The rest of the airtime is for repairs spread over time, for what an encoder makes too much and for other stations.
const USED_PERCENT: u64 = 85;
/// The share used while more waits than [`LONG_WAIT`], so that it becomes less.
const DRAINING_PERCENT: u64 = 60;
/// More than two pictures' time at 60 a second.
const LONG_WAIT: Duration = Duration::from_millis(40);
/// No unit takes the air longer, its repairs included: with as much before it, encoding and decoding it is shown
/// within 110 ms, and when the air fails under it there is time left.
const LONGEST_UNIT: Duration = Duration::from_millis(40);
/// No unit is asked to be shorter: as coarse as it may be a keyframe of 640 × 480 pixels has about as many bytes.
const SHORTEST_UNIT_BYTES: u64 = 4000;
/// Of what waited less than this is left to measure by, at most twice as much is remembered.
const MEASURED: Duration = Duration::from_millis(15);
/// Less than this share of the modelled airtime, and the air fails.
const FAILS_PERMILLE: u64 = 900;
/// Nothing fails worse than this.
const LEAST_SHARE_PERMILLE: u64 = 10;
/// How often the share rises while nothing speaks against it, and how long after it fell.
const STEP_INTERVAL: Duration = Duration::from_millis(200);
/// By how much it rises, and near where the air failed last.
const STEP_PERCENT: u64 = 15;
const CAREFUL_STEP_PERCENT: u64 = 3;
/// What is near.
const NEAR_PERCENT: std::ops::RangeInclusive<u64> = 85..=110;
/// What is carried is a mean over about as many units.
const MEMORY_UNITS: u64 = 32;
/// Slices are seldom as long as a datagram may be: what is taken for granted before the first unit.
const FILLED_PERCENT: u64 = 85;
/// 802.11 header, sequence number, marks and tag around a datagram, and the FCS; docs/PROTOCOL.md.
const FRAME_OVERHEAD_BYTES: usize = 52;
/// Bits of video in a packet, before the first unit.
const PACKET_BITS: u64 = Packetizer::DEFAULT_MAX_DATAGRAM_BYTES as u64 * 8 * FILLED_PERCENT / 100;

/// Learns what the air carries.
#[derive(Debug, Clone)]
pub struct RateControl {
    limits: Option<RateLimits>,
    /// Bits of video of the last units, and the modelled airtime they took with their repairs.
    bits: u64,
    airtime_us: u64,
    /// The share of its modelled airtime that the air gives.
    share_permille: u64,
    /// The share it gave when it failed last.
    failed_permille: u64,
    /// Modelled airtime that left, and the time it took, while frames waited.
    left_us: u64,
    took_us: u64,
    /// What would have to leave before a frame that is queued next, as of the last unit.
    wait: Duration,
    stepped: Instant,
}

impl RateControl {
    /// Begins with what the modulation carries beside this redundancy. Without limits it learns and tells no encoder.
    #[must_use]
    pub fn new(limits: Option<RateLimits>, rate: TxRate, redundancy_permille: u16, now: Instant) -> Self {
        Self {
            limits,
            bits: PACKET_BITS * MEMORY_UNITS,
            airtime_us: packet_us(rate, redundancy_permille) * MEMORY_UNITS,
            share_permille: 1000,
            failed_permille: 1000,
            left_us: 0,
            took_us: 0,
            wait: Duration::ZERO,
            stepped: now,
        }
    }

    /// A unit was queued: so many bytes of video, of which the packets take so long by the model, behind a queue of so long.
    pub fn queued(&mut self, unit_bytes: u64, unit_airtime: Duration, queue: Duration, now: Instant) {
        self.bits = self.bits - self.bits / MEMORY_UNITS + unit_bytes * 8;
        self.airtime_us = (self.airtime_us - self.airtime_us / MEMORY_UNITS + micros(unit_airtime)).max(1);
        self.wait = self.expected(queue);
        let can_tell = self.took_us >= micros(MEASURED);
        let share_permille = self.left_us * 1000 / self.took_us.max(1);
        if can_tell && share_permille < FAILS_PERMILLE {
            self.failed_permille = share_permille.max(LEAST_SHARE_PERMILLE);
            self.share_permille = self.share_permille.min(self.failed_permille);
            self.stepped = now;
            self.wait = self.expected(queue);
        } else if self.wait <= LONG_WAIT && now.saturating_duration_since(self.stepped) >= STEP_INTERVAL {
            self.stepped = now;
            self.step();
        }
    }

    /// While frames waited, one of this airtime was followed by the next after `gap`.
    pub fn left(&mut self, airtime: Duration, gap: Duration) {
        if self.took_us > 2 * micros(MEASURED) {
            (self.left_us, self.took_us) = (self.left_us / 2, self.took_us / 2);
        }
        self.left_us += micros(airtime);
        self.took_us += micros(gap);
    }

    /// Nothing waits: what is measured next has nothing to do with what was.
    pub const fn idle(&mut self) {
        (self.left_us, self.took_us) = (0, 0);
    }

    /// How long what takes so long by the model is expected to take.
    #[must_use]
    pub fn expected(&self, airtime: Duration) -> Duration {
        Duration::from_micros(micros(airtime) * 1000 / self.share_permille)
    }

    /// What the encoder may make; `None` without limits.
    #[must_use]
    pub fn allowance(&self) -> Option<Allowance> {
        let RateLimits { most_bits_per_s, least_bits_per_s } = self.limits?;
        let carried = self.carried_bits_per_s(self.share_permille);
        let percent = if self.wait > LONG_WAIT { DRAINING_PERCENT } else { USED_PERCENT };
        let bits_per_s = u32::try_from(carried * percent / 100).unwrap_or(u32::MAX);
        let unit_bytes = (carried * micros(LONGEST_UNIT) / 8_000_000).max(SHORTEST_UNIT_BYTES);
        Some(Allowance {
            bits_per_s: bits_per_s.max(least_bits_per_s).min(most_bits_per_s),
            unit_bytes: usize::try_from(unit_bytes).unwrap_or(usize::MAX),
        })
    }

    /// Why the encoder may make so much and no more.
    #[must_use]
    pub fn reason(&self, allowed: Allowance) -> RateReason {
        let most = u64::from(self.limits.map_or(0, |limits| limits.most_bits_per_s));
        if u64::from(allowed.bits_per_s) >= most {
            RateReason::Asked
        } else if self.carried_bits_per_s(1000) * USED_PERCENT / 100 < most && self.share_permille == 1000 {
            RateReason::Modulation
        } else {
            RateReason::Air
        }
    }

    /// Bits of video a second at a share of the modelled airtime.
    const fn carried_bits_per_s(&self, share_permille: u64) -> u64 {
        self.bits * 1000 / self.airtime_us * share_permille
    }

    fn step(&mut self) {
        let is_near = NEAR_PERCENT.contains(&(self.share_permille * 100 / self.failed_permille));
        let percent = if is_near && self.failed_permille < 1000 { CAREFUL_STEP_PERCENT } else { STEP_PERCENT };
        self.share_permille = (self.share_permille + (self.share_permille * percent / 100).max(1)).min(1000);
        if self.share_permille == 1000 {
            self.failed_permille = 1000;
        }
    }
}

/// Bits of video a second that this modulation carries beside this redundancy, as far as can be told before the first.
#[cfg(feature = "program")]
pub(crate) fn carried_bits_per_s(rate: TxRate, redundancy_permille: u16) -> u64 {
    PACKET_BITS * 1_000_000 / packet_us(rate, redundancy_permille)
}

/// Airtime of a source packet and of what it adds in repairs.
fn packet_us(rate: TxRate, redundancy_permille: u16) -> u64 {
    let frame = airtime(rate, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES + FRAME_OVERHEAD_BYTES);
    (micros(frame) * (1000 + u64::from(redundancy_permille)) / 1000).max(1)
}

/// Whole µs.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
