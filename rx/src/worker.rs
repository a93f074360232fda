//! A thread of the program that can be waited for.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use skylark_common::queue::{Popped, Queue};

use crate::control::Control;
use crate::tell::tell;

/// How long a thread may take to end once the user wants the end: it may hang on a pipe nobody reads.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often whoever waits looks whether the user wants the end.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A thread that can be waited for.
#[derive(Debug)]
pub(crate) struct Worker {
    name: &'static str,
    done: Arc<Queue<()>>,
}

impl Worker {
    /// Starts a thread that does `work`.
    ///
    /// # Errors
    /// The machine has no thread left.
    pub(crate) fn start(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let done = Arc::new(Queue::new(1));
        let finished = Finished(Arc::clone(&done));
        let work = move || {
            let _finished = finished;
            work();
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .with_context(|| format!("cannot start thread {name}"))?;
        Ok(Self { name, done })
    }

    /// Waits until the thread has ended.
    pub(crate) fn wait(&self) {
        self.done.pop();
    }

    /// Waits as long as it takes, but only [`PATIENCE`] from the moment the program is to end. Returns
    /// whether the thread has ended.
    pub(crate) fn wait_unless_stopping(&self, control: &Control) -> bool {
        while !control.is_stopping() {
            if self.ends_within(LOOK_INTERVAL) {
                return true;
            }
        }
        self.wait_patiently()
    }

    /// Waits for [`PATIENCE`], and says so when that was not enough. Returns whether the thread has ended.
    pub(crate) fn wait_patiently(&self) -> bool {
        let ended = self.ends_within(PATIENCE);
        if !ended {
            tell(&format!("thread {} does not end, leaving without it", self.name));
        }
        ended
    }

    fn ends_within(&self, patience: Duration) -> bool {
        self.done.pop_within(patience) == Popped::Closed
    }
}

/// Says that a thread has ended.
struct Finished(Arc<Queue<()>>);

impl Drop for Finished {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_hangs_is_left_behind_only_when_the_program_is_to_end() {
        let (control, release) = (Control::new(1).unwrap(), Arc::new(Queue::<()>::new(1)));
        let hang = Arc::clone(&release);
        let worker = Worker::start("test", move || while hang.pop().is_some() {}).unwrap();
        control.stop();
        assert!(!worker.wait_unless_stopping(&control));
        release.close();
        assert!(worker.wait_unless_stopping(&control));
    }
}
