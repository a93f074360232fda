//! A relay's card as an air of this program: frames the network brought wait here until the link takes them.

use std::collections::VecDeque;
use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use skylark_common::air::{CaptureAir, CaptureError, Captured, CardState};

/// Frames that wait for the link. As a card's ring does, it holds what comes while the link thread is kept from
/// running: 90 ms of the 5500 a 20 MHz channel carries. The oldest gives way.
const MAX_WAITING: usize = 512;
/// Buffers kept for frames to come.
const MAX_FREE: usize = 64;

/// Where the network puts a card's frames.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    wake: OwnedFd,
}

struct Waiting {
    frames: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
    dropped: u64,
    state: CardState,
}

/// The link's end of an [`Inbox`].
#[derive(Debug)]
pub(crate) struct RelayCard {
    name: String,
    inbox: Arc<Inbox>,
}

impl Inbox {
    /// An empty one.
    ///
    /// # Errors
    /// The machine has no file descriptor left.
    pub(crate) fn new() -> std::io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let waiting = Waiting { frames: VecDeque::new(), free: Vec::new(), dropped: 0, state: CardState::Working };
        Ok(Self { waiting: Mutex::new(waiting), wake })
    }

    /// Puts frames in, in their order, and wakes the link.
    pub(crate) fn push(&self, frame: &[u8]) {
        let mut waiting = self.lock();
        let mut bytes = if waiting.frames.len() < MAX_WAITING {
            waiting.free.pop().unwrap_or_default()
        } else {
            waiting.dropped += 1;
            waiting.frames.pop_front().unwrap_or_default()
        };
        bytes.clear();
        bytes.extend_from_slice(frame);
        waiting.frames.push_back(bytes);
        let is_first = waiting.frames.len() == 1;
        drop(waiting);
        if is_first {
            // A counter that is full has woken the link already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// Says how the relay fares.
    pub(crate) fn set_state(&self, state: CardState) {
        self.lock().state = state;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames", self.frames.len())
    }
}

impl RelayCard {
    /// A card called so, for instance `roof/wlan1`.
    pub(crate) fn new(name: String, inbox: Arc<Inbox>) -> Self {
        Self { name, inbox }
    }
}

impl CaptureAir for RelayCard {
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError> {
        let mut waiting = self.inbox.lock();
        let Some(frame) = waiting.frames.pop_front() else {
            // Under the lock, so that no frame is put in between and slept over.
            let _ = rustix::io::read(&self.inbox.wake, &mut [0; 8]);
            return Ok(None);
        };
        let len = frame.len().min(buffer.len());
        if let (Some(from), Some(to)) = (frame.get(..len), buffer.get_mut(..len)) {
            to.copy_from_slice(from);
        }
        if waiting.free.len() < MAX_FREE {
            waiting.free.push(frame);
        }
        Ok(Some(Captured { len, at: now }))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbox.wake.as_fd())
    }

    fn wait(&self, _now: Instant) -> Option<Duration> {
        None
    }

    fn state(&self) -> CardState {
        self.inbox.lock().state
    }

    fn ended(&self) -> bool {
        false
    }

    /// Frames that gave way because the link did not take them in time.
    fn dropped(&self) -> u64 {
        self.inbox.lock().dropped
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::unit::tests::start;

    fn is_readable(card: &RelayCard) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(card.as_fd().unwrap(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    fn card() -> (Arc<Inbox>, RelayCard) {
        let inbox = Arc::new(Inbox::new().unwrap());
        (Arc::clone(&inbox), RelayCard::new("roof/wlan1".to_owned(), inbox))
    }

    #[test]
    fn frames_come_out_in_order_and_wake_whoever_waits() {
        let (inbox, mut card) = card();
        assert!(!is_readable(&card));
        inbox.push(b"one");
        inbox.push(b"three");
        let mut buffer = [0; 4];
        for expected in [&b"one"[..], b"thre"] {
            assert!(is_readable(&card));
            let len = card.capture(&mut buffer, start()).unwrap().unwrap().len;
            assert_eq!(&buffer[..len], expected);
        }
        assert_eq!(card.capture(&mut buffer, start()).unwrap(), None);
        assert!(!is_readable(&card));
        inbox.push(b"two");
        assert!(is_readable(&card));
    }

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let (inbox, mut card) = card();
        (0..MAX_WAITING + 3).for_each(|number| inbox.push(&number.to_ne_bytes()));
        let mut buffer = [0; 8];
        card.capture(&mut buffer, start()).unwrap().unwrap();
        assert_eq!((usize::from_ne_bytes(buffer), card.dropped()), (3, 3));
    }
}
