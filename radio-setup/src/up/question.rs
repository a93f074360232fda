//! Asks before this machine loses its network.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Result, bail};

use crate::report;

/// Whether the card may be taken though the machine's network goes through it.
///
/// # Errors
/// It may not, or nobody is there to be asked.
pub(super) fn cut_the_network(card: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!(
            "{card}: this machine's way to its network goes through this card and would be cut; add --yes to take it \
             all the same, or take another card"
        );
    }
    report::question(&format!("{card}: this machine's way to its network goes through this card. Cut it? [y/N] "));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    bail!("{card}: left alone, nothing was changed")
}
