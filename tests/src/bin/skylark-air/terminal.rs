//! The terminal while it shows the channel; restored however the program ends.

use std::io::{self, Stderr, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

use crate::keys::{Action, action};
use crate::view::{Shown, draw};

/// Whether the terminal is ours: a panic restores it before it is told, and dropping the screen must not do it
/// again, which would move the cursor back over what was told.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The live view, on stderr so that stdout stays free for stats.
pub(crate) struct Screen(Terminal<CrosstermBackend<Stderr>>);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// It is none, or too small a one to draw on.
    pub(crate) fn open() -> Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |reason| {
            restore();
            before(reason);
        }));
        enable_raw_mode().context("the terminal cannot be taken over: use --plain")?;
        TAKEN.store(true, Ordering::Relaxed);
        let entered = execute!(io::stderr(), EnterAlternateScreen, Hide);
        let terminal = entered.and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())));
        terminal.map(Self).inspect_err(|_| restore()).context("the terminal cannot be drawn on: use --plain")
    }

    /// # Errors
    /// The terminal is gone.
    pub(crate) fn draw(&mut self, shown: &Shown<'_>) -> Result<()> {
        self.0.draw(|frame| draw(frame, shown)).context("drawing on the terminal")?;
        Ok(())
    }

    /// What the keys ask for that were pressed since the last call.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn actions(&mut self) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        while event::poll(Duration::ZERO).context("reading keys")? {
            actions.extend(action(&event::read().context("reading keys")?));
        }
        Ok(actions)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Errors are not told: the terminal they would be told on is the one that is gone.
fn restore() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = disable_raw_mode();
    let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
    let _ = io::stderr().flush();
}
