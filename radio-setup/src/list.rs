//! `list`: every card of this machine, what it is good for, and what to do next.

mod advice;
mod json;
mod text;

use std::io::{self, IsTerminal as _};

use anyhow::Result;
use rustix::termios::tcgetwinsize;
use skylark_setup::probe;

use crate::args::ListCommand;
use crate::report;
use text::Style;

/// Prints the list to stdout.
pub(crate) fn run(command: &ListCommand) -> Result<()> {
    let machine = probe::machine()?;
    if command.json {
        return report::answer(&json::line(&machine)?);
    }
    report::answer(&text::list(&machine, style(), command.details))
}

/// As wide as the terminal, and in colour where there is one that is not asked to do without (no-color.org).
fn style() -> Style {
    let stdout = io::stdout();
    let columns = tcgetwinsize(&stdout).map(|size| usize::from(size.ws_col)).unwrap_or_default();
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { columns, colour: wants_colour && stdout.is_terminal() }
}
