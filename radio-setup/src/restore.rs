//! Sets a card up again that was unplugged and has come back, as `skylark-setup up` had done before: a card comes
//! back as every card comes, down and joining networks.

use std::sync::atomic::AtomicBool;

use thiserror::Error;

use crate::apply::{ApplyError, OnFailure, carry_out};
use crate::netlink::KernelError;
use crate::plan::{Refused, Wanted, carries_default_route, plan};
use crate::probe;
use crate::state::{CardState, Phase, StateError, Store};

/// What became of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It is what it should be, or nobody has asked for anything.
    NothingToDo,
    /// It was not, and is.
    SetUp,
    /// Another program changes cards at the moment.
    Busy,
}

/// Why a card could not be set up again.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// Cards that were set up are not known.
    #[error(transparent)]
    State(#[from] StateError),
    /// The machine could not be looked at.
    #[error(transparent)]
    Probe(#[from] KernelError),
    /// It may not be changed.
    #[error(
        "{0} has come back and needs to be set up again, which takes CAP_NET_ADMIN: run `sudo skylark-setup up {0}`"
    )]
    NotPermitted(String),
    /// It can no longer be what it was.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A step failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Sets the card of this name up again, if `skylark-setup up` has set it up, `down` has not given it back, and it
/// is not what it was.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(card: &str) -> Result<Restored, RestoreError> {
    let store = Store::default();
    let wants_cards = |states: &[CardState]| states.iter().any(|state| state.phase == Phase::Up);
    if !wants_cards(&store.all()?.cards) {
        return Ok(Restored::NothingToDo);
    }
    let Some(_lock) = store.try_lock()? else { return Ok(Restored::Busy) };
    let states = store.all()?.cards;
    let machine = probe::machine()?;
    let is_meant = |state: &CardState| state.phase == Phase::Up && state.locate(&machine) == Some(card);
    let Some(state) = states.into_iter().find(is_meant) else { return Ok(Restored::NothingToDo) };
    let wanted = Wanted { card: card.to_owned(), ..state.wanted };
    // Who has put the machine's network on the card meanwhile wants it there.
    if carries_default_route(&machine, card) || plan(&machine, &wanted)?.steps.is_empty() {
        return Ok(Restored::NothingToDo);
    }
    if !machine.permissions.net_admin {
        return Err(RestoreError::NotPermitted(card.to_owned()));
    }
    carry_out(&|machine| plan(machine, &wanted), OnFailure::Stop, &mut |_| {}, &AtomicBool::new(false))?;
    Ok(Restored::SetUp)
}
