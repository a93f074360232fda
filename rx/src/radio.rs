//! The thread that looks after the cards while they listen: lets further ones join, sets one up again that was
//! unplugged and has come back, and finds out what is wrong with one.

pub(crate) mod newcomers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skylark_common::queue::{Popped, Queue};
use skylark_setup::diagnose::{Code, Purpose};
use skylark_setup::keep::{Keeper, Look};

use crate::board::{Board, CardSeen};
use crate::clock::now;
use crate::tell::tell;
use newcomers::Newcomers;

/// How often cards are looked for that have come back, or are there for the first time.
const RESTORE_INTERVAL: Duration = Duration::from_millis(100);
/// Every how many turns the kernel is asked about all cards.
const TURNS_A_LOOK: u32 = 10;

/// Looks after the cards of this machine among the link's airs until `ending` is closed.
pub(crate) fn run(mut newcomers: Newcomers, board: &Board, ending: &Queue<()>) {
    let mut keeper = Keeper::new(&[], Purpose::Receive);
    let mut unable_told = false;
    let mut told = BTreeMap::new();
    let mut looked_at = now();
    for turn in 0_u32.. {
        let airs = board.with(|seen| seen.airs.clone());
        newcomers.look(&airs, now());
        keeper.set_cards(airs.into_iter().filter(|name| is_card(name)));
        keeper.restore(now()).iter().for_each(|sentence| tell(sentence));
        if turn % TURNS_A_LOOK == 0 {
            match keeper.look() {
                Ok(looks) => {
                    news(&mut told, &looks).iter().for_each(|sentence| tell(sentence));
                    // What was heard since, was heard then at the earliest.
                    put_up(looks, std::mem::replace(&mut looked_at, now()), board);
                }
                Err(error) if !std::mem::replace(&mut unable_told, true) => tell(&error.to_string()),
                Err(_) => {}
            }
        }
        if ending.pop_within(RESTORE_INTERVAL) == Popped::Closed {
            return;
        }
    }
}

/// Whether an air of this name is a card of this machine: names of interfaces have neither colon nor slash, those of
/// all other airs do.
fn is_card(name: &str) -> bool {
    !name.contains([':', '/'])
}

fn put_up(looks: Vec<Look>, since: Instant, board: &Board) {
    let hears = looks.iter().any(|look| look.hears);
    let found = looks.into_iter().map(|Look { card, fault, tuned, .. }| {
        let fault = fault.map(|fault| fault.sentence());
        CardSeen { name: card, fault, tuned }
    });
    let found = found.collect();
    board.with(|seen| {
        if hears {
            seen.other_traffic = Some(since);
        }
        seen.cards = found;
    });
}

/// Faults of some cards that were not `told` yet. What is wrong with all of them is the reason for there being no
/// signal, and told as that; that a card is gone or down, the link tells.
fn news(told: &mut BTreeMap<String, Code>, looks: &[Look]) -> Vec<String> {
    let is_reason = looks.iter().all(|look| look.fault.is_some());
    let fault = |look: &Look| look.fault.clone().filter(|fault| !fault.code.is_absence());
    told.retain(|card, _| looks.iter().any(|look| look.card == *card && fault(look).is_some()));
    let mut news = Vec::new();
    for look in looks {
        let Some(fault) = fault(look).filter(|fault| !is_reason && told.get(&look.card) != Some(&fault.code)) else {
            continue;
        };
        told.insert(look.card.clone(), fault.code);
        news.push(fault.sentence());
    }
    news
}

#[cfg(test)]
mod tests {
    use skylark_setup::diagnose::{Finding, Severity};

    use super::*;
    use crate::unit::tests::start;

    fn look(card: &str, code: Option<Code>) -> Look {
        let finding =
            |code| Finding { code, card: None, severity: Severity::Fault, found: format!("{code:?}"), fix: None };
        Look { card: card.to_owned(), fault: code.map(finding), hears: true, ..Look::default() }
    }

    #[test]
    fn a_fault_is_news_once_and_only_while_another_card_listens() {
        let (well, faulty) = (look("wlan1", None), look("wlan2", Some(Code::OtherInterface)));
        let mut told = BTreeMap::new();
        assert_eq!(news(&mut told, std::slice::from_ref(&faulty)), [""; 0]);
        assert_eq!(
            news(&mut told, &[well.clone(), faulty.clone()]),
            ["OtherInterface"],
            "the reason is gone, this not"
        );
        assert_eq!(news(&mut told, &[well.clone(), faulty.clone()]), [""; 0]);
        assert_eq!(news(&mut told, &[well.clone(), look("wlan2", None)]), [""; 0]);
        assert_eq!(news(&mut told, &[well.clone(), faulty]), ["OtherInterface"]);
        assert_eq!(news(&mut told, &[well, look("wlan2", Some(Code::Down))]), [""; 0]);
        assert!(told.is_empty());
    }

    #[test]
    fn what_a_card_hears_may_be_as_old_as_the_look_before() {
        let (board, since) = (Board::new(None), start());
        put_up(vec![look("wlan1", Some(Code::Rfkill))], since, &board);
        board.with(|seen| {
            assert_eq!(seen.other_traffic, Some(since));
            assert_eq!(seen.fault(0, "wlan1").as_deref(), Some("Rfkill"));
            assert_eq!(seen.fault(0, "wlan2"), None);
        });
    }
}
