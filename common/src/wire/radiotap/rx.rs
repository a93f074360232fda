//! The header a card puts in front of a frame it heard.
//!
//! Real drivers send several present words: the first set describes the frame, the sets behind it give
//! signal and antenna of each receive chain. Vendor namespaces are skipped by their length.

use super::{FIXED_LEN, FLAGS_BAD_FCS, FLAGS_FCS, MCS_KNOWN, TxRate};
use crate::wire::{WireError, take};

const HEADER: &str = "radiotap";

/// Antennas kept per frame; cards have at most four receive chains.
pub const MAX_ANTENNAS: usize = 4;

/// Present words read per header. Drivers send up to five (one, and one for each chain).
const MAX_PRESENT_WORDS: usize = 16;

const BIT_RADIOTAP_NAMESPACE: u32 = 29;
const BIT_VENDOR_NAMESPACE: u32 = 30;
const BIT_EXTENSION: u32 = 31;

/// Size and alignment of each field, by its bit (radiotap.org, defined fields). Later bits have no fixed
/// form: nothing behind them can be read.
#[rustfmt::skip]
const FIELDS: [(usize, usize); 28] = [
    (8, 8), (1, 1), (1, 1), (4, 2), (2, 2), (1, 1), (1, 1), (2, 2), (2, 2), (2, 2),
    (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 2), (1, 1), (1, 1), (8, 4), (3, 1),
    (8, 4), (12, 2), (12, 8), (12, 2), (12, 2), (6, 2), (1, 1), (4, 2),
];

const TSFT: usize = 0;
const FLAGS: usize = 1;
const CHANNEL: usize = 3;
const SIGNAL: usize = 5;
const NOISE: usize = 6;
const ANTENNA: usize = 11;
const TX_FLAGS: usize = 15;
const MCS: usize = 19;

/// One receive chain's view of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Antenna {
    /// Signal power in dBm, where the driver says it.
    pub signal_dbm: Option<i8>,
    /// Noise power in dBm, where the driver says it.
    pub noise_dbm: Option<i8>,
}

/// What a card says of a frame it heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxInfo {
    /// The card's clock when the frame began, in µs.
    pub tsft_us: Option<u64>,
    /// Center frequency in MHz.
    pub frequency_mhz: Option<u16>,
    /// Whether the frame ends with its FCS.
    pub has_fcs: bool,
    /// Whether the frame failed its FCS.
    pub bad_fcs: bool,
    /// Whether the header has TX flags: written by a transmitter, or a card's report of its own frame.
    pub has_tx_flags: bool,
    /// The HT rate, where it was one.
    pub rate: Option<TxRate>,
    /// The combined view first, where the driver gives one, else the chains in order; unused ones are `None`.
    pub antennas: [Option<Antenna>; MAX_ANTENNAS],
}

impl RxInfo {
    /// The strongest signal any chain reports, in dBm.
    #[must_use]
    pub fn signal_dbm(&self) -> Option<i8> {
        self.antennas.iter().flatten().filter_map(|antenna| antenna.signal_dbm).max()
    }

    /// The noise power, in dBm, as the first chain that knows it reports it.
    #[must_use]
    pub fn noise_dbm(&self) -> Option<i8> {
        self.antennas.iter().flatten().find_map(|antenna| antenna.noise_dbm)
    }

    /// Reads a header and returns the bytes behind it, without the FCS if there is one.
    ///
    /// # Errors
    /// The header or the frame is shorter than it says, or its version is not 0.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let ([version, _, len0, len1], _) = take::<4>(HEADER, bytes)?;
        if *version != 0 {
            return Err(WireError::Malformed { header: HEADER, field: "version", found: u32::from(*version) });
        }
        let len = usize::from(u16::from_le_bytes([*len0, *len1]));
        let truncated = WireError::Truncated { header: HEADER, found: bytes.len(), expected: len.max(FIXED_LEN) };
        if len < FIXED_LEN {
            return Err(WireError::Malformed {
                header: HEADER,
                field: "length",
                found: u32::try_from(len).unwrap_or(0),
            });
        }
        let (header, frame) = bytes.split_at_checked(len).ok_or(truncated)?;
        let info = Fields::new(header)?.read();
        let fcs = if info.has_fcs { 4 } else { 0 };
        let end = frame.len().checked_sub(fcs).ok_or(truncated)?;
        Ok((info, frame.split_at(end).0))
    }

    /// Writes the header a mac80211 driver would (TSFT, flags, channel, signal, noise, antenna, MCS), a
    /// present word more for each further chain, and returns its length; `None` if `out` is too short.
    #[must_use]
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        Emitter::write(self, out)
    }

    fn read_field(&mut self, bit: usize, antenna: usize, value: &[u8]) {
        match (bit, value) {
            (TSFT, value) => self.tsft_us = value.first_chunk().map(|v| u64::from_le_bytes(*v)),
            (FLAGS, [flags]) => {
                self.has_fcs = flags & FLAGS_FCS != 0;
                self.bad_fcs = flags & FLAGS_BAD_FCS != 0;
            }
            (CHANNEL, [low, high, ..]) => self.frequency_mhz = Some(u16::from_le_bytes([*low, *high])),
            (SIGNAL, [dbm]) => self.antenna(antenna, |a| a.signal_dbm = Some(dbm.cast_signed())),
            (NOISE, [dbm]) => self.antenna(antenna, |a| a.noise_dbm = Some(dbm.cast_signed())),
            (TX_FLAGS, _) => self.has_tx_flags = true,
            (MCS, [_, flags, mcs]) => self.rate = Some(TxRate::from_mcs_field(*flags, *mcs)),
            _ => {}
        }
    }

    fn antenna(&mut self, index: usize, set: impl FnOnce(&mut Antenna)) {
        if let Some(antenna) = self.antennas.get_mut(index) {
            set(antenna.get_or_insert_default());
        }
    }
}

/// Walks the present words and the fields they announce.
struct Fields<'a> {
    header: &'a [u8],
    words: [u32; MAX_PRESENT_WORDS],
    count: usize,
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(header: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Self { header, words: [0; MAX_PRESENT_WORDS], count: 0, at: 4 };
        loop {
            let word = fields.word()?;
            let Some(slot) = fields.words.get_mut(fields.count) else {
                return Err(WireError::Malformed { header: HEADER, field: "present words", found: 17 });
            };
            *slot = word;
            fields.count = fields.count.saturating_add(1);
            if word >> BIT_EXTENSION == 0 {
                return Ok(fields);
            }
        }
    }

    fn word(&mut self) -> Result<u32, WireError> {
        let truncated =
            WireError::Truncated { header: HEADER, found: self.header.len(), expected: self.at.saturating_add(4) };
        let word = self.header.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(truncated)?;
        self.at = self.at.saturating_add(4);
        Ok(u32::from_le_bytes(*word))
    }

    /// Reads what can be read: a field that reaches past the header ends the walk, as does one of unknown form.
    fn read(mut self) -> RxInfo {
        let mut info = RxInfo::default();
        let (mut vendor, mut antenna) = (false, 0);
        for word in self.words.into_iter().take(self.count) {
            let walked = if vendor { Some(()) } else { self.read_word(word, antenna, &mut info) };
            if walked.is_none() {
                break;
            }
            if info.antennas.get(antenna).is_some_and(Option::is_some) {
                antenna = antenna.saturating_add(1);
            }
            vendor = match ((word >> BIT_RADIOTAP_NAMESPACE) & 1, (word >> BIT_VENDOR_NAMESPACE) & 1) {
                (0, 1) if self.skip_vendor().is_some() => true,
                (0, 1) => break,
                (1, _) => false,
                _ => vendor,
            };
        }
        info
    }

    fn read_word(&mut self, word: u32, antenna: usize, info: &mut RxInfo) -> Option<()> {
        for bit in (0..BIT_RADIOTAP_NAMESPACE).filter(|bit| (word >> bit) & 1 == 1) {
            let bit = usize::try_from(bit).ok()?;
            let (size, align) = *FIELDS.get(bit)?;
            self.at = self.at.checked_next_multiple_of(align)?;
            let value = self.header.get(self.at..self.at.checked_add(size)?)?;
            self.at = self.at.checked_add(size)?;
            info.read_field(bit, antenna, value);
        }
        Some(())
    }

    /// A vendor namespace: OUI, selector, and the number of bytes to skip behind them.
    fn skip_vendor(&mut self) -> Option<()> {
        self.at = self.at.checked_next_multiple_of(2)?;
        let [_, _, _, _, low, high] = *self.header.get(self.at..)?.first_chunk::<6>()?;
        self.at = self.at.checked_add(6)?.checked_add(usize::from(u16::from_le_bytes([low, high])))?;
        Some(())
    }
}

/// Writes fields in bit order, aligned.
struct Emitter<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Emitter<'a> {
    fn write(info: &RxInfo, out: &'a mut [u8]) -> Option<usize> {
        let chains = info.antennas.iter().flatten().count();
        let mut emitter = Self { out, at: 0 };
        emitter.put(2, &[0, 0])?;
        emitter.put(2, &[0, 0])?;
        for word in 0..chains.max(1) {
            let more =
                if word.saturating_add(1) < chains { (1 << BIT_RADIOTAP_NAMESPACE) | (1 << BIT_EXTENSION) } else { 0 };
            let frame = if word == 0 { Self::frame_bits(info) } else { 0 };
            let chain = info.antennas.get(word).copied().flatten().map_or(0, Self::chain_bits);
            emitter.put(4, &(more | frame | chain).to_le_bytes())?;
        }
        emitter.fields(info)?;
        let len = emitter.at;
        emitter.at = 2;
        emitter.put(2, &u16::try_from(len).ok()?.to_le_bytes())?;
        Some(len)
    }

    fn frame_bits(info: &RxInfo) -> u32 {
        let bit = |present: bool, bit: usize| if present { 1_u32 << bit } else { 0 };
        bit(info.tsft_us.is_some(), TSFT)
            | (1 << FLAGS)
            | bit(info.frequency_mhz.is_some(), CHANNEL)
            | bit(info.rate.is_some(), MCS)
    }

    fn chain_bits(antenna: Antenna) -> u32 {
        let bit = |present: bool, bit: usize| if present { 1_u32 << bit } else { 0 };
        bit(antenna.signal_dbm.is_some(), SIGNAL) | bit(antenna.noise_dbm.is_some(), NOISE) | (1 << ANTENNA)
    }

    fn fields(&mut self, info: &RxInfo) -> Option<()> {
        if let Some(tsft_us) = info.tsft_us {
            self.put(8, &tsft_us.to_le_bytes())?;
        }
        let fcs = if info.has_fcs { FLAGS_FCS } else { 0 };
        let bad = if info.bad_fcs { FLAGS_BAD_FCS } else { 0 };
        self.put(1, &[fcs | bad])?;
        if let Some(frequency_mhz) = info.frequency_mhz {
            self.put(2, &frequency_mhz.to_le_bytes())?;
            self.put(2, &0_u16.to_le_bytes())?;
        }
        let mut chains = info.antennas.iter().flatten().zip(0_u8..);
        if let Some((first, index)) = chains.next() {
            self.chain(*first, index)?;
        }
        if let Some(rate) = info.rate {
            self.put(1, &[MCS_KNOWN, rate.mcs_flags(), rate.mcs])?;
        }
        chains.try_for_each(|(antenna, index)| self.chain(*antenna, index))
    }

    fn chain(&mut self, antenna: Antenna, index: u8) -> Option<()> {
        for dbm in [antenna.signal_dbm, antenna.noise_dbm].into_iter().flatten() {
            self.put(1, &[dbm.cast_unsigned()])?;
        }
        self.put(1, &[index])
    }

    fn put(&mut self, align: usize, bytes: &[u8]) -> Option<()> {
        let start = self.at.checked_next_multiple_of(align)?;
        let end = start.checked_add(bytes.len())?;
        self.out.get_mut(self.at..start)?.fill(0);
        self.out.get_mut(start..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }
}

#[cfg(test)]
mod tests;
