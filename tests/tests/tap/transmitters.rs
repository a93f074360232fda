//! Two transmit cards on one aircraft, on a channel each or on the same one.

use skylark_common::air::sim::{Config, Loss, ReceiverConfig};
use skylark_tests::tap::medium::Ether;
use skylark_tests::tap::{Medium, TapCard, in_own_network};

use crate::rig::{MTU_BYTES, Rig};

fn card(name: &str) -> TapCard {
    TapCard::create(name, MTU_BYTES).unwrap()
}

/// A second channel: what `tapu` sends, `taps` hears.
fn another_channel() -> Medium {
    let config = Config { receivers: vec![ReceiverConfig::default()], ..Config::default() };
    Medium::start(config, 2, vec![card("tapu")], vec![card("taps")])
}

#[test]
fn of_two_transmit_cards_on_two_channels_either_may_fail() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::Independent { share: 0.1 }]);
        let other = another_channel();
        let mut rx = rig.rx("--air tapr0 --air taps");
        let mut tx = rig.tx("--air tapt --air tapu");
        rig.player.wait_for_units(30);
        let down = |ether: &mut Ether| ether.transmitters[0].as_ref().unwrap().down().unwrap();
        rig.medium.with(down);
        rig.player.wait_for_units(60);
        rig.medium.with(|ether| ether.transmitters[0].as_ref().unwrap().up().unwrap());
        tx.wait_for("the card at work", |tx| tx.text("/airs/0/failing").is_empty());
        rig.player.wait_for_units(10);
        other.with(|ether| ether.transmitters[0] = None);
        rig.player.wait_for_units(60);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!((rx.count("/streams/0/lost"), rx.count("/streams/0/units_damaged")), (0, 0));
        let unique = [0, 1].map(|card| rx.count(&format!("/cards/{card}/first")));
        assert!(unique.iter().all(|first| *first > 100), "{unique:?}");
        assert!(tx.count("/airs/1/refused") > 100 && !tx.text("/airs/1/failing").is_empty());
    });
}

#[test]
fn a_transmit_card_that_is_stuck_does_not_hold_up_the_other() {
    in_own_network(|| {
        let rig = Rig::clean();
        let other = another_channel();
        let mut rx = rig.rx("--air tapr0 --air taps");
        // 4 Mbit/s and its repairs at MCS 1: more than half of the time on the air, so that the pace is felt.
        let mut tx = rig.tx_from("test", "--air tapt --air tapu");
        rig.player.wait_for_units(10);
        other.with(|ether| ether.takes_frames = false);
        tx.wait_for("refusals", |tx| tx.count("/airs/1/refused") > 100);
        rig.player.wait_for_units(120);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!((rx.count("/streams/0/lost"), rx.count("/streams/0/recovered")), (0, 0));
        assert_eq!((tx.count("/airs/0/refused"), tx.count("/units_dropped")), (0, 0));
    });
}

#[test]
fn copies_of_two_transmit_cards_on_one_channel_are_duplicates() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::Independent { share: 0.2 }]);
        rig.medium.with(|ether| ether.transmitters.push(Some(card("tapu"))));
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx("--air tapt --air tapu");
        rig.player.wait_for_units(60);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        let [heard, missed, expected] =
            ["heard", "missed", "expected"].map(|count| rx.count(&format!("/cards/0/{count}")));
        println!("heard {heard}, missed {missed} of {expected}, duplicate {}", rx.count("/frames/duplicate"));
        assert_eq!((rx.count("/frames/replayed"), rx.count("/streams/0/lost")), (0, 0));
        assert!(rx.count("/frames/duplicate") * 2 > heard, "each comes twice where neither copy is lost");
        assert_eq!(heard, rx.count("/cards/0/first") + rx.count("/cards/0/duplicates"));
    });
}
