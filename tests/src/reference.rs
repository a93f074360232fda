//! The field's standard as a model on the same air: blocks of k source and n − k repair packets that run
//! across units, repairs at once when a block is full, a receiver that flushes unfinished blocks when a
//! newer one is complete. Only which packets arrive when is modelled: a block of an ideal code is whole
//! when any k of its packets are there.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use skylark_common::air::sim;

use crate::link::LinkConfig;
use crate::outcome::Outcome;

/// Bytes each packet adds on the air: 802.11 header, packet header, tag, fragment header.
const OVERHEAD_BYTES: usize = 52;
/// Blocks the receiver keeps.
const RING_BLOCKS: usize = 40;

/// A block code's shape.
#[derive(Debug, Clone, Copy)]
pub struct BlockCode {
    /// Source packets in a block.
    pub k: u32,
    /// All packets of a block.
    pub n: u32,
}

/// A packet's place: block, and fragment in it.
type Place = (u32, u32);

#[derive(Debug, Default)]
struct Block {
    fragments: u64,
    handed: u32,
}

#[derive(Debug)]
struct Model<'a> {
    config: &'a LinkConfig,
    code: BlockCode,
    channel: sim::Channel,
    now: Instant,
    queue: VecDeque<Vec<u8>>,
    longest: usize,
    sources: u32,
    /// The unit of each source packet.
    units: Vec<u32>,
    blocks: BTreeMap<u32, Block>,
    oldest: u32,
    handed: Vec<(u32, Instant)>,
}

/// What the block code makes of the traffic, the air and the loss of `config` in this time.
#[must_use]
pub fn run(config: &LinkConfig, code: BlockCode, duration: Duration, start: Instant) -> Outcome {
    let air = sim::Config { receivers: config.receivers.clone(), ..sim::Config::default() };
    let mut model = Model {
        config,
        code,
        channel: sim::Channel::new(air, config.seed, start),
        now: start,
        queue: VecDeque::new(),
        longest: 0,
        sources: 0,
        units: Vec::new(),
        blocks: BTreeMap::new(),
        oldest: 0,
        handed: Vec::new(),
    };
    let mut pushed = Vec::new();
    while model.now < start + duration {
        pushed.push(model.now);
        model.push_unit(u32::try_from(pushed.len() - 1).unwrap_or(u32::MAX));
        model.wait_until(start + config.traffic.interval() * u32::try_from(pushed.len()).unwrap_or(u32::MAX));
    }
    model.outcome(&pushed)
}

impl Model<'_> {
    fn push_unit(&mut self, unit: u32) {
        for index in 0..self.config.traffic.datagrams(unit) {
            let bytes = self.config.traffic.datagram(unit, index).len();
            self.longest = self.longest.max(bytes);
            let place = (self.sources / self.code.k, self.sources % self.code.k);
            self.units.push(unit);
            self.sources += 1;
            self.queue_frame(place, bytes);
            if self.sources.is_multiple_of(self.code.k) {
                (self.code.k..self.code.n).for_each(|fragment| self.queue_frame((place.0, fragment), self.longest));
                self.longest = 0;
            }
        }
    }

    fn queue_frame(&mut self, (block, fragment): Place, bytes: usize) {
        let mut frame = self.config.rate.emit().as_slice().to_vec();
        frame.extend_from_slice(&block.to_be_bytes());
        frame.extend_from_slice(&fragment.to_be_bytes());
        frame.resize(frame.len() - 8 + OVERHEAD_BYTES + bytes, 0);
        self.queue.push_back(frame);
    }

    fn wait_until(&mut self, end: Instant) {
        loop {
            while self.channel.backlog(self.now).is_zero()
                && let Some(frame) = self.queue.pop_front()
            {
                self.channel.inject(&frame, self.now).expect("the air is free");
            }
            while let Some((_, frame, at)) = self.channel.poll_capture(self.now) {
                let place = place(frame);
                self.hear(place, at);
            }
            match self.channel.poll_timeout() {
                Some(due) if due <= end => self.now = due,
                _ => break,
            }
        }
        self.now = end;
    }

    fn hear(&mut self, (block, fragment): Place, at: Instant) {
        if block < self.oldest {
            return;
        }
        self.blocks.entry(block).or_default().fragments |= 1 << fragment;
        if self.is_whole(block) {
            (self.oldest..block).for_each(|older| self.flush(older, at));
            self.oldest = block;
        }
        while self.blocks.len() > RING_BLOCKS {
            self.flush(self.oldest, at);
            self.oldest += 1;
        }
        self.hand_on(at);
    }

    /// Hands on the oldest block's packets in order, as far as they are there.
    fn hand_on(&mut self, at: Instant) {
        while let Some(block) = self.blocks.get_mut(&self.oldest) {
            let whole = block.fragments.count_ones() >= self.code.k;
            while block.handed < self.code.k && (whole || block.fragments >> block.handed & 1 == 1) {
                self.handed.push((self.oldest * self.code.k + block.handed, at));
                block.handed += 1;
            }
            if block.handed < self.code.k {
                return;
            }
            self.blocks.remove(&self.oldest);
            self.oldest += 1;
        }
    }

    /// Hands on what there is of a block and forgets it.
    fn flush(&mut self, number: u32, at: Instant) {
        let Some(block) = self.blocks.remove(&number) else { return };
        let there = (block.handed..self.code.k).filter(|fragment| block.fragments >> fragment & 1 == 1);
        self.handed.extend(there.map(|fragment| (number * self.code.k + fragment, at)));
    }

    fn is_whole(&self, block: u32) -> bool {
        self.blocks.get(&block).is_some_and(|block| block.fragments.count_ones() >= self.code.k)
    }

    fn outcome(&self, pushed: &[Instant]) -> Outcome {
        let mut there = vec![(0_u32, None); pushed.len()];
        for (source, at) in &self.handed {
            let Some(unit) = self.units.get(*source as usize) else { continue };
            let (count, last) = &mut there[*unit as usize];
            *count += 1;
            *last = Some(*at);
        }
        let whole = there.iter().zip(pushed).zip(0..).filter_map(|(((count, at), pushed), unit)| {
            at.filter(|_| *count == self.config.traffic.datagrams(unit)).map(|at| at - *pushed)
        });
        Outcome::new(pushed.len(), whole.collect())
    }
}

/// The place written at the start of a frame, behind its radiotap header.
fn place(frame: &[u8]) -> Place {
    let header = usize::from(u16::from_le_bytes([frame[2], frame[3]]));
    let word = |at: usize| u32::from_be_bytes(frame[header + at..header + at + 4].try_into().expect("four bytes"));
    (word(0), word(4))
}
