//! A machine with one card that is set up as it should be, for all tests of diagnoses.

use super::*;
use crate::machine::{Channel, Interface, Mode, Permissions, Region};

/// One radio that may send everywhere, `wlan1` on channel 149 in region US.
pub(super) fn machine() -> Machine {
    let channel =
        |frequency_mhz| Channel { frequency_mhz, disabled: false, no_ir: false, radar: false, max_power_mbm: 3000 };
    let interface = Interface {
        index: 4,
        name: "wlan1".to_owned(),
        mode: Mode::Monitor,
        up: true,
        mtu_bytes: 2304,
        tuned: Some(Tuned { frequency_mhz: 5745, center_mhz: 5745, width: Width::Mhz20 }),
        ..Interface::default()
    };
    let radio = Radio {
        name: "phy1".to_owned(),
        driver: Some("ath9k_htc".to_owned()),
        is_mac80211: true,
        has_monitor_mode: true,
        channels: [2412, 5180, 5745, 5765].map(channel).to_vec(),
        widest: Width::Mhz40,
        interfaces: vec![interface],
        ..Radio::default()
    };
    Machine {
        radios: vec![radio],
        other_interfaces: vec!["lo".to_owned(), "eth0".to_owned()],
        region: Region(*b"US"),
        has_region_database: true,
        permissions: Permissions { net_admin: true, net_raw: true },
        ..Machine::default()
    }
}

/// The first finding about `wlan1`.
pub(super) fn first(machine: &Machine, purpose: Purpose) -> Finding {
    card(machine, "wlan1", purpose).remove(0)
}
