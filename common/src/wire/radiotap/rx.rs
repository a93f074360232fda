//! The header a card puts in front of a frame it heard.
//!
//! Real drivers send several present words: the first set describes the frame, the sets behind it give
//! signal and antenna of each receive chain. Vendor namespaces are skipped by their length; the TLV fields
//! newer kernels may end with are not read, they hold nothing of use here.

mod emit;
mod rate;
mod walk;

use super::{ANTENNA, CHANNEL, DATA_RETRIES, FIXED_LEN, FLAGS, HE, MCS, NOISE, RATE, SIGNAL, TSFT, TX_FLAGS, VHT};
use crate::wire::{WireError, take};

pub use rate::{Modulation, RxRate};
use walk::Walk;

const HEADER: &str = "radiotap";

/// Antennas kept per frame; cards have at most four receive chains.
pub const MAX_ANTENNAS: usize = 4;

/// Length of the FCS, in bytes.
const FCS_LEN: usize = 4;

/// Flags field: the frame includes its FCS.
const FLAGS_FCS: u8 = 0x10;
/// Flags field: the frame failed its FCS.
const FLAGS_BAD_FCS: u8 = 0x40;

/// What one receive chain says of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Antenna {
    /// Which chain of the card, as the driver counts them.
    pub number: u8,
    /// Signal power in dBm, where the driver says it.
    pub signal_dbm: Option<i8>,
    /// Noise power in dBm, where the driver says it.
    pub noise_dbm: Option<i8>,
}

/// What a card says of a frame it heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxHeader {
    /// The card's clock when the frame began, in µs.
    pub tsft_us: Option<u64>,
    /// Center frequency in MHz.
    pub frequency_mhz: Option<u16>,
    /// Whether the frame ends with its FCS.
    pub has_fcs: bool,
    /// Whether the frame failed its FCS.
    pub bad_fcs: bool,
    /// The rate, where the driver says it.
    pub rate: Option<RxRate>,
    /// Signal power in dBm of all chains together, where the driver says it without an antenna.
    pub combined_signal_dbm: Option<i8>,
    /// Noise power in dBm of all chains together, where the driver says it without an antenna.
    pub combined_noise_dbm: Option<i8>,
    /// The chains in the driver's order; unused places are `None`.
    pub antennas: [Option<Antenna>; MAX_ANTENNAS],
    /// TX flags: only headers of transmitters have them, and the copies a card makes of its own frames.
    pub tx_flags: Option<u16>,
    /// How often a card repeated its own frame; only in TX-status copies.
    pub data_retries: Option<u8>,
}

impl RxHeader {
    /// The strongest signal the card reports, in dBm.
    #[must_use]
    pub fn signal_dbm(&self) -> Option<i8> {
        self.combined_signal_dbm.into_iter().chain(self.antennas.iter().flatten().filter_map(|a| a.signal_dbm)).max()
    }

    /// The noise power, in dBm, of all chains together or else of the first that knows it.
    #[must_use]
    pub fn noise_dbm(&self) -> Option<i8> {
        self.combined_noise_dbm.or_else(|| self.antennas.iter().flatten().find_map(|antenna| antenna.noise_dbm))
    }

    /// Whether nobody heard this frame: it is one of the card's own, as it was injected or as a TX-status copy.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.tx_flags.is_some()
    }

    /// Whether this is the copy mac80211 makes of a frame when its card has sent it. There is none of a frame
    /// that was dropped on the way to the card.
    #[must_use]
    pub fn is_tx_status(&self) -> bool {
        self.tx_flags.is_some() && self.data_retries.is_some()
    }

    /// Reads a header and returns the bytes behind it, without the FCS if there is one.
    ///
    /// The data pad flag (0x20) needs no care: an 802.11 header of 24 bytes is followed by none. RX flags are
    /// not looked at: mac80211 says of a damaged PLCP header that the FCS is wrong, and a driver of RTL8812AU has
    /// something else in them. A field beyond the flags that reaches past the header ends the reading.
    ///
    /// # Errors
    /// The header or the frame is shorter than it says, its version is not 0, or it has too many present words.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let ([version, _, len0, len1], _) = take::<4>(HEADER, bytes)?;
        if *version != 0 {
            return Err(WireError::Malformed { header: HEADER, field: "version", found: u32::from(*version) });
        }
        let len = u16::from_le_bytes([*len0, *len1]);
        if usize::from(len) < FIXED_LEN {
            return Err(WireError::Malformed { header: HEADER, field: "length", found: u32::from(len) });
        }
        let truncated = |expected| WireError::Truncated { header: HEADER, found: bytes.len(), expected };
        let len = usize::from(len);
        let (header, frame) = bytes.split_at_checked(len).ok_or(truncated(len))?;
        let mut read = Self::default();
        Walk::new(header)?.read(&mut read)?;
        let fcs = if read.has_fcs { FCS_LEN } else { 0 };
        let end = frame.len().checked_sub(fcs).ok_or(truncated(len.saturating_add(fcs)))?;
        Ok((read, frame.split_at(end).0))
    }

    /// Writes the header a mac80211 driver would (TSFT, flags, legacy rate, channel, signal, noise, antenna, MCS
    /// or VHT), a present word more for each further chain, and returns its length; `None` if `out` is too
    /// short. HE rates and TX fields are not written.
    #[must_use]
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        emit::write(self, out)
    }

    /// Takes a field: one that describes the frame, or one of a chain.
    #[inline]
    fn read_field(&mut self, bit: u32, value: &[u8], chain: &mut Chain) {
        match (bit, value) {
            (TSFT, value) => self.tsft_us = value.first_chunk().map(|v| u64::from_le_bytes(*v)),
            (FLAGS, [flags]) => {
                self.has_fcs = flags & FLAGS_FCS != 0;
                self.bad_fcs = flags & FLAGS_BAD_FCS != 0;
            }
            (CHANNEL, [low, high, ..]) => self.frequency_mhz = Some(u16::from_le_bytes([*low, *high])),
            (SIGNAL, [dbm]) => chain.signal_dbm = Some(dbm.cast_signed()),
            (NOISE, [dbm]) => chain.noise_dbm = Some(dbm.cast_signed()),
            (ANTENNA, [number]) => chain.number = Some(*number),
            (TX_FLAGS, [low, high]) => self.tx_flags = Some(u16::from_le_bytes([*low, *high])),
            (DATA_RETRIES, [retries]) => self.data_retries = Some(*retries),
            (RATE, [rate]) => self.rate = RxRate::from_rate(*rate).or(self.rate),
            (MCS, [known, flags, index]) => self.rate = RxRate::from_mcs(*known, *flags, *index).or(self.rate),
            (VHT, value) => self.rate = RxRate::from_vht(value).or(self.rate),
            (HE, value) => self.rate = RxRate::from_he(value).or(self.rate),
            _ => {}
        }
    }

    /// Takes what one present word said of a chain, or of all together where it named no antenna.
    fn take_chain(&mut self, chain: Chain) {
        let Chain { number, signal_dbm, noise_dbm } = chain;
        if let Some(number) = number {
            let free = self.antennas.iter_mut().find(|antenna| antenna.is_none());
            free.into_iter().for_each(|place| *place = Some(Antenna { number, signal_dbm, noise_dbm }));
        } else {
            self.combined_signal_dbm = self.combined_signal_dbm.or(signal_dbm);
            self.combined_noise_dbm = self.combined_noise_dbm.or(noise_dbm);
        }
    }
}

/// The fields of one present word that may describe a chain.
#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    number: Option<u8>,
    signal_dbm: Option<i8>,
    noise_dbm: Option<i8>,
}

#[cfg(test)]
mod tests;
