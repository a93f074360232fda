//! The same messages as the field's older tools read them: MessagePack, and an antenna by what it is tuned to.

use serde_json::json;
use skylark_common::feed::msgpack::{framed, packed, packed_map};

use super::{Antenna, RxMessage, Session};

/// A message of figures.
pub(super) fn message(message: &RxMessage) -> Vec<u8> {
    let RxMessage { timestamp, id, tx_wlan, packets, rx_ant_stats, session } = message;
    let session = Some(session).filter(|session| **session != Session::default());
    let told = [
        ("type", json!("rx")),
        ("timestamp", json!(timestamp)),
        ("id", json!(id)),
        ("tx_wlan", json!(tx_wlan)),
        ("packets", json!(packets)),
        ("session", json!(session)),
    ];
    let antennas: Vec<_> = rx_ant_stats.iter().map(antenna).collect();
    let mut fields: Vec<_> = told.map(|(name, value)| (json!(name), packed(&value))).into();
    fields.push((json!("rx_ant_stats"), packed_map(&antennas)));
    framed(&packed_map(&fields))
}

fn antenna(antenna: &Antenna) -> (serde_json::Value, Vec<u8>) {
    let Antenna { ant, freq, mcs, bw, pkt_recv, rssi_min, rssi_avg, rssi_max, .. } = *antenna;
    let Antenna { snr_min, snr_avg, snr_max, .. } = *antenna;
    let levels = json!([pkt_recv, rssi_min, rssi_avg, rssi_max, snr_min, snr_avg, snr_max]);
    (json!([[freq, mcs, bw], ant]), packed(&levels))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::tests::{report, seen};
    use crate::unit::tests::start;
    use crate::wfb_stats::WfbStats;

    #[test]
    fn an_antenna_is_named_by_what_it_is_tuned_to_and_its_number() {
        let message = WfbStats::default().message(&report(&seen(start()), start()), Duration::ZERO);
        let bytes = super::message(&message);
        assert_eq!(bytes.first_chunk().map(|len| u32::from_be_bytes(*len) as usize), Some(bytes.len() - 4));
        let second = [packed(&json!([[0, 0, 20], 1])), packed(&json!([500, -55, -52, -50, 40, 43, 45]))].concat();
        assert!(bytes.windows(second.len()).any(|window| window == second));
    }
}
