//! What to do next with a card.

use skylark_setup::channel::Band;
use skylark_setup::drivers::{Judged, Verdict, how_to_get};
use skylark_setup::machine::{Driverless, Machine, Mode, Radio, Region};

/// The next step with a radio, as a sentence or a command.
pub(super) fn next(machine: &Machine, radio: &Radio, judged: &Judged) -> String {
    if judged.verdict == Verdict::Useless {
        return "take another card for the link, such as one with an RTL8812AU or RTL8812EU".to_owned();
    }
    if radio.rfkill.hard {
        return "turn the radio on: its switch is off".to_owned();
    }
    let Some(card) = radio.interfaces.first() else {
        return "it has no interface: plug it in again".to_owned();
    };
    if let Some(ready) = ready(radio) {
        return format!("ready: skylark-rx --air {ready}; skylark-setup doctor --air {ready} tells what is wrong");
    }
    let up = format!("sudo skylark-setup up {}", card.name);
    match machine.region_of(radio) {
        Region::WORLD if radio.own_region.is_none() && !sends_at(radio, Band::Ghz5) => {
            format!("{up} --region XX, with your country for XX: without, nothing may be sent at 5 GHz")
        }
        _ => up,
    }
}

/// The interface that is set up for the link: in monitor mode, tuned, and alone.
fn ready(radio: &Radio) -> Option<&str> {
    let mut up = radio.interfaces.iter().filter(|interface| interface.up);
    let (Some(card), None) = (up.next(), up.next()) else { return None };
    (card.mode == Mode::Monitor && card.tuned.is_some()).then_some(card.name.as_str())
}

/// Whether frames may be sent on a channel of a band.
fn sends_at(radio: &Radio, band: Band) -> bool {
    radio.channels.iter().any(|channel| Band::of(channel.frequency_mhz) == Some(band) && channel.may_send())
}

/// What a USB card without driver needs.
pub(super) fn install(device: &Driverless) -> String {
    how_to_get(device.driver).map_or_else(|| format!("the driver {}", device.driver), str::to_owned)
}

#[cfg(test)]
mod tests {
    use skylark_setup::drivers::{MODE_SWITCH, judge};
    use skylark_setup::machine::{Channel, Interface, Rfkill, Tuned, Width};

    use super::*;

    fn radio() -> Radio {
        Radio {
            driver: Some("rtl88xxau".to_owned()),
            has_monitor_mode: true,
            channels: vec![Channel {
                frequency_mhz: 5745,
                disabled: false,
                no_ir: true,
                radar: false,
                max_power_mbm: 2000,
            }],
            interfaces: vec![Interface { name: "wlan1".to_owned(), ..Interface::default() }],
            ..Radio::default()
        }
    }

    fn next_of(radio: &Radio) -> String {
        next(&Machine::default(), radio, &judge(radio))
    }

    #[test]
    fn in_the_world_domain_a_region_is_asked_for() {
        assert!(next_of(&radio()).starts_with("sudo skylark-setup up wlan1 --region XX"));
    }

    #[test]
    fn where_it_may_send_it_is_set_up() {
        let mut radio = radio();
        radio.channels[0].no_ir = false;
        assert_eq!(next_of(&radio), "sudo skylark-setup up wlan1");
    }

    #[test]
    fn a_card_that_is_set_up_is_used() {
        let mut radio = radio();
        radio.interfaces[0].mode = Mode::Monitor;
        radio.interfaces[0].up = true;
        radio.interfaces[0].tuned = Some(Tuned { frequency_mhz: 5745, center_mhz: 5745, width: Width::Mhz20 });
        assert!(next_of(&radio).starts_with("ready: skylark-rx --air wlan1"));
        radio.interfaces.push(Interface { name: "wlan2".to_owned(), up: true, ..Interface::default() });
        assert!(next_of(&radio).starts_with("sudo"), "another interface of the radio is up");
    }

    #[test]
    fn a_switch_and_a_missing_monitor_mode_come_first() {
        let off = Radio { rfkill: Rfkill { soft: false, hard: true }, ..radio() };
        assert!(next_of(&off).contains("switch"));
        assert!(next_of(&Radio { has_monitor_mode: false, ..off }).contains("another card"));
    }

    #[test]
    fn a_card_without_driver_is_told_which() {
        let device = |driver| Driverless { id: (1, 2), product: None, driver };
        assert!(install(&device("rtl88xxau")).contains("aircrack-ng/rtl8812au"));
        assert!(install(&device(MODE_SWITCH)).contains("usb-modeswitch"));
    }
}
