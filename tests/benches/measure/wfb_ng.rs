//! The receiver of WFB-NG hears what a transmitter as the standard has it makes of the same traffic, at 8/12.

use std::time::{Duration, Instant};

use skylark_common::air::sim::{self, Channel};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::session::BlockCode;
use skylark_common::wire::radiotap::TxRate;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use skylark_tests::wfb_ng::ModelSender;

use super::counted;
use super::workload::{Captured, Pushed};

const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);

/// Counts what a receiver with these cards needs for the video.
pub(crate) fn receive(video: &[Pushed], cards: Vec<sim::ReceiverConfig>, start: Instant) {
    let keys = KeyPair::from_secrets([1; 32], [2; 32]);
    let captured = capture(video, cards, &keys, start);
    let config = WfbNgConfig { channel: CHANNEL, latency_budget: Duration::from_millis(150) };
    let mut receiver = WfbNgReceiver::new(config, keys.ground, start);
    let mut datagrams = 0;
    counted(|| {
        for Captured { card, frame, at } in &captured {
            if receiver.poll_timeout().is_some_and(|due| due <= *at) {
                receiver.handle_timeout(*at);
                datagrams += drain(&mut receiver);
            }
            receiver.handle_frame(*card, frame, *at);
            datagrams += drain(&mut receiver);
        }
    });
    assert!(datagrams + 400 > video.len(), "{datagrams} of {} were handed on", video.len());
}

fn drain(receiver: &mut WfbNgReceiver) -> usize {
    let mut datagrams = 0;
    while receiver.poll_datagram().is_some() {
        datagrams += 1;
    }
    datagrams
}

/// What cards like these hear of it, with a session packet every second.
fn capture(video: &[Pushed], receivers: Vec<sim::ReceiverConfig>, keys: &KeyPair, start: Instant) -> Vec<Captured> {
    let mut channel = Channel::new(sim::Config { receivers, ..sim::Config::default() }, 1, start);
    let mut sender = ModelSender::new(CHANNEL, keys.drone.clone(), BlockCode::DEFAULT, 0, 1);
    let (mut captured, mut next_session) = (Vec::new(), Duration::ZERO);
    for pushed in video {
        let mut frames = Vec::new();
        if pushed.at >= next_session {
            next_session += Duration::from_secs(1);
            frames.push(sender.session());
        }
        frames.extend(sender.push(&pushed.bytes));
        frames.iter().for_each(|frame| inject(&mut channel, frame, start + pushed.at, &mut captured));
    }
    while let Some(due) = channel.poll_timeout() {
        hear(&mut channel, due, &mut captured);
    }
    captured
}

/// Injects a frame at this time, or as soon as the queue has room.
fn inject(channel: &mut Channel, frame: &[u8], mut now: Instant, captured: &mut Vec<Captured>) {
    let injected = [TxRate::default().emit().as_slice(), frame].concat();
    hear(channel, now, captured);
    while channel.inject(&injected, now).is_err() {
        now = channel.poll_timeout().unwrap().max(now);
        hear(channel, now, captured);
    }
}

fn hear(channel: &mut Channel, now: Instant, captured: &mut Vec<Captured>) {
    while let Some((card, frame, at)) = channel.poll_capture(now) {
        captured.push(Captured { card, frame: frame.to_vec(), at });
    }
}
