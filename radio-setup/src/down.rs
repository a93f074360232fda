//! `skylark-setup down`: gives cards back as `up` found them, whatever has happened to them since.

use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use skylark_setup::apply::network_manager::NetworkManager;
use skylark_setup::apply::{OnFailure, carry_out};
use skylark_setup::machine::Machine;
use skylark_setup::plan::{Refused, give_back};
use skylark_setup::probe;
use skylark_setup::state::{CardState, Phase, Store};

use crate::args::DownCommand;
use crate::report;
use crate::up::{Voice, lock, stop_on_signals};

/// Does what the command line says.
pub(crate) fn run(command: &DownCommand) -> Result<()> {
    let voice = Voice { json: command.json };
    let store = Store::default();
    let states = meant(&store, &command.cards)?;
    if states.is_empty() {
        if command.cards.is_empty() {
            report::note("Nothing to give back: skylark-setup has no card.");
        }
        return Ok(());
    }
    if !probe::machine()?.permissions.net_admin {
        return Err(Refused::NotPermitted.into());
    }
    let stop = stop_on_signals()?;
    let _lock = lock(&store, &stop)?;
    let mut left_out = 0;
    for state in states {
        left_out += give_back_one(&voice, &store, state, &stop)?;
    }
    if left_out > 0 {
        bail!("not all could be given back, see above; unplugging and replugging the card does the rest");
    }
    Ok(())
}

fn meant(store: &Store, cards: &[String]) -> Result<Vec<CardState>> {
    if cards.is_empty() {
        return Ok(store.all()?);
    }
    let mut states = Vec::new();
    for card in cards {
        match store.read(card)? {
            Some(state) => states.push(state),
            None => report::note(format_args!("{card}: nothing to give back, skylark-setup has not taken it.")),
        }
    }
    Ok(states)
}

/// Returns how many steps were left out.
fn give_back_one(voice: &Voice, store: &Store, mut state: CardState, stop: &AtomicBool) -> Result<usize> {
    // Programs that look after the card leave it alone from here on.
    state.phase = Phase::GivingBack;
    store.write(&state)?;
    let card = state.wanted.card.clone();
    let is_last = !store.all()?.iter().any(|other| other.wanted.card != card);
    let machine = probe::machine()?;
    let name = state.locate(&machine).map(str::to_owned);
    let plan = |machine: &Machine| Ok(give_back(machine, name.as_deref().unwrap_or(&card), &state, is_last));
    let (_, left_out) = carry_out(&plan, OnFailure::Continue, &mut |progress| voice.progress(&progress), stop)?;
    if let Err(error) = NetworkManager::default().forget(&card) {
        report::warning(error);
    }
    store.remove(&card)?;
    let how = match name {
        None => "is not there any more, and is forgotten",
        Some(_) if left_out > 0 => "is given back in part",
        Some(_) => "is as it was found",
    };
    voice.is_down(&card, how, left_out)?;
    Ok(left_out)
}
