//! What a card does not take: frames that are too long, and more than it sends.

use std::net::UdpSocket;

use skylark_tests::tap::{TapCard, in_own_network, ip};

use crate::rig::Rig;

#[test]
fn pictures_are_cut_to_what_the_card_takes() {
    in_own_network(|| {
        let rig = Rig::clean();
        with_small_card(&rig);
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(30);
        assert_eq!((tx.count("/airs/0/refused"), tx.count("/too_long")), (0, 0));
        assert_eq!([tx.end(), rx.end()], [0; 2]);
    });
}

#[test]
fn datagrams_that_are_too_long_for_the_card_are_counted_and_told_once() {
    in_own_network(|| {
        let rig = Rig::clean();
        with_small_card(&rig);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Nobody else is in this network: any port is free.
        let port = 5600;
        let mut tx = rig.tx_from(&format!("rtp:127.0.0.1:{port}"), "--air tapt --payload rtp");
        let mut datagram = [0; 1000];
        datagram[0] = 0x80;
        tx.wait_for("refusals", |tx| {
            for len in [1000, 100] {
                socket.send_to(&datagram[..len], ("127.0.0.1", port)).unwrap();
            }
            tx.count("/too_long") > 10 && tx.count("/airs/0/injected") > 10
        });
        let said = rig.said("tx", "");
        let told: Vec<_> =
            said.iter().filter(|line| line.contains("a datagram of 1000 bytes, at most 346 fit")).collect();
        assert_eq!(told.len(), 1, "{said:?}");
        assert_eq!(tx.end(), 0);
    });
}

/// The transmitter's card takes frames of 414 bytes.
fn with_small_card(rig: &Rig) {
    rig.medium.with(|ether| ether.transmitters[0] = None);
    rig.medium.with(|ether| ether.transmitters[0] = Some(TapCard::create("tapt", 400).unwrap()));
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
