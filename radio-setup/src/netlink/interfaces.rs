//! The interfaces of radios, from `NL80211_CMD_NEW_INTERFACE` messages.

use super::attributes::Attributes;
use super::codes::{self, attribute};
use super::request::wireless;
use crate::legible::legible;
use crate::machine::{Interface, Tuned, Width};

/// Each interface with the number of its radio, by its own number. What has no name (P2P devices) is none.
pub(super) fn parse(messages: &[Vec<u8>]) -> Vec<(u32, Interface)> {
    let mut found: Vec<_> = messages.iter().filter_map(|message| interface(wireless::body(message)?)).collect();
    found.sort_by_key(|(_, interface)| interface.index);
    found
}

fn interface(attributes: Attributes<'_>) -> Option<(u32, Interface)> {
    let interface = Interface {
        index: attributes.number(attribute::IFINDEX)?,
        name: attributes.text(attribute::IFNAME)?,
        mac: attributes.mac(attribute::MAC).unwrap_or_default(),
        mode: codes::mode(attributes.number(attribute::IFTYPE).unwrap_or_default()),
        tuned: tuned(attributes),
        power_mbm: attributes.number(attribute::TX_POWER_LEVEL).map(u32::cast_signed),
        joined: ssid(attributes),
        ..Interface::default()
    };
    Some((attributes.number(attribute::WIPHY)?, interface))
}

/// Kernels that know only the frequency mean 20 MHz.
fn tuned(attributes: Attributes<'_>) -> Option<Tuned> {
    let frequency_mhz = attributes.number(attribute::WIPHY_FREQ)?;
    let width = attributes.number(attribute::CHANNEL_WIDTH).map_or(Some(Width::Mhz20), codes::width)?;
    let center_mhz = attributes.number(attribute::CENTER_FREQ1).filter(|&mhz| mhz != 0).unwrap_or(frequency_mhz);
    Some(Tuned { frequency_mhz, center_mhz, width })
}

/// A network's name is up to 32 bytes, of any encoding.
fn ssid(attributes: Attributes<'_>) -> Option<String> {
    let bytes = attributes.find(attribute::SSID).filter(|bytes| !bytes.is_empty())?;
    Some(legible(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{self, Purpose};
    use crate::machine::{Machine, Radio};
    use crate::netlink::attributes::{emit, number, text};

    #[test]
    fn a_network_cannot_write_to_the_terminal_with_its_name() {
        let attributes = [
            number(attribute::WIPHY, 0),
            number(attribute::IFINDEX, 3),
            text(attribute::IFNAME, "wlan0"),
            number(attribute::IFTYPE, 2),
            netlink_packet_core::DefaultNla::new(attribute::SSID, b"\x1b[2J\x07home\xff\xe2\x80\xae".to_vec()),
        ];
        let (_, interface) = parse(&[emit(&[7, 1, 0, 0], &attributes)]).remove(0);
        let radio = Radio { has_monitor_mode: true, interfaces: vec![interface], ..Radio::default() };
        let machine = Machine { radios: vec![radio], ..Machine::default() };
        let sentence = diagnose::card(&machine, "wlan0", Purpose::Receive).remove(0).sentence();
        let expected = "wlan0 is in managed mode, joined to \\u{1b}[2J\\u{7}home\u{fffd}\\u{202e}, expected monitor";
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}
