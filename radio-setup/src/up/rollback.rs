//! What has to be undone when setting cards up fails or is interrupted.

use std::fmt::Display;
use std::sync::atomic::AtomicBool;

use skylark_setup::apply::network_manager::NetworkManager;
use skylark_setup::apply::{OnFailure, carry_out};
use skylark_setup::machine::Machine;
use skylark_setup::plan::give_back;
use skylark_setup::state::{CardState, Store};

use super::Voice;
use crate::report;

/// The cards that were begun, and what they were before.
pub(super) struct Rollback<'a> {
    store: &'a Store,
    voice: &'a Voice,
    begun: Vec<Begun>,
}

struct Begun {
    /// With what was found immediately before.
    before: CardState,
    /// What an earlier `up` had written.
    earlier: Option<CardState>,
}

impl<'a> Rollback<'a> {
    pub(super) const fn new(store: &'a Store, voice: &'a Voice) -> Self {
        Self { store, voice, begun: Vec::new() }
    }

    pub(super) const fn store(&self) -> &'a Store {
        self.store
    }

    pub(super) fn remember(&mut self, before: CardState, earlier: Option<CardState>) {
        self.begun.push(Begun { before, earlier });
    }

    /// Gives back what was begun, the last first, and says how that went.
    pub(super) fn undo(self) -> &'static str {
        let Self { store, voice, begun } = self;
        if begun.is_empty() {
            return "nothing was changed";
        }
        let failures: usize = begun.into_iter().rev().map(|begun| begun.undo(store, voice)).sum();
        match failures {
            0 => "all is as it was before",
            _ => "not all could be undone, see above; run `skylark-setup down`",
        }
    }
}

impl Begun {
    /// Returns how much of it failed.
    fn undo(self, store: &Store, voice: &Voice) -> usize {
        let card = &self.before.wanted.card;
        let plan = |machine: &Machine| Ok(give_back(machine, card, &self.before, true));
        // Whoever interrupts this would leave half a card behind.
        let never = AtomicBool::new(false);
        let undone = carry_out(&plan, OnFailure::Continue, &mut |progress| voice.progress(&progress), &never);
        let left_out = undone.map_or_else(told, |(_, left_out)| left_out);
        if left_out > 0 && self.earlier.is_none() {
            // `down` goes on from there.
            return left_out;
        }
        left_out + self.forget(store)
    }

    fn forget(&self, store: &Store) -> usize {
        if let Some(earlier) = &self.earlier {
            return store.write(earlier).map_or_else(told, |()| 0);
        }
        let card = &self.before.wanted.card;
        let released = NetworkManager::default().forget(card).map_or_else(told, |()| 0);
        released + store.remove(card).map_or_else(told, |()| 0)
    }
}

/// Says what failed, and counts it.
fn told(error: impl Display) -> usize {
    report::warning(error);
    1
}
