//! The thread that looks after the cards while they listen: sets one up again that was unplugged and has come
//! back, and finds out what is wrong with one.

use std::time::{Duration, Instant};

use skylark_common::queue::{Popped, Queue};
use skylark_setup::diagnose::{Code, Purpose};
use skylark_setup::keep::{Keeper, Look};

use crate::board::{Board, CardSeen};
use crate::clock::now;
use crate::tell::tell;

/// How often cards are looked for that have come back.
const RESTORE_INTERVAL: Duration = Duration::from_millis(100);
/// Every how many turns the kernel is asked about all cards.
const TURNS_A_LOOK: u32 = 10;

/// Looks after `cards` until `ending` is closed.
pub(crate) fn run(cards: &[String], board: &Board, ending: &Queue<()>) {
    let mut keeper = Keeper::new(cards, Purpose::Receive);
    let mut unable_told = false;
    let mut told = vec![None; cards.len()];
    let mut looked_at = now();
    for turn in 0_u32.. {
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
fn news(told: &mut [Option<Code>], looks: &[Look]) -> Vec<String> {
    let is_reason = looks.iter().all(|look| look.fault.is_some());
    let mut news = Vec::new();
    for (told, look) in told.iter_mut().zip(looks) {
        let fault = look.fault.as_ref().filter(|fault| !fault.code.is_absence());
        match fault {
            None => *told = None,
            Some(fault) if *told != Some(fault.code) && !is_reason => {
                *told = Some(fault.code);
                news.push(fault.sentence());
            }
            Some(_) => {}
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use skylark_setup::diagnose::{Finding, Severity};

    use super::*;
    use crate::unit::tests::start;

    fn look(code: Option<Code>) -> Look {
        let finding =
            |code| Finding { code, card: None, severity: Severity::Fault, found: format!("{code:?}"), fix: None };
        Look { fault: code.map(finding), hears: true, ..Look::default() }
    }

    #[test]
    fn a_fault_is_news_once_and_only_while_another_card_listens() {
        let (well, faulty) = (look(None), look(Some(Code::OtherInterface)));
        let mut told = vec![None; 2];
        assert_eq!(news(&mut told, &[faulty.clone(), faulty.clone()]), [""; 0]);
        assert_eq!(
            news(&mut told, &[well.clone(), faulty.clone()]),
            ["OtherInterface"],
            "the reason is gone, this not"
        );
        assert_eq!(news(&mut told, &[well.clone(), faulty.clone()]), [""; 0]);
        assert_eq!(news(&mut told, &[well.clone(), well.clone()]), [""; 0]);
        assert_eq!(news(&mut told, &[well.clone(), faulty]), ["OtherInterface"]);
        assert_eq!(news(&mut told, &[well, look(Some(Code::Down))]), [""; 0]);
    }

    #[test]
    fn what_a_card_hears_may_be_as_old_as_the_look_before() {
        let (board, since) = (Board::new(), start());
        put_up(vec![Look { card: "wlan1".to_owned(), ..look(Some(Code::Rfkill)) }], since, &board);
        board.with(|seen| {
            assert_eq!(seen.other_traffic, Some(since));
            assert_eq!(seen.fault(0, "wlan1").as_deref(), Some("Rfkill"));
            assert_eq!(seen.fault(0, "wlan2"), None);
        });
    }
}
