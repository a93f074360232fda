//! The link under load, over an air that loses frames.

use std::net::UdpSocket;
use std::time::Instant;

use skylark_common::h264::AccessUnit;
use skylark_common::rtp::Packetizer;
use skylark_tests::Traffic;

use crate::Test;
use crate::desk::{Desk, ports};
use crate::hwsim::{Air, Link};
use crate::radios::{CHANNEL_MHZ, listen_on};

pub(crate) const TESTS: [Test; 1] = [(
    "link::two_cards_that_each_lose_a_fifth_lose_no_unit_together",
    two_cards_that_each_lose_a_fifth_lose_no_unit_together,
)];

const SECONDS: u32 = 20;
/// Two receivers that hear nothing of each other's losses.
const AIR: [Link; 2] =
    [Link { from: 0, to: 1, loss: 0.2, signal_dbm: -60 }, Link { from: 0, to: 2, loss: 0.2, signal_dbm: -70 }];

/// 8 Mbit/s at 60 units/s, a six-fold keyframe each second.
fn two_cards_that_each_lose_a_fifth_lose_no_unit_together() {
    listen_on(&["wlan0", "wlan1", "wlan2"], CHANNEL_MHZ);
    let air = Air::new(&AIR, 1);
    let desk = Desk::new();
    let [camera] = ports();
    let mut rx = desk.start("skylark-rx", "rx", "--air wlan1 --air wlan2 --key link.key --output none");
    let sends = format!("--input rtp:127.0.0.1:{camera} --payload h264 --mcs 3 --air wlan0 --key link.key");
    let mut tx = desk.start("skylark-tx", "tx", &sends);
    let traffic = traffic();
    let units = SECONDS * traffic.units_per_s;
    film(traffic, units, camera);
    tx.wait_for("the last unit", |tx| tx.count("/units") == u64::from(units) && tx.count("/queued_us") == 0);
    assert_eq!(tx.count("/units_dropped"), 0, "the transmitter gave units up: {:?}", tx.stats().last());
    println!("       {} repairs given up for newer units", tx.count("/repairs_dropped"));
    rx.wait_for("the last unit", |rx| rx.count("/streams/0/units") + 1 >= u64::from(units));
    assert_eq!([tx.end(), rx.end()], [0; 2]);

    for ((from, to), [carried, lost]) in air.carried() {
        println!("       radio {from} to {to}: {carried} frames carried, {lost} lost");
        assert!(lost * 6 > carried + lost, "the air loses too little");
    }
    let figures = ["units", "units_damaged", "recovered", "lost", "late"]
        .map(|name| (name, rx.count(&format!("/streams/0/{name}"))));
    println!("       {figures:?}");
    assert_eq!((rx.count("/streams/0/units"), rx.count("/streams/0/units_damaged")), (u64::from(units), 0));
    assert_eq!(rx.count("/streams/0/lost"), 0);
    assert!(rx.count("/streams/0/recovered") > 0);
}

/// What the guest has the processor for: an emulated 64-bit ARM machine is several times slower than a Raspberry Pi, and a
/// transmitter that cannot send all gives repairs up first.
fn traffic() -> Traffic {
    let share = if cfg!(target_arch = "aarch64") { 4 } else { 1 };
    let bits_per_s = Traffic::default().bits_per_s / share;
    Traffic { bits_per_s, ..Traffic::default() }
}

/// Sends video-like RTP to a port, in its own time.
pub(crate) fn film(traffic: Traffic, units: u32, port: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut packetizer = Packetizer::new(5, 0, 1400);
    let start = Instant::now();
    for unit in 0..units {
        let due = traffic.interval() * unit;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let picture = picture(traffic.unit_bytes(unit), traffic.is_keyframe(unit));
        let captured_us = u64::try_from(due.as_micros()).unwrap();
        packetizer.for_each_datagram(&picture, captured_us, |bytes, _| {
            socket.send_to(bytes, ("127.0.0.1", port)).unwrap();
        });
    }
}

/// An access unit of one slice, whose bytes are none of a start code.
fn picture(bytes: usize, keyframe: bool) -> AccessUnit {
    let mut unit = AccessUnit { bytes: Vec::new(), keyframe: false };
    unit.push_nal(&[vec![if keyframe { 0x65 } else { 0x41 }], vec![0xa5; bytes]].concat());
    unit
}
