//! Sessions: starting late, restarts, recordings played back, two transmitters with one key.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::wire::packet::Kind;
use skylark_tests::frames::{announce, header};
use skylark_tests::link::Recorded;
use skylark_tests::{Link, LinkConfig, Traffic};

const CLOCK: u64 = 1_700_000_000_000_000;
const HOUR_US: u64 = 3_600_000_000;
const SECOND: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 30 units/s of 2 Mbit/s, a keyframe a second.
fn config(unix_us: Option<u64>) -> LinkConfig {
    let traffic = Traffic { units_per_s: 30, bits_per_s: 2_000_000, keyframe_interval: 30, ..Traffic::default() };
    LinkConfig { traffic, unix_us, ..LinkConfig::default() }
}

fn link(unix_us: Option<u64>) -> Link {
    Link::new(config(unix_us), Instant::now())
}

fn lossy(share: f64, unix_us: Option<u64>) -> Link {
    let receivers = vec![ReceiverConfig { loss: Loss::Independent { share }, ..ReceiverConfig::default() }];
    Link::new(LinkConfig { receivers, ..config(unix_us) }, Instant::now())
}

/// What a card near a transmitter with this salt and clock captures in this time.
fn recorded(salt: u8, unix_us: Option<u64>, duration: Duration) -> Vec<Recorded> {
    let mut link = link(unix_us);
    link.restart_sender(salt, unix_us);
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(duration);
    link.recording.unwrap_or_default()
}

/// Lets the link run while a recording is played back to its receiver, as fast as it was recorded.
fn run_beside(link: &mut Link, recording: &[Recorded]) {
    let Some(first) = recording.first() else { return };
    let (began, from) = (link.now, first.at);
    for frame in recording {
        link.run((began + (frame.at - from)).saturating_duration_since(link.now));
        link.hear(frame.card, &frame.bytes);
    }
}

/// Units that were handed on whole and for which the session was this one.
fn whole_units(link: &Link, session: u32) -> Vec<u32> {
    let traffic = link.config.traffic;
    let labels = link.handed.iter().filter(|handed| handed.session == session);
    let labels: Vec<_> =
        labels.map(|handed| Traffic::label(&handed.bytes).expect("every datagram has a label")).collect();
    let units = labels.chunk_by(|a, b| a.0 == b.0).filter(|unit| unit.len() == traffic.datagrams(unit[0].0) as usize);
    units.map(|unit| unit[0].0).collect()
}

/// The sessions datagrams were handed on of, in their order.
fn sessions(link: &Link) -> Vec<u32> {
    let mut sessions: Vec<u32> = link.handed.iter().map(|handed| handed.session).collect();
    sessions.dedup();
    sessions
}

fn first_of(link: &Link, session: u32) -> Option<Instant> {
    link.handed.iter().find(|handed| handed.session == session).map(|handed| handed.at)
}

#[test]
fn a_receiver_that_starts_late_decodes_from_the_first_keyframe_it_hears_in_full() {
    for late_ms in [0, 3, 40, 480, 955, 999] {
        let mut link = link(None);
        link.deaf = true;
        link.run(ms(late_ms));
        link.deaf = false;
        link.run(ms(3000 - late_ms));
        let units = whole_units(&link, link.sender.session());
        let first_keyframe = if late_ms == 0 { 0 } else { 30 };
        let from_keyframe: Vec<u32> = units.into_iter().filter(|unit| *unit >= first_keyframe).collect();
        assert_eq!(from_keyframe, (first_keyframe..90).collect::<Vec<_>>(), "{late_ms} ms late");
    }
}

#[test]
fn a_keyframe_whose_announce_was_lost_waits_for_the_next_announce() {
    let recording = recorded(3, None, ms(1500));
    let keyframe_at = recording[0].at + SECOND - ms(1);
    let mut player = link(None);
    player.deaf = true;
    let heard = recording.iter().filter(|frame| frame.at > keyframe_at);
    let mut lost_announce = false;
    for frame in heard {
        if !lost_announce && header(&frame.bytes).kind == Kind::Announce {
            lost_announce = true;
            continue;
        }
        player.wait_until(player.start + (frame.at - keyframe_at));
        player.hear(0, &frame.bytes);
    }
    let units = whole_units(&player, sessions(&player)[0]);
    assert_eq!(units, (30..45).collect::<Vec<_>>());
    assert_eq!(player.receiver.stats(player.now).frames.unannounced, 0);
}

#[test]
fn a_restarted_sender_is_followed_within_one_second() {
    let cases = [
        ("with a clock", Some(CLOCK), Some(CLOCK + 10)),
        ("without", None, None),
        ("it lost its clock", Some(CLOCK), None),
    ];
    let back = [("it got a clock", None, Some(CLOCK)), ("its clock went back", Some(CLOCK), Some(CLOCK - HOUR_US))];
    for (name, before, after) in cases.into_iter().chain(back) {
        for pause in [ms(0), ms(50), ms(3000)] {
            let mut link = lossy(0.1, before);
            link.run(ms(2345));
            link.run(ms(0));
            link.restart_sender(2, after);
            if !pause.is_zero() {
                link.deaf = true;
                link.run(pause);
                link.deaf = false;
            }
            let restarted = link.now;
            link.run(2 * SECOND);
            let first = first_of(&link, link.sender.session()).expect(name);
            let waited = first - restarted;
            assert!(waited < SECOND, "{name}, off for {pause:?}: {waited:?}");
            assert_eq!(sessions(&link).len(), 2, "{name}");
        }
    }
}

#[test]
fn a_recording_of_an_earlier_session_displaces_nothing() {
    let clocks = [(Some(CLOCK), Some(CLOCK - HOUR_US)), (None, None), (Some(CLOCK), None), (None, Some(CLOCK))];
    for (live, earlier) in clocks {
        let recording = recorded(9, earlier, 2 * SECOND);
        let mut link = lossy(0.1, live);
        link.run(SECOND);
        run_beside(&mut link, &recording);
        link.run(SECOND);
        let session = link.sender.session();
        assert_eq!(sessions(&link), [session], "{live:?} beside {earlier:?}");
        assert!(whole_units(&link, session).len() >= 119, "{live:?} beside {earlier:?}");
        let frames = link.receiver.stats(link.now).frames;
        assert!(frames.unannounced + frames.waiting + frames.replayed >= recording.len() as u64);
    }
}

#[test]
fn a_receiver_that_first_hears_a_recording_follows_the_live_session_within_a_second() {
    for (live, earlier) in
        [(Some(CLOCK), Some(CLOCK - HOUR_US)), (None, None), (None, Some(CLOCK)), (Some(CLOCK), None)]
    {
        let recording = recorded(9, earlier, 2 * SECOND);
        let mut link = link(live);
        link.deaf = true;
        run_beside(&mut link, &recording);
        link.deaf = false;
        let began = link.now;
        link.run(2 * SECOND);
        let session = link.sender.session();
        let first = first_of(&link, session).expect("the live session is followed");
        assert!(first - began < SECOND, "{live:?} after {earlier:?}: {:?}", first - began);
        assert_eq!(*sessions(&link).last().unwrap(), session);
    }
}

#[test]
fn a_fade_with_recordings_in_it_does_not_kill_the_link() {
    let clocks =
        [(Some(CLOCK), Some(CLOCK - HOUR_US)), (None, None), (Some(CLOCK), None), (None, Some(CLOCK - HOUR_US))];
    for (live, earlier) in clocks {
        for recordings in 1..=3 {
            let mut link = link(live);
            link.run(2 * SECOND);
            link.deaf = true;
            for salt in 0..recordings {
                link.run(ms(400));
                run_beside(&mut link, &recorded(20 + salt, earlier, ms(300)));
            }
            link.run(ms(400));
            link.deaf = false;
            let back = link.now;
            link.run(2 * SECOND);
            let session = link.sender.session();
            let again = link.handed.iter().find(|handed| handed.at > back && handed.session == session);
            let case = format!("{live:?}, {recordings} recordings of {earlier:?}");
            let waited = again.unwrap_or_else(|| panic!("dead after {case}")).at - back;
            assert!(waited < SECOND, "{case}: {waited:?}");
            assert!(
                link.handed
                    .iter()
                    .skip_while(|handed| handed.at < back + SECOND)
                    .all(|handed| handed.session == session),
                "{case}"
            );
        }
    }
}

#[test]
fn a_live_session_followed_shortly_is_not_pushed_out_by_recordings_around_it() {
    let mut link = link(None);
    link.deaf = true;
    run_beside(&mut link, &recorded(30, None, 10 * SECOND));
    link.deaf = false;
    link.run(2 * SECOND);
    let live = link.sender.session();
    assert_eq!(sessions(&link).last(), Some(&live), "followed after the first recording ended");
    link.deaf = true;
    link.run(ms(400));
    run_beside(&mut link, &recorded(31, None, ms(400)));
    link.deaf = false;
    let back = link.now;
    link.run(2 * SECOND);
    let again = link.handed.iter().find(|handed| handed.at > back && handed.session == live);
    assert!(again.expect("the live session is back").at - back < SECOND);
}

#[test]
fn without_redundancy_nothing_is_waited_for_in_vain() {
    let fec = skylark_common::fec::FecConfig { redundancy_permille: 0, ..Default::default() };
    let loses = Loss::Independent { share: 0.02 };
    let receivers = vec![ReceiverConfig { loss: loses, ..Default::default() }];
    let mut link = Link::new(LinkConfig { fec, receivers, ..LinkConfig::default() }, Instant::now());
    link.run(5 * SECOND);
    let behind_a_gap = link.handed.iter().filter(|handed| handed.missing_before > 0);
    let longest = behind_a_gap.map(|handed| handed.at - handed.available).max().expect("something is lost");
    assert!(longest <= ms(45), "{longest:?}");
}

#[test]
fn stale_announces_of_the_live_session_do_not_kill_the_link_in_a_fade() {
    let mut link = link(None);
    link.run(2 * SECOND);
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(ms(1200));
    let unheard = link.recording.take().unwrap();
    let announces = unheard.iter().filter(|frame| header(&frame.bytes).kind == Kind::Announce);
    link.hear(0, &announces.take(1).next().unwrap().bytes);
    link.run(ms(400));
    run_beside(&mut link, &recorded(9, None, ms(300)));
    link.deaf = false;
    let back = link.now;
    link.run(2 * SECOND);
    let session = link.sender.session();
    assert!(link.handed.iter().any(|handed| handed.at > back && handed.session == session), "dead after the fade");
}

#[test]
fn a_session_that_was_left_is_never_entered_again() {
    for (before, after) in [(Some(CLOCK), Some(CLOCK + 5)), (None, None)] {
        let mut link = link(before);
        link.recording = Some(Vec::new());
        link.run(2 * SECOND);
        let left = link.sender.session();
        // Its last second is not heard: nothing of it is in the receiver's memory.
        link.deaf = true;
        link.run(SECOND);
        link.deaf = false;
        let recording = link.recording.take().unwrap();
        link.restart_sender(2, after);
        link.run(2 * SECOND);
        let restarted = link.handed.len();
        run_beside(&mut link, &recording);
        assert!(link.handed.len() > restarted + 300, "{before:?} then {after:?}: the live link goes on");
        link.deaf = true;
        link.run(SECOND);
        run_beside(&mut link, &recording);
        assert!(link.handed[restarted..].iter().all(|handed| handed.session != left), "{before:?} then {after:?}");
        assert_eq!(link.receiver.stats(link.now).sessions, 2, "{before:?} then {after:?}");
    }
}

#[test]
fn of_two_transmitters_with_one_key_one_is_followed_without_flapping() {
    for (ours, others) in
        [(None, None), (Some(CLOCK), Some(CLOCK + 9)), (Some(CLOCK + 9), Some(CLOCK)), (Some(CLOCK), Some(CLOCK))]
    {
        let other = recorded(7, others, 5 * SECOND);
        let mut link = lossy(0.1, ours);
        run_beside(&mut link, &other);
        let followed = sessions(&link);
        assert!(followed.len() <= 2, "{ours:?} and {others:?}: {followed:?}");
        let stays = *followed.last().unwrap();
        assert!(whole_units(&link, stays).len() > 140, "{ours:?} and {others:?}");
    }
}

#[test]
fn a_session_renewed_by_its_sender_is_followed_without_a_lost_unit() {
    let mut link = link(Some(CLOCK));
    link.run(ms(1030));
    // What a sender does before its sequence numbers run out: the salt counted up, the clock as it is.
    link.restart_sender(2, Some(CLOCK + 1_030_000));
    link.run(SECOND);
    link.idle(ms(100));
    let whole: usize = sessions(&link).iter().map(|session| whole_units(&link, *session).len()).sum();
    assert_eq!(whole, link.pushed.len());
}

#[test]
fn copies_nobody_sealed_do_not_keep_a_silent_session_alive() {
    let receivers = vec![
        ReceiverConfig::default(),
        ReceiverConfig { loss: Loss::Independent { share: 1.0 }, ..ReceiverConfig::default() },
    ];
    let mut link = Link::new(LinkConfig { receivers, ..config(None) }, Instant::now());
    link.recording = Some(Vec::new());
    link.run(SECOND);
    let heard = link.recording.take().unwrap();
    link.restart_sender(2, None);
    let restarted = link.now;
    for frame in heard.iter().rev().take(30) {
        let mut forged = frame.bytes.clone();
        forged.iter_mut().rev().take(8).for_each(|byte| *byte ^= 0xff);
        link.run(ms(100));
        link.hear(1, &forged);
    }
    let first = first_of(&link, link.sender.session()).expect("the restarted sender is followed");
    assert!(first - restarted < SECOND, "{:?}", first - restarted);
}

#[test]
fn recorded_packets_that_were_never_heard_do_not_keep_a_silent_session_alive() {
    let mut link = link(None);
    link.run(SECOND);
    (link.deaf, link.recording) = (true, Some(Vec::new()));
    link.run(SECOND);
    link.deaf = false;
    let unheard = link.recording.take().unwrap();
    link.restart_sender(2, None);
    let restarted = link.now;
    for frame in unheard.iter().take(30) {
        link.run(ms(100));
        link.hear(0, &frame.bytes);
    }
    let first = first_of(&link, link.sender.session()).expect("the restarted sender is followed");
    assert!(first - restarted < SECOND, "{:?}", first - restarted);
}

#[test]
fn no_receiver_waits_for_an_announce_longer_than_100_ms() {
    let mut link = Link::new(LinkConfig { unix_us: None, ..LinkConfig::default() }, Instant::now());
    link.recording = Some(Vec::new());
    link.run(3 * SECOND);
    link.idle(2 * SECOND);
    link.run(SECOND);
    let recording = link.recording.take().unwrap();
    let announces: Vec<Instant> =
        recording.iter().filter(|frame| header(&frame.bytes).kind == Kind::Announce).map(|frame| frame.at).collect();
    let longest = announces.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= ms(100), "{longest:?}");
    assert!(link.now - *announces.last().unwrap() <= ms(100));
}

#[test]
fn every_keyframe_comes_right_behind_an_announce_of_its_first_packet() {
    let recording = recorded(3, None, 5 * SECOND);
    let traffic = config(None).traffic;
    let mut first_esi = 0;
    for unit in 0..150 {
        if traffic.is_keyframe(unit) {
            let source = |frame: &Recorded| {
                (header(&frame.bytes).kind, header(&frame.bytes).sequence) == (Kind::Source, first_esi)
            };
            let at = recording.iter().position(source).unwrap();
            let before = recording[..at].iter().rev().take(2).find(|frame| header(&frame.bytes).kind == Kind::Announce);
            let next_esi = announce(&before.expect("an announce").bytes).next_esi;
            assert_eq!(next_esi, first_esi, "keyframe {unit}");
        }
        first_esi += traffic.datagrams(unit);
    }
}
