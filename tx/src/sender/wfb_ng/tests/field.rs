//! A receiver as the field has it, written out from its facts: in order, a gap waits for any k fragments of its block,
//! a newer block that is complete flushes older ones.

use std::collections::BTreeMap;

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::{Fragment, MAX_FRAGMENT_BYTES};
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::{DATA_PACKET, PacketId, PacketKey};
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::{BlockCode, Session};
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::RxHeader;

/// A frame, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opened {
    Session(BlockCode, u64),
    Data(PacketId, Vec<u8>),
}

/// What a ground station knows.
pub(super) struct Ground {
    pub(super) key: EndKey,
    pub(super) channel: ChannelId,
    session: Option<(PacketKey, ReedSolomon)>,
    blocks: BTreeMap<u64, Block>,
    oldest: u64,
}

#[derive(Default)]
struct Block {
    fragments: BTreeMap<u8, Vec<u8>>,
    handed: u8,
}

impl Ground {
    pub(super) fn new(key: EndKey, channel: ChannelId) -> Self {
        Self { key, channel, session: None, blocks: BTreeMap::new(), oldest: 0 }
    }

    /// Opens a frame; none that does not open is expected here, but before the first session packet.
    pub(super) fn open(&mut self, frame: &[u8]) -> Option<Opened> {
        let (dot11, packet) = Dot11::parse(RxHeader::parse(frame).unwrap().1).unwrap();
        assert_eq!(ChannelId::of(dot11), Some(self.channel));
        if packet[0] != DATA_PACKET {
            let session = Session::open(packet, &self.key, self.channel).unwrap();
            if self.session.as_ref().is_none_or(|(key, _)| *key != session.key) {
                self.session = Some((session.key, ReedSolomon::new(session.code)));
                self.blocks.clear();
                self.oldest = 0;
            }
            return Some(Opened::Session(session.code, session.epoch));
        }
        let (id, sealed) = PacketId::parse(packet).unwrap();
        let mut sealed = sealed.to_vec();
        let (key, _) = self.session.as_ref()?;
        Some(Opened::Data(id, key.open(id, &mut sealed).expect("one session follows the other").to_vec()))
    }

    /// What is handed on when this frame comes.
    pub(super) fn hear(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        let Some(Opened::Data(id, fragment)) = self.open(frame) else { return Vec::new() };
        if id.block < self.oldest {
            return Vec::new();
        }
        let k = usize::from(self.code().code().k());
        let block = self.blocks.entry(id.block).or_default();
        block.fragments.insert(id.fragment, fragment);
        let mut handed = Vec::new();
        if block.fragments.len() == k {
            self.repair(id.block);
            (self.oldest..id.block).for_each(|older| self.flush(older, &mut handed));
            self.oldest = id.block;
        }
        self.hand_on(&mut handed);
        handed
    }

    fn code(&self) -> &ReedSolomon {
        &self.session.as_ref().unwrap().1
    }

    /// Brings back the source fragments that are missing of a block of which k are there.
    fn repair(&mut self, number: u64) {
        let rebuilt = rebuild(self.code(), &self.blocks[&number].fragments);
        self.blocks.get_mut(&number).unwrap().fragments.extend(rebuilt);
    }

    /// Hands on what is there of the oldest blocks, in order.
    fn hand_on(&mut self, handed: &mut Vec<Vec<u8>>) {
        let k = self.code().code().k();
        while let Some(block) = self.blocks.get_mut(&self.oldest) {
            while block.handed < k
                && let Some(fragment) = block.fragments.get(&block.handed)
            {
                handed.extend(datagram(fragment));
                block.handed += 1;
            }
            if block.handed < k {
                return;
            }
            self.blocks.remove(&self.oldest);
            self.oldest += 1;
        }
    }

    fn flush(&mut self, number: u64, handed: &mut Vec<Vec<u8>>) {
        let k = self.code().code().k();
        let Some(block) = self.blocks.remove(&number) else { return };
        handed.extend(block.fragments.range(block.handed..k).filter_map(|(_, fragment)| datagram(fragment)));
    }
}

/// The source fragments that are missing among these, k of a block.
pub(super) fn rebuild(code: &ReedSolomon, fragments: &BTreeMap<u8, Vec<u8>>) -> Vec<(u8, Vec<u8>)> {
    let k = code.code().k();
    let longest = fragments.values().map(Vec::len).max().unwrap();
    let padded: Vec<(u8, Vec<u8>)> = fragments
        .iter()
        .take(k.into())
        .map(|(number, bytes)| {
            let mut bytes = bytes.clone();
            bytes.resize(MAX_FRAGMENT_BYTES, 0);
            (*number, bytes)
        })
        .collect();
    let present: Vec<(u8, &[u8])> = padded.iter().map(|(number, bytes)| (*number, &bytes[..])).collect();
    let missing: Vec<u8> = (0..k).filter(|number| !fragments.contains_key(number)).collect();
    let mut outputs = vec![vec![0; longest]; missing.len()];
    let mut slices: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    assert!(code.decode(&present, &missing, &mut slices));
    missing.into_iter().zip(outputs).collect()
}

/// The datagram in a fragment, if it is no filler.
pub(super) fn datagram(fragment: &[u8]) -> Option<Vec<u8>> {
    match Fragment::parse(fragment).unwrap() {
        Fragment::Datagram(datagram) => Some(datagram.to_vec()),
        Fragment::Filler => None,
    }
}
