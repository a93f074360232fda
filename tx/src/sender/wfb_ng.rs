//! WFB-NG, the field's dialect: blocks of k source packets, each at once, and n − k parities behind the last.
//!
//! ```text
//! push    datagram ─▸ fragment ─▸ queue
//! depart  fragment ─▸ its place in the block ─▸ seal ─▸ air
//!         the k-th, or the last of a unit ─▸ fillers, parities ─▸ next in the queue
//! ```
//!
//! Fragments get their place when they leave. What gives way before leaves no gap in a block, and no block that
//! receivers would wait for; parities are of what was sent.

mod block;
mod frame;
mod pause;
mod tally;

use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::wfb_ng::MAX_DATAGRAM_BYTES;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::{BLOCK_LIMIT, PacketId};
use skylark_common::wfb_ng::seed::SessionSeed;
use skylark_common::wfb_ng::session::{BlockCode, NONCE_LEN, Session};
use skylark_common::wire::announce::{Payload, TxLatency};

use super::config::Outgoing;
use super::dialect::Dialect;
use super::queue::{Due, Frame, Queued, Role, TransmitQueue, Unit};
use super::units::Units;
use block::Block;
use frame::{FrameWriter, fragment_of};
use pause::Cadence;
use tally::Tally;

/// A unit of more packets than these is queued and dropped in parts.
const MAX_PART: u32 = 512;
/// A block closes with its unit if one in so many of its source packets is there: for fewer the fillers and the repairs
/// of a whole block are too many.
const LEAST_SHARE: u8 = 4;
/// A session ends so many blocks before their indices do: more than wait.
const SPARE_BLOCKS: u64 = 1 << 20;
/// What no unit belongs to.
const NO_UNIT: Unit = Unit { stream: VIDEO_STREAM, number: 0, keyframe: false, replaces_dropped: false };

/// What a session of the dialect is told at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WfbNgConfig {
    /// Link id and radio port.
    pub channel: ChannelId,
    /// What its datagrams are. It is not told on the air; whether others refer to a unit is seen by it.
    pub payload: Payload,
    /// Source packets in a block, and all.
    pub code: BlockCode,
    /// Orders sessions, default 0: a receiver refuses one that is less than the greatest it has heard since it was
    /// started. With the time of day, a transmitter whose clock is behind after a restart would not be received.
    pub epoch: u64,
    /// When a block ends before it is full, default [`Closing::UnitEnds`].
    pub closing: Closing,
    /// When a block that is not full is filled all the same, default [`Filling::Pause`].
    pub filling: Filling,
}

/// When a block ends before it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Not with its unit: its repairs wait for packets of the next.
    Never,
    /// With its unit, if nothing waits behind that and a quarter of its packets are there: the repairs leave at once, in
    /// airtime that nobody wants. Where units wait for the air, their packets fill the block. So with pictures only:
    /// [`Payload::Opaque`] datagrams, and RTP whose markers end no units, are a unit each.
    UnitEnds,
}

/// When a block that is not full is filled, so that what came last before a pause has its repairs.
///
/// What that costs: fillers and parities are n less the packets there, 11 for a single one with 8/12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// When nothing comes for twice the time between units, 20 to 100 ms; 100 ms with [`Closing::Never`], and until the
    /// cadence is known. A steady stream has no such pause down to 10 units a second. Datagrams that are no pictures
    /// are units too: those of a trickle wait for k of them, or for a pause. Code 1/2 gives each its repair at once.
    Pause,
    /// So long after its last packet. Less than the time between units, and every unit costs a block's repairs.
    After(Duration),
    /// Never; at the end of the input all the same.
    Never,
}

/// One session after another of the dialect.
#[derive(Debug)]
pub struct WfbNg {
    config: WfbNgConfig,
    key: EndKey,
    seed: SessionSeed,
    /// Sessions before this one.
    sessions: u64,
    frames: FrameWriter,
    block: Block,
    block_index: u64,
    /// The last fragment of the block that left, and when.
    last: Option<(Unit, Instant)>,
    /// Fragments of the unit under way.
    unit_packets: u32,
    cadence: Cadence,
    tally: Tally,
}

impl WfbNgConfig {
    /// The field's code and the defaults, for video on this channel.
    #[must_use]
    pub const fn new(channel: ChannelId) -> Self {
        Self {
            channel,
            payload: Payload::H264,
            code: BlockCode::DEFAULT,
            epoch: 0,
            closing: Closing::UnitEnds,
            filling: Filling::Pause,
        }
    }
}

impl WfbNg {
    /// Begins a session. The same seed, key and calls give the same bytes.
    #[must_use]
    pub fn new(config: WfbNgConfig, key: &EndKey, seed: SessionSeed) -> Self {
        Self {
            frames: FrameWriter::new(session(&config, &seed, 0), key),
            block: Block::new(config.code),
            tally: Tally::new(config.code),
            config,
            key: key.clone(),
            seed,
            sessions: 0,
            block_index: 0,
            last: None,
            unit_packets: 0,
            cadence: Cadence::new(),
        }
    }

    fn begin_session(&mut self) {
        self.sessions += 1;
        self.frames.begin_session(session(&self.config, &self.seed, self.sessions), &self.key);
        self.block_index = 0;
    }

    const fn next_place(&self) -> PacketId {
        PacketId { block: self.block_index, fragment: self.block.sources() }
    }

    /// Seals a source fragment in its place.
    fn place(&mut self, frame: &mut [u8]) {
        let id = self.next_place();
        self.block.push(fragment_of(frame));
        self.frames.seal(id, frame);
    }

    /// Ends the block; what it ends with is next in the queue.
    fn close(&mut self, unit: Unit, queue: &mut TransmitQueue, due: Instant) {
        let before = queue.airtime();
        let ending = self.end_block(queue);
        queue.push_next(ending, Role::Repair, unit, due);
        self.tally.repairs(queue.airtime().saturating_sub(before));
    }

    /// Ends the block: fillers for the fragments that are missing, then its parities.
    fn end_block(&mut self, queue: &mut TransmitQueue) -> Vec<Vec<u8>> {
        let mut frames = Vec::with_capacity(usize::from(self.config.code.n()));
        while !self.block.is_full() {
            let mut filler = self.frames.fragment(queue.buffer(), Fragment::Filler);
            self.place(&mut filler);
            frames.push(filler);
        }
        frames.extend(self.parities(queue));
        self.next_block();
        frames
    }

    fn parities(&self, queue: &mut TransmitQueue) -> Vec<Vec<u8>> {
        let (padded, longest) = (self.block.padded(), self.block.longest());
        let mut parities: Vec<_> = self.block.parities().map(|_| self.frames.parity(queue.buffer(), padded)).collect();
        self.block.encode(&mut parities);
        for (fragment, parity) in self.block.parities().zip(&mut parities) {
            FrameWriter::end_parity(parity, longest);
            self.frames.seal(PacketId { block: self.block_index, fragment }, parity);
        }
        parities
    }

    /// Whether the unit under way can be one of many packets: where every datagram is one, none ends a block.
    const fn is_of_many(&self, payload: Payload) -> bool {
        payload.is_video() || (matches!(payload, Payload::Rtp) && self.unit_packets > 0)
    }

    fn closes_with_unit(&self) -> bool {
        let least = self.config.code.k().div_ceil(LEAST_SHARE);
        self.config.closing == Closing::UnitEnds && self.has_repairs() && self.block.sources() >= least
    }

    /// How long after its last packet the block under way is filled, if that adds any repairs.
    fn patience(&self) -> Option<Duration> {
        let patience = match (self.config.filling, self.config.closing) {
            (Filling::After(time), _) => Some(time),
            (Filling::Pause, Closing::Never) => Some(pause::MOST),
            (Filling::Pause, Closing::UnitEnds) => Some(self.cadence.pause()),
            (Filling::Never, _) => None,
        };
        patience.filter(|_| self.has_repairs())
    }

    /// Airtime of what the block under way would end with.
    fn ending(&self, queue: &TransmitQueue) -> Duration {
        let missing = self.config.code.k() - self.block.sources();
        let filler = queue.airtime_of(<Self as Dialect>::PACKET_OVERHEAD_BYTES);
        let parity = queue.airtime_of(<Self as Dialect>::PACKET_OVERHEAD_BYTES + self.block.longest());
        filler * u32::from(missing) + parity * u32::from(self.config.code.n() - self.config.code.k())
    }

    const fn has_repairs(&self) -> bool {
        self.config.code.n() > self.config.code.k()
    }

    fn next_block(&mut self) {
        self.block.clear();
        self.block_index += 1;
        self.last = None;
    }
}

impl Dialect for WfbNg {
    const MAX_DATAGRAM_BYTES: usize = MAX_DATAGRAM_BYTES;
    /// 802.11 header, packet header, flags and length, tag.
    const PACKET_OVERHEAD_BYTES: usize = 24 + 9 + 3 + 16;

    fn streams(&self) -> Vec<Units> {
        vec![Units::new(VIDEO_STREAM, self.config.payload)]
    }

    fn redundancy_permille(&self) -> u16 {
        let (k, n) = (u32::from(self.config.code.k()), u32::from(self.config.code.n()));
        u16::try_from((n - k) * 1000 / k).unwrap_or(u16::MAX)
    }

    fn session(&self) -> u32 {
        self.frames.session()
    }

    fn is_used_up(&self, _is_quiet: impl FnOnce() -> bool) -> bool {
        self.block_index >= BLOCK_LIMIT - SPARE_BLOCKS
    }

    fn renew(&mut self, _now: Instant) {
        self.block.clear();
        self.tally.no_repairs();
        self.last = None;
        self.begin_session();
    }

    fn push(&mut self, _at: usize, units: &mut Units, outgoing: Outgoing<'_>, queue: &mut TransmitQueue, now: Instant) {
        let starts_unit = units.is_between();
        let mut unit = units.take(&outgoing, |_| {});
        self.unit_packets = if starts_unit { 0 } else { self.unit_packets + 1 };
        let divides = !starts_unit && !outgoing.end_of_unit && self.unit_packets.is_multiple_of(MAX_PART);
        if divides {
            unit = units.divide(unit);
        }
        if starts_unit {
            self.cadence.begins(now);
        }
        let Outgoing { bytes, end_of_unit: ends_unit, .. } = outgoing;
        let is_referred_to = units.is_referred_to(bytes);
        let ends_unit = ends_unit && self.is_of_many(units.payload());
        let bytes = self.frames.fragment(queue.buffer(), Fragment::Datagram(bytes));
        let frame = Frame { bytes, role: Role::Source, sequence: 0, is_referred_to, ends_unit };
        queue.push(frame, unit, starts_unit || divides, Due::Now(now));
    }

    fn announce(&mut self, _latency: Option<TxLatency>, queue: &mut TransmitQueue, now: Instant) {
        let bytes = self.frames.session_packet(queue.buffer());
        let frame = Frame { bytes, role: Role::Announce, sequence: 0, is_referred_to: false, ends_unit: false };
        queue.push(frame, NO_UNIT, false, Due::Now(now));
    }

    /// What has left of it stays in its block, which the next unit goes on with.
    fn forget(&mut self, _at: usize, _unit: Unit, _is_under_way: bool) {}

    fn abandon(&mut self, _at: usize) {}

    /// None waits: they are made when their block is full, or left out then.
    fn repairs_give_way(&self, _queue: &mut TransmitQueue, _drained: Instant) -> bool {
        false
    }

    fn with_repairs(&self, waiting: Duration) -> Duration {
        self.tally.with_repairs(waiting)
    }

    fn depart(
        &mut self,
        queued: &mut Queued,
        queue: &mut TransmitQueue,
        fits: impl Fn(Duration) -> bool,
        now: Instant,
    ) {
        if queued.role == Role::Source {
            self.place(&mut queued.bytes);
            self.tally.source(queued.airtime);
            self.last = Some((queued.unit, now));
            let ends_early = queued.ends_unit && self.closes_with_unit() && queue.is_empty();
            if self.block.is_full() && !fits(self.tally.with_repairs(queue.airtime())) {
                queue.leave_out_repairs(self.block.parities().len());
                self.tally.no_repairs();
                self.next_block();
            } else if self.block.is_full() || (ends_early && fits(self.ending(queue))) {
                self.close(queued.unit, queue, queued.due);
            }
        }
        self.frames.number(&mut queued.bytes);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.last?.1 + self.patience()?)
    }

    /// Fills the block, unless what waits does, or the air has no room for it.
    fn handle_timeout(&mut self, queue: &mut TransmitQueue, fits: impl Fn(Duration) -> bool, now: Instant) -> bool {
        let Some((unit, _)) = self.last else { return false };
        let is_filled = queue.is_empty() && fits(self.ending(queue));
        if is_filled {
            self.close(unit, queue, now);
        } else {
            self.last = Some((unit, now));
        }
        is_filled
    }

    fn end(&mut self, queue: &mut TransmitQueue, now: Instant) {
        if let Some((unit, _)) = self.last.filter(|_| self.has_repairs()) {
            self.close(unit, queue, now);
        }
    }
}

fn session(config: &WfbNgConfig, seed: &SessionSeed, number: u64) -> (Session, [u8; NONCE_LEN]) {
    let (key, nonce) = seed.session(number);
    (Session { epoch: config.epoch, channel: config.channel, code: config.code, key }, nonce)
}

#[cfg(test)]
mod tests;
