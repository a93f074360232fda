//! How long a frame occupies the air: 802.11n, HT-mixed format, broadcast (nobody acknowledges it).

use std::time::Duration;

use crate::wire::radiotap::{GuardInterval, TxRate, Width};

/// DIFS: a SIFS of 16 µs and two slots of 9 µs (IEEE 802.11-2020 10.3.7, 19.4.4).
const DIFS: Duration = Duration::from_micros(34);

/// What a station waits after DIFS on the average: half of CWmin = 15 slots of 9 µs (10.3.3).
const MEAN_BACKOFF: Duration = Duration::from_nanos(67_500);

/// Legacy short and long training (8 + 8 µs), L-SIG (4 µs), HT-SIG (8 µs) and HT-STF (4 µs): all of the
/// preamble but its HT long training fields (IEEE 802.11-2020 19.3.2, 19.3.6).
const PREAMBLE_BEFORE_LTF_US: u64 = 32;

/// One symbol with the long guard interval, and one HT long training field.
const SYMBOL_US: u64 = 4;

/// Data bits in one symbol of one spatial stream in 20 MHz, by MCS modulo 8 (19.5).
const BITS_PER_SYMBOL_20_MHZ: [u64; 8] = [26, 52, 78, 104, 156, 208, 234, 260];

/// The same in 40 MHz.
const BITS_PER_SYMBOL_40_MHZ: [u64; 8] = [54, 108, 162, 216, 324, 432, 486, 540];

/// More data bits than these in a symbol (over 300 Mbit/s) take a second encoder, with its own tail bits.
const BITS_PER_SYMBOL_ONE_ENCODER: u64 = 1200;

/// The air time one frame costs: DIFS, the mean backoff and [`txtime`].
///
/// `psdu_bytes` counts from the 802.11 header to the FCS. This is what a pacer should reckon with on a
/// channel that nobody else uses; the backoff of a single frame differs from its mean by up to 67.5 µs.
pub fn airtime(rate: TxRate, psdu_bytes: usize) -> Duration {
    DIFS + MEAN_BACKOFF + txtime(rate, psdu_bytes)
}

/// How long the transmission itself lasts, preamble included (TXTIME of IEEE 802.11-2020 19.4.3).
///
/// `psdu_bytes` counts from the 802.11 header to the FCS. In the 2.4 GHz band a silent signal extension of
/// 6 µs follows, which is not counted. With LDPC the extra symbol of 19.3.11.7.5 is not counted either.
pub fn txtime(rate: TxRate, psdu_bytes: usize) -> Duration {
    let streams = u64::from(rate.mcs.min(31) / 8) + 1;
    let space_time_streams = streams + u64::from(rate.stbc);
    let preamble_us = PREAMBLE_BEFORE_LTF_US + SYMBOL_US * long_training_fields(space_time_streams);
    let symbols = symbols(rate, streams, psdu_bytes);
    let data_us = match rate.guard_interval {
        GuardInterval::Long => SYMBOL_US * symbols,
        // 3.6 µs each, and the whole ends on a boundary of 4 µs (19.4.3).
        GuardInterval::Short => SYMBOL_US * (36 * symbols).div_ceil(40),
    };
    Duration::from_micros(preamble_us + data_us)
}

/// Data symbols: 16 service bits, the PSDU, tail bits (19.4.3).
fn symbols(rate: TxRate, streams: u64, psdu_bytes: usize) -> u64 {
    let per_stream = match rate.width {
        Width::Mhz20 => BITS_PER_SYMBOL_20_MHZ,
        Width::Mhz40 => BITS_PER_SYMBOL_40_MHZ,
    };
    let bits_per_symbol = per_stream[usize::from(rate.mcs % 8)] * streams;
    let tail_bits = match rate.ldpc {
        true => 0,
        false if bits_per_symbol > BITS_PER_SYMBOL_ONE_ENCODER => 12,
        false => 6,
    };
    let stbc = if rate.stbc == 0 { 1 } else { 2 };
    let bits = 8 * psdu_bytes as u64 + 16 + tail_bits;
    stbc * bits.div_ceil(bits_per_symbol * stbc)
}

/// HT long training fields for so many space-time streams (19.3.9.4.6).
fn long_training_fields(space_time_streams: u64) -> u64 {
    match space_time_streams {
        ..=2 => space_time_streams,
        _ => 4,
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

    #[test]
    fn an_empty_frame_still_costs_its_preamble() {
        assert_eq!(txtime(mcs(0), 0), Duration::from_micros(36 + 4));
    }
}
