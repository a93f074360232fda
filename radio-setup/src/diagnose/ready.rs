//! Whether a card listens: everything `skylark-setup up` arranges, up to and with the channel. Each check
//! presumes those before it, so the first that fails is the cause of the rest.

use super::{Case, Code, Finding, described};
use crate::machine::{Interface, Mode};

/// The first check that fails, or that the card listens.
pub(super) fn ready(case: &Case<'_>) -> Result<Finding, Finding> {
    let checks = [monitor_mode, rfkill, other_interface, mode, down];
    if let Some(broken) = checks.into_iter().find_map(|check| check(case)) {
        return Err(broken);
    }
    let name = case.name();
    let Some(tuned) = case.interface.tuned else {
        let found = format!("no channel is set on {name}");
        return Err(case.fault(Code::Channel, found, format!("run {}", case.up())));
    };
    Ok(case.fine(Code::Channel, format!("{name} listens on {}", described(tuned))))
}

fn monitor_mode(case: &Case<'_>) -> Option<Finding> {
    let Case { radio, .. } = case;
    let driver = radio.driver.as_deref().unwrap_or("unknown");
    (!radio.has_monitor_mode).then(|| {
        let found = format!("the driver of {} ({driver}) has no monitor mode", case.name());
        case.fault(Code::MonitorMode, found, "use another driver or another card; `skylark-setup list` knows which")
    })
}

fn rfkill(case: &Case<'_>) -> Option<Finding> {
    let (name, rfkill) = (case.name(), case.radio.rfkill);
    if rfkill.hard {
        let found = format!("{name} is switched off by a switch or key of this machine (rfkill hard block)");
        return Some(case.fault(Code::Rfkill, found, "switch the radio on there"));
    }
    rfkill.soft.then(|| {
        let found = format!("{name} is switched off by software (rfkill soft block)");
        case.fault(Code::Rfkill, found, format!("run {}", case.up()))
    })
}

/// While a station or access point of the radio is up, the channel is its, and what a monitor interface
/// injects vanishes although sending succeeds.
fn other_interface(case: &Case<'_>) -> Option<Finding> {
    let is_other = |other: &&Interface| other.name != case.interface.name && other.up && other.mode != Mode::Monitor;
    let other = case.radio.interfaces.iter().find(is_other)?;
    let found = format!(
        "{} of the same radio is up ({}{}), so the channel of {} cannot be set, and what it sends vanishes",
        other.name,
        other.mode,
        holder(case, other),
        case.name()
    );
    Some(case.fault(Code::OtherInterface, found, format!("run {}", case.up())))
}

fn mode(case: &Case<'_>) -> Option<Finding> {
    let (name, interface) = (case.name(), case.interface);
    (interface.mode != Mode::Monitor).then(|| {
        let held = holder(case, interface);
        let found = format!("{name} is in {} mode{held}, expected monitor", interface.mode);
        let up = super::up(case.machine, name, "");
        let caution = if case.machine.default_routes.iter().any(|route| route == name) {
            " (it carries this machine's network connection, which would be lost)"
        } else {
            ""
        };
        case.fault(Code::Mode, found, format!("run {up}{caution}"))
    })
}

fn down(case: &Case<'_>) -> Option<Finding> {
    (!case.interface.up)
        .then(|| case.fault(Code::Down, format!("{} is down, expected up", case.name()), format!("run {}", case.up())))
}

/// Who holds an interface, with a comma before it.
fn holder(case: &Case<'_>, interface: &Interface) -> String {
    let user = interface.users.iter().find(|user| !user.program.starts_with("skylark-"));
    match (user, interface.managed_by_network_manager, &interface.joined) {
        (Some(user), ..) => format!(", held by {} (process {})", user.program, user.pid),
        (None, true, _) if case.machine.has_network_manager => ", held by NetworkManager".to_owned(),
        (None, _, Some(network)) => format!(", joined to {network}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{first, machine};
    use super::super::{Code, Purpose, Severity, card};
    use crate::machine::{Interface, Machine, Mode, Rfkill, User};

    type Change = fn(&mut Machine);

    #[test]
    fn a_card_that_listens_is_fine() {
        let findings = card(&machine(), "wlan1", Purpose::Receive);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Fine), "{findings:?}");
        assert_eq!(findings[0].found, "wlan1 listens on channel 149 (5745 MHz), 20 MHz wide");
    }

    #[test]
    fn each_fault_is_named_with_its_fix() {
        let table: [(Code, &str, Change); 6] = [
            (Code::MonitorMode, "has no monitor mode: use another", |m| m.radios[0].has_monitor_mode = false),
            (Code::Rfkill, "rfkill soft block): run `skylark-setup up wlan1 --channel 149`", |m| {
                m.radios[0].rfkill.soft = true;
            }),
            (Code::Rfkill, "switch the radio on there", |m| m.radios[0].rfkill = Rfkill { soft: true, hard: true }),
            (Code::Mode, "in managed mode, expected monitor: run `skylark-setup up wlan1`", |m| {
                m.radios[0].interfaces[0].mode = Mode::Managed;
            }),
            (Code::Down, "wlan1 is down, expected up: run `skylark-setup up wlan1 --channel 149`", |m| {
                m.radios[0].interfaces[0].up = false;
            }),
            (Code::Channel, "no channel is set on wlan1: run `skylark-setup up wlan1`", |m| {
                m.radios[0].interfaces[0].tuned = None;
            }),
        ];
        for (code, sentence, change) in table {
            let mut machine = machine();
            change(&mut machine);
            let finding = first(&machine, Purpose::Receive);
            assert_eq!((finding.code, finding.severity), (code, Severity::Fault));
            assert!(finding.sentence().contains(sentence), "{}", finding.sentence());
        }
    }

    #[test]
    fn what_is_broken_with_the_cause_is_not_reported() {
        let mut machine = machine();
        machine.radios[0].rfkill.soft = true;
        let interface = &mut machine.radios[0].interfaces[0];
        (interface.up, interface.tuned, interface.mode) = (false, None, Mode::Managed);
        let findings = card(&machine, "wlan1", Purpose::Receive);
        let faults: Vec<Code> = super::super::faults(findings).iter().map(|finding| finding.code).collect();
        assert_eq!(faults, [Code::Rfkill]);
    }

    #[test]
    fn another_interface_of_the_radio_is_named_with_who_holds_it() {
        let mut machine = machine();
        let users = vec![User { program: "wpa_supplicant".to_owned(), pid: 77 }];
        let other = Interface { name: "wlan0".to_owned(), up: true, users, ..Interface::default() };
        machine.radios[0].interfaces.push(other);
        machine.permissions.net_admin = false;
        let finding = first(&machine, Purpose::Receive);
        assert_eq!(finding.code, Code::OtherInterface);
        assert_eq!(
            finding.sentence(),
            "wlan0 of the same radio is up (managed, held by wpa_supplicant (process 77)), so the channel of wlan1 \
             cannot be set, and what it sends vanishes: run `sudo skylark-setup up wlan1 --channel 149`"
        );
        machine.radios[0].interfaces[1].mode = Mode::Monitor;
        assert_eq!(first(&machine, Purpose::Receive).severity, Severity::Fine, "two that listen do not disturb");
    }

    #[test]
    fn the_card_of_the_network_connection_is_not_taken_without_a_word() {
        let mut machine = machine();
        machine.default_routes = vec!["eth0".to_owned(), "wlan1".to_owned()];
        machine.has_network_manager = true;
        let interface = &mut machine.radios[0].interfaces[0];
        (interface.mode, interface.managed_by_network_manager) = (Mode::Managed, true);
        let sentence = first(&machine, Purpose::Receive).sentence();
        assert!(sentence.contains("mode, held by NetworkManager, expected") && sentence.contains("would be lost"));
    }
}
