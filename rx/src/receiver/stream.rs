//! One stream: repairs it and hands its datagrams on in order, each missing one waited for no longer than
//! the latency budget.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::fec::{BlockId, Code, Decoder, FecConfig, RepairId};
use skylark_common::wire::symbol::Symbol;

use super::Datagram;
use super::order::{Missing, Next, Order, is_before};
use crate::stats::StreamStats;

/// How far the copies of slower cards and repairs spread over the gap between units come behind: what no
/// repair can bring back is waited for no longer than this.
const STRAGGLERS: Duration = Duration::from_millis(40);
/// What is missing is waited for at least this long before anything behind it is handed on early: by then slower cards
/// and the repairs of its own unit have brought what they could.
const LEAST_EARLY: Duration = Duration::from_millis(20);
/// Reaches remembered: those of the units of a latency budget of 2 s at 240 units a second, of 5 s at 100.
const MAX_REACHES: usize = 512;

/// The receiving half of one stream of one session.
#[derive(Debug)]
pub(super) struct StreamReceiver {
    budget: Duration,
    early: Option<Duration>,
    is_protected: bool,
    decoder: Decoder,
    order: Order,
    /// Since when repairs reach back no further than this ESI.
    reaches: VecDeque<(u32, Instant)>,
    unit: UnitProgress,
    /// When it was last told anything.
    now: Option<Instant>,
    /// When the end of a unit was last handed on, in its turn or early.
    moved: Option<Instant>,
    stats: StreamStats,
}

/// What an authentic source packet is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Its turn has not passed.
    InTime,
    /// Those behind it have been handed on.
    Late,
    /// Repairs had brought its datagram back before.
    Recovered,
}

/// What is known of the unit whose datagrams are being handed on.
#[derive(Debug, Default)]
struct UnitProgress {
    open: bool,
    damaged: bool,
    heard: Option<Instant>,
}

impl StreamReceiver {
    pub(super) fn new(stream: u8, budget: Duration, early: Option<Duration>) -> Self {
        Self {
            budget,
            early,
            is_protected: true,
            decoder: Decoder::new(),
            order: Order::new(),
            reaches: VecDeque::new(),
            unit: UnitProgress::default(),
            now: None,
            moved: None,
            stats: StreamStats { stream, ..StreamStats::default() },
        }
    }

    pub(super) fn stats(&self) -> StreamStats {
        StreamStats { repairs_unneeded: self.decoder.stats().repairs_unneeded, ..self.stats }
    }

    pub(super) const fn number(&self) -> u8 {
        self.stats.stream
    }

    /// Whether a source packet's datagram is there, heard or recovered.
    pub(super) fn is_known(&self, esi: u32) -> bool {
        self.decoder.is_known(esi)
    }

    /// Whether a source packet's turn has passed: its datagram was handed on or given up.
    pub(super) fn is_past(&self, esi: u32) -> bool {
        self.order.next().is_some_and(|next| is_before(esi, next))
    }

    /// Whether repairs could be of use: a datagram is missing whose turn has not passed.
    pub(super) fn misses_any(&self) -> bool {
        self.order.oldest_missing().is_some()
    }

    /// The announce said how the stream is protected and which datagram comes next.
    pub(super) fn handle_announce(&mut self, fec: FecConfig, next_esi: u32, now: Instant) {
        self.is_protected = fec.code != Code::None && fec.redundancy_permille > 0;
        self.order.reach_back(next_esi, now);
        self.order.expect(next_esi, now);
        self.catch_up();
    }

    /// Takes a source packet.
    pub(super) fn handle_source(&mut self, esi: u32, symbol: &[u8], now: Instant) -> Arrival {
        if Symbol::parse(symbol).is_err() {
            self.stats.malformed += 1;
            return Arrival::InTime;
        }
        if self.decoder.is_known(esi) {
            return Arrival::Recovered;
        }
        if !self.decoder.handle_source(esi, symbol) {
            // Further back than the decoder reaches: it stays missing until it is given up.
            self.stats.late += 1;
            return Arrival::Late;
        }
        let in_time = self.arrived(esi, false, now);
        self.take_recovered(now);
        if in_time { Arrival::InTime } else { Arrival::Late }
    }

    /// Takes a repair of the window code.
    pub(super) fn handle_window_repair(&mut self, id: RepairId, symbol: &[u8], now: Instant) {
        let end = id.first_esi.wrapping_add(u32::from(id.count));
        match self.decoder.handle_window_repair(id, symbol) {
            Ok(()) => self.handle_repair(id.first_esi, end, now),
            Err(_) => self.handle_malformed(),
        }
    }

    /// Takes a repair of the block code.
    pub(super) fn handle_block_repair(&mut self, id: BlockId, symbol: &[u8], now: Instant) {
        let end = id.first_esi.wrapping_add(u32::from(id.k));
        match self.decoder.handle_block_repair(id, symbol) {
            Ok(()) => self.handle_repair(id.first_esi, end, now),
            Err(_) => self.handle_malformed(),
        }
    }

    /// A packet whose body cannot be.
    pub(super) const fn handle_malformed(&mut self) {
        self.stats.malformed += 1;
    }

    /// Gives up what has been waited for long enough.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(missing) = self.order.oldest_missing()
            && self.deadline(missing) <= now
        {
            self.order.give_up();
            self.stats.lost += 1;
        }
        self.now = Some(now);
        let early = self.order.oldest_missing().and_then(|missing| self.early_deadline(missing));
        if early.is_some_and(|deadline| deadline <= now) {
            self.order.read_ahead();
        }
        self.retire(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let missing = self.order.oldest_missing()?;
        let deadline = self.deadline(missing);
        Some(self.early_deadline(missing).map_or(deadline, |early| early.min(deadline)))
    }

    /// Whether a datagram's turn has come.
    pub(super) fn is_ready(&self) -> bool {
        self.order.is_ready()
    }

    /// The next datagram, if it is there and what is missing before it has been given up. `captured` makes
    /// a whole capture time of its low bits and the time the datagram was there.
    pub(super) fn poll_datagram(
        &mut self,
        session: u32,
        captured: impl Fn(u32, Instant) -> u64,
    ) -> Option<Datagram<'_>> {
        let next = loop {
            let next = self.order.poll()?;
            match self.decoder.symbol(next.esi).map(Symbol::parse) {
                Some(Ok(_)) => break next,
                Some(Err(_)) => self.stats.malformed += 1,
                None => self.stats.lost += 1,
            }
            self.order.skip(next);
        };
        let symbol = self.decoder.symbol(next.esi).and_then(|symbol| Symbol::parse(symbol).ok())?;
        let heard = self.unit.advance(&symbol, next.missing_before, next.available, &mut self.stats);
        self.stats.datagrams += 1;
        self.stats.datagram_bytes += symbol.datagram.len() as u64;
        if symbol.end_of_unit {
            self.moved = self.now;
        }
        Some(datagram((session, self.stats.stream), next, &symbol, heard, captured))
    }

    /// Whether something is handed on early.
    pub(super) const fn is_early(&self) -> bool {
        self.order.reads_ahead()
    }

    /// The next datagram behind what has been missing for too long; it comes again in its turn.
    pub(super) fn poll_early(&mut self, session: u32, captured: impl Fn(u32, Instant) -> u64) -> Option<Datagram<'_>> {
        let mut unreadable = 0_u32;
        let next = loop {
            let next = self.order.poll_ahead()?;
            unreadable = unreadable.saturating_add(next.missing_before);
            if self.decoder.symbol(next.esi).is_some_and(|symbol| Symbol::parse(symbol).is_ok()) {
                break Next { missing_before: unreadable, ..next };
            }
            unreadable = unreadable.saturating_add(1);
        };
        let symbol = self.decoder.symbol(next.esi).and_then(|symbol| Symbol::parse(symbol).ok())?;
        if symbol.end_of_unit {
            self.moved = self.now;
        }
        Some(datagram((session, self.stats.stream), next, &symbol, next.available, captured))
    }

    fn handle_repair(&mut self, first_esi: u32, end: u32, now: Instant) {
        self.stats.repairs += 1;
        self.order.expect(end, now);
        self.reached(first_esi, now);
        self.take_recovered(now);
        self.retire(now);
    }

    fn take_recovered(&mut self, now: Instant) {
        while let Some(esi) = self.decoder.poll_recovered() {
            self.arrived(esi, true, now);
        }
        self.catch_up();
    }

    /// Returns whether it came in time.
    fn arrived(&mut self, esi: u32, recovered: bool, now: Instant) -> bool {
        self.now = Some(now);
        let in_time = self.order.arrived(esi, recovered, now);
        match (in_time, recovered) {
            (true, true) => self.stats.recovered += 1,
            (true, false) => self.stats.heard += 1,
            (false, _) => self.stats.late += 1,
        }
        in_time
    }

    /// Counts what a jump further than the window reaches has left behind.
    fn catch_up(&mut self) {
        self.stats.lost += u64::from(self.order.take_overrun());
    }

    /// A repair that reaches back to `first_esi` was heard.
    fn reached(&mut self, first_esi: u32, now: Instant) {
        if self.reaches.back().is_some_and(|(esi, _)| *esi == first_esi) {
            return;
        }
        if self.reaches.len() >= MAX_REACHES {
            self.reaches.pop_front();
        }
        self.reaches.push_back((first_esi, now));
    }

    /// Until when a missing datagram, the oldest, is waited for: the budget, or less if repairs no longer reach it.
    fn deadline(&self, missing: Missing) -> Instant {
        let patience = if self.is_protected { self.budget } else { self.budget.min(STRAGGLERS) };
        let deadline = missing.since + patience;
        let beyond = |(esi, since): &(u32, Instant)| is_before(missing.esi, *esi).then_some(*since);
        // The newest repair that reaches it, or else the first that does not, says since when it is beyond.
        let newest_reach = self.reaches.iter().rposition(|reach| beyond(reach).is_none()).map_or(0, |at| at + 1);
        let since = self.reaches.get(newest_reach).and_then(beyond);
        since.map_or(deadline, |since| deadline.min(since + STRAGGLERS))
    }

    /// Until when a unit must have been handed on, else what is there of it and of later ones is, early.
    fn early_deadline(&self, missing: Missing) -> Option<Instant> {
        let early = self.early.filter(|_| !self.is_early())?;
        Some((self.moved? + early).max(missing.since + early.min(LEAST_EARLY)))
    }

    /// Lets the decoder forget what only repairs older than the budget cover: whatever those could bring
    /// back has been given up.
    fn retire(&mut self, now: Instant) {
        while self.reaches.get(1).is_some_and(|(_, since)| *since + self.budget < now) {
            self.reaches.pop_front();
        }
        let oldest = |a, b| if is_before(a, b) { a } else { b };
        let reach = self.reaches.iter().map(|(esi, _)| *esi).reduce(oldest);
        if let (Some(next), Some(reach)) = (self.order.next(), reach) {
            self.decoder.retire_before(oldest(next, reach));
        }
    }
}

fn datagram<'a>(
    (session, stream): (u32, u8),
    next: Next,
    symbol: &Symbol<'a>,
    heard: Instant,
    captured: impl Fn(u32, Instant) -> u64,
) -> Datagram<'a> {
    Datagram {
        session,
        stream,
        esi: next.esi,
        bytes: symbol.datagram,
        start_of_unit: symbol.captured_us.is_some(),
        end_of_unit: symbol.end_of_unit,
        keyframe: symbol.keyframe,
        missing_before: next.missing_before,
        recovered: next.recovered,
        captured_us: symbol.captured_us.map(|low| captured(low, next.available)),
        heard,
        available: next.available,
    }
}

impl UnitProgress {
    /// Follows one datagram handed on; returns when the first packet of its unit was there.
    fn advance(&mut self, symbol: &Symbol<'_>, missing: u32, available: Instant, stats: &mut StreamStats) -> Instant {
        let starts = symbol.captured_us.is_some();
        if starts && (self.open || missing > 0) {
            stats.units_damaged += 1;
        }
        if starts || !self.open {
            *self = Self { open: true, damaged: !starts, heard: None };
        }
        self.damaged |= missing > 0 && !starts;
        let heard = self.heard.map_or(available, |heard| heard.min(available));
        self.heard = Some(heard);
        if symbol.end_of_unit {
            self.open = false;
            stats.units += u64::from(!self.damaged);
            stats.units_damaged += u64::from(self.damaged);
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn a_datagram_further_back_than_the_decoder_reaches_is_counted_as_late_and_lost() {
        let now = Instant::now();
        let mut stream = StreamReceiver::new(0, Duration::from_millis(100), None);
        let mut symbol = Vec::new();
        Symbol { end_of_unit: true, keyframe: false, captured_us: Some(0), datagram: b"some" }.emit(&mut symbol);
        assert_eq!(stream.handle_source(2000, &symbol, now), Arrival::InTime);
        stream.handle_announce(FecConfig::default(), 600, now);
        assert_eq!(stream.handle_source(600, &symbol, now), Arrival::Late);
        assert!(stream.poll_datagram(0, |_, _| 0).is_none());
        stream.handle_timeout(now + Duration::from_millis(101));
        assert_eq!(stream.poll_datagram(0, |_, _| 0).map(|datagram| datagram.missing_before), Some(1400));
        let StreamStats { heard, late, lost, datagrams, .. } = stream.stats();
        assert_eq!((heard, late, lost, datagrams), (1, 1, 1400, 1));
    }
}
