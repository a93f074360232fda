//! The program on a real pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// The program with a terminal as its stdin.
pub(crate) struct Session {
    pub(crate) keyboard: File,
    pub(crate) terminal: OwnedFd,
    pub(crate) child: Child,
    said: ChildStderr,
}

impl Session {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_sized(folder, arguments, 80, 24)
    }

    pub(crate) fn start_sized(folder: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_skylark-setup"))
            .args(arguments)
            .current_dir(folder)
            .env("TERM", "xterm-256color")
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stdout(Stdio::from(terminal.try_clone().unwrap()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = child.stderr.take().unwrap();
        Self { keyboard: keyboard.into(), terminal, child, said }
    }

    /// Reads what the program says until it has said `text`. It asks only once echo is off.
    pub(crate) fn hear(&mut self, text: &str) {
        let mut heard = Vec::new();
        while !heard.ends_with(text.as_bytes()) {
            let mut byte = [0];
            assert_eq!(self.said.read(&mut byte).unwrap(), 1, "ended with {:?}", String::from_utf8_lossy(&heard));
            heard.push(byte[0]);
        }
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end; gives the exit status and the rest of what the program said.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}
