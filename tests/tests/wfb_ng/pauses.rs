//! Pauses within a block: what comes behind one is handed on and repaired like what came before it.

use std::time::Duration;

use skylark_common::wfb_ng::session::BlockCode;

use super::against_reference::{datagram, ground, number_of, sender};
use super::ground::{Ground, captured};

/// Three blocks of 8 of 12, but for these datagrams; a pause of 1 s before the one with the number 22.
fn heard_without(lost: &[u32]) -> Ground {
    let (mut ground, mut sender, mut at) = (ground(), sender(BlockCode::DEFAULT, 3), Duration::ZERO);
    ground.hear(0, &captured(&sender.session()), at);
    for number in 0..24 {
        at += Duration::from_secs(u64::from(number == 22));
        let frames = sender.push(&datagram(number, 300));
        for frame in frames.iter().skip(usize::from(lost.contains(&number))) {
            at += Duration::from_millis(4);
            ground.hear(0, &captured(frame), at);
        }
    }
    ground.wait_until(at + Duration::from_secs(3));
    ground
}

fn numbers(ground: &Ground) -> Vec<u32> {
    ground.handed.iter().map(|handed| number_of(&handed.bytes)).collect()
}

#[test]
fn what_comes_behind_a_pause_within_a_block_is_handed_on() {
    let ground = heard_without(&[18]);
    assert_eq!(numbers(&ground), (0..24).filter(|number| *number != 18).collect::<Vec<_>>());
    let stream = ground.stats().streams[0];
    assert_eq!((stream.lost, stream.recovered), (1, 0));
}

#[test]
fn parities_repair_what_is_lost_behind_a_pause_within_a_block() {
    let ground = heard_without(&[18, 22]);
    assert_eq!(numbers(&ground), (0..24).filter(|number| *number != 18).collect::<Vec<_>>());
    let stream = ground.stats().streams[0];
    assert_eq!((stream.lost, stream.late, stream.recovered), (1, 1, 1));
}
