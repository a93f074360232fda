//! What the models lose, measured; and what the channel hands over.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::wire::radiotap::Width;

const START_US: u64 = 1_000_000;

/// Virtual time: any `Instant` will do as its origin.
#[expect(clippy::disallowed_methods, reason = "the origin of virtual time; its value plays no role")]
fn origin() -> Instant {
    Instant::now() + Duration::from_micros(START_US)
}

fn frame(mcs: u8, mpdu: &[u8]) -> Vec<u8> {
    let rate = TxRate { mcs, ..TxRate::default() };
    [rate.emit().as_slice(), mpdu].concat()
}

fn channel(receivers: Vec<ReceiverConfig>, seed: u64, now: Instant) -> Channel {
    Channel::new(Config { receivers, ..Config::default() }, seed, now)
}

fn losing(loss: Loss) -> ReceiverConfig {
    ReceiverConfig { loss, ..ReceiverConfig::default() }
}

/// Sends `count` frames, one each `interval`, and says which of them each card lost.
fn lost(receivers: Vec<ReceiverConfig>, seed: u64, count: u32, interval: Duration) -> Vec<Vec<bool>> {
    let mut now = origin();
    let mut lost = vec![vec![true; count as usize]; receivers.len()];
    let mut channel = channel(receivers, seed, now);
    for number in 0..count {
        channel.inject(&frame(7, &number.to_le_bytes()), now).unwrap();
        now += interval;
        while let Some((card, captured, _)) = channel.poll_capture(now) {
            let (_, mpdu) = RxHeader::parse(captured).unwrap();
            let number = u32::from_le_bytes(mpdu.try_into().unwrap());
            lost[card][number as usize] = false;
        }
    }
    lost
}

fn one(loss: Loss, seed: u64) -> Vec<bool> {
    lost(vec![losing(loss)], seed, 100_000, Duration::from_micros(500)).remove(0)
}

/// Frames lost in all, and runs of them.
fn runs(lost: &[bool]) -> (usize, usize) {
    let begun = lost.iter().zip(std::iter::once(&false).chain(lost)).filter(|(now, before)| **now && !**before);
    (lost.iter().filter(|lost| **lost).count(), begun.count())
}

#[test]
fn independent_loss_is_what_was_asked_for_and_comes_singly() {
    let (lost, runs) = runs(&one(Loss::Independent { share: 0.1 }, 1));
    // 10 % lost in runs of 1 / 0.9 frames.
    assert_eq!((lost, runs), (10_023, 9039));
}

#[test]
fn bursts_have_the_mean_length_asked_for() {
    let (lost, runs) = runs(&one(Loss::Bursts { share: 0.1, mean_frames: 5.0 }, 1));
    // 10 % lost in 2000 runs of 5 frames.
    assert_eq!((lost, runs), (10_221, 2086));
}

#[test]
fn fades_last_in_time_whatever_the_frame_rate() {
    let fade = || Loss::Fades { share: 0.1, mean: Duration::from_millis(20), inside: 1.0 };
    // 50 s: 10 % lost in 250 fades of 40 frames.
    assert_eq!(runs(&one(fade(), 1)), (8515, 237));
    // 200 s at a quarter of the frames: 1000 fades of 10 frames; those between two frames are not seen.
    let sparse = lost(vec![losing(fade())], 1, 100_000, Duration::from_millis(2)).remove(0);
    assert_eq!(runs(&sparse), (9517, 943));
}

#[test]
fn a_fade_may_let_some_frames_through() {
    let fade = Loss::Fades { share: 0.1, mean: Duration::from_millis(20), inside: 0.5 };
    // A fifth of the time is faded.
    let (lost, runs) = runs(&one(fade, 1));
    assert_eq!((lost, runs), (9805, 5039));
}

#[test]
fn a_trace_is_followed_and_repeated() {
    let trace = Trace::parse("001 1").unwrap();
    let lost = lost(vec![losing(Loss::Trace(trace))], 1, 9, Duration::from_millis(1)).remove(0);
    assert_eq!(lost, [false, false, true, true, false, false, true, true, false]);
}

#[test]
fn a_weak_signal_loses_frames_of_a_fast_rate() {
    let mut now = origin();
    let mut channel = channel(vec![ReceiverConfig { signal_dbm: -73, ..ReceiverConfig::default() }], 1, now);
    for _ in 0..1000 {
        channel.inject(&frame(7, &[0; 2044]), now).unwrap();
        channel.inject(&frame(1, &[0; 2044]), now).unwrap();
        now += Duration::from_millis(10);
        while channel.poll_capture(now).is_some() {}
    }
    let (_, stats) = channel.receivers().next().unwrap();
    // At the sensitivity of MCS 7 a tenth of its frames of 4096 bytes fail, half as many of 2048; none at MCS 1.
    assert_eq!(stats.lost, 40);
}

#[test]
fn the_signal_can_be_walked_while_it_runs() {
    let now = origin();
    let mut channel = channel(vec![ReceiverConfig::default()], 1, now);
    channel.inject(&frame(1, &[1; 100]), now).unwrap();
    let later = now + Duration::from_millis(10);
    channel.set_signal_dbm(0, -96, later);
    channel.inject(&frame(1, &[2; 100]), later).unwrap();
    let end = later + Duration::from_millis(10);
    let (_, captured, _) = channel.poll_capture(end).unwrap();
    assert_eq!(RxHeader::parse(captured).unwrap().1, [1; 100]);
    assert_eq!(channel.poll_capture(end), None);
}

#[test]
fn a_receivers_losses_do_not_depend_on_anything_else() {
    let loss = || losing(Loss::Independent { share: 0.2 });
    let interval = Duration::from_millis(1);
    let alone = lost(vec![loss()], 9, 1000, interval);
    let burst = losing(Loss::Bursts { share: 0.3, mean_frames: 4.0 });
    let with_other = lost(vec![loss(), burst], 9, 1000, interval);
    assert_eq!(alone[0], with_other[0]);
    let twins = lost(vec![loss(), loss()], 9, 1000, interval);
    assert_ne!(twins[0], twins[1]);
    let delayed = ReceiverConfig { delay: Duration::from_micros(700), antennas: 2, damaged_share: 0.0, ..loss() };
    let delayed = lost(vec![delayed], 9, 999, interval);
    assert_eq!(alone[0][..998], delayed[0][..998]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_times() {
    let now = origin();
    let run = |seed| {
        let damaged = ReceiverConfig { damaged_share: 0.5, ..losing(Loss::Independent { share: 0.5 }) };
        let mut channel = channel(vec![damaged.clone(), damaged], seed, now);
        (0..100).for_each(|number| channel.inject(&frame(7, &[number; 60]), now).unwrap());
        let end = now + Duration::from_secs(1);
        std::iter::from_fn(|| channel.poll_capture(end).map(|(card, bytes, at)| (card, bytes.to_vec(), at)))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn a_captured_frame_has_the_header_of_a_card() {
    let now = origin();
    let two = ReceiverConfig { antennas: 2, signal_dbm: -61, ..ReceiverConfig::default() };
    let mut channel = channel(vec![two], 1, now);
    channel.inject(&frame(3, &[7; 96]), now).unwrap();
    let (card, captured, at) = channel.poll_capture(now + Duration::from_secs(1)).unwrap();
    // (8 * 100 + 22) / 104 = 7.9 symbols of 4 µs, 36 µs of preamble, 101.5 µs before it.
    assert_eq!((card, at - now), (0, Duration::from_nanos(101_500 + 36_000 + 8 * 4000)));
    let (info, mpdu) = RxHeader::parse(captured).unwrap();
    assert_eq!(mpdu, [7; 96]);
    assert_eq!((info.tsft_us, info.frequency_mhz), (Some(169), Some(5745)));
    assert!(!info.has_fcs && !info.bad_fcs && !info.is_own());
    let rate = info.rate.and_then(RxRate::to_tx).unwrap();
    assert_eq!((rate.mcs, rate.width), (3, Width::Mhz20));
    let signals: Vec<_> = info.antennas.iter().flatten().map(|antenna| antenna.signal_dbm).collect();
    assert_eq!(signals, [Some(-61), Some(-64)]);
    assert_eq!(info.noise_dbm(), Some(-95));
}

#[test]
fn frames_take_turns_on_the_air_and_wait_for_each_other() {
    let now = origin();
    let mut channel = channel(vec![ReceiverConfig::default()], 1, now);
    channel.inject(&frame(1, &[0; 1396]), now).unwrap();
    channel.inject(&frame(1, &[0; 1396]), now).unwrap();
    let each = Duration::from_nanos(1_001_500);
    assert_eq!(channel.poll_timeout(), Some(now + each));
    assert_eq!(channel.backlog(now), 2 * each);
    assert_eq!(channel.poll_capture(now + each - Duration::from_nanos(1)), None);
    let (_, _, first) = channel.poll_capture(now + 3 * each).unwrap();
    let (_, _, second) = channel.poll_capture(now + 3 * each).unwrap();
    assert_eq!((first - now, second - now), (each, 2 * each));
    assert_eq!(channel.poll_timeout(), None);
    assert_eq!(channel.stats().airtime, 2 * each);
}

#[test]
fn a_full_transmit_queue_refuses_until_the_air_has_taken_a_frame() {
    let now = origin();
    let mut channel = channel(vec![ReceiverConfig::default()], 1, now);
    for _ in 0..TRANSMIT_QUEUE_FRAMES {
        channel.inject(&frame(1, &[0; 1396]), now).unwrap();
    }
    assert!(matches!(channel.inject(&frame(1, &[0; 1396]), now), Err(Refusal::Busy)));
    channel.inject(&frame(1, &[0; 1396]), now + Duration::from_nanos(1_001_500)).unwrap();
    assert_eq!((channel.stats().injected, channel.stats().refused_busy), (129, 1));
}

#[test]
fn a_later_card_hears_the_same_frame_later() {
    let now = origin();
    let late = ReceiverConfig { delay: Duration::from_millis(10), ..ReceiverConfig::default() };
    let mut channel = channel(vec![late, ReceiverConfig::default()], 1, now);
    channel.inject(&frame(7, &[0; 100]), now).unwrap();
    channel.inject(&frame(7, &[1; 100]), now).unwrap();
    let end = now + Duration::from_secs(1);
    let heard: Vec<_> =
        std::iter::from_fn(|| channel.poll_capture(end).map(|(card, bytes, at)| (card, bytes[bytes.len() - 1], at)))
            .collect();
    let order: Vec<_> = heard.iter().map(|(card, byte, _)| (*card, *byte)).collect();
    assert_eq!(order, [(1, 0), (1, 1), (0, 0), (0, 1)]);
    assert_eq!(heard[2].2 - heard[0].2, Duration::from_millis(10));
    assert!(heard.is_sorted_by_key(|(_, _, at)| *at));
}

#[test]
fn lost_frames_may_arrive_damaged_and_say_so() {
    let now = origin();
    let config = ReceiverConfig { damaged_share: 1.0, ..losing(Loss::Independent { share: 1.0 }) };
    let mut channel = channel(vec![config], 1, now);
    channel.inject(&frame(7, &[0; 100]), now).unwrap();
    let (_, captured, _) = channel.poll_capture(now + Duration::from_secs(1)).unwrap();
    let (info, mpdu) = RxHeader::parse(captured).unwrap();
    assert!(info.bad_fcs);
    assert_eq!(mpdu.len(), 100);
    let flipped: u32 = mpdu.iter().map(|byte| byte.count_ones()).sum();
    assert!((1..=8).contains(&flipped), "{flipped} bits flipped");
}

#[test]
fn how_many_frames_arrive_damaged_does_not_change_how_damaged_they_are() {
    let mut now = origin();
    let config = ReceiverConfig { damaged_share: 0.1, ..losing(Loss::Independent { share: 1.0 }) };
    let mut channel = channel(vec![config], 1, now);
    let (mut damaged, mut flipped) = (0, 0);
    for _ in 0..2000 {
        channel.inject(&frame(7, &[0; 100]), now).unwrap();
        now += Duration::from_millis(1);
        while let Some((_, captured, _)) = channel.poll_capture(now) {
            let (_, mpdu) = RxHeader::parse(captured).unwrap();
            damaged += 1;
            flipped += mpdu.iter().map(|byte| byte.count_ones()).sum::<u32>();
        }
    }
    assert!((150..250).contains(&damaged), "{damaged} of 2000");
    assert!((4 * damaged..5 * damaged).contains(&flipped), "{flipped} bits in {damaged} frames, 4.5 each expected");
}

#[test]
fn bit_errors_damage_the_share_asked_for_and_lose_nothing() {
    let run = |bit_error_share| {
        let mut now = origin();
        let errors = ReceiverConfig { bit_error_share, ..losing(Loss::Independent { share: 0.2 }) };
        let mut channel = channel(vec![errors.clone(), errors], 3, now);
        let (mut captured, mut damaged) = (0, vec![[false; 2]; 10_000]);
        for damaged in &mut damaged {
            channel.inject(&frame(7, &[0; 100]), now).unwrap();
            now += Duration::from_millis(1);
            while let Some((card, frame, _)) = channel.poll_capture(now) {
                let (info, mpdu) = RxHeader::parse(frame).unwrap();
                captured += 1;
                damaged[card] = info.bad_fcs;
                assert!(info.bad_fcs || mpdu == [0; 100]);
            }
        }
        let count = |of: fn(&&[bool; 2]) -> bool| damaged.iter().filter(of).count();
        (captured, count(|damaged| damaged[0]), count(|damaged| **damaged == [true; 2]))
    };
    // 80 % of 20 000 captured; of 10 000 frames 24 % are damaged at a card, 5.8 % at both.
    assert_eq!(run(0.3), (16_012, 2407, 551));
    assert_eq!(run(0.0), (16_012, 0, 0));
}

#[test]
fn every_frame_on_the_air_is_counted_once_at_each_receiver() {
    let now = origin();
    let config = ReceiverConfig { damaged_share: 0.3, ..losing(Loss::Independent { share: 0.4 }) };
    let mut channel = channel(vec![config], 5, now);
    let step = Duration::from_secs(1);
    for round in 1..=20_u32 {
        (0..100).for_each(|_| channel.inject(&frame(7, &[0; 100]), now + step * round).unwrap());
    }
    assert_eq!(channel.poll_capture(now), None);
    let (_, stats) = channel.receivers().next().unwrap();
    assert_eq!(stats.on_air, 1900);
    assert_eq!(stats.heard + stats.damaged + stats.lost + stats.overflowed, stats.on_air);
    assert_eq!(stats.heard + stats.damaged, RECEIVER_QUEUE_FRAMES as u64);
    assert!(stats.overflowed > 0 && stats.damaged > 0);
}

#[test]
fn what_is_no_frame_is_refused_and_counted() {
    let now = origin();
    let mut channel = channel(vec![ReceiverConfig::default()], 1, now);
    assert!(matches!(channel.inject(&[], now), Err(Refusal::Failed(_))));
    assert!(matches!(channel.inject(&[0xff; 40], now), Err(Refusal::Failed(_))));
    assert!(matches!(channel.inject(TxRate::default().emit().as_slice(), now), Err(Refusal::Failed(_))));
    let long = channel.inject(&vec![0; MAX_FRAME_BYTES + 1], now);
    assert!(matches!(long, Err(Refusal::TooLong { found: 4097, limit: 4096 })));
    assert_eq!(channel.stats().refused_malformed, 4);
    assert_eq!(channel.poll_timeout(), None);
}

#[test]
fn a_frame_without_a_rate_goes_at_the_lowest() {
    let now = origin();
    let mut channel = channel(vec![ReceiverConfig::default()], 1, now);
    let bare = [&[0, 0, 8, 0, 0, 0, 0, 0][..], &[0; 96]].concat();
    channel.inject(&bare, now).unwrap();
    let (_, captured, _) = channel.poll_capture(now + Duration::from_secs(1)).unwrap();
    assert_eq!(RxHeader::parse(captured).unwrap().0.rate.and_then(RxRate::to_tx).unwrap().mcs, 0);
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let now = origin();
        let config = ReceiverConfig { damaged_share: 0.5, ..losing(Loss::Independent { share: 0.5 }) };
        let mut channel = channel(vec![config], 1, now);
        for frame in &frames {
            // A header that is right as far as it goes, so that some frames pass.
            let header = [0, 0, 8, 0, 0, 0, 0, 0];
            let _ = channel.inject(frame, now);
            let _ = channel.inject(&[&header[..], frame].concat(), now);
        }
        let mut end = now;
        while let Some(timeout) = channel.poll_timeout() {
            end = end.max(timeout);
            while let Some((_, captured, at)) = channel.poll_capture(end) {
                prop_assert!(RxHeader::parse(captured).is_ok());
                prop_assert!(at <= end);
            }
        }
        let (_, stats) = channel.receivers().next().unwrap();
        prop_assert_eq!(stats.on_air, channel.stats().injected);
        prop_assert_eq!(stats.heard + stats.damaged + stats.lost, stats.on_air);
    }
}
