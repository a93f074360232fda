//! What differs from one dialect on the air to another: how a datagram becomes frames, and what protects it.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use skylark_common::wire::announce::TxLatency;

use super::config::Outgoing;
use super::queue::{Queued, TransmitQueue, Unit};
use super::units::Units;

/// Makes frames of datagrams. [`Skylark`](super::Skylark) and [`WfbNg`](super::WfbNg) are the dialects there are.
///
/// What a dialect has no use for costs it nothing: a sender is compiled for each.
pub trait Dialect: Debug {
    /// The longest datagram a packet carries, in bytes.
    const MAX_DATAGRAM_BYTES: usize;
    /// What a packet adds to it at most, the radiotap header apart, in bytes.
    const PACKET_OVERHEAD_BYTES: usize;

    /// The streams it carries, none begun.
    fn streams(&self) -> Vec<Units>;

    /// Repair packets for a thousand source packets.
    fn redundancy_permille(&self) -> u16;

    /// The session's short name on the air.
    fn session(&self) -> u32;

    /// Whether a session of its own must begin, lest a nonce be used twice.
    fn is_used_up(&self, is_quiet: impl FnOnce() -> bool) -> bool;

    /// Begins that session.
    fn renew(&mut self, now: Instant);

    /// Queues one datagram of stream `at`.
    fn push(&mut self, at: usize, units: &mut Units, outgoing: Outgoing<'_>, queue: &mut TransmitQueue, now: Instant);

    /// Queues what receivers must know, ahead of everything that waits.
    fn announce(&mut self, latency: Option<TxLatency>, queue: &mut TransmitQueue, now: Instant);

    /// A unit was dropped; whether the rest of it is to come.
    fn forget(&mut self, at: usize, unit: Unit, is_under_way: bool);

    /// The rest of the unit under way is not taken.
    fn abandon(&mut self, at: usize);

    /// Lets the oldest repairs give way, where they wait; whether there were any. All is expected to have left at
    /// `drained`.
    fn repairs_give_way(&self, queue: &mut TransmitQueue, drained: Instant) -> bool;

    /// Airtime of what waits, with the repairs that are not made yet.
    fn with_repairs(&self, waiting: Duration) -> Duration {
        waiting
    }

    /// A frame leaves; what must follow it at once is put next in the queue. `fits` says whether so much airtime is
    /// expected to pass in the time a unit may wait.
    fn depart(
        &mut self,
        _queued: &mut Queued,
        _queue: &mut TransmitQueue,
        _fits: impl Fn(Duration) -> bool,
        _now: Instant,
    ) {
    }

    /// When to call `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Does what is due, and says whether a block was filled; `fits` as in [`depart`](Self::depart).
    fn handle_timeout(&mut self, _queue: &mut TransmitQueue, _fits: impl Fn(Duration) -> bool, _now: Instant) -> bool {
        false
    }

    /// Nothing more comes, and nothing waits: queues the repairs that are owed.
    fn end(&mut self, _queue: &mut TransmitQueue, _now: Instant) {}
}
