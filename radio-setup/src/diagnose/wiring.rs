//! How a card is connected, and what is known of its driver: what makes a link worse rather than impossible.

use super::{Case, Code, Finding};
use crate::drivers::{self, Judged, Verdict};
use crate::machine::Bus;

/// Full speed of USB 1.1 in Mbit/s: less than a video needs.
const USB_1_MBIT_PER_S: u32 = 12;
/// High speed of USB 2 in Mbit/s.
const USB_2_MBIT_PER_S: u32 = 480;
/// The release that speaks of USB 3, in hundredths. 2.10 is what USB 3 devices call themselves in a USB 2 port
/// (USB 3.2 9.6.1), and USB 2 devices of later years too: it says nothing.
const USB_3: u16 = 300;
/// What a USB 2 port gives, in mA (USB 2.0 7.2.1).
const USB_2_CURRENT_MA: u16 = 500;

/// What is to be said of port and driver.
pub(super) fn wiring(case: &Case<'_>) -> Vec<Finding> {
    [speed(case), power(case), driver(case)].into_iter().flatten().collect()
}

fn speed(case: &Case<'_>) -> Option<Finding> {
    let Bus::Usb { speed_mbit_per_s: Some(speed), release, .. } = &case.radio.bus else { return None };
    let name = case.name();
    if *speed <= USB_1_MBIT_PER_S {
        let found = format!("{name} is connected with {speed} Mbit/s, expected at least 480, so frames are lost");
        return Some(case.fault(Code::UsbSpeed, found, "use another port, a shorter cable, no hub"));
    }
    let is_usb_3 = release.is_some_and(|release| release >= USB_3);
    if *speed == USB_2_MBIT_PER_S && is_usb_3 {
        let found = format!("{name} is a USB 3 device in a USB 2 port or on a USB 2 cable");
        let fix = "use a USB 3 port if it loses frames or current (USB 2 itself is fast enough for video)";
        return Some(case.warning(Code::UsbSpeed, found, fix));
    }
    Some(case.fine(Code::UsbSpeed, format!("{name} is connected by USB with {speed} Mbit/s")))
}

fn power(case: &Case<'_>) -> Option<Finding> {
    let Bus::Usb { speed_mbit_per_s: Some(speed), max_current_ma: Some(current), .. } = &case.radio.bus else {
        return None;
    };
    (*speed <= USB_2_MBIT_PER_S && *current > USB_2_CURRENT_MA).then(|| {
        let found = format!("{} asks for {current} mA, and a USB 2 port gives {USB_2_CURRENT_MA}", case.name());
        case.warning(Code::UsbPower, found, "use a USB 3 port or a powered hub")
    })
}

fn driver(case: &Case<'_>) -> Option<Finding> {
    if !case.radio.has_monitor_mode {
        return None;
    }
    let driver = case.radio.driver.as_deref()?;
    let Judged { verdict, reason, .. } = drivers::judge(case.radio);
    let name = case.name();
    match verdict {
        Verdict::ListensOnly | Verdict::Useless => {
            let found = format!("driver {driver} of {name} is fit to listen only ({reason})");
            case.unsendable(Code::Driver, found, "transmit with a card that `skylark-setup list` calls good".to_owned())
        }
        Verdict::Good | Verdict::Works | Verdict::Unknown => {
            Some(case.fine(Code::Driver, format!("driver {driver} of {name}: {reason}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::super::{Purpose, Severity, Width, card};
    use super::*;

    fn findings(speed: u32, release: u16, current: u16) -> Vec<(Code, Severity)> {
        let mut machine = machine();
        machine.radios[0].bus = Bus::Usb {
            id: (0x0bda, 0x8812),
            product: None,
            speed_mbit_per_s: Some(speed),
            release: Some(release),
            max_current_ma: Some(current),
        };
        let findings = card(&machine, "wlan1", Purpose::Receive);
        let wiring = [Code::UsbSpeed, Code::UsbPower];
        findings.iter().filter(|f| wiring.contains(&f.code)).map(|f| (f.code, f.severity)).collect()
    }

    #[test]
    fn a_driver_that_only_listens_is_a_transmitters_fault() {
        let mut machine = machine();
        let mut severity = |driver: &str, purpose| {
            machine.radios[0].driver = Some(driver.to_owned());
            let findings = card(&machine, "wlan1", purpose);
            findings.into_iter().find(|finding| finding.code == Code::Driver).map(|finding| finding.severity)
        };
        let transmit = Purpose::Transmit { width: Width::Mhz20 };
        assert_eq!(severity("ath9k_htc", transmit), Some(Severity::Fine));
        assert_eq!(severity("nonesuch", transmit), Some(Severity::Fine));
        assert_eq!(severity("iwlwifi", transmit), Some(Severity::Fault));
        assert_eq!(severity("iwlwifi", Purpose::Receive), None);
    }

    #[test]
    fn the_port_is_judged_by_what_the_card_could_do() {
        assert_eq!(findings(5000, 300, 800), [(Code::UsbSpeed, Severity::Fine)]);
        assert_eq!(findings(480, 200, 500), [(Code::UsbSpeed, Severity::Fine)], "a USB 2 card where it belongs");
        assert_eq!(findings(480, 210, 500), [(Code::UsbSpeed, Severity::Fine)], "USB 2.1 is USB 2");
        assert_eq!(findings(480, 300, 500), [(Code::UsbSpeed, Severity::Warning)]);
        assert_eq!(findings(480, 200, 896), [(Code::UsbSpeed, Severity::Fine), (Code::UsbPower, Severity::Warning)]);
        assert_eq!(findings(12, 200, 100), [(Code::UsbSpeed, Severity::Fault)]);
    }
}
