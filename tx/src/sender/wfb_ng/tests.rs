//! The dialect as receivers see it, in virtual time.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

mod captured;
mod closing;
mod ending;
mod field;
mod giving_way;

use std::collections::BTreeMap;

use proptest::prelude::*;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::{RxHeader, TxRate};

use super::*;
use crate::sender::{Pacing, PushError, Sender, SenderConfig};
use field::{Ground, Opened, datagram, rebuild};

const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);
const MS: Duration = Duration::from_millis(1);

fn keys() -> KeyPair {
    KeyPair::from_secrets([1; 32], [2; 32])
}

fn config(k: u8, n: u8) -> WfbNgConfig {
    WfbNgConfig { code: BlockCode::new(k, n).unwrap(), ..WfbNgConfig::new(CHANNEL) }
}

fn sender(config: WfbNgConfig, now: Instant) -> Sender<WfbNg> {
    sender_of(config, SenderConfig { pacing: Pacing::None, ..SenderConfig::default() }, now)
}

fn sender_of(link: WfbNgConfig, config: SenderConfig, now: Instant) -> Sender<WfbNg> {
    Sender::new(config, WfbNg::new(link, &keys().drone, SessionSeed::from_bytes([7; 32])), now)
}

fn ground() -> Ground {
    Ground::new(keys().ground, CHANNEL)
}

fn push(sender: &mut Sender<WfbNg>, bytes: &[u8], end_of_unit: bool, now: Instant) {
    let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe: false, captured: now };
    sender.push_datagram(outgoing, now).unwrap();
}

/// Datagrams of different lengths and contents.
fn datagrams(count: usize) -> Vec<Vec<u8>> {
    let byte = |number: usize, at: usize| u8::try_from((number * 31 + at * 7) % 251).unwrap();
    (0..count).map(|number| (0..1 + number * 397 % 1400).map(|at| byte(number, at)).collect()).collect()
}

/// Everything that leaves until `end`.
fn sent(sender: &mut Sender<WfbNg>, mut now: Instant, end: Instant) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    loop {
        while let Some(frame) = sender.poll_transmit(now) {
            sent.push(frame.to_vec());
        }
        match sender.poll_timeout() {
            Some(due) if due < end => now = due.max(now),
            _ => return sent,
        }
    }
}

/// Block and fragment of every data packet, `None` for a session packet.
fn places(frames: &[Vec<u8>]) -> Vec<Option<(u64, u8)>> {
    let place = |frame: &Vec<u8>| {
        let (_, packet) = Dot11::parse(RxHeader::parse(frame).unwrap().1).unwrap();
        PacketId::parse(packet).ok().map(|(id, _)| (id.block, id.fragment))
    };
    frames.iter().map(place).collect()
}

#[test]
fn a_session_packet_comes_first_then_sources_at_once_and_parities_behind_the_kth() {
    let now = Instant::now();
    let mut sender = sender(config(2, 4), now);
    let mut frames = Vec::new();
    for bytes in datagrams(3) {
        push(&mut sender, &bytes, false, now);
        frames.push(places(&sent(&mut sender, now, now)));
    }
    assert_eq!(frames, [vec![None, Some((0, 0))], vec![Some((0, 1)), Some((0, 2)), Some((0, 3))], vec![Some((1, 0))]]);
}

#[test]
fn every_code_and_every_length_comes_through() {
    for (k, n) in [(1, 1), (1, 2), (4, 8), (8, 12), (12, 15), (128, 255)] {
        let now = Instant::now();
        let (mut sender, mut ground, mut handed) = (sender(config(k, n), now), ground(), Vec::new());
        let lengths = [1, 2, 63, 64, 65, 1399, 1400, 2048, 3000, 3992, MAX_DATAGRAM_BYTES];
        let pushed: Vec<Vec<u8>> =
            (0..300).map(|number| vec![u8::try_from(number % 251).unwrap(); lengths[number % lengths.len()]]).collect();
        for bytes in &pushed {
            push(&mut sender, bytes, false, now);
            for frame in sent(&mut sender, now, now) {
                handed.extend(ground.hear(&frame));
            }
        }
        assert_eq!(handed, pushed, "{k}/{n}");
    }
}

#[test]
fn a_block_closes_with_its_unit_where_nothing_waits_behind_and_a_quarter_is_there() {
    let now = Instant::now();
    let push_unit = |sender: &mut Sender<WfbNg>, count: usize| {
        datagrams(count).iter().enumerate().for_each(|(at, bytes)| push(sender, bytes, at + 1 == count, now));
    };
    let last_of = |units: &[usize], closing: Closing| {
        let mut sender = sender(WfbNgConfig { closing, ..config(8, 12) }, now);
        units.iter().for_each(|count| push_unit(&mut sender, *count));
        places(&sent(&mut sender, now, now)).pop().flatten().unwrap()
    };
    assert_eq!(last_of(&[2], Closing::UnitEnds), (0, 11), "two of eight, six fillers, four parities");
    assert_eq!(last_of(&[1], Closing::UnitEnds), (0, 0), "one of eight is too few");
    assert_eq!(last_of(&[5, 1], Closing::UnitEnds), (0, 11), "the unit behind goes on with the block");
    assert_eq!(last_of(&[2], Closing::Never), (0, 1));
}

#[test]
fn a_block_that_waits_too_long_is_filled_and_its_last_datagram_comes_back() {
    let start = Instant::now();
    let mut sender = sender(config(4, 6), start);
    let bytes = vec![9; 700];
    push(&mut sender, &bytes, true, start);
    assert_eq!(
        places(&sent(&mut sender, start, start + 19 * MS)),
        [None, Some((0, 0)), Some((0, 1)), Some((0, 2)), Some((0, 3)), Some((0, 4)), Some((0, 5))]
    );
    let filling = Filling::After(20 * MS);
    let mut sender = self::sender(WfbNgConfig { closing: Closing::Never, filling, ..config(4, 6) }, start);
    push(&mut sender, &bytes, true, start);
    assert_eq!(sent(&mut sender, start, start + 19 * MS).len(), 2);
    let late = sent(&mut sender, start + 20 * MS, start + 21 * MS);
    let mut ground = ground();
    ground.open(&sender.dialect.frames.session_packet(TxRate::default().emit().as_slice().to_vec()));
    let handed: Vec<_> = late.iter().flat_map(|frame| ground.hear(frame)).collect();
    assert_eq!((late.len(), handed), (5, vec![bytes]), "three fillers and two parities");
    let lengths: Vec<usize> = late.iter().map(|frame| frame.len() - TxRate::default().header_len()).collect();
    assert_eq!(lengths, [52, 52, 52, 752, 752]);
}

#[test]
fn the_session_packet_is_repeated_as_it_is_ten_times_a_second_and_with_every_keyframe() {
    let start = Instant::now();
    let mut sender = sender(config(8, 12), start);
    let mut packets = Vec::new();
    for step in 0..100 {
        let now = start + 10 * MS * step;
        let keyframe = step == 15;
        let outgoing = Outgoing { stream: VIDEO_STREAM, bytes: &[7; 99], end_of_unit: true, keyframe, captured: now };
        sender.push_datagram(outgoing, now).unwrap();
        let frames = sent(&mut sender, now, now + 10 * MS);
        let session_packets = frames.iter().zip(places(&frames)).filter(|(_, place)| place.is_none());
        packets.extend(session_packets.map(|(frame, _)| (step, frame[13 + Dot11::LEN..].to_vec())));
    }
    assert!(packets.iter().all(|(_, packet)| *packet == packets[0].1) && packets[0].1.len() == 88);
    let steps: Vec<u32> = packets.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps[..5], [0, 9, 15, 24, 33]);
    assert!(steps.windows(2).all(|pair| pair[1] - pair[0] <= 10), "{steps:?}");
}

#[test]
fn every_frame_that_leaves_is_numbered() {
    let now = Instant::now();
    let mut sender = sender(config(2, 3), now);
    datagrams(9).iter().for_each(|bytes| push(&mut sender, bytes, false, now));
    let frames = sent(&mut sender, now, now + 200 * MS);
    let number = |frame: &Vec<u8>| u16::from_le_bytes([frame[13 + 22], frame[13 + 23]]);
    let expected: Vec<u16> = (0..).map(|number: u16| number << 4).take(frames.len()).collect();
    assert_eq!(frames.iter().map(number).collect::<Vec<_>>(), expected);
}

#[test]
fn a_session_ends_before_its_blocks_do() {
    let now = Instant::now();
    let mut sender = sender(config(1, 1), now);
    sender.dialect.block_index = BLOCK_LIMIT - SPARE_BLOCKS - 1;
    let name = sender.session();
    let frames: Vec<Vec<u8>> = (0..3)
        .flat_map(|_| {
            push(&mut sender, b"a", true, now);
            sent(&mut sender, now, now)
        })
        .collect();
    assert_eq!(places(&frames), [None, Some((BLOCK_LIMIT - SPARE_BLOCKS - 1, 0)), None, Some((0, 0)), Some((1, 0))]);
    assert_ne!(sender.session(), name);
}

#[test]
fn a_session_that_follows_carries_what_the_one_before_did_at_last() {
    let now = Instant::now();
    let mut sender = sender(config(8, 12), now);
    sender.carry(Payload::Opaque);
    sender.dialect.block_index = BLOCK_LIMIT - SPARE_BLOCKS;
    for _ in 0..2 {
        push(&mut sender, b"a datagram", true, now);
        push(&mut sender, b"a datagram", true, now);
    }
    let sources = places(&sent(&mut sender, now, now)).into_iter().flatten();
    assert!(sources.eq((0..4).map(|fragment| (0, fragment))), "none of these ends a block");
}

#[test]
fn the_same_calls_give_the_same_bytes_and_another_seed_another_key() {
    let now = Instant::now();
    let bytes = |seed: u8| {
        let dialect = WfbNg::new(config(8, 12), &keys().drone, SessionSeed::from_bytes([seed; 32]));
        let mut sender = Sender::new(SenderConfig::default(), dialect, now);
        datagrams(20).iter().for_each(|bytes| push(&mut sender, bytes, false, now));
        sent(&mut sender, now, now + 100 * MS)
    };
    assert_eq!(bytes(1), bytes(1));
    assert!(bytes(1).iter().zip(&bytes(2)).all(|(one, other)| one != other));
}

#[test]
fn a_datagram_that_does_not_fit_the_format_or_the_card_is_refused() {
    let now = Instant::now();
    let mut sender = sender(config(8, 12), now);
    let refused = |sender: &mut Sender<WfbNg>, len: usize| {
        let bytes = &vec![0; len][..];
        let outgoing = Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit: true, keyframe: false, captured: now };
        sender.push_datagram(outgoing, now).err()
    };
    assert_eq!(refused(&mut sender, 3993), None);
    assert_eq!(refused(&mut sender, 3994), Some(PushError::TooLong { found: 3994, limit: 3993 }));
    sender.fit_frames(1514);
    assert_eq!(sender.max_datagram_bytes(), 1514 - 13 - 52);
    assert_eq!(refused(&mut sender, 1450), Some(PushError::TooLong { found: 1450, limit: 1449 }));
}

proptest! {
    #[test]
    fn any_k_fragments_of_each_block_bring_its_datagrams(
        code in prop::sample::select(vec![(1_u8, 2_u8), (4, 8), (8, 12), (5, 7), (12, 15)]),
        lengths in prop::collection::vec((1_usize..=1500, any::<bool>()), 1..60),
        seed: u64,
    ) {
        let now = Instant::now();
        let (mut sender, mut ground) = (sender(config(code.0, code.1), now), ground());
        let pushed: Vec<Vec<u8>> = lengths.iter().map(|(len, _)| vec![u8::try_from(*len % 251).unwrap(); *len]).collect();
        let mut frames = Vec::new();
        for (bytes, (_, end_of_unit)) in pushed.iter().zip(&lengths) {
            push(&mut sender, bytes, *end_of_unit, now);
            frames.extend(sent(&mut sender, now, now));
        }
        frames.extend(sent(&mut sender, now, now + 101 * MS));
        let mut blocks: BTreeMap<u64, BTreeMap<u8, Vec<u8>>> = BTreeMap::new();
        for frame in frames {
            if let Opened::Data(id, fragment) = ground.open(&frame).unwrap() {
                prop_assert!(blocks.entry(id.block).or_default().insert(id.fragment, fragment).is_none());
            }
        }
        let rs = ReedSolomon::new(BlockCode::new(code.0, code.1).unwrap());
        let mut random = seed | 1;
        let mut handed = Vec::new();
        for mut fragments in blocks.into_values() {
            prop_assert_eq!(fragments.len(), usize::from(code.1), "the time-out has filled the last");
            while fragments.len() > code.0.into() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let victim = *fragments.keys().nth((random >> 33) as usize % fragments.len()).unwrap();
                fragments.remove(&victim);
            }
            let rebuilt = rebuild(&rs, &fragments);
            fragments.extend(rebuilt);
            handed.extend((0..code.0).filter_map(|number| datagram(&fragments[&number])));
        }
        prop_assert_eq!(handed, pushed);
    }
}
