//! Where the network's threads put what came, until one thread takes it: a queue for each sender, so that nobody can
//! push out what others sent.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Payloads of one sender that wait: of a relay that sends each frame by itself, 12 ms of the 5500 a 20 MHz channel
/// carries, and longer than the thread that takes them is ever kept from running. The oldest gives way.
const MAX_WAITING: usize = 64;
/// Bytes of one sender that wait: 80 ms of 100 Mbit/s.
const MAX_WAITING_BYTES: usize = 1 << 20;
/// Senders of whom something waits. One more is not heard.
const MAX_SENDERS: usize = 32;

/// Payloads that wait.
#[derive(Debug)]
pub(crate) struct Arrivals {
    waiting: Mutex<Waiting>,
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The senders of whom something waits, the next one first.
    senders: VecDeque<(u64, VecDeque<Vec<u8>>)>,
    dropped: u64,
}

impl Arrivals {
    /// Nothing waits.
    ///
    /// # Errors
    /// The machine has no file descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { waiting: Mutex::default(), wake })
    }

    /// Puts in what this sender sent, and wakes whoever waits.
    pub(crate) fn push(&self, sender: u64, payload: Vec<u8>) {
        let mut waiting = self.lock();
        let was_empty = waiting.senders.is_empty();
        waiting.push(sender, payload);
        if was_empty {
            // A counter that is full has woken it already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// Puts in what this sender sent, unless it is longer than `most_bytes`: then it is dropped before it is copied.
    pub(crate) fn push_up_to(&self, most_bytes: usize, sender: u64, payload: &[u8]) {
        if payload.len() > most_bytes {
            self.lock().dropped += 1;
        } else {
            self.push(sender, payload.to_vec());
        }
    }

    /// The next payload and who sent it; the senders have their turns.
    pub(crate) fn pop(&self) -> Option<(u64, Vec<u8>)> {
        let mut waiting = self.lock();
        let Some((sender, mut payloads)) = waiting.senders.pop_front() else {
            // Under the lock, so that nothing is put in between and slept over.
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
            return None;
        };
        let payload = payloads.pop_front();
        if !payloads.is_empty() {
            waiting.senders.push_back((sender, payloads));
        }
        payload.map(|payload| (sender, payload))
    }

    /// Payloads that gave way, were too long, or of too many senders.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Readable while something waits.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, sender: u64, payload: Vec<u8>) {
        let is_full = self.senders.len() >= MAX_SENDERS;
        match self.senders.iter_mut().find(|(known, _)| *known == sender) {
            Some((_, payloads)) => {
                let mut waiting_bytes = payload.len() + payloads.iter().map(Vec::len).sum::<usize>();
                while payloads.len() >= MAX_WAITING || waiting_bytes > MAX_WAITING_BYTES {
                    let Some(oldest) = payloads.pop_front() else { break };
                    waiting_bytes -= oldest.len();
                    self.dropped += 1;
                }
                payloads.push_back(payload);
            }
            None if is_full => self.dropped += 1,
            None => self.senders.push_back((sender, VecDeque::from([payload]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_readable(arrivals: &Arrivals) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(arrivals.as_fd(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn what_waits_can_be_waited_for_and_comes_out_in_turns() {
        let arrivals = Arrivals::new().unwrap();
        assert!(!is_readable(&arrivals));
        for (sender, payload) in [(1, b"a"), (1, b"b"), (2, b"c"), (1, b"d")] {
            arrivals.push(sender, payload.to_vec());
        }
        assert!(is_readable(&arrivals));
        let taken: Vec<_> =
            std::iter::from_fn(|| arrivals.pop()).map(|(sender, payload)| (sender, payload[0])).collect();
        assert_eq!(taken, [(1, b'a'), (2, b'c'), (1, b'b'), (1, b'd')]);
        assert!(!is_readable(&arrivals));
        arrivals.push(3, Vec::new());
        assert!(is_readable(&arrivals));
    }

    #[test]
    fn a_flood_pushes_out_only_its_own() {
        let arrivals = Arrivals::new().unwrap();
        arrivals.push(7, vec![7]);
        (0..1000).for_each(|_| arrivals.push(1, vec![1]));
        (100..1100).for_each(|sender| arrivals.push(sender, vec![2]));
        assert_eq!(arrivals.dropped(), 1000 - MAX_WAITING as u64 + 1000 - (MAX_SENDERS as u64 - 2));
        assert_eq!(arrivals.pop(), Some((7, vec![7])));
        assert_eq!(std::iter::from_fn(|| arrivals.pop()).count(), MAX_WAITING + MAX_SENDERS - 2);
    }

    #[test]
    fn what_is_too_long_is_not_copied_and_what_waits_is_bounded_in_bytes() {
        let arrivals = Arrivals::new().unwrap();
        arrivals.push_up_to(3, 1, &[0; 4]);
        assert_eq!((arrivals.pop(), arrivals.dropped()), (None, 1));
        arrivals.push_up_to(3, 1, &[0; 3]);
        assert_eq!(arrivals.pop(), Some((1, vec![0; 3])));
        (0..40).for_each(|_| arrivals.push(1, vec![1; 60 << 10]));
        let bytes: usize = std::iter::from_fn(|| arrivals.pop()).map(|(_, payload)| payload.len()).sum();
        assert_eq!((bytes, arrivals.dropped()), (17 * (60 << 10), 1 + 23));
    }
}
