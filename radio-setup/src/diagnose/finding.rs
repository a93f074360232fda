//! What a diagnosis says: findings, and the one sentence they come to.

use serde::Serialize;

/// One thing that was looked at, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// The card, where it is about one.
    pub card: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and what was expected: a sentence without its full stop.
    pub found: String,
    /// What to do: a sentence without its full stop, commands in backquotes.
    pub fix: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// As it should be.
    Fine,
    /// The link works, but worse or less safely than it could; or something could not be checked.
    Warning,
    /// No picture comes while this is so.
    Fault,
}

/// What a finding is about, in the order of the chain from the card to the picture. Each is good news or bad
/// by its [`Severity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// There is no WiFi card.
    NoCard,
    /// A WiFi card is plugged in, and no driver claims it.
    NoDriver,
    /// There is no interface of this name.
    NoSuchCard,
    /// The interface is no radio's.
    NotWireless,
    /// The card was there, and is not.
    Unplugged,
    /// Whether the driver can listen to everything and inject.
    MonitorMode,
    /// Whether the radio is switched off (rfkill).
    Rfkill,
    /// Whether another interface of the same radio is up.
    OtherInterface,
    /// Whether the interface is in monitor mode.
    Mode,
    /// Whether the interface is up.
    Down,
    /// Whether a channel is set.
    Channel,
    /// Whether the region allows sending on the channel.
    Region,
    /// Whether the channel is as wide as the frames.
    Width,
    /// Whether the longest frames fit.
    Mtu,
    /// How fast the card is connected.
    UsbSpeed,
    /// Whether the card gets the current it asks for.
    UsbPower,
    /// What is known of the driver.
    Driver,
    /// What this user may do.
    Permissions,
    /// Whether the processor keeps up.
    Cpu,
    /// Whether the board throttles for want of voltage or for heat.
    Throttled,
    /// Whether the wall clock is right.
    Clock,
    /// Whether the link's key can be read.
    Key,
    /// Whether injected frames leave the card.
    Injection,
    /// Whether the card could be listened to.
    Listening,
    /// Whether the transmitter is heard, and its key fits.
    Heard,
    /// The link is heard, sealed with another key.
    OtherKey,
    /// The link is heard in another version of the protocol.
    OtherVersion,
    /// Another Skylark link is heard, and not this one.
    OtherLink,
    /// A link of wfb-ng is heard, and none of Skylark.
    WfbNg,
    /// The transmitter is heard on another channel than the card is set to.
    OtherChannel,
    /// Nothing of the link is heard.
    NothingHeard,
}

/// What findings come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The worst severity of all findings.
    pub severity: Severity,
    /// The finding that decided; none when all is well.
    pub code: Option<Code>,
    /// The card it is about.
    pub card: Option<String>,
    /// One sentence, full stop included: the fault and its fix.
    pub sentence: String,
}

impl Code {
    /// Whether a fault of this kind makes every frame vanish that is injected, and the card says nothing.
    #[must_use]
    pub const fn stops_sending(self) -> bool {
        matches!(self, Self::OtherInterface | Self::Region | Self::Width)
    }

    /// Whether a fault of this kind is that the card is not there or not set up: whoever uses it notices.
    #[must_use]
    pub const fn is_absence(self) -> bool {
        matches!(self, Self::NoCard | Self::NoSuchCard | Self::Unplugged | Self::Mode | Self::Down)
    }
}

impl Finding {
    /// As it should be.
    pub(crate) fn fine(code: Code, card: Option<&str>, found: impl Into<String>) -> Self {
        Self { code, card: card.map(Into::into), severity: Severity::Fine, found: found.into(), fix: None }
    }

    /// Worse than it could be.
    pub(crate) fn warning(code: Code, card: Option<&str>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let (found, fix) = (found.into(), Some(fix.into()));
        Self { code, card: card.map(Into::into), severity: Severity::Warning, found, fix }
    }

    /// No picture while this is so.
    pub(crate) fn fault(code: Code, card: Option<&str>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Fault, ..Self::warning(code, card, found, fix) }
    }

    /// Found and fix in one sentence, without its full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.fix {
            Some(fix) => format!("{}: {fix}", self.found),
            None => self.found.clone(),
        }
    }
}

impl Code {
    /// Whether it concerns what is beside the way of the frames, and seldom alone keeps a picture away.
    const fn is_aside(self) -> bool {
        matches!(
            self,
            Self::UsbSpeed | Self::UsbPower | Self::Driver | Self::Cpu | Self::Throttled | Self::Clock | Self::Key
        )
    }
}

impl Verdict {
    /// What `findings` come to: the first fault, else the first warning, else that `all_is_well`. Of equal ones
    /// those come first that concern the way of the frames.
    #[must_use]
    pub fn of(findings: &[Finding], all_is_well: &str) -> Self {
        let first = |severity| {
            let mut of_severity = findings.iter().filter(move |finding| finding.severity == severity);
            of_severity.clone().find(|finding| !finding.code.is_aside()).or_else(|| of_severity.next())
        };
        let Some(finding) = first(Severity::Fault).or_else(|| first(Severity::Warning)) else {
            let sentence = format!("all is well: {all_is_well}.");
            return Self { severity: Severity::Fine, code: None, card: None, sentence };
        };
        let but = if finding.severity == Severity::Fault { "" } else { "no fault found, but " };
        let sentence = finding.sentence();
        let stop = if sentence.ends_with('?') { "" } else { "." };
        let sentence = format!("{but}{sentence}{stop}");
        Self { severity: finding.severity, code: Some(finding.code), card: finding.card.clone(), sentence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::fine(Code::Mode, Some("wlan1"), "wlan1 is in monitor mode"),
            Finding::warning(Code::UsbSpeed, Some("wlan1"), "wlan1 is slow", "use a blue port"),
            Finding::fault(Code::Down, Some("wlan2"), "wlan2 is down", "run `skylark-setup up wlan2`"),
        ]
    }

    #[test]
    fn the_first_fault_is_the_verdict_then_the_first_warning_then_all_is_well() {
        let fault = Verdict::of(&findings(), "");
        assert_eq!(fault.sentence, "wlan2 is down: run `skylark-setup up wlan2`.");
        assert_eq!((fault.severity, fault.code), (Severity::Fault, Some(Code::Down)));
        let warning = Verdict::of(&findings()[..2], "");
        assert_eq!(warning.sentence, "no fault found, but wlan1 is slow: use a blue port.");
        assert_eq!(Verdict::of(&findings()[..1], "wlan1 hears").sentence, "all is well: wlan1 hears.");
        let silence = Finding::warning(Code::NothingHeard, None, "nothing is heard", "is it on?");
        let verdict = Verdict::of(&[findings().remove(1), silence], "");
        assert_eq!(verdict.sentence, "no fault found, but nothing is heard: is it on?");
    }

    #[test]
    fn machines_read_kebab_case() {
        let json = serde_json::to_string(&Finding::fine(Code::OtherInterface, None, "x")).unwrap();
        assert_eq!(json, r#"{"code":"other-interface","card":null,"severity":"fine","found":"x","fix":null}"#);
    }
}
