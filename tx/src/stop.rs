//! The request to end, and waiting that notices it.
#![expect(clippy::disallowed_methods, reason = "waits until a deadline")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Asked for once, it stays: every wait of every thread ends at once from then on.
#[derive(Debug)]
pub(crate) struct Stop {
    requested: OwnedFd,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The program is to end.
    Stopped,
    /// There is something to read, or it has ended.
    Ready,
    /// The deadline has come.
    TimedOut,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { requested: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    pub(crate) fn request(&self) {
        // It can only fail when the counter is full: then it is requested already.
        let _ = rustix::io::write(&self.requested, &1_u64.to_ne_bytes());
    }

    /// Waits for the deadline.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Wake {
        self.wait(None, Some(deadline))
    }

    /// Waits for something to read, without a deadline for ever.
    pub(crate) fn wait_readable(&self, fd: impl AsFd, deadline: Option<Instant>) -> Wake {
        self.wait(Some(fd.as_fd()), deadline)
    }

    fn wait(&self, fd: Option<BorrowedFd<'_>>, deadline: Option<Instant>) -> Wake {
        let stop = PollFd::new(&self.requested, PollFlags::IN);
        let mut fds = [stop, PollFd::from_borrowed_fd(fd.unwrap_or(self.requested.as_fd()), PollFlags::IN)];
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            let woken = poll(&mut fds, timeout.as_ref());
            let [stop, input] = &fds;
            match woken {
                Ok(0) => return Wake::TimedOut,
                Ok(_) if !stop.revents().is_empty() => return Wake::Stopped,
                Ok(_) if !input.revents().is_empty() => return Wake::Ready,
                // A signal that somebody else handles.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_ends_every_wait() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.wait_until(Instant::now()), Wake::TimedOut);
        stop.request();
        stop.request();
        assert_eq!(stop.wait_until(Instant::now() + Duration::from_secs(60)), Wake::Stopped);
        assert_eq!(stop.wait_readable(io::stdin(), None), Wake::Stopped);
    }

    #[test]
    fn the_end_of_a_pipe_wakes() {
        let stop = Stop::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        assert_eq!(stop.wait_readable(&reader, Some(Instant::now())), Wake::TimedOut);
        drop(writer);
        assert_eq!(stop.wait_readable(&reader, None), Wake::Ready);
    }
}
