//! SIGINT, SIGTERM and SIGHUP as something that can be polled beside sockets.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The signals that end the program.
pub(crate) struct Signals(UnixStream);

impl Signals {
    /// # Errors
    /// The machine has no more sockets.
    pub(crate) fn register() -> Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Self(read))
    }

    /// Whether one came since the last call.
    pub(crate) fn arrived(&self) -> bool {
        (&self.0).read(&mut [0]).is_ok()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
