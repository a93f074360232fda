//! An air that is cut down and comes back, under an encoder, in virtual time: how late each picture is shown.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::air::sim;
use skylark_common::h264::AccessUnit;
use skylark_common::rtp::{Packetizer, RtpHeader};
use skylark_common::wire::radiotap::TxRate;
use skylark_rx::{Receiver, ReceiverConfig};
use skylark_tx::sender::{Allowance, Keyframes, RateLimits};
use skylark_tx::{Entropy, Outgoing, Sender, SenderConfig, Skylark, SkylarkConfig, TxStats};

use crate::link::key;

/// What happens.
#[derive(Debug, Clone)]
pub struct Squeeze {
    /// How frames are modulated.
    pub rate: TxRate,
    /// Between which bitrates the encoder is kept.
    pub limits: RateLimits,
    /// What the encoder is told.
    pub orders: Orders,
    /// Pictures a second.
    pub pictures_per_s: u32,
    /// When frames take `airtime_percent` of their airtime.
    pub cut: Range<Duration>,
    /// How long frames take then, over how long they take else.
    pub airtime_percent: u32,
    /// How long all of it lasts.
    pub duration: Duration,
    /// Frames that may wait inside the card.
    pub card_frames: usize,
    /// What a picture takes from the camera to the sender: 8 ms in openh264 at 720p.
    pub encode: Duration,
    /// What it takes from the receiver to the screen: 3 ms.
    pub decode: Duration,
}

impl Default for Squeeze {
    /// 720p at 60 pictures/s and 4 Mbit/s at MCS 1 with 50 % redundancy; after 5 s a third of the air for 10 s.
    fn default() -> Self {
        Self {
            rate: TxRate::default(),
            limits: RateLimits { most_bits_per_s: 4_000_000, least_bits_per_s: 500_000 },
            orders: Orders::All,
            pictures_per_s: 60,
            cut: Duration::from_secs(5)..Duration::from_secs(15),
            airtime_percent: 300,
            duration: Duration::from_secs(25),
            card_frames: 10,
            encode: Duration::from_millis(8),
            decode: Duration::from_millis(3),
        }
    }
}

/// Which orders an encoder takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orders {
    /// All: what to make, when to make a keyframe, and which picture to leave out, as ours does.
    All,
    /// When to make a keyframe, as some cameras do.
    Keyframes,
    /// None.
    None,
}

/// What became of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// When it was taken, from the beginning.
    pub captured: Duration,
    /// Bytes of its access unit; 0 if it was left out before it was encoded.
    pub bytes: usize,
    /// Whether it is a keyframe.
    pub keyframe: bool,
    /// What the encoder was allowed.
    pub allowed_bits_per_s: u32,
    /// Datagrams of it that are missing at the receiver.
    pub missing: u32,
    /// How long it took from the camera to the screen, as far as it came.
    pub shown_after: Option<Duration>,
    /// Whether all of it came, and of all it refers to.
    pub is_whole: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Every picture the camera took.
    pub pictures: Vec<Picture>,
    /// What the sender counted.
    pub stats: TxStats,
    /// The most that waited in the sender by the model.
    pub longest_queue: Duration,
}

/// What encodes: it is given a picture's number, what is allowed, and whether it must be a keyframe.
pub type Encode<'a> = &'a mut dyn FnMut(u32, Option<Allowance>, bool) -> AccessUnit;

impl Squeeze {
    /// Lets it happen.
    ///
    /// # Panics
    /// A datagram does not fit into a frame.
    pub fn run(&self, encode: Encode<'_>, start: Instant) -> Outcome {
        let mut run = Run::new(self, start);
        let interval = Duration::from_secs(1) / self.pictures_per_s;
        let (mut keyframe, mut number) = (false, 0);
        let mut captured = start;
        while captured < start + self.duration {
            run.wait_until(captured);
            keyframe |= run.sender.keyframe_wanted(captured);
            let allowance = run.sender.allowance();
            let allowed_bits_per_s = allowance.map_or(self.limits.most_bits_per_s, |allowed| allowed.bits_per_s);
            let captured_at = captured.saturating_duration_since(start);
            let mut picture = Picture {
                captured: captured_at,
                bytes: 0,
                keyframe: false,
                allowed_bits_per_s,
                missing: 0,
                shown_after: None,
                is_whole: false,
            };
            if self.orders != Orders::All || run.sender.has_room() {
                let unit = encode(number, allowance, std::mem::take(&mut keyframe));
                (picture.bytes, picture.keyframe) = (unit.bytes.len(), unit.keyframe);
                run.pictures.push(picture);
                run.wait_until(captured + self.encode);
                run.push(&unit, captured);
            } else {
                run.pictures.push(picture);
            }
            number += 1;
            captured += interval;
        }
        run.wait_until(captured + Duration::from_secs(1));
        run.outcome()
    }
}

struct Run<'a> {
    config: &'a Squeeze,
    start: Instant,
    now: Instant,
    sender: Sender,
    packetizer: Packetizer,
    channel: sim::Channel,
    receiver: Receiver,
    /// A frame the card had no room for.
    held: Option<Vec<u8>>,
    pictures: Vec<Picture>,
    /// For each picture that was sent: its place, its first RTP sequence number and the one behind its last.
    sent: VecDeque<Sent>,
    longest_queue: Duration,
}

struct Sent {
    picture: usize,
    captured: Instant,
    sequences: Range<u16>,
    came: u16,
    last: Instant,
}

impl<'a> Run<'a> {
    fn new(config: &'a Squeeze, start: Instant) -> Self {
        let keyframes = if config.orders == Orders::None { Keyframes::AsTheyCome } else { Keyframes::OnDemand };
        let bitrate = (config.orders == Orders::All).then_some(config.limits);
        let sender = SenderConfig { rate: config.rate, keyframes, bitrate, ..SenderConfig::default() };
        let entropy = Entropy { salt: [1; 16], unix_us: None, clock_id: None };
        let dialect = Skylark::new(SkylarkConfig::default(), &key(), entropy, start);
        let air = sim::Config { queue_frames: config.card_frames, ..sim::Config::default() };
        Self {
            config,
            start,
            now: start,
            sender: Sender::new(sender, dialect, start),
            packetizer: Packetizer::new(1, 0, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES),
            channel: sim::Channel::new(air, 1, start),
            receiver: Receiver::new(ReceiverConfig::default(), &key(), start),
            held: None,
            pictures: Vec::new(),
            sent: VecDeque::new(),
            longest_queue: Duration::ZERO,
        }
    }

    fn push(&mut self, unit: &AccessUnit, captured: Instant) {
        let Self { sender, packetizer, now, .. } = self;
        let mut sequences: Option<Range<u16>> = None;
        packetizer.for_each_datagram(unit, 0, |bytes, end_of_unit| {
            let sequence = RtpHeader::parse(bytes).map(|(header, _)| header.sequence).unwrap_or_default();
            sequences.get_or_insert(sequence..sequence).end = sequence.wrapping_add(1);
            let keyframe = unit.keyframe;
            let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe, captured };
            sender.push_datagram(outgoing, *now).expect("the encoder's datagrams fit");
        });
        let (Some(sequences), Some(picture)) = (sequences, self.pictures.len().checked_sub(1)) else { return };
        self.sent.push_back(Sent { picture, captured, sequences, came: 0, last: self.now });
        self.longest_queue = self.longest_queue.max(Duration::from_micros(self.sender.stats().queued_us));
    }

    fn wait_until(&mut self, end: Instant) {
        loop {
            self.step();
            let sender = self.sender.poll_timeout().filter(|_| self.held.is_none());
            let due = [sender, self.channel.poll_timeout(), self.receiver.poll_timeout()];
            match due.into_iter().flatten().min() {
                Some(due) if due <= end => self.now = due.max(self.now),
                _ => break,
            }
        }
        self.now = self.now.max(end);
    }

    fn step(&mut self) {
        let since = self.now.saturating_duration_since(self.start);
        let is_cut = self.config.cut.contains(&since);
        self.channel.set_airtime_percent(if is_cut { self.config.airtime_percent } else { 100 });
        self.receiver.handle_timeout(self.now);
        self.take_datagrams();
        self.send();
        while let Some((card, frame, at)) = self.channel.poll_capture(self.now) {
            self.receiver.handle_frame(card, frame, at);
            take_datagrams(&mut self.receiver, &mut self.sent, self.now);
        }
    }

    /// As the program does: a frame the card refuses waits, and with it the sender.
    fn send(&mut self) {
        loop {
            if let Some(frame) = self.held.take()
                && self.channel.inject(&frame, self.now).is_err()
            {
                self.held = Some(frame);
                self.sender.air_is_busy();
                return;
            }
            let Some(frame) = self.sender.poll_transmit(self.now) else { return };
            self.held = Some(frame.to_vec());
        }
    }

    fn take_datagrams(&mut self) {
        take_datagrams(&mut self.receiver, &mut self.sent, self.now);
    }

    fn outcome(mut self) -> Outcome {
        let mut is_whole = false;
        for sent in &self.sent {
            let Some(picture) = self.pictures.get_mut(sent.picture) else { continue };
            picture.missing = u32::from(sent.sequences.end.wrapping_sub(sent.sequences.start) - sent.came);
            is_whole = picture.missing == 0 && (is_whole || picture.keyframe);
            picture.is_whole = is_whole;
            let shown = sent.last.saturating_duration_since(sent.captured) + self.config.decode;
            picture.shown_after = (sent.came > 0).then_some(shown);
        }
        Outcome { pictures: self.pictures, stats: self.sender.stats(), longest_queue: self.longest_queue }
    }
}

fn take_datagrams(receiver: &mut Receiver, sent: &mut VecDeque<Sent>, now: Instant) {
    while let Some(datagram) = receiver.poll_datagram() {
        let Ok((header, _)) = RtpHeader::parse(datagram.bytes) else { continue };
        // Sequence numbers begin anew after 65536: the last picture that has this one.
        let of = |sent: &&mut Sent| {
            let len = sent.sequences.end.wrapping_sub(sent.sequences.start);
            header.sequence.wrapping_sub(sent.sequences.start) < len
        };
        if let Some(sent) = sent.iter_mut().rev().find(of) {
            (sent.came, sent.last) = (sent.came + 1, now);
        }
    }
}

impl Outcome {
    /// The pictures taken in this time.
    pub fn within(&self, time: Range<Duration>) -> impl Iterator<Item = &Picture> {
        self.pictures.iter().filter(move |picture| time.contains(&picture.captured))
    }

    /// The longest time any picture taken then took to the screen.
    #[must_use]
    pub fn latest(&self, time: Range<Duration>) -> Duration {
        self.within(time).filter_map(|picture| picture.shown_after).max().unwrap_or_default()
    }

    /// How many of the pictures taken in this time were shown without damage.
    #[must_use]
    pub fn whole(&self, time: Range<Duration>) -> usize {
        self.within(time).filter(|picture| picture.is_whole).count()
    }

    /// The longest time without another picture without damage, from the beginning to when the last one is taken.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        let shown = self.pictures.iter().filter(|picture| picture.is_whole);
        let shown = shown.filter_map(|picture| Some(picture.captured + picture.shown_after?));
        let end = self.pictures.last().map(|picture| picture.captured);
        let times: Vec<Duration> = std::iter::once(Duration::ZERO).chain(shown).chain(end).collect();
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default()
    }

    /// Bits of video encoded a second in this time.
    #[must_use]
    pub fn bits_per_s(&self, time: Range<Duration>) -> u64 {
        let ms = (time.end - time.start).as_millis().max(1);
        let bits = self.within(time).map(|picture| picture.bytes as u64 * 8).sum::<u64>();
        u64::try_from(u128::from(bits) * 1000 / ms).unwrap_or(u64::MAX)
    }
}
