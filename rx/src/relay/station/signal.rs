//! Whether what a relay says of its cards' signal can be.

use std::ops::RangeInclusive;

use skylark_common::wire::radiotap::RxHeader;

/// Signal and noise of a receiver, in dBm: thermal noise in 5 MHz is −107; beyond 0 the input is overdriven.
const POSSIBLE_DBM: RangeInclusive<i8> = -110..=0;
/// More above the noise than any receiver has range for, in dB.
const MAX_SNR_DB: i16 = 70;

/// Whether every power in the header can be.
pub(super) fn is_plausible(header: &RxHeader) -> bool {
    let combined = (header.combined_signal_dbm, header.combined_noise_dbm);
    let antennas = header.antennas.iter().flatten().map(|antenna| (antenna.signal_dbm, antenna.noise_dbm));
    let noise_dbm = header.noise_dbm();
    antennas.chain([combined]).all(|(signal_dbm, noise)| {
        let snr_db = signal_dbm.zip(noise_dbm).map_or(0, |(signal, noise)| i16::from(signal) - i16::from(noise));
        signal_dbm.into_iter().chain(noise).all(|dbm| POSSIBLE_DBM.contains(&dbm)) && snr_db <= MAX_SNR_DB
    })
}

/// The same header without a word about signal.
pub(super) fn without_signal(header: &RxHeader) -> RxHeader {
    RxHeader {
        bad_fcs: header.bad_fcs,
        frequency_mhz: header.frequency_mhz,
        rate: header.rate,
        tsft_us: header.tsft_us,
        ..RxHeader::default()
    }
}

#[cfg(test)]
mod tests {
    use skylark_common::wire::radiotap::Antenna;

    use super::*;

    fn header(signal_dbm: i8, noise_dbm: Option<i8>) -> RxHeader {
        let antenna = Antenna { number: 0, signal_dbm: Some(signal_dbm), noise_dbm };
        RxHeader { antennas: [None, Some(antenna), None, None], ..RxHeader::default() }
    }

    #[test]
    fn signals_that_cannot_be_are_told_from_those_that_can() {
        for (signal_dbm, noise_dbm) in [(-110, None), (0, None), (-25, Some(-95)), (-100, Some(-80))] {
            assert!(is_plausible(&header(signal_dbm, noise_dbm)), "{signal_dbm} over {noise_dbm:?}");
        }
        for (signal_dbm, noise_dbm) in [(1, None), (-111, None), (-24, Some(-95)), (-50, Some(3)), (127, Some(-128))] {
            assert!(!is_plausible(&header(signal_dbm, noise_dbm)), "{signal_dbm} over {noise_dbm:?}");
        }
        assert!(is_plausible(&RxHeader::default()));
        let combined = RxHeader { combined_signal_dbm: Some(20), ..RxHeader::default() };
        assert!(!is_plausible(&combined));
    }

    #[test]
    fn nothing_of_the_signal_is_left() {
        let bare = without_signal(&RxHeader { bad_fcs: true, combined_noise_dbm: Some(4), ..header(20, None) });
        assert_eq!((bare.signal_dbm(), bare.noise_dbm(), bare.bad_fcs), (None, None, true));
    }
}
