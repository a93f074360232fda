//! Shows a key: on a terminal until Enter is pressed, else its words as one line.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::Result;
use rustix::termios::tcgetwinsize;
use skylark_common::seal::key_file;

use super::code::Code;
use super::screen::{Screen, Size};
use super::{file_to_read, phrase};
use crate::key::prompt::{self, Outcome};
use crate::key::spoken;
use crate::report;

/// The terminal's other screen: what is shown there does not stay in its history (xterm, private mode 1049).
pub(super) const OTHER_SCREEN: &str = "\x1b[?1049h\x1b[H\x1b[2J";
pub(super) const FIRST_SCREEN: &str = "\x1b[?1049l";

/// A terminal that does not tell its size has the size terminals have always had.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// Shows the key in `file`.
pub(super) fn run(file: Option<PathBuf>) -> Result<()> {
    let file = file_to_read(file)?;
    let key = key_file::read(&file)?;
    if let Some(warning) = key_file::mode(&file).ok().and_then(|mode| key_file::exposure(&file, mode)) {
        report::warning(warning);
    }
    let words = phrase::words(&key)?;
    let fingerprint = spoken(key.fingerprint());
    if !io::stdout().is_terminal() {
        report::warning(format_args!(
            "this writes the secret to no terminal: whoever reads it there can watch and send; fingerprint {fingerprint}"
        ));
        return report::answer(&format!("{}\n", words.join(" ")));
    }
    let screen = Screen::new(&Code::new(&key)?, &words, &fingerprint);
    let text = if has_colours() { screen.text(size()) } else { screen.words_only() };
    if io::stdin().is_terminal() { hold(&text) } else { report::answer(&text) }
}

/// Shows a secret text until Enter is pressed or a signal comes.
fn hold(text: &str) -> Result<()> {
    report::answer(&format!("{OTHER_SCREEN}{text}"))?;
    let outcome = prompt::silently("Enter hides it again. ");
    report::answer(FIRST_SCREEN)?;
    match outcome? {
        Outcome::Line(_) => Ok(()),
        Outcome::Signal(signal) => prompt::die_of(signal),
    }
}

fn has_colours() -> bool {
    std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

fn size() -> Size {
    match tcgetwinsize(io::stdout()) {
        Ok(found) if found.ws_col > 0 && found.ws_row > 0 => {
            Size { columns: found.ws_col.into(), rows: found.ws_row.into() }
        }
        _ => USUAL_SIZE,
    }
}
