//! What is known of drivers for this job: which inject well, what each needs, and what it is known for.
//!
//! Nothing here was measured by this project on a card; every entry names where its claims come from.

mod judge;
mod table;
mod usb;

pub use judge::{Judged, judge};

use crate::channel::Band;

/// A driver and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// Names the kernel shows for it, the most usual first. Capitals do not matter.
    pub names: &'static [&'static str],
    /// The chips it drives.
    pub chips: &'static str,
    /// The bands of these chips; some have only part of them.
    pub bands: &'static [Band],
    /// What it is good for.
    pub verdict: Verdict,
    /// Why, in half a sentence.
    pub reason: &'static str,
    /// What it needs to work: a source, firmware, a power supply, a module parameter. Where USB cards are known,
    /// the first says how to get it.
    pub needs: &'static [&'static str],
    /// What it is known to do wrong.
    pub traps: &'static [&'static str],
    /// Whether a frame that left comes back as a TX-status copy; `None`: not known.
    pub reports_tx_status: Option<bool>,
    /// USB cards it drives: vendor and product number.
    pub usb: &'static [(u16, u16)],
    /// Where the claims come from.
    pub source: &'static str,
}

/// What a card is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Sends and receives, proven in the field.
    Good,
    /// Sends and receives as far as known, with limits.
    Works,
    /// Not known here.
    Unknown,
    /// Fit for a receiver only.
    ListensOnly,
    /// Not fit.
    Useless,
}

/// Every driver that is known.
#[must_use]
pub const fn all() -> &'static [Driver] {
    table::DRIVERS
}

/// The driver of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Driver> {
    all().iter().find(|driver| driver.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The program that makes a WiFi card of what shows itself as a disk with drivers for Windows.
pub const MODE_SWITCH: &str = "usb_modeswitch";

/// How to get a driver that a USB card needs, as [`needed_by_usb`] names it.
#[must_use]
pub fn how_to_get(driver: &str) -> Option<&'static str> {
    if driver == MODE_SWITCH {
        return Some("it shows itself as a disk: sudo apt install usb-modeswitch, then plug it in again");
    }
    by_name(driver)?.needs.first().copied()
}

/// The driver a USB card needs, by its vendor and product number, if it is a WiFi card that is known.
#[must_use]
pub fn needed_by_usb(id: (u16, u16)) -> Option<&'static str> {
    if usb::POSES_AS_DISK.contains(&id) {
        return Some(MODE_SWITCH);
    }
    let driver = all().iter().find(|driver| driver.usb.contains(&id))?;
    driver.names.first().copied()
}

impl Verdict {
    /// In one word, as JSON has it too.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Works => "works",
            Self::Unknown => "unknown",
            Self::ListensOnly => "listens-only",
            Self::Useless => "useless",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_and_every_usb_number_stands_for_one_driver() {
        let names: Vec<_> = all().iter().flat_map(|driver| driver.names).map(|name| name.to_lowercase()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let numbers: Vec<_> = all().iter().flat_map(|driver| driver.usb).chain(usb::POSES_AS_DISK).collect();
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
    }

    #[test]
    fn every_entry_says_what_it_is_and_where_that_comes_from() {
        for driver in all() {
            let name = driver.names.first().unwrap();
            assert!(!driver.chips.is_empty() && !driver.bands.is_empty() && !driver.reason.is_empty(), "{name}");
            assert!(!driver.source.is_empty(), "{name}");
            assert_ne!(driver.verdict, Verdict::Unknown, "{name}: what is not known has no entry");
            assert!(driver.needs.iter().chain(driver.traps).all(|text| !text.ends_with('.')), "{name}");
        }
    }

    #[test]
    fn whoever_has_a_usb_card_is_told_how_to_get_its_driver() {
        for driver in all().iter().filter(|driver| !driver.usb.is_empty()) {
            let name = driver.names.first().unwrap();
            let how = how_to_get(name).unwrap_or_default();
            let sources = ["a driver that is not in the kernel", "the kernel's own driver"];
            assert!(sources.iter().any(|source| how.starts_with(source)), "{name}: {how}");
        }
        assert!(how_to_get(MODE_SWITCH).unwrap().contains("usb-modeswitch"));
    }

    #[test]
    fn the_kernels_realtek_drivers_lose_reports_of_frames_that_were_sent() {
        for name in ["rtw88_8812au", "rtw88_8814au", "rtw88_8821au", "rtw88_8822bu"] {
            assert_eq!(by_name(name).unwrap().reports_tx_status, None, "{name}");
        }
    }

    #[test]
    fn a_driver_is_found_whatever_its_capitals() {
        assert_eq!(by_name("88XXau").unwrap().names.first(), Some(&"rtl88xxau"));
        assert_eq!(by_name("RTL88X2EU").unwrap().verdict, Verdict::Good);
        assert_eq!(by_name("nonesuch"), None);
    }

    #[test]
    fn usb_numbers_lead_to_drivers() {
        assert_eq!(needed_by_usb((0x0bda, 0x8812)), Some("rtl88xxau"));
        assert_eq!(needed_by_usb((0x0cf3, 0x9271)), Some("ath9k_htc"));
        assert_eq!(needed_by_usb((0x0bda, 0x1a2b)), Some(MODE_SWITCH));
        assert_eq!(needed_by_usb((0x1d6b, 0x0002)), None);
    }
}
