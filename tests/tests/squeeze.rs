//! What the encoder is told when the air is cut down and comes back: nothing is late, and the bitrate follows.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use skylark_common::h264::AccessUnit;
use skylark_tests::squeeze::{Orders, Outcome, Squeeze};
use skylark_tx::sender::Allowance;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
/// Slices are as long as a datagram may be, but the last.
const SLICE_BYTES: usize = 1300;

/// However coarse, a keyframe of 1280 × 720 pixels is no shorter.
const LEAST_KEYFRAME_BYTES: usize = 10_000;

/// An encoder that makes of each picture what it is told, of a keyframe up to six times as much, after two pictures.
struct Modelled {
    bits_per_s: f64,
    most_bits_per_s: u32,
    least_bits_per_s: f64,
    since_keyframe: u32,
}

impl Modelled {
    fn encode(&mut self, allowed: Option<Allowance>, keyframe: bool) -> AccessUnit {
        let asked = allowed.map_or(self.most_bits_per_s, |allowed| allowed.bits_per_s);
        self.bits_per_s = (self.bits_per_s + f64::from(asked)) / 2.0;
        let is_keyframe = keyframe || self.since_keyframe >= 60;
        self.since_keyframe = if is_keyframe { 1 } else { self.since_keyframe + 1 };
        let mean = self.bits_per_s.max(self.least_bits_per_s) / 60.0 / 8.0;
        let most = allowed.map_or(usize::MAX, |allowed| allowed.unit_bytes);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of bytes")]
        let bytes = if is_keyframe {
            ((mean * 6.0) as usize).min(most).max(LEAST_KEYFRAME_BYTES)
        } else {
            (mean * 0.92) as usize
        };
        unit(bytes, is_keyframe)
    }
}

fn unit(bytes: usize, keyframe: bool) -> AccessUnit {
    let header: &[u8] = if keyframe { &[0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1] } else { &[] };
    let slice = |at: usize| {
        let len = (bytes - at).clamp(6, SLICE_BYTES);
        [&[0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }][..], &vec![0xaa; len - 5]].concat()
    };
    let slices: Vec<u8> = (0..bytes.max(1)).step_by(SLICE_BYTES).flat_map(slice).collect();
    AccessUnit::from_annex_b(&[header, &slices].concat())
}

fn run(squeeze: &Squeeze) -> Outcome {
    let most_bits_per_s = squeeze.limits.most_bits_per_s;
    let mut encoder = Modelled {
        bits_per_s: most_bits_per_s.into(),
        most_bits_per_s,
        least_bits_per_s: 700_000.0,
        since_keyframe: 99,
    };
    squeeze.run(&mut |_, allowed, keyframe| encoder.encode(allowed, keyframe), Instant::now())
}

#[test]
fn with_a_third_of_the_air_no_picture_is_late_and_the_bitrate_comes_back() {
    let outcome = run(&Squeeze::default());
    let latest = outcome.latest(Duration::ZERO..25 * S);
    assert!(latest <= 150 * MS, "{latest:?}");
    assert!(outcome.longest_queue <= 70 * MS, "{:?}", outcome.longest_queue);
    assert!(outcome.bits_per_s(4 * S..5 * S) > 3_500_000);
    let squeezed = outcome.bits_per_s(7 * S..15 * S);
    assert!((1_400_000..2_300_000).contains(&squeezed), "{squeezed} bit/s");
    let back = outcome.bits_per_s(17 * S..18 * S);
    assert!(back > 3_500_000, "{back} bit/s");
    assert!(outcome.stats.units_dropped <= 5, "{:?}", outcome.stats);
    let left_out = outcome.pictures.iter().filter(|picture| picture.bytes == 0).count();
    assert!(left_out <= 15, "{left_out} pictures left out in 25 s");
    assert!(outcome.longest_pause() <= 150 * MS, "{:?}", outcome.longest_pause());
    let whole = outcome.whole(Duration::ZERO..25 * S);
    assert!(whole >= 1450, "{whole} of 1500 pictures");
}

#[test]
fn on_an_air_too_slow_for_a_keyframe_in_time_pictures_are_fewer_and_later_and_whole() {
    let outcome = run(&Squeeze { airtime_percent: 1500, ..Squeeze::default() });
    let whole = outcome.whole(6 * S..15 * S);
    assert!(whole >= 270, "{whole} of 540 pictures");
    let latest = outcome.latest(Duration::ZERO..25 * S);
    assert!(latest <= 500 * MS, "{latest:?}");
    assert!(outcome.longest_pause() <= 500 * MS, "{:?}", outcome.longest_pause());
    assert!(outcome.stats.units_dropped <= 30, "{:?}", outcome.stats);
    assert!(outcome.whole(17 * S..25 * S) >= 475);
}

#[test]
fn of_an_encoder_that_takes_orders_for_keyframes_only_come_whole_keyframes() {
    for (airtime_percent, least, latest_ms) in [(300, 72, 300), (1500, 13, 1100)] {
        let outcome = run(&Squeeze { airtime_percent, orders: Orders::Keyframes, ..Squeeze::default() });
        let whole = outcome.whole(6 * S..15 * S);
        assert!(whole >= least, "{airtime_percent} %: {whole} of 540 pictures");
        let (latest, pause) = (outcome.latest(Duration::ZERO..25 * S), outcome.longest_pause());
        assert!(latest <= MS * latest_ms && pause <= MS * latest_ms, "{airtime_percent} %: {latest:?}, {pause:?}");
    }
}

#[test]
fn it_does_not_matter_when_the_air_is_cut() {
    for phase in 0..60 {
        let cut = 2 * S + 17 * MS * phase..4 * S;
        let outcome = run(&Squeeze { cut, duration: 5 * S, ..Squeeze::default() });
        let latest = outcome.latest(Duration::ZERO..5 * S);
        assert!(latest <= 150 * MS, "cut {phase} pictures after a keyframe: {latest:?}");
        let (whole, pause) = (outcome.whole(Duration::ZERO..5 * S), outcome.longest_pause());
        assert!(whole >= 290, "cut {phase} pictures after a keyframe: {whole} of 300 pictures");
        assert!(pause <= 150 * MS, "cut {phase} pictures after a keyframe: {pause:?}");
    }
}

#[test]
fn an_encoder_that_cannot_be_told_makes_pictures_late_by_no_more_than_the_queue() {
    let outcome = run(&Squeeze { orders: Orders::None, ..Squeeze::default() });
    assert!(outcome.longest_queue <= 110 * MS, "{:?}", outcome.longest_queue);
    assert!(outcome.stats.units_dropped > 50, "{:?}", outcome.stats);
    let latest = outcome.latest(Duration::ZERO..25 * S);
    assert!(latest <= 400 * MS, "{latest:?}");
    assert!(outcome.latest(17 * S..25 * S) < 100 * MS, "{:?}", outcome.latest(17 * S..25 * S));
}
