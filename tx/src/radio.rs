//! The thread that looks after the cards while they send: sets one up again that was unplugged and has come
//! back, and tells what is wrong with one.
#![expect(clippy::disallowed_methods, reason = "looks at the cards from time to time")]

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use skylark_common::wire::radiotap;
use skylark_setup::diagnose::{Code, Finding, Purpose};
use skylark_setup::keep::{Keeper, Look};

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
            let before = last.iter().find(|before| before.card == look.card);
            news(before.and_then(|before| before.fault.as_ref()), look).iter().for_each(note);
        }
        *last = found;
    }
}

/// What to tell of a card that had the fault `before`. That it is gone or down, its air tells. What the region
/// stops is told by the link, once no frame has left: some kernels send all the same.
fn news(before: Option<&Finding>, look: &Look) -> Option<String> {
    let is_told = |fault: &&Finding| !fault.code.is_absence() && fault.code != Code::Region;
    let (before, found) = (before.filter(is_told), look.fault.as_ref().filter(is_told));
    match found {
        Some(fault) if before.map(|before| before.code) != Some(fault.code) => Some(fault.sentence()),
        None if before.is_some() => Some(format!("{}: that is mended", look.card)),
        Some(_) | None => None,
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
    let mut keeper = Keeper::new(cards, Purpose::Transmit { width: width.into() });
    let mut unable_told = false;
    for turn in 0_u32.. {
        keeper.restore(Instant::now()).into_iter().for_each(note);
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

#[cfg(test)]
mod tests {
    use skylark_setup::diagnose::Severity;

    use super::*;

    fn look(code: Option<Code>) -> Look {
        let finding =
            |code| Finding { code, card: None, severity: Severity::Fault, found: format!("{code:?}"), fix: None };
        Look { card: "wlan1".to_owned(), fault: code.map(finding), ..Look::default() }
    }

    #[test]
    fn a_fault_is_told_once_and_what_others_tell_is_not() {
        let told = |before: Option<Code>, found: Option<Code>| news(look(before).fault.as_ref(), &look(found));
        assert_eq!(told(None, Some(Code::OtherInterface)).as_deref(), Some("OtherInterface"));
        assert_eq!(told(Some(Code::OtherInterface), Some(Code::OtherInterface)), None);
        assert_eq!(told(Some(Code::OtherInterface), None).as_deref(), Some("wlan1: that is mended"));
        for silent in [Code::Unplugged, Code::Down, Code::Region] {
            assert_eq!((told(None, Some(silent)), told(Some(silent), None)), (None, None));
        }
    }

    #[test]
    fn what_is_known_is_what_the_last_look_found() {
        let looks = Looks::default();
        for found in [look(Some(Code::Width)), look(None)] {
            looks.take(vec![found.clone()]);
            assert_eq!(looks.last(), [found]);
        }
    }
}
