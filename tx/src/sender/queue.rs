//! Frames that wait for their turn, bounded in time.
//!
//! When the air carries less than comes, this gives way, in this order:
//!
//! 1. Pictures that are not encoded yet, where the encoder is ours ([`Sender::has_room`](super::Sender::has_room)):
//!    nothing refers to them.
//! 2. Repairs: those that are spread over time leave only while nothing else waits, and not when they are late; from the
//!    oldest unit on the others become such ones, due when they would have left.
//! 3. Units nothing refers to (`nal_ref_idc` 0), the oldest first.
//! 4. The oldest unit of which nothing has left. A keyframe gives way to a keyframe only, so that the parameter sets
//!    in front of it reach whoever waits for them.
//! 5. What has waited too long, even if its unit has begun: a picture shown late makes all others late.
//!
//! After 4 and 5 a keyframe is wanted. Where the encoder makes it at once, what was to come before it gives way too:
//! it shows damage, and takes the keyframe's airtime. It is asked for when there is room for it, and again when it does
//! not come. Where keyframes come as they come, or not when asked for, what comes is sent: a damaged picture is better
//! than none for a second or more.
//!
//! A keyframe that waited too long is sent all the same if it stands for one that was dropped, or cannot be had again:
//! the next will be no shorter. While keyframes take that long, units that have begun are not cut, and a picture is left
//! out while a unit waits that has not.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::air::airtime::airtime;
use skylark_common::wire::radiotap::{TxHeader, TxRate};

/// Length of the FCS the card appends, in bytes.
const FCS_LEN: usize = 4;
/// Spread repairs that may wait: those of a keyframe at 100 Mbit/s. Beyond, the oldest give way.
const MAX_SPREAD: usize = 512;
/// Empty buffers kept for the next frames: as many as wait at 100 Mbit/s in 100 ms.
const MAX_FREE: usize = 2048;

/// A spread repair that found no gap in this time protects pictures that are too old to show.
const SPREAD_PATIENCE: Duration = Duration::from_millis(50);

/// What a frame is to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It carries a datagram.
    Source,
    /// It brings others back.
    Repair,
    /// It says what receivers must know.
    Announce,
}

/// A frame that waits.
#[derive(Debug)]
pub struct Queued {
    pub(super) bytes: Vec<u8>,
    pub(super) role: Role,
    pub(super) sequence: u32,
    pub(super) unit: Unit,
    /// Whether others refer to its unit, as far as this frame shows.
    is_referred_to: bool,
    pub(super) starts_unit: bool,
    pub(super) ends_unit: bool,
    /// When it was queued, or for a spread repair when it is due.
    pub(super) due: Instant,
    pub(super) airtime: Duration,
}

/// A frame to queue.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) role: Role,
    pub(super) sequence: u32,
    /// Whether it shows that other units refer to its own.
    pub(super) is_referred_to: bool,
    pub(super) ends_unit: bool,
}

/// Which unit a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    pub(super) stream: u8,
    pub(super) number: u64,
    pub(super) keyframe: bool,
    /// Whether it is the keyframe that was wished for when another unit was dropped.
    pub(super) replaces_dropped: bool,
}

/// The frames that wait.
#[derive(Debug)]
pub struct TransmitQueue {
    rate: TxRate,
    radiotap: TxHeader,
    announces: VecDeque<Queued>,
    ready: VecDeque<Queued>,
    spread: VecDeque<Queued>,
    free: Vec<Vec<u8>>,
    airtime: Duration,
    taken: Duration,
    repairs_dropped: u64,
}

impl TransmitQueue {
    pub(super) fn new(rate: TxRate) -> Self {
        Self {
            rate,
            radiotap: rate.emit(),
            announces: VecDeque::new(),
            ready: VecDeque::new(),
            spread: VecDeque::new(),
            free: Vec::new(),
            airtime: Duration::ZERO,
            taken: Duration::ZERO,
            repairs_dropped: 0,
        }
    }

    /// A buffer to write a frame into, behind the radiotap header.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.free.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(self.radiotap.as_slice());
        buffer
    }

    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.free.len() < MAX_FREE {
            self.free.push(buffer);
        }
    }

    /// Queues a frame. An announce goes before all others and replaces one of its stream that still waits;
    /// a frame that is due later leaves when no other waits.
    pub(super) fn push(&mut self, frame: Frame, unit: Unit, starts_unit: bool, due: Due) {
        let Frame { bytes, role, sequence, is_referred_to, ends_unit } = frame;
        let airtime = self.airtime_of(bytes.len().saturating_sub(self.rate.header_len()));
        self.taken += airtime;
        let (Due::Now(at) | Due::Spread(at)) = due;
        let queued = Queued { bytes, role, sequence, unit, is_referred_to, starts_unit, ends_unit, due: at, airtime };
        match due {
            Due::Now(_) if role == Role::Announce => {
                self.discard_announce(unit.stream);
                self.announces.push_back(queued);
            }
            Due::Now(_) => {
                self.airtime += airtime;
                self.ready.push_back(queued);
            }
            Due::Spread(_) => {
                self.push_spread(queued);
            }
        }
    }

    /// Puts frames before all that wait but announces. They are made when one leaves: their airtime is not counted among
    /// what was taken.
    pub(super) fn push_next(&mut self, frames: Vec<Vec<u8>>, role: Role, unit: Unit, due: Instant) {
        for bytes in frames.into_iter().rev() {
            let airtime = self.airtime_of(bytes.len().saturating_sub(self.rate.header_len()));
            self.airtime += airtime;
            self.ready.push_front(Queued {
                bytes,
                role,
                sequence: 0,
                unit,
                is_referred_to: false,
                starts_unit: false,
                ends_unit: false,
                due,
                airtime,
            });
        }
    }

    /// So many repairs are not made for want of air.
    pub(super) fn leave_out_repairs(&mut self, count: usize) {
        self.repairs_dropped += count as u64;
    }

    /// The one that is due first stays in front.
    fn push_spread(&mut self, queued: Queued) {
        if self.spread.len() >= MAX_SPREAD {
            self.discard_spread();
        }
        let at = self.spread.partition_point(|other| other.due <= queued.due);
        self.spread.insert(at, queued);
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<Queued> {
        if let Some(queued) = self.announces.pop_front() {
            return Some(queued);
        }
        if let Some(queued) = self.ready.pop_front() {
            self.airtime = self.airtime.saturating_sub(queued.airtime);
            return Some(queued);
        }
        while self.spread.front().is_some_and(|queued| queued.due + SPREAD_PATIENCE < now) {
            self.discard_spread();
        }
        self.spread.pop_front_if(|queued| queued.due <= now)
    }

    /// When the next frame may leave as far as the queue is concerned; a time that has passed means at once.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.announces.front().or(self.ready.front()).or(self.spread.front()).map(|queued| queued.due)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next_due().is_none()
    }

    /// The ESI of the first source packet of this stream that waits.
    pub(super) fn first_waiting_esi(&self, stream: u8) -> Option<u32> {
        let waits = |queued: &&Queued| queued.role == Role::Source && queued.unit.stream == stream;
        self.ready.iter().find(waits).map(|queued| queued.sequence)
    }

    /// Airtime of the frames that leave as soon as they can, announces not counted.
    pub(super) const fn airtime(&self) -> Duration {
        self.airtime
    }

    /// Airtime of all frames that were ever queued.
    pub(super) const fn taken(&self) -> Duration {
        self.taken
    }

    pub(super) const fn repairs_dropped(&self) -> u64 {
        self.repairs_dropped
    }

    /// The oldest unit of which nothing has left and that nothing refers to: never the one that was pushed last.
    pub(super) fn oldest_disposable(&self) -> Option<Unit> {
        let is_referred_to = |unit: Unit| self.ready.iter().any(|queued| queued.unit == unit && queued.is_referred_to);
        self.whole_units().find(|unit| !unit.keyframe && !is_referred_to(*unit))
    }

    /// The oldest unit of which nothing has left: never the one that was pushed last, and a keyframe only if that is
    /// one too.
    pub(super) fn oldest(&self) -> Option<Unit> {
        let last_is_keyframe = self.ready.back().is_some_and(|last| last.unit.keyframe);
        let keyframe = || self.whole_units().next().filter(|_| last_is_keyframe);
        self.whole_units().find(|unit| !unit.keyframe).or_else(keyframe)
    }

    /// Whether a unit waits of which nothing has left.
    pub(super) fn has_whole_unit(&self) -> bool {
        self.ready.iter().any(|queued| queued.starts_unit)
    }

    /// The unit whose turn it is, if it was queued before `then`.
    pub(super) fn queued_before(&self, then: Instant) -> Option<Unit> {
        self.ready.front().filter(|queued| queued.due < then).map(|queued| queued.unit)
    }

    /// The first unit behind `unit` in its stream, unless that is a keyframe.
    pub(super) fn following(&self, unit: Unit) -> Option<Unit> {
        let is_behind = |queued: &&Queued| queued.unit.stream == unit.stream && queued.unit.number > unit.number;
        self.ready.iter().find(is_behind).map(|queued| queued.unit).filter(|unit| !unit.keyframe)
    }

    /// Whether a keyframe waits behind `unit` in its stream.
    pub(super) fn has_keyframe_behind(&self, unit: Unit) -> bool {
        let is_one = |queued: &Queued| queued.unit.stream == unit.stream && queued.unit.number > unit.number;
        self.ready.iter().any(|queued| is_one(queued) && queued.unit.keyframe)
    }

    /// Whether more than repairs of a unit wait.
    pub(super) fn has_source_packets(&self, unit: Unit) -> bool {
        self.ready.iter().any(|queued| queued.unit == unit && queued.role == Role::Source)
    }

    /// Lets the repairs of the oldest unit of which some wait leave in gaps only, one after the other from when the
    /// rest will have left; whether there were any. All that waits is expected to have left at `drained`.
    pub(super) fn demote_oldest_repairs(&mut self, drained: Instant) -> bool {
        let oldest = self.ready.iter().find(|queued| queued.role != Role::Source).map(|queued| queued.unit);
        let is_one = |queued: &Queued| Some(queued.unit) == oldest && queued.role != Role::Source;
        let airtime: Duration = self.ready.iter().filter(|queued| is_one(queued)).map(|queued| queued.airtime).sum();
        let mut due = drained.checked_sub(airtime).unwrap_or(drained);
        while let Some(at) = self.ready.iter().position(is_one)
            && let Some(repair) = self.ready.remove(at)
        {
            self.airtime = self.airtime.saturating_sub(repair.airtime);
            let airtime = repair.airtime;
            self.push_spread(Queued { due, ..repair });
            due += airtime;
        }
        oldest.is_some()
    }

    /// Drops the repair whose turn it is.
    pub(super) fn drop_next_repair(&mut self) {
        if let Some(repair) = self.ready.pop_front_if(|queued| queued.role != Role::Source) {
            self.airtime = self.airtime.saturating_sub(repair.airtime);
            self.repairs_dropped += 1;
            self.recycle(repair.bytes);
        }
    }

    /// Drops what waits of a unit.
    pub(super) fn drop_unit(&mut self, unit: Unit) {
        let Self { ready, spread, free, airtime, repairs_dropped, .. } = self;
        let mut stays = |queued: &mut Queued, airtime: &mut Duration| {
            if queued.unit != unit {
                return true;
            }
            *airtime = airtime.saturating_sub(queued.airtime);
            *repairs_dropped += u64::from(queued.role != Role::Source);
            if free.len() < MAX_FREE {
                free.push(std::mem::take(&mut queued.bytes));
            }
            false
        };
        ready.retain_mut(|queued| stays(queued, airtime));
        let mut not_counted = Duration::ZERO;
        spread.retain_mut(|queued| stays(queued, &mut not_counted));
    }

    /// Units of which nothing has left, but the one that was pushed last.
    fn whole_units(&self) -> impl Iterator<Item = Unit> {
        let last = self.ready.back().map(|queued| queued.unit);
        self.ready
            .iter()
            .filter(|queued| queued.starts_unit)
            .map(|queued| queued.unit)
            .filter(move |unit| Some(*unit) != last)
    }

    /// Airtime of a frame of so many bytes, radiotap not counted.
    pub(super) fn airtime_of(&self, dot11_len: usize) -> Duration {
        airtime(self.rate, dot11_len + FCS_LEN)
    }

    fn discard_announce(&mut self, stream: u8) {
        if let Some(at) = self.announces.iter().position(|queued| queued.unit.stream == stream) {
            let stale = self.announces.remove(at);
            stale.into_iter().for_each(|queued| self.recycle(queued.bytes));
        }
    }

    fn discard_spread(&mut self) {
        let oldest = self.spread.pop_front();
        self.repairs_dropped += u64::from(oldest.is_some());
        oldest.into_iter().for_each(|queued| self.recycle(queued.bytes));
    }
}

/// When a frame may leave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// As soon as the air is free.
    Now(Instant),
    /// From then on, in a gap.
    Spread(Instant),
}
