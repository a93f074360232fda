//! Where the program speaks: JSON lines for machines, sentences on stderr for people.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

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

/// Writes events as JSON lines, if anyone asked for them.
#[derive(Debug)]
pub(crate) struct Reporter {
    sink: Option<Sink>,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    File(File),
}

impl Reporter {
    pub(crate) fn open(target: Option<&StatsTarget>) -> anyhow::Result<Self> {
        let sink = match target {
            None => None,
            Some(StatsTarget::Stdout) => Some(Sink::Stdout),
            Some(StatsTarget::File(path)) => {
                let file = File::create(path).with_context(|| format!("--stats json:{}", path.display()))?;
                Some(Sink::File(file))
            }
        };
        Ok(Self { sink })
    }

    /// Writes one line. When that fails it is told once and nothing more is written: the link goes on.
    pub(crate) fn emit(&mut self, event: &impl Serialize) {
        let Some(sink) = &mut self.sink else { return };
        if let Err(error) = write_line(sink, event) {
            note(format_args!("stats end here, they cannot be written: {error}"));
            self.sink = None;
        }
    }
}

fn write_line(sink: &mut Sink, event: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    match sink {
        Sink::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&line)?;
            stdout.flush()
        }
        Sink::File(file) => file.write_all(&line),
    }
}
