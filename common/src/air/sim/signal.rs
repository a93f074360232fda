//! How likely a frame is too weak to be read, from its signal-to-noise ratio.
//!
//! The anchors are the minimum input sensitivities of IEEE 802.11-2020 table 19-23 (20 MHz: −82 dBm for
//! MCS 0 to −64 dBm for MCS 7, at which 10 % of the frames of 4096 bytes may fail). They allow a noise figure
//! of 10 dB and an implementation loss of 5 dB above the thermal −101 dBm, hence SNR = sensitivity + 86 dB.
//! With the −95 dBm of a usual card this puts MCS 0 at −91 dBm and MCS 7 at −73 dBm, close to data sheets.
//! Around its anchor the loss of 4096-byte frames follows a logistic curve. Shorter frames need less signal: the
//! curve is moved so that few losses become fewer in proportion to the length.

use crate::wire::radiotap::{MAX_STREAMS, TxRate};

/// Signal-to-noise ratio in dB at which 10 % of the frames of 4096 bytes fail, by modulation and
/// code rate of a stream; the last two, 256-QAM, are VHT's (table 21-25).
const SNR_FOR_10_PERCENT_DB: [f64; 10] = [4.0, 7.0, 9.0, 12.0, 16.0, 20.0, 21.0, 22.0, 27.0, 29.0];

/// What one more stream asks for in dB (twice the streams share the power, and they disturb each other).
const DB_PER_FURTHER_STREAM: f64 = 3.0;

/// Steepness of the curve in dB: from 90 % to 10 % loss within 2.2 dB.
const STEEPNESS_DB: f64 = 0.5;

/// The frame length the anchors are given for.
const ANCHOR_BYTES: f64 = 4096.0;

/// Below this a frame is never lost for its weakness.
const NEGLIGIBLE: f64 = 1e-9;

/// The share of frames of this rate and length that fail at this signal-to-noise ratio, 0 to 1.
#[must_use]
pub fn frame_loss(rate: TxRate, snr_db: f64, psdu_bytes: usize) -> f64 {
    let further_streams = f64::from(rate.streams().clamp(1, MAX_STREAMS) - 1);
    let anchor_db =
        SNR_FOR_10_PERCENT_DB[usize::from(rate.stream_mcs().min(9))] + further_streams * DB_PER_FURTHER_STREAM;
    let of_anchor_length = psdu_bytes.max(1) as f64 / ANCHOR_BYTES;
    // The logistic curve is 0.1 where its argument is ln 9.
    let argument = (snr_db - anchor_db) / STEEPNESS_DB + 9.0_f64.ln() - of_anchor_length.ln();
    let loss = 1.0 / (1.0 + argument.exp());
    if loss < NEGLIGIBLE { 0.0 } else { loss }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::radiotap::Format;

    fn mcs(mcs: u8) -> TxRate {
        TxRate { mcs, ..TxRate::default() }
    }

    #[test]
    fn at_the_sensitivity_of_the_standard_a_tenth_of_the_longest_frames_fail() {
        for (mcs_index, sensitivity_dbm) in [(0, -82.0), (1, -79.0), (3, -74.0), (7, -64.0)] {
            let loss = frame_loss(mcs(mcs_index), sensitivity_dbm + 86.0, 4096);
            assert!((loss - 0.1).abs() < 1e-9, "MCS {mcs_index}: {loss}");
        }
    }

    #[test]
    fn a_strong_signal_loses_exactly_nothing_and_a_weak_one_everything() {
        assert_eq!(frame_loss(mcs(7), 40.0, 1500), 0.0);
        assert!(frame_loss(mcs(0), -3.0, 30) > 0.99);
    }

    #[test]
    fn weaker_faster_and_longer_frames_fail_more() {
        assert!(frame_loss(mcs(3), 10.0, 1400) > frame_loss(mcs(3), 11.0, 1400));
        assert!(frame_loss(mcs(4), 11.0, 1400) > frame_loss(mcs(3), 11.0, 1400));
        assert!(frame_loss(mcs(3), 11.0, 1400) > frame_loss(mcs(3), 11.0, 100));
        assert!(frame_loss(mcs(11), 11.0, 1400) > frame_loss(mcs(3), 11.0, 1400));
        let vht = |mcs, streams| TxRate { format: Format::Vht { streams }, mcs, ..TxRate::default() };
        assert_eq!(frame_loss(vht(3, 1), 11.0, 1400), frame_loss(mcs(3), 11.0, 1400));
        assert!(frame_loss(vht(9, 1), 29.0, 1400) > frame_loss(vht(8, 1), 29.0, 1400));
        assert!(frame_loss(vht(3, 2), 11.0, 1400) > frame_loss(vht(3, 1), 11.0, 1400));
    }
}
