//! How many packets a second the sender and the receiver take, over a recorded stream.
//!
//! The stream is `data/clip.h264`, again and again: small units of one to nine packets. A rate counts source
//! packets; repairs and announces are in the time. Sockets and cards are not.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "measure/workload.rs"]
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::h264::AccessUnit;
use skylark_common::h264::annex_b::NalUnits;
use skylark_common::h264::grouper::Grouper;
use skylark_common::rtp::Packetizer;
use workload::{Pushed, capture, new_receiver, new_sender, receive, send};

/// The clip's rate.
const UNIT: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// How often the clip is sent in one round.
const REPEATS: u32 = 20;
/// Rounds a figure is the median of.
const ROUNDS: usize = 21;

fn main() {
    let (video, start) = (clip(), Instant::now());
    let bytes = video.iter().map(|pushed| pushed.bytes.len()).sum::<usize>() / video.len();
    println!("{} source packets of {bytes} bytes on average, median of {ROUNDS} rounds", video.len());
    println!("                                       packets/s   µs a packet");
    row("sender", video.len(), || transmitted_us(&video, start));
    let clean = ReceiverConfig::default;
    let lossy = || ReceiverConfig { loss: Loss::Independent { share: 0.1 }, ..clean() };
    for (name, cards) in [
        ("receiver, 1 card", vec![clean()]),
        ("receiver, 2 cards, both hear everything", vec![clean(), clean()]),
        ("receiver, 1 card, 10 % loss", vec![lossy()]),
        ("receiver, 2 cards, 10 % loss each", vec![lossy(), lossy()]),
    ] {
        let captured = capture(&video, cards, start);
        row(name, video.len(), || received_us(&captured, start));
    }
}

fn row(name: &str, packets: usize, mut round_us: impl FnMut() -> f64) {
    let mut times = [(); ROUNDS].map(|()| round_us());
    times.sort_by(f64::total_cmp);
    let us = times[ROUNDS / 2] / packets as f64;
    println!("{name:40} {:8.0} {us:13.3}", 1e6 / us);
}

fn transmitted_us(video: &[Pushed], start: Instant) -> f64 {
    let mut sender = new_sender(start);
    let begin = Instant::now();
    send(&mut sender, video, start, |frame, _| _ = black_box(frame));
    begin.elapsed().as_secs_f64() * 1e6
}

fn received_us(captured: &[workload::Captured], start: Instant) -> f64 {
    let mut receiver = new_receiver(start);
    let begin = Instant::now();
    receive(&mut receiver, captured, |datagram| _ = black_box(datagram));
    begin.elapsed().as_secs_f64() * 1e6
}

/// The clip's datagrams, [`REPEATS`] times.
fn clip() -> Vec<Pushed> {
    let units = units(include_bytes!("../data/clip.h264"));
    let mut packetizer = Packetizer::new(0, 0, Packetizer::DEFAULT_MAX_DATAGRAM_BYTES);
    let mut video = Vec::new();
    for (unit, number) in (0..REPEATS).flat_map(|_| &units).zip(0_u32..) {
        let at = UNIT * number;
        packetizer.for_each_datagram(unit, u64::try_from(at.as_micros()).unwrap(), |bytes, end_of_unit| {
            video.push(Pushed { bytes: bytes.to_vec(), end_of_unit, keyframe: unit.keyframe, at });
        });
    }
    video
}

fn units(annex_b: &[u8]) -> Vec<AccessUnit> {
    let mut grouper = Grouper::default();
    let mut units: Vec<_> = NalUnits::new(annex_b).filter_map(|nal| grouper.push(nal)).collect();
    units.extend(grouper.finish());
    assert_eq!(units.len(), 90);
    units
}
