//! The list as one line of JSON.

use anyhow::Result;
use serde::Serialize;
use skylark_setup::channel::{self, Band};
use skylark_setup::drivers::judge;
use skylark_setup::machine::{Bus, Driverless, Interface, Machine, Mode, Radio};

use super::advice;

/// One line, with its newline.
pub(super) fn line(machine: &Machine) -> Result<String> {
    Ok(serde_json::to_string(&List::of(machine))? + "\n")
}

#[derive(Serialize)]
struct List<'a> {
    region: String,
    has_region_database: bool,
    default_routes: &'a [String],
    network_manager: bool,
    cards: Vec<Card<'a>>,
    driverless: Vec<Missing<'a>>,
}

#[derive(Serialize)]
struct Card<'a> {
    radio: &'a str,
    driver: Option<&'a str>,
    mac80211: bool,
    bus: BusView<'a>,
    verdict: &'static str,
    reason: &'static str,
    needs: &'static [&'static str],
    traps: &'static [&'static str],
    source: Option<&'static str>,
    next: String,
    monitor: bool,
    widest_mhz: u32,
    region: String,
    blocked_by_software: bool,
    blocked_by_switch: bool,
    permanent_mac: Option<String>,
    channels: Vec<ChannelView>,
    interfaces: Vec<InterfaceView<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum BusView<'a> {
    Usb { id: String, product: Option<&'a str>, speed_mbit_per_s: Option<u32>, max_current_ma: Option<u16> },
    Pci { id: String },
    Other { name: &'a str },
    Unknown,
}

#[derive(Serialize)]
struct ChannelView {
    frequency_mhz: u32,
    channel: Option<u32>,
    band: Option<String>,
    may_listen: bool,
    may_send: bool,
    max_power_dbm: f64,
}

#[derive(Serialize)]
struct InterfaceView<'a> {
    name: &'a str,
    mac: String,
    mode: String,
    up: bool,
    mtu_bytes: u32,
    frequency_mhz: Option<u32>,
    center_mhz: Option<u32>,
    width_mhz: Option<u32>,
    power_dbm: Option<f64>,
    joined: Option<&'a str>,
    managed_by_network_manager: bool,
    users: Vec<Program<'a>>,
    has_hidden_user: bool,
}

#[derive(Serialize)]
struct Program<'a> {
    program: &'a str,
    pid: u32,
}

#[derive(Serialize)]
struct Missing<'a> {
    id: String,
    product: Option<&'a str>,
    driver: &'a str,
    how_to_get: String,
}

impl<'a> List<'a> {
    fn of(machine: &'a Machine) -> Self {
        Self {
            region: machine.region.to_string(),
            has_region_database: machine.has_region_database,
            default_routes: &machine.default_routes,
            network_manager: machine.has_network_manager,
            cards: machine.radios.iter().map(|radio| Card::of(machine, radio)).collect(),
            driverless: machine.driverless.iter().map(Missing::of).collect(),
        }
    }
}

impl<'a> Card<'a> {
    fn of(machine: &'a Machine, radio: &'a Radio) -> Self {
        let judged = judge(radio);
        Self {
            radio: &radio.name,
            driver: radio.driver.as_deref(),
            mac80211: radio.is_mac80211,
            bus: BusView::of(&radio.bus),
            verdict: judged.verdict.word(),
            reason: judged.reason,
            needs: judged.known.map_or(&[], |known| known.needs),
            traps: judged.known.map_or(&[], |known| known.traps),
            source: judged.known.map(|known| known.source),
            next: advice::next(machine, radio, &judged),
            monitor: radio.has_monitor_mode,
            widest_mhz: radio.widest.mhz(),
            region: machine.region_of(radio).to_string(),
            blocked_by_software: radio.rfkill.soft,
            blocked_by_switch: radio.rfkill.hard,
            permanent_mac: radio.permanent_mac.map(mac),
            channels: radio.channels.iter().map(ChannelView::of).collect(),
            interfaces: radio.interfaces.iter().map(InterfaceView::of).collect(),
        }
    }
}

impl<'a> BusView<'a> {
    fn of(bus: &'a Bus) -> Self {
        match bus {
            Bus::Usb { id: number, product, speed_mbit_per_s, max_current_ma, release: _ } => Self::Usb {
                id: id(*number),
                product: product.as_deref(),
                speed_mbit_per_s: *speed_mbit_per_s,
                max_current_ma: *max_current_ma,
            },
            Bus::Pci { id: number } => Self::Pci { id: id(*number) },
            Bus::Other(name) => Self::Other { name },
            Bus::Unknown => Self::Unknown,
        }
    }
}

impl ChannelView {
    fn of(found: &skylark_setup::machine::Channel) -> Self {
        Self {
            frequency_mhz: found.frequency_mhz,
            channel: channel::number(found.frequency_mhz),
            band: Band::of(found.frequency_mhz).map(|band| band.to_string()),
            may_listen: !found.disabled,
            may_send: found.may_send(),
            max_power_dbm: f64::from(found.max_power_mbm) / 100.0,
        }
    }
}

impl<'a> InterfaceView<'a> {
    fn of(interface: &'a Interface) -> Self {
        let users = interface.users.iter().map(|user| Program { program: &user.program, pid: user.pid });
        Self {
            name: &interface.name,
            mac: mac(interface.mac),
            mode: mode(interface.mode),
            up: interface.up,
            mtu_bytes: interface.mtu_bytes,
            frequency_mhz: interface.tuned.map(|tuned| tuned.frequency_mhz),
            center_mhz: interface.tuned.map(|tuned| tuned.center_mhz),
            width_mhz: interface.tuned.map(|tuned| tuned.width.mhz()),
            power_dbm: interface.power_mbm.map(|mbm| f64::from(mbm) / 100.0),
            joined: interface.joined.as_deref(),
            managed_by_network_manager: interface.managed_by_network_manager,
            users: users.collect(),
            has_hidden_user: interface.has_hidden_user,
        }
    }
}

impl<'a> Missing<'a> {
    fn of(device: &'a Driverless) -> Self {
        Self {
            id: id(device.id),
            product: device.product.as_deref(),
            driver: device.driver,
            how_to_get: advice::install(device),
        }
    }
}

fn mode(mode: Mode) -> String {
    mode.to_string().replace(' ', "-")
}

fn id((vendor, product): (u16, u16)) -> String {
    format!("{vendor:04x}:{product:04x}")
}

fn mac(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_cards_is_an_empty_list() {
        let line = line(&Machine::default()).unwrap();
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((value["region"].as_str(), value["cards"].as_array().map(Vec::len)), (Some("00"), Some(0)));
    }

    #[test]
    fn a_card_is_told_with_its_interfaces_and_channels() {
        let radio = Radio {
            name: "phy1".to_owned(),
            driver: Some("rtl88xxau".to_owned()),
            has_monitor_mode: true,
            bus: Bus::Usb {
                id: (0x0bda, 0x8812),
                product: None,
                speed_mbit_per_s: Some(480),
                release: None,
                max_current_ma: Some(500),
            },
            channels: vec![skylark_setup::machine::Channel {
                frequency_mhz: 5745,
                disabled: false,
                no_ir: false,
                radar: false,
                max_power_mbm: 2000,
            }],
            interfaces: vec![Interface { name: "wlan1".to_owned(), mode: Mode::AccessPoint, ..Interface::default() }],
            ..Radio::default()
        };
        let machine = Machine { radios: vec![radio], ..Machine::default() };
        let value: serde_json::Value = serde_json::from_str(&line(&machine).unwrap()).unwrap();
        let card = &value["cards"][0];
        assert_eq!(card["bus"]["id"], "0bda:8812");
        assert_eq!(card["verdict"], "good");
        assert!(card["source"].as_str().unwrap().contains("README of wfb-ng"));
        assert!(card["needs"][0].as_str().unwrap().contains("not in the kernel"));
        assert!(!card["traps"].as_array().unwrap().is_empty());
        assert_eq!(
            (card["channels"][0]["channel"].as_u64(), &card["channels"][0]["may_send"]),
            (Some(149), &true.into())
        );
        assert_eq!(card["interfaces"][0]["mode"], "access-point");
    }
}
