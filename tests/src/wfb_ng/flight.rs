//! One transmitter of the standard on the modelled air, our receiver and the model of the reference's beside each other:
//! both hear the same frames at the same time.

use std::time::{Duration, Instant};

use skylark_common::air::sim;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::session::BlockCode;
use skylark_common::wire::radiotap::TxRate;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};

use super::{ModelReceiver, ModelSender};
use crate::traffic::Traffic;

const SESSION_INTERVAL: Duration = Duration::from_secs(1);
/// Silence at the end, longer than anything is waited for.
const SILENCE: Duration = Duration::from_millis(500);

/// Which stream all of these flights are of.
pub const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);

/// What a flight is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How blocks are made.
    pub code: BlockCode,
    /// One entry for each card.
    pub receivers: Vec<sim::ReceiverConfig>,
    /// What is sent.
    pub traffic: Traffic,
    /// How long.
    pub duration: Duration,
    /// Seed of the channel.
    pub seed: u64,
}

/// When a datagram was handed on, by unit and index.
pub type Handed = Vec<((u32, u32), Duration)>;

/// What both receivers made of a flight.
#[derive(Debug)]
pub struct Flown {
    /// Datagrams sent.
    pub sent: usize,
    /// What ours handed on.
    pub ours: Handed,
    /// What the model of the reference's handed on.
    pub reference: Handed,
}

/// Both ends' keys.
#[must_use]
pub fn keys() -> KeyPair {
    KeyPair::from_secrets([1; 32], [2; 32])
}

/// Flies.
///
/// # Panics
/// A datagram came changed.
#[must_use]
pub fn fly(plan: &Plan, start: Instant) -> Flown {
    let air = sim::Config { receivers: plan.receivers.clone(), queue_frames: usize::MAX, ..sim::Config::default() };
    let config = WfbNgConfig { channel: CHANNEL, latency_budget: Duration::from_millis(150) };
    let mut flight = Flight {
        channel: sim::Channel::new(air, plan.seed, start),
        ours: WfbNgReceiver::new(config, keys().ground, start),
        reference: ModelReceiver::new(CHANNEL, keys().ground),
        traffic: plan.traffic,
        start,
        flown: Flown { sent: 0, ours: Vec::new(), reference: Vec::new() },
    };
    let mut sender = ModelSender::new(CHANNEL, keys().drone, plan.code, 0, 1);
    let (end, mut session_at) = (start + plan.duration, start);
    for unit in 0.. {
        let now = start + plan.traffic.interval() * unit;
        if now >= end {
            break;
        }
        flight.listen_until(now);
        if now >= session_at {
            session_at += SESSION_INTERVAL;
            flight.send(&[sender.session()], now);
        }
        for index in 0..plan.traffic.datagrams(unit) {
            flight.flown.sent += 1;
            flight.send(&sender.push(&plan.traffic.datagram(unit, index)), now);
        }
    }
    flight.listen_until(end + SILENCE);
    flight.flown
}

#[derive(Debug)]
struct Flight {
    channel: sim::Channel,
    ours: WfbNgReceiver,
    reference: ModelReceiver,
    traffic: Traffic,
    start: Instant,
    flown: Flown,
}

impl Flight {
    fn send(&mut self, frames: &[Vec<u8>], now: Instant) {
        let rate = TxRate { mcs: 3, ..TxRate::default() };
        for frame in frames {
            let sent = self.channel.inject(&[rate.emit().as_slice(), frame].concat(), now);
            assert!(sent.is_ok(), "{sent:?}");
        }
    }

    fn listen_until(&mut self, end: Instant) {
        while let Some(now) = [self.channel.poll_timeout(), self.ours.poll_timeout()].into_iter().flatten().min()
            && now <= end
        {
            self.ours.handle_timeout(now);
            self.take(now);
            while let Some((card, frame, at)) = self.channel.poll_capture(now) {
                self.ours.handle_frame(card, frame, at);
                self.reference.handle_frame(frame);
            }
            self.take(now);
        }
    }

    fn take(&mut self, now: Instant) {
        let at = now.saturating_duration_since(self.start);
        while let Some(datagram) = self.ours.poll_datagram() {
            self.flown.ours.push((label(self.traffic, datagram.bytes), at));
        }
        for datagram in std::mem::take(&mut self.reference.handed) {
            self.flown.reference.push((label(self.traffic, &datagram), at));
        }
    }
}

fn label(traffic: Traffic, datagram: &[u8]) -> (u32, u32) {
    let (unit, index) = Traffic::label(datagram).expect("every datagram has a label");
    assert_eq!(datagram, traffic.datagram(unit, index), "{unit}/{index} came changed");
    (unit, index)
}
