//! The rates a frame can be sent at: 802.11n (HT) and 802.11ac (VHT).

use std::fmt;

use thiserror::Error;

/// Most spatial streams of a VHT rate here; cards have at most four chains.
pub const MAX_STREAMS: u8 = 4;

/// How a frame is modulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxRate {
    /// Which generation of the standard, and with VHT the number of streams.
    pub format: Format,
    /// Modulation and code rate. HT: 0 to 31, eight for each number of streams (IEEE 802.11-2020 19.5);
    /// VHT: 0 to 9 (21.5).
    pub mcs: u8,
    /// Channel width.
    pub width: Width,
    /// Guard interval.
    pub guard_interval: GuardInterval,
    /// Low-density parity-check coding instead of convolutional.
    pub ldpc: bool,
    /// STBC: HT the number of streams sent twice, 0 to 2; VHT 1 for all of them; 0 is none.
    pub stbc: u8,
}

/// The generation of the standard a frame is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// 802.11n, high throughput.
    #[default]
    Ht,
    /// 802.11ac, very high throughput.
    Vht {
        /// Spatial streams, 1 to [`MAX_STREAMS`].
        streams: u8,
    },
}

/// Channel width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// 20 MHz.
    #[default]
    Mhz20,
    /// 40 MHz.
    Mhz40,
    /// 80 MHz, VHT only.
    Mhz80,
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

/// Why a rate does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RateError {
    /// An HT index beyond four streams.
    #[error("HT (802.11n) has MCS 0 to 31, not {0}")]
    HtMcs(u8),
    /// A VHT index beyond 256-QAM.
    #[error("VHT (802.11ac) has MCS 0 to 9, not {0}; more streams make it faster")]
    VhtMcs(u8),
    /// Streams no card has.
    #[error("1 to 4 streams can be sent, not {0}")]
    Streams(u8),
    /// 80 MHz in HT.
    #[error("HT (802.11n) is 20 or 40 MHz wide; 80 MHz needs VHT (802.11ac)")]
    HtWidth,
    /// A combination whose bits do not divide among symbols (IEEE 802.11-2020 21.5).
    #[error("the standard has no VHT MCS {mcs} with {streams} stream(s) at {width_mhz} MHz: take another MCS or width")]
    Undefined {
        /// The index.
        mcs: u8,
        /// Spatial streams.
        streams: u8,
        /// Channel width in MHz.
        width_mhz: u16,
    },
    /// STBC the standard does not have for so many streams (IEEE 802.11-2020 19.3.11.9.2, 21.3.10.9.4).
    #[error("STBC {found} does not go with {streams} stream(s), at most {limit} does")]
    Stbc {
        /// What was asked for.
        found: u8,
        /// Spatial streams of the rate.
        streams: u8,
        /// The most that goes with them.
        limit: u8,
    },
}

impl TxRate {
    /// The rate itself if the standard has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, RateError> {
        let streams = self.streams();
        match self.format {
            Format::Ht if self.mcs > 31 => Err(RateError::HtMcs(self.mcs)),
            Format::Ht if self.width == Width::Mhz80 => Err(RateError::HtWidth),
            Format::Vht { .. } if self.mcs > 9 => Err(RateError::VhtMcs(self.mcs)),
            Format::Vht { streams: 0 | 5.. } => Err(RateError::Streams(streams)),
            Format::Vht { .. } if !self.is_defined_vht() => {
                Err(RateError::Undefined { mcs: self.mcs, streams, width_mhz: self.width.mhz() })
            }
            Format::Ht | Format::Vht { .. } => {
                let limit = self.most_stbc();
                (self.stbc <= limit).then_some(self).ok_or(RateError::Stbc { found: self.stbc, streams, limit })
            }
        }
    }

    /// Spatial streams.
    #[must_use]
    pub const fn streams(self) -> u8 {
        match self.format {
            Format::Ht => (self.mcs >> 3).saturating_add(1),
            Format::Vht { streams } => streams,
        }
    }

    /// Modulation and code rate of each stream, 0 (BPSK 1/2) to 9 (256-QAM 5/6), whatever their number.
    #[must_use]
    pub const fn stream_mcs(self) -> u8 {
        match self.format {
            Format::Ht => self.mcs & 7,
            Format::Vht { .. } => self.mcs,
        }
    }

    /// The holes in the tables of IEEE 802.11-2020 21.5 up to 80 MHz and four streams.
    const fn is_defined_vht(self) -> bool {
        match (self.width, self.mcs) {
            (Width::Mhz20, 9) => self.streams() == 3,
            (Width::Mhz80, 6) => self.streams() != 3,
            _ => true,
        }
    }

    const fn most_stbc(self) -> u8 {
        match (self.format, self.streams()) {
            (Format::Vht { .. }, _) | (Format::Ht, 1 | 3) => 1,
            (Format::Ht, 2) => 2,
            (Format::Ht, _) => 0,
        }
    }
}

impl Default for TxRate {
    /// What the field flies with: HT MCS 1, 20 MHz, long guard interval.
    fn default() -> Self {
        Self {
            format: Format::Ht,
            mcs: 1,
            width: Width::Mhz20,
            guard_interval: GuardInterval::Long,
            ldpc: false,
            stbc: 0,
        }
    }
}

/// `MCS 3`, `VHT MCS 8 with 2 streams, 80 MHz, short GI, LDPC`: what is not the default is said.
impl fmt::Display for TxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Ht => write!(f, "MCS {}", self.mcs)?,
            Format::Vht { streams: 1 } => write!(f, "VHT MCS {}", self.mcs)?,
            Format::Vht { streams } => write!(f, "VHT MCS {} with {streams} streams", self.mcs)?,
        }
        if self.width != Width::Mhz20 {
            write!(f, ", {} MHz", self.width.mhz())?;
        }
        let extras = [
            (self.guard_interval == GuardInterval::Short, ", short GI"),
            (self.ldpc, ", LDPC"),
            (self.stbc > 0, ", STBC"),
        ];
        extras.into_iter().filter(|(is_on, _)| *is_on).try_for_each(|(_, text)| f.write_str(text))
    }
}

impl Width {
    /// The width in MHz.
    #[must_use]
    pub const fn mhz(self) -> u16 {
        match self {
            Self::Mhz20 => 20,
            Self::Mhz40 => 40,
            Self::Mhz80 => 80,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vht(mcs: u8, streams: u8, width: Width) -> TxRate {
        TxRate { format: Format::Vht { streams }, mcs, width, ..TxRate::default() }
    }

    #[test]
    fn rates_of_the_standard_are_taken() {
        assert!(TxRate::default().checked().is_ok());
        for rate in [vht(8, 1, Width::Mhz20), vht(9, 3, Width::Mhz20), vht(9, 2, Width::Mhz40), vht(9, 4, Width::Mhz80)]
        {
            assert_eq!(rate.checked(), Ok(rate));
        }
        for mcs in 0..=31 {
            let rate = TxRate { mcs, width: Width::Mhz40, ..TxRate::default() };
            assert_eq!(rate.checked(), Ok(rate));
        }
    }

    #[test]
    fn rates_the_standard_does_not_have_are_refused() {
        let ht = |mcs, width| TxRate { mcs, width, ..TxRate::default() };
        assert_eq!(ht(32, Width::Mhz20).checked(), Err(RateError::HtMcs(32)));
        assert_eq!(ht(7, Width::Mhz80).checked(), Err(RateError::HtWidth));
        assert_eq!(vht(10, 1, Width::Mhz80).checked(), Err(RateError::VhtMcs(10)));
        assert_eq!(vht(0, 0, Width::Mhz20).checked(), Err(RateError::Streams(0)));
        assert_eq!(vht(0, 5, Width::Mhz20).checked(), Err(RateError::Streams(5)));
        for (mcs, streams, width) in
            [(9, 1, Width::Mhz20), (9, 2, Width::Mhz20), (9, 4, Width::Mhz20), (6, 3, Width::Mhz80)]
        {
            let refused = RateError::Undefined { mcs, streams, width_mhz: width.mhz() };
            assert_eq!(vht(mcs, streams, width).checked(), Err(refused));
        }
    }

    #[test]
    fn stbc_goes_with_the_streams_the_standard_names() {
        let most = |rate: TxRate| (0..=3).filter(|stbc| TxRate { stbc: *stbc, ..rate }.checked().is_ok()).max();
        let ht = |mcs| TxRate { mcs, ..TxRate::default() };
        assert_eq!([ht(1), ht(9), ht(17), ht(25)].map(most), [Some(1), Some(2), Some(1), Some(0)]);
        assert_eq!([vht(1, 1, Width::Mhz20), vht(1, 4, Width::Mhz80)].map(most), [Some(1), Some(1)]);
    }

    #[test]
    fn a_rate_is_said_as_people_say_it() {
        assert_eq!(TxRate::default().to_string(), "MCS 1");
        let fast = TxRate { guard_interval: GuardInterval::Short, ldpc: true, stbc: 1, ..vht(8, 2, Width::Mhz80) };
        assert_eq!(fast.to_string(), "VHT MCS 8 with 2 streams, 80 MHz, short GI, LDPC, STBC");
    }
}
