//! Session packets that were opened. The reference sends the same one every second, and several cards hear it.

use std::collections::VecDeque;

use skylark_common::wfb_ng::session::Session;

use super::super::heard::bit;

/// Session packets remembered: more than transmitters and recordings are heard at once.
const MAX_SEEN: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Seen(VecDeque<Packet>);

#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    session: Session,
    cards: u64,
}

impl Seen {
    /// What a session packet says that was opened before, and whether this card brings it for the first time.
    pub(super) fn look(&mut self, packet: &[u8], card: usize) -> Option<(Session, bool)> {
        let seen = self.0.iter_mut().find(|seen| seen.bytes == packet)?;
        let is_first = seen.cards & bit(card) == 0;
        seen.cards |= bit(card);
        Some((seen.session.clone(), is_first))
    }

    pub(super) fn remember(&mut self, packet: &[u8], session: &Session, card: usize) {
        if self.0.len() >= MAX_SEEN {
            self.0.pop_front();
        }
        self.0.push_back(Packet { bytes: packet.to_vec(), session: session.clone(), cards: bit(card) });
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.0.iter_mut().for_each(|seen| seen.cards &= !bit(card));
    }
}
