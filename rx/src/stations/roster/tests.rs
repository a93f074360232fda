//! Relays that come, go, return and lie, in virtual time.

use crate::{Receiver, ReceiverConfig};
use skylark_common::seal::LinkKey;

use super::*;
use crate::clock::now;
use crate::stations::RelayState;
use crate::stations::status::{CardStatus, MAX_CARDS};

const USEFUL: u64 = 7;

struct Viewer {
    roster: Roster,
    cards: Cards,
    receiver: DialectReceiver,
    start: Instant,
}

impl Viewer {
    fn new() -> Self {
        let start = now();
        let receiver = Receiver::new(ReceiverConfig::default(), &LinkKey::from_bytes([7; 32]), start);
        let receiver = DialectReceiver::Skylark(Box::new(receiver));
        Self { roster: Roster::default(), cards: Cards::default(), receiver, start }
    }

    /// A relay says that it is called so and has so many cards; [`USEFUL`] is of use.
    fn hear(&mut self, id: u64, name: &str, cards: usize, ms: u64) {
        let now = self.start + Duration::from_millis(ms);
        let card = |number| CardStatus { name: format!("wlan{number}"), ..CardStatus::default() };
        let status = Status { name: name.to_owned(), cards: (0..cards).map(card).collect(), hears_others: false };
        let link = (&mut self.cards, &mut self.receiver);
        self.roster.take_status(RelayId(id), status, |id| id == RelayId(USEFUL), link, now);
        self.roster.listen(now);
        self.cards.tell_states(now);
    }

    fn numbers(&self, id: u64) -> usize {
        (0..8).filter(|card| self.roster.number(RelayId(id), *card).is_some()).count()
    }

    fn names(&self) -> Vec<(String, RelayState)> {
        self.roster.seen(&[]).into_iter().map(|relay| (relay.name, relay.state)).collect()
    }
}

fn heard(names: &[&str]) -> Vec<(String, RelayState)> {
    names.iter().map(|name| ((*name).to_owned(), RelayState::Heard)).collect()
}

#[test]
fn a_useful_relay_that_comes_after_a_crowd_of_liars_gets_its_place_and_its_cards_and_keeps_them() {
    let mut viewer = Viewer::new();
    let mut without = 0;
    for ms in (0..20_000).step_by(250) {
        for liar in 100..132 {
            viewer.hear(liar, &format!("liar{liar}"), MAX_CARDS, ms);
        }
        viewer.hear(USEFUL, "roof", 2, ms + 1);
        without += u32::from(viewer.numbers(USEFUL) < 2);
    }
    assert!((1..=48).contains(&without), "six of 33 have their time at once, 2 s each: {without}");
    assert_eq!(viewer.numbers(USEFUL), 2);
    let held: usize = (100..132).map(|liar| viewer.numbers(liar)).sum();
    assert!(held <= 46 && viewer.cards.names().len() <= 48, "{held}");
}

#[test]
fn cards_without_numbers_are_asked_for_again() {
    let mut viewer = Viewer::new();
    for liar in 100..106 {
        viewer.hear(liar, &format!("liar{liar}"), MAX_CARDS, 0);
    }
    viewer.hear(USEFUL, "roof", 2, 1000);
    assert_eq!(viewer.numbers(USEFUL), 0, "liars, too, may have 2 s");
    viewer.hear(USEFUL, "roof", 2, 2000);
    assert_eq!(viewer.numbers(USEFUL), 2);
    assert_eq!((100..106).filter(|liar| viewer.numbers(*liar) == 0).count(), 1);
}

#[test]
fn a_number_that_another_card_took_is_not_its_own() {
    let mut viewer = Viewer::new();
    for relay in 100..106 {
        viewer.hear(relay, &format!("relay{relay}"), MAX_CARDS, 0);
    }
    (1..9).for_each(|turn| (101..106).for_each(|relay| viewer.hear(relay, "", MAX_CARDS, turn * 250)));
    viewer.hear(USEFUL, "roof", MAX_CARDS, 2000);
    assert_eq!((viewer.numbers(USEFUL), viewer.numbers(100)), (8, 0));
}

#[test]
fn a_relay_that_restarts_is_one_relay_with_the_same_cards() {
    let mut viewer = Viewer::new();
    let mut ms = 0;
    for id in 1..5 {
        (0..6).for_each(|turn| viewer.hear(id, "roof", 2, ms + turn * 250));
        assert_eq!(viewer.names(), heard(&["roof"]), "start {id}");
        assert_eq!([0, 1].map(|card| viewer.roster.number(RelayId(id), card)), [Some(0), Some(1)], "start {id}");
        // It is away for 100 ms, 600 ms, 1.1 s, 1.6 s.
        ms += 1250 + 500 * id - 400;
    }
    assert_eq!(viewer.cards.names(), ["roof/wlan0", "roof/wlan1"]);
}

#[test]
fn two_relays_of_one_name_are_told_apart_whatever_they_call_themselves_later() {
    let mut viewer = Viewer::new();
    let second = 0xa35a_0000_0000_0001;
    for turn in 0..4 {
        viewer.hear(1, "raspberrypi", 1, turn * 250);
        viewer.hear(second, "raspberrypi", 1, turn * 250 + 100);
    }
    assert_eq!(viewer.names(), heard(&["raspberrypi", "raspberrypi-a35a"]));
    assert_eq!(viewer.cards.names(), ["raspberrypi/wlan0", "raspberrypi-a35a/wlan0"]);
    viewer.hear(1, "raspberrypi-a35a", 1, 1000);
    assert_eq!(viewer.names(), heard(&["raspberrypi", "raspberrypi-a35a"]));
    let third = 0xbbbb_0000_0000_0001;
    for turn in 5..20 {
        viewer.hear(1, "raspberrypi", 1, turn * 250);
        viewer.hear(third, "raspberrypi", 1, turn * 250 + 100);
    }
    assert_eq!(viewer.names(), heard(&["raspberrypi", "raspberrypi-bbbb"]), "the second was restarted");
}
