//! Cards that go down, are pulled out and put back while the link runs.

use std::process::Command;
use std::time::Duration;

use rustix::net::netdevice::name_to_index;
use skylark_common::air::sim::Loss;
use skylark_tests::tap::medium::Ether;
use skylark_tests::tap::{ETHERNET, MONITOR, TapCard, in_own_network};

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

/// Ends both programs well; `name` has told of each outage of `card` why, and once when it was over.
fn end(rig: &Rig, (mut tx, mut rx): (Program, Program), name: &str, card: &str, outages: &[&str]) {
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    let said = rig.said(name, &format!("skylark-{name}: {card}"));
    let told: Vec<&[String]> = said.split_inclusive(|line| line.ends_with("again")).collect();
    assert_eq!(told.len(), outages.len(), "{said:?}");
    for (told, why) in told.iter().zip(outages) {
        assert!((2..=1 + STEPS).contains(&told.len()) && told.iter().any(|line| line.contains(why)), "{told:?}");
    }
}

/// A card that is made again may be seen to be gone, of another type and down on the way.
const STEPS: usize = 3;

#[test]
fn a_receive_card_that_was_down_is_heard_again() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| down_and_up(&rig, receivers));
        println!("receive card down and up: video after {back:?}");
        end(&rig, programs, "rx", "tapr0", &["down"; 2]);
    });
}

#[test]
fn a_transmit_card_that_was_down_sends_again() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| down_and_up(&rig, transmitters));
        println!("transmit card down and up: video after {back:?}");
        end(&rig, programs, "tx", "tapt", &["down"; 2]);
    });
}

#[test]
fn a_receive_card_that_was_pulled_out_is_heard_again_when_it_is_back() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| unplugged_and_plugged(&rig, receivers, "tapr0"));
        println!("receive card pulled out and put back: video after {back:?}");
        end(&rig, programs, "rx", "tapr0", &["gone"; 2]);
    });
}

#[test]
fn a_transmit_card_that_was_pulled_out_sends_again_when_it_is_back() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let back = [(); 2].map(|()| unplugged_and_plugged(&rig, transmitters, "tapt"));
        println!("transmit card pulled out and put back: video after {back:?}");
        end(&rig, programs, "tx", "tapt", &["gone"; 2]);
    });
}

#[test]
fn a_card_that_comes_back_in_another_mode_is_left_alone_until_it_is_a_monitor() {
    in_own_network(|| {
        let rig = Rig::clean();
        let programs = start(&rig);
        let replace = |mode| {
            rig.medium.with(move |ether| {
                *receivers(ether) = None;
                *receivers(ether) = Some(TapCard::create_as("tapr0", MTU_BYTES, mode).unwrap());
            });
        };
        replace(ETHERNET);
        rig.player.wait_for_silence();
        assert!(rig.player.is_silent_for(Duration::from_secs(1)));
        replace(MONITOR);
        println!("card in monitor mode again: video after {:?}", rig.player.wait_for_units(UNITS));
        end(&rig, programs, "rx", "tapr0", &["monitor mode"]);
    });
}

#[test]
fn programs_whose_cards_are_away_rest() {
    in_own_network(|| {
        let rig = Rig::clean();
        let (mut tx, mut rx) = start(&rig);
        for down in [true, false] {
            rig.medium.with(move |ether| {
                for place in [transmitters, receivers] {
                    let card = place(ether).take().unwrap();
                    card.down().unwrap();
                    *place(ether) = Some(card).filter(|_| down);
                }
            });
            rig.player.wait_for_silence();
            let before = ["skylark-tx", "skylark-rx"].map(cpu_time);
            assert!(rig.player.is_silent_for(Duration::from_secs(1)));
            let after = ["skylark-tx", "skylark-rx"].map(cpu_time);
            let spent = [after[0] - before[0], after[1] - before[1]];
            println!("CPU time of tx and rx in a second with cards {}: {spent:?}", if down { "down" } else { "gone" });
            assert!(spent.iter().all(|spent| *spent < Duration::from_millis(400)), "{spent:?}");
            if down {
                rig.medium
                    .with(|ether| [transmitters, receivers].map(|place| place(ether).as_ref().unwrap().up().unwrap()));
                rig.player.wait_for_units(UNITS);
            }
        }
        assert_eq!([tx.end(), rx.end()], [0; 2]);
    });
}

/// User and system time of the only program of this name: fields 14 and 15, in hundredths of a second (proc(5)).
fn cpu_time(name: &str) -> Duration {
    let stat = stat(name);
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| Duration::from_millis(10) * ticks.parse().unwrap()).sum()
}

/// Lets the only program of this name open no file beyond this number.
fn limit_files(name: &str, most: u32) {
    let stat = stat(name);
    let (pid, _) = stat.split_once(' ').unwrap();
    let done = Command::new("prlimit").args(["--pid", pid, &format!("--nofile={most}:")]).status();
    assert!(done.unwrap().success());
}

/// What the kernel says of the only program of this name.
fn stat(name: &str) -> String {
    let name = format!("({name})");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&name)).last().unwrap()
}

#[test]
fn a_card_that_is_gone_does_not_hold_up_the_others() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::None, Loss::None]);
        let (mut tx, mut rx) = (rig.tx("--air tapt"), rig.rx("--air tapr0 --air tapr1"));
        rig.player.wait_for_units(UNITS);
        rig.medium.with(|ether| *receivers(ether) = None);
        rig.player.wait_for_units(30);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!(rx.count("/streams/0/lost"), 0);
    });
}

#[test]
fn a_card_the_machine_does_not_let_be_opened_is_told_and_taken_back_when_it_does() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::None, Loss::None]);
        let (mut tx, mut rx) = (rig.tx("--air tapt"), rig.rx("--air tapr0 --air tapr1"));
        rig.player.wait_for_units(UNITS);
        // More than it waits for, fewer than it has.
        limit_files("skylark-rx", 8);
        rig.medium.with(|ether| receivers(ether).as_ref().unwrap().down().unwrap());
        rx.wait_for("the outage", |rx| rx.text("/cards/0/fault").contains("down"));
        rig.medium.with(|ether| receivers(ether).as_ref().unwrap().up().unwrap());
        rx.wait_for("the refusal", |rx| rx.text("/cards/0/fault").contains("does not let"));
        let before = cpu_time("skylark-rx");
        rig.player.wait_for_units(60);
        println!("CPU time in two seconds with a card that is refused: {:?}", cpu_time("skylark-rx") - before);
        limit_files("skylark-rx", 1000);
        rx.wait_for("the card", |rx| rx.text("/cards/0/fault").is_empty());
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!(rx.count("/streams/0/lost"), 0);
        let told = rig.said("rx", "skylark-rx: tapr0");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("Too many open files"), "{told:?}");
    });
}
