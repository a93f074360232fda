//! Relays of a WFB-NG stream: they have no key, forward all they hear, and are found by link id and radio port.

use std::fs;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use skylark_common::air::sim::Loss;
use skylark_tests::tap::in_own_network;
use skylark_tests::wfb_ng::flight::keys;

use super::desk::{Program, ports};
use super::field::Field;
use super::{loses, wait_for_relays};

/// What all ends here say.
const LINK: &str = "--dialect wfb-ng --link-id 7669206";
/// From datagram to datagram.
const INTERVAL: Duration = Duration::from_millis(2);
/// What waited for its session packet comes at once, and must fit what the socket holds.
const DATAGRAM_BYTES: usize = 300;
/// Nothing for so long, and nothing is on its way.
const SILENCE: Duration = Duration::from_millis(500);

/// A field with both ends' keys, a transmitter's input and a viewer's output.
struct Flight {
    field: Field,
    input: u16,
    output: UdpSocket,
}

impl Flight {
    fn new(losses: &[Loss]) -> Self {
        let (field, keys) = (Field::new(losses), keys());
        fs::write(field.desk.folder.path().join("gs.key"), keys.ground.emit()).unwrap();
        fs::write(field.desk.folder.path().join("drone.key"), keys.drone.emit()).unwrap();
        let [input] = ports();
        Self { field, input, output: UdpSocket::bind("127.0.0.1:0").unwrap() }
    }

    fn relay(&self, number: usize, link: &str) -> Program {
        self.field.relay(number, &format!(" {link}"))
    }

    fn viewer(&self) -> Program {
        let output = self.output.local_addr().unwrap();
        let arguments = format!("{LINK} --key gs.key --air relays --output udp:{output}");
        self.field.desk.start("skylark-rx", "viewer", &arguments)
    }

    fn tx(&self) -> Program {
        let arguments =
            format!("{LINK} --key drone.key --fec 8/12 --mcs 4 --air tapt --input udp:127.0.0.1:{}", self.input);
        self.field.desk.start("skylark-tx", "tx", &arguments)
    }

    /// Sends so many datagrams in their time; those that are handed on, in that order, and the longest time without one.
    fn fly(&self, count: u32) -> (Vec<u32>, Duration) {
        let (input, mut numbers, mut longest) = (self.input, Vec::new(), Duration::ZERO);
        let sending = thread::spawn(move || {
            let (socket, start) = (UdpSocket::bind("127.0.0.1:0").unwrap(), Instant::now());
            for number in 0..count {
                thread::sleep((INTERVAL * number).saturating_sub(start.elapsed()));
                socket.send_to(&datagram(number), ("127.0.0.1", input)).unwrap();
            }
        });
        self.output.set_read_timeout(Some(SILENCE)).unwrap();
        let (mut buffer, mut last) = ([0; 2048], None::<Instant>);
        while let Ok(len) = self.output.recv(&mut buffer) {
            let number = u32::from_be_bytes(*buffer.first_chunk().unwrap());
            assert!(buffer[..len] == datagram(number), "datagram {number} came changed");
            longest = longest.max(last.map_or(Duration::ZERO, |last| last.elapsed()));
            last = Some(Instant::now());
            numbers.push(number);
        }
        sending.join().unwrap();
        assert!(numbers.is_sorted_by(|a, b| a < b), "in order, and none twice");
        (numbers, longest)
    }
}

fn datagram(number: u32) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend((4..DATAGRAM_BYTES).map(|at| u8::try_from((at * 31 + number as usize) % 251).unwrap()));
    bytes
}

#[test]
fn of_a_wfb_ng_link_two_relays_hear_together_what_each_alone_does_not() {
    in_own_network(|| {
        let flight = Flight::new(&[loses(0.2), loses(0.2)]);
        let mut relays = [0, 1].map(|number| flight.relay(number, LINK));
        let (mut viewer, mut tx) = (flight.viewer(), flight.tx());
        wait_for_relays(&mut viewer, 2);
        let (numbers, _) = flight.fly(2000);
        let relayed = viewer.count("/latency/relayed/p50_us");
        assert_eq!([tx.end(), viewer.end(), relays[0].end(), relays[1].end()], [0; 4]);
        println!("{} of 2000 handed on, from a relay's card to here {relayed} µs at the median", numbers.len());
        assert!(numbers.len() >= 1990, "{} of 2000", numbers.len());
        for card in 0..2 {
            let figure = |name: &str| viewer.count(&format!("/cards/{card}/{name}"));
            assert!(viewer.text(&format!("/cards/{card}/name")).starts_with("station"));
            let missed_permille = 1000 * figure("missed") / figure("expected");
            // Of what neither heard nothing is known.
            assert!((140..200).contains(&missed_permille), "card {card} misses {missed_permille} of 1000");
            assert!(figure("unique") > 100, "card {card} is the only one with {}", figure("unique"));
        }
        for (place, relay) in relays.iter().enumerate() {
            let forwarder = |name: &str| relay.count(&format!("/forwarder/{name}"));
            assert_eq!(forwarder("forwarded"), forwarder("captured") - forwarder("foreign"), "all of it");
            let seen = |name: &str| viewer.count(&format!("/relays/{place}/{name}"));
            assert!(seen("first") > 500 && seen("round_trip_us") > 4000, "{} first", seen("first"));
            assert_eq!((seen("refused"), seen("station/malformed"), seen("station/orphaned")), (0, 0, 0));
            let said = String::from_utf8(flight.field.desk.read(&format!("relay{place}.log"))).unwrap();
            assert!(said.contains("of wfb-ng link 7669206 port 0") && !said.contains("key"), "{said}");
        }
    });
}

#[test]
fn a_wfb_ng_stream_goes_on_while_one_relay_is_cut_off() {
    in_own_network(|| {
        let flight = Flight::new(&[loses(0.05), loses(0.05)]);
        let _relays = [0, 1].map(|number| flight.relay(number, LINK));
        let (mut viewer, _tx) = (flight.viewer(), flight.tx());
        for away in [0, 1] {
            wait_for_relays(&mut viewer, 2);
            flight.field.switch.with(move |cables| {
                // Cable 0 is the viewer's.
                cables.iter_mut().skip(1).enumerate().for_each(|(number, cable)| cable.is_out = number == away);
            });
            let (numbers, longest) = flight.fly(1000);
            flight.field.switch.with(|cables| cables.iter_mut().for_each(|cable| cable.is_out = false));
            println!("without relay {away}: {} of 1000 handed on, longest time between two {longest:?}", numbers.len());
            assert!(numbers.len() >= 995, "without relay {away}: {} of 1000", numbers.len());
        }
    });
}

#[test]
fn relays_of_another_stream_or_dialect_are_not_heard_and_the_viewer_says_what_it_wants() {
    in_own_network(|| {
        let flight = Flight::new(&[Loss::None, Loss::None, Loss::None]);
        let mut others = [
            flight.relay(0, "--dialect wfb-ng --link-id 5"),
            flight.relay(1, &format!("{LINK} --radio-port 16")),
            flight.relay(2, "--link default"),
        ];
        let (mut viewer, _tx) = (flight.viewer(), flight.tx());
        let words =
            "no relay of this stream is heard: is one running with --dialect wfb-ng --link-id 7669206 --radio-port 0";
        viewer.wait_for(words, |viewer| viewer.text("/signal/reason").contains(words));
        let (numbers, _) = flight.fly(1000);
        assert_eq!((numbers.len(), viewer.count("/frames/captured")), (0, 0));
        others.iter_mut().for_each(|relay| {
            relay.wait_for("frames of others", |relay| relay.count("/forwarder/foreign") >= 1000);
            assert_eq!(relay.count("/forwarder/forwarded"), 0);
        });
        let said = |number: usize| String::from_utf8(flight.field.desk.read(&format!("relay{number}.log"))).unwrap();
        assert!(said(0).contains("none of wfb-ng link 5 port 0: are --link-id and --radio-port"), "{}", said(0));
        drop(others);
        let _relay = flight.relay(0, LINK);
        wait_for_relays(&mut viewer, 1);
        assert_eq!(flight.fly(500).0.len(), 500);
    });
}
