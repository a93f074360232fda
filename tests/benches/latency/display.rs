//! A display of its own without a screen: Xvfb.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};

/// The display is as large as the picture, so that every window fills it.
pub(crate) const WIDTH: usize = 1280;
pub(crate) const HEIGHT: usize = 720;

/// A running Xvfb; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Display {
    server: Child,
    /// As X clients name it: `:7`.
    pub(crate) name: String,
}

impl Display {
    /// Starts one under a number nobody has; `None` where Xvfb is not installed.
    pub(crate) fn start() -> Result<Option<Self>, String> {
        let screen = format!("{WIDTH}x{HEIGHT}x24");
        let arguments = ["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"];
        let started = Command::new("Xvfb").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut server = match started {
            Ok(server) => server,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("Xvfb does not start: {error}")),
        };
        let mut number = String::new();
        let said = server.stdout.take().map(|out| BufReader::new(out).read_line(&mut number));
        match said {
            Some(Ok(read)) if read > 0 => Ok(Some(Self { server, name: format!(":{}", number.trim()) })),
            _ => Err("Xvfb does not start: run `Xvfb -displayfd 1` to see why".to_owned()),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It has ended already where it crashed, which the bench has noticed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
