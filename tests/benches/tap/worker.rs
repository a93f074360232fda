//! A thread that works until it is asked to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// A running thread.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    stop: Stop,
    thread: JoinHandle<T>,
}

/// Whether the thread is to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl<T: Send + 'static> Worker<T> {
    pub(crate) fn start(work: impl FnOnce(&Stop) -> T + Send + 'static) -> Self {
        let stop = Stop(Arc::default());
        let asked = stop.clone();
        Self { stop, thread: std::thread::spawn(move || work(&asked)) }
    }

    /// Ends it; what it has to say.
    pub(crate) fn end(self) -> T {
        self.stop.0.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

impl Stop {
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}
