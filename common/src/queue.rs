//! The one hand-off between threads: bounded, push never waits, the oldest gives way and is counted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue between threads, shared by reference or `Arc`.
///
/// A queue of one is "the latest wins". Either side closes it: what is in it can still be popped, nothing
/// more comes in.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

/// What waiting on a [`Queue`] for a limited time came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Popped<T> {
    /// The oldest item.
    Item(T),
    /// Nothing came in that time.
    TimedOut,
    /// The queue is closed and empty: nothing will ever come.
    Closed,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    dropped: u64,
}

impl<T> Queue<T> {
    /// An open queue of at most `capacity` items; 0 is taken as 1.
    pub fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false, dropped: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Puts an item at the end, without waiting for anything but the lock. Returns the item that gave way:
    /// the oldest of a full queue, `item` itself when the queue is closed.
    pub fn push(&self, item: T) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            return Some(item);
        }
        let gave_way = if state.items.len() >= self.capacity { state.items.pop_front() } else { None };
        state.dropped += u64::from(gave_way.is_some());
        state.items.push_back(item);
        drop(state);
        self.changed.notify_one();
        gave_way
    }

    /// The oldest item, as soon as there is one; `None` when the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| state.is_waiting());
        waited.unwrap_or_else(PoisonError::into_inner).items.pop_front()
    }

    /// Like [`pop`](Self::pop), but waits no longer than `patience`; zero does not wait.
    pub fn pop_within(&self, patience: Duration) -> Popped<T> {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, patience, |state| state.is_waiting());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.items.pop_front() {
            Some(item) => Popped::Item(item),
            None if state.closed => Popped::Closed,
            None => Popped::TimedOut,
        }
    }

    /// Closes the queue and wakes everyone who waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether either side has closed it.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many items wait in it.
    pub fn queued(&self) -> usize {
        self.lock().items.len()
    }

    /// How many items gave way to later ones.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// A thread that panicked elsewhere has left the state whole: no step in here can panic half-way.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_waiting(&self) -> bool {
        self.items.is_empty() && !self.closed
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a hand-off between threads is tested with threads")]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn items_come_out_in_order_and_the_oldest_gives_way() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), None);
        assert_eq!(queue.push(2), None);
        assert_eq!(queue.push(3), Some(1));
        assert_eq!(queue.dropped(), 1);
        assert_eq!((queue.pop(), queue.pop()), (Some(2), Some(3)));
        assert_eq!(queue.pop_within(Duration::ZERO), Popped::TimedOut);
    }

    #[test]
    fn in_a_queue_of_one_the_latest_wins() {
        let queue = Queue::new(0);
        for item in 0..10 {
            queue.push(item);
        }
        assert_eq!((queue.pop(), queue.dropped()), (Some(9), 9));
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let queue = Queue::new(2);
        queue.push(1);
        queue.close();
        assert!(queue.is_closed());
        assert_eq!(queue.push(2), Some(2));
        assert_eq!(queue.dropped(), 0);
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
        assert_eq!(queue.pop_within(Duration::MAX), Popped::Closed);
    }

    #[test]
    fn whoever_waits_is_woken_by_an_item_and_by_the_end() {
        let queue = Arc::new(Queue::new(4));
        let consumer = thread::spawn({
            let queue = Arc::clone(&queue);
            move || std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>()
        });
        let producer = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                for item in 0..1000 {
                    queue.push(item);
                }
                queue.close();
                queue.dropped()
            }
        });
        let dropped = producer.join().unwrap();
        let items = consumer.join().unwrap();
        assert_eq!(items.len() as u64 + dropped, 1000);
        assert!(items.is_sorted());
        assert_eq!(items.last(), Some(&999));
    }

    #[test]
    fn a_thread_that_panics_with_the_queue_in_hand_leaves_it_usable() {
        let queue = Arc::new(Queue::new(1));
        let holder = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let _state = queue.lock();
                panic!("on purpose");
            }
        });
        assert!(holder.join().is_err());
        assert_eq!(queue.push(1), None);
        assert_eq!(queue.pop(), Some(1));
    }
}
