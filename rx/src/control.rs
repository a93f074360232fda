//! What ends the program: a signal, the window, the last output's failure.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Shared by all threads: any may end the program, the link thread waits on it together with its cards.
#[derive(Debug)]
pub(crate) struct Control {
    wake: UnixStream,
    woken: UnixStream,
    stopping: Arc<AtomicBool>,
    outputs: AtomicUsize,
    failure: Mutex<Option<String>>,
}

impl Control {
    /// Begins to listen to SIGINT, SIGTERM and, unless it is ignored (nohup), SIGHUP. The second of them ends
    /// the program at once.
    ///
    /// # Errors
    /// What the machine says.
    pub(crate) fn new(outputs: usize) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let hangup = (!ignores_hangup()).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&stopping))?;
            signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
        }
        let (outputs, failure) = (AtomicUsize::new(outputs), Mutex::default());
        Ok(Self { wake, woken, stopping, outputs, failure })
    }

    /// Ends the program.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        // A full pipe has woken the link thread already.
        let _ = (&self.wake).write(&[0]);
    }

    /// Whether the program is to end; takes note of signals that came.
    pub(crate) fn is_stopping(&self) -> bool {
        if (&self.woken).read(&mut [0; 16]).is_ok_and(|read| read > 0) {
            self.stopping.store(true, Ordering::Relaxed);
        }
        self.stopping.load(Ordering::Relaxed)
    }

    /// Notes that an output has failed; the program goes on as long as another is left.
    pub(crate) fn output_failed(&self, reason: String) {
        if self.outputs.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.fail(reason);
        }
    }

    /// Ends the program with a failure; the first one counts.
    pub(crate) fn fail(&self, reason: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.stop();
    }

    /// Why the program failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What becomes readable when the program is to end.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

/// Whether whoever started the program wants it to outlive its terminal: proc(5), `SigIgn` of the status.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (SIGHUP - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_on_until_its_last_output_has_failed() {
        let control = Control::new(2).unwrap();
        control.output_failed("first".to_owned());
        assert!(!control.is_stopping());
        assert_eq!(control.failure(), None);
        control.output_failed("second".to_owned());
        assert!(control.is_stopping());
        assert_eq!(control.failure(), Some("second".to_owned()));
    }
}
