//! What a radio is good for, by what the kernel says of it and what is known of its driver.

use super::{Driver, Verdict, by_name};
use crate::machine::Radio;

/// The judgement of a radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What it is good for.
    pub verdict: Verdict,
    /// Why, in half a sentence.
    pub reason: &'static str,
    /// What is known of its driver.
    pub known: Option<&'static Driver>,
}

/// Judges a radio. What the kernel says goes before what is known.
#[must_use]
pub fn judge(radio: &Radio) -> Judged {
    let known = radio.driver.as_deref().and_then(by_name);
    let (verdict, reason) = match known {
        Some(driver) if radio.has_monitor_mode && driver.verdict == Verdict::Useless => {
            (Verdict::ListensOnly, "its firmware is patched for monitor mode; injection is not reliable")
        }
        Some(driver) if driver.verdict == Verdict::Useless => (driver.verdict, driver.reason),
        _ if !radio.has_monitor_mode => (Verdict::Useless, "this driver has no monitor mode"),
        Some(driver) => (driver.verdict, driver.reason),
        None if radio.is_mac80211 => {
            (Verdict::Unknown, "nobody has reported on this driver; those of its kind (mac80211) can inject, try it")
        }
        None => {
            (Verdict::Unknown, "nobody has reported on this driver; it has monitor mode, whether it injects is open")
        }
    };
    Judged { verdict, reason, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(driver: &str, has_monitor_mode: bool) -> Verdict {
        judge(&Radio { driver: Some(driver.to_owned()), has_monitor_mode, ..Radio::default() }).verdict
    }

    #[test]
    fn a_radio_without_monitor_mode_is_useless_whatever_is_known() {
        assert_eq!(verdict("rtl88xxau", false), Verdict::Useless);
        assert_eq!(verdict("brcmfmac", false), Verdict::Useless);
    }

    #[test]
    fn a_known_driver_is_judged_by_the_table() {
        assert_eq!(verdict("rtl88xxau", true), Verdict::Good);
        assert_eq!(verdict("iwlwifi", true), Verdict::ListensOnly);
        assert_eq!(verdict("brcmfmac", true), Verdict::ListensOnly, "patched firmware");
    }

    #[test]
    fn an_unknown_driver_is_not_judged() {
        assert_eq!(verdict("nonesuch", true), Verdict::Unknown);
    }
}
