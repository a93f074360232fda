//! Numbers of the kernel's interface (`linux/nl80211.h`), and what they mean here.

use netlink_packet_core::DefaultNla;

use super::attributes::number;
use crate::machine::{Mode, Width};

/// `enum nl80211_commands`.
pub(super) mod command {
    pub(in crate::netlink) const GET_WIPHY: u8 = 1;
    pub(in crate::netlink) const SET_WIPHY: u8 = 2;
    pub(in crate::netlink) const GET_INTERFACE: u8 = 5;
    pub(in crate::netlink) const SET_INTERFACE: u8 = 6;
    pub(in crate::netlink) const NEW_INTERFACE: u8 = 7;
    pub(in crate::netlink) const DEL_INTERFACE: u8 = 8;
    pub(in crate::netlink) const REQ_SET_REG: u8 = 27;
    pub(in crate::netlink) const GET_REG: u8 = 31;
}

/// `enum nl80211_attrs`.
pub(super) mod attribute {
    pub(in crate::netlink) const WIPHY: u16 = 1;
    pub(in crate::netlink) const WIPHY_NAME: u16 = 2;
    pub(in crate::netlink) const IFINDEX: u16 = 3;
    pub(in crate::netlink) const IFNAME: u16 = 4;
    pub(in crate::netlink) const IFTYPE: u16 = 5;
    pub(in crate::netlink) const MAC: u16 = 6;
    pub(in crate::netlink) const WIPHY_BANDS: u16 = 22;
    pub(in crate::netlink) const MNTR_FLAGS: u16 = 23;
    pub(in crate::netlink) const SUPPORTED_IFTYPES: u16 = 32;
    pub(in crate::netlink) const REG_ALPHA2: u16 = 33;
    pub(in crate::netlink) const WIPHY_FREQ: u16 = 38;
    pub(in crate::netlink) const SSID: u16 = 52;
    pub(in crate::netlink) const TX_POWER_SETTING: u16 = 97;
    pub(in crate::netlink) const TX_POWER_LEVEL: u16 = 98;
    pub(in crate::netlink) const SOFTWARE_IFTYPES: u16 = 121;
    pub(in crate::netlink) const CHANNEL_WIDTH: u16 = 159;
    pub(in crate::netlink) const CENTER_FREQ1: u16 = 160;
    pub(in crate::netlink) const SPLIT_WIPHY_DUMP: u16 = 174;
    pub(in crate::netlink) const SELF_MANAGED_REG: u16 = 216;
}

/// `enum nl80211_band_attr` and `nl80211_band_iftype_attr`.
pub(super) mod band {
    pub(in crate::netlink) const FREQUENCIES: u16 = 1;
    pub(in crate::netlink) const HT_CAPABILITIES: u16 = 4;
    pub(in crate::netlink) const VHT_CAPABILITIES: u16 = 8;
    pub(in crate::netlink) const IFTYPE_DATA: u16 = 9;
    pub(in crate::netlink) const HE_PHY: u16 = 3;
}

/// `enum nl80211_frequency_attr`.
pub(super) mod frequency {
    pub(in crate::netlink) const MHZ: u16 = 1;
    pub(in crate::netlink) const DISABLED: u16 = 2;
    pub(in crate::netlink) const NO_IR: u16 = 3;
    pub(in crate::netlink) const RADAR: u16 = 5;
    pub(in crate::netlink) const MAX_TX_POWER: u16 = 6;
}

/// `NL80211_MNTR_FLAG_FCSFAIL`.
pub(super) const MONITOR_FLAG_FCS_FAIL: u16 = 1;

/// `NL80211_MULTICAST_GROUP_REG`.
pub(super) const REGION_EVENTS: &str = "regulatory";

const TX_POWER_AUTOMATIC: u32 = 0;
const TX_POWER_FIXED: u32 = 2;

const IFTYPE_STATION: u32 = 2;
const IFTYPE_AP: u32 = 3;
pub(super) const IFTYPE_MONITOR: u32 = 6;

pub(super) fn mode(number: u32) -> Mode {
    match number {
        IFTYPE_STATION => Mode::Managed,
        IFTYPE_AP => Mode::AccessPoint,
        IFTYPE_MONITOR => Mode::Monitor,
        other => Mode::Other(other),
    }
}

pub(super) const fn mode_number(mode: Mode) -> u32 {
    match mode {
        Mode::Managed => IFTYPE_STATION,
        Mode::AccessPoint => IFTYPE_AP,
        Mode::Monitor => IFTYPE_MONITOR,
        Mode::Other(number) => number,
    }
}

/// `enum nl80211_chan_width`; 20 MHz without HT counts as 20 MHz, what is not a plain width as none.
pub(super) const fn width(number: u32) -> Option<Width> {
    match number {
        0 | 1 => Some(Width::Mhz20),
        2 => Some(Width::Mhz40),
        3 => Some(Width::Mhz80),
        5 => Some(Width::Mhz160),
        6 => Some(Width::Mhz5),
        7 => Some(Width::Mhz10),
        _ => None,
    }
}

pub(super) const fn width_number(width: Width) -> u32 {
    match width {
        Width::Mhz20 => 1,
        Width::Mhz40 => 2,
        Width::Mhz80 => 3,
        Width::Mhz160 => 5,
        Width::Mhz5 => 6,
        Width::Mhz10 => 7,
    }
}

/// A power in hundredths of dBm as the kernel wants it, `None` as automatic. The level is signed there too.
pub(super) fn power_attributes(power_mbm: Option<i32>) -> Vec<DefaultNla> {
    let setting = if power_mbm.is_some() { TX_POWER_FIXED } else { TX_POWER_AUTOMATIC };
    let level = power_mbm.map(|mbm| number(attribute::TX_POWER_LEVEL, mbm.cast_unsigned()));
    [number(attribute::TX_POWER_SETTING, setting)].into_iter().chain(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_widths_come_back_from_their_numbers() {
        for known in [Mode::Managed, Mode::Monitor, Mode::AccessPoint, Mode::Other(7)] {
            assert_eq!(mode(mode_number(known)), known);
        }
        for known in [Width::Mhz5, Width::Mhz10, Width::Mhz20, Width::Mhz40, Width::Mhz80, Width::Mhz160] {
            assert_eq!(width(width_number(known)), Some(known));
        }
    }

    #[test]
    fn widths_the_link_cannot_use_are_none() {
        assert_eq!(width(4), None, "80+80");
        assert_eq!(width(13), None, "320");
    }

    #[test]
    fn an_automatic_power_has_no_level() {
        assert_eq!(power_attributes(None), [number(attribute::TX_POWER_SETTING, 0)]);
        assert_eq!(
            power_attributes(Some(2000)),
            [number(attribute::TX_POWER_SETTING, 2), number(attribute::TX_POWER_LEVEL, 2000)]
        );
    }
}
