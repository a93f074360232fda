//! Radiotap (radiotap.org): what a program tells a card about a frame to send, and what a card tells
//! about a frame it heard. All fields are little-endian and aligned to their size from the header's start.
//!
//! ```text
//! | version 0 | pad | length u16 | present u32 [more present words] | fields in bit order |
//! ```

mod rx;
mod tx;

pub use rx::{Antenna, MAX_ANTENNAS, RxInfo};
pub use tx::{GuardInterval, TxRate, Width};

/// Length of the fixed part, in bytes.
const FIXED_LEN: usize = 8;

/// Flags field: the frame includes its FCS.
const FLAGS_FCS: u8 = 0x10;
/// Flags field: the frame failed its FCS.
const FLAGS_BAD_FCS: u8 = 0x40;

/// MCS field, `known`: bandwidth, MCS index, guard interval, FEC type, STBC are given.
const MCS_KNOWN: u8 = 0x01 | 0x02 | 0x04 | 0x10 | 0x20;
const MCS_WIDTH_40: u8 = 0x01;
const MCS_SHORT_GUARD: u8 = 0x04;
const MCS_LDPC: u8 = 0x10;
const MCS_STBC_SHIFT: u8 = 5;
