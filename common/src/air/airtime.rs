//! How long a frame occupies the air: 802.11n in HT-mixed format and 802.11ac, broadcast (nobody acknowledges it).

use std::time::Duration;

use crate::wire::radiotap::{Format, GuardInterval, MAX_STREAMS, TxRate, Width};

/// DIFS: a SIFS of 16 µs and two slots of 9 µs (IEEE 802.11-2020 10.3.7, 19.4.4).
const DIFS: Duration = Duration::from_micros(34);

/// What a station waits after DIFS on the average: half of CWmin = 15 slots of 9 µs (10.3.3).
const MEAN_BACKOFF: Duration = Duration::from_nanos(67_500);

/// Legacy short and long training (8 + 8 µs), L-SIG (4 µs), HT-SIG (8 µs) and HT-STF (4 µs): all of the
/// preamble but its HT long training fields (IEEE 802.11-2020 19.3.2, 19.3.6).
const HT_PREAMBLE_BEFORE_LTF_US: u64 = 32;

/// The same with VHT-SIG-A (8 µs), VHT-STF (4 µs) and VHT-SIG-B (4 µs) (21.3.2, 21.3.6).
const VHT_PREAMBLE_WITHOUT_LTF_US: u64 = 36;

/// One symbol with the long guard interval, and one long training field.
const SYMBOL_US: u64 = 4;

/// Data bits of each subcarrier in one symbol of one stream, in sixths, by modulation and code rate: BPSK 1/2 is
/// half a bit, 256-QAM 5/6 is 6.67 bits (19.5, 21.5).
const BITS_PER_SUBCARRIER_SIXTHS: [u64; 10] = [3, 6, 9, 12, 18, 24, 27, 30, 36, 40];

/// An HT symbol with more data bits than these (over 300 Mbit/s) takes a second encoder, with its own tail bits.
const HT_BITS_PER_ENCODER: u64 = 1200;

/// In VHT each encoder carries 600 Mbit/s with the short guard interval: 2160 bits in a symbol of 3.6 µs.
const VHT_BITS_PER_ENCODER: u64 = 2160;

/// Each frame in VHT is an A-MPDU: a delimiter of four bytes before it (9.7.1). The padding behind it fills the
/// last symbol in any case.
const AMPDU_DELIMITER_BYTES: usize = 4;

/// The air time one frame costs: DIFS, the mean backoff and [`txtime`].
///
/// `psdu_bytes` counts from the 802.11 header to the FCS. This is what a pacer should reckon with on a
/// channel that nobody else uses; the backoff of a single frame differs from its mean by up to 67.5 µs.
pub fn airtime(rate: TxRate, psdu_bytes: usize) -> Duration {
    DIFS + MEAN_BACKOFF + txtime(rate, psdu_bytes)
}

/// How long the transmission itself lasts, preamble included (TXTIME of IEEE 802.11-2020 19.4.3 and 21.4.3).
///
/// `psdu_bytes` counts from the 802.11 header to the FCS. In the 2.4 GHz band a silent signal extension of
/// 6 µs follows, which is not counted. With LDPC the extra symbol of 19.3.11.7.5 is not counted either.
pub fn txtime(rate: TxRate, psdu_bytes: usize) -> Duration {
    let symbols = symbols(rate, psdu_bytes);
    let data_us = match rate.guard_interval {
        GuardInterval::Long => SYMBOL_US * symbols,
        // 3.6 µs each, and the whole ends on a boundary of 4 µs (19.4.3).
        GuardInterval::Short => SYMBOL_US * (36 * symbols).div_ceil(40),
    };
    Duration::from_micros(preamble_us(rate) + data_us)
}

fn preamble_us(rate: TxRate) -> u64 {
    let (streams, stbc) = (streams(rate), u64::from(rate.stbc));
    match rate.format {
        Format::Ht => HT_PREAMBLE_BEFORE_LTF_US + SYMBOL_US * long_training_fields(streams + stbc),
        Format::Vht { .. } => VHT_PREAMBLE_WITHOUT_LTF_US + SYMBOL_US * long_training_fields(streams * (1 + stbc)),
    }
}

/// Data symbols: 16 service bits, the PSDU, tail bits (19.4.3, 21.4.3).
fn symbols(rate: TxRate, psdu_bytes: usize) -> u64 {
    let bits_per_symbol = bits_per_symbol(rate);
    let (encoders, psdu_bytes) = match rate.format {
        Format::Ht => (if bits_per_symbol > HT_BITS_PER_ENCODER { 2 } else { 1 }, psdu_bytes),
        Format::Vht { .. } => (bits_per_symbol.div_ceil(VHT_BITS_PER_ENCODER), psdu_bytes + AMPDU_DELIMITER_BYTES),
    };
    let tail_bits = if rate.ldpc { 0 } else { 6 * encoders };
    let stbc = if rate.stbc == 0 { 1 } else { 2 };
    let bits = 8 * psdu_bytes as u64 + 16 + tail_bits;
    stbc * bits.div_ceil(bits_per_symbol * stbc)
}

/// Data bits in a symbol, all streams together.
fn bits_per_symbol(rate: TxRate) -> u64 {
    let subcarriers = match rate.width {
        Width::Mhz20 => 52,
        Width::Mhz40 => 108,
        Width::Mhz80 => 234,
    };
    let sixths = BITS_PER_SUBCARRIER_SIXTHS[usize::from(rate.stream_mcs().min(9))];
    subcarriers * streams(rate) * sixths / 6
}

/// Spatial streams; more than four are taken as four.
fn streams(rate: TxRate) -> u64 {
    u64::from(rate.streams().clamp(1, MAX_STREAMS))
}

/// Long training fields for so many space-time streams (19.3.9.4.6, 21.3.8.3.5).
fn long_training_fields(space_time_streams: u64) -> u64 {
    match space_time_streams {
        ..=2 => space_time_streams,
        3 | 4 => 4,
        5 | 6 => 6,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mcs(mcs: u8) -> TxRate {
        TxRate { mcs, ..TxRate::default() }
    }

    #[test]
    fn mcs_1_takes_216_symbols_for_1400_bytes() {
        // (8 * 1400 + 16 + 6) / 52 = 215.8 symbols of 4 µs behind 36 µs of preamble.
        assert_eq!(txtime(mcs(1), 1400), Duration::from_micros(36 + 216 * 4));
        assert_eq!(airtime(mcs(1), 1400), Duration::from_nanos(900_000 + 101_500));
    }

    #[test]
    fn short_guard_symbols_end_on_a_long_symbol_boundary() {
        let rate = TxRate { guard_interval: GuardInterval::Short, ..mcs(7) };
        // 11222 / 260 = 43.2, 44 symbols of 3.6 µs are 158.4 µs, which end at 160 µs.
        assert_eq!(txtime(rate, 1400), Duration::from_micros(36 + 160));
    }

    #[test]
    fn forty_mhz_carries_more_bits_in_each_symbol() {
        let rate = TxRate { width: Width::Mhz40, ..mcs(3) };
        // 11222 / 216 = 51.95.
        assert_eq!(txtime(rate, 1400), Duration::from_micros(36 + 52 * 4));
    }

    #[test]
    fn each_further_stream_adds_a_training_field() {
        // 11222 / (2 * 52) = 107.9 symbols.
        assert_eq!(txtime(mcs(9), 1400), Duration::from_micros(40 + 108 * 4));
        // Three streams train four times: 11222 / 156 = 71.9.
        assert_eq!(txtime(mcs(17), 1400), Duration::from_micros(48 + 72 * 4));
    }

    #[test]
    fn stbc_comes_in_pairs_of_symbols() {
        let rate = TxRate { stbc: 1, ..mcs(1) };
        // 11222 / 104 = 107.9 pairs; a second space-time stream trains too.
        assert_eq!(txtime(rate, 1400), Duration::from_micros(40 + 216 * 4));
        // 206 / 104 = 1.98 pairs where a single symbol fewer would do.
        assert_eq!(txtime(TxRate { stbc: 1, ..mcs(7) }, 90), Duration::from_micros(40 + 4 * 4));
    }

    #[test]
    fn over_300_mbit_per_s_a_second_encoder_adds_its_tail() {
        let rate = TxRate { width: Width::Mhz40, ..mcs(23) };
        // 1620 bits in a symbol: 1620 * 2 - 16 - 6 bits fit two symbols with one tail, not with two.
        let bytes = (1620 * 2 - 16 - 6) / 8;
        assert_eq!(txtime(rate, bytes), Duration::from_micros(48 + 3 * 4));
    }

    fn vht(mcs: u8, streams: u8, width: Width, guard_interval: GuardInterval) -> TxRate {
        TxRate { format: Format::Vht { streams }, mcs, width, guard_interval, ..TxRate::default() }
    }

    #[test]
    fn rates_are_those_of_the_standards_tables() {
        use GuardInterval::{Long, Short};
        use Width::{Mhz20, Mhz40, Mhz80};
        let published = [
            (TxRate { guard_interval: Short, ..mcs(7) }, 72.2),
            (TxRate { width: Mhz40, guard_interval: Short, ..mcs(15) }, 300.0),
            (TxRate { width: Mhz40, guard_interval: Short, ..mcs(31) }, 600.0),
            (vht(0, 1, Mhz20, Long), 6.5),
            (vht(8, 1, Mhz20, Short), 86.7),
            (vht(9, 3, Mhz20, Short), 288.9),
            (vht(9, 1, Mhz40, Short), 200.0),
            (vht(0, 1, Mhz80, Long), 29.3),
            (vht(9, 1, Mhz80, Long), 390.0),
            (vht(9, 1, Mhz80, Short), 433.3),
            (vht(7, 2, Mhz80, Short), 650.0),
            (vht(9, 3, Mhz80, Short), 1300.0),
            (vht(9, 4, Mhz80, Short), 1733.3),
        ];
        for (rate, mbit_per_s) in published {
            let symbol_us = if rate.guard_interval == Short { 3.6 } else { 4.0 };
            let modelled = bits_per_symbol(rate) as f64 / symbol_us;
            assert!((modelled - mbit_per_s).abs() < 0.06, "{rate}: {modelled} instead of {mbit_per_s}");
        }
    }

    #[test]
    fn a_vht_frame_has_a_longer_preamble_and_a_delimiter() {
        // 8 * 1404 + 16 + 6 = 11254 bits in symbols of 1560 are 7.2; preamble 36 + 4.
        let rate = vht(9, 1, Width::Mhz80, GuardInterval::Long);
        assert_eq!(txtime(rate, 1400), Duration::from_micros(40 + 8 * 4));
        // 8 symbols of 3.6 µs are 28.8 µs, which end at 32 µs.
        let rate = vht(9, 1, Width::Mhz80, GuardInterval::Short);
        assert_eq!(txtime(rate, 1400), Duration::from_micros(40 + 32));
    }

    #[test]
    fn vht_stbc_doubles_the_training_fields() {
        let rate = |streams, stbc| TxRate { stbc, ..vht(0, streams, Width::Mhz20, GuardInterval::Long) };
        // One symbol carries 26 bits a stream: 54 bits are 3, 2 or 1 symbols, with STBC in pairs.
        let empty = |streams, stbc| txtime(rate(streams, stbc), 0);
        assert_eq!(empty(1, 0), Duration::from_micros(36 + 4 + 3 * 4));
        assert_eq!(empty(1, 1), Duration::from_micros(36 + 8 + 4 * 4));
        assert_eq!(empty(3, 1), Duration::from_micros(36 + 24 + 2 * 4));
        assert_eq!(empty(4, 1), Duration::from_micros(36 + 32 + 2 * 4));
    }

    #[test]
    fn no_rate_whatever_makes_it_panic() {
        for (mcs, streams) in (0..=255).zip((0..=255).rev()) {
            for format in [Format::Ht, Format::Vht { streams }] {
                let rate = TxRate { format, mcs, stbc: mcs, ..TxRate::default() };
                assert!(airtime(rate, 4096) > airtime(rate, 0));
            }
        }
    }

    #[test]
    fn an_empty_frame_still_costs_its_preamble() {
        assert_eq!(txtime(mcs(0), 0), Duration::from_micros(36 + 4));
    }
}
