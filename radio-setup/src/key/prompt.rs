//! Reads a passphrase: twice without echo on a terminal, else one line from stdin.

use std::io::{self, IsTerminal as _, Read as _};
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::report;

/// No line is longer than a terminal in canonical mode can deliver (Linux: 4096 bytes, newline included).
const LONGEST_LINE_BYTES: usize = 4096;

/// What ends a prompt early: echo must be back before the program dies of it.
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Asks for a passphrase, or reads it from a pipe.
pub(super) fn passphrase() -> Result<String> {
    if !io::stdin().is_terminal() {
        return line_from_pipe();
    }
    let first = answer_to("Passphrase: ")?;
    let second = answer_to("Once more: ")?;
    ensure!(first == second, "the two passphrases differ; nothing was written");
    Ok(first)
}

fn line_from_pipe() -> Result<String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LONGEST_LINE_BYTES)?;
    let mut stdin = io::stdin().lock().take(limit);
    io::BufRead::read_until(&mut stdin, b'\n', &mut bytes).context("cannot read the passphrase from stdin")?;
    ensure!(!bytes.is_empty(), "stdin is empty, expected one line with the passphrase");
    ensure!(
        bytes.last() == Some(&b'\n') || bytes.len() < LONGEST_LINE_BYTES,
        "the passphrase is longer than {LONGEST_LINE_BYTES} bytes"
    );
    text(bytes)
}

fn answer_to(question: &str) -> Result<String> {
    match silently(question)? {
        Outcome::Line(line) => {
            ensure!(!line.is_empty(), "no passphrase was typed; nothing was written");
            text(line)
        }
        Outcome::Signal(signal) => {
            report::note("");
            die_of(signal)?;
            bail!("interrupted; nothing was written")
        }
    }
}

/// Asks on the terminal without echo, until a line or a signal comes. At the end of the input the line is empty.
///
/// # Errors
/// Standard input is no terminal, or has gone away.
pub(crate) fn silently(question: &str) -> Result<Outcome> {
    let silence = Silence::start().context("cannot switch off the terminal's echo")?;
    let outcome = aloud(question);
    drop(silence);
    outcome
}

/// Asks on the terminal with echo, else as [`silently`].
///
/// # Errors
/// Standard input has gone away.
pub(crate) fn aloud(question: &str) -> Result<Outcome> {
    let mut doorbells = Vec::new();
    for signal in SIGNALS {
        let (doorbell, ringer) = UnixStream::pair()?;
        let registration = signal_hook::low_level::pipe::register(signal, ringer)?;
        doorbells.push((signal, doorbell, registration));
    }
    report::question(question);
    let outcome = wait_for_line(&doorbells);
    for (_, _, registration) in &doorbells {
        signal_hook::low_level::unregister(*registration);
    }
    outcome
}

/// Ends the program by a signal that [`silently`] has held back. Dying of the signal itself tells a calling
/// shell to stop as well.
///
/// # Errors
/// The signal is none that can be died of.
pub(crate) fn die_of(signal: i32) -> Result<()> {
    Ok(signal_hook::low_level::emulate_default_handler(signal)?)
}

/// What ended a prompt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A line, its end included.
    Line(Vec<u8>),
    /// A signal: the number.
    Signal(i32),
}

type Doorbell = (i32, UnixStream, signal_hook::SigId);

fn wait_for_line(doorbells: &[Doorbell]) -> Result<Outcome> {
    let stdin = io::stdin();
    loop {
        let mut waiting: Vec<PollFd<'_>> =
            doorbells.iter().map(|(_, doorbell, _)| PollFd::new(doorbell, PollFlags::IN)).collect();
        waiting.push(PollFd::new(&stdin, PollFlags::IN));
        match poll(&mut waiting, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let rung = waiting.iter().zip(doorbells).find(|(fd, _)| !fd.revents().is_empty());
        if let Some((_, (signal, _, _))) = rung {
            return Ok(Outcome::Signal(*signal));
        }
        if waiting.last().is_some_and(|fd| !fd.revents().is_empty()) {
            let mut line = vec![0; LONGEST_LINE_BYTES];
            let length = rustix::io::read(&stdin, &mut line)?;
            line.truncate(length);
            return Ok(Outcome::Line(line));
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    let mut line = String::from_utf8(bytes).ok().context("the passphrase is not UTF-8 text")?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// Echo is off while this lives.
struct Silence {
    before: Termios,
}

impl Silence {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that has gone away needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
