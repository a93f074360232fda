//! The reference receiver's rule: a ring of 40 blocks; of the oldest, fragments are handed on in order as they come; a gap
//! waits until any k fragments of its block are there; when a newer block is complete, older ones go as they are.

use std::collections::{BTreeMap, VecDeque};

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::{SESSION_PACKET, Session};
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::RxHeader;

/// Blocks it keeps.
const RING_BLOCKS: usize = 40;

/// The model: captured frames in, datagrams out.
#[derive(Debug)]
pub struct ModelReceiver {
    channel: ChannelId,
    key: EndKey,
    session: Option<(Session, ReedSolomon)>,
    ring: VecDeque<Block>,
    /// The block after the newest it has seen.
    next: Option<u64>,
    /// Everything it has handed on.
    pub handed: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Block {
    number: u64,
    fragments: BTreeMap<u8, Vec<u8>>,
    handed: u8,
}

impl ModelReceiver {
    /// One that has heard nothing.
    #[must_use]
    pub const fn new(channel: ChannelId, key: EndKey) -> Self {
        Self { channel, key, session: None, ring: VecDeque::new(), next: None, handed: Vec::new() }
    }

    /// Takes a captured frame, radiotap header first.
    pub fn handle_frame(&mut self, captured: &[u8]) {
        let Ok((info, frame)) = RxHeader::parse(captured) else { return };
        let Ok((header, packet)) = Dot11::parse(frame) else { return };
        if info.bad_fcs || ChannelId::of(header) != Some(self.channel) {
            return;
        }
        if packet.first() == Some(&SESSION_PACKET) {
            return self.handle_session(packet);
        }
        let Some((session, _)) = &self.session else { return };
        let (Ok((id, sealed)), key) = (PacketId::parse(packet), session.key.clone()) else { return };
        let mut sealed = sealed.to_vec();
        if let Ok(fragment) = key.open(id, &mut sealed) {
            self.handle_fragment(id, fragment);
        }
    }

    fn handle_session(&mut self, packet: &[u8]) {
        let Ok(session) = Session::open(packet, &self.key, self.channel) else { return };
        let is_new = |(followed, _): &(Session, ReedSolomon)| session.epoch >= followed.epoch && *followed != session;
        if self.session.as_ref().is_none_or(is_new) {
            let code = ReedSolomon::new(session.code);
            self.session = Some((session, code));
            self.ring.clear();
            self.next = None;
        }
    }

    fn handle_fragment(&mut self, id: PacketId, fragment: &[u8]) {
        let Some((session, _)) = &self.session else { return };
        let (k, n) = (session.code.k(), session.code.n());
        if id.fragment >= n {
            return;
        }
        self.make_room(id.block);
        let Some(at) = self.ring.iter().position(|block| block.number == id.block) else { return };
        let block = &mut self.ring[at];
        block.fragments.entry(id.fragment).or_insert_with(|| fragment.to_vec());
        if block.fragments.len() >= usize::from(k) {
            (0..at).for_each(|_| self.flush());
            self.rebuild();
        }
        if at == 0 {
            self.hand_on(k);
        }
        if self.ring.front().is_some_and(|block| block.handed >= k) {
            self.ring.pop_front();
        }
    }

    /// Places for all blocks up to this one; the oldest give way.
    fn make_room(&mut self, number: u64) {
        let next = self.next.unwrap_or(number);
        for number in next.max((number + 1).saturating_sub(RING_BLOCKS as u64))..=number {
            if self.ring.len() >= RING_BLOCKS {
                self.flush();
            }
            self.ring.push_back(Block { number, ..Block::default() });
        }
        self.next = Some(next.max(number + 1));
    }

    /// Of the oldest block hands on what comes next in order.
    fn hand_on(&mut self, k: u8) {
        let Some(block) = self.ring.front_mut() else { return };
        while block.handed < k
            && let Some(fragment) = block.fragments.get(&block.handed)
        {
            block.handed += 1;
            hand_on(fragment, &mut self.handed);
        }
    }

    /// The oldest block goes as it is.
    fn flush(&mut self) {
        let Some((session, _)) = &self.session else { return };
        let Some(block) = self.ring.pop_front() else { return };
        for (_, fragment) in block.fragments.range(block.handed..session.code.k()) {
            hand_on(fragment, &mut self.handed);
        }
    }

    /// The oldest block has k fragments.
    fn rebuild(&mut self) {
        let (Some((session, code)), Some(block)) = (&self.session, self.ring.front_mut()) else { return };
        let k = session.code.k();
        let missing: Vec<u8> = (0..k).filter(|number| !block.fragments.contains_key(number)).collect();
        let longest = block.fragments.values().map(Vec::len).max().unwrap_or(0);
        let padded: Vec<(u8, Vec<u8>)> = block
            .fragments
            .iter()
            .take(usize::from(k))
            .map(|(number, fragment)| (*number, [&fragment[..], &vec![0; longest - fragment.len()]].concat()))
            .collect();
        let present: Vec<(u8, &[u8])> = padded.iter().map(|(number, bytes)| (*number, &bytes[..])).collect();
        let mut outputs = vec![vec![0; longest]; missing.len()];
        let mut slices: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        if code.decode(&present, &missing, &mut slices) {
            block.fragments.extend(missing.into_iter().zip(outputs));
        }
        self.hand_on(k);
    }
}

fn hand_on(fragment: &[u8], handed: &mut Vec<Vec<u8>>) {
    if let Ok(Fragment::Datagram(datagram)) = Fragment::parse(fragment) {
        handed.push(datagram.to_vec());
    }
}
