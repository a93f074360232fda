//! Beside the model of the reference receiver: under the same loss never fewer datagrams, and not later.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::session::BlockCode;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use skylark_tests::wfb_ng::{ModelReceiver, ModelSender};

use super::ground::{Ground, LATENCY_BUDGET, captured};

pub(crate) const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);
const CODES: [(u8, u8); 7] = [(1, 2), (4, 8), (8, 12), (12, 15), (1, 1), (8, 8), (1, 255)];
/// From frame to frame: some 8 Mbit/s.
const FRAME_INTERVAL: Duration = Duration::from_micros(1400);

/// Frames by which every card has brought one.
const ALL_HEARD: usize = 60;

pub(crate) fn keys() -> KeyPair {
    KeyPair::from_secrets([1; 32], [2; 32])
}

pub(crate) fn sender(code: BlockCode, seed: u64) -> ModelSender {
    ModelSender::new(CHANNEL, keys().drone, code, 0, seed)
}

pub(crate) fn ground() -> Ground {
    let now = Instant::now();
    let config = WfbNgConfig { channel: CHANNEL, latency_budget: LATENCY_BUDGET };
    Ground::new(WfbNgReceiver::new(config, keys().ground, now), now)
}

/// A datagram that is like no other: its number, and as many bytes as are wanted.
pub(crate) fn datagram(number: u32, len: usize) -> Vec<u8> {
    let filling = (0..len.saturating_sub(4)).map(|at| u8::try_from((at + number as usize) % 251).unwrap());
    number.to_be_bytes().into_iter().chain(filling).take(len.max(4)).collect()
}

pub(crate) fn number_of(datagram: &[u8]) -> u32 {
    u32::from_be_bytes(*datagram.first_chunk().unwrap())
}

/// What is sent: each frame, and whether a session packet.
fn sent(code: BlockCode, lengths: &[usize], close_every: usize) -> Vec<Vec<u8>> {
    let mut sender = sender(code, 7);
    let mut frames = vec![sender.session()];
    for (number, len) in (0..).zip(lengths) {
        frames.extend(sender.push(&datagram(number, *len)));
        if close_every > 0 && (number as usize).is_multiple_of(close_every) {
            frames.extend(sender.close());
        }
    }
    frames
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![4..1400_usize, Just(4_usize), Just(3993_usize), Just(60_usize), Just(61_usize)];
    proptest::collection::vec(length, 1..160)
}

fn code() -> impl Strategy<Value = BlockCode> {
    proptest::sample::select(&CODES[..]).prop_map(|(k, n)| BlockCode::new(k, n).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// One card, any loss: all that the reference hands on, in order, and each no later.
    #[test]
    fn one_card_loses_nothing_the_reference_has_and_nothing_comes_later(
        code in code(), lengths in lengths(), close in 0..7_usize, seed: u64, loss in 0..60_u32,
    ) {
        let mut ground = ground();
        let mut model = ModelReceiver::new(CHANNEL, keys().ground);
        let (mut random, mut modelled) = (seed, Vec::new());
        for (at, frame) in (0_u32..).zip(sent(code, &lengths, close)) {
            if at > 0 && chance(&mut random) < loss {
                continue;
            }
            let (frame, at) = (captured(&frame), FRAME_INTERVAL * at);
            ground.hear(0, &frame, at);
            model.handle_frame(&frame);
            modelled.resize(model.handed.len(), at);
        }
        let last = ground.handed.len();
        ground.wait_until(Duration::from_secs(9));
        let handed: Vec<u32> = ground.handed.iter().map(|handed| number_of(&handed.bytes)).collect();
        prop_assert!(handed.is_sorted_by(|a, b| a < b), "{:?}", handed);
        for (bytes, at) in model.handed.iter().zip(&modelled) {
            let found = ground.handed.iter().find(|handed| handed.bytes == *bytes);
            let found = found.unwrap_or_else(|| panic!("{} is lacking", number_of(bytes)));
            prop_assert!(found.at <= *at, "{} at {:?}, reference {:?}", number_of(bytes), found.at, at);
        }
        for handed in &ground.handed {
            let number = number_of(&handed.bytes);
            prop_assert_eq!(&handed.bytes, &datagram(number, lengths[number as usize]));
        }
        prop_assert!(last >= model.handed.len());
    }

    /// Several cards, each with its own loss and delay: all of every block of which any k fragments were heard, once every
    /// card has been heard.
    #[test]
    fn of_any_cards_every_block_with_k_fragments_is_whole(
        code in code(), lengths in lengths(), seed: u64, loss in 0..50_u32,
        cards in proptest::collection::vec(0..40_u64, 1..4),
    ) {
        let mut ground = ground();
        let (k, n) = (usize::from(code.k()), usize::from(code.n()));
        let frames = sent(code, &lengths, 0);
        let mut random = seed;
        let mut events = Vec::new();
        let mut heard = vec![false; frames.len()];
        for (place, frame) in frames.iter().enumerate() {
            for (card, delay_ms) in cards.iter().enumerate() {
                if place > 0 && chance(&mut random) < loss {
                    continue;
                }
                heard[place] = true;
                let at = FRAME_INTERVAL * u32::try_from(place).unwrap() + Duration::from_millis(*delay_ms);
                events.push((at, card, frame));
            }
        }
        events.sort_by_key(|(at, card, _)| (*at, *card));
        events.iter().for_each(|(at, card, frame)| ground.hear(*card, &captured(frame), *at));
        ground.wait_until(Duration::from_secs(9));
        let handed: Vec<u32> = ground.handed.iter().map(|handed| number_of(&handed.bytes)).collect();
        prop_assert!(handed.is_sorted_by(|a, b| a < b), "{:?}", handed);
        for (block, heard) in heard[1..].chunks(n).enumerate().filter(|(block, _)| block * n > ALL_HEARD) {
            let is_whole = heard.iter().filter(|heard| **heard).count() >= k;
            for (fragment, heard) in heard.iter().take(k).enumerate() {
                let number = u32::try_from(block * k + fragment).unwrap();
                prop_assert!(!(is_whole || *heard) || handed.contains(&number), "{} of block {}", fragment, block);
            }
        }
    }
}

/// 0 to 99.
fn chance(random: &mut u64) -> u32 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    u32::try_from((*random >> 33) % 100).unwrap()
}

/// The mean time, in µs, by which the datagrams both have are held back: here, and by the reference.
fn held_back_us(code: BlockCode, loss: u32) -> (u64, u64, usize, usize) {
    let mut ground = ground();
    let mut model = ModelReceiver::new(CHANNEL, keys().ground);
    let (mut random, mut modelled, mut sent_at) = (1, Vec::new(), Vec::new());
    let k = u32::from(code.k());
    for (at, frame) in (0_u32..).zip(sent(code, &[1000; 4000], 0)) {
        if at > 0 && (at - 1) % u32::from(code.n()) < k {
            sent_at.push(FRAME_INTERVAL * at);
        }
        if at > 0 && chance(&mut random) < loss {
            continue;
        }
        let (frame, at) = (captured(&frame), FRAME_INTERVAL * at);
        ground.hear(0, &frame, at);
        model.handle_frame(&frame);
        modelled.resize(model.handed.len(), at);
    }
    let since = |bytes: &[u8], at: Duration| (at - sent_at[number_of(bytes) as usize]).as_micros();
    let ours: u128 = ground.handed.iter().map(|handed| since(&handed.bytes, handed.at)).sum();
    let theirs: u128 = model.handed.iter().zip(&modelled).map(|(bytes, at)| since(bytes, *at)).sum();
    let mean = |sum: u128, count: usize| u64::try_from(sum / count as u128).unwrap();
    let (mine, its) = (ground.handed.len(), model.handed.len());
    (mean(ours, mine), mean(theirs, its), mine, its)
}

#[test]
fn what_is_lost_holds_back_less_than_with_the_reference() {
    for ((k, n), loss) in [((8, 12), 10), ((8, 12), 25), ((8, 12), 40), ((4, 8), 40), ((12, 15), 25)] {
        let (ours, reference, mine, its) = held_back_us(BlockCode::new(k, n).unwrap(), loss);
        println!("{k}/{n}, {loss} % lost: {ours} us of {mine}, reference {reference} us of {its}");
        assert!(ours <= reference && mine >= its);
    }
}
