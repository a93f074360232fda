//! Cards in monitor mode: frames as they are on the air, radiotap header in front (Linux, libpcap).
//!
//! | room | what lives there |
//! |---|---|
//! | `capture`, `inject` | the two airs |
//! | `card` | a card's socket, from opening to unplugging and back |
//! | `port` | the socket itself, opened and closed without holding anybody up |
//! | `losses` | when a card that should work is refused |
//! | `filter` | which frames the kernel hands on |
//! | `self_check` | whether what was injected left |
//! | `interface` | what the kernel says of an interface |
//! | `pattern` | which cards a pattern means |
//!
//! libpcap captures: its ring is read without system calls, 0.09 µs of CPU and 450 instructions a frame of 1476
//! bytes, copied once; `recv` on a packet socket costs 0.31 µs. Taking 64 frames a call and in place would be 0.02 µs
//! and 150 instructions, of the 17 000 a receiver needs. Injecting is one `send` on libpcap's socket, 0.44 µs and 180
//! instructions: `pcap_sendpacket` (0.42) hides why it failed, and batches of 16 (`sendmmsg`, 0.40) gain little.
//! Measured by `cargo bench -p skylark-tests --bench monitor`, on TAP.
//!
//! A card is known by its name. While it is down, gone or no monitor, its air gives and takes nothing; it goes on
//! by itself within 200 ms of the card's return, be it another card.

mod capture;
mod card;
mod filter;
mod inject;
mod interface;
mod losses;
mod pattern;
mod port;
mod self_check;

pub use capture::MonitorCapture;
pub use inject::MonitorInject;

use std::fmt;

use thiserror::Error;

use interface::{Interface, MONITOR};

/// Why a card cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MonitorError {
    /// No interface of this name.
    #[error("card {card} is not there; {}", Monitors(.there))]
    Missing {
        /// The name asked for.
        card: String,
        /// The cards in monitor mode that are.
        there: Vec<String>,
    },
    /// No card in monitor mode matches.
    #[error("no card in monitor mode is called {pattern}; {}", Monitors(.there))]
    NoMatch {
        /// The pattern asked for.
        pattern: String,
        /// The cards in monitor mode that are there.
        there: Vec<String>,
    },
    /// No radio is in monitor mode.
    #[error(
        "no card is in monitor mode: `sudo skylark-setup up` sets one up, `skylark-setup list` shows what there is"
    )]
    NoRadio,
    /// A card, but no monitor.
    #[error("card {card}: type {found} ({}), expected 803 (monitor); run skylark-setup up {card}", link_type(*.found))]
    WrongMode {
        /// Its name.
        card: String,
        /// ARPHRD number (Linux `if_arp.h`).
        found: u16,
    },
    /// An interface without a radio.
    #[error("{card} is no WiFi card: type {found} ({}) without a radio; {}", link_type(*.found), Monitors(.there))]
    NotWireless {
        /// Its name.
        card: String,
        /// ARPHRD number (Linux `if_arp.h`).
        found: u16,
        /// The cards in monitor mode that are there.
        there: Vec<String>,
    },
    /// Packet sockets are not for everybody.
    #[error(
        "no permission to open card {card}, expected the capability CAP_NET_RAW; run skylark-setup doctor, or try as root"
    )]
    NoPermission {
        /// The card.
        card: String,
    },
    /// Whatever else the machine or libpcap says.
    #[error("card {card} cannot be opened: {reason}; run skylark-setup doctor")]
    Refused {
        /// The card.
        card: String,
        /// Their words.
        reason: String,
    },
}

/// Names of cards as part of a sentence.
struct Monitors<'a>(&'a [String]);

impl MonitorError {
    fn wrong_mode(card: &str, found: u16) -> Self {
        let card = card.to_owned();
        if interface::has_radio(&card) {
            return Self::WrongMode { card, found };
        }
        Self::NotWireless { card, found, there: monitors() }
    }
}

impl fmt::Display for Monitors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no card here is in monitor mode: run skylark-setup list"),
            names => write!(f, "cards in monitor mode here: {}", names.join(", ")),
        }
    }
}

/// The interfaces of this machine that are in monitor mode and match a pattern (`*`, `?`), `wlan2` before
/// `wlan10`.
#[must_use]
pub fn cards(pattern: &str) -> Vec<String> {
    let Ok(control) = interface::control() else { return Vec::new() };
    let is_monitor = |name: &str| Interface::look(&control, name).is_some_and(|found| found.link_type == MONITOR);
    let matching = interface::names().into_iter().filter(|name| pattern::matches(pattern, name) && is_monitor(name));
    let mut cards: Vec<String> = matching.collect();
    cards.sort_by(|a, b| pattern::natural_order(a, b));
    cards
}

/// Whether a person wrote a pattern of cards (`*`, `?`), not the name of one.
#[must_use]
pub fn is_pattern(written: &str) -> bool {
    pattern::is_pattern(written)
}

/// The cards that are meant by what a person wrote: those that match a pattern, or the one of this name, be it
/// there or not.
///
/// # Errors
/// No card in monitor mode matches the pattern.
pub fn resolve(written: &str) -> Result<Vec<String>, MonitorError> {
    if !is_pattern(written) {
        return Ok(vec![written.to_owned()]);
    }
    match cards(written) {
        none if none.is_empty() => Err(MonitorError::NoMatch { pattern: written.to_owned(), there: monitors() }),
        cards => Ok(cards),
    }
}

/// Every radio's interface that is in monitor mode: what a program takes that was told of no card. Simulated ones
/// (a tunnel of a test, the tap of Linux's own simulated radios) have no radio behind them and are to be named.
///
/// # Errors
/// There is none.
pub fn radios() -> Result<Vec<String>, MonitorError> {
    let radios: Vec<String> = monitors().into_iter().filter(|card| interface::has_radio(card)).collect();
    if radios.is_empty() { Err(MonitorError::NoRadio) } else { Ok(radios) }
}

/// Every card in monitor mode.
fn monitors() -> Vec<String> {
    cards("*")
}

/// What a link type means, as far as people ask for such interfaces.
fn link_type(number: u16) -> &'static str {
    match number {
        1 => "Ethernet, as of a card in managed mode",
        772 => "loopback",
        801 | 802 => "monitor without radiotap headers",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_was_found_and_what_to_do() {
        let there = || vec!["wlan1".to_owned(), "wlan2".to_owned()];
        let card = || "wlx9".to_owned();
        let sentences = [
            (
                MonitorError::Missing { card: card(), there: there() },
                "card wlx9 is not there; cards in monitor mode here: wlan1, wlan2",
            ),
            (
                MonitorError::NoMatch { pattern: "wlx*".to_owned(), there: vec![] },
                "no card in monitor mode is called wlx*; no card here is in monitor mode: run skylark-setup list",
            ),
            (
                MonitorError::WrongMode { card: card(), found: 1 },
                "card wlx9: type 1 (Ethernet, as of a card in managed mode), expected 803 (monitor); run skylark-setup up wlx9",
            ),
        ];
        for (error, sentence) in sentences {
            assert_eq!(error.to_string(), sentence);
        }
    }

    #[test]
    fn a_name_means_itself_and_a_pattern_what_is_there() {
        assert_eq!(resolve("none-such"), Ok(vec!["none-such".to_owned()]));
        assert!(matches!(resolve("none-such*"), Err(MonitorError::NoMatch { .. })));
        assert!(!monitors().contains(&"lo".to_owned()));
    }
}
