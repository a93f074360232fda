//! What all of the programs' command lines have in common, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that can be asked for: beyond a day it is a mistake, and instants stay far from overflow.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The longest card or pattern of cards: a name of an interface has at most 15 bytes (Linux `IFNAMSIZ`), and a
/// pattern that matches some has little use for more.
const MAX_CARD_BYTES: usize = 32;

/// An air: a card in monitor mode (`wlan1`, `monitor:wlan1`, `monitor:wlx*`), `udp:[HOST:]PORT` or `pcap:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AirTarget {
    /// Cards in monitor mode: the name of one, or a pattern with `*` and `?`.
    Monitor(String),
    /// On-air bytes over UDP; the address as written.
    Udp(String),
    /// A recording.
    Pcap(PathBuf),
}

/// Where to listen for TCP clients: `PORT` for those on this machine, or `ADDR:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(String);

/// Which on-air format is spoken: `skylark` or `wfb-ng`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Our own ([`crate::wire`]).
    #[default]
    Skylark,
    /// The field's standard ([`crate::wfb_ng`]).
    WfbNg,
}

/// Where a line of JSON a second goes: `json` or `json:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsTarget {
    /// Standard output.
    Stdout,
    /// A file, begun anew.
    File(PathBuf),
}

impl FromStr for AirTarget {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("udp", address)) if !address.is_empty() => Ok(Self::Udp(address.to_owned())),
            Some(("pcap", path)) if !path.is_empty() => Ok(Self::Pcap(path.into())),
            Some(("monitor", card)) if is_card(card) => Ok(Self::Monitor(card.to_owned())),
            None if is_card(text) && !["udp", "pcap", "monitor"].contains(&text) => Ok(Self::Monitor(text.to_owned())),
            _ => Err("expected a card (wlan1, wlx*), udp:[HOST:]PORT or pcap:PATH"),
        }
    }
}

/// Whether an interface may have such a name, wildcards included (Linux `dev_valid_name`).
fn is_card(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_graphic() && c != '/' && c != ':';
    !["", ".", ".."].contains(&text) && text.len() <= MAX_CARD_BYTES && text.chars().all(allowed)
}

impl ListenAddress {
    /// Host and port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
        let is_host = !host.is_empty() && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'));
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if is_host && is_port {
            Ok(Self(format!("{host}:{port}")))
        } else {
            Err("expected a port, or an address of this machine and a port (8103, 0.0.0.0:8103, [::]:8103)")
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Dialect {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = [Self::Skylark, Self::WfbNg].into_iter().find(|dialect| dialect.name() == text);
        named.ok_or("expected skylark or wfb-ng")
    }
}

impl Dialect {
    /// What it is called on a command line and in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skylark => "skylark",
            Self::WfbNg => "wfb-ng",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StatsTarget {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "json" => Ok(Self::Stdout),
            Some(("json", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err("expected json or json:PATH"),
        }
    }
}

impl fmt::Display for StatsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("json"),
            Self::File(path) => write!(f, "json:{}", path.display()),
        }
    }
}

/// A time with its unit, above zero and at most a day: `500us`, `100ms`, `1.5s`, `2m`, `1h`.
///
/// # Errors
/// No number, no unit, or out of range.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    time(text).filter(|time| !time.is_zero()).ok_or("expected a time above zero with its unit: 100ms, 1.5s, 2m")
}

/// A time with its unit, zero included: `0ms`.
///
/// # Errors
/// No number, no unit, or out of range.
pub fn duration_or_zero(text: &str) -> Result<Duration, &'static str> {
    time(text).ok_or("expected a time with its unit: 0ms, 100ms, 1.5s")
}

fn time(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds_per_unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let time = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds_per_unit).ok()?;
    (time <= LONGEST).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_machine() {
        let listen = |text: &str| text.parse::<ListenAddress>().map(|address| address.to_string());
        assert_eq!(listen("8103").as_deref(), Ok("127.0.0.1:8103"));
        for whole in ["0.0.0.0:8103", "[::]:8103", "localhost:8103"] {
            assert_eq!(listen(whole).as_deref(), Ok(whole));
        }
        for wrong in ["", ":8103", "::1:8103", "host", "host:", "70000", "1:+5", "a:b"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn airs_keep_their_colons() {
        assert_eq!("udp:[::1]:5601".parse(), Ok(AirTarget::Udp("[::1]:5601".to_owned())));
        assert_eq!("pcap:a:b".parse(), Ok(AirTarget::Pcap("a:b".into())));
        for wrong in ["", "udp:", "pcap:", "tcp:1"] {
            assert!(wrong.parse::<AirTarget>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_address_and_no_recording_is_a_card() {
        for (text, card) in [("wlan1", "wlan1"), ("wlx*", "wlx*"), ("monitor:wlan?", "wlan?"), ("monitor:udp", "udp")] {
            assert_eq!(text.parse(), Ok(AirTarget::Monitor(card.to_owned())));
        }
        for wrong in ["udp", "pcap", "monitor", "monitor:", "wlan 1", "a/b.pcap", "..", "wlan1:0"] {
            assert!(wrong.parse::<AirTarget>().is_err(), "{wrong}");
        }
        assert!("w".repeat(MAX_CARD_BYTES + 1).parse::<AirTarget>().is_err());
    }

    #[test]
    fn stats_go_to_stdout_or_to_a_file() {
        assert_eq!("json".parse(), Ok(StatsTarget::Stdout));
        assert_eq!("json:out:1".parse(), Ok(StatsTarget::File("out:1".into())));
        assert!("json:".parse::<StatsTarget>().is_err() && "xml".parse::<StatsTarget>().is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(duration_or_zero("0ms"), Ok(Duration::ZERO));
        for wrong in ["", "10", "s", "0s", "1d", "-1s", "25h", "1e3s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
