//! Radiotap (radiotap.org): what a program tells a card about a frame to send, and what a card tells
//! about a frame it heard. All fields are little-endian and aligned to their size from the header's start.
//!
//! ```text
//! | version 0 | pad | length u16 | present u32 [more present words] | fields in bit order |
//! ```

mod rate;
mod rx;
mod tx;

pub use rate::{Format, GuardInterval, MAX_STREAMS, RateError, TxRate, Width};
pub use rx::{Antenna, MAX_ANTENNAS, Modulation, RxHeader, RxRate};
pub use tx::TxHeader;

/// Length of the fixed part, in bytes.
const FIXED_LEN: usize = 8;

// Bits of the present word, and with it the order of the fields (radiotap.org, defined fields).
const TSFT: u32 = 0;
const FLAGS: u32 = 1;
const RATE: u32 = 2;
const CHANNEL: u32 = 3;
const SIGNAL: u32 = 5;
const NOISE: u32 = 6;
const ANTENNA: u32 = 11;
const TX_FLAGS: u32 = 15;
const DATA_RETRIES: u32 = 17;
const MCS: u32 = 19;
const VHT: u32 = 21;
const HE: u32 = 23;

/// MCS field, `known` (radiotap.org MCS): bandwidth is given.
const MCS_KNOWN_WIDTH: u8 = 0x01;
/// The index is given.
const MCS_KNOWN_INDEX: u8 = 0x02;
/// The guard interval is given.
const MCS_KNOWN_GUARD: u8 = 0x04;
/// The FEC type is given.
const MCS_KNOWN_FEC: u8 = 0x10;
/// The number of STBC streams is given.
const MCS_KNOWN_STBC: u8 = 0x20;
/// All of these.
const MCS_KNOWN: u8 = MCS_KNOWN_WIDTH | MCS_KNOWN_INDEX | MCS_KNOWN_GUARD | MCS_KNOWN_FEC | MCS_KNOWN_STBC;

const MCS_WIDTH_MASK: u8 = 0x03;
const MCS_WIDTH_40: u8 = 0x01;
const MCS_SHORT_GUARD: u8 = 0x04;
const MCS_LDPC: u8 = 0x10;
const MCS_STBC_SHIFT: u8 = 5;

/// VHT field, `known` (radiotap.org VHT): STBC is given.
const VHT_KNOWN_STBC: u16 = 0x0001;
/// The guard interval is given.
const VHT_KNOWN_GUARD: u16 = 0x0004;
/// The bandwidth is given.
const VHT_KNOWN_WIDTH: u16 = 0x0040;

const VHT_STBC: u8 = 0x01;
const VHT_SHORT_GUARD: u8 = 0x04;
const VHT_LDPC: u8 = 0x01;
/// Length of the VHT field: known u16, flags, bandwidth, `mcs_nss` of four users, coding, group, partial AID u16.
const VHT_LEN: usize = 12;
