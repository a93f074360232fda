//! A video through the whole link in virtual time: sender, modelled air, receiver, units, decoder.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::fec::FecConfig;
use skylark_common::rtp::{Packetizer, RtpHeader};
use skylark_common::wire::radiotap::TxRate;
use skylark_rx::healing::{Healing, HealingStats};
use skylark_rx::picture::Picture;
use skylark_rx::receiver::Datagram;
use skylark_rx::unit::{Unit, Units};
use skylark_tests::link::Handed;
use skylark_tests::{Link, LinkConfig};
use skylark_tx::Outgoing;

use crate::screen::{Policy, Screen, Seen};
use crate::video::{INTERVAL, Video};

/// What the decoder takes for a picture, whatever machine the bench runs on: openh264 on one desktop core at 720p.
const DECODE: Duration = Duration::from_millis(3);
/// Units that wait for the decoder at most, as in the program.
const DECODER_UNITS: usize = 16;

/// What a video flies through.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) loss: Loss,
    pub(crate) cards: usize,
    pub(crate) fec: FecConfig,
    pub(crate) budget: Duration,
    /// After how long the picture is shown with damage; `None` is never.
    pub(crate) early: Option<Duration>,
    pub(crate) mcs: u8,
    pub(crate) policy: Policy,
    pub(crate) seed: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        let LinkConfig { fec, latency_budget, rate, seed, .. } = LinkConfig::default();
        let (loss, budget, early) = (Loss::None, latency_budget, None);
        Self { loss, cards: 1, fec, budget, early, mcs: rate.mcs, policy: Policy::Show, seed }
    }
}

/// What a viewer sees of a video under these conditions.
pub(crate) fn seen(video: &Video<'_>, conditions: &Conditions) -> Seen {
    let start = Instant::now();
    let mut delays = Vec::new();
    let lossless = Conditions { loss: Loss::None, ..conditions.clone() };
    // The pictures are not looked at, so two seconds tell.
    fly(video, 120, &lossless, start, |number, at, _| delays.push(at - captured(start, number)));
    delays.sort();
    let mut screen = Screen::new(video, conditions.policy, start, delays[delays.len() / 2]);
    fly(video, video.units.len(), conditions, start, |number, at, picture| screen.show(number, at, picture));
    screen.finish()
}

fn captured(start: Instant, number: usize) -> Instant {
    start + INTERVAL * u32::try_from(number).unwrap()
}

/// Sends the first `pictures` and gives `show` each picture with its number when it is decoded.
fn fly(
    video: &Video<'_>,
    pictures: usize,
    conditions: &Conditions,
    start: Instant,
    show: impl FnMut(usize, Instant, Picture),
) {
    let receivers =
        vec![ReceiverConfig { loss: conditions.loss.clone(), ..ReceiverConfig::default() }; conditions.cards];
    let config = LinkConfig {
        fec: conditions.fec,
        rate: TxRate { mcs: conditions.mcs, ..TxRate::default() },
        latency_budget: conditions.budget,
        early: conditions.early,
        receivers,
        seed: conditions.seed,
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, start);
    let mut packetizer = Packetizer::new(1, 0, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES);
    let mut ground = Ground {
        start,
        units: Units::default(),
        waiting: VecDeque::new(),
        free_at: start,
        healing: Healing::new().unwrap(),
        show,
    };
    for (number, unit) in video.units.iter().enumerate().take(pictures) {
        link.wait_until(captured(start, number));
        let now = link.now;
        let captured_us = u64::try_from((now - start).as_micros()).unwrap();
        packetizer.for_each_datagram(unit, captured_us, |bytes, end_of_unit| {
            let (stream, keyframe) = (VIDEO_STREAM, unit.keyframe);
            link.sender.push_datagram(Outgoing { stream, bytes, end_of_unit, keyframe, captured: now }, now).unwrap();
        });
        link.handed.drain(..).for_each(|handed| ground.take(&handed));
    }
    link.wait_until(link.now + Duration::from_secs(1));
    link.handed.drain(..).for_each(|handed| ground.take(&handed));
    ground.decode_until(None);
}

/// The programs' way from datagrams to pictures, in virtual time.
struct Ground<T> {
    start: Instant,
    units: Units,
    waiting: VecDeque<(Instant, Arc<Unit>)>,
    free_at: Instant,
    healing: Healing,
    show: T,
}

impl<T: FnMut(usize, Instant, Picture)> Ground<T> {
    fn take(&mut self, handed: &Handed) {
        let datagram = Datagram {
            session: handed.session,
            stream: VIDEO_STREAM,
            esi: handed.esi,
            bytes: &handed.bytes,
            start_of_unit: handed.start_of_unit,
            end_of_unit: handed.end_of_unit,
            keyframe: false,
            missing_before: handed.missing_before,
            recovered: handed.recovered,
            captured_us: handed.captured_us,
            heard: handed.available,
            available: handed.available,
        };
        // The first datagram of a unit, which says when it was captured, may be lost: the RTP header says it always.
        let timestamp = RtpHeader::parse(&handed.bytes).unwrap().0.timestamp;
        let captured = self.start + Duration::from_secs(1) * timestamp / 90_000;
        let mut made = Vec::new();
        if handed.early {
            self.units.handle_early(&datagram, Some(captured), handed.at, |unit| made.push(unit));
        } else {
            self.units.handle_datagram(&datagram, Some(captured), handed.at, |unit| made.push(unit));
        }
        made.into_iter().for_each(|unit| self.push(handed.at, unit));
    }

    fn push(&mut self, at: Instant, unit: Unit) {
        self.decode_until(Some(at));
        if self.waiting.len() >= DECODER_UNITS {
            self.waiting.pop_front();
        }
        self.waiting.push_back((at, Arc::new(unit)));
    }

    fn decode_until(&mut self, until: Option<Instant>) {
        loop {
            let next = self.waiting.front().map(|(there, _)| *there);
            let is_due = |at: Instant| until.is_none_or(|until| at <= until);
            if next.is_none_or(|there| there > self.free_at) && self.healing.has_work() && is_due(self.free_at) {
                // The log grows with what comes: nothing is made good after the end.
                if until.is_none() && next.is_none() {
                    return;
                }
                self.take_time(|healing, _| healing.replay().unwrap());
            } else if let Some((there, unit)) = self.waiting.pop_front_if(|(there, _)| is_due(self.free_at.max(*there)))
            {
                self.free_at = self.free_at.max(there);
                self.take_time(|healing, pictures| healing.decode(&unit, |picture| pictures.push(picture)).unwrap());
            } else {
                return;
            }
        }
    }

    /// Lets the time go by that decoding takes, and shows what it gives.
    fn take_time(&mut self, decode: impl FnOnce(&mut Healing, &mut Vec<Picture>)) {
        let HealingStats { replayed, .. } = self.healing.stats();
        let mut pictures = Vec::new();
        decode(&mut self.healing, &mut pictures);
        let decoded = self.healing.stats().replayed - replayed + u64::from(!pictures.is_empty());
        self.free_at += DECODE * u32::try_from(decoded).unwrap();
        for picture in pictures {
            let since_start = picture.stamps.captured.unwrap() - self.start;
            let number = usize::try_from((since_start.as_micros() * 60 + 500_000) / 1_000_000).unwrap();
            (self.show)(number, self.free_at, picture);
        }
    }
}
