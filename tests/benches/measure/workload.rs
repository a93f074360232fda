//! What the link benches send and hear: prepared in virtual time, so that only the sender or only the
//! receiver is measured.

use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::air::sim::{self, Channel};
use skylark_rx::{Receiver, ReceiverConfig};
use skylark_tests::link::{LinkConfig, key, sender};
use skylark_tx::sender::Dialect;
use skylark_tx::{Outgoing, Sender};

/// A datagram and when it is pushed.
pub(crate) struct Pushed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end_of_unit: bool,
    pub(crate) keyframe: bool,
    pub(crate) at: Duration,
}

/// A frame as a card hands it to the receiver.
pub(crate) struct Captured {
    pub(crate) card: usize,
    pub(crate) frame: Vec<u8>,
    pub(crate) at: Instant,
}

/// A sender with the programs' defaults at MCS 3.
pub(crate) fn new_sender(start: Instant) -> Sender {
    sender(&LinkConfig::default(), 1, start)
}

/// A receiver with the programs' defaults.
pub(crate) fn new_receiver(start: Instant) -> Receiver {
    Receiver::new(ReceiverConfig::default(), &key(), start)
}

/// Pushes everything in its time and hands every frame to `take` in its own.
pub(crate) fn send<D: Dialect>(
    sender: &mut Sender<D>,
    video: &[Pushed],
    start: Instant,
    mut take: impl FnMut(&[u8], Instant),
) {
    let mut now = start;
    for pushed in video {
        transmit_until(sender, &mut now, start + pushed.at, &mut take);
        let Pushed { ref bytes, end_of_unit, keyframe, .. } = *pushed;
        let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
    }
    let end = now + Duration::from_millis(50);
    transmit_until(sender, &mut now, end, &mut take);
}

fn transmit_until<D: Dialect>(
    sender: &mut Sender<D>,
    now: &mut Instant,
    end: Instant,
    take: &mut impl FnMut(&[u8], Instant),
) {
    loop {
        while let Some(frame) = sender.poll_transmit(*now) {
            take(frame, *now);
        }
        match sender.poll_timeout() {
            Some(due) if due < end => *now = due.max(*now),
            _ => break,
        }
    }
    *now = end;
}

/// What cards like these hear of it.
pub(crate) fn capture(video: &[Pushed], receivers: Vec<sim::ReceiverConfig>, start: Instant) -> Vec<Captured> {
    let mut channel = Channel::new(sim::Config { receivers, ..sim::Config::default() }, 1, start);
    let mut captured = Vec::new();
    send(&mut new_sender(start), video, start, |frame, now| {
        channel.inject(frame, now).unwrap();
        hear(&mut channel, now, &mut captured);
    });
    while let Some(due) = channel.poll_timeout() {
        hear(&mut channel, due, &mut captured);
    }
    captured
}

fn hear(channel: &mut Channel, now: Instant, captured: &mut Vec<Captured>) {
    while let Some((card, frame, at)) = channel.poll_capture(now) {
        captured.push(Captured { card, frame: frame.to_vec(), at });
    }
}

/// Gives the receiver everything in its time and `take` every datagram.
pub(crate) fn receive(receiver: &mut Receiver, captured: &[Captured], mut take: impl FnMut(&[u8])) {
    for Captured { card, frame, at } in captured {
        if receiver.poll_timeout().is_some_and(|due| due <= *at) {
            receiver.handle_timeout(*at);
            drain(receiver, &mut take);
        }
        receiver.handle_frame(*card, frame, *at);
        drain(receiver, &mut take);
    }
}

fn drain(receiver: &mut Receiver, take: &mut impl FnMut(&[u8])) {
    while let Some(datagram) = receiver.poll_datagram() {
        take(datagram.bytes);
    }
}
