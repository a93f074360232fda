//! The rate a frame was heard at, as far as its card says.

use crate::wire::radiotap::{
    Format, GuardInterval, MCS_KNOWN, MCS_KNOWN_FEC, MCS_KNOWN_GUARD, MCS_KNOWN_INDEX, MCS_KNOWN_STBC, MCS_KNOWN_WIDTH,
    MCS_LDPC, MCS_SHORT_GUARD, MCS_STBC_SHIFT, MCS_WIDTH_40, MCS_WIDTH_MASK, TxRate, VHT_KNOWN_GUARD, VHT_KNOWN_STBC,
    VHT_KNOWN_WIDTH, VHT_LDPC, VHT_LEN, VHT_SHORT_GUARD, VHT_STBC, Width,
};

const LONG_GUARD_NS: u16 = 800;
const SHORT_GUARD_NS: u16 = 400;

/// HE field, data 1 (radiotap.org HE): MCS, coding, STBC and bandwidth are given.
const HE1_MCS: u16 = 0x0020;
const HE1_CODING: u16 = 0x0080;
const HE1_STBC: u16 = 0x0200;
const HE1_WIDTH: u16 = 0x4000;
/// HE field, data 2: the guard interval is given.
const HE2_GUARD: u16 = 0x0002;
/// HE field, data 3: LDPC, STBC.
const HE3_LDPC: u16 = 0x2000;
const HE3_STBC: u16 = 0x8000;

/// The rate a frame was heard at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RxRate {
    /// 802.11a, b or g.
    Legacy {
        /// The rate in units of 500 kbit/s, as radiotap has it.
        half_mbit_per_s: u8,
    },
    /// 802.11n, high throughput; MCS 0 to 31 say the number of streams too.
    Ht(Modulation),
    /// 802.11ac, very high throughput.
    Vht(Modulation),
    /// 802.11ax, high efficiency.
    He(Modulation),
}

/// What a card says of a frame's modulation; what it does not know is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modulation {
    /// Modulation and coding scheme, as the standard of the frame counts them.
    pub mcs: Option<u8>,
    /// Spatial streams; with HE and STBC the number of space-time streams.
    pub streams: Option<u8>,
    /// Width the frame occupied, in MHz: 20, 40, 80 or 160.
    pub width_mhz: Option<u16>,
    /// Guard interval in ns: 400 or 800, with HE 800, 1600 or 3200.
    pub guard_interval_ns: Option<u16>,
    /// Whether it was coded with LDPC.
    pub ldpc: Option<bool>,
    /// STBC streams, 0 is none; VHT and HE say only whether (1) there were.
    pub stbc: Option<u8>,
}

impl RxRate {
    /// The rate to send at that a transmitter's header asks for: fields it does not give are taken as the kernel
    /// takes them. None for legacy and HE rates, and without an index.
    #[must_use]
    pub fn to_tx(self) -> Option<TxRate> {
        let (format, modulation) = match self {
            Self::Ht(modulation) => (Format::Ht, modulation),
            Self::Vht(modulation) => (Format::Vht { streams: modulation.streams?.max(1) }, modulation),
            Self::Legacy { .. } | Self::He(_) => return None,
        };
        let width = match modulation.width_mhz {
            Some(40) => Width::Mhz40,
            Some(80..) => Width::Mhz80,
            _ => Width::Mhz20,
        };
        let is_short = modulation.guard_interval_ns == Some(SHORT_GUARD_NS);
        Some(TxRate {
            format,
            mcs: modulation.mcs?,
            width,
            guard_interval: if is_short { GuardInterval::Short } else { GuardInterval::Long },
            ldpc: modulation.ldpc == Some(true),
            stbc: modulation.stbc.unwrap_or(0),
        })
    }

    pub(super) fn from_rate(half_mbit_per_s: u8) -> Option<Self> {
        (half_mbit_per_s > 0).then_some(Self::Legacy { half_mbit_per_s })
    }

    /// Nothing if nothing is known: nexmon has the field in front of legacy frames too.
    pub(super) fn from_mcs(known: u8, flags: u8, index: u8) -> Option<Self> {
        let given = |bit: u8| known & bit != 0;
        let width_mhz = if flags & MCS_WIDTH_MASK == MCS_WIDTH_40 { 40 } else { 20 };
        (known & MCS_KNOWN != 0).then_some(Self::Ht(Modulation {
            mcs: given(MCS_KNOWN_INDEX).then_some(index),
            streams: (given(MCS_KNOWN_INDEX) && index < 32).then_some((index >> 3).saturating_add(1)),
            width_mhz: given(MCS_KNOWN_WIDTH).then_some(width_mhz),
            guard_interval_ns: given(MCS_KNOWN_GUARD).then_some(guard_ns(flags & MCS_SHORT_GUARD != 0)),
            ldpc: given(MCS_KNOWN_FEC).then_some(flags & MCS_LDPC != 0),
            stbc: given(MCS_KNOWN_STBC).then_some((flags >> MCS_STBC_SHIFT) & 3),
        }))
    }

    /// The first user that has streams: rtl88xxau writes frames of two streams into the second user's place.
    pub(super) fn from_vht(field: &[u8]) -> Option<Self> {
        let [k0, k1, flags, width, u0, u1, u2, u3, coding, _, _, _] = *field.first_chunk::<VHT_LEN>()?;
        let known = u16::from_le_bytes([k0, k1]);
        let given = |bit: u16| known & bit != 0;
        let user = [u0, u1, u2, u3].into_iter().zip(0_u8..).find(|(user, _)| user & 0x0f != 0);
        Some(Self::Vht(Modulation {
            mcs: user.map(|(user, _)| user >> 4),
            streams: user.map(|(user, _)| user & 0x0f),
            width_mhz: if given(VHT_KNOWN_WIDTH) { vht_width_mhz(width) } else { None },
            guard_interval_ns: given(VHT_KNOWN_GUARD).then_some(guard_ns(flags & VHT_SHORT_GUARD != 0)),
            ldpc: user.map(|(_, place)| (coding >> place) & VHT_LDPC != 0),
            stbc: given(VHT_KNOWN_STBC).then_some(flags & VHT_STBC),
        }))
    }

    pub(super) fn from_he(field: &[u8]) -> Option<Self> {
        let [a0, a1, b0, b1, c0, c1, _, _, e0, _, f0, _] = *field.first_chunk::<12>()?;
        let [data1, data2, data3] = [[a0, a1], [b0, b1], [c0, c1]].map(u16::from_le_bytes);
        let given = |bit: u16| data1 & bit != 0;
        let streams = f0 & 0x0f;
        let width_mhz = match e0 & 0x0f {
            0 => Some(20),
            1 => Some(40),
            2 => Some(80),
            3 => Some(160),
            // Some of a channel's subcarriers, for one of several stations.
            _ => None,
        };
        let guard_interval_ns = match (e0 >> 4) & 3 {
            0 => Some(800),
            1 => Some(1600),
            2 => Some(3200),
            _ => None,
        };
        Some(Self::He(Modulation {
            mcs: given(HE1_MCS).then_some(c1 & 0x0f),
            streams: (streams > 0).then_some(streams),
            width_mhz: if given(HE1_WIDTH) { width_mhz } else { None },
            guard_interval_ns: if data2 & HE2_GUARD != 0 { guard_interval_ns } else { None },
            ldpc: given(HE1_CODING).then_some(data3 & HE3_LDPC != 0),
            stbc: given(HE1_STBC).then_some(u8::from(data3 & HE3_STBC != 0)),
        }))
    }
}

impl From<TxRate> for RxRate {
    /// What a card says that heard a frame of this rate and knows everything.
    fn from(rate: TxRate) -> Self {
        let is_short = rate.guard_interval == GuardInterval::Short;
        let modulation = Modulation {
            mcs: Some(rate.mcs),
            streams: Some(rate.streams()),
            width_mhz: Some(rate.width.mhz()),
            guard_interval_ns: Some(guard_ns(is_short)),
            ldpc: Some(rate.ldpc),
            stbc: Some(rate.stbc),
        };
        match rate.format {
            Format::Ht => Self::Ht(modulation),
            Format::Vht { .. } => Self::Vht(modulation),
        }
    }
}

const fn guard_ns(is_short: bool) -> u16 {
    if is_short { SHORT_GUARD_NS } else { LONG_GUARD_NS }
}

/// The width of a frame by its code, which also says in which part of a wider channel it was (radiotap.org VHT).
const fn vht_width_mhz(code: u8) -> Option<u16> {
    match code {
        0 | 2 | 3 | 7..=10 | 18..=25 => Some(20),
        1 | 5 | 6 | 14..=17 => Some(40),
        4 | 12 | 13 => Some(80),
        11 => Some(160),
        _ => None,
    }
}
