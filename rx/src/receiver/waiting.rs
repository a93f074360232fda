//! Frames of a session whose announce has not been heard: they wait for it, so that the keyframe an
//! announce came with is not lost when the announce is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::fairness::{Origin, gives_way};

#[derive(Debug)]
pub(super) struct WaitingFrame {
    pub(super) origin: Origin,
    pub(super) session: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Instant,
}

/// How much may wait and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) patience: Duration,
    /// Frames: beyond, the oldest of the station that has most gives way.
    pub(super) frames: usize,
}

#[derive(Debug)]
pub(super) struct Waiting {
    room: Room,
    frames: VecDeque<WaitingFrame>,
}

impl Room {
    /// Announces come every 100 ms, and three of them are seldom lost in a row; a keyframe of 600 kB, at most 2 MiB.
    pub(super) const SKYLARK: Self = Self { patience: Duration::from_millis(300), frames: 512 };
}

impl Waiting {
    pub(super) const fn new(room: Room) -> Self {
        Self { room, frames: VecDeque::new() }
    }

    /// Frames that wait.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Takes the oldest frame out, of whatever session.
    pub(super) fn take_oldest(&mut self) -> Option<WaitingFrame> {
        self.frames.pop_front()
    }

    /// A frame that was taken out waits on, behind the others.
    pub(super) fn put_back(&mut self, frame: WaitingFrame) {
        self.frames.push_back(frame);
    }

    /// The frames that wait, the oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &WaitingFrame> {
        self.frames.iter()
    }

    /// Keeps a frame, as it was captured. Returns the card whose frame gave way to it, if one did.
    pub(super) fn push(&mut self, origin: Origin, session: u32, frame: &[u8], at: Instant) -> Option<usize> {
        self.frames.push_back(WaitingFrame { origin, session, bytes: frame.to_vec(), at });
        if self.frames.len() <= self.room.frames {
            return None;
        }
        self.remove(gives_way(self.frames.iter().map(|frame| frame.origin))?)
    }

    /// Takes the oldest frame of this session out.
    pub(super) fn take(&mut self, session: u32) -> Option<WaitingFrame> {
        let at = self.frames.iter().position(|frame| frame.session == session)?;
        self.frames.remove(at)
    }

    /// Gives up a frame that has waited long enough; returns the card that brought it.
    pub(super) fn give_up(&mut self, now: Instant) -> Option<usize> {
        self.poll_timeout().filter(|due| *due <= now).and_then(|_| self.remove(0))
    }

    /// Gives up a frame this card brought; returns whether there was one.
    pub(super) fn give_up_of(&mut self, card: usize) -> bool {
        let at = self.frames.iter().position(|frame| frame.origin.card == card);
        at.and_then(|at| self.frames.remove(at)).is_some()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.at + self.room.patience)
    }

    fn remove(&mut self, at: usize) -> Option<usize> {
        self.frames.remove(at).map(|frame| frame.origin.card)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    const PATIENCE: Duration = Room::SKYLARK.patience;
    const MAX_WAITING: usize = Room::SKYLARK.frames;

    fn alone(card: usize) -> Origin {
        Origin { card, station: card }
    }

    #[test]
    fn frames_come_out_by_session_in_their_order() {
        let now = Instant::now();
        let mut waiting = Waiting::new(Room::SKYLARK);
        for (card, session, bytes) in [(0, 1, b"a"), (0, 2, b"b"), (1, 1, b"c")] {
            assert_eq!(waiting.push(alone(card), session, bytes, now), None);
        }
        assert_eq!(waiting.take(1).unwrap().bytes, b"a");
        assert_eq!(waiting.take(1).unwrap().bytes, b"c");
        assert!(waiting.take(1).is_none());
        assert_eq!(waiting.frames.len(), 1);
    }

    #[test]
    fn frames_wait_for_a_bounded_time_and_in_bounded_number() {
        let now = Instant::now();
        let mut waiting = Waiting::new(Room::SKYLARK);
        let gave_way = (0..MAX_WAITING + 3).filter_map(|_| waiting.push(alone(5), 1, b"a", now));
        assert_eq!(gave_way.collect::<Vec<_>>(), [5, 5, 5]);
        assert_eq!(waiting.give_up(now), None);
        assert_eq!(std::iter::from_fn(|| waiting.give_up(now + PATIENCE)).count(), MAX_WAITING);
        assert_eq!(waiting.poll_timeout(), None);
    }

    #[test]
    fn a_card_that_brings_most_displaces_only_its_own() {
        let now = Instant::now();
        let mut waiting = Waiting::new(Room::SKYLARK);
        (0..10).for_each(|_| _ = waiting.push(alone(0), 1, b"true", now));
        let gave_way = (0..2 * MAX_WAITING).filter_map(|_| waiting.push(alone(1), 2, b"flood", now));
        assert_eq!(gave_way.filter(|card| *card == 1).count(), MAX_WAITING + 10);
        assert_eq!(std::iter::from_fn(|| waiting.take(1)).count(), 10);
    }
}
