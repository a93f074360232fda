//! The hand-over from the source's thread to the link's: units, counters, and the wish for a keyframe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use skylark_common::h264::AccessUnit;
use skylark_common::queue::Queue;

use crate::stop::Stop;

/// Access units that may wait for the link: the one it is about to take and the one after. More would be
/// old pictures.
pub(crate) const UNITS: usize = 2;
/// RTP datagrams that may wait for the link. It takes one in microseconds; 512 are three times the largest
/// keyframe there is room for in 100 ms of air, and at most 1 MiB.
pub(crate) const DATAGRAMS: usize = 512;

/// What a source hands on.
#[derive(Debug)]
pub(crate) enum Item {
    /// A whole access unit.
    Unit(EncodedUnit),
    /// An RTP datagram.
    Datagram(RtpDatagram),
}

#[derive(Debug)]
pub(crate) struct EncodedUnit {
    pub(crate) unit: AccessUnit,
    /// When its picture was taken, as near as the source knows.
    pub(crate) captured: Instant,
}

#[derive(Debug)]
pub(crate) struct RtpDatagram {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end_of_unit: bool,
    pub(crate) keyframe: bool,
    pub(crate) captured: Instant,
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
    /// Times the encoder process died or the camera vanished.
    pub(crate) failures: u64,
    /// Datagrams refused because they were no RTP or too long.
    pub(crate) refused: u64,
}

/// What the source's thread and the link's share.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) queue: Queue<Item>,
    pub(crate) stop: Stop,
    keyframe_wanted: AtomicBool,
    stats: Mutex<SourceStats>,
}

impl Outlet {
    pub(crate) fn new(capacity: usize) -> std::io::Result<Self> {
        Ok(Self {
            queue: Queue::new(capacity),
            stop: Stop::new()?,
            keyframe_wanted: AtomicBool::new(false),
            stats: Mutex::default(),
        })
    }

    /// Hands on; the oldest that waits gives way, and what refers to it needs a keyframe then.
    pub(crate) fn push(&self, item: Item) {
        let gave_way = self.queue.push(item).is_some() && !self.queue.is_closed();
        self.count(|stats| {
            stats.handed_on += 1;
            stats.gave_way += u64::from(gave_way);
        });
        if gave_way {
            self.want_keyframe();
        }
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
}
