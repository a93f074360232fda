//! Blocks into datagrams: in order, each at most once, each missing one waited for no longer than it can still come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::BlockCode;

use super::block::{Block, Stored};
use super::pace::Pace;
use super::progress::Progress;
use crate::stats::StreamStats;

/// Blocks that may be unfinished at once, as many as the reference keeps: what is further back is given up.
const MAX_BLOCKS: u64 = 40;
/// Blocks kept to be used again: more are unfinished at once only behind a fade, and each holds what was in it.
const MAX_FREE: usize = 4;
/// Fragments given up that are remembered, to tell late ones from copies of what was recovered.
const MAX_GIVEN_UP: usize = 256;

/// The blocks of one session.
#[derive(Debug)]
pub(super) struct Blocks {
    code: ReedSolomon,
    budget: Duration,
    /// Blocks of which something is there, in order; of those between nothing is.
    blocks: VecDeque<Block>,
    /// Room for blocks to come.
    free: Vec<Block>,
    /// The source fragment whose turn it is.
    next: Option<PacketId>,
    /// The block it began with, once anything was handed on or given up.
    first_block: Option<u64>,
    newest: u64,
    newest_complete: Option<u64>,
    progress: Progress,
    pace: Pace,
    missing_before: u32,
    given_up: VecDeque<PacketId>,
    /// Nothing more will come.
    is_over: bool,
    now: Instant,
}

/// What an authentic fragment is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Its turn has not passed.
    InTime,
    /// Those behind it have been handed on.
    Late,
    /// Parities had brought it back before.
    Recovered,
}

/// A datagram whose turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next<'a> {
    pub(super) id: PacketId,
    pub(super) bytes: &'a [u8],
    pub(super) missing_before: u32,
    pub(super) recovered: bool,
    pub(super) available: Instant,
}

impl Blocks {
    pub(super) fn new(code: BlockCode, budget: Duration, now: Instant) -> Self {
        Self {
            code: ReedSolomon::new(code),
            budget,
            blocks: VecDeque::new(),
            free: Vec::new(),
            next: None,
            first_block: None,
            newest: 0,
            newest_complete: None,
            progress: Progress::new(code.n()),
            pace: Pace::default(),
            missing_before: 0,
            given_up: VecDeque::new(),
            is_over: false,
            now,
        }
    }

    /// Takes a fragment that nobody brought before.
    pub(super) fn handle_fragment(
        &mut self,
        (card, id): (usize, PacketId),
        bytes: &[u8],
        stats: &mut StreamStats,
        now: Instant,
    ) -> Arrival {
        self.handle_copy(card, id, now);
        self.pace.heard(now);
        if id.fragment >= self.code.code().n() {
            stats.malformed += 1;
            return Arrival::InTime;
        }
        let is_parity = id.fragment >= self.code.code().k();
        stats.repairs += u64::from(is_parity);
        if self.is_past(id) {
            return self.passed(id, is_parity, stats);
        }
        self.newest = self.newest.max(id.block);
        let place = self.place_of(id.block, stats);
        let Some(block) = place.and_then(|place| self.blocks.get_mut(place)) else { return Arrival::Late };
        match block.store(id.fragment, bytes, now) {
            Stored::Malformed => stats.malformed += 1,
            Stored::Needless if is_parity => stats.repairs_unneeded += 1,
            Stored::Needless => return Arrival::Recovered,
            Stored::Kept => stats.heard += u64::from(!is_parity),
        }
        let turn = self.next.filter(|next| next.block == id.block).map_or(0, |next| next.fragment);
        let passed = (0..turn).filter(|number| block.source(*number).is_none()).count() as u64;
        let rebuilt = u64::from(block.rebuild(&self.code, now));
        stats.late += passed.min(rebuilt);
        stats.recovered += rebuilt.saturating_sub(passed);
        if block.is_complete() {
            self.newest_complete = self.newest_complete.max(Some(id.block));
        }
        Arrival::InTime
    }

    /// A card brought a copy of a fragment.
    pub(super) fn handle_copy(&mut self, card: usize, id: PacketId, now: Instant) {
        self.now = now;
        self.progress.heard(card, id, now);
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.progress.forget_card(card);
    }

    /// Gives up what has been waited for long enough.
    pub(super) fn handle_timeout(&mut self, stats: &mut StreamStats, now: Instant) {
        self.now = now;
        if !self.is_ready(stats)
            && self.deadline().is_some_and(|deadline| deadline <= now)
            && let Some(until) = self.next_there()
        {
            self.give_up_until(until, stats);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), once everything that is there has been polled.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.deadline()?;
        let silence = self.progress.poll_timeout(self.pace.patience(), self.now);
        Some(silence.map_or(deadline, |silence| silence.min(deadline)))
    }

    /// Nothing more will come: what is there goes as it is.
    pub(super) fn finish(&mut self) {
        self.is_over = true;
    }

    /// Whether a datagram's turn has come. Passes what is final before it.
    pub(super) fn is_ready(&mut self, stats: &mut StreamStats) -> bool {
        while let (Some(next), Some(front)) = (self.next, self.blocks.front()) {
            if front.index != next.block {
                let Some(until) = self.end_of_silence(next.block, front.index) else { return false };
                self.give_up_until(until, stats);
            } else if next.fragment >= self.code.code().k() {
                self.release(stats);
            } else if let Some(fragment) = front.source(next.fragment) {
                match Fragment::parse(fragment) {
                    Ok(Fragment::Datagram(_)) => return true,
                    Ok(Fragment::Filler) => self.next = Some(behind(next)),
                    Err(_) => {
                        stats.malformed += 1;
                        self.give_up_until(behind(next), stats);
                    }
                }
            } else if self.is_final(next, Some(front)) {
                self.give_up_until(behind(next), stats);
            } else {
                return false;
            }
        }
        false
    }

    /// The next datagram, if it is there and nothing before it is waited for.
    pub(super) fn poll(&mut self, stats: &mut StreamStats) -> Option<Next<'_>> {
        if !self.is_ready(stats) {
            return None;
        }
        let id = self.next?;
        self.pass(id, behind(id));
        let block = self.blocks.front()?;
        let Ok(Fragment::Datagram(bytes)) = Fragment::parse(block.source(id.fragment)?) else { return None };
        Some(Next {
            id,
            bytes,
            missing_before: std::mem::take(&mut self.missing_before),
            recovered: block.is_recovered(id.fragment),
            available: block.available(id.fragment),
        })
    }

    /// Whether a fragment's turn has passed. Until something is handed on, the beginning may move back.
    fn is_past(&mut self, id: PacketId) -> bool {
        let first = PacketId { block: id.block, fragment: 0 };
        let next = self.next.get_or_insert(first);
        if id.block < next.block && self.first_block.is_none() && next.block.saturating_sub(id.block) < MAX_BLOCKS {
            *next = first;
        }
        id < *next
    }

    /// A fragment came whose turn has passed.
    fn passed(&self, id: PacketId, is_parity: bool, stats: &mut StreamStats) -> Arrival {
        if is_parity {
            stats.repairs_unneeded += 1;
            Arrival::InTime
        } else if self.given_up.contains(&id) {
            stats.late += 1;
            Arrival::Late
        } else if self.first_block.is_some_and(|first| id.block < first) {
            // From before it began: nobody waited for it, so that it was not given up.
            Arrival::Late
        } else {
            Arrival::Recovered
        }
    }

    /// Where the block is, made if it is not there; `None` if it is so old that it was given up at once.
    fn place_of(&mut self, index: u64, stats: &mut StreamStats) -> Option<usize> {
        let place = self.blocks.partition_point(|block| block.index < index);
        if self.blocks.get(place).is_some_and(|block| block.index == index) {
            return Some(place);
        }
        let (code, now) = (self.code.code(), self.now);
        let mut block = self.free.pop().unwrap_or_else(|| Block::new(code, now));
        block.begin(index, now);
        self.blocks.insert(place, block);
        // Only if nobody polls: what is further back than they reach goes first.
        let excess = self.blocks.len().saturating_sub(usize::try_from(2 * MAX_BLOCKS).unwrap_or(0));
        for _ in 0..excess {
            self.release(stats);
        }
        place.checked_sub(excess)
    }

    /// Until where nothing will come of the blocks from `first` to `front` of which nothing is there.
    fn end_of_silence(&self, first: u64, front: u64) -> Option<PacketId> {
        let reach = self.newest.saturating_sub(MAX_BLOCKS).min(front);
        let last = PacketId { block: front.saturating_sub(1), fragment: self.code.code().k().saturating_sub(1) };
        let until = if self.is_final(last, None) { front } else { reach };
        (until > first).then_some(PacketId { block: until, fragment: 0 })
    }

    /// Whether a source fragment will neither come nor be repaired.
    fn is_final(&self, id: PacketId, block: Option<&Block>) -> bool {
        if self.is_over || id.block < self.newest.saturating_sub(MAX_BLOCKS) {
            return true;
        }
        let in_order = self.newest_complete > Some(id.block);
        let from = self.progress.first_to_come(id.block, in_order, self.pace.patience(), self.now);
        let (k, n) = (u64::from(self.code.code().k()), u64::from(self.code.code().n()));
        let may_be_repaired = block.map_or(n.saturating_sub(from) >= k, |block| block.can_complete(from));
        u64::from(id.fragment) < from && !may_be_repaired
    }

    /// What is there and has its turn if what is missing before it is given up; the end of a block of which nothing is
    /// left, if another follows.
    fn next_there(&self) -> Option<PacketId> {
        let (next, front, k) = (self.next?, self.blocks.front()?, self.code.code().k());
        if front.index != next.block {
            return Some(PacketId { block: front.index, fragment: 0 });
        }
        let held = (next.fragment..k).find(|number| front.source(*number).is_some());
        let end = (self.blocks.len() > 1).then_some(k);
        Some(PacketId { fragment: held.or(end)?, ..next })
    }

    /// Until when the next fragment is waited for, if anything waits for it: the budget from the end of its block on. While
    /// its block is being sent, every fragment of it shows that more will come.
    fn deadline(&self) -> Option<Instant> {
        let (next, front, _) = (self.next?, self.blocks.front()?, self.next_there()?);
        if front.index != next.block {
            return Some(front.first + self.budget);
        }
        let is_sent = self.blocks.get(1).map(|block| block.first + self.budget);
        let is_idle = || front.last + self.budget.max(self.pace.patience());
        (next.fragment < self.code.code().k()).then(|| is_sent.unwrap_or_else(is_idle))
    }

    /// Gives up all source fragments from the next to this one.
    fn give_up_until(&mut self, until: PacketId, stats: &mut StreamStats) {
        let Some(next) = self.next else { return };
        let k = u64::from(self.code.code().k());
        let place = |id: PacketId| id.block.saturating_mul(k).saturating_add(u64::from(id.fragment));
        let count = place(until).saturating_sub(place(next));
        stats.lost += count;
        self.missing_before = self.missing_before.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        let memory = count.min(MAX_GIVEN_UP as u64);
        for place in place(until).saturating_sub(memory)..place(until) {
            if self.given_up.len() >= MAX_GIVEN_UP {
                self.given_up.pop_front();
            }
            let fragment = u8::try_from(place.checked_rem(k).unwrap_or(0)).unwrap_or(0);
            self.given_up.push_back(PacketId { block: place.checked_div(k).unwrap_or(0), fragment });
        }
        self.pass(next, until);
    }

    /// What is before `until` is handed on or given up, from `next` on.
    fn pass(&mut self, next: PacketId, until: PacketId) {
        self.first_block.get_or_insert(next.block);
        self.next = Some(until);
    }

    /// The oldest block has been handed on or given up.
    fn release(&mut self, stats: &mut StreamStats) {
        let Some(block) = self.blocks.pop_front() else { return };
        let behind = PacketId { block: block.index.saturating_add(1), fragment: 0 };
        if self.next.is_some_and(|next| next.fragment < self.code.code().k() && next < behind) {
            self.give_up_until(behind, stats);
        }
        self.next = self.next.max(Some(behind));
        stats.repairs_unneeded += u64::from(block.parities_unneeded());
        if self.free.len() < MAX_FREE {
            self.free.push(block);
        }
    }
}

/// The place behind a fragment; past the last of its block it is none.
const fn behind(id: PacketId) -> PacketId {
    PacketId { block: id.block, fragment: id.fragment.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn what_a_fade_took_is_given_back_when_it_is_over() {
        let (now, mut stats) = (Instant::now(), StreamStats::default());
        let mut blocks = Blocks::new(BlockCode::new(2, 4).unwrap(), Duration::from_secs(1), now);
        let mut hear = |blocks: &mut Blocks, card, block| {
            let id = PacketId { block, fragment: 1 };
            assert_eq!(blocks.handle_fragment((card, id), &[0, 0, 1, 9], &mut stats, now), Arrival::InTime);
        };
        hear(&mut blocks, 1, 0);
        (1..30).for_each(|block| hear(&mut blocks, 0, block));
        assert!(
            !blocks.is_ready(&mut StreamStats::default()) && blocks.blocks.len() == 30,
            "the slow card is waited for"
        );
        (30..90).for_each(|block| hear(&mut blocks, 0, block));
        let handed = std::iter::from_fn(|| blocks.poll(&mut StreamStats::default()).map(|next| next.id.block));
        assert!(handed.count() > 30);
        assert_eq!(blocks.free.len(), MAX_FREE);
    }
}
