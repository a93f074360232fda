//! Relays and viewers on machines of their own: the real programs, a wired network between them, and their cards.
//!
//! Each test has a network of its own ([`in_own_network`]) and is skipped loudly where that is not allowed.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives real programs in real time")]

#[path = "programs/desk.rs"]
#[expect(dead_code, reason = "shared with the tests over udp")]
mod desk;
#[path = "stations/field.rs"]
mod field;
#[path = "tap/player.rs"]
#[expect(dead_code, reason = "shared with the tests of cards")]
mod player;
#[path = "stations/wfb_ng.rs"]
mod wfb_ng;

use std::time::{Duration, Instant};

use skylark_common::air::sim::Loss;
use skylark_tests::tap::in_own_network;

use field::Field;
use player::Player;

const UNITS: usize = 30;

fn loses(share: f64) -> Loss {
    Loss::Independent { share }
}

/// The longest time without a datagram within the next `duration`.
fn longest_gap(player: &Player, duration: Duration) -> Duration {
    let start = Instant::now();
    let (mut last, mut longest) = (start, Duration::ZERO);
    while let Some(left) = duration.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        let came = player.next(left).is_some();
        longest = longest.max(last.elapsed());
        last = if came { Instant::now() } else { last };
    }
    longest
}

/// Waits until the viewer counts so many relays that are heard.
fn wait_for_relays(viewer: &mut desk::Program, count: usize) {
    viewer.wait_for("its relays", |viewer| {
        let last = viewer.stats().pop();
        let relays = last.as_ref().and_then(|line| line["relays"].as_array());
        relays.is_some_and(|relays| relays.iter().filter(|relay| relay["state"] == "heard").count() == count)
    });
}

#[test]
fn a_viewer_without_a_card_shows_what_a_relay_hears() {
    in_own_network(|| {
        let field = Field::new(&[Loss::None]);
        let (mut relay, mut viewer) = (field.relay(0, ""), field.viewer("--air relays"));
        let mut tx = field.tx();
        println!("first datagram after {:?}", field.player.wait_for_units(UNITS));
        wait_for_relays(&mut viewer, 1);
        viewer.wait_for("the way's time", |viewer| viewer.count("/latency/relayed/p50_us") > 0);
        println!("from the relay's card to here, median: {} µs", viewer.count("/latency/relayed/p50_us"));
        assert_eq!([tx.end(), viewer.end(), relay.end()], [0; 3]);
        assert_eq!(viewer.text("/cards/0/name"), "station0/tapr0");
        let [came, lost, malformed] =
            ["messages", "messages_lost", "malformed"].map(|name| viewer.count(&format!("/relays/0/station/{name}")));
        assert!(
            came > 100 && 100 * lost < came && malformed == 0,
            "{lost} of {came} messages lost, {malformed} malformed"
        );
        assert_eq!(viewer.count("/streams/0/lost"), 0);
        assert!(!String::from_utf8(field.desk.read("relay0.log")).unwrap().contains("key"), "a relay knows of none");
    });
}

#[test]
fn a_relay_forwards_what_a_transmitter_on_the_same_desk_sends() {
    in_own_network(|| {
        let field = Field::new(&[]);
        let [port] = desk::ports();
        let mut relay = field.desk.start("skylark-rx", "relay", &format!("relay --air udp:127.0.0.1:{port}"));
        let mut viewer = field.viewer("--air relays");
        wait_for_relays(&mut viewer, 1);
        let air = format!("--air udp:127.0.0.1:{port}");
        let input = format!("--input file:{} --loop", desk::CLIP);
        let mut tx = field.desk.start("skylark-tx", "tx", &format!("{input} --key link.key {air}"));
        field.player.wait_for_units(UNITS);
        assert_eq!([tx.end(), viewer.end(), relay.end()], [0; 3]);
    });
}

#[test]
fn a_viewer_finds_relays_by_the_address_of_one_where_there_is_no_multicast() {
    in_own_network(|| {
        let field = Field::new(&[Loss::None]);
        field.stations[0].run(&["ip", "route", "del", "224.0.0.0/4"]).unwrap();
        let relay = field.relay(0, "");
        let mut viewer = field.viewer(&format!("--air relays:{}", field.stations[0].address()));
        let _tx = field.tx();
        field.player.wait_for_units(UNITS);
        wait_for_relays(&mut viewer, 1);
        drop(relay);
    });
}

#[test]
fn silence_says_whether_the_network_the_link_or_the_transmitter_is_missing() {
    in_own_network(|| {
        let field = Field::new(&[Loss::None]);
        let mut lost = field.viewer("--air relays:10.0.0.77");
        lost.wait_for("its reason", |lost| lost.text("/signal/reason").contains("tcp/10.0.0.77:7447 is not reached"));
        drop(lost);
        let mut viewer = field.viewer("--air relays");
        let mut wait_for = |words: &str| {
            viewer.wait_for(words, |viewer| viewer.text("/signal/reason").contains(words));
        };
        wait_for("is one running in this network");
        let other = field.relay(0, " --link other");
        wait_for("is --link the same");
        drop(other);
        let _relay = field.relay(0, "");
        wait_for("the relay hears no transmitter");
    });
}

#[test]
fn two_viewers_see_what_two_relays_hear_together() {
    in_own_network(|| {
        let field = Field::new(&[loses(0.4), loses(0.4)]);
        let _relays = [field.relay(0, ""), field.relay(1, "")];
        let mut viewer = field.viewer("--air relays");
        let mut second = field.desk.start("skylark-rx", "second", "--key link.key --output none --air relays");
        let _tx = field.tx();
        [&mut viewer, &mut second].into_iter().for_each(|viewer| wait_for_relays(viewer, 2));
        field.player.wait_for_units(90);
        for viewer in [&mut viewer, &mut second] {
            assert_eq!(viewer.end(), 0);
            // Each relay alone loses four in ten: what is repaired is a minority.
            let (heard, lost) = (viewer.count("/streams/0/heard"), viewer.count("/streams/0/lost"));
            assert!(heard > 10 * lost, "{heard} heard, {lost} lost");
            let saves = [0, 1].map(|card| viewer.count(&format!("/cards/{card}/unique")));
            assert!(saves.iter().all(|saves| *saves > 0), "{saves:?}");
        }
    });
}

/// Partitions come and go for this long.
const CHANGING: Duration = Duration::from_secs(20);

#[test]
fn the_picture_goes_on_while_relays_are_cut_off_one_after_the_other() {
    in_own_network(|| {
        let field = Field::new(&[loses(0.05), loses(0.05), loses(0.05), loses(0.05)]);
        field.switch.with(|cables| cables.iter_mut().for_each(|cable| cable.loss = 0.002));
        let _relays: Vec<_> = (0..4).map(|number| field.relay(number, "")).collect();
        let mut viewer = field.viewer("--air relays");
        let _tx = field.tx();
        wait_for_relays(&mut viewer, 4);
        field.player.wait_for_units(UNITS);
        let [lost, damaged] = ["/streams/0/lost", "/streams/0/units_damaged"].map(|count| viewer.count(count));
        let (start, mut longest) = (Instant::now(), Duration::ZERO);
        for turn in 0.. {
            let away = (turn / 5) % 4;
            field.switch.with(move |cables| {
                cables
                    .iter_mut()
                    .enumerate()
                    .for_each(|(number, cable)| cable.is_out = number == away + 1 && turn % 5 < 3);
            });
            longest = longest.max(longest_gap(&field.player, Duration::from_secs(1)));
            if start.elapsed() > CHANGING {
                break;
            }
        }
        println!("longest time between two datagrams: {longest:?}");
        println!("from a relay's card to here, median: {} µs", viewer.count("/latency/relayed/p50_us"));
        assert_eq!(viewer.end(), 0);
        assert_eq!(
            (viewer.count("/streams/0/lost") - lost, viewer.count("/streams/0/units_damaged") - damaged),
            (0, 0)
        );
    });
}

#[test]
fn a_relay_that_is_fed_garbage_is_named_and_harms_nobody() {
    in_own_network(|| {
        let field = Field::new(&[Loss::None, Loss::None]);
        let _true = field.relay(0, "");
        // Frames of this link's addresses with nothing in them anybody sealed.
        let _false = field.relay_of_garbage(1);
        let mut viewer = field.viewer("--air relays");
        let _tx = field.tx();
        wait_for_relays(&mut viewer, 2);
        field.player.wait_for_units(UNITS);
        viewer.wait_for("forged frames", |viewer| {
            (0..2).any(|card| viewer.count(&format!("/cards/{card}/frames/forged")) > 100)
        });
        assert_eq!(viewer.end(), 0);
        let said = String::from_utf8(field.desk.read("viewer.log")).unwrap();
        assert!(said.contains("relay station1 sends frames nobody with the key has sealed"), "{said}");
        assert!(!said.contains("relay station0 sends"), "{said}");
        assert_eq!(viewer.count("/streams/0/lost"), 0);
        for card in 0..2 {
            let forged = viewer.count(&format!("/cards/{card}/frames/forged"));
            assert_eq!(forged > 0, viewer.text(&format!("/cards/{card}/name")).starts_with("station1"));
        }
    });
}
