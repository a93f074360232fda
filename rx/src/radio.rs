//! The thread that looks after the cards while they listen: sets one up again that was unplugged and has come
//! back, and finds out what is wrong with one.

use std::time::Duration;

use skylark_common::queue::{Popped, Queue};
use skylark_setup::diagnose::Purpose;
use skylark_setup::keep::{Keeper, Look};

use crate::board::{Board, CardSeen};
use crate::clock::now;
use crate::tell::tell;

/// How often cards are looked for that have come back.
const RESTORE_INTERVAL: Duration = Duration::from_millis(100);
/// Every how many turns the kernel is asked about all cards.
const TURNS_A_LOOK: u32 = 10;

/// Looks after `cards`, each with its number among the airs, until `ending` is closed.
pub(crate) fn run(cards: &[(usize, String)], board: &Board, ending: &Queue<()>) {
    let names: Vec<String> = cards.iter().map(|(_, name)| name.clone()).collect();
    let mut keeper = Keeper::new(&names, Purpose::Receive);
    let mut unable_told = false;
    for turn in 0_u32.. {
        keeper.restore().iter().for_each(|sentence| tell(sentence));
        if turn % TURNS_A_LOOK == 0 {
            match keeper.look() {
                Ok(looks) => put_up(cards, looks, board),
                Err(error) if !std::mem::replace(&mut unable_told, true) => tell(&error.to_string()),
                Err(_) => {}
            }
        }
        if ending.pop_within(RESTORE_INTERVAL) == Popped::Closed {
            return;
        }
    }
}

fn put_up(cards: &[(usize, String)], looks: Vec<Look>, board: &Board) {
    let airs = cards.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
    let mut found = vec![CardSeen::default(); airs];
    let hears = looks.iter().any(|look| look.hears);
    for ((number, _), Look { fault, tuned, .. }) in cards.iter().zip(looks) {
        if let Some(card) = found.get_mut(*number) {
            *card = CardSeen { fault, tuned };
        }
    }
    let before = board.with(|seen| {
        if hears {
            seen.other_traffic = Some(now());
        }
        std::mem::replace(&mut seen.cards, found.clone())
    });
    news(&before, &found).iter().for_each(|fault| tell(fault));
}

/// Faults of some cards that are new. What is wrong with all of them is the reason for there being no signal, and
/// told as that.
fn news<'a>(before: &[CardSeen], found: &'a [CardSeen]) -> Vec<&'a str> {
    if found.iter().all(|card| card.fault.is_some()) {
        return Vec::new();
    }
    let known = |number: usize| before.get(number).and_then(|card| card.fault.as_deref());
    let faults = found.iter().enumerate().filter_map(|(number, card)| Some((number, card.fault.as_deref()?)));
    faults.filter(|(number, fault)| known(*number) != Some(fault)).map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_news_once_and_only_while_another_card_listens() {
        let card = |fault: Option<&str>| CardSeen { fault: fault.map(str::to_owned), tuned: None };
        let (well, down) = ([card(None), card(None)], [card(None), card(Some("wlan2 is down"))]);
        assert_eq!(news(&well, &down), ["wlan2 is down"]);
        assert_eq!(news(&[], &down), ["wlan2 is down"]);
        assert!(news(&down, &down).is_empty() && news(&down, &well).is_empty());
        assert!(news(&well, &[card(Some("wlan1 is down")), card(Some("wlan2 is down"))]).is_empty());
    }
}
