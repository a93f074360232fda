//! Where the program speaks: JSON lines for machines, sentences on stderr for people.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use skylark_common::lines::Lines;
use skylark_common::options::StatsTarget;

/// Something about the command line: clap's own text and exit code (2, or 0 behind `--help`).
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told when stdout or stderr is closed.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// One line about what failed, and exit code 1.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    note(format_args!("{error:#}"));
    ExitCode::FAILURE
}

/// Tells people what changed.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "skylark-tx: {text}");
}

/// Passes on what a child process says to people.
pub(crate) fn child_says(text: impl Display) {
    let _ = writeln!(io::stderr(), "exec: {text}");
}

/// Tells machines, if anyone asked for it: events as JSON lines. It never waits for whoever reads them.
#[derive(Debug)]
pub(crate) struct Reporter {
    lines: Option<Lines>,
}

impl Reporter {
    pub(crate) fn open(target: Option<&StatsTarget>) -> anyhow::Result<Self> {
        let open = |target: &StatsTarget| Lines::open(target, stats_end).with_context(|| format!("--stats {target}"));
        Ok(Self { lines: target.map(open).transpose()? })
    }

    /// Adds one line.
    pub(crate) fn emit(&self, event: &impl Serialize) {
        let Some(lines) = &self.lines else { return };
        match serde_json::to_string(event) {
            Ok(line) => lines.push(line),
            Err(error) => log::warn!("an event is no JSON: {error}"),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what a callback is given")]
fn stats_end(error: io::Error) {
    note(format_args!("stats end here, they cannot be written: {error}"));
}
