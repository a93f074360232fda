//! The thread that looks after the cards while they send: sets one up again that was unplugged and has come
//! back, and tells what is wrong with one.
#![expect(clippy::disallowed_methods, reason = "looks at the cards from time to time")]

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// What this thread and the link's tell each other of the cards.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    last: Mutex<Vec<Look>>,
    /// Cards that reported frames as sent since the last look.
    sending: Mutex<BTreeSet<String>>,
}

impl Looks {
    /// The last of each card.
    pub(crate) fn last(&self) -> Vec<Look> {
        lock(&self.last).clone()
    }

    /// Takes note that frames leave this card.
    pub(crate) fn note_sending(&self, card: &str) {
        lock(&self.sending).insert(card.to_owned());
    }

    /// Takes what was found, and tells what has changed.
    fn take(&self, found: Vec<Look>) {
        let mut last = lock(&self.last);
        for look in &found {
            let before = last.iter().find(|before| before.card == look.card).and_then(|before| before.fault.as_ref());
            match &look.fault {
                Some(fault) if before != Some(fault) => note(fault),
                None if before.is_some() => note(format_args!("{}: nothing is wrong with it any more", look.card)),
                Some(_) | None => {}
            }
        }
        *last = found;
    }
}

/// A thread that panicked elsewhere has left the figures whole enough.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks after `cards`, that send frames of this width, until the program stops.
pub(crate) fn run(cards: &[String], width: radiotap::Width, looks: &Looks, stop: &Stop) {
    if cards.is_empty() {
        return;
    }
    let mut keeper = Keeper::new(cards, Purpose::Transmit { width: channel_width(width) });
    let mut unable_told = false;
    for turn in 0_u32.. {
        keeper.restore().into_iter().for_each(note);
        if turn % TURNS_A_LOOK == 0 {
            std::mem::take(&mut *lock(&looks.sending)).iter().for_each(|card| keeper.frames_leave(card));
            match keeper.look() {
                Ok(found) => looks.take(found),
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
    fn what_is_known_is_what_the_last_look_found() {
        let looks = Looks::default();
        let look =
            |fault: Option<&str>| Look { card: "wlan1".to_owned(), fault: fault.map(str::to_owned), ..Look::default() };
        for found in [look(Some("wlan1 is down")), look(None)] {
            looks.take(vec![found.clone()]);
            assert_eq!(looks.last(), [found]);
        }
    }
}
