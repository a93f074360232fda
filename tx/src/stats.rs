//! What the sender counts. Everything is cumulative since the start.

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
    /// Units dropped from the queue because the air could not carry them in time.
    pub units_dropped: u64,
    /// Repair packets dropped because source packets left them no air.
    pub repairs_dropped: u64,
    /// Source packets handed to the air.
    pub source_packets: u64,
    /// Repair packets handed to the air.
    pub repair_packets: u64,
    /// Announces handed to the air.
    pub announces: u64,
    /// Bytes handed to the air, radiotap and FCS not counted.
    pub air_bytes: u64,
    /// Airtime of all that, by the model, in µs.
    pub airtime_us: u64,
    /// Airtime that waits in the queue, in µs.
    pub queued_us: u64,
}
