//! `skylark-setup doctor` on simulated cards: it listens on them like on any other.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::RxHeader;
use skylark_tests::tap::{TapCard, in_own_network};

use crate::desk::binary;
use crate::reception::packet;
use crate::rig::MTU_BYTES;

/// A program that did not open its cards by then never does.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the doctor says as JSON, while `meanwhile` goes on once it listens on as many cards.
fn doctor(arguments: &str, cards: usize, meanwhile: impl FnOnce()) -> Vec<serde_json::Value> {
    let mut command = Command::new(binary("skylark-setup"));
    command.args(["doctor", "--json"]).args(arguments.split(' ')).env("SKYLARK_KEY", "/nowhere/link.key");
    let doctor = command.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while listeners() < cards {
        assert!(Instant::now() < deadline, "the doctor does not listen on {cards} cards");
        thread::sleep(Duration::from_millis(2));
    }
    meanwhile();
    let output = doctor.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Packet sockets of this network; the first line is a title.
fn listeners() -> usize {
    fs::read_to_string("/proc/net/packet").unwrap().lines().skip(1).count()
}

/// Severities of what is said of a card under this code.
fn severities<'a>(said: &'a [serde_json::Value], code: &str, card: &str) -> Vec<&'a str> {
    let of_card = said.iter().filter(|line| line["code"] == code && line["card"] == card);
    of_card.filter(|line| line["ev"] == "doctor.finding").filter_map(|line| line["severity"].as_str()).collect()
}

#[test]
fn a_simulated_card_is_listened_to() {
    in_own_network(|| {
        let card = TapCard::create("tapm0", MTU_BYTES).unwrap();
        let said = doctor("--air monitor:tapm? --receive", 1, || transmit(&card));
        assert_eq!(severities(&said, "mode", "tapm0"), ["fine"], "{said:?}");
        assert_eq!(severities(&said, "heard", "tapm0"), ["fine"], "{said:?}");
    });
}

#[test]
fn a_card_that_is_pulled_out_does_not_deafen_the_others() {
    in_own_network(|| {
        let (card, other) =
            (TapCard::create("tapm0", MTU_BYTES).unwrap(), TapCard::create("tapm1", MTU_BYTES).unwrap());
        let said = doctor("--air tapm0 --air tapm1 --receive", 2, || {
            // A socket is there a little before its card is listened to.
            thread::sleep(Duration::from_millis(100));
            drop(other);
            // The doctor notices, and what it heard before does not count.
            thread::sleep(Duration::from_millis(50));
            transmit(&card);
        });
        assert_eq!(severities(&said, "heard", "tapm0"), ["fine"], "{said:?}");
        assert_eq!(severities(&said, "listening", "tapm1"), ["fault"], "{said:?}");
        assert!(severities(&said, "nothing-heard", "tapm1").is_empty(), "a card that is gone hears nothing: {said:?}");
    });
}

/// Frames of the link for a while, as a card hands them on.
fn transmit(card: &TapCard) {
    let mut header = [0; 64];
    let len = RxHeader::default().emit(&mut header).unwrap();
    let heard = [&header[..len], &packet("default")].concat();
    for _ in 0..20 {
        assert!(card.hear(&heard).unwrap());
        thread::sleep(Duration::from_millis(10));
    }
}
