//! `skylark-setup down`: gives cards back as `up` found them, whatever has happened to them since.

use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use skylark_setup::apply::network_manager::NetworkManager;
use skylark_setup::apply::{ApplyError, OnFailure, carry_out};
use skylark_setup::machine::{Bus, Machine};
use skylark_setup::plan::{Refused, give_back};
use skylark_setup::probe;
use skylark_setup::state::{CardState, Known, Phase, Store};

use crate::args::DownCommand;
use crate::report;
use crate::up::{Voice, lock, stop_on_signals};

/// Does what the command line says.
pub(crate) fn run(command: &DownCommand) -> Result<()> {
    let voice = Voice { json: command.json };
    let store = Store::default();
    let stop = stop_on_signals()?;
    // What another program does to a card meanwhile is to be given back too.
    let _lock = lock(&store, &stop)?;
    let Known { cards, unreadable } = meant(&store, &command.cards)?;
    unreadable.iter().for_each(report::warning);
    if !cards.is_empty() && !probe::machine()?.permissions.net_admin {
        return Err(Refused::NotPermitted.into());
    }
    if cards.is_empty() && unreadable.is_empty() && command.cards.is_empty() {
        report::note("Nothing to give back: skylark-setup has no card.");
    }
    let mut left = Vec::new();
    for state in cards {
        left.extend(give_back_one(&voice, &store, state, &stop)?);
    }
    if !left.is_empty() {
        bail!("{}", what_helps(&left));
    }
    if !unreadable.is_empty() {
        bail!("what is to be given back is not known of every card, see above");
    }
    Ok(())
}

fn meant(store: &Store, names: &[String]) -> Result<Known> {
    if names.is_empty() {
        return Ok(store.all()?);
    }
    let mut known = Known::default();
    for name in names {
        match store.read(name) {
            Ok(Some(state)) => known.cards.push(state),
            Ok(None) => report::note(format_args!("{name}: nothing to give back, skylark-setup has not taken it.")),
            Err(error) => known.unreadable.push(error),
        }
    }
    Ok(known)
}

/// A card that was given back in part only.
struct Left {
    is_usb: bool,
}

fn what_helps(left: &[Left]) -> &'static str {
    if left.iter().all(|card| card.is_usb) {
        "not all could be given back, see above; run `skylark-setup down` again, or unplug and replug the card"
    } else {
        "not all could be given back, see above; run `skylark-setup down` again"
    }
}

/// Returns what is left to do.
fn give_back_one(voice: &Voice, store: &Store, mut state: CardState, stop: &AtomicBool) -> Result<Option<Left>> {
    // Programs that look after the card leave it alone from here on.
    state.phase = Phase::GivingBack;
    store.write(&state)?;
    let card = state.wanted.card.clone();
    let others = store.all()?;
    let is_last = others.unreadable.is_empty() && others.cards.iter().all(|other| other.wanted.card == card);
    let machine = probe::machine()?;
    let name = state.locate(&machine).map(str::to_owned);
    let plan = |machine: &Machine| Ok(give_back(machine, name.as_deref().unwrap_or(&card), &state, is_last));
    let given_back = carry_out(&plan, OnFailure::Continue, &mut |progress| voice.progress(&progress), stop);
    let (_, left_out) = given_back.map_err(told)?;
    if let Err(error) = NetworkManager::default().forget(&card) {
        report::warning(error);
    }
    if left_out == 0 {
        store.remove(&card)?;
    }
    let how = match name {
        _ if left_out > 0 => "is given back in part",
        None => "is not there any more, and is forgotten",
        Some(_) => "is as it was found",
    };
    voice.is_down(&card, how, left_out)?;
    let is_usb = || name.and_then(|name| machine.interface(&name)).is_some_and(|(radio, _)| is_usb(&radio.bus));
    Ok((left_out > 0).then(|| Left { is_usb: is_usb() }))
}

fn told(error: ApplyError) -> anyhow::Error {
    if matches!(error, ApplyError::Interrupted) {
        return anyhow::anyhow!("interrupted; run `skylark-setup down` again, it goes on from there");
    }
    error.into()
}

const fn is_usb(bus: &Bus) -> bool {
    matches!(bus, Bus::Usb { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_down_says_that_another_goes_on() {
        assert!(told(ApplyError::Interrupted).to_string().contains("run `skylark-setup down` again"));
        assert!(told(ApplyError::Endless).to_string().starts_with("no end of steps"));
    }

    #[test]
    fn replugging_is_advised_only_for_what_has_a_plug() {
        assert!(what_helps(&[Left { is_usb: true }]).contains("replug"));
        let soldered = what_helps(&[Left { is_usb: true }, Left { is_usb: false }]);
        assert!(soldered.contains("down` again") && !soldered.contains("replug"), "{soldered}");
    }
}
