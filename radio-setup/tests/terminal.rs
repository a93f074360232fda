//! The passphrase prompt on a real pseudo-terminal: no echo, asked for twice, and echo is back at every end.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// What ends the input of a terminal.
const CTRL_D: u8 = 4;

/// The program with a terminal as its stdin.
struct Session {
    keyboard: File,
    terminal: OwnedFd,
    child: Child,
    said: ChildStderr,
}

impl Session {
    fn start(folder: &Path) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_skylark-setup"))
            .args(["key", "from-passphrase", "a.key"])
            .current_dir(folder)
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = child.stderr.take().unwrap();
        Self { keyboard: keyboard.into(), terminal, child, said }
    }

    /// Reads what the program says until it has said `text`. It asks only once echo is off.
    fn hear(&mut self, text: &str) {
        let mut heard = Vec::new();
        while !heard.ends_with(text.as_bytes()) {
            let mut byte = [0];
            assert_eq!(self.said.read(&mut byte).unwrap(), 1, "ended with {:?}", String::from_utf8_lossy(&heard));
            heard.push(byte[0]);
        }
    }

    fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end; gives the exit status and the rest of what the program said.
    fn end(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

#[test]
fn a_phrase_typed_twice_makes_the_key_and_never_echoes() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path());
    session.hear("Passphrase: ");
    assert!(!session.echoes());
    session.type_line("correct horse battery staple");
    session.hear("Once more: ");
    assert!(!session.echoes());
    session.type_line("correct horse battery staple");
    let (status, rest) = session.end();
    assert!(status.success(), "{rest}");
    assert!(rest.contains("df29 a4f8"), "{rest}");
    assert!(session.echoes());
}

#[test]
fn a_prompt_that_is_closed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path());
    session.hear("Passphrase: ");
    session.keyboard.write_all(&[CTRL_D]).unwrap();
    let (status, rest) = session.end();
    assert_eq!(status.code(), Some(1));
    assert!(rest.contains("no passphrase was typed"), "{rest}");
    assert!(session.echoes());
}

#[test]
fn two_different_phrases_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path());
    session.hear("Passphrase: ");
    session.type_line("correct horse battery staple");
    session.hear("Once more: ");
    session.type_line("correct horse battery stable");
    let (status, rest) = session.end();
    assert_eq!(status.code(), Some(1));
    assert!(rest.contains("differ"), "{rest}");
    assert!(session.echoes() && !folder.path().join("a.key").exists());
}

#[test]
fn an_interrupted_prompt_gives_the_echo_back_and_dies_of_the_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        let mut session = Session::start(folder.path());
        session.hear("Passphrase: ");
        assert!(!session.echoes());
        kill_process(Pid::from_child(&session.child), signal).unwrap();
        let (status, rest) = session.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{rest}");
        assert!(session.echoes() && !folder.path().join("a.key").exists());
    }
}
