//! A card that is pulled out and put back while flying.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use skylark_tests::Traffic;

use crate::Test;
use crate::desk::{Desk, ports};
use crate::hwsim;
use crate::link::film;
use crate::setup::{UP, setup};

pub(crate) const TESTS: [Test; 2] = [
    ("unplug::a_receivers_card_that_comes_back_is_used_within_a_second", a_receivers_card_that_comes_back),
    ("unplug::a_transmitters_card_that_comes_back_is_used_within_a_second", a_transmitters_card_that_comes_back),
];

/// How long the video may stay away after the card's return.
const LONGEST: Duration = Duration::from_secs(1);

fn a_receivers_card_that_comes_back() {
    goes_on_when("wlan1", 1);
}

fn a_transmitters_card_that_comes_back() {
    goes_on_when("wlan0", 0);
}

/// Flies over one pair of cards; one of them is gone for two seconds.
fn goes_on_when(card: &str, number: u8) {
    let up = setup(UP);
    assert!(up.status.success(), "{up:?}");
    let desk = Desk::new();
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = player.local_addr().unwrap();
    let [camera] = ports();
    let mut rx = desk.start("skylark-rx", "rx", &format!("--air wlan1 --key link.key --output rtp:{output}"));
    let sends = format!("--input rtp:127.0.0.1:{camera} --payload h264 --mcs 3 --air wlan0 --key link.key");
    let mut tx = desk.start("skylark-tx", "tx", &sends);
    let traffic = Traffic { bits_per_s: 2_000_000, ..Traffic::default() };
    let filming = std::thread::spawn(move || film(traffic, 6 * traffic.units_per_s, camera));
    assert!(next_datagram(&player, Duration::from_secs(5)).is_some(), "no video");

    hwsim::pull_out(card);
    let gone = Instant::now();
    while next_datagram(&player, Duration::from_millis(500)).is_some() {
        assert!(gone.elapsed() < Duration::from_secs(3), "video without a card");
    }
    std::thread::sleep(Duration::from_secs(2).saturating_sub(gone.elapsed()));
    hwsim::plug_in(number);
    let back = Instant::now();
    let video = next_datagram(&player, Duration::from_secs(10));
    filming.join().unwrap();
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    let away = video.expect("no video after the card's return") - back;
    println!("       video {} ms after the card's return", away.as_millis());
    assert!(away <= LONGEST);
    let down = setup("down");
    assert!(down.status.success(), "{down:?}");
}

/// When the next datagram comes, if one does in time.
fn next_datagram(player: &UdpSocket, patience: Duration) -> Option<Instant> {
    player.set_read_timeout(Some(patience)).unwrap();
    player.recv(&mut [0; 2048]).ok().map(|_| Instant::now())
}
