//! Writes the header of a card: fields in bit order, aligned.

use super::{Antenna, FLAGS_BAD_FCS, FLAGS_FCS, MAX_ANTENNAS, Modulation, RxHeader, RxRate};
use crate::wire::radiotap::{
    ANTENNA, CHANNEL, FLAGS, MCS, MCS_KNOWN_FEC, MCS_KNOWN_GUARD, MCS_KNOWN_INDEX, MCS_KNOWN_STBC, MCS_KNOWN_WIDTH,
    MCS_LDPC, MCS_SHORT_GUARD, MCS_STBC_SHIFT, MCS_WIDTH_40, NOISE, RATE, SIGNAL, TSFT, VHT, VHT_KNOWN_GUARD,
    VHT_KNOWN_STBC, VHT_KNOWN_WIDTH, VHT_LDPC, VHT_LEN, VHT_SHORT_GUARD,
};

const BIT_RADIOTAP_NAMESPACE: u32 = 29;
const BIT_EXTENSION: u32 = 31;

/// Writes `header` and returns its length, or `None` if `out` is too short.
pub(super) fn write(header: &RxHeader, out: &mut [u8]) -> Option<usize> {
    let mut emitter = Emitter { out, at: 0 };
    emitter.put(4, &[0; 4])?;
    let chains = chains(header);
    let words = chains.iter().flatten().count().max(1);
    for index in 0..words {
        let is_last = index.checked_add(1) == Some(words);
        let more = if is_last { 0 } else { (1 << BIT_RADIOTAP_NAMESPACE) | (1 << BIT_EXTENSION) };
        let frame = if index == 0 { frame_bits(header) } else { 0 };
        let chain = chains.get(index).copied().flatten().map_or(0, Chain::bits);
        emitter.put(4, &(more | frame | chain).to_le_bytes())?;
    }
    emitter.fields(header, &chains)?;
    let len = emitter.at;
    emitter.at = 2;
    emitter.put(2, &u16::try_from(len).ok()?.to_le_bytes())?;
    Some(len)
}

/// All chains together, where the header has that, and each by itself.
fn chains(header: &RxHeader) -> [Option<Chain>; MAX_ANTENNAS + 1] {
    let (signal_dbm, noise_dbm) = (header.combined_signal_dbm, header.combined_noise_dbm);
    let has_combined = signal_dbm.is_some() || noise_dbm.is_some();
    let combined = has_combined.then_some(Chain { signal_dbm, noise_dbm, number: None });
    let mut all = combined.into_iter().chain(header.antennas.iter().flatten().map(|antenna| Chain::from(*antenna)));
    std::array::from_fn(|_| all.next())
}

fn frame_bits(header: &RxHeader) -> u32 {
    let rate = match header.rate {
        Some(RxRate::Legacy { .. }) => 1 << RATE,
        Some(RxRate::Ht(_)) => 1 << MCS,
        Some(RxRate::Vht(_)) => 1 << VHT,
        Some(RxRate::He(_)) | None => 0,
    };
    rate | bit(header.tsft_us.is_some(), TSFT) | (1 << FLAGS) | bit(header.frequency_mhz.is_some(), CHANNEL)
}

/// The fields one present word has of a chain.
#[derive(Debug, Clone, Copy)]
struct Chain {
    signal_dbm: Option<i8>,
    noise_dbm: Option<i8>,
    number: Option<u8>,
}

impl From<Antenna> for Chain {
    fn from(Antenna { number, signal_dbm, noise_dbm }: Antenna) -> Self {
        Self { signal_dbm, noise_dbm, number: Some(number) }
    }
}

impl Chain {
    fn bits(self) -> u32 {
        bit(self.signal_dbm.is_some(), SIGNAL)
            | bit(self.noise_dbm.is_some(), NOISE)
            | bit(self.number.is_some(), ANTENNA)
    }
}

fn bit(is_present: bool, bit: u32) -> u32 {
    if is_present { 1 << bit } else { 0 }
}

struct Emitter<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Emitter<'_> {
    fn fields(&mut self, header: &RxHeader, chains: &[Option<Chain>]) -> Option<()> {
        if let Some(tsft_us) = header.tsft_us {
            self.put(8, &tsft_us.to_le_bytes())?;
        }
        let fcs = if header.has_fcs { FLAGS_FCS } else { 0 };
        let bad = if header.bad_fcs { FLAGS_BAD_FCS } else { 0 };
        self.put(1, &[fcs | bad])?;
        if let Some(RxRate::Legacy { half_mbit_per_s }) = header.rate {
            self.put(1, &[half_mbit_per_s])?;
        }
        if let Some(frequency_mhz) = header.frequency_mhz {
            self.put(2, &frequency_mhz.to_le_bytes())?;
            self.put(2, &0_u16.to_le_bytes())?;
        }
        let mut chains = chains.iter().flatten();
        chains.next().map_or(Some(()), |first| self.chain(*first))?;
        match header.rate {
            Some(RxRate::Ht(modulation)) => self.put(1, &mcs_field(modulation))?,
            Some(RxRate::Vht(modulation)) => self.put(2, &vht_field(modulation))?,
            Some(RxRate::Legacy { .. } | RxRate::He(_)) | None => {}
        }
        chains.try_for_each(|chain| self.chain(*chain))
    }

    fn chain(&mut self, chain: Chain) -> Option<()> {
        for dbm in [chain.signal_dbm, chain.noise_dbm].into_iter().flatten() {
            self.put(1, &[dbm.cast_unsigned()])?;
        }
        chain.number.map_or(Some(()), |number| self.put(1, &[number]))
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

/// The MCS field: known, flags, index.
fn mcs_field(modulation: Modulation) -> [u8; 3] {
    let Modulation { mcs, width_mhz, guard_interval_ns, ldpc, stbc, .. } = modulation;
    let known = [
        (width_mhz.is_some(), MCS_KNOWN_WIDTH),
        (mcs.is_some(), MCS_KNOWN_INDEX),
        (guard_interval_ns.is_some(), MCS_KNOWN_GUARD),
        (ldpc.is_some(), MCS_KNOWN_FEC),
        (stbc.is_some(), MCS_KNOWN_STBC),
    ];
    let flags = [
        (width_mhz == Some(40), MCS_WIDTH_40),
        (guard_interval_ns == Some(400), MCS_SHORT_GUARD),
        (ldpc == Some(true), MCS_LDPC),
        (stbc.is_some(), (stbc.unwrap_or(0) & 3) << MCS_STBC_SHIFT),
    ];
    [set(&known), set(&flags), mcs.unwrap_or(0)]
}

/// The VHT field, one user.
fn vht_field(modulation: Modulation) -> [u8; VHT_LEN] {
    let Modulation { mcs, streams, width_mhz, guard_interval_ns, ldpc, stbc } = modulation;
    let has_short_guard = guard_interval_ns == Some(400);
    let [k0, k1] = [
        (stbc.is_some(), VHT_KNOWN_STBC),
        (guard_interval_ns.is_some(), VHT_KNOWN_GUARD),
        (width_mhz.is_some(), VHT_KNOWN_WIDTH),
    ]
    .into_iter()
    .fold(0, |all, (is_set, bit)| if is_set { all | bit } else { all })
    .to_le_bytes();
    let flags = stbc.unwrap_or(0) & 1 | if has_short_guard { VHT_SHORT_GUARD } else { 0 };
    let width = match width_mhz {
        Some(40) => 1,
        Some(80) => 4,
        Some(160) => 11,
        _ => 0,
    };
    let user = (mcs.unwrap_or(0) << 4) | (streams.unwrap_or(0) & 0x0f);
    [k0, k1, flags, width, user, 0, 0, 0, if ldpc == Some(true) { VHT_LDPC } else { 0 }, 0, 0, 0]
}

fn set(bits: &[(bool, u8)]) -> u8 {
    bits.iter().fold(0, |all, (is_set, bit)| if *is_set { all | bit } else { all })
}
