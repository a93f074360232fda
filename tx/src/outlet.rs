//! The hand-over from the source's thread to the link's: units, counters, and the wish for a keyframe.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::h264::AccessUnit;
use skylark_common::queue::{Popped, Queue};
use skylark_common::wire::announce::Payload;

use crate::sender::Allowance;
use crate::stop::Stop;

/// Access units that may wait for the link: the one it is about to take and the one after. More would be
/// old pictures.
pub(crate) const UNITS: usize = 2;
/// Datagrams that may wait for the link. It takes one in microseconds; 512 are three times the largest
/// keyframe there is room for in 100 ms of air, and at most 1 MiB.
pub(crate) const DATAGRAMS: usize = 512;

/// What a source hands on.
#[derive(Debug)]
pub(crate) enum Item {
    /// A whole access unit.
    Unit(EncodedUnit),
    /// A datagram that is carried as it is.
    Datagram(Datagram),
}

#[derive(Debug)]
pub(crate) struct EncodedUnit {
    pub(crate) unit: AccessUnit,
    /// When its picture was taken, as near as the source knows.
    pub(crate) captured: Instant,
}

#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end_of_unit: bool,
    pub(crate) keyframe: bool,
    pub(crate) captured: Instant,
    /// What it and its like carry.
    pub(crate) payload: Payload,
}

/// What the link takes.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) item: Item,
    /// How many items gave way between the one taken before and this one.
    pub(crate) gave_way: u64,
}

/// What happened at the source since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SourceStats {
    /// Access units or datagrams handed on.
    pub(crate) handed_on: u64,
    /// Of those, how many gave way to later ones before the link took them.
    pub(crate) gave_way: u64,
    /// Pictures that were left out because the encoder was late.
    pub(crate) skipped: u64,
    /// Pictures that were left out because the air had no room for them in time.
    pub(crate) left_out: u64,
    /// Times the encoder process died or the camera vanished.
    pub(crate) failures: u64,
    /// Datagrams refused because they were no RTP or too long.
    pub(crate) refused: u64,
}

/// What the source's thread and the link's share.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Items with their numbers: a gap is what gave way.
    queue: Queue<(u64, Item)>,
    taken: AtomicU64,
    pub(crate) stop: Stop,
    keyframe_wanted: AtomicBool,
    /// What the encoder may make; 0 bits while it is not told.
    bits_per_s: AtomicU32,
    unit_bytes: AtomicUsize,
    /// Whether what is encoded now would come too late.
    is_full: AtomicBool,
    stats: Mutex<SourceStats>,
}

impl Outlet {
    pub(crate) fn new(capacity: usize) -> std::io::Result<Self> {
        Ok(Self {
            queue: Queue::new(capacity),
            taken: AtomicU64::new(0),
            stop: Stop::new()?,
            keyframe_wanted: AtomicBool::new(false),
            bits_per_s: AtomicU32::new(0),
            unit_bytes: AtomicUsize::new(0),
            is_full: AtomicBool::new(false),
            stats: Mutex::default(),
        })
    }

    /// Hands on; the oldest that waits gives way, and what refers to it needs a keyframe then.
    pub(crate) fn push(&self, item: Item) {
        let mut number = 0;
        self.count(|stats| {
            stats.handed_on += 1;
            number = stats.handed_on;
        });
        let gave_way = self.queue.push((number, item)).is_some() && !self.queue.is_closed();
        if gave_way {
            self.count(|stats| stats.gave_way += 1);
            self.want_keyframe();
        }
    }

    /// The oldest item that waits, within `patience`. One thread takes.
    pub(crate) fn pop_within(&self, patience: Duration) -> Popped<Taken> {
        match self.queue.pop_within(patience) {
            Popped::Item((number, item)) => {
                let before = self.taken.swap(number, Ordering::Relaxed);
                Popped::Item(Taken { item, gave_way: number.saturating_sub(before + 1) })
            }
            Popped::TimedOut => Popped::TimedOut,
            Popped::Closed => Popped::Closed,
        }
    }

    /// The source has ended: what waits is still taken.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Whether nothing is taken any more.
    #[cfg(feature = "v4l2")]
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Ends the program, whoever waits for what.
    pub(crate) fn end(&self) {
        self.stop.request();
        self.queue.close();
    }

    /// Asks the encoder, if it is ours, to make the next picture a keyframe.
    pub(crate) fn want_keyframe(&self) {
        self.keyframe_wanted.store(true, Ordering::Relaxed);
    }

    /// Whether a keyframe was asked for since this was last called.
    pub(crate) fn take_keyframe_wanted(&self) -> bool {
        self.keyframe_wanted.swap(false, Ordering::Relaxed)
    }

    /// What the encoder may make of the next picture, and whether there is room for it.
    pub(crate) fn allow(&self, allowed: Option<Allowance>, has_room: bool) {
        let Allowance { bits_per_s, unit_bytes } = allowed.unwrap_or(Allowance { bits_per_s: 0, unit_bytes: 0 });
        self.unit_bytes.store(unit_bytes, Ordering::Relaxed);
        self.bits_per_s.store(bits_per_s, Ordering::Relaxed);
        self.is_full.store(!has_room, Ordering::Relaxed);
    }

    /// What an encoder that does as it is told may make; `None` where it is not told.
    pub(crate) fn allowed(&self) -> Option<Allowance> {
        let bits_per_s = self.bits_per_s.load(Ordering::Relaxed);
        let unit_bytes = self.unit_bytes.load(Ordering::Relaxed);
        (bits_per_s > 0).then_some(Allowance { bits_per_s, unit_bytes })
    }

    /// Whether a picture is better left out than encoded. Counts those that are.
    pub(crate) fn leaves_out(&self) -> bool {
        let is_full = self.is_full.load(Ordering::Relaxed);
        if is_full {
            self.count(|stats| stats.left_out += 1);
        }
        is_full
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut SourceStats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn stats(&self) -> SourceStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "units carry the time")]

    use super::*;

    fn unit() -> Item {
        Item::Unit(EncodedUnit { unit: AccessUnit::default(), captured: Instant::now() })
    }

    #[test]
    fn a_unit_that_gives_way_is_counted_and_asks_for_a_keyframe() {
        let outlet = Outlet::new(UNITS).unwrap();
        outlet.push(unit());
        outlet.push(unit());
        assert!(!outlet.take_keyframe_wanted());
        outlet.push(unit());
        assert_eq!(outlet.stats(), SourceStats { handed_on: 3, gave_way: 1, ..SourceStats::default() });
        assert!(outlet.take_keyframe_wanted());
        assert!(!outlet.take_keyframe_wanted());
    }

    #[test]
    fn whoever_takes_learns_what_gave_way_before_which() {
        let outlet = Outlet::new(UNITS).unwrap();
        let take = || match outlet.pop_within(Duration::ZERO) {
            Popped::Item(taken) => Some(taken.gave_way),
            Popped::TimedOut | Popped::Closed => None,
        };
        (0..2).for_each(|_| outlet.push(unit()));
        assert_eq!(take(), Some(0));
        (0..4).for_each(|_| outlet.push(unit()));
        assert_eq!([take(), take(), take()], [Some(3), Some(0), None]);
    }
}
