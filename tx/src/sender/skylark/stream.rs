//! One stream: numbers its packets, adds repairs behind each unit, remembers what the repairs cover.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::fec::{BlockEncoder, Code, Near, WindowEncoder};
use skylark_common::wire::announce::Announce;
use skylark_common::wire::packet::Kind;
use skylark_common::wire::repair;
use skylark_common::wire::symbol::{CAPTURED_MODULUS_US, Symbol};

use super::frame::FrameWriter;
use crate::sender::config::{Outgoing, StreamConfig};
use crate::sender::queue::{Due, Frame, Role, TransmitQueue, Unit};
use crate::sender::units::Units;

/// A unit of more packets than these (half a window) gets repairs before it ends.
const MAX_UNPROTECTED: u32 = 512;
/// What a window repair adds on the air: 802.11 and packet header, its head, the tag.
const REPAIR_OVERHEAD_BYTES: usize = 49;
/// Repairs are spread over this share of the time from one unit's start to the next one's.
const SPREAD_PERCENT: u32 = 90;
/// The interval between units is a mean over about as many of them.
const INTERVAL_MEMORY: u32 = 8;
/// A pause between units longer than this says nothing about their usual interval.
const LONGEST_INTERVAL: Duration = Duration::from_millis(200);

/// What makes the repairs. Each numbers symbols as [`StreamSender::next_esi`] does.
#[derive(Debug)]
enum Encoder {
    None,
    Window(WindowEncoder),
    Block(BlockEncoder),
}

/// A unit that repairs cover.
#[derive(Debug, Clone, Copy)]
struct Covered {
    unit: u64,
    first_esi: u32,
}

/// The sending half of one stream.
#[derive(Debug)]
pub(super) struct StreamSender {
    config: StreamConfig,
    encoder: Encoder,
    next_esi: u32,
    /// The units a repair covers, the current one last.
    covered: VecDeque<Covered>,
    unit_started: Option<Instant>,
    interval: Option<Duration>,
    unit_packets: u32,
    /// Repairs owed, in thousandths of a packet.
    owed_permille: u32,
    next_repair: u32,
    next_announce: u32,
    /// Length of the newest source symbol.
    symbol_bytes: usize,
    /// Repair keys of the unit that ends, kept for its memory.
    keys: Vec<u16>,
}

impl StreamSender {
    pub(super) fn new(config: StreamConfig) -> Self {
        Self {
            config,
            encoder: Encoder::new(config.fec.code),
            next_esi: 0,
            covered: VecDeque::new(),
            unit_started: None,
            interval: None,
            unit_packets: 0,
            owed_permille: 0,
            next_repair: 0,
            next_announce: 0,
            symbol_bytes: 0,
            keys: Vec::new(),
        }
    }

    pub(super) const fn config(&self) -> &StreamConfig {
        &self.config
    }

    /// The highest sequence number that comes next.
    pub(super) fn next_sequence(&self) -> u32 {
        self.next_esi.max(self.next_repair).max(self.next_announce)
    }

    /// Uses up the sequence numbers.
    #[cfg(test)]
    pub(super) const fn exhaust(&mut self) {
        self.next_repair = super::LAST_SEQUENCE;
    }

    /// Queues one datagram as a source packet and, if it ends its unit, the unit's repairs.
    pub(super) fn push(
        &mut self,
        units: &mut Units,
        outgoing: Outgoing<'_>,
        session_start: Instant,
        frames: &FrameWriter,
        queue: &mut TransmitQueue,
        now: Instant,
    ) {
        let starts_unit = units.is_between();
        let unit = units.take(&outgoing, |unit| self.start_unit(unit, now));
        let captured_us = starts_unit.then(|| {
            let us = outgoing.captured.saturating_duration_since(session_start).as_micros();
            u32::try_from(us % u128::from(CAPTURED_MODULUS_US)).unwrap_or(0)
        });
        let Outgoing { end_of_unit, keyframe, bytes: datagram, .. } = outgoing;
        let symbol = Symbol { end_of_unit, keyframe, captured_us, datagram };
        let esi = self.next_esi;
        self.next_esi = esi.wrapping_add(1);
        self.unit_packets += 1;
        let mut bytes = queue.buffer();
        frames.write(self.config.stream, Kind::Source, esi, &mut bytes, |body| {
            let start = body.len();
            symbol.emit(body);
            let symbol = body.get(start..).unwrap_or_default();
            self.symbol_bytes = symbol.len();
            self.encoder.push(symbol);
        });
        let starts_part = self.unit_packets == 1;
        let is_referred_to = units.is_referred_to(datagram);
        let frame = Frame { bytes, role: Role::Source, sequence: esi, is_referred_to, ends_unit: end_of_unit };
        queue.push(frame, unit, starts_part, Due::Now(now));
        if end_of_unit {
            self.add_repairs(unit, frames, queue, now);
        } else if self.unit_packets >= MAX_UNPROTECTED {
            self.add_repairs(unit, frames, queue, now);
            self.cover(units.divide(unit));
        }
    }

    /// Queues an announce of this stream.
    pub(super) fn announce(
        &mut self,
        announce: Announce,
        frames: &FrameWriter,
        queue: &mut TransmitQueue,
        now: Instant,
    ) {
        let unit_interval_us = self.interval.and_then(|interval| u32::try_from(interval.as_micros()).ok());
        // It overtakes what waits, and nothing is missing that has not been sent.
        let next_esi = queue.first_waiting_esi(self.config.stream).unwrap_or(self.next_esi);
        let announce = Announce { next_esi, unit_interval_us, ..announce };
        let mut bytes = queue.buffer();
        frames.write_announce(self.config.stream, self.next_announce, &announce, &mut bytes);
        let frame = Frame {
            bytes,
            role: Role::Announce,
            sequence: self.next_announce,
            is_referred_to: false,
            ends_unit: false,
        };
        self.next_announce = self.next_announce.wrapping_add(1);
        let unit = Unit { stream: self.config.stream, number: 0, keyframe: false, replaces_dropped: false };
        queue.push(frame, unit, false, Due::Now(now));
    }

    fn start_unit(&mut self, unit: Unit, now: Instant) {
        if let Some(started) = self.unit_started {
            self.learn_interval(now.saturating_duration_since(started));
        }
        self.unit_started = Some(now);
        self.cover(unit);
    }

    /// Repairs cover this unit, or part of one, from here on.
    fn cover(&mut self, unit: Unit) {
        self.covered.push_back(Covered { unit: unit.number, first_esi: self.next_esi });
        if self.covered.len() > usize::from(self.config.fec.window_units) + 1 {
            self.covered.pop_front();
        }
    }

    /// A unit was dropped before it left: no repair covers it or what came before it any more, because
    /// receivers would have to rebuild it first. Of one that is under way repairs cover what is to come.
    pub(super) fn uncover(&mut self, unit: u64, is_under_way: bool) {
        while self.covered.front().is_some_and(|covered| covered.unit <= unit) {
            self.covered.pop_front();
        }
        if is_under_way {
            self.covered.push_back(Covered { unit, first_esi: self.next_esi });
            self.encoder.begin_unit();
        }
    }

    /// The rest of the unit under way is not taken, nor what comes before a keyframe.
    pub(super) fn abandon(&mut self) {
        self.unit_packets = 0;
        self.covered.clear();
        self.encoder.begin_unit();
    }

    fn learn_interval(&mut self, interval: Duration) {
        if interval <= LONGEST_INTERVAL {
            let mean = self.interval.unwrap_or(interval);
            self.interval = Some((mean * (INTERVAL_MEMORY - 1) + interval) / INTERVAL_MEMORY);
        }
    }

    /// Repairs for the unit that just ended, over it and the units before it. Half leave at once, half are
    /// spread over the time until the next unit, because fades are events in time.
    fn add_repairs(&mut self, unit: Unit, frames: &FrameWriter, queue: &mut TransmitQueue, now: Instant) {
        self.owed_permille += self.unit_packets * u32::from(self.config.fec.redundancy_permille);
        let count = u16::try_from(self.owed_permille / 1000).unwrap_or(u16::MAX);
        self.owed_permille %= 1000;
        let schedule = self.schedule(count, queue, now);
        let near = Near::covering(std::mem::take(&mut self.unit_packets));
        self.keys.clear();
        self.keys.extend((0..u32::from(count)).map(|index| low_half(self.next_repair.wrapping_add(index))));
        let mut writer = RepairWriter { unit, schedule, written: 0, next: &mut self.next_repair, frames, queue };
        match &mut self.encoder {
            Encoder::None => {}
            Encoder::Window(window) => {
                let first_esi = self.covered.front().map_or(self.next_esi, |covered| covered.first_esi);
                window.repairs(first_esi, near, &self.keys, |id, symbol| {
                    writer.write(Kind::WindowRepair, &repair::emit_window(&id), symbol);
                });
            }
            Encoder::Block(block) => block.finish_unit(self.keys.len(), |id, symbol| {
                writer.write(Kind::BlockRepair, &repair::emit_block(&id), symbol);
            }),
        }
    }

    /// When each of `count` repairs leaves: half at once, of an odd number one more or less by turns. The others
    /// are spread from when all that waits has left until the air is wanted by the next unit.
    fn schedule(&self, count: u16, queue: &TransmitQueue, now: Instant) -> Schedule {
        let count = u32::from(count);
        let spread = (count + self.next_repair % 2) / 2;
        let at_once = count - spread;
        let repair_airtime = queue.airtime_of(self.symbol_bytes + REPAIR_OVERHEAD_BYTES);
        let gap_start = now + queue.airtime() + repair_airtime * at_once;
        let gap = match (self.unit_started, self.interval) {
            (Some(started), Some(interval)) => {
                (started + interval * SPREAD_PERCENT / 100).saturating_duration_since(gap_start)
            }
            _ => Duration::ZERO,
        };
        Schedule { now, at_once, gap_start, step: gap / (spread + 1) }
    }
}

impl Encoder {
    fn new(code: Code) -> Self {
        match code {
            Code::None => Self::None,
            Code::Window => Self::Window(WindowEncoder::new()),
            Code::Block => Self::Block(BlockEncoder::new()),
        }
    }

    fn begin_unit(&mut self) {
        if let Self::Block(block) = self {
            block.begin_unit();
        }
    }

    fn push(&mut self, symbol: &[u8]) {
        match self {
            Self::None => {}
            Self::Window(window) => _ = window.push(symbol),
            Self::Block(block) => _ = block.push(symbol),
        }
    }
}

/// Queues the repairs of one unit.
struct RepairWriter<'a> {
    unit: Unit,
    schedule: Schedule,
    written: u32,
    next: &'a mut u32,
    frames: &'a FrameWriter,
    queue: &'a mut TransmitQueue,
}

impl RepairWriter<'_> {
    fn write(&mut self, kind: Kind, head: &[u8], symbol: &[u8]) {
        let mut bytes = self.queue.buffer();
        let sequence = *self.next;
        self.frames.write(self.unit.stream, kind, sequence, &mut bytes, |body| {
            body.extend_from_slice(head);
            body.extend_from_slice(symbol);
        });
        let frame = Frame { bytes, role: Role::Repair, sequence, is_referred_to: false, ends_unit: false };
        self.queue.push(frame, self.unit, false, self.schedule.due(self.written));
        *self.next = self.next.wrapping_add(1);
        self.written += 1;
    }
}

/// When each of a unit's repairs leaves.
#[derive(Debug)]
struct Schedule {
    now: Instant,
    at_once: u32,
    /// When the frames that leave at once will have left.
    gap_start: Instant,
    step: Duration,
}

impl Schedule {
    fn due(&self, index: u32) -> Due {
        match (index + 1).checked_sub(self.at_once) {
            Some(step @ 1..) if self.step > Duration::ZERO => Due::Spread(self.gap_start + self.step * step),
            _ => Due::Now(self.now),
        }
    }
}

fn low_half(sequence: u32) -> u16 {
    let [_, _, high, low] = sequence.to_be_bytes();
    u16::from_be_bytes([high, low])
}
