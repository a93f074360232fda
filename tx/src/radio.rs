//! The thread that looks after the cards while they send: sets one up again that was unplugged and has come
//! back, and tells what is wrong with one.
#![expect(clippy::disallowed_methods, reason = "looks at the cards from time to time")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use skylark_common::wire::radiotap;
use skylark_setup::diagnose::Purpose;
use skylark_setup::keep::{Keeper, Look};
use skylark_setup::machine::Width;

use crate::report::note;
use crate::stop::{Stop, Wake};

/// How often cards are looked for that have come back.
const RESTORE_INTERVAL: Duration = Duration::from_millis(100);
/// Every how many turns the kernel is asked about all cards.
const TURNS_A_LOOK: u32 = 20;

/// What is wrong with the cards, one sentence each, by name.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<BTreeMap<String, String>>);

impl Faults {
    /// Those known at the moment.
    pub(crate) fn known(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what was found, and tells what is new.
    fn take(&self, looks: Vec<Look>) {
        let found = looks.into_iter().filter_map(|look| Some((look.card, look.fault?))).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, found);
        for fault in known.iter().filter(|(card, fault)| before.get(*card) != Some(fault)).map(|(_, fault)| fault) {
            note(fault);
        }
        for card in before.keys().filter(|card| !known.contains_key(*card)) {
            note(format_args!("{card}: nothing is wrong with it any more"));
        }
    }
}

/// Looks after `cards`, that send frames of this width, until the program stops.
pub(crate) fn run(cards: &[String], width: radiotap::Width, faults: &Faults, stop: &Stop) {
    if cards.is_empty() {
        return;
    }
    let mut keeper = Keeper::new(cards, Purpose::Transmit { width: channel_width(width) });
    let mut unable_told = false;
    for turn in 0_u32.. {
        keeper.restore().into_iter().for_each(note);
        if turn % TURNS_A_LOOK == 0 {
            match keeper.look() {
                Ok(looks) => faults.take(looks),
                Err(error) if !std::mem::replace(&mut unable_told, true) => note(error),
                Err(_) => {}
            }
        }
        if stop.wait_until(Instant::now() + RESTORE_INTERVAL) == Wake::Stopped {
            return;
        }
    }
}

fn channel_width(width: radiotap::Width) -> Width {
    match width {
        radiotap::Width::Mhz20 => Width::Mhz20,
        radiotap::Width::Mhz40 => Width::Mhz40,
        radiotap::Width::Mhz80 => Width::Mhz80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_those_of_the_last_look() {
        let faults = Faults::default();
        let look = |card: &str, fault: Option<&str>| Look {
            card: card.to_owned(),
            fault: fault.map(str::to_owned),
            ..Look::default()
        };
        faults.take(vec![look("wlan1", Some("wlan1 is down")), look("wlan2", None)]);
        assert!(faults.known().keys().eq(["wlan1"]));
        faults.take(vec![look("wlan1", None), look("wlan2", Some("wlan2 is down"))]);
        assert_eq!(faults.known().get("wlan2").map(String::as_str), Some("wlan2 is down"));
        assert_eq!(faults.known().len(), 1);
    }
}
