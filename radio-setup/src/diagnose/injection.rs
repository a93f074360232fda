//! What becomes of frames that are sent to see whether they leave the card.

use super::{Code, Finding, Purpose, Severity};
use crate::listen::inject::Injected;

/// What became of frames injected on `card`; `reports` says whether its driver reports frames that left, where
/// that is known.
#[must_use]
pub fn injection(card: &str, injected: &Injected, reports: Option<bool>, purpose: Purpose) -> Finding {
    let Injected { width, taken, left, .. } = injected;
    if *taken == 0 {
        let found = format!("{card} refuses frames to send ({})", reason(injected));
        let fix = "another driver or card may be needed: `skylark-setup list`";
        return Finding::fault(Code::Injection, Some(card), found, fix);
    }
    let refusals = refusals(injected);
    if injected.leave() {
        let found = format!("{left} of {taken} frames of {width} left {card}{refusals}");
        return told(card, injected, found);
    }
    if reports == Some(false) {
        let found =
            format!("{card} took {taken} frames of {width}; its driver does not tell whether they leave{refusals}");
        return told(card, injected, found);
    }
    if *left > 0 {
        let found = format!("only {left} of {taken} frames of {width} left {card}{refusals}");
        let doubt = if reports.is_none() { ", unless its driver loses reports" } else { "" };
        let fix = format!("try a channel with less traffic, another USB port and a stronger supply{doubt}");
        return Finding::warning(Code::Injection, Some(card), found, fix);
    }
    let found =
        format!("{taken} frames of {width} were injected on {card}, and the card reports none as sent{refusals}");
    let fix = "try another channel and region with `skylark-setup up`, then another driver or card";
    let is_sure = reports == Some(true) && matches!(purpose, Purpose::Transmit { .. });
    let severity = if is_sure { Severity::Fault } else { Severity::Warning };
    Finding { severity, ..Finding::fault(Code::Injection, Some(card), found, fix) }
}

/// Fine, as long as the card refuses at most as much as may be lost.
fn told(card: &str, injected: &Injected, found: String) -> Finding {
    if injected.refused.saturating_mul(3) <= injected.taken {
        return Finding::fine(Code::Injection, Some(card), found);
    }
    Finding::warning(Code::Injection, Some(card), found, "send less at once, or take another card")
}

fn refusals(injected: &Injected) -> String {
    match injected.refused {
        0 => String::new(),
        refused => format!("; it refused {refused} more ({})", reason(injected)),
    }
}

fn reason(injected: &Injected) -> &str {
    injected.reason.as_deref().unwrap_or("no reason given")
}

/// Puts what was measured behind what the rules say of the same card. Where frames clearly leave it, its region
/// does not stop them; where none does and a rule says why, that is said already.
pub fn believe_injection(findings: &mut Vec<Finding>, injected: &Injected, told: Finding) {
    let says_why = |finding: &Finding| matches!(finding.code, Code::Region | Code::Width);
    if injected.leave() {
        let region = findings.iter_mut().find(|finding| finding.code == Code::Region);
        region.into_iter().for_each(|finding| finding.severity = finding.severity.min(Severity::Warning));
    }
    let is_said = findings.iter().any(|finding| says_why(finding) && finding.severity == Severity::Fault);
    if injected.left > 0 || told.severity == Severity::Fine || !is_said {
        findings.push(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Width;

    const TRANSMIT: Purpose = Purpose::Transmit { width: Width::Mhz20 };

    fn injected(taken: u64, left: u64) -> Injected {
        Injected { width: Width::Mhz20, taken, left, refused: 0, reason: None }
    }

    fn refused(taken: u64, left: u64) -> Injected {
        let reason = Some("No buffer space available".to_owned());
        Injected { refused: 20 - taken, reason, ..injected(taken, left) }
    }

    #[test]
    fn frames_that_do_not_leave_are_a_fault_where_the_driver_tells() {
        let severity = |left, reports| injection("wlan1", &injected(20, left), reports, TRANSMIT).severity;
        assert_eq!(severity(20, Some(true)), Severity::Fine);
        assert_eq!(severity(15, None), Severity::Fine);
        assert_eq!(severity(0, Some(true)), Severity::Fault);
        assert_eq!(severity(0, None), Severity::Warning);
        assert_eq!(severity(0, Some(false)), Severity::Fine);
    }

    #[test]
    fn most_frames_lost_is_not_well() {
        for reports in [Some(true), None] {
            let finding = injection("wlan1", &injected(20, 1), reports, TRANSMIT);
            assert_eq!(finding.severity, Severity::Warning);
            assert!(finding.found.starts_with("only 1 of 20 frames of 20 MHz left wlan1"), "{}", finding.found);
        }
        assert_eq!(injection("wlan1", &injected(20, 14), Some(true), TRANSMIT).severity, Severity::Warning);
    }

    #[test]
    fn refusals_are_told_with_what_left() {
        let none = injection("wlan1", &refused(0, 0), None, TRANSMIT);
        assert_eq!(none.severity, Severity::Fault);
        assert_eq!(none.found, "wlan1 refuses frames to send (No buffer space available)");
        let few = injection("wlan1", &refused(18, 18), Some(true), TRANSMIT);
        assert_eq!(few.severity, Severity::Fine);
        assert_eq!(few.found, "18 of 18 frames of 20 MHz left wlan1; it refused 2 more (No buffer space available)");
        let many = injection("wlan1", &refused(2, 2), Some(true), TRANSMIT);
        assert_eq!(many.severity, Severity::Warning, "{}", many.found);
        assert_eq!(injection("wlan1", &refused(2, 0), Some(false), TRANSMIT).severity, Severity::Warning);
        assert!(injection("wlan1", &refused(12, 3), None, TRANSMIT).found.contains("it refused 8 more"));
    }

    #[test]
    fn only_what_clearly_leaves_is_set_above_what_the_rules_say() {
        let region = || vec![Finding::fault(Code::Region, Some("wlan1"), "region 00", "set it")];
        let believed = |mut findings: Vec<Finding>, left, reports| {
            let injected = injected(20, left);
            let told = injection("wlan1", &injected, reports, TRANSMIT);
            believe_injection(&mut findings, &injected, told);
            findings.into_iter().map(|finding| (finding.code, finding.severity)).collect::<Vec<_>>()
        };
        let (stops, stays) = ((Code::Region, Severity::Fault), (Code::Region, Severity::Warning));
        let leave = [stays, (Code::Injection, Severity::Fine)];
        assert_eq!(believed(region(), 20, Some(true)), leave, "they leave in spite of the region");
        assert_eq!(believed(region(), 0, Some(true)), [stops], "the region is why they do not");
        let unsure = [stops, (Code::Injection, Severity::Fine)];
        assert_eq!(believed(region(), 0, Some(false)), unsure, "a driver that tells nothing proves nothing");
        let some = [stops, (Code::Injection, Severity::Warning)];
        assert_eq!(believed(region(), 5, Some(true)), some);
        assert_eq!(believed(Vec::new(), 0, Some(true)), [(Code::Injection, Severity::Fault)]);
    }
}
