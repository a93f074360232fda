//! Where a receiver's frames come from: an air of its own, or relays.

use std::str::FromStr;

use skylark_common::options::AirTarget;

/// Port relays listen on, as Zenoh's routers do.
pub(crate) const RELAY_PORT: u16 = 7447;

/// One `--air`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An air of this machine.
    Air(AirTarget),
    /// Every relay of the link: those in reach, and those behind an endpoint (`tcp/host:7447`).
    Relays(Option<String>),
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "relays" => Ok(Self::Relays(None)),
            Some(("relays", written)) => endpoint(written).map(|endpoint| Self::Relays(Some(endpoint))),
            _ => match text.parse() {
                Ok(air) => Ok(Self::Air(air)),
                Err(_) => Err("expected a card (wlan1, wlx*), relays[:HOST], udp:[HOST:]PORT or pcap:PATH"),
            },
        }
    }
}

/// An endpoint of Zenoh as people write it: `roof-pi`, `10.0.0.7:7447`, `[fe80::1]`, `tcp/host:port`.
///
/// # Errors
/// There is no host in it.
pub(crate) fn endpoint(written: &str) -> Result<String, &'static str> {
    let (protocol, address) = written.split_once('/').unwrap_or(("tcp", written));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (address, Some(RELAY_PORT)),
    };
    let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && !"/#?*,".contains(c));
    match port {
        Some(port) if is_host && ["tcp", "udp"].contains(&protocol) => Ok(format!("{protocol}/{host}:{port}")),
        _ => Err("expected the host of a relay or router (roof-pi, 10.0.0.7:7447, tcp/[fd00::7]:7447)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_an_air_among_others() {
        assert_eq!("relays".parse(), Ok(Source::Relays(None)));
        assert_eq!("relays:roof-pi".parse(), Ok(Source::Relays(Some("tcp/roof-pi:7447".to_owned()))));
        assert_eq!("relay".parse(), Ok(Source::Air(AirTarget::Monitor("relay".to_owned()))));
        assert_eq!("udp:5801".parse(), Ok(Source::Air(AirTarget::Udp("5801".to_owned()))));
        assert!("tcp:1".parse::<Source>().is_err() && "relays:".parse::<Source>().is_err());
    }

    #[test]
    fn endpoints_are_hosts_with_or_without_port_and_protocol() {
        let endpoints = [
            ("10.0.0.7", "tcp/10.0.0.7:7447"),
            ("10.0.0.7:9000", "tcp/10.0.0.7:9000"),
            ("[fd00::7]", "tcp/[fd00::7]:7447"),
            ("[fd00::7]:9", "tcp/[fd00::7]:9"),
            ("udp/roof.local:9", "udp/roof.local:9"),
        ];
        for (written, expected) in endpoints {
            assert_eq!(endpoint(written).as_deref(), Ok(expected));
        }
        for wrong in ["", ":7447", "ftp/host:1", "host:port", "host:99999", "a b", "tcp/h/x:1", "tcp/a?rel=0:1"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
