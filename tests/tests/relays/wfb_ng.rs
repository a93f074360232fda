//! Relays of a WFB-NG stream and a viewer in virtual time, beside a receiver that has all their cards itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::air::sim::{self, Random};
use skylark_common::wfb_ng::MAX_DATAGRAM_BYTES;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::session::BlockCode;
use skylark_common::wire::radiotap::{RxHeader, TxRate};
use skylark_rx::receiver::DialectReceiver;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use skylark_rx::relay::message::{Entry, Message};
use skylark_rx::relay::{Forwarder, ForwarderConfig, RelayId, RelayStats, RelayedLink, Stations, ViewerId};
use skylark_tests::Traffic;
use skylark_tests::wfb_ng::ModelSender;
use skylark_tests::wfb_ng::flight::{CHANNEL, keys};

use super::{SECOND, loses};

const LINK: RelayedLink = RelayedLink::WfbNg(CHANNEL);
const LIAR: RelayId = RelayId(66);
/// The viewer's number for its own card.
const LOCAL: usize = 60;
const STEP: Duration = Duration::from_micros(500);

/// A relay with one card, and its wire to the viewer.
struct Relay {
    forwarder: Forwarder,
    connected: bool,
    delay: Duration,
    to_viewer: VecDeque<(Instant, Vec<u8>)>,
}

struct Flight {
    traffic: Traffic,
    start: Instant,
    now: Instant,
    sender: ModelSender,
    channel: sim::Channel,
    relays: Vec<Relay>,
    stations: Stations,
    viewer: DialectReceiver,
    /// What hears with all the cards.
    direct: WfbNgReceiver,
    units: u32,
    session_at: Instant,
    reports: u32,
    handed: Handed,
    handed_directly: Handed,
}

/// Datagrams by unit and index, and when they were handed on.
type Handed = Vec<((u32, u32), Instant)>;

impl Flight {
    /// Relays whose cards lose this share, each this far from the viewer, which has so many such cards itself.
    fn new(loss: f64, delays_ms: &[u64], local: usize) -> Self {
        let start = Instant::now();
        let config = WfbNgConfig { channel: CHANNEL, latency_budget: Duration::from_millis(150) };
        let receiver = || WfbNgReceiver::new(config, keys().ground, start);
        let cards = vec![sim::ReceiverConfig { loss: loses(loss), ..Default::default() }; delays_ms.len() + local];
        let air = sim::Config { receivers: cards, queue_frames: usize::MAX, ..sim::Config::default() };
        let relay = |(place, delay_ms): (u64, &u64)| Relay {
            forwarder: Forwarder::new(ForwarderConfig { id: RelayId(place), link: LINK, run: place }),
            connected: true,
            delay: Duration::from_millis(*delay_ms),
            to_viewer: VecDeque::new(),
        };
        Self {
            traffic: Traffic::default(),
            start,
            now: start,
            sender: ModelSender::new(CHANNEL, keys().drone, BlockCode::new(8, 12).unwrap(), 0, 1),
            channel: sim::Channel::new(air, 1, start),
            relays: (0..).zip(delays_ms).map(relay).collect(),
            stations: Stations::new(LINK, ViewerId(7), start),
            viewer: DialectReceiver::WfbNg(Box::new(receiver())),
            direct: receiver(),
            units: 0,
            session_at: start,
            reports: 0,
            handed: Vec::new(),
            handed_directly: Vec::new(),
        }
    }

    /// Sends video for this long.
    fn run(&mut self, duration: Duration) {
        let (end, traffic) = (self.now + duration, self.traffic);
        while self.now < end {
            if self.now >= self.start + traffic.interval() * self.units {
                self.send_unit(traffic);
            }
            self.step();
        }
    }

    /// Sends nothing more until everything has come.
    fn idle(&mut self) {
        let end = self.now + SECOND;
        while self.now < end {
            self.step();
        }
    }

    fn send_unit(&mut self, traffic: Traffic) {
        let mut frames = Vec::new();
        if self.now >= self.session_at {
            self.session_at += SECOND;
            frames.push(self.sender.session());
        }
        for index in 0..traffic.datagrams(self.units) {
            frames.extend(self.sender.push(&traffic.datagram(self.units, index)));
        }
        self.units += 1;
        let rate = TxRate { mcs: 3, ..TxRate::default() };
        for frame in frames {
            self.channel.inject(&[rate.emit().as_slice(), &frame].concat(), self.now).unwrap();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        while let Some((card, frame, at)) = self.channel.poll_capture(now) {
            self.direct.handle_frame(card, frame, at);
            match self.relays.get_mut(card) {
                Some(relay) => relay.forwarder.handle_frame(0, frame, at),
                None => self.stations.deliver_local(&mut self.viewer, LOCAL, frame, at),
            }
            take((&mut self.handed, self.traffic), now, || Some(self.viewer.poll_datagram()?.bytes.to_vec()));
        }
        for place in 0..self.relays.len() {
            let relay = &mut self.relays[place];
            while let Some(message) = relay.forwarder.poll_message(now) {
                if relay.connected {
                    relay.to_viewer.push_back((now + relay.delay, message.to_vec()));
                }
            }
            while let Some((_, message)) = self.relays[place].to_viewer.pop_front_if(|(at, _)| *at <= now) {
                self.hear(RelayId(place as u64), &message);
            }
        }
        while let Some(report) = self.stations.poll_report(&self.viewer, now) {
            self.reports += 1;
            let relays = self.relays.iter_mut().filter(|relay| relay.connected);
            relays.for_each(|relay| relay.forwarder.handle_report(report, now));
        }
        self.direct.handle_timeout(now);
        self.viewer.handle_timeout(now);
        take((&mut self.handed_directly, self.traffic), now, || Some(self.direct.poll_datagram()?.bytes.to_vec()));
        self.take();
    }

    /// The viewer hears a message.
    fn hear(&mut self, relay: RelayId, message: &[u8]) {
        self.stations.handle_message(relay, message, self.now);
        let place = |relay: RelayId, card: u8| Some(usize::try_from(relay.0).unwrap().min(8) * 4 + usize::from(card));
        while self.stations.deliver(&mut self.viewer, place, self.now) {
            self.take();
        }
    }

    fn take(&mut self) {
        take((&mut self.handed, self.traffic), self.now, || Some(self.viewer.poll_datagram()?.bytes.to_vec()));
    }

    /// What is known of the relays, the liar last.
    fn stats(&self) -> Vec<RelayStats> {
        let mut stats = self.stations.stats(self.now);
        stats.sort_by_key(|relay| relay.id);
        stats
    }

    /// How many datagrams were sent, handed on, and handed on by the receiver that has all the cards.
    fn came(&self) -> [usize; 3] {
        let sent = (0..self.units).map(|unit| self.traffic.datagrams(unit) as usize).sum();
        [sent, self.handed.len(), self.handed_directly.len()]
    }
}

fn take((handed, traffic): (&mut Handed, Traffic), now: Instant, mut poll: impl FnMut() -> Option<Vec<u8>>) {
    while let Some(bytes) = poll() {
        let (unit, index) = Traffic::label(&bytes).unwrap();
        assert_eq!(bytes, traffic.datagram(unit, index), "{unit}/{index} came changed");
        assert!(handed.last().is_none_or(|(last, _)| *last < (unit, index)), "in order, and none twice");
        handed.push(((unit, index), now));
    }
}

#[test]
fn relays_of_a_wfb_ng_stream_are_as_good_as_their_cards_here() {
    let mut flight = Flight::new(0.2, &[5, 5, 12], 0);
    flight.run(4 * SECOND);
    let stats = flight.stats();
    for relay in &stats {
        assert!((730..880).contains(&relay.heard_permille), "{relay:?}: of what three heard together");
        assert!(relay.prompt && !relay.suspended && relay.refused == 0, "{relay:?}");
        assert!(relay.relayed.is_some() || relay.id == RelayId(2), "{relay:?}");
    }
    let behind = stats[2].behind.unwrap();
    assert!((6500..8500).contains(&behind.p50_us), "the farther one is 7 ms behind: {behind:?}");
    assert!(stats[0].first + stats[1].first > 20 * stats[2].first, "{stats:?}");
    assert!(flight.reports < 50, "{} reports: relays need none to know what to send", flight.reports);
    flight.idle();
    let [sent, came, directly] = flight.came();
    let mbit = flight.stats()[0].station.message_bytes as f64 * 8.0 / 4e6;
    println!("{mbit:.1} Mbit/s from each relay, of 8 Mbit/s of video");
    assert!(came >= directly && came == sent, "{came} of {sent}, {directly} where the cards are");
}

#[test]
fn a_relay_of_a_wfb_ng_stream_brings_what_the_viewers_own_card_misses() {
    let mut flight = Flight::new(0.2, &[5], 1);
    flight.run(4 * SECOND);
    flight.idle();
    let [sent, came, directly] = flight.came();
    assert!(came >= directly && came * 1000 > sent * 995, "{came} of {sent}, {directly} where both cards are");
    let relay = flight.stats()[0];
    let frames = relay.station.frames;
    assert!((frames / 6..frames / 4).contains(&relay.first), "one in five is missed here: {relay:?}");
    let card = &flight.viewer.stats(flight.now).cards[LOCAL];
    assert!((140..200).contains(&(card.missed * 1000 / card.expected)), "{card:?}");
}

#[test]
fn the_longest_datagrams_of_a_wfb_ng_stream_come_by_relays() {
    let mut flight = Flight::new(0.05, &[5, 5], 0);
    flight.traffic.datagram_bytes = MAX_DATAGRAM_BYTES;
    flight.run(2 * SECOND);
    flight.idle();
    let [sent, came, _] = flight.came();
    assert_eq!(came, sent);
}

#[test]
fn relays_of_a_wfb_ng_stream_may_be_cut_off_one_after_the_other() {
    let mut flight = Flight::new(0.05, &[5, 5, 5, 5], 0);
    for turn in 0..40 {
        let away = turn % 4;
        flight.relays.iter_mut().enumerate().for_each(|(place, relay)| relay.connected = place != away);
        flight.run(SECOND / 2);
    }
    flight.idle();
    let [sent, came, _] = flight.came();
    assert_eq!(came, sent);
    let longest = flight.handed.windows(2).map(|pair| pair[1].1 - pair[0].1).max();
    assert!(longest < Some(Duration::from_millis(80)), "nothing was handed on for {longest:?}");
}

#[test]
fn a_transmitter_that_begins_anew_and_is_late_to_say_so_has_no_relay_blamed() {
    let mut flight = Flight::new(0.05, &[5, 5], 0);
    flight.run(SECOND);
    flight.sender = ModelSender::new(CHANNEL, keys().drone, BlockCode::new(8, 12).unwrap(), 0, 2);
    flight.session_at = flight.now + 2 * SECOND;
    flight.run(5 * SECOND);
    flight.idle();
    let [sent, came, _] = flight.came();
    assert!(came * 10 > sent * 8 && came < sent, "{came} of {sent}: what waited too long was given up");
    for relay in flight.stats() {
        assert!(relay.refused == 0 && !relay.suspended, "{relay:?}");
    }
}

/// A frame of the stream that nobody sealed.
fn forged(random: &mut Random, block: u64) -> Vec<u8> {
    let mut frame = [0; 64];
    let len = RxHeader::default().emit(&mut frame).unwrap();
    let id = PacketId { block, fragment: u8::try_from(random.below(12)).unwrap() };
    let sealed: Vec<u8> = (0..200).map(|_| random.bits().to_be_bytes()[0]).collect();
    [&frame[..len], &CHANNEL.dot11().emit(), &id.emit(), &sealed].concat()
}

#[test]
fn a_relay_that_forges_floods_and_tells_of_what_it_does_not_bring_is_blamed_alone() {
    let mut flight = Flight::new(0.05, &[5, 5], 0);
    // What waits for the session packet until then is not pushed out.
    flight.session_at = flight.start + Duration::from_millis(900);
    let (mut random, mut sequence) = (Random::new(5), 0);
    for turn in 0..800 {
        flight.run(Duration::from_millis(5));
        let mut message = Vec::new();
        Message { run: 9, sequence }.emit(&mut message);
        sequence += 1;
        for number in 0..40 {
            let frame = forged(&mut random, turn + u64::from(number) % 3);
            Entry::Frame { card: 0, age_us: 25_000, number, bytes: &frame }.emit(&mut message).unwrap();
        }
        let told = forged(&mut random, turn);
        Entry::Heard { card: 0, age_us: 0, head: &told }.emit(&mut message).unwrap();
        let other = ChannelId::new(5, 0).dot11().emit();
        let foreign = [&told[..told.len() - 200 - 33], &other, &[1; 40]].concat();
        Entry::Frame { card: 1, age_us: 0, number: 40, bytes: &foreign }.emit(&mut message).unwrap();
        flight.hear(LIAR, &message);
        flight.hear(LIAR, &message);
    }
    flight.idle();
    let [sent, came, _] = flight.came();
    assert_eq!(came, sent);
    let stats = flight.stats();
    let [true0, true1, liar] = &stats[..] else { panic!("{stats:?}") };
    for relay in [true0, true1] {
        let station = relay.station;
        assert_eq!((station.malformed, station.foreign, station.replayed, relay.refused), (0, 0, 0, 0), "{relay:?}");
    }
    let station = liar.station;
    assert_eq!((station.malformed, station.foreign, station.replayed, station.known), (800, 800, 800, 0), "{liar:?}");
    assert!(liar.refused > 10_000 && liar.first == 0 && !flight.stations.is_useful(LIAR, flight.now), "{liar:?}");
}
