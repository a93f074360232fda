//! One block: its fragments as they come, and the missing ones made of the others.

use std::time::Instant;

use skylark_common::fec::gf256::COLUMN_BYTES;
use skylark_common::wfb_ng::fragment::{Fragment, HEADER_LEN, MAX_FRAGMENT_BYTES};
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::BlockCode;

/// What a slot holds: the longest fragment, rounded up to whole columns.
const SLOT_BYTES: usize = MAX_FRAGMENT_BYTES.next_multiple_of(COLUMN_BYTES);

/// A block, or room for one. Takes n times 4 KiB of address space, and memory where fragments were.
#[derive(Debug)]
pub(super) struct Block {
    /// Which block.
    pub(super) index: u64,
    /// When its first fragment was there.
    pub(super) first: Instant,
    /// When its latest was.
    pub(super) last: Instant,
    code: BlockCode,
    slots: Vec<u8>,
    /// Bytes in each slot; zeros follow.
    lengths: Vec<usize>,
    available: Vec<Instant>,
    held: FragmentSet,
    recovered: FragmentSet,
    /// The length of all its parities, which is that of its longest source fragment.
    parity_bytes: Option<usize>,
    parities: u32,
    is_contradictory: bool,
}

/// Fragments of a block by their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FragmentSet([u64; 4]);

/// What a fragment was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is of use.
    Kept,
    /// Its place is taken, or nothing is missing.
    Needless,
    /// It contradicts itself or the others.
    Malformed,
}

impl Block {
    /// Room for a block.
    pub(super) fn new(code: BlockCode, now: Instant) -> Self {
        let n = usize::from(code.n());
        Self {
            index: 0,
            first: now,
            last: now,
            code,
            slots: vec![0; n * SLOT_BYTES],
            lengths: vec![0; n],
            available: vec![now; n],
            held: FragmentSet::default(),
            recovered: FragmentSet::default(),
            parity_bytes: None,
            parities: 0,
            is_contradictory: false,
        }
    }

    /// Makes it another block, of which nothing is there.
    pub(super) fn begin(&mut self, index: u64, now: Instant) {
        (self.index, self.first, self.last) = (index, now, now);
        (self.held, self.recovered) = (FragmentSet::default(), FragmentSet::default());
        self.is_contradictory = false;
        (self.parity_bytes, self.parities) = (None, 0);
    }

    /// Takes a fragment that was heard.
    pub(super) fn store(&mut self, number: u8, bytes: &[u8], now: Instant) -> Stored {
        self.last = now;
        if self.held.contains(number) || self.is_complete() {
            return Stored::Needless;
        }
        if number < self.code.k() {
            if Fragment::parse(bytes).is_err() {
                return Stored::Malformed;
            }
        } else {
            let expected = *self.parity_bytes.get_or_insert(bytes.len());
            if bytes.len() != expected || expected < HEADER_LEN {
                return Stored::Malformed;
            }
            self.parities += 1;
        }
        self.put(number, bytes, now);
        Stored::Kept
    }

    /// Makes the missing source fragments of the others, if there are k; returns how many.
    pub(super) fn rebuild(&mut self, code: &ReedSolomon, now: Instant) -> u32 {
        let k = self.code.k();
        if self.held.count() != u32::from(k) || self.is_complete() || self.is_contradictory {
            return 0;
        }
        let Some(parity_bytes) = self.parity_bytes else { return 0 };
        if (0..k).any(|number| self.held.contains(number) && self.length(number) > parity_bytes) {
            self.is_contradictory = true;
            return 0;
        }
        let width = parity_bytes.next_multiple_of(COLUMN_BYTES);
        let (mut present, mut missing, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        let slots = self.slots.as_chunks_mut::<SLOT_BYTES>().0;
        for ((number, slot), length) in (0..=u8::MAX).zip(slots).zip(&self.lengths) {
            let (symbol, behind) = slot.split_at_mut(width);
            if self.held.contains(number) {
                present.push((number, &*symbol));
            } else if number < k {
                missing.push(number);
                outputs.push(symbol);
                clear(behind, length.saturating_sub(width));
            }
        }
        if !code.decode(&present, &missing, &mut outputs) {
            self.is_contradictory = true;
            return 0;
        }
        for number in &missing {
            self.recovered.insert(*number);
            self.note(*number, width, now);
        }
        u32::try_from(missing.len()).unwrap_or(u32::MAX)
    }

    /// A source fragment that is there, with zeros behind it if it was recovered.
    pub(super) fn source(&self, number: u8) -> Option<&[u8]> {
        let slot = self.slots.as_chunks::<SLOT_BYTES>().0.get(usize::from(number))?;
        let is_there = self.held.contains(number) && number < self.code.k();
        slot.get(..self.length(number)).filter(|_| is_there)
    }

    /// When a fragment was there.
    pub(super) fn available(&self, number: u8) -> Instant {
        self.available.get(usize::from(number)).copied().unwrap_or(self.last)
    }

    /// Whether parities brought it back.
    pub(super) const fn is_recovered(&self, number: u8) -> bool {
        self.recovered.contains(number)
    }

    /// Whether all source fragments are there.
    pub(super) const fn is_complete(&self) -> bool {
        self.held.has_first(self.code.k())
    }

    /// Whether it may become complete if the fragments from this number on come, none before it.
    pub(super) fn can_complete(&self, from: u64) -> bool {
        let to_come = (0..self.code.n()).filter(|number| u64::from(*number) >= from && !self.held.contains(*number));
        let enough = usize::from(self.code.k());
        !self.is_contradictory && self.held.count() as usize + to_come.count() >= enough
    }

    /// Parities it keeps that served for nothing.
    pub(super) const fn parities_unneeded(&self) -> u32 {
        self.parities.saturating_sub(self.recovered.count())
    }

    fn put(&mut self, number: u8, bytes: &[u8], now: Instant) {
        let old = self.length(number);
        let slot = self.slots.as_chunks_mut::<SLOT_BYTES>().0.get_mut(usize::from(number));
        let Some((head, tail)) = slot.and_then(|slot| slot.split_at_mut_checked(bytes.len())) else { return };
        head.copy_from_slice(bytes);
        clear(tail, old.saturating_sub(bytes.len()));
        self.note(number, bytes.len(), now);
    }

    fn note(&mut self, number: u8, length: usize, now: Instant) {
        self.held.insert(number);
        let place = usize::from(number);
        self.lengths.get_mut(place).into_iter().for_each(|of_slot| *of_slot = length);
        self.available.get_mut(place).into_iter().for_each(|of_slot| *of_slot = now);
    }

    /// Bytes in a slot, whether they are of this block or of one before.
    fn length(&self, number: u8) -> usize {
        self.lengths.get(usize::from(number)).copied().unwrap_or(0)
    }
}

/// What a longer fragment before has left.
fn clear(tail: &mut [u8], count: usize) {
    tail.iter_mut().take(count).for_each(|byte| *byte = 0);
}

impl FragmentSet {
    const fn insert(&mut self, number: u8) {
        let [a, b, c, d] = &mut self.0;
        let word = match number >> 6 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        };
        *word |= 1 << (number & 63);
    }

    const fn contains(&self, number: u8) -> bool {
        let [a, b, c, d] = self.0;
        let word = match number >> 6 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        };
        word >> (number & 63) & 1 == 1
    }

    /// Whether all numbers below this one are in it.
    const fn has_first(&self, end: u8) -> bool {
        let [a, b, c, d] = self.0;
        let (before, word) = match end >> 6 {
            0 => (u64::MAX, a),
            1 => (a, b),
            2 => (a & b, c),
            _ => (a & b & c, d),
        };
        let below = (1 << (end & 63)) - 1;
        before == u64::MAX && word & below == below
    }

    const fn count(&self) -> u32 {
        let [a, b, c, d] = self.0;
        a.count_ones() + b.count_ones() + c.count_ones() + d.count_ones()
    }
}
