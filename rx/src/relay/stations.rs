//! All relays a viewer hears: their frames go to the receiver, and few of them are asked to be prompt.

use std::time::Instant;

use serde::Serialize;
use skylark_common::ledger::Summary;

use super::station::StationStats;
use super::{RelayId, ViewerId};
use crate::Receiver;

/// Relays heard at once. Beyond, one that brings nothing of use makes room.
pub const MAX_STATIONS: usize = 16;

/// What is known of one relay.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RelayStats {
    /// Which.
    pub id: RelayId,
    /// What came from it.
    pub station: StationStats,
    /// Whether it is asked to be prompt.
    pub prompt: bool,
    /// Packets it was the first to bring, of those that were authentic.
    pub first: u64,
    /// Share of the packets known over the last second that it heard, in ‰.
    pub heard_permille: u32,
    /// How far its copies come behind the first of the same packet, median over the last second, in µs. What the relay
    /// held a frame for does not count.
    pub behind_us: u64,
    /// There and back, in µs, once it has answered.
    pub round_trip_us: Option<u64>,
    /// From a card's capture to here, of packets it was the first to bring, over the last second: its age and half the
    /// round trip.
    pub relayed: Summary,
    /// Frames under a true packet's header that were not authentic, and came before the true one.
    pub forged: u64,
}

/// All relays a viewer hears.
///
/// **After every `handle_message`, call `deliver` until it returns false, each time taking what the receiver has; then
/// call `poll_report` until it returns `None`, and wait no longer than `poll_timeout`.**
#[derive(Debug)]
pub struct Stations {
    viewer: ViewerId,
    started: Instant,
    report: Vec<u8>,
}

impl Stations {
    /// A viewer that has heard of no relay.
    #[must_use]
    pub fn new(viewer: ViewerId, now: Instant) -> Self {
        Self { viewer, started: now, report: Vec::new() }
    }

    /// Takes a relay's message.
    pub fn handle_message(&mut self, _relay: RelayId, _message: &[u8], _now: Instant) {}

    /// Hands the next frame of the messages taken to the receiver; false when there is none. `place` is the receiver's
    /// number for a card of a relay; without one the frame is dropped.
    pub fn deliver(
        &mut self,
        receiver: &mut Receiver,
        mut place: impl FnMut(RelayId, u8) -> Option<usize>,
        now: Instant,
    ) -> bool {
        place(RelayId(0), 0).is_some_and(|card| {
            receiver.handle_frame(card, &[], now);
            false
        })
    }

    /// Hands a frame of a card of this machine to the receiver: what the cards here hear, no relay need bring.
    pub fn deliver_local(&mut self, receiver: &mut Receiver, card: usize, frame: &[u8], now: Instant) {
        receiver.handle_frame(card, frame, now);
    }

    /// The report to all relays, if one is due.
    pub fn poll_report(&mut self, _receiver: &Receiver, _now: Instant) -> Option<&[u8]> {
        (!self.report.is_empty()).then_some(&self.report[..])
    }

    /// When to call `poll_report` if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.started)
    }

    /// What is known of each relay, in order of their numbers.
    #[must_use]
    pub fn stats(&self, _now: Instant) -> Vec<RelayStats> {
        let _ = self.viewer;
        Vec::new()
    }
}
