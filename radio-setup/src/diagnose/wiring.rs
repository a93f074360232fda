//! How a card is connected, and what is known of its driver: what makes a link worse rather than impossible.

use super::{Case, Code, Finding};
use crate::machine::Bus;

/// Full speed of USB 1.1 in Mbit/s: less than a video needs.
const USB_1_MBIT_PER_S: u32 = 12;
/// High speed of USB 2 in Mbit/s.
const USB_2_MBIT_PER_S: u32 = 480;
/// The release a USB 3 device gives itself in a USB 2 port, in hundredths (USB 3.2 9.6.1: bcdUSB 0210H).
const USB_3_DEVICE_IN_USB_2_PORT: u16 = 210;
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
    let is_usb_3 = release.is_some_and(|release| release >= USB_3_DEVICE_IN_USB_2_PORT);
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

fn driver(_case: &Case<'_>) -> Option<Finding> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::super::{Purpose, Severity, card};
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
    fn the_port_is_judged_by_what_the_card_could_do() {
        assert_eq!(findings(5000, 300, 800), [(Code::UsbSpeed, Severity::Fine)]);
        assert_eq!(findings(480, 200, 500), [(Code::UsbSpeed, Severity::Fine)], "a USB 2 card where it belongs");
        assert_eq!(findings(480, 210, 500), [(Code::UsbSpeed, Severity::Warning)]);
        assert_eq!(findings(480, 200, 896), [(Code::UsbSpeed, Severity::Fine), (Code::UsbPower, Severity::Warning)]);
        assert_eq!(findings(12, 200, 100), [(Code::UsbSpeed, Severity::Fault)]);
    }
}
