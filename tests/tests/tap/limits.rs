//! What a card does not take: frames that are too long, and more than it sends.

use skylark_tests::tap::{TapCard, in_own_network, ip};

use crate::rig::Rig;

#[test]
fn frames_too_long_for_the_card_are_counted_and_the_reason_is_told() {
    in_own_network(|| {
        let rig = Rig::clean();
        rig.medium.with(|ether| ether.transmitters[0] = None);
        rig.medium.with(|ether| ether.transmitters[0] = Some(TapCard::create("tapt", 400).unwrap()));
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx("--air tapt");
        tx.wait_for("refusals", |tx| tx.count("/airs/0/refused") > 10);
        // Small pictures and announces still fit.
        rx.wait_for("what fits", |rx| rx.count("/frames/used") > 0);
        assert!(rig.said("tx", "tapt").iter().any(|line| line.contains("414")), "{:?}", rig.said("tx", ""));
        assert_eq!([tx.end(), rx.end()], [0; 2]);
    });
}

#[test]
fn a_card_that_sends_nothing_pushes_back_and_goes_on_when_it_sends_again() {
    in_own_network(|| {
        let rig = Rig::clean();
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx("--air tapt --no-pacing");
        rig.player.wait_for_units(5);
        ip(&["link", "set", "tapt", "txqueuelen", "10"]).unwrap();
        rig.medium.with(|ether| ether.takes_frames = false);
        tx.wait_for("refusals", |tx| tx.count("/airs/0/refused") > 0);
        rig.medium.with(|ether| ether.takes_frames = true);
        rig.player.wait_for_units(30);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
    });
}
