//! Sender, channel and receiver, stepped from one event to the next in virtual time.

use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::air::sim;
use skylark_common::fec::FecConfig;
use skylark_common::seal::LinkKey;
use skylark_common::wire::radiotap::TxRate;
use skylark_rx::receiver::Datagram;
use skylark_rx::{Receiver, ReceiverConfig};
use skylark_tx::{Entropy, Outgoing, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};

use crate::traffic::Traffic;

/// What a link is made of.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// How video is protected.
    pub fec: FecConfig,
    /// How frames are modulated.
    pub rate: TxRate,
    /// The receiver's latency budget.
    pub latency_budget: Duration,
    /// After how long the receiver hands on early, if at all.
    pub early: Option<Duration>,
    /// Whether the receiver combines damaged copies.
    pub combining: bool,
    /// One entry for each card.
    pub receivers: Vec<sim::ReceiverConfig>,
    /// What is sent.
    pub traffic: Traffic,
    /// Seed of the channel.
    pub seed: u64,
    /// µs since 1970 at the sender's start, if it has a clock.
    pub unix_us: Option<u64>,
}

impl Default for LinkConfig {
    /// One card that loses nothing, MCS 3, everything else as the programs have it.
    fn default() -> Self {
        Self {
            fec: FecConfig::default(),
            rate: TxRate { mcs: 3, ..TxRate::default() },
            latency_budget: ReceiverConfig::default().latency_budget,
            early: None,
            combining: ReceiverConfig::default().combining,
            receivers: vec![sim::ReceiverConfig::default()],
            traffic: Traffic::default(),
            seed: 1,
            unix_us: Some(1_700_000_000_000_000),
        }
    }
}

/// A datagram the receiver handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// When.
    pub at: Instant,
    /// When it was there, heard or recovered.
    pub available: Instant,
    /// In which session.
    pub session: u32,
    /// Whether it was handed on before its turn.
    pub early: bool,
    /// Its number in the stream.
    pub esi: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is the first of its unit.
    pub start_of_unit: bool,
    /// Whether it is the last of its unit.
    pub end_of_unit: bool,
    /// How many are missing before it.
    pub missing_before: u32,
    /// Whether repairs brought it back.
    pub recovered: bool,
    /// Capture time it came with.
    pub captured_us: Option<u64>,
}

/// A frame as a card captured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Which card.
    pub card: usize,
    /// Its bytes, radiotap header first.
    pub bytes: Vec<u8>,
    /// When.
    pub at: Instant,
}

/// A whole link in virtual time.
#[derive(Debug)]
pub struct Link {
    /// What it is made of.
    pub config: LinkConfig,
    /// The transmitter.
    pub sender: Sender,
    /// The air.
    pub channel: sim::Channel,
    /// The receiver.
    pub receiver: Receiver,
    /// Virtual time.
    pub now: Instant,
    /// When everything began.
    pub start: Instant,
    /// What was handed on.
    pub handed: Vec<Handed>,
    /// When each unit was pushed.
    pub pushed: Vec<Instant>,
    /// What the cards captured, if it is to be kept.
    pub recording: Option<Vec<Recorded>>,
    /// Whether what the cards capture is kept from the receiver.
    pub deaf: bool,
    next_unit_at: Instant,
}

/// The key all test links share.
#[must_use]
pub fn key() -> LinkKey {
    LinkKey::from_bytes([0x5a; LinkKey::LEN])
}

/// A sender as `config` says, with a salt of its own.
#[must_use]
pub fn sender(config: &LinkConfig, salt: u8, now: Instant) -> Sender {
    let stream = StreamConfig { fec: config.fec, ..StreamConfig::default() };
    let link = SkylarkConfig { streams: vec![stream], ..SkylarkConfig::default() };
    let sender = SenderConfig { rate: config.rate, ..SenderConfig::default() };
    let entropy = Entropy { salt: [salt; 16], unix_us: config.unix_us, clock_id: None };
    Sender::new(sender, Skylark::new(link, &key(), entropy, now), now)
}

/// Gives the sender the datagrams of a unit, captured now.
///
/// # Panics
/// If the sender refuses one.
pub fn push_unit(sender: &mut Sender, traffic: Traffic, unit: u32, now: Instant) {
    let count = traffic.datagrams(unit);
    for index in 0..count {
        let bytes = traffic.datagram(unit, index);
        let outgoing = Outgoing {
            stream: VIDEO_STREAM,
            bytes: &bytes,
            end_of_unit: index + 1 == count,
            keyframe: traffic.is_keyframe(unit),
            captured: now,
        };
        sender.push_datagram(outgoing, now).expect("the traffic's datagrams fit");
    }
}

impl Link {
    /// A link that begins at `start`.
    #[must_use]
    pub fn new(config: LinkConfig, start: Instant) -> Self {
        let air = sim::Config { receivers: config.receivers.clone(), ..sim::Config::default() };
        let LinkConfig { latency_budget, early, combining, .. } = config;
        let receiver = ReceiverConfig { latency_budget, early, combining, ..ReceiverConfig::default() };
        Self {
            sender: sender(&config, 1, start),
            channel: sim::Channel::new(air, config.seed, start),
            receiver: Receiver::new(receiver, &key(), start),
            now: start,
            start,
            handed: Vec::new(),
            pushed: Vec::new(),
            recording: None,
            deaf: false,
            next_unit_at: start,
            config,
        }
    }

    /// Sends video for this long.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.next_unit_at < end {
            self.wait_until(self.next_unit_at);
            self.push_unit();
        }
        self.wait_until(end);
    }

    /// Sends nothing more for this long.
    pub fn idle(&mut self, duration: Duration) {
        self.wait_until(self.now + duration);
        self.next_unit_at = self.next_unit_at.max(self.now);
    }

    /// Another run of the transmitter, with its own salt and clock.
    pub fn restart_sender(&mut self, salt: u8, unix_us: Option<u64>) {
        self.config.unix_us = unix_us;
        self.sender = sender(&self.config, salt, self.now);
    }

    /// The receiver captures a frame that was not on this air.
    pub fn hear(&mut self, card: usize, frame: &[u8]) {
        self.receiver.handle_timeout(self.now);
        self.take_handed();
        self.receiver.handle_frame(card, frame, self.now);
        self.take_handed();
    }

    /// Pushes the next unit of the traffic.
    ///
    /// # Panics
    /// If the sender refuses a datagram.
    pub fn push_unit(&mut self) {
        let traffic = self.config.traffic;
        let unit = u32::try_from(self.pushed.len()).unwrap_or(u32::MAX);
        self.pushed.push(self.now);
        self.next_unit_at = self.now + traffic.interval();
        push_unit(&mut self.sender, traffic, unit, self.now);
        self.step();
    }

    /// Lets everything happen that happens until `end`.
    pub fn wait_until(&mut self, end: Instant) {
        loop {
            self.step();
            let due = [self.sender.poll_timeout(), self.channel.poll_timeout(), self.receiver.poll_timeout()];
            match due.into_iter().flatten().min() {
                Some(due) if due <= end => self.now = due.max(self.now),
                _ => break,
            }
        }
        self.now = end;
    }

    /// Does what is due now.
    fn step(&mut self) {
        self.receiver.handle_timeout(self.now);
        self.take_handed();
        while let Some(frame) = self.sender.poll_transmit(self.now) {
            let refused = self.channel.inject(frame, self.now).is_err();
            debug_assert!(!refused, "a paced sender never fills the air's queue");
        }
        while let Some((card, frame, at)) = self.channel.poll_capture(self.now) {
            if let Some(recording) = &mut self.recording {
                recording.push(Recorded { card, bytes: frame.to_vec(), at });
            }
            if self.deaf {
                continue;
            }
            self.receiver.handle_frame(card, frame, at);
            Self::drain(&mut self.receiver, &mut self.handed, self.now);
        }
    }

    fn take_handed(&mut self) {
        Self::drain(&mut self.receiver, &mut self.handed, self.now);
    }

    fn drain(receiver: &mut Receiver, handed: &mut Vec<Handed>, at: Instant) {
        while let Some(datagram) = receiver.poll_datagram() {
            handed.push(Handed::of(&datagram, false, at));
        }
        while let Some(datagram) = receiver.poll_early() {
            handed.push(Handed::of(&datagram, true, at));
        }
    }
}

impl Handed {
    /// What was handed on at `at`, before its turn or in it.
    #[must_use]
    pub fn of(datagram: &Datagram<'_>, early: bool, at: Instant) -> Self {
        Self {
            at,
            available: datagram.available,
            session: datagram.session,
            early,
            esi: datagram.esi,
            bytes: datagram.bytes.to_vec(),
            start_of_unit: datagram.start_of_unit,
            end_of_unit: datagram.end_of_unit,
            missing_before: datagram.missing_before,
            recovered: datagram.recovered,
            captured_us: datagram.captured_us,
        }
    }
}
