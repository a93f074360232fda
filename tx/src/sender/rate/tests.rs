//! What is learned from what leaves, in virtual time.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use super::*;

const LIMITS: RateLimits = RateLimits { most_bits_per_s: 4_000_000, least_bits_per_s: 500_000 };
const INTERVAL: Duration = Duration::from_micros(16_667);
const FRAME: Duration = Duration::from_millis(1);

fn control(rate: TxRate, limits: RateLimits, now: Instant) -> RateControl {
    RateControl::new(Some(limits), rate, 500, now)
}

fn target(control: &RateControl) -> u32 {
    control.allowance().unwrap().bits_per_s
}

fn reason(control: &RateControl) -> RateReason {
    control.reason(control.allowance().unwrap())
}

/// So many units one after the other, of six frames and three repairs each, behind a queue of so long.
fn units(control: &mut RateControl, count: u32, queue: Duration, now: &mut Instant) {
    for _ in 0..count {
        control.queued(6 * 1250, FRAME * 9, queue, *now);
        *now += INTERVAL;
    }
}

/// So many frames leave while others wait, each in so many percent of its airtime.
fn leave(control: &mut RateControl, frames: u32, percent: u32) {
    (0..frames).for_each(|_| control.left(FRAME, FRAME * percent / 100));
}

#[test]
fn the_most_redundancy_there_is_leaves_room_for_some_video() {
    let carried = |permille| RateControl::new(Some(LIMITS), TxRate::default(), permille, Instant::now());
    assert!(target(&carried(u16::MAX)) >= LIMITS.least_bits_per_s);
    assert!(packet_us(TxRate::default(), u16::MAX) > 60 * packet_us(TxRate::default(), 0));
}

#[test]
fn no_more_is_made_than_the_modulation_carries_from_the_first_picture_on() {
    let now = Instant::now();
    let slow = control(TxRate { mcs: 0, ..TxRate::default() }, LIMITS, now);
    assert!((2_500_000..3_000_000).contains(&target(&slow)), "{}", target(&slow));
    assert_eq!(reason(&slow), RateReason::Modulation);
    let fast = control(TxRate { mcs: 3, ..TxRate::default() }, LIMITS, now);
    assert_eq!((target(&fast), reason(&fast)), (4_000_000, RateReason::Asked));
}

#[test]
fn the_next_unit_after_the_air_failed_is_already_smaller() {
    let mut now = Instant::now();
    let mut control = control(TxRate::default(), LIMITS, now);
    units(&mut control, 60, Duration::ZERO, &mut now);
    leave(&mut control, 4, 300);
    units(&mut control, 1, FRAME * 6, &mut now);
    assert_eq!(target(&control), 4_000_000, "12 ms tell nothing");
    leave(&mut control, 2, 300);
    units(&mut control, 1, FRAME * 6, &mut now);
    assert!((1_500_000..2_000_000).contains(&target(&control)), "{}", target(&control));
    assert_eq!(reason(&control), RateReason::Air);
    units(&mut control, 1, FRAME * 20, &mut now);
    assert!(target(&control) < 1_400_000, "what waits has to leave too: {}", target(&control));
    assert_eq!(control.expected(FRAME * 20).as_millis(), 60);
}

#[test]
fn a_long_queue_on_an_air_as_fast_as_the_model_is_no_failure() {
    let mut now = Instant::now();
    let mut control = control(TxRate::default(), LIMITS, now);
    leave(&mut control, 50, 100);
    units(&mut control, 10, FRAME * 30, &mut now);
    assert_eq!(target(&control), 4_000_000);
}

#[test]
fn it_rises_carefully_where_the_air_failed_and_is_back_within_four_seconds() {
    let mut now = Instant::now();
    let mut control = control(TxRate::default(), LIMITS, now);
    units(&mut control, 500, Duration::ZERO, &mut now);
    leave(&mut control, 20, 300);
    units(&mut control, 1, FRAME * 6, &mut now);
    let (lowest, failed) = (target(&control), now);
    control.idle();
    let mut last = lowest;
    while target(&control) < 4_000_000 {
        units(&mut control, 1, Duration::ZERO, &mut now);
        assert!(target(&control) >= last && target(&control) <= last / 100 * 116);
        last = target(&control);
        let after = now - failed;
        assert!(after > Duration::from_millis(600) || last < lowest / 100 * 110, "{last} after {after:?}");
        assert!(after < Duration::from_secs(4), "{last} after {after:?}");
    }
}

#[test]
fn it_never_leaves_its_limits() {
    let mut now = Instant::now();
    let mut control = control(TxRate::default(), LIMITS, now);
    for _ in 0..10 {
        leave(&mut control, 20, 100_000);
        units(&mut control, 1, FRAME * 50, &mut now);
    }
    let allowed = control.allowance().unwrap();
    assert_eq!((allowed.bits_per_s, allowed.unit_bytes), (500_000, 4000));
    control.idle();
    units(&mut control, 100_000, Duration::ZERO, &mut now);
    assert_eq!(target(&control), 4_000_000);
    assert_eq!(RateControl::new(None, TxRate::default(), 500, now).allowance(), None);
}

#[test]
fn no_unit_is_longer_than_what_leaves_in_forty_milliseconds() {
    let mut now = Instant::now();
    let mut control = control(TxRate::default(), LIMITS, now);
    units(&mut control, 500, Duration::ZERO, &mut now);
    // A second of the model carries 111 such units of 7500 bytes: 4.4 in 40 ms.
    let bytes = control.allowance().unwrap().unit_bytes;
    assert!((33_000..33_500).contains(&bytes), "{bytes}");
    leave(&mut control, 20, 200);
    units(&mut control, 1, Duration::ZERO, &mut now);
    assert!((16_500..16_800).contains(&control.allowance().unwrap().unit_bytes));
}
