//! The header a transmitter puts in front of a frame: no ACK, and the rate to use.
//!
//! ```text
//! HT:  | 00 00 | 0d 00 | 00 80 08 00 | TX flags u16 | MCS: known, flags, index |
//! VHT: | 00 00 | 16 00 | 00 80 20 00 | TX flags u16 | VHT: known u16, flags, bandwidth, mcs_nss × 4, coding, 0 × 3 |
//! ```
//!
//! NOSEQ is not asked for: the card counts the sequence numbers, so that no two frames look like a frame and
//! its repetition to the firmware of a receiving card.

use super::{
    FIXED_LEN, Format, GuardInterval, MCS, MCS_KNOWN, MCS_LDPC, MCS_SHORT_GUARD, MCS_STBC_SHIFT, MCS_WIDTH_40,
    TX_FLAGS, TxRate, VHT, VHT_KNOWN_GUARD, VHT_KNOWN_STBC, VHT_KNOWN_WIDTH, VHT_LDPC, VHT_LEN, VHT_SHORT_GUARD,
    VHT_STBC, Width,
};

/// TX flags: no acknowledgement is expected (radiotap.org TX flags).
const NO_ACK: u16 = 0x0008;

const HT_LEN: u8 = 13;
const VHT_HEADER_LEN: u8 = 22;

/// The bytes of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxHeader {
    bytes: [u8; TxRate::MAX_HEADER_LEN],
    len: u8,
}

impl TxHeader {
    /// The header as it stands in front of a frame.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl TxRate {
    /// Length of the longest header, in bytes.
    pub const MAX_HEADER_LEN: usize = FIXED_LEN + 2 + VHT_LEN;

    /// Length of this rate's header, in bytes.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self.format {
            Format::Ht => HT_LEN as usize,
            Format::Vht { .. } => VHT_HEADER_LEN as usize,
        }
    }

    /// The radiotap header that asks for this rate.
    #[must_use]
    pub fn emit(self) -> TxHeader {
        match self.format {
            Format::Ht => self.emit_ht(),
            Format::Vht { streams } => self.emit_vht(streams),
        }
    }

    fn emit_ht(self) -> TxHeader {
        let [p0, p1, p2, p3] = ((1_u32 << TX_FLAGS) | (1 << MCS)).to_le_bytes();
        let [f0, f1] = NO_ACK.to_le_bytes();
        let header = [0, 0, HT_LEN, 0, p0, p1, p2, p3, f0, f1, MCS_KNOWN, self.mcs_flags(), self.mcs];
        let mut bytes = [0; Self::MAX_HEADER_LEN];
        bytes.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        TxHeader { bytes, len: HT_LEN }
    }

    fn emit_vht(self, streams: u8) -> TxHeader {
        let [p0, p1, p2, p3] = ((1_u32 << TX_FLAGS) | (1 << VHT)).to_le_bytes();
        let [f0, f1] = NO_ACK.to_le_bytes();
        let [k0, k1] = (VHT_KNOWN_STBC | VHT_KNOWN_GUARD | VHT_KNOWN_WIDTH).to_le_bytes();
        let [flags, width, user, coding] = self.vht_fields(streams);
        let len = VHT_HEADER_LEN;
        #[rustfmt::skip]
        let bytes =
            [0, 0, len, 0, p0, p1, p2, p3, f0, f1, k0, k1, flags, width, user, 0, 0, 0, coding, 0, 0, 0];
        TxHeader { bytes, len }
    }

    /// The `flags` byte of the MCS field (radiotap.org MCS).
    fn mcs_flags(self) -> u8 {
        let width = if self.width == Width::Mhz40 { MCS_WIDTH_40 } else { 0 };
        let guard = if self.guard_interval == GuardInterval::Short { MCS_SHORT_GUARD } else { 0 };
        let ldpc = if self.ldpc { MCS_LDPC } else { 0 };
        width | guard | ldpc | ((self.stbc & 3) << MCS_STBC_SHIFT)
    }

    /// Flags, bandwidth, first user and coding of the VHT field (radiotap.org VHT).
    fn vht_fields(self, streams: u8) -> [u8; 4] {
        let stbc = if self.stbc > 0 { VHT_STBC } else { 0 };
        let guard = if self.guard_interval == GuardInterval::Short { VHT_SHORT_GUARD } else { 0 };
        let width = match self.width {
            Width::Mhz20 => 0,
            Width::Mhz40 => 1,
            Width::Mhz80 => 4,
        };
        let user = (self.mcs << 4) | (streams & 0x0f);
        [stbc | guard, width, user, if self.ldpc { VHT_LDPC } else { 0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ht_header_is_the_one_the_kernel_documents() {
        let rate = TxRate { mcs: 3, ldpc: true, stbc: 1, ..TxRate::default() };
        #[rustfmt::skip]
        let expected = [
            0x00, 0x00,             // version, pad
            0x0d, 0x00,             // length 13
            0x00, 0x80, 0x08, 0x00, // present: TX flags, MCS
            0x08, 0x00,             // TX flags: no ACK
            0x37, 0x30, 0x03,       // MCS: known, LDPC + one STBC stream, index 3
        ];
        assert_eq!(rate.emit().as_slice(), expected);
        assert_eq!(rate.header_len(), expected.len());
    }

    #[test]
    fn the_vht_header_is_the_one_the_kernel_documents() {
        let rate = TxRate {
            format: Format::Vht { streams: 2 },
            mcs: 8,
            width: Width::Mhz80,
            guard_interval: GuardInterval::Short,
            ldpc: true,
            stbc: 1,
        };
        #[rustfmt::skip]
        let expected = [
            0x00, 0x00,             // version, pad
            0x16, 0x00,             // length 22
            0x00, 0x80, 0x20, 0x00, // present: TX flags, VHT
            0x08, 0x00,             // TX flags: no ACK
            0x45, 0x00,             // VHT known: STBC, guard interval, bandwidth
            0x05,                   // flags: STBC, short guard interval
            0x04,                   // bandwidth: 80 MHz
            0x82, 0x00, 0x00, 0x00, // first user: MCS 8, 2 streams; no others
            0x01,                   // coding: LDPC for the first user
            0x00,                   // group: not known
            0x00, 0x00,             // partial AID: not known
        ];
        assert_eq!(rate.emit().as_slice(), expected);
        assert_eq!(rate.header_len(), expected.len());
    }
}
