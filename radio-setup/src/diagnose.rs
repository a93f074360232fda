//! What is wrong when there is no picture, in one sentence with its fix. Pure: judges what [`probe`](crate)
//! read and what [`listen`](crate) heard.
//!
//! Checks follow the chain from the card to the picture. Where one link of it is broken, those behind it
//! that break with it are not reported: the first fault is the root cause.

pub mod finding;
pub mod watch;

mod hearing;
mod host;
mod injection;
mod presence;
mod ready;
mod sending;
mod wiring;

pub use finding::{Code, Finding, Severity, Verdict};
pub use hearing::{Id, Link, Listened, hearing};
pub use host::{Processor, clock, permissions, processor};
pub use injection::{believe_injection, injection};
pub use watch::Watch;

use crate::channel::{self, Band};
use crate::machine::{Interface, Machine, Radio, Tuned, Width};

/// What the cards are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To listen only.
    Receive,
    /// To send frames of this width.
    Transmit {
        /// Of the frames, as asked for in their radiotap header.
        width: Width,
    },
    /// Not said: what only a transmitter needs is a warning.
    Unknown,
}

/// How the card `name` is set up, the chain's checks in order; the first fault is the root cause.
#[must_use]
pub fn card(machine: &Machine, name: &str, purpose: Purpose) -> Vec<Finding> {
    let Some((radio, interface)) = machine.interface(name) else {
        return vec![presence::absent(machine, name)];
    };
    let case = Case { machine, radio, interface, purpose };
    let mut findings = match ready::ready(&case) {
        Ok(finding) => std::iter::once(finding).chain(sending::sending(&case)).collect(),
        Err(finding) => vec![finding],
    };
    findings.extend(wiring::wiring(&case));
    findings
}

/// Whether the machine has any card at all.
#[must_use]
pub fn cards(machine: &Machine) -> Option<Finding> {
    presence::cards(machine)
}

/// The faults among `findings`, in their order.
#[must_use]
pub fn faults(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|finding| finding.severity == Severity::Fault).collect()
}

/// A card that is there, and what it is wanted for.
struct Case<'a> {
    machine: &'a Machine,
    radio: &'a Radio,
    interface: &'a Interface,
    purpose: Purpose,
}

impl Case<'_> {
    fn name(&self) -> &str {
        &self.interface.name
    }

    fn fault(&self, code: Code, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::fault(code, Some(self.name()), found, fix)
    }

    fn warning(&self, code: Code, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::warning(code, Some(self.name()), found, fix)
    }

    fn fine(&self, code: Code, found: impl Into<String>) -> Finding {
        Finding::fine(code, Some(self.name()), found)
    }

    /// What only a transmitter needs: a fault for one, a warning where nobody said what the card is for.
    fn unsendable(&self, code: Code, found: String, fix: String) -> Option<Finding> {
        match self.purpose {
            Purpose::Receive => None,
            Purpose::Transmit { .. } => Some(self.fault(code, found, fix)),
            Purpose::Unknown => Some(self.warning(code, found, fix)),
        }
    }

    /// The command that sets the card up as it is meant to be, on the channel it has.
    fn up(&self) -> String {
        let tuned = self.interface.tuned.map(|tuned| options(tuned.frequency_mhz, tuned.width));
        up(self.machine, self.name(), &tuned.unwrap_or_default())
    }
}

/// The command that sets a card up, for people to type.
fn up(machine: &Machine, name: &str, options: &str) -> String {
    let sudo = if machine.permissions.net_admin { "" } else { "sudo " };
    format!("`{sudo}skylark-setup up {name}{options}`")
}

/// The options of `up` for a channel, with a blank before them.
fn options(frequency_mhz: u32, width: Width) -> String {
    let width = if width == Width::Mhz20 { String::new() } else { format!(" --width {}", width.mhz()) };
    format!(" --channel {}{width}", channel_number(frequency_mhz))
}

/// A channel with its center and width.
fn described(tuned: Tuned) -> String {
    let number = channel_number(tuned.frequency_mhz);
    format!("channel {number} ({} MHz), {} wide", tuned.frequency_mhz, tuned.width)
}

/// A channel as `--channel` takes it, and as people say it.
fn channel_number(frequency_mhz: u32) -> String {
    match (channel::number(frequency_mhz), Band::of(frequency_mhz)) {
        (Some(number), Some(Band::Ghz6)) => format!("6g{number}"),
        (Some(number), _) => number.to_string(),
        (None, _) => format!("{frequency_mhz}MHz"),
    }
}

#[cfg(test)]
mod tests;
