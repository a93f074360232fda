//! Frames of a session whose announce has not been heard: they wait for it, so that the keyframe an
//! announce came with is not lost when the announce is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::fairness::gives_way;

/// Announces come every 100 ms; three of them are seldom lost in a row.
const PATIENCE: Duration = Duration::from_millis(300);
/// Frames that may wait: a keyframe of 600 kB. Beyond, the oldest of the card that has most gives way. At
/// most 2 MiB.
const MAX_WAITING: usize = 512;

#[derive(Debug)]
pub(super) struct WaitingFrame {
    pub(super) card: usize,
    pub(super) session: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    frames: VecDeque<WaitingFrame>,
    free: Vec<Vec<u8>>,
    /// Frames that waited in vain.
    pub(super) unannounced: u64,
}

impl Waiting {
    /// Keeps a frame, as it was captured.
    pub(super) fn push(&mut self, card: usize, session: u32, frame: &[u8], at: Instant) {
        let mut bytes = self.free.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        self.frames.push_back(WaitingFrame { card, session, bytes, at });
        if self.frames.len() > MAX_WAITING {
            let oldest = gives_way(self.frames.iter().map(|frame| frame.card));
            oldest.into_iter().for_each(|at| self.give_up(at));
        }
    }

    /// Takes the oldest frame of this session out.
    pub(super) fn take(&mut self, session: u32) -> Option<WaitingFrame> {
        let at = self.frames.iter().position(|frame| frame.session == session)?;
        self.frames.remove(at)
    }

    pub(super) fn recycle(&mut self, frame: WaitingFrame) {
        if self.free.len() < MAX_WAITING {
            self.free.push(frame.bytes);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Gives up frames that have waited long enough.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            self.give_up(0);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.at + PATIENCE)
    }

    fn give_up(&mut self, at: usize) {
        if let Some(frame) = self.frames.remove(at) {
            self.unannounced += 1;
            self.recycle(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn frames_come_out_by_session_in_their_order() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.push(0, 1, b"a", now);
        waiting.push(0, 2, b"b", now);
        waiting.push(1, 1, b"c", now);
        assert_eq!(waiting.take(1).unwrap().bytes, b"a");
        assert_eq!(waiting.take(1).unwrap().bytes, b"c");
        assert!(waiting.take(1).is_none());
        assert_eq!(waiting.len(), 1);
    }

    #[test]
    fn frames_wait_for_a_bounded_time_and_in_bounded_number() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        (0..MAX_WAITING + 3).for_each(|_| waiting.push(0, 1, b"a", now));
        assert_eq!((waiting.len(), waiting.unannounced), (MAX_WAITING, 3));
        waiting.handle_timeout(now + PATIENCE);
        assert_eq!((waiting.len(), waiting.poll_timeout()), (0, None));
        assert_eq!(waiting.unannounced, MAX_WAITING as u64 + 3);
    }

    #[test]
    fn a_card_that_brings_most_displaces_only_its_own() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        (0..10).for_each(|_| waiting.push(0, 1, b"true", now));
        (0..2 * MAX_WAITING).for_each(|_| waiting.push(1, 2, b"flood", now));
        assert_eq!(std::iter::from_fn(|| waiting.take(1)).count(), 10);
        assert_eq!(waiting.len(), MAX_WAITING - 10);
    }
}
