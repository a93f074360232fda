//! What was recorded of the reference comes out as it went in, and at least what its receiver made of it.

use std::time::Instant;

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use skylark_rx::stats::RxStats;
use skylark_tests::wfb_ng::Recording;
use skylark_tests::wfb_ng::recording::Sent;

use super::ground::{Ground, LATENCY_BUDGET};

fn receiver_of(recording: &Recording, now: Instant) -> WfbNgReceiver {
    let argument = |name| recording.argument(name).unwrap();
    let channel = ChannelId::new(argument("-i"), u8::try_from(argument("-p")).unwrap());
    WfbNgReceiver::new(WfbNgConfig { channel, latency_budget: LATENCY_BUDGET }, recording.key.clone(), now)
}

/// The places in what was sent of what is handed on, and everything that was counted.
fn received(recording: &Recording) -> (Vec<usize>, RxStats) {
    let now = Instant::now();
    let mut ground = Ground::new(receiver_of(recording, now), now);
    recording.frames.iter().for_each(|(at, frame)| ground.hear(0, frame, *at));
    ground.wait_until(recording.frames.last().unwrap().0 + 2 * LATENCY_BUDGET);
    let sent = &recording.expected.sent;
    let place = |bytes: &Vec<u8>| {
        sent.iter().position(|sent| *sent == Sent::of(bytes)).unwrap_or_else(|| {
            panic!("{}: {} bytes that were not sent: {:?}", recording.name, bytes.len(), &bytes[..16.min(bytes.len())])
        })
    };
    (ground.handed.iter().map(|handed| place(&handed.bytes)).collect(), ground.stats())
}

#[test]
fn every_recording_comes_out_in_order_with_all_that_the_reference_handed_on() {
    for recording in Recording::all() {
        let (handed, stats) = received(&recording);
        assert!(handed.is_sorted_by(|a, b| a < b), "{}: {handed:?}", recording.name);
        let reference = &recording.expected.delivered_by_reference_receiver;
        let lacking: Vec<_> = reference.iter().filter(|place| !handed.contains(place)).collect();
        assert_eq!(lacking, Vec::<&usize>::new(), "{}: {stats:?}", recording.name);
        let captured = recording.frames.len() as u64;
        assert_eq!(stats.frames.captured, captured, "{}", recording.name);
    }
}

#[test]
fn a_recording_heard_from_any_frame_on_loses_only_what_came_before() {
    for mut recording in Recording::all() {
        let frames = recording.frames.clone();
        let whole = received(&recording).0;
        let k = recording.argument("-k").unwrap() as usize;
        for from in (1..frames.len()).step_by(23) {
            recording.frames = frames[from..].to_vec();
            let (handed, _) = received(&recording);
            assert!(handed.is_sorted_by(|a, b| a < b));
            let Some(first) = handed.first() else { continue };
            // Of the block it begins in, what would have repaired the rest may have come before.
            let behind = |places: &[usize]| -> Vec<usize> {
                places.iter().copied().filter(|place| *place >= first + k).collect()
            };
            assert_eq!(behind(&handed), behind(&whole), "{} from frame {from}", recording.name);
        }
    }
}
