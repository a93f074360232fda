//! The list as people see it.

use skylark_setup::machine::{Channel, Mode, Tuned, User, Width};

use super::*;

const PLAIN: Style = Style { columns: 0, colour: false };

fn machine() -> Machine {
    let interface = Interface {
        name: "wlan1".to_owned(),
        mode: Mode::Managed,
        up: true,
        mtu_bytes: 1500,
        tuned: Some(Tuned { frequency_mhz: 5180, center_mhz: 5190, width: Width::Mhz40 }),
        power_mbm: Some(2050),
        joined: Some("home".to_owned()),
        users: vec![User { program: "wpa_supplicant".to_owned(), pid: 612 }],
        ..Interface::default()
    };
    let radio = Radio {
        name: "phy1".to_owned(),
        driver: Some("rtl88xxau".to_owned()),
        has_monitor_mode: true,
        widest: Width::Mhz80,
        bus: Bus::Usb {
            id: (0x0bda, 0x8812),
            product: Some("802.11ac NIC".to_owned()),
            speed_mbit_per_s: Some(480),
            release: Some(210),
            max_current_ma: Some(500),
        },
        channels: vec![Channel {
            frequency_mhz: 5180,
            disabled: false,
            no_ir: false,
            radar: false,
            max_power_mbm: 2000,
        }],
        interfaces: vec![interface],
        ..Radio::default()
    };
    Machine {
        radios: vec![radio],
        region: Region(*b"DE"),
        default_routes: vec!["wlan1".to_owned(), "eth0".to_owned()],
        ..Machine::default()
    }
}

#[test]
fn a_card_is_a_block_that_ends_with_what_to_do() {
    let expected = "\
Region DE; this machine's network goes through wlan1, eth0.

wlan1  good: the card most FPV links are flown with
  driver   rtl88xxau, phy1, USB 0bda:8812, 802.11ac NIC, 480 Mbit/s, up to 500 mA
  bands    5 GHz: 1 channels, may send on 36; up to 80 MHz wide
  state    managed, up, channel 36, 5180 MHz, 40 MHz wide, 20.5 dBm, MTU 1500, joined home
  users    wpa_supplicant (process 612)
  next     sudo skylark-setup up wlan1
";
    assert_eq!(list(&machine(), PLAIN, false), expected);
}

#[test]
fn details_are_needs_and_traps() {
    let text = list(&machine(), PLAIN, true);
    assert!(text.contains("  needs    a driver that is not in the kernel"), "{text}");
    assert!(text.contains("  source   "), "{text}");
}

#[test]
fn lines_stay_within_the_terminal() {
    for columns in [60, 80, 100, 120] {
        let text = list(&machine(), Style { columns, colour: false }, true);
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{longest} in {columns}:\n{text}");
    }
}

#[test]
fn colour_adds_no_letters() {
    let coloured = list(&machine(), Style { columns: 80, colour: true }, false);
    let plain = list(&machine(), Style { columns: 80, colour: false }, false);
    let stripped = ["\x1b[0m", "\x1b[1m", "\x1b[32m"].iter().fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn without_a_card_it_says_so_and_names_what_has_no_driver() {
    let none = list(&Machine::default(), PLAIN, false);
    assert!(none.starts_with("No WiFi card found, and no USB device"), "{none}");
    let device = Driverless { id: (0x0bda, 0x8812), product: Some("802.11n NIC".to_owned()), driver: "rtl88xxau" };
    let text = list(&Machine { driverless: vec![device], ..Machine::default() }, PLAIN, false);
    assert!(text.contains("USB 0bda:8812  not known: 802.11n NIC, without driver"), "{text}");
    assert!(text.contains("aircrack-ng/rtl8812au"), "{text}");
}

#[test]
fn a_user_that_cannot_be_seen_is_told() {
    let mut machine = machine();
    machine.radios[0].interfaces[0].has_hidden_user = true;
    let text = list(&machine, PLAIN, false);
    assert!(text.contains("  users    wpa_supplicant (process 612); a program of another user\n"), "{text}");
}

#[test]
fn a_monitor_without_a_radio_is_no_card() {
    let simulated = vec!["hwsim0".to_owned()];
    let machine = Machine { other_interfaces: simulated.clone(), simulated_cards: simulated, ..Machine::default() };
    let text = list(&machine, PLAIN, true);
    assert!(text.starts_with("No WiFi card found, and no USB device") && !text.contains("hwsim0"), "{text}");
}
