//! Answers of a real kernel (Linux 6.12, two radios of mac80211_hwsim): what is read from them.
//!
//! Region DE; wlan0 in monitor mode, up, on 5180 MHz, 40 MHz wide, MTU 2304; wlan1 managed and up; mon1 beside it,
//! in monitor mode and down. Recorded as the kernel sent them.

use super::request::{messages, wireless};
use super::{interfaces, links, radios, regions};
use crate::machine::{Mode, Radio, Region, Tuned, Width};

/// The bodies of all messages but the one that ends the list.
fn bodies(datagrams: &[u8]) -> Vec<Vec<u8>> {
    const FIRST_OF_A_PROTOCOL: u16 = 16;
    let all = messages(datagrams).filter(|(header, _)| header.message_type() >= FIRST_OF_A_PROTOCOL);
    all.map(|(_, body)| body.to_vec()).collect()
}

fn radios() -> Vec<Radio> {
    radios::parse(&bodies(include_bytes!("dumps/wiphy.bin")))
}

#[test]
fn a_radio_is_put_together_from_all_its_messages() {
    let messages = bodies(include_bytes!("dumps/wiphy.bin"));
    assert!(messages.len() > 20, "{}: told in parts", messages.len());
    let radios = radios();
    assert_eq!(radios.iter().map(|radio| radio.name.as_str()).collect::<Vec<_>>(), ["phy0", "phy1"]);
    for radio in &radios {
        assert!(radio.has_monitor_mode && radio.is_mac80211);
        assert_eq!(radio.widest, Width::Mhz160);
    }
}

#[test]
fn channels_carry_what_the_region_allows() {
    let radios = radios();
    let channel = |frequency_mhz| *radios[0].channel(frequency_mhz).unwrap();
    assert_eq!(channel(2412).max_power_mbm, 2000);
    assert!(!channel(2412).disabled && !channel(2412).no_ir);
    assert!(channel(2484).disabled, "channel 14 is Japan's");
    assert_eq!((channel(5180).no_ir, channel(5180).max_power_mbm), (false, 2300));
    assert!(channel(5260).radar && !channel(5260).no_ir, "what radar forbids is not said twice");
    assert!(radios[0].channels.is_sorted_by_key(|channel| channel.frequency_mhz));
}

#[test]
fn interfaces_know_their_radio_mode_and_channel() {
    let found = interfaces::parse(&bodies(include_bytes!("dumps/interface.bin")));
    let names: Vec<_> =
        found.iter().map(|(radio, interface)| (*radio, interface.name.as_str(), interface.mode)).collect();
    let expected = [(0, "wlan0", Mode::Monitor), (1, "wlan1", Mode::Managed), (1, "mon1", Mode::Monitor)];
    assert_eq!(names, expected);
    let (_, monitor) = &found[0];
    assert_eq!(monitor.tuned, Some(Tuned { frequency_mhz: 5180, center_mhz: 5190, width: Width::Mhz40 }));
    assert_eq!(monitor.mac, [2, 0, 0, 0, 0, 0]);
    assert_eq!(found[1].1.tuned, None);
}

#[test]
fn the_region_in_force_is_read() {
    assert_eq!(regions::parse(&bodies(include_bytes!("dumps/region.bin"))).common, Region(*b"DE"));
}

#[test]
fn links_tell_which_are_up_and_their_mtu() {
    let links = links::parse(&bodies(include_bytes!("dumps/link.bin")));
    let link = |name: &str| links.iter().find(|link| link.name == name).unwrap();
    assert_eq!((link("wlan0").up, link("wlan0").mtu_bytes), (true, 2304));
    assert_eq!((link("wlan1").up, link("wlan1").mtu_bytes), (true, 1500));
    assert!(!link("mon1").up);
    assert_eq!(link("wlan0").permanent_mac, Some([2, 0, 0, 0, 0, 0]));
    assert!(!links.iter().any(|link| link.name.is_empty()));
}

#[test]
fn a_machine_without_a_default_route_has_none() {
    assert_eq!(links::parse_default_routes(&bodies(include_bytes!("dumps/route.bin"))), []);
}

#[test]
fn the_family_is_found_with_its_group_for_regions() {
    let family = wireless::Family::parse(&bodies(include_bytes!("dumps/family.bin"))[0]).unwrap();
    assert!(format!("{family:?}").contains("region_group: Some("), "{family:?}");
}

/// Whatever is cut off, nothing panics, and what is whole is still read.
#[test]
fn answers_cut_short_are_read_as_far_as_they_go() {
    let whole = bodies(include_bytes!("dumps/wiphy.bin"));
    for message in whole.iter().take(12) {
        for length in 0..message.len() {
            let cut = message.get(..length).unwrap().to_vec();
            assert!(radios::parse(&[cut]).len() <= 1);
        }
    }
    for message in bodies(include_bytes!("dumps/link.bin")) {
        for length in 0..message.len() {
            links::parse(&[message.get(..length).unwrap().to_vec()]);
        }
    }
}
