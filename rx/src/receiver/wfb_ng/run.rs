//! The session that is followed: what was heard of it, its blocks, its units.

use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::seal::session::TAG_LEN;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::session::Session;

use super::super::heard::{Heard, Look};
use super::super::{Datagram, Outcome, PacketName};
use super::blocks::{Arrival, Blocks};
use super::units::{Shown, Units};
use crate::stats::{SessionStats, StreamStats, Terms};

/// Packets of each kind whose tags are remembered, as many as are remembered to be heard.
const REMEMBERED: usize = 4096;
/// A jump of so many blocks is no gap: what was heard before is of no use to tell copies.
const FAR_BLOCKS: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Run {
    id: u32,
    session: Session,
    sources: Memory,
    parities: Memory,
    blocks: Blocks,
    units: Units,
    /// The newest packet heard.
    newest: Option<PacketId>,
    /// The newest packet heard when it was followed before.
    heard_until: Option<PacketId>,
    last_heard: Instant,
    next_esi: u32,
    stats: StreamStats,
}

/// Which packets of a kind were heard, and what they end with: packets of another session have the same numbers.
#[derive(Debug)]
struct Memory {
    heard: Heard,
    tags: Vec<u32>,
}

impl Run {
    /// Of a session that was followed before, `heard_until` is the newest packet that was heard.
    pub(super) fn new((session, heard_until): (Session, Option<PacketId>), budget: Duration, now: Instant) -> Self {
        Self {
            id: session.short_name(),
            sources: Memory::new(),
            parities: Memory::new(),
            blocks: Blocks::new(session.code, budget, now),
            units: Units::default(),
            newest: None,
            heard_until,
            last_heard: now,
            next_esi: 0,
            stats: StreamStats { stream: VIDEO_STREAM, ..StreamStats::default() },
            session,
        }
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// What a packet is counted by among its kind.
    pub(super) fn number(&self, id: PacketId) -> u32 {
        let (k, n) = (self.session.code.k(), self.session.code.n());
        let (width, place) = match id.fragment.checked_sub(k) {
            None => (k, id.fragment),
            Some(parity) => (n.saturating_sub(k), parity),
        };
        let number = id.block.saturating_mul(u64::from(width)).saturating_add(u64::from(place));
        let [_, _, _, _, low @ ..] = number.to_be_bytes();
        u32::from_be_bytes(low)
    }

    /// What is known of a packet before its seal is looked at: `None` if nothing is, not even that it is of this session.
    pub(super) fn look(&self, id: PacketId, sealed: &[u8], card: usize) -> Option<Look> {
        let newest = self.newest?;
        if id.block.abs_diff(newest.block) >= FAR_BLOCKS {
            return None;
        }
        let (memory, number) = (self.memory(id), self.number(id));
        let is_known = memory.heard.is_heard(number) && memory.tags.get(place(number)) == Some(&tag(sealed));
        is_known.then(|| memory.heard.look(number, card))
    }

    /// What a packet is called, if it was heard and authentic.
    pub(super) fn known_packet(&self, id: PacketId, sealed: &[u8]) -> Option<PacketName> {
        let look = self.look(id, sealed, 0)?;
        let is_source = id.fragment < self.session.code.k();
        let name = PacketName { session: self.id, stream: VIDEO_STREAM, is_source, sequence: self.number(id) };
        matches!(look, Look::Duplicate | Look::Again).then_some(name)
    }

    /// Whether a packet that was opened is older than what is remembered.
    pub(super) fn is_too_old(&self, id: PacketId) -> bool {
        if self.heard_until.is_some_and(|until| id <= until) {
            return true;
        }
        let newest = self.newest.map_or(0, |newest| newest.block);
        let is_far = newest.saturating_sub(id.block) >= FAR_BLOCKS;
        is_far || newest >= id.block && self.memory(id).heard.look(self.number(id), 0) == Look::Replayed
    }

    /// Notes that a card heard a packet that was opened, this copy of it or another.
    pub(super) fn remember(&mut self, id: PacketId, sealed: &[u8], card: usize) {
        if id.fragment >= self.session.code.n() {
            return;
        }
        let number = self.number(id);
        if self.newest.is_some_and(|newest| id.block.saturating_sub(newest.block) >= FAR_BLOCKS) {
            (self.sources, self.parities) = (Memory::new(), Memory::new());
        }
        self.newest = self.newest.max(Some(id));
        let is_source = id.fragment < self.session.code.k();
        let memory = if is_source { &mut self.sources } else { &mut self.parities };
        memory.heard.remember(number, card);
        memory.tags.get_mut(place(number)).into_iter().for_each(|known| *known = tag(sealed));
    }

    /// A copy of a packet that another card brought before.
    pub(super) fn handle_copy(&mut self, id: PacketId, sealed: &[u8], card: usize, now: Instant) {
        self.remember(id, sealed, card);
        self.blocks.handle_copy(card, id, now);
    }

    /// A copy of a packet this card brought before: where two cards transmit, their orders differ.
    pub(super) fn handle_again(&mut self, id: PacketId, card: usize, now: Instant) {
        self.blocks.handle_copy(card, id, now);
    }

    /// Takes a fragment that nobody brought before.
    pub(super) fn handle_fragment(&mut self, card: usize, id: PacketId, fragment: &[u8], now: Instant) -> Outcome {
        self.last_heard = now;
        match self.blocks.handle_fragment((card, id), fragment, &mut self.stats, now) {
            Arrival::InTime => Outcome::Used,
            Arrival::Late => Outcome::Late,
            Arrival::Recovered => Outcome::Duplicate,
        }
    }

    /// A session packet of it came.
    pub(super) const fn confirm(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.sources.heard.forget_card(card);
        self.parities.heard.forget_card(card);
        self.blocks.forget_card(card);
    }

    /// Hands the set of cards that heard them, and how many in a row, to `settled`, for every source packet that has
    /// reached all cards it will.
    pub(super) fn settle(&mut self, settled: impl FnMut(u64, u64)) {
        self.sources.heard.settle(settled);
        self.parities.heard.settle(|_, _| {});
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.blocks.handle_timeout(&mut self.stats, now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.blocks.poll_timeout()
    }

    /// It is over: what is there goes as it is.
    pub(super) fn finish(&mut self) {
        self.blocks.finish();
    }

    pub(super) fn is_ready(&mut self) -> bool {
        self.blocks.is_ready(&mut self.stats)
    }

    pub(super) fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        let next = self.blocks.poll(&mut self.stats)?;
        let shown = self.units.advance(&next, &mut self.stats);
        let Shown { start_of_unit, end_of_unit, keyframe, missing_before, heard } = shown;
        let esi = self.next_esi.wrapping_add(missing_before);
        self.next_esi = esi.wrapping_add(1);
        Some(Datagram {
            session: self.id,
            stream: VIDEO_STREAM,
            esi,
            bytes: next.bytes,
            start_of_unit,
            end_of_unit,
            keyframe,
            missing_before,
            recovered: next.recovered,
            captured_us: None,
            heard,
            available: next.available,
        })
    }

    pub(super) fn stats(&self) -> SessionStats {
        let Session { epoch, code, .. } = self.session;
        let (payload, unit_interval) = (self.units.payload(), self.units.interval());
        let terms = Terms::WfbNg { epoch, code, payload, unit_interval };
        SessionStats { id: self.id, last_heard: self.last_heard, terms }
    }

    pub(super) const fn stream_stats(&self) -> StreamStats {
        self.stats
    }

    const fn memory(&self, id: PacketId) -> &Memory {
        if id.fragment < self.session.code.k() { &self.sources } else { &self.parities }
    }
}

impl Memory {
    fn new() -> Self {
        Self { heard: Heard::new(), tags: vec![0; REMEMBERED] }
    }
}

/// The beginning of a packet's tag.
fn tag(sealed: &[u8]) -> u32 {
    let tag = sealed.last_chunk::<TAG_LEN>().and_then(|tag| tag.first_chunk());
    tag.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

const fn place(number: u32) -> usize {
    number as usize % REMEMBERED
}
