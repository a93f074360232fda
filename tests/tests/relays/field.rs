//! One transmitter, relays with cards, a network with delays and partitions, and a viewer, in virtual time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::air::sim::{self, Loss, Random};
use skylark_common::wire::link::LinkId;
use skylark_rx::receiver::DialectReceiver;
use skylark_rx::relay::report::Prompt;
use skylark_rx::relay::{Forwarder, ForwarderConfig, RelayId, RelayedLink, Report, Stations, ViewerId};
use skylark_rx::{Receiver, ReceiverConfig};
use skylark_tests::link::{Handed, key, push_unit, sender};
use skylark_tests::{LinkConfig, Traffic};
use skylark_tx::Sender;

pub(crate) const VIEWER: ViewerId = ViewerId(7);

/// What a field is made of.
#[derive(Debug, Clone)]
pub(crate) struct FieldConfig {
    pub(crate) link: LinkConfig,
    /// What each card of each relay loses.
    pub(crate) relays: Vec<Vec<Loss>>,
    /// What each card at the viewer loses.
    pub(crate) local: Vec<Loss>,
    /// From a relay to the viewer and back, each way.
    pub(crate) delay: Duration,
    /// At most this much more, drawn for each message.
    pub(crate) jitter: Duration,
    /// Whether the viewer says what it knows; else all relays are prompt.
    pub(crate) suppresses: bool,
}

impl Default for FieldConfig {
    /// 5 ms and up to 2 ms more to a relay with one card that loses nothing.
    fn default() -> Self {
        Self {
            link: LinkConfig::default(),
            relays: vec![vec![Loss::None]],
            local: Vec::new(),
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(2),
            suppresses: true,
        }
    }
}

/// A relay and its wire to the viewer.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) id: RelayId,
    pub(crate) forwarder: Forwarder,
    /// Whether the network between it and the viewer carries anything.
    pub(crate) connected: bool,
    /// Whether it runs.
    pub(crate) alive: bool,
    pub(crate) extra_delay: Duration,
    to_viewer: VecDeque<(Instant, Vec<u8>)>,
    to_relay: VecDeque<(Instant, Vec<u8>)>,
}

/// The whole field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) config: FieldConfig,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) relays: Vec<Relay>,
    pub(crate) stations: Stations,
    pub(crate) receiver: DialectReceiver,
    pub(crate) handed: Vec<Handed>,
    pub(crate) pushed: Vec<Instant>,
    pub(crate) report_bytes: u64,
    /// Frames a relay's card captured, to be told by others as well; kept if asked for.
    pub(crate) captured: Option<Vec<Vec<u8>>>,
    /// Messages of the relays, kept if asked for.
    pub(crate) messages: Option<Vec<Vec<u8>>>,
    sender: Sender,
    channel: sim::Channel,
    jitter: Random,
    next_unit_at: Instant,
}

impl Field {
    pub(crate) fn new(config: FieldConfig, start: Instant) -> Self {
        let losses = config.relays.iter().flatten().chain(&config.local);
        let receivers = losses.map(|loss| sim::ReceiverConfig { loss: loss.clone(), ..Default::default() }).collect();
        let air = sim::Config { receivers, ..sim::Config::default() };
        let relays = (0..config.relays.len()).map(|place| Relay::new(place, 1)).collect();
        let receiver = ReceiverConfig { latency_budget: config.link.latency_budget, ..ReceiverConfig::default() };
        Self {
            start,
            now: start,
            relays,
            stations: Stations::new(RelayedLink::Skylark(link()), VIEWER, start),
            receiver: DialectReceiver::Skylark(Box::new(Receiver::new(receiver, &key(), start))),
            handed: Vec::new(),
            pushed: Vec::new(),
            report_bytes: 0,
            captured: None,
            messages: None,
            sender: sender(&config.link, 1, start),
            channel: sim::Channel::new(air, config.link.seed, start),
            jitter: Random::new(config.link.seed ^ 0x6a69_7474),
            next_unit_at: start,
            config,
        }
    }

    /// Sends video for this long.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.next_unit_at < end {
            self.wait_until(self.next_unit_at);
            self.push_unit();
        }
        self.wait_until(end);
    }

    /// Sends nothing more for this long.
    pub(crate) fn idle(&mut self, duration: Duration) {
        self.wait_until(self.now + duration);
    }

    /// A relay begins anew.
    pub(crate) fn restart(&mut self, place: usize, run: u64) {
        self.relays[place].forwarder = forwarder(place, run);
    }

    /// The viewer hears a message that no relay of this field sent.
    pub(crate) fn hear(&mut self, relay: RelayId, message: &[u8]) {
        self.stations.handle_message(relay, message, self.now);
        self.deliver();
    }

    /// When each datagram was there, by unit and index.
    pub(crate) fn available_at(&self) -> Vec<((u32, u32), Duration)> {
        let label = |handed: &Handed| Traffic::label(&handed.bytes).unwrap();
        self.handed.iter().map(|handed| (label(handed), handed.available - self.start)).collect()
    }

    /// Units of which not every datagram was handed on; checks that none came changed, twice or out of order.
    pub(crate) fn units_lost(&self) -> usize {
        let traffic = self.config.link.traffic;
        let mut came = vec![0; self.pushed.len()];
        let mut last = None;
        for handed in &self.handed {
            let (unit, index) = Traffic::label(&handed.bytes).unwrap();
            assert!(last < Some((unit, index)), "{unit}/{index} came after {last:?}");
            assert_eq!(handed.bytes, traffic.datagram(unit, index), "{unit}/{index} came changed");
            last = Some((unit, index));
            came[unit as usize] += 1;
        }
        (0..).zip(came).filter(|(unit, came)| *came < traffic.datagrams(*unit)).count()
    }

    pub(crate) fn assert_whole(&self, case: &str) {
        assert_eq!(self.units_lost(), 0, "{case}: of {} units", self.pushed.len());
    }

    /// No report of an honest viewer contradicted another, and no honest relay was suspected.
    pub(crate) fn assert_trusted(&self) {
        let contested = self.relays.iter().map(|relay| relay.forwarder.stats(self.now).reports_contested);
        assert_eq!(contested.sum::<u64>(), 0);
        let stats = self.stations.stats(self.now);
        assert!(stats.iter().all(|relay| !relay.suspended && relay.refused == 0), "{stats:?}");
    }

    /// The longest time in which nothing was handed on while something was sent.
    pub(crate) fn longest_gap(&self) -> Duration {
        self.handed.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap()
    }

    fn push_unit(&mut self) {
        let traffic = self.config.link.traffic;
        let unit = u32::try_from(self.pushed.len()).unwrap();
        self.pushed.push(self.now);
        self.next_unit_at = self.now + traffic.interval();
        push_unit(&mut self.sender, traffic, unit, self.now);
    }

    fn wait_until(&mut self, end: Instant) {
        loop {
            self.step();
            match self.due() {
                Some(due) if due <= end => self.now = due.max(self.now),
                _ => break,
            }
        }
        self.now = end;
    }

    fn due(&self) -> Option<Instant> {
        let relays = self.relays.iter().filter(|relay| relay.alive);
        let forwarders = relays.filter_map(|relay| relay.forwarder.poll_timeout());
        let wires =
            self.relays.iter().flat_map(|relay| relay.to_viewer.front().into_iter().chain(relay.to_relay.front()));
        let others = [self.sender.poll_timeout(), self.channel.poll_timeout(), self.receiver.poll_timeout()];
        let viewer = Some(self.stations.poll_timeout());
        forwarders.chain(wires.map(|(at, _)| *at)).chain(others.into_iter().flatten()).chain(viewer).min()
    }

    fn step(&mut self) {
        self.receiver.handle_timeout(self.now);
        self.take_handed();
        while let Some(frame) = self.sender.poll_transmit(self.now) {
            self.channel.inject(frame, self.now).unwrap();
        }
        self.capture();
        self.forward();
        while let Some(report) = self.stations.poll_report(&self.receiver, self.now) {
            let mut report = Report::parse(report).unwrap();
            if !self.config.suppresses {
                report.prompt = Prompt::All;
                report.known.clear();
            }
            let mut bytes = Vec::new();
            report.emit(&mut bytes);
            self.report_bytes += bytes.len() as u64;
            for relay in self.relays.iter_mut().filter(|relay| relay.connected) {
                let at = self.now + self.config.delay + relay.extra_delay;
                relay.to_relay.push_back((at, bytes.clone()));
            }
        }
    }

    /// Hands on what the cards captured.
    fn capture(&mut self) {
        while let Some((card, frame, at)) = self.channel.poll_capture(self.now) {
            let mut first = 0;
            let owner = self.config.relays.iter().position(|cards| {
                first += cards.len();
                card < first
            });
            match owner {
                Some(place) => {
                    let own = u8::try_from(card + self.config.relays[place].len() - first).unwrap();
                    self.captured.iter_mut().for_each(|captured| captured.push(frame.to_vec()));
                    let relay = &mut self.relays[place];
                    if relay.alive {
                        relay.forwarder.handle_frame(own, frame, at);
                    }
                }
                None => {
                    self.stations.deliver_local(&mut self.receiver, 60 + card - first, frame, at);
                    drain(&mut self.receiver, &mut self.handed, self.now);
                }
            }
        }
    }

    fn forward(&mut self) {
        for place in 0..self.relays.len() {
            let relay = &mut self.relays[place];
            while let Some((_, report)) = relay.to_relay.pop_front_if(|(at, _)| *at <= self.now) {
                if relay.alive {
                    relay.forwarder.handle_report(&report, self.now);
                }
            }
            while let Some(message) = relay.alive.then(|| relay.forwarder.poll_message(self.now)).flatten() {
                self.messages.iter_mut().for_each(|messages| messages.push(message.to_vec()));
                let jitter_us = self.jitter.below(u64::try_from(self.config.jitter.as_micros()).unwrap() + 1);
                let at = self.now + self.config.delay + relay.extra_delay + Duration::from_micros(jitter_us);
                // One wire each: what was sent first comes first.
                let at = relay.to_viewer.back().map_or(at, |(last, _)| at.max(*last));
                if relay.connected {
                    relay.to_viewer.push_back((at, message.to_vec()));
                }
            }
            while let Some((_, message)) = self.relays[place].to_viewer.pop_front_if(|(at, _)| *at <= self.now) {
                self.stations.handle_message(self.relays[place].id, &message, self.now);
                self.deliver();
            }
        }
    }

    fn deliver(&mut self) {
        let place = |relay: RelayId, card: u8| Some(receiver_card(relay, card));
        while self.stations.deliver(&mut self.receiver, place, self.now) {
            drain(&mut self.receiver, &mut self.handed, self.now);
        }
    }

    fn take_handed(&mut self) {
        drain(&mut self.receiver, &mut self.handed, self.now);
    }
}

impl Relay {
    fn new(place: usize, run: u64) -> Self {
        Self {
            id: id(place),
            forwarder: forwarder(place, run),
            connected: true,
            alive: true,
            extra_delay: Duration::ZERO,
            to_viewer: VecDeque::new(),
            to_relay: VecDeque::new(),
        }
    }
}

/// The receiver's number for a relay's card; cards of this machine are from 60 on.
pub(crate) fn receiver_card(relay: RelayId, card: u8) -> usize {
    usize::from(u8::try_from(relay.0 % 8).unwrap() * 7 + card % 7)
}

pub(crate) fn id(place: usize) -> RelayId {
    RelayId(place as u64)
}

pub(crate) fn link() -> LinkId {
    ReceiverConfig::default().link
}

fn forwarder(place: usize, run: u64) -> Forwarder {
    Forwarder::new(ForwarderConfig { id: id(place), link: RelayedLink::Skylark(link()), run: run << 8 | place as u64 })
}

fn drain(receiver: &mut DialectReceiver, handed: &mut Vec<Handed>, at: Instant) {
    while let Some(datagram) = receiver.poll_datagram() {
        handed.push(Handed::of(&datagram, false, at));
    }
}
