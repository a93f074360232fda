//! The one place that prints: answers on stdout, everything said to people on stderr.
#![expect(clippy::print_stderr, reason = "this is where the program speaks")]

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

/// Something about the command line: clap's own text and exit code (2, or 0 behind `--help`).
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told when stdout or stderr is closed.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// One line about what failed, and exit code 1.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    eprintln!("skylark-setup: {error:#}");
    ExitCode::FAILURE
}

/// Tells people what was done.
pub(crate) fn note(text: impl Display) {
    eprintln!("{text}");
}

/// Tells people what they should change.
pub(crate) fn warning(text: impl Display) {
    eprintln!("skylark-setup: warning: {text}");
}

/// The answer that was asked for, without a newline of its own.
///
/// # Errors
/// It did not reach its reader: a full disk, a closed pipe.
pub(crate) fn answer(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

/// Asks for a line, and leaves the cursor behind the question.
pub(crate) fn question(text: &str) {
    eprint!("{text}");
}
