//! The pure core of the transmitter: datagrams in, 802.11 frames out.
//!
//! ```text
//! push_datagram ─▸ stream: source packet ─▸ frame: seal ─▸ queue ─▸ pacer ─▸ poll_transmit
//!                  stream: repairs after the last datagram of a unit ──▴
//!                  announces: with every keyframe, at least every 100 ms ──▴
//! ```
//!
//! What waits and how it leaves says what the encoder may make ([`Sender::allowance`]).

mod config;
mod dialect;
mod giving_way;
mod pacer;
mod queue;
pub mod rate;
mod skylark;
#[cfg(test)]
mod tests;
mod units;
mod wfb_ng;
mod wish;

use std::time::{Duration, Instant};

use skylark_common::ledger::Ledger;
use skylark_common::wire::announce::{Payload, TxLatency};

pub use config::{Entropy, Keyframes, Outgoing, Pacing, PushError, SenderConfig, SkylarkConfig, StreamConfig};
pub use dialect::Dialect;
use giving_way::Left;
use pacer::Pacer;
use queue::{Queued, Role, TransmitQueue};
use rate::micros;
pub use rate::{Allowance, RateControl, RateLimits, RateReason};
pub use skylark::Skylark;
use units::Units;
pub use wfb_ng::{Closing, Filling, WfbNg, WfbNgConfig};

use crate::stats::TxStats;

/// A receiver that starts late waits for an announce no longer than 100 ms, the frame on the air and the
/// slack of the pacer included.
const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(90);
/// How often the ledger in the announces is taken anew.
const LEDGER_INTERVAL: Duration = Duration::from_secs(1);

/// More than this before it, and a picture is better left out than encoded: with it a unit of the longest, 45 ms, is
/// through before the next but five are due.
const ROOM: Duration = Duration::from_millis(40);

const CAPTURE_TO_ENCODED: usize = 0;
const ENCODED_TO_AIR: usize = 1;

/// The transmitter's state machine.
///
/// **After every `push_datagram`, call `poll_transmit` until it returns `None`, then wait no longer than
/// `poll_timeout`.** The same configuration, key, entropy and calls give the same bytes.
#[derive(Debug)]
pub struct Sender<D = Skylark> {
    config: SenderConfig,
    dialect: D,
    streams: Vec<Units>,
    queue: TransmitQueue,
    pacer: Pacer,
    next_announce: Instant,
    ledger: Ledger<2>,
    ledger_taken: Instant,
    latency: Option<TxLatency>,
    rate: RateControl,
    /// Whether the last keyframe took longer to leave than a unit may wait: to drop a unit and send another costs more
    /// than it gives.
    keyframes_are_late: bool,
    /// The unit that is pushed.
    pushed: Pushed,
    /// The frame that left last, if others waited behind it.
    left: Option<Left>,
    transmitting: Vec<u8>,
    max_datagram_bytes: usize,
    stats: TxStats,
}

/// What is known of a unit while it is pushed.
#[derive(Debug, Clone, Copy, Default)]
struct Pushed {
    bytes: u64,
    /// Airtime of the queue before it, and of all that was ever queued.
    behind: Duration,
    taken: Duration,
}

impl<D: Dialect> Sender<D> {
    /// A sender that begins at `now`.
    #[must_use]
    pub fn new(config: SenderConfig, dialect: D, now: Instant) -> Self {
        Self {
            streams: dialect.streams(),
            queue: TransmitQueue::new(config.rate),
            pacer: Pacer::new(config.pacing, now),
            next_announce: now,
            ledger: Ledger::new(["capture to encoded", "encoded to air"]),
            ledger_taken: now,
            latency: None,
            rate: RateControl::new(config.bitrate, config.rate, dialect.redundancy_permille(), now),
            keyframes_are_late: false,
            pushed: Pushed::default(),
            left: None,
            transmitting: Vec::new(),
            max_datagram_bytes: D::MAX_DATAGRAM_BYTES,
            stats: TxStats::default(),
            config,
            dialect,
        }
    }

    /// From here on takes no datagram of which a packet would be longer than the air takes: frames of
    /// `max_frame_bytes`, radiotap header included.
    pub fn fit_frames(&mut self, max_frame_bytes: usize) {
        let fits = max_frame_bytes.saturating_sub(self.config.rate.header_len() + D::PACKET_OVERHEAD_BYTES);
        self.max_datagram_bytes = fits.min(D::MAX_DATAGRAM_BYTES);
    }

    /// The longest datagram it takes.
    #[must_use]
    pub const fn max_datagram_bytes(&self) -> usize {
        self.max_datagram_bytes
    }

    /// Takes one datagram. Its source packet waits for its turn at once; the last datagram of a unit adds
    /// the unit's repairs.
    ///
    /// # Errors
    /// The datagram is longer than a packet carries, or its stream is not configured. It is not sent then.
    pub fn push_datagram(&mut self, outgoing: Outgoing<'_>, now: Instant) -> Result<(), PushError> {
        if outgoing.bytes.len() > self.max_datagram_bytes {
            self.stats.too_long += 1;
            return Err(PushError::TooLong { found: outgoing.bytes.len(), limit: self.max_datagram_bytes });
        }
        let at = self.streams.iter().position(|units| units.stream() == outgoing.stream);
        let at = at.ok_or(PushError::NoStream(outgoing.stream))?;
        self.renew_session(now);
        let starts_unit = self.streams.get(at).is_some_and(Units::is_between);
        self.count(&outgoing);
        if let Some(units) = self.streams.get_mut(at)
            && !units.takes(&outgoing)
        {
            let dropped = u64::from(units.ends_another(&outgoing));
            self.stats.units_dropped += dropped;
            self.stats.dropped_useless += dropped;
            return Ok(());
        }
        if starts_unit && outgoing.keyframe {
            self.announce(now);
        }
        if starts_unit {
            self.ledger.record(CAPTURE_TO_ENCODED, now.saturating_duration_since(outgoing.captured));
            self.pushed =
                Pushed { bytes: 0, behind: self.dialect.with_repairs(self.queue.airtime()), taken: self.queue.taken() };
        }
        self.pushed.bytes += outgoing.bytes.len() as u64;
        if let Some(units) = self.streams.get_mut(at) {
            self.dialect.push(at, units, outgoing, &mut self.queue, now);
        }
        if outgoing.end_of_unit {
            let Pushed { bytes, behind, taken } = self.pushed;
            let airtime = self.dialect.with_repairs(self.queue.taken().saturating_sub(taken));
            self.rate.queued(bytes, airtime, behind, now);
        }
        self.bound_queue(now);
        Ok(())
    }

    /// From here on the datagrams of all streams are these, in the same session: where receivers are not told.
    pub fn carry(&mut self, payload: Payload) {
        self.streams.iter_mut().for_each(|units| units.carry(payload));
    }

    /// The next frame for the card, radiotap header first, if its turn has come.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        if now >= self.next_announce {
            self.announce(now);
        }
        if self.dialect.poll_timeout().is_some_and(|due| now >= due) {
            let Self { dialect, queue, config, rate, .. } = self;
            let is_filled =
                dialect.handle_timeout(queue, |airtime| rate.expected(airtime) <= config.longest_wait(), now);
            self.stats.blocks_filled += u64::from(is_filled);
        }
        if !self.pacer.is_ready(now) {
            return None;
        }
        self.drop_late(now);
        self.measure(now);
        let mut queued = self.queue.pop(now)?;
        let Self { dialect, queue, config, rate, .. } = self;
        dialect.depart(&mut queued, queue, |airtime| rate.expected(airtime) <= config.longest_wait(), now);
        self.pacer.sent(queued.airtime, now);
        if self.queue.airtime() > Duration::ZERO {
            self.left = Some(Left { airtime: queued.airtime, at: now, air_was_busy: false });
        }
        self.record(&queued, now);
        self.time_keyframe(&queued, now);
        let sent = std::mem::replace(&mut self.transmitting, queued.bytes);
        self.queue.recycle(sent);
        Some(&self.transmitting)
    }

    /// When to call `poll_transmit` again if nothing is pushed before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let frame = self.queue.next_due().map(|due| due.max(self.pacer.ready_at()));
        [frame, self.dialect.poll_timeout()].into_iter().flatten().fold(self.next_announce, Instant::min).into()
    }

    /// Nothing more is pushed, and nothing waits: what receivers are still owed is made, and waits then.
    pub fn end(&mut self, now: Instant) {
        self.dialect.end(&mut self.queue, now);
    }

    /// Whether frames that were pushed have not left yet; spread repairs count.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the encoder should make the next picture a keyframe, since units were dropped: asked for when there is
    /// room for it, and again when it does not come.
    pub fn keyframe_wanted(&mut self, now: Instant) -> bool {
        self.has_room() && self.streams.iter_mut().any(|units| units.wish().asks(now))
    }

    /// The air is too busy for the next frame: call it instead of `poll_transmit` while that is so.
    pub fn air_is_busy(&mut self) {
        self.left.iter_mut().for_each(|left| left.air_was_busy = true);
    }

    /// What the encoder may make from the next picture on; `None` where it is not told.
    #[must_use]
    pub fn allowance(&self) -> Option<Allowance> {
        self.rate.allowance()
    }

    /// The same, why it is no more, and how long what waits is expected to take.
    #[must_use]
    pub fn rate(&self) -> Option<(Allowance, RateReason, Duration)> {
        let allowed = self.rate.allowance()?;
        Some((allowed, self.rate.reason(allowed), self.expected_wait()))
    }

    /// Whether a picture that is taken now leaves in time; if not, an encoder that is told leaves it out.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.expected_wait() <= ROOM && !(self.keyframes_are_late && self.queue.has_whole_unit())
    }

    /// How long the transmitter's stages took over the last second, once one has passed.
    #[must_use]
    pub const fn latency(&self) -> Option<TxLatency> {
        self.latency
    }

    /// The session's short name on the air.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.dialect.session()
    }

    /// What was done since the start.
    #[must_use]
    pub fn stats(&self) -> TxStats {
        TxStats { queued_us: micros(self.queue.airtime()), repairs_dropped: self.queue.repairs_dropped(), ..self.stats }
    }

    /// Announces every stream, ahead of everything that waits.
    fn announce(&mut self, now: Instant) {
        self.take_ledger(now);
        self.next_announce = now + ANNOUNCE_INTERVAL;
        self.dialect.announce(self.latency, &mut self.queue, now);
    }

    fn take_ledger(&mut self, now: Instant) {
        if now.saturating_duration_since(self.ledger_taken) < LEDGER_INTERVAL {
            return;
        }
        self.ledger_taken = now;
        let [(_, encode), (_, queue)] = self.ledger.take();
        let us = |us: u64| u32::try_from(us).unwrap_or(u32::MAX);
        self.latency = (queue.count > 0).then(|| TxLatency {
            encode_p50_us: us(encode.p50_us),
            encode_p95_us: us(encode.p95_us),
            queue_p50_us: us(queue.p50_us),
            queue_p95_us: us(queue.p95_us),
        });
    }

    /// A nonce must not be used twice with one key: before that happens a session of its own begins.
    fn renew_session(&mut self, now: Instant) {
        let Self { queue, streams, .. } = self;
        if self.dialect.is_used_up(|| queue.is_empty() && streams.iter().all(Units::is_between)) {
            self.dialect.renew(now);
            let begun = self.dialect.streams();
            for (units, mut begins) in self.streams.iter_mut().zip(begun) {
                begins.carry(units.payload());
                *units = begins;
            }
            self.announce(now);
        }
    }

    fn count(&mut self, outgoing: &Outgoing<'_>) {
        self.stats.datagrams += 1;
        self.stats.datagram_bytes += outgoing.bytes.len() as u64;
        if outgoing.end_of_unit {
            self.stats.units += 1;
            self.stats.keyframes += u64::from(outgoing.keyframe);
        }
    }

    fn record(&mut self, queued: &Queued, now: Instant) {
        match queued.role {
            Role::Source => self.stats.source_packets += 1,
            Role::Repair => self.stats.repair_packets += 1,
            Role::Announce => self.stats.announces += 1,
        }
        if queued.starts_unit {
            self.ledger.record(ENCODED_TO_AIR, now.saturating_duration_since(queued.due));
        }
        self.stats.air_bytes += queued.bytes.len().saturating_sub(self.config.rate.header_len()) as u64;
        self.stats.airtime_us += micros(queued.airtime);
    }
}
