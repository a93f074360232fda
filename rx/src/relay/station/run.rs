//! One run of a relay: which of its messages came, and its newest frames.

use std::time::Instant;

use crate::relay::message::RECENT_FRAMES;

/// Messages that may come out of order: a relay makes a few hundred a second, and they come by one way.
const REORDERED: u32 = 64;

/// What is remembered of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) heard: Instant,
    /// One more than the newest message's number; before the first, that number.
    next: u32,
    /// Bit `i` says that message `next − 1 − i` came.
    came: u64,
    /// Frame `n` is at `n % RECENT_FRAMES`.
    frames: Vec<Recent>,
}

/// A frame that copies may repeat.
#[derive(Debug, Default)]
struct Recent {
    number: u32,
    bytes: Vec<u8>,
}

/// What the number of a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the newest, behind so many that have not come.
    Newest { missing: u32 },
    /// It comes behind a later one.
    Reordered,
    /// It has come before, or is too old to tell.
    Replayed,
}

impl Run {
    pub(super) fn new(id: u64, first: u32, now: Instant) -> Self {
        Self { id, heard: now, next: first, came: 0, frames: Vec::new() }
    }

    /// Notes that the message with this number came.
    pub(super) fn note(&mut self, sequence: u32, now: Instant) -> Turn {
        let missing = sequence.wrapping_sub(self.next);
        if missing < u32::MAX / 2 {
            self.came = self.came.checked_shl(missing.saturating_add(1)).unwrap_or(0) | 1;
            self.next = sequence.wrapping_add(1);
            self.heard = now;
            return Turn::Newest { missing };
        }
        let behind = self.next.wrapping_sub(1).wrapping_sub(sequence);
        if behind >= REORDERED || self.came >> behind & 1 == 1 {
            return Turn::Replayed;
        }
        self.came |= 1 << behind;
        Turn::Reordered
    }

    /// Keeps a frame that copies may repeat, from its 802.11 header to before its FCS.
    pub(super) fn keep(&mut self, number: u32, frame: &[u8]) {
        if self.frames.len() < RECENT_FRAMES as usize {
            self.frames.resize_with(RECENT_FRAMES as usize, Recent::default);
        }
        if let Some(recent) = self.frames.get_mut(place(number)) {
            recent.number = number;
            recent.bytes.clear();
            recent.bytes.extend_from_slice(frame);
        }
    }

    /// The frame of this number.
    pub(super) fn frame(&self, number: u32) -> Option<&[u8]> {
        let recent = self.frames.get(place(number)).filter(|recent| recent.number == number)?;
        Some(&recent.bytes[..]).filter(|frame| !frame.is_empty())
    }
}

const fn place(number: u32) -> usize {
    (number % RECENT_FRAMES) as usize
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn messages_may_come_out_of_order_and_not_twice() {
        let now = Instant::now();
        let mut run = Run::new(1, u32::MAX, now);
        assert_eq!(run.note(u32::MAX, now), Turn::Newest { missing: 0 });
        assert_eq!(run.note(2, now), Turn::Newest { missing: 2 });
        assert_eq!(run.note(1, now), Turn::Reordered);
        assert_eq!(run.note(1, now), Turn::Replayed);
        assert_eq!(run.note(u32::MAX, now), Turn::Replayed);
        assert_eq!(run.note(2 + REORDERED, now), Turn::Newest { missing: REORDERED - 1 });
        assert_eq!(run.note(3, now), Turn::Reordered);
        assert_eq!(run.note(2, now), Turn::Replayed);
        assert_eq!(run.note(1000, now), Turn::Newest { missing: 1000 - 3 - REORDERED });
        assert_eq!(run.note(3, now), Turn::Replayed);
    }

    #[test]
    fn the_newest_frames_are_kept() {
        let mut run = Run::new(1, 0, Instant::now());
        assert_eq!(run.frame(0), None);
        (0..300_u32).for_each(|number| run.keep(number, &number.to_be_bytes()));
        assert_eq!(run.frame(299), Some(&[0, 0, 1, 43][..]));
        assert_eq!(run.frame(44), Some(&[0, 0, 0, 44][..]));
        assert_eq!(run.frame(43), None);
        assert_eq!(run.frames.len(), RECENT_FRAMES as usize);
    }
}
