//! Skylark's own dialect, docs/PROTOCOL.md: source packets at once, repairs behind each unit, announces.

mod frame;
mod stream;

use std::time::Instant;

use skylark_common::MAX_DATAGRAM_BYTES;
use skylark_common::seal::LinkKey;
use skylark_common::wire::announce::{Announce, TxLatency};

use super::config::{Entropy, Outgoing, SkylarkConfig};
use super::dialect::Dialect;
use super::queue::{TransmitQueue, Unit};
use super::rate::micros;
use super::units::Units;
use frame::FrameWriter;
use stream::StreamSender;

/// Sequence numbers kept for a session that has to end.
const SPARE_SEQUENCES: u32 = 1 << 20;
/// A session ends when a sequence number has reached this.
const LAST_SEQUENCE: u32 = u32::MAX - SPARE_SEQUENCES;

/// One session after another of Skylark's own dialect.
#[derive(Debug)]
pub struct Skylark {
    config: SkylarkConfig,
    key: LinkKey,
    entropy: Entropy,
    started: Instant,
    frames: FrameWriter,
    streams: Vec<StreamSender>,
}

impl Skylark {
    /// Begins a session at `now`.
    #[must_use]
    pub fn new(config: SkylarkConfig, key: &LinkKey, entropy: Entropy, now: Instant) -> Self {
        let frames = FrameWriter::new(config.link, key, &entropy.salt);
        let streams = config.streams.iter().map(|stream| StreamSender::new(*stream)).collect();
        Self { config, key: key.clone(), entropy, started: now, frames, streams }
    }

    /// Uses up the sequence numbers.
    #[cfg(test)]
    pub(super) fn exhaust(&mut self) {
        self.streams[0].exhaust();
    }
}

impl Dialect for Skylark {
    const MAX_DATAGRAM_BYTES: usize = MAX_DATAGRAM_BYTES;
    /// A block repair, docs/PROTOCOL.md.
    const PACKET_OVERHEAD_BYTES: usize = 55;

    fn streams(&self) -> Vec<Units> {
        self.config.streams.iter().map(|stream| Units::new(stream.stream, stream.payload)).collect()
    }

    fn redundancy_permille(&self) -> u16 {
        self.config.streams.iter().map(|stream| stream.fec.redundancy_permille).max().unwrap_or(0)
    }

    fn session(&self) -> u32 {
        self.frames.session()
    }

    /// Whether sequence numbers come to their end: then the session ends as soon as nothing waits and no unit
    /// is under way, and in any case before a number is used twice.
    fn is_used_up(&self, is_quiet: impl FnOnce() -> bool) -> bool {
        let next = self.streams.iter().map(StreamSender::next_sequence).max().unwrap_or(0);
        next >= LAST_SEQUENCE && (next >= LAST_SEQUENCE + (SPARE_SEQUENCES / 2) || is_quiet())
    }

    /// With the salt counted up.
    fn renew(&mut self, now: Instant) {
        let salt = u128::from_be_bytes(self.entropy.salt).wrapping_add(1);
        self.entropy.salt = salt.to_be_bytes();
        self.entropy.unix_us = self.entropy.unix_us.map(|us| us + micros(now.saturating_duration_since(self.started)));
        self.started = now;
        self.frames = FrameWriter::new(self.config.link, &self.key, &self.entropy.salt);
        self.streams = self.config.streams.iter().map(|stream| StreamSender::new(*stream)).collect();
    }

    fn push(&mut self, at: usize, units: &mut Units, outgoing: Outgoing<'_>, queue: &mut TransmitQueue, now: Instant) {
        if let Some(stream) = self.streams.get_mut(at) {
            stream.push(units, outgoing, self.started, &self.frames, queue, now);
        }
    }

    fn announce(&mut self, latency: Option<TxLatency>, queue: &mut TransmitQueue, now: Instant) {
        for stream in &mut self.streams {
            let announce = Announce {
                session_time_us: micros(now.saturating_duration_since(self.started)),
                unix_start_us: self.entropy.unix_us,
                clock_id: self.entropy.clock_id,
                next_esi: 0,
                unit_interval_us: None,
                payload: stream.config().payload,
                fec: stream.config().fec,
                latency,
            };
            stream.announce(announce, &self.frames, queue, now);
        }
    }

    fn forget(&mut self, at: usize, unit: Unit, is_under_way: bool) {
        self.streams.get_mut(at).into_iter().for_each(|stream| stream.uncover(unit.number, is_under_way));
    }

    fn abandon(&mut self, at: usize) {
        self.streams.get_mut(at).into_iter().for_each(StreamSender::abandon);
    }

    fn repairs_give_way(&self, queue: &mut TransmitQueue, drained: Instant) -> bool {
        queue.demote_oldest_repairs(drained)
    }
}
