//! The dialect as receivers see it, in virtual time.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

mod closing;
mod field;

use std::collections::BTreeMap;

use proptest::prelude::*;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::{RxHeader, TxRate};

use super::*;
use crate::sender::{Pacing, SenderConfig};
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
    let mut ground = ground();
    let place = |frame: &Vec<u8>| match ground.open(frame).unwrap() {
        Opened::Session(..) => None,
        Opened::Data(id, _) => Some((id.block, id.fragment)),
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
        frames.push(places_of_all(&mut sender, now));
    }
    assert_eq!(frames, [vec![None, Some((0, 0))], vec![Some((0, 1)), Some((0, 2)), Some((0, 3))], vec![Some((1, 0))]]);
}

/// The places of what leaves at this moment; the session is known.
fn places_of_all(sender: &mut Sender<WfbNg>, now: Instant) -> Vec<Option<(u64, u8)>> {
    let of = |frame: &[u8]| {
        let (_, packet) = Dot11::parse(RxHeader::parse(frame).unwrap().1).unwrap();
        PacketId::parse(packet).ok().map(|(id, _)| (id.block, id.fragment))
    };
    std::iter::from_fn(|| sender.poll_transmit(now).map(of)).collect()
}

#[test]
fn every_code_and_every_length_comes_through() {
    for (k, n) in [(1, 1), (1, 2), (4, 8), (8, 12), (12, 15), (128, 255)] {
        let now = Instant::now();
        let (mut sender, mut ground, mut handed) = (sender(config(k, n), now), ground(), Vec::new());
        let lengths = [1, 2, 63, 64, 65, 1399, 1400, 2048, 3000, 3992, MAX_DATAGRAM_BYTES];
        let pushed: Vec<Vec<u8>> = (0..300).map(|number| vec![number as u8; lengths[number % lengths.len()]]).collect();
        for bytes in &pushed {
            push(&mut sender, bytes, false, now);
            for frame in sent(&mut sender, now, now) {
                handed.extend(ground.hear(&frame));
            }
        }
        assert_eq!(handed, pushed, "{k}/{n}");
    }
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
        let pushed: Vec<Vec<u8>> = lengths.iter().map(|(len, _)| vec![*len as u8; *len]).collect();
        let mut frames = Vec::new();
        for (bytes, (_, end_of_unit)) in pushed.iter().zip(&lengths) {
            push(&mut sender, bytes, *end_of_unit, now);
            frames.extend(sent(&mut sender, now, now));
        }
        frames.extend(sent(&mut sender, now, now + 21 * MS));
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
