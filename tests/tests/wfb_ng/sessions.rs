//! Restarts, recordings and strangers: which session a receiver follows.

use std::time::Duration;

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::session::{BlockCode, SessionError};
use skylark_tests::wfb_ng::ModelSender;

use super::against_reference::{CHANNEL, datagram, ground, keys, number_of, sender};
use super::ground::{Ground, captured};

type Event = (Duration, Vec<u8>);

const INTERVAL: Duration = Duration::from_millis(4);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a transmitter sends from one time to another: a datagram every 4 ms, a session packet every second. Its
/// datagrams are numbered from `first` on.
fn aired(mut sender: ModelSender, first: u32, from: Duration, to: Duration) -> Vec<Event> {
    let count = u32::try_from((to - from).as_millis() / INTERVAL.as_millis()).unwrap();
    let mut events = Vec::new();
    for number in 0..count {
        let at = from + INTERVAL * number;
        if number % 250 == 0 {
            events.push((at, captured(&sender.session())));
        }
        let frames = sender.push(&datagram(first + number, 300));
        events.extend(frames.iter().map(|frame| (at, captured(frame))));
    }
    events
}

fn later(events: &[Event], by: Duration) -> Vec<Event> {
    events.iter().map(|(at, frame)| (*at + by, frame.clone())).collect()
}

/// All of it is heard by one card; the numbers of what is handed on in a second, and the receiver.
fn heard(airs: &[Vec<Event>]) -> Ground {
    let mut events: Vec<&Event> = airs.iter().flatten().collect();
    events.sort_by_key(|(at, _)| *at);
    let mut ground = ground();
    events.iter().for_each(|(at, frame)| ground.hear(0, frame, *at));
    ground.wait_until(events.last().unwrap().0 + ms(2000));
    ground
}

fn numbers(ground: &Ground) -> Vec<u32> {
    ground.handed.iter().map(|handed| number_of(&handed.bytes)).collect()
}

fn all(first: u32, count: u32) -> Vec<u32> {
    (first..first + count).collect()
}

fn run(seed: u64) -> ModelSender {
    sender(BlockCode::DEFAULT, seed)
}

#[test]
fn what_came_before_the_first_session_packet_is_not_lost() {
    let mut video = aired(run(1), 0, ms(0), ms(1600));
    video.remove(0);
    let ground = heard(&[video]);
    assert_eq!(numbers(&ground), all(0, 400));
    assert_eq!(ground.handed.iter().map(|handed| handed.missing_before).sum::<u32>(), 0);
    assert!(ground.stats().hearing.waiting_for_session.is_some());
}

#[test]
fn a_session_packet_heard_again_says_what_is_on_the_air_and_keeps_no_session_alive() {
    let session = captured(&run(1).session());
    let mut ground = heard(&[aired(run(1), 0, ms(0), ms(900))]);
    let last_heard = ground.stats().session.unwrap().last_heard;
    assert_eq!(ground.stats().hearing.own_session, None);
    ground.hear(0, &session, ms(5000));
    let stats = ground.stats();
    assert_eq!(stats.session.unwrap().last_heard, last_heard, "a recording can do that as well");
    assert_eq!(stats.hearing.own_session, Some(last_heard + ms(5000) - ms(896)));
}

#[test]
fn session_packets_and_bytes_are_counted_by_themselves_and_go_on_with_the_next_session() {
    let repeated = captured(&run(3).session());
    let mut first = aired(run(1), 0, ms(0), ms(1900));
    let foreign = captured(&ModelSender::new(ChannelId::new(5, 0), keys().drone, BlockCode::DEFAULT, 0, 1).session());
    first.push((ms(1900), foreign));
    let second = aired(run(2), 10_000, ms(3000), ms(3900));
    let airs = [first, second, later(&[(ms(0), repeated)], ms(3900))];
    let mut ground = heard(&airs);
    ground.hear(0, &airs[2][0].1, ms(7000));
    let frames = ground.stats().frames;
    assert_eq!((frames.session_packets, frames.session_repeats), (5, 1));
    assert_eq!((frames.duplicate, frames.late, frames.foreign), (1, 0, 1));
    let own = airs.iter().flatten().map(|(_, frame)| frame.len()).sum::<usize>() - airs[0].last().unwrap().1.len();
    assert_eq!(frames.own_bytes, (own + airs[2][0].1.len()) as u64);
}

#[test]
fn a_restarted_transmitter_loses_nothing_though_its_session_packet_is_lost() {
    let before = aired(run(1), 0, ms(0), ms(2000));
    let mut after = aired(run(2), 10_000, ms(2200), ms(4200));
    after.remove(0);
    let ground = heard(&[before, after]);
    assert_eq!(numbers(&ground), [all(0, 500), all(10_000, 500)].concat());
    let [first, .., last] = &ground.handed[..] else { panic!("nothing was handed on") };
    assert_ne!(first.session, last.session);
    assert_eq!((first.esi, last.esi, ground.stats().sessions), (0, 499, 2));
}

#[test]
fn another_code_in_flight_costs_no_datagram_and_60_ms() {
    let before = aired(run(1), 0, ms(0), ms(2000));
    let after = aired(sender(BlockCode::new(4, 8).unwrap(), 2), 10_000, ms(2000), ms(4000));
    let ground = heard(&[before, after]);
    assert_eq!(numbers(&ground), [all(0, 500), all(10_000, 500)].concat());
    let delays = ground.handed[500..].iter().map(|handed| handed.at - INTERVAL * (number_of(&handed.bytes) - 9_500));
    assert!(delays.max().unwrap() <= ms(60));
}

#[test]
fn a_session_packet_of_another_run_twice_a_second_disturbs_nothing() {
    let live = aired(run(2), 0, ms(0), ms(5000));
    let [old, ..] = &aired(run(1), 10_000, ms(0), ms(100))[..] else { panic!("it sent nothing") };
    let replayed = (1..10).map(|turn| (ms(501) * turn, old.1.clone())).collect();
    let ground = heard(&[live, replayed]);
    assert_eq!(numbers(&ground), all(0, 1250));
    assert_eq!(ground.stats().sessions, 1);
}

#[test]
fn a_recording_that_plays_beside_a_link_disturbs_nothing_and_is_counted() {
    let live = aired(run(2), 0, ms(0), ms(6000));
    let recording = later(&aired(run(1), 10_000, ms(0), ms(3000)), ms(1501));
    let ground = heard(&[live, recording]);
    assert_eq!(numbers(&ground), all(0, 1500));
    assert!(ground.stats().frames.replayed > 900, "{:?}", ground.stats().frames);
}

#[test]
fn a_recording_of_the_session_itself_brings_nothing() {
    let live = aired(run(1), 0, ms(0), ms(3000));
    let again = later(&live, ms(9000));
    let ground = heard(&[live, again]);
    assert_eq!(numbers(&ground), all(0, 750));
    assert_eq!(ground.stats().frames.late, 0);
}

#[test]
fn a_link_that_faded_while_a_recording_played_comes_back_within_300_ms() {
    let live = aired(run(2), 0, ms(0), ms(6000));
    let live: Vec<Event> = live.into_iter().filter(|(at, _)| *at < ms(1900) || *at >= ms(2900)).collect();
    let recording = later(&aired(run(1), 10_000, ms(0), ms(6000)), ms(2101));
    let ground = heard(&[live, recording]);
    let back = ground.handed.iter().find(|handed| number_of(&handed.bytes) >= 725 && number_of(&handed.bytes) < 10_000);
    assert!(back.unwrap().at <= ms(2900 + 300), "{:?}", back.unwrap().at);
    let behind: Vec<u32> =
        numbers(&ground).into_iter().skip_while(|number| *number < 725 || *number >= 10_000).collect();
    assert_eq!(behind, all(725, 775), "nothing comes between");
}

#[test]
fn two_packets_of_a_session_left_long_ago_disturb_nothing() {
    let before = aired(run(1), 0, ms(0), ms(4000));
    let heard_before: Vec<Event> = before.iter().filter(|(at, _)| *at < ms(2000)).cloned().collect();
    let [.., first, second] = &before[..] else { panic!("it sent nothing") };
    let replayed = vec![(ms(8000), first.1.clone()), (ms(8260), second.1.clone())];
    let ground = heard(&[heard_before, aired(run(2), 10_000, ms(4000), ms(12_000)), replayed]);
    assert_eq!(numbers(&ground), [all(0, 500), all(10_000, 2000)].concat());
    let delays = ground.handed[500..].iter().map(|handed| handed.at - INTERVAL * (number_of(&handed.bytes) - 9_000));
    assert!(delays.max().unwrap() <= ms(60));
}

#[test]
fn a_session_packet_of_a_later_epoch_alone_locks_nothing_out() {
    let mut later_epoch = ModelSender::new(CHANNEL, keys().drone, BlockCode::DEFAULT, 9, 5);
    let replayed = vec![(ms(0), captured(&later_epoch.session()))];
    let ground = heard(&[replayed, aired(run(6), 0, ms(100), ms(3000))]);
    assert_eq!(numbers(&ground), all(0, 725));
}

#[test]
fn of_two_changes_of_code_in_a_row_no_session_is_lost() {
    let of_code = |k, n, seed| sender(BlockCode::new(k, n).unwrap(), seed);
    let first = aired(run(1), 0, ms(0), ms(2000));
    let second = aired(of_code(4, 8, 2), 10_000, ms(2000), ms(2032));
    let third = aired(of_code(2, 4, 3), 20_000, ms(2032), ms(4000));
    let ground = heard(&[first, second, third]);
    assert_eq!(numbers(&ground), [all(0, 500), all(10_000, 8), all(20_000, 492)].concat());
}

#[test]
fn a_recording_brings_nothing_of_a_session_that_was_entered_again() {
    let live = aired(run(1), 0, ms(0), ms(4000));
    let heard_before: Vec<Event> = live.iter().filter(|(at, _)| *at < ms(1900)).cloned().collect();
    // It comes back within a block, of which what is missing may be repaired: until then it has not begun.
    let back: Vec<Event> = live.iter().filter(|(at, _)| *at >= ms(2900)).cloned().collect();
    let between = aired(run(2), 10_000, ms(2000), ms(2500));
    let again = heard_before.iter().filter(|(at, _)| *at >= ms(1700)).map(|(_, frame)| (ms(2902), frame.clone()));
    let again: Vec<Event> = again.collect();
    let replayed = again.len() as u64;
    let ground = heard(&[heard_before, between, back, again]);
    assert_eq!(numbers(&ground), [all(0, 475), all(10_000, 125), all(725, 275)].concat());
    assert_eq!((ground.stats().frames.replayed, ground.stats().sessions), (replayed, 3));
}

#[test]
fn a_recording_older_than_what_is_remembered_keeps_no_session_alive() {
    let before = aired(run(1), 0, ms(0), ms(20_000));
    let recording: Vec<Event> = before.iter().filter(|(at, _)| *at > ms(0) && *at < ms(1000)).cloned().collect();
    let replayed = recording.len() as u64;
    let ground = heard(&[before, aired(run(2), 10_000, ms(20_000), ms(22_000)), later(&recording, ms(20_000))]);
    assert_eq!(numbers(&ground), [all(0, 5000), all(10_000, 500)].concat());
    let first = ground.handed.iter().find(|handed| number_of(&handed.bytes) == 10_000).unwrap();
    assert!(first.at <= ms(20_060), "{:?}", first.at);
    assert_eq!(ground.stats().frames.replayed, replayed);
}

/// A session of which the last 10 datagrams come so long after it was left: to its successor, which pauses for 130 ms.
fn tail_of_the_session_before(late: Duration) -> Ground {
    let mut before = aired(run(1), 0, ms(0), ms(2000));
    let tail = before.split_off(before.len() - 10);
    let after = aired(run(2), 10_000, ms(2000), ms(4000));
    let paused = after.into_iter().filter(|(at, _)| *at < ms(2000) + late - ms(60) || *at > ms(2000) + late + ms(70));
    let by = late + ms(2000) - tail[0].0;
    heard(&[before, paused.collect(), later(&tail, by)])
}

#[test]
fn stragglers_of_a_session_left_do_not_bring_it_back_though_its_successor_pauses() {
    for late in [100, 200, 260, 300, 600] {
        let ground = tail_of_the_session_before(ms(late));
        assert_eq!(ground.stats().sessions, 2, "{late}");
        let of_next = ground.handed.iter().filter(|handed| number_of(&handed.bytes) >= 10_000);
        let waited = of_next.map(|handed| handed.at - INTERVAL * (number_of(&handed.bytes) - 9_500)).max();
        assert!(waited.unwrap() <= ms(130), "{late}: {waited:?}");
    }
}

#[test]
fn a_session_left_comes_back_when_its_successor_is_silent_for_250_ms() {
    let live = aired(run(1), 0, ms(0), ms(4000));
    let faded = live.into_iter().filter(|(at, _)| *at < ms(1900) || *at >= ms(2500)).collect();
    let ground = heard(&[faded, aired(run(2), 10_000, ms(2000), ms(2400))]);
    assert_eq!(numbers(&ground), [all(0, 475), all(10_000, 100), all(624, 376)].concat());
    let back = ground.handed.iter().find(|handed| number_of(&handed.bytes) == 624).unwrap();
    assert!(back.at <= ms(2400 + 250), "{:?}", back.at);
}

#[test]
fn a_session_packet_is_tried_on_the_latest_of_many_waiting_frames_only() {
    for (strangers, is_entered_at_once) in [(60, true), (70, false)] {
        let mut ground = heard(&[aired(run(1), 0, ms(0), ms(400))]);
        let next = aired(run(2), 10_000, ms(0), ms(100));
        let mut forged = aired(run(9), 0, ms(0), ms(400));
        forged.retain(|(_, frame)| frame.len() > 300);
        ground.hear(0, &next[1].1, ms(3000));
        forged.iter().skip(1).take(strangers).for_each(|(_, frame)| ground.hear(0, frame, ms(3001)));
        ground.hear(0, &next[0].1, ms(3002));
        assert_eq!(ground.stats().sessions, 1 + u64::from(is_entered_at_once), "{strangers}");
        ground.hear(0, &next[2].1, ms(3003));
        assert_eq!(numbers(&ground)[100..], [10_000, 10_001], "nothing is lost by it");
    }
}

#[test]
fn session_packets_of_many_strangers_do_not_push_out_what_is_known_of_a_session_that_was_left() {
    let before = aired(run(1), 0, ms(0), ms(1900));
    let strangers = (0..40).map(|seed| (ms(3000 + seed), captured(&run(100 + seed).session()))).collect();
    let again = later(&before, ms(8000));
    let ground = heard(&[before, aired(run(2), 10_000, ms(2000), ms(3000)), strangers, again]);
    assert_eq!(numbers(&ground), [all(0, 475), all(10_000, 250)].concat());
    assert_eq!(ground.stats().sessions, 2);
}

#[test]
fn who_began_with_a_recording_has_the_link_when_that_ends_and_for_good() {
    let recording = aired(run(1), 10_000, ms(0), ms(3000));
    let live = aired(run(2), 0, ms(1001), ms(12_000));
    let again = later(&recording, ms(4500));
    let ground = heard(&[recording, live, again]);
    let behind: Vec<u32> = numbers(&ground).into_iter().skip_while(|number| *number >= 10_000).collect();
    assert!(behind[0] <= 1300, "followed at most 3 s after the end: {}", behind[0]);
    assert_eq!(behind, all(behind[0], 2749 - behind[0]), "nothing comes between");
}

#[test]
fn a_later_epoch_is_followed_at_once_and_an_earlier_one_never() {
    let of_epoch = |epoch| ModelSender::new(CHANNEL, keys().drone, BlockCode::DEFAULT, epoch, epoch);
    let old = aired(of_epoch(5), 0, ms(0), ms(4000));
    let new = aired(of_epoch(6), 10_000, ms(1001), ms(2000));
    let ground = heard(&[old, new]);
    assert_eq!(numbers(&ground), [all(0, 251), all(10_000, 249)].concat());
}

#[test]
fn what_is_not_for_this_receiver_is_told_by_its_reason() {
    let mut ground = ground();
    let hear = |ground: &mut Ground, channel, keys: KeyPair| {
        let mut sender = ModelSender::new(channel, keys.drone, BlockCode::DEFAULT, 0, 1);
        ground.hear(0, &captured(&sender.session()), ms(1));
    };
    hear(&mut ground, CHANNEL, KeyPair::from_secrets([3; 32], [4; 32]));
    let other = ChannelId::new(77, 3);
    hear(&mut ground, other, keys());
    let mut moved = ModelSender::new(other, keys().drone, BlockCode::DEFAULT, 0, 1).session();
    moved[10..22].copy_from_slice(&[CHANNEL.dot11().transmitter; 2].concat());
    ground.hear(0, &captured(&moved), ms(1));
    let stats = ground.stats();
    assert!(stats.hearing.other_key.is_some() && stats.session.is_none());
    assert_eq!(stats.hearing.other_channel.map(|(_, channel)| channel), Some(other));
    let refused = stats.hearing.refused_session.map(|(_, error)| error);
    assert_eq!(refused, Some(SessionError::Channel { found: other, expected: CHANNEL }));
    assert_eq!((stats.frames.forged, stats.frames.foreign, stats.frames.replayed), (1, 1, 1));
}

#[test]
fn packets_that_nobody_with_the_key_sealed_are_forged_and_cost_nothing() {
    let live = aired(run(1), 0, ms(0), ms(3000));
    let mut forged = later(&aired(run(9), 0, ms(0), ms(1000)), ms(500));
    forged.remove(0);
    let ground = heard(&[live, forged]);
    assert_eq!(numbers(&ground), all(0, 750));
    assert_eq!((ground.stats().frames.forged, ground.stats().frames.waiting), (250 + 31 * 4, 0));
}
