//! Memory: bounded, steady for an hour of simulated stream, and no allocation per packet.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]
#![expect(unsafe_code, reason = "a counting allocator wraps the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_rx::Receiver;
use skylark_tests::link::{Recorded, key, sender};
use skylark_tests::{Link, LinkConfig, Traffic};
use skylark_tx::Outgoing;

const SECOND: Duration = Duration::from_secs(1);
const MINUTES: u32 = 60;
const MIB: i64 = 1 << 20;
/// What the receiver's documentation states for one stream.
const RECEIVER_BOUND: i64 = 9 * MIB;
/// Encoder 2 MiB, and a queue of 100 ms of airtime.
const SENDER_BOUND: i64 = 4 * MIB;

/// Allocations of a receiver in 15 s of loss after a warm-up of 5 s: where more waits at once than ever before.
const NEW_HEIGHTS: u64 = 8;

/// Counts what each thread holds and how often it asks.
struct Counting;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn changed(by: i64) {
    LIVE.set(LIVE.get() + by);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        changed(signed(layout.size()));
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        changed(signed(layout.size()));
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        changed(signed(new_size) - signed(layout.size()));
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        changed(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// 10 % loss at two cards; an hour of 8 Mbit/s would take minutes.
fn config(bits_per_s: u32) -> LinkConfig {
    let card = ReceiverConfig { loss: Loss::Independent { share: 0.1 }, ..ReceiverConfig::default() };
    let traffic = Traffic { units_per_s: 30, bits_per_s, keyframe_interval: 30, ..Traffic::default() };
    LinkConfig { receivers: vec![card.clone(), card], traffic, ..LinkConfig::default() }
}

#[test]
fn memory_is_steady_for_an_hour() {
    let before = LIVE.get();
    let mut link = Link::new(config(500_000), Instant::now());
    link.pushed.reserve(30 * 61 * MINUTES as usize);
    let harness = LIVE.get() - before - (30 * 61 * i64::from(MINUTES)) * 16;
    let mut live = Vec::new();
    for _ in 0..MINUTES {
        for _ in 0..60 {
            link.run(SECOND);
            link.handed.clear();
        }
        link.handed = Vec::new();
        live.push(LIVE.get() - before);
    }
    let (ten, sixty) = (live[9], live[59]);
    eprintln!(
        "held after 10 min {ten}, after 60 min {sixty}, at most {} bytes (at the start {harness})",
        PEAK.get() - before
    );
    assert!((sixty - ten).abs() < 16 * 1024, "from {ten} to {sixty} bytes: {live:?}");
    assert!(PEAK.get() - before < RECEIVER_BOUND + SENDER_BOUND + 2 * MIB);
}

/// What two lossy cards capture of a full stream.
fn recorded(duration: Duration) -> Vec<Recorded> {
    let mut link = Link::new(config(8_000_000), Instant::now());
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(duration);
    link.recording.unwrap_or_default()
}

fn play(receiver: &mut Receiver, frames: &[Recorded]) -> u64 {
    let mut datagrams = 0;
    for frame in frames {
        receiver.handle_timeout(frame.at);
        receiver.handle_frame(frame.card, &frame.bytes, frame.at);
        while receiver.poll_datagram().is_some() {
            datagrams += 1;
        }
    }
    datagrams
}

#[test]
fn a_receiver_holds_what_it_states_and_allocates_nothing_per_packet() {
    let recording = recorded(20 * SECOND);
    let (warm_up, steady) = recording.split_at(recording.len() / 4);
    let before = LIVE.get();
    PEAK.set(before);
    let mut receiver = Receiver::new(skylark_rx::ReceiverConfig::default(), &key(), recording[0].at);
    play(&mut receiver, warm_up);
    let calls = CALLS.get();
    let datagrams = play(&mut receiver, steady);
    let calls = CALLS.get() - calls;
    let peak = PEAK.get() - before;
    eprintln!(
        "receiver: at most {peak} bytes, {calls} allocations for {} frames ({datagrams} datagrams)",
        steady.len()
    );
    assert!(peak < RECEIVER_BOUND, "{peak} bytes");
    assert!(calls <= NEW_HEIGHTS, "{calls} allocations for {} frames", steady.len());
}

#[test]
fn a_sender_holds_what_it_states_and_allocates_nothing_per_packet() {
    let (config, start) = (config(8_000_000), Instant::now());
    let before = LIVE.get();
    PEAK.set(before);
    let mut sender = sender(&config, 1, start);
    let (mut calls, mut frames) = (0, 0_u64);
    for unit in 0..600 {
        let now = start + config.traffic.interval() * unit;
        let count = config.traffic.datagrams(unit);
        let datagrams: Vec<_> = (0..count).map(|index| config.traffic.datagram(unit, index)).collect();
        let called = CALLS.get();
        for (bytes, index) in datagrams.iter().zip(1..) {
            let (end_of_unit, keyframe) = (index == count, config.traffic.is_keyframe(unit));
            let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe, captured: now };
            sender.push_datagram(outgoing, now).unwrap();
        }
        let mut at = now;
        while at < now + config.traffic.interval() {
            while sender.poll_transmit(at).is_some() {
                frames += u64::from(unit >= 100);
            }
            at = sender.poll_timeout().unwrap_or(at).max(at + Duration::from_micros(1));
        }
        calls += if unit >= 100 { CALLS.get() - called } else { 0 };
    }
    let peak = PEAK.get() - before;
    eprintln!("sender: at most {peak} bytes, {calls} allocations for {frames} frames");
    assert!(peak < SENDER_BOUND, "{peak} bytes");
    assert_eq!(calls, 0, "allocations for {frames} frames");
}
