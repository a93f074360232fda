//! A card that fails every second in one way or another, beside one that stays.

use std::thread;
use std::time::{Duration, Instant};

use skylark_common::air::sim::Loss;
use skylark_tests::tap::{ETHERNET, TapCard, in_own_network};

use crate::desk::Program;
use crate::rig::{MTU_BYTES, Rig};

/// How long it goes on.
const TIME: Duration = Duration::from_secs(60);
/// How often something happens to the card.
const INTERVAL: Duration = Duration::from_secs(1);
/// What both cards lose of what they could hear.
const LOSS: Loss = Loss::Independent { share: 0.05 };

/// What is done to the card, one after the other.
const CHANGES: [fn(&Rig); 6] = [pull_out, put_back, set_down, set_up, put_back_as_ethernet, put_back];

fn pull_out(rig: &Rig) {
    drop(rig.medium.with(|ether| ether.receivers[1].take()));
}

fn put_back(rig: &Rig) {
    pull_out(rig);
    let card = TapCard::create("tapr1", MTU_BYTES).unwrap();
    rig.medium.with(|ether| ether.receivers[1] = Some(card));
}

fn put_back_as_ethernet(rig: &Rig) {
    pull_out(rig);
    let card = TapCard::create_as("tapr1", MTU_BYTES, ETHERNET).unwrap();
    rig.medium.with(|ether| ether.receivers[1] = Some(card));
}

fn set_down(rig: &Rig) {
    rig.medium.with(|ether| ether.receivers[1].as_ref().unwrap().down().unwrap());
}

fn set_up(rig: &Rig) {
    rig.medium.with(|ether| ether.receivers[1].as_ref().unwrap().up().unwrap());
}

/// Two receivers listen to the same card that stays, so what either loses there the other loses too; one of them has the
/// card that comes and goes besides.
#[test]
fn a_card_that_comes_and_goes_costs_nothing() {
    in_own_network(|| {
        let rig = Rig::new(&[LOSS, LOSS]);
        let mut rx = rig.rx("--air tapr0 --air monitor:tapr?");
        let alone = "--key link.key --output none --air tapr0";
        let mut alone = rig.desk.start("skylark-rx", "alone", alone);
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(5);
        let start = Instant::now();
        for change in CHANGES.iter().cycle() {
            change(&rig);
            if start.elapsed() >= TIME {
                break;
            }
            thread::sleep(INTERVAL);
        }
        assert_eq!([tx.end(), rx.end(), alone.end()], [0; 3]);
        let lost =
            |rx: &Program| ["units_damaged", "lost", "recovered"].map(|count| rx.count(&format!("/streams/0/{count}")));
        let missed = |card| rx.count(&format!("/cards/{card}/missed"));
        println!(
            "of {} units damaged, datagrams lost and recovered: with the card that comes and goes {:?}, without {:?}; the cards missed {:?} of {} packets",
            rx.count("/streams/0/units"),
            lost(&rx),
            lost(&alone),
            [0, 1].map(missed),
            rx.count("/cards/0/expected"),
        );
        assert!(missed(1) > missed(0), "the card was away");
        assert!(lost(&rx)[0] <= lost(&alone)[0] && lost(&rx)[1] <= lost(&alone)[1]);
        assert_eq!(lost(&rx)[..2], [0, 0]);
        assert!(rig.said("rx", "tapr1 listens again").len() > 10);
    });
}
