//! Cards that go down, are pulled out and put back while the link runs.

use std::time::Duration;

use rustix::net::netdevice::name_to_index;
use skylark_tests::tap::medium::Ether;
use skylark_tests::tap::{TapCard, in_own_network};

use crate::desk::Program;
use crate::rig::{MTU_BYTES, Rig};

/// Units that show that the link runs.
const UNITS: usize = 5;

/// A card of the rig.
type Place = fn(&mut Ether) -> &mut Option<TapCard>;

fn transmitters(ether: &mut Ether) -> &mut Option<TapCard> {
    &mut ether.transmitters[0]
}

fn receivers(ether: &mut Ether) -> &mut Option<TapCard> {
    &mut ether.receivers[0]
}

fn start(rig: &Rig) -> (Program, Program) {
    let programs = (rig.tx("--air tapt"), rig.rx("--air tapr0"));
    rig.player.wait_for_units(UNITS);
    programs
}

/// Takes the card away, gives it back, and says how long it took until video came again.
fn interrupt(rig: &Rig, away: impl FnOnce(&Rig), back: impl FnOnce(&Rig)) -> Duration {
    away(rig);
    rig.player.wait_for_silence();
    back(rig);
    rig.player.wait_for_units(UNITS)
}

fn down_and_up(rig: &Rig, place: Place) -> Duration {
    let down = move |ether: &mut Ether| place(ether).as_ref().unwrap().down().unwrap();
    let up = move |ether: &mut Ether| place(ether).as_ref().unwrap().up().unwrap();
    interrupt(rig, |rig| rig.medium.with(down), |rig| rig.medium.with(up))
}

fn unplugged_and_plugged(rig: &Rig, place: Place, name: &'static str) -> Duration {
    let index = name_to_index(socket(), name).unwrap();
    let back = interrupt(
        rig,
        |rig| rig.medium.with(move |ether| *place(ether) = None),
        |rig| rig.medium.with(move |ether| *place(ether) = Some(TapCard::create(name, MTU_BYTES).unwrap())),
    );
    assert_ne!(name_to_index(socket(), name).unwrap(), index);
    back
}

fn socket() -> std::net::UdpSocket {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// Ends both programs well; `name` has told once that `card` was lost and once that it is back.
fn end(rig: &Rig, (mut tx, mut rx): (Program, Program), name: &str, card: &str, outages: usize) {
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    let said = rig.said(name, card);
    assert_eq!(said.len(), 2 * outages, "{said:?}");
}

#[test]
fn a_receive_card_that_was_down_is_heard_again() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| down_and_up(&rig, receivers));
        println!("receive card down and up: video after {back:?}");
        end(&rig, programs, "rx", "tapr0", 2);
    });
}

#[test]
fn a_transmit_card_that_was_down_sends_again() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| down_and_up(&rig, transmitters));
        println!("transmit card down and up: video after {back:?}");
        end(&rig, programs, "tx", "tapt", 2);
    });
}

#[test]
fn a_receive_card_that_was_pulled_out_is_heard_again_when_it_is_back() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| unplugged_and_plugged(&rig, receivers, "tapr0"));
        println!("receive card pulled out and put back: video after {back:?}");
        end(&rig, programs, "rx", "tapr0", 2);
    });
}

#[test]
fn a_transmit_card_that_was_pulled_out_sends_again_when_it_is_back() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| unplugged_and_plugged(&rig, transmitters, "tapt"));
        println!("transmit card pulled out and put back: video after {back:?}");
        end(&rig, programs, "tx", "tapt", 2);
    });
}

#[test]
fn a_card_that_is_gone_does_not_hold_up_the_others() {
    in_own_network(|| {
        let rig = Rig::new(&[skylark_common::air::sim::Loss::None, skylark_common::air::sim::Loss::None]);
        let (mut tx, mut rx) = (rig.tx("--air tapt"), rig.rx("--air tapr0 --air tapr1"));
        rig.player.wait_for_units(UNITS);
        rig.medium.with(|ether| *receivers(ether) = None);
        rig.player.wait_for_units(30);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!(rx.count("/streams/0/lost"), 0);
    });
}
