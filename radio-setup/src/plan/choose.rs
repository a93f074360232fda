//! Which card is meant when none is named.

use super::{Refused, carries_default_route};
use crate::machine::{Machine, Mode, Radio};

/// The channel taken when none is named, both ends alike: 149 (5745 MHz), which most countries allow without
/// radar detection and with more power than the channels below; radios without 5 GHz take channel 6.
const USUAL_FREQUENCIES_MHZ: [u32; 2] = [5745, 2437];

/// The channel to take when none is named, as its center in MHz. Depends on the radio only: what the region
/// allows may differ between the two ends, and they have to meet.
#[must_use]
pub fn usual_frequency_mhz(machine: &Machine, card: &str) -> u32 {
    let [usual, ..] = USUAL_FREQUENCIES_MHZ;
    let has = |frequency: &u32| machine.interface(card).is_some_and(|(radio, _)| radio.channel(*frequency).is_some());
    USUAL_FREQUENCIES_MHZ.into_iter().find(has).unwrap_or(usual)
}

/// The one card that could be meant: it can be a monitor, and nobody's network goes through it.
///
/// # Errors
/// None could be, or more than one.
pub fn choose(machine: &Machine) -> Result<String, Refused> {
    let suitable: Vec<&str> = machine.radios.iter().filter_map(|radio| suitable(machine, radio)).collect();
    match suitable.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Refused::NoCard(why_none(machine))),
        several => Err(Refused::SeveralCards(several.join(", "))),
    }
}

/// The cards of a machine, to be named in a sentence.
pub(super) fn names(machine: &Machine) -> String {
    let names: Vec<&str> = interfaces(machine).collect();
    if names.is_empty() { "no WiFi card at all".to_owned() } else { names.join(", ") }
}

/// The interface of a radio to take: a monitor if it has one already.
fn suitable<'a>(machine: &Machine, radio: &'a Radio) -> Option<&'a str> {
    let is_in_use = radio.interfaces.iter().any(|each| each.joined.is_some());
    if !radio.has_monitor_mode || radio.rfkill.hard || is_in_use {
        return None;
    }
    let monitor = radio.interfaces.iter().find(|each| each.mode == Mode::Monitor);
    let interface = monitor.or(radio.interfaces.first())?;
    (!carries_default_route(machine, &interface.name)).then_some(&interface.name)
}

fn why_none(machine: &Machine) -> String {
    if interfaces(machine).next().is_none() {
        return "this machine has no WiFi card, or no driver for it".to_owned();
    }
    format!("{} cannot listen to everything, or carries a network; name it to take it all the same", names(machine))
}

fn interfaces(machine: &Machine) -> impl Iterator<Item = &str> {
    machine.radios.iter().flat_map(|radio| &radio.interfaces).map(|interface| interface.name.as_str())
}
