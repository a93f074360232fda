//! Whether there is a card, and whether the one that was named is one.

use super::{Code, Finding};
use crate::machine::{Driverless, Machine};

/// Whether the machine has any card.
pub(super) fn cards(machine: &Machine) -> Option<Finding> {
    let has_card = machine.radios.iter().any(|radio| !radio.interfaces.is_empty());
    (!has_card).then(|| {
        if let Some(driverless) = machine.driverless.first() {
            return no_driver(driverless);
        }
        Finding::fault(
            Code::NoCard,
            None,
            "there is no WiFi card",
            "plug one in; `skylark-setup list` says which driver a card without one needs",
        )
    })
}

fn no_driver(driverless: &Driverless) -> Finding {
    let Driverless { id: (vendor, product), product: name, driver } = driverless;
    let name = name.as_deref().unwrap_or("a WiFi card");
    let found = format!("{name} ({vendor:04x}:{product:04x}) is plugged in, and no driver has taken it");
    Finding::fault(Code::NoDriver, None, found, format!("it needs {driver}; `skylark-setup list` says how to get that"))
}

/// Why there is no card of this name.
pub(super) fn absent(machine: &Machine, name: &str) -> Finding {
    if machine.simulated_cards.iter().any(|simulated| simulated == name) {
        let found =
            format!("{name} is a monitor interface without a radio behind it (a simulated card): nothing to check");
        return Finding::fine(Code::Mode, Some(name), found);
    }
    if machine.other_interfaces.iter().any(|other| other == name) {
        let found = format!("{name} is not a WiFi card");
        return Finding::fault(Code::NotWireless, Some(name), found, name_one(machine));
    }
    let driverless = machine.driverless.first().filter(|_| machine.radios.is_empty());
    if let Some(driverless) = driverless {
        return no_driver(driverless);
    }
    let found = format!("there is no interface {name}");
    Finding::fault(Code::NoSuchCard, Some(name), found, name_one(machine))
}

fn name_one(machine: &Machine) -> String {
    let names: Vec<&str> =
        machine.radios.iter().flat_map(|radio| &radio.interfaces).map(|interface| interface.name.as_str()).collect();
    match names.as_slice() {
        [] => "plug a WiFi card in; `skylark-setup list` says which driver a card without one needs".to_owned(),
        [one] => format!("the only WiFi card here is {one}"),
        several => format!("the WiFi cards here are {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::super::{Code, Purpose, Severity, card, cards};
    use super::*;

    #[test]
    fn a_card_that_is_not_there_is_told_from_one_that_is_no_card() {
        let mut machine = machine();
        let finding = |machine: &Machine, name| card(machine, name, Purpose::Receive).remove(0);
        let found = finding(&machine, "wlan9");
        assert_eq!(found.sentence(), "there is no interface wlan9: the only WiFi card here is wlan1");
        assert_eq!(finding(&machine, "eth0").sentence(), "eth0 is not a WiFi card: the only WiFi card here is wlan1");
        machine.other_interfaces.push("tap0".to_owned());
        machine.simulated_cards.push("tap0".to_owned());
        let simulated = finding(&machine, "tap0");
        assert_eq!((simulated.code, simulated.severity), (Code::Mode, Severity::Fine));
        assert!(simulated.found.starts_with("tap0 is a monitor interface without a radio"), "{}", simulated.found);
        assert_eq!(cards(&machine), None);
        machine.radios.clear();
        assert_eq!(cards(&machine).unwrap().code, Code::NoCard);
        assert!(finding(&machine, "wlan1").sentence().contains("plug a WiFi card in"));
    }

    #[test]
    fn a_card_without_a_driver_is_the_cause_of_there_being_none() {
        let driverless =
            Driverless { id: (0x0bda, 0x8812), product: Some("802.11n NIC".to_owned()), driver: "rtl88xxau" };
        let machine = Machine { driverless: vec![driverless], ..Machine::default() };
        let expected = "802.11n NIC (0bda:8812) is plugged in, and no driver has taken it: it needs rtl88xxau; \
                        `skylark-setup list` says how to get that";
        assert_eq!(cards(&machine).unwrap().sentence(), expected);
        assert_eq!(card(&machine, "wlan1", Purpose::Receive)[0].sentence(), expected);
    }
}
