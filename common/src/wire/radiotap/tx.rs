//! The header a transmitter puts in front of a frame: no ACK, and the HT rate to use.
//!
//! ```text
//! | 00 00 | 0d 00 | 00 80 08 00 | TX flags u16 | MCS: known, flags, index |
//! ```

use super::{FIXED_LEN, MCS_KNOWN, MCS_LDPC, MCS_SHORT_GUARD, MCS_STBC_SHIFT, MCS_WIDTH_40};

/// TX flags: no acknowledgement is expected (radiotap.org TX flags).
const TX_FLAG_NO_ACK: u16 = 0x0008;
/// Present bits 15 (TX flags) and 19 (MCS).
const PRESENT: u32 = (1 << 15) | (1 << 19);

/// Channel width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// 20 MHz.
    #[default]
    Mhz20,
    /// 40 MHz.
    Mhz40,
}

/// Guard interval between symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardInterval {
    /// 800 ns.
    #[default]
    Long,
    /// 400 ns.
    Short,
}

/// How a frame is modulated (802.11n, HT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxRate {
    /// HT MCS index, 0 to 31: modulation, code rate and number of streams (IEEE 802.11-2020 19.5).
    pub mcs: u8,
    /// Channel width.
    pub width: Width,
    /// Guard interval.
    pub guard_interval: GuardInterval,
    /// Low-density parity-check coding instead of convolutional.
    pub ldpc: bool,
    /// Number of STBC streams, 0 to 3; 0 is none.
    pub stbc: u8,
}

impl Default for TxRate {
    /// What the field flies with: MCS 1, 20 MHz, long guard interval.
    fn default() -> Self {
        Self { mcs: 1, width: Width::Mhz20, guard_interval: GuardInterval::Long, ldpc: false, stbc: 0 }
    }
}

impl TxRate {
    /// Length of the header in bytes.
    pub const HEADER_LEN: usize = FIXED_LEN + 5;

    /// The radiotap header that asks for this rate.
    #[must_use]
    pub fn emit(self) -> [u8; Self::HEADER_LEN] {
        let [p0, p1, p2, p3] = PRESENT.to_le_bytes();
        let [f0, f1] = TX_FLAG_NO_ACK.to_le_bytes();
        let [len, _] = 13_u16.to_le_bytes();
        [0, 0, len, 0, p0, p1, p2, p3, f0, f1, MCS_KNOWN, self.mcs_flags(), self.mcs]
    }

    /// The `flags` byte of the MCS field (radiotap.org MCS).
    pub(super) fn mcs_flags(self) -> u8 {
        let width = if self.width == Width::Mhz40 { MCS_WIDTH_40 } else { 0 };
        let guard = if self.guard_interval == GuardInterval::Short { MCS_SHORT_GUARD } else { 0 };
        let ldpc = if self.ldpc { MCS_LDPC } else { 0 };
        width | guard | ldpc | ((self.stbc & 3) << MCS_STBC_SHIFT)
    }

    /// The rate an MCS field says, fields it does not know taken as their defaults.
    pub(super) fn from_mcs_field(flags: u8, mcs: u8) -> Self {
        Self {
            mcs,
            width: if flags & 3 == MCS_WIDTH_40 { Width::Mhz40 } else { Width::Mhz20 },
            guard_interval: if flags & MCS_SHORT_GUARD == 0 { GuardInterval::Long } else { GuardInterval::Short },
            ldpc: flags & MCS_LDPC != 0,
            stbc: (flags >> MCS_STBC_SHIFT) & 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_one_the_kernel_documents() {
        let rate = TxRate { mcs: 3, ldpc: true, stbc: 1, ..TxRate::default() };
        #[rustfmt::skip]
        let expected = [
            0x00, 0x00,             // version, pad
            0x0d, 0x00,             // length 13
            0x00, 0x80, 0x08, 0x00, // present: TX flags, MCS
            0x08, 0x00,             // TX flags: no ACK
            0x37, 0x30, 0x03,       // MCS: known, LDPC + one STBC stream, index 3
        ];
        assert_eq!(rate.emit(), expected);
    }

    #[test]
    fn the_flags_come_back_as_the_same_rate() {
        for flags in 0..=0xff_u8 {
            let rate = TxRate::from_mcs_field(flags, 7);
            assert_eq!(TxRate::from_mcs_field(rate.mcs_flags(), 7), rate);
        }
    }
}
