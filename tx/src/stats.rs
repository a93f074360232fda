//! What the sender counts. Everything is cumulative since the start.

use std::ops::Add;

use serde::Serialize;

/// What the sender did since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TxStats {
    /// Datagrams taken.
    pub datagrams: u64,
    /// Their bytes.
    pub datagram_bytes: u64,
    /// Units taken whole.
    pub units: u64,
    /// Of those, units that can be decoded by themselves.
    pub keyframes: u64,
    /// Datagrams refused because they were too long.
    pub too_long: u64,
    /// Units dropped because the air could not carry them in time, for whichever reason.
    pub units_dropped: u64,
    /// Of those, units that nothing referred to.
    pub dropped_disposable: u64,
    /// Of those, units that had waited too long; some of their packets may have left.
    pub dropped_late: u64,
    /// Of those, units that referred to one that was dropped, with a keyframe on its way.
    pub dropped_useless: u64,
    /// Repair packets dropped because source packets left them no air.
    pub repairs_dropped: u64,
    /// Source packets handed to the airs; what an air refuses, its own counters say.
    pub source_packets: u64,
    /// Repair packets handed to the airs.
    pub repair_packets: u64,
    /// Blocks of WFB-NG that were filled because nothing more came.
    pub blocks_filled: u64,
    /// Announces handed to the airs.
    pub announces: u64,
    /// Bytes handed to the airs, radiotap and FCS not counted.
    pub air_bytes: u64,
    /// Airtime of all that, by the model, in µs.
    pub airtime_us: u64,
    /// Airtime that waits in the queue, in µs.
    pub queued_us: u64,
}

impl Add for TxStats {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            datagrams: self.datagrams + more.datagrams,
            datagram_bytes: self.datagram_bytes + more.datagram_bytes,
            units: self.units + more.units,
            keyframes: self.keyframes + more.keyframes,
            too_long: self.too_long + more.too_long,
            units_dropped: self.units_dropped + more.units_dropped,
            dropped_disposable: self.dropped_disposable + more.dropped_disposable,
            dropped_late: self.dropped_late + more.dropped_late,
            dropped_useless: self.dropped_useless + more.dropped_useless,
            repairs_dropped: self.repairs_dropped + more.repairs_dropped,
            source_packets: self.source_packets + more.source_packets,
            repair_packets: self.repair_packets + more.repair_packets,
            blocks_filled: self.blocks_filled + more.blocks_filled,
            announces: self.announces + more.announces,
            air_bytes: self.air_bytes + more.air_bytes,
            airtime_us: self.airtime_us + more.airtime_us,
            queued_us: self.queued_us + more.queued_us,
        }
    }
}
