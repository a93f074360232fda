//! Packets that are sealed and say what cannot be: counted, and nothing stands still.

use std::time::Duration;

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::packet::{BLOCK_LIMIT, PacketId, PacketKey};
use skylark_common::wfb_ng::session::{BlockCode, Session};

use super::against_reference::{CHANNEL, datagram, ground, keys, number_of};
use super::ground::{Ground, captured};

const KEY: PacketKey = PacketKey::from_bytes([9; 32]);

fn frame(channel: ChannelId, packet: &[u8]) -> Vec<u8> {
    captured(&[&channel.dot11().emit()[..], packet].concat())
}

fn sealed(block: u64, fragment: u8, bytes: &[u8]) -> Vec<u8> {
    let (id, mut sealed) = (PacketId { block, fragment }, bytes.to_vec());
    let tag = KEY.seal(id, &mut sealed);
    frame(CHANNEL, &[&id.emit()[..], &sealed, &tag].concat())
}

fn fragment(number: u32) -> Vec<u8> {
    let datagram = datagram(number, 20);
    [&[0, 0, 20][..], &datagram].concat()
}

/// A receiver that follows a session of code 2/4, and hears these packets 1 ms after another.
fn heard(packets: &[Vec<u8>]) -> Ground {
    let session = Session { epoch: 0, channel: CHANNEL, code: BlockCode::new(2, 4).unwrap(), key: KEY };
    let mut ground = ground();
    ground.hear(0, &frame(CHANNEL, &session.seal(&keys().drone, [1; 24])), Duration::ZERO);
    for (at, packet) in (1..).zip(packets) {
        ground.hear(0, packet, Duration::from_millis(at));
    }
    ground.wait_until(Duration::from_secs(5));
    ground
}

fn numbers(ground: &Ground) -> Vec<u32> {
    ground.handed.iter().map(|handed| number_of(&handed.bytes)).collect()
}

#[test]
fn fragments_that_cannot_be_are_malformed_and_the_stream_goes_on() {
    let good = |block: u64| sealed(block, 0, &fragment(u32::try_from(block).unwrap()));
    for wrong in [
        vec![sealed(1, 4, &fragment(7))],
        vec![sealed(1, 255, &fragment(7))],
        vec![sealed(1, 1, &[0, 0])],
        vec![sealed(1, 1, &[0, 0, 9, 1, 2])],
        vec![sealed(1, 2, &[])],
        vec![sealed(2, 2, &[1; 40]), sealed(2, 3, &[1; 41])],
    ] {
        let packets = [vec![good(0)], wrong, vec![good(5), good(6)]].concat();
        let ground = heard(&packets);
        assert_eq!(numbers(&ground), [0, 5, 6]);
        assert_eq!(ground.stats().streams[0].malformed, 1);
    }
}

#[test]
fn a_source_fragment_longer_than_the_parity_repairs_nothing() {
    let ground = heard(&[sealed(0, 0, &fragment(0)), sealed(0, 2, &[1; 5]), sealed(9, 0, &fragment(9))]);
    assert_eq!(numbers(&ground), [0, 9]);
    assert_eq!(ground.stats().streams[0].recovered, 0);
}

#[test]
fn a_jump_neither_stalls_nor_comes_back() {
    for far in [41, 1 << 20, 1 << 40, BLOCK_LIMIT - 2] {
        let of = |block: u64, number| sealed(block, 0, &fragment(number));
        let ground = heard(&[of(0, 0), of(1, 1), of(far, 2), of(far + 1, 3), of(3, 4)]);
        assert_eq!(numbers(&ground), [0, 1, 2, 3], "{far}");
        let frames = ground.stats().frames;
        assert_eq!((frames.used, frames.late + frames.replayed + frames.duplicate), (5, 1), "{far}: {frames:?}");
    }
}

#[test]
fn a_fragment_from_before_the_first_block_is_late_and_was_never_waited_for() {
    let of = |block: u64, place, number| sealed(block, place, &fragment(number));
    let ground = heard(&[of(7, 0, 0), of(7, 1, 1), of(6, 1, 9), of(8, 0, 2)]);
    assert_eq!(numbers(&ground), [0, 1, 2]);
    let (frames, stream) = (ground.stats().frames, ground.stats().streams[0]);
    assert_eq!((frames.used, frames.late, frames.duplicate), (4, 1, 0), "the session packet is of use too");
    assert_eq!((stream.lost, stream.late), (0, 0));
}
