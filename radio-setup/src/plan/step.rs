//! One change to a card or to the region, in words, and whether it took.

use std::fmt;

use thiserror::Error;

use crate::machine::{Interface, Machine, Mode, Region, Tuned, User};
use crate::state::Program;

/// One change to one card. Its `Display` says what changes, from what to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The card's name.
    pub card: String,
    /// The card's number (ifindex).
    pub index: u32,
    /// What changes.
    pub change: Change,
}

/// What a [`Step`] changes; pairs are from, to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The software switch of the card's radio (by number) is lifted.
    Unblock(u32),
    /// The software switch of the card's radio (by number) is set again.
    Block(u32),
    /// `NetworkManager` lets go of the card.
    LeaveNetworkManager,
    /// `NetworkManager` looks after the card again.
    JoinNetworkManager,
    /// A program that holds the card ends.
    Stop(User),
    /// A program that was ended starts again.
    Start(Program),
    /// The regulatory domain of the whole machine.
    Region(Region, Region),
    /// The card goes down: its type can be changed only so, and a second interface that is up keeps the radio.
    Down,
    /// The card comes up: its channel can be changed only so.
    Up,
    /// What the card does.
    Mode(Mode, Mode),
    /// Whether a monitor hands on frames whose checksum failed; the kernel does not tell whether it does.
    DamagedFrames(bool),
    /// The longest packet in bytes.
    Mtu(u32, u32),
    /// Channel and width.
    Channel(Option<Tuned>, Tuned),
    /// Transmit power in hundredths of dBm, `None` is the driver's choice.
    Power(Option<i32>, Option<i32>),
}

/// A step that the kernel acknowledged and that is not to be seen afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{card}: {what} is {found}, expected {expected}")]
pub struct NotTaken {
    card: String,
    what: &'static str,
    found: String,
    expected: String,
}

impl Step {
    /// A step for an interface.
    pub(super) fn new(interface: &Interface, change: Change) -> Self {
        Self { card: interface.name.clone(), index: interface.index, change }
    }

    /// Whether the link cannot do without it: with a smaller MTU, another power or without damaged frames it works,
    /// only less well, and `NetworkManager` may have let go without writing it down.
    #[must_use]
    pub const fn is_essential(&self) -> bool {
        !matches!(
            self.change,
            Change::DamagedFrames(_) | Change::Mtu(..) | Change::Power(..) | Change::LeaveNetworkManager
        )
    }

    /// Whether two steps want the same of the same card, wherever they start from.
    #[must_use]
    pub fn wants_the_same(&self, other: &Self) -> bool {
        let wish = |step: &Self| (step.card.clone(), step.change.what(), step.change.from_to().1);
        wish(self) == wish(other)
    }

    /// Whether this step is to be seen in what was found after it.
    ///
    /// # Errors
    /// It is not: found and expected.
    pub fn taken(&self, after: &Machine) -> Result<(), NotTaken> {
        if let Change::Region(_, to) = self.change {
            return self.compare(after.region, to);
        }
        let Some((radio, interface)) = after.interface(&self.card) else {
            return Err(self.differs("gone", "there"));
        };
        match &self.change {
            Change::Unblock(_) => self.compare(switch(radio.rfkill.soft), switch(false)),
            Change::Block(_) => self.compare(switch(radio.rfkill.soft), switch(true)),
            Change::LeaveNetworkManager => self.compare(managed(interface.managed_by_network_manager), managed(false)),
            Change::JoinNetworkManager => self.compare(managed(interface.managed_by_network_manager), managed(true)),
            Change::Stop(user) => self.compare(running(interface.users.contains(user)), running(false)),
            Change::Start(program) => self.compare(running(program.runs_on(interface)), running(true)),
            Change::Region(..) | Change::DamagedFrames(_) => Ok(()),
            Change::Down => self.compare(state(interface.up), state(false)),
            Change::Up => self.compare(state(interface.up), state(true)),
            Change::Mode(_, to) => self.compare(interface.mode, *to),
            Change::Mtu(_, to) => self.compare(interface.mtu_bytes, *to),
            // Drivers outside the kernel's tree often do not tell.
            Change::Channel(_, to) => interface.tuned.map_or(Ok(()), |tuned| self.compare(tuned, *to)),
            Change::Power(_, Some(to)) => {
                interface.power_mbm.map_or(Ok(()), |power| self.compare(Power(Some(power)), Power(Some(*to))))
            }
            Change::Power(_, None) => Ok(()),
        }
    }

    fn compare<T: PartialEq + fmt::Display>(&self, found: T, expected: T) -> Result<(), NotTaken> {
        if found == expected { Ok(()) } else { Err(self.differs(found, expected)) }
    }

    fn differs(&self, found: impl fmt::Display, expected: impl fmt::Display) -> NotTaken {
        NotTaken {
            card: self.card.clone(),
            what: self.change.what(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}

impl Change {
    /// What it changes, in a word or two.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Unblock(_) | Self::Block(_) => "radio",
            Self::LeaveNetworkManager | Self::JoinNetworkManager => "NetworkManager",
            Self::Stop(_) | Self::Start(_) => "program",
            Self::Region(..) => "region",
            Self::Down | Self::Up => "state",
            Self::Mode(..) => "mode",
            Self::DamagedFrames(_) => "damaged frames",
            Self::Mtu(..) => "MTU",
            Self::Channel(..) => "channel",
            Self::Power(..) => "power",
        }
    }

    /// What was found and what is wanted instead.
    #[must_use]
    pub fn from_to(&self) -> (String, String) {
        match self {
            Self::Unblock(_) => pair(switch(true), switch(false)),
            Self::Block(_) => pair(switch(false), switch(true)),
            Self::LeaveNetworkManager => pair(managed(true), managed(false)),
            Self::JoinNetworkManager => pair(managed(false), managed(true)),
            Self::Stop(user) => (format!("{} (process {}) running", user.program, user.pid), "stopped".to_owned()),
            Self::Start(program) => ("stopped".to_owned(), format!("{} running", program.program)),
            Self::Region(from, to) => pair(from, to),
            Self::Down => pair(state(true), state(false)),
            Self::Up => pair(state(false), state(true)),
            Self::Mode(from, to) => pair(from, to),
            Self::DamagedFrames(wanted) => pair(handed_on(!wanted), handed_on(*wanted)),
            Self::Mtu(from, to) => pair(from, to),
            Self::Channel(from, to) => {
                (from.map_or_else(|| "none".to_owned(), |from| from.to_string()), to.to_string())
            }
            Self::Power(from, to) => pair(Power(*from), Power(*to)),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = self.change.from_to();
        if matches!(self.change, Change::Region(..)) {
            return write!(f, "region {from} → {to} (for the whole machine)");
        }
        if matches!(self.change, Change::Down | Change::Up) {
            return write!(f, "{}: {from} → {to}", self.card);
        }
        write!(f, "{}: {} {from} → {to}", self.card, self.change.what())
    }
}

fn pair(from: impl fmt::Display, to: impl fmt::Display) -> (String, String) {
    (from.to_string(), to.to_string())
}

const fn switch(blocked: bool) -> &'static str {
    if blocked { "switched off by software" } else { "switched on" }
}

const fn managed(managed: bool) -> &'static str {
    if managed { "looks after the card" } else { "lets go of it" }
}

const fn running(running: bool) -> &'static str {
    if running { "running" } else { "stopped" }
}

const fn handed_on(wanted: bool) -> &'static str {
    if wanted { "handed on" } else { "dropped" }
}

const fn state(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

/// Power in words.
#[derive(PartialEq)]
pub(super) struct Power(pub(super) Option<i32>);

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("automatic"),
            Some(mbm) => write!(f, "{} dBm", f64::from(mbm) / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(change: Change) -> Step {
        Step { card: "wlan1".to_owned(), index: 3, change }
    }

    #[test]
    fn a_step_says_what_changes_from_what_to_what() {
        let wpa = User { program: "wpa_supplicant".to_owned(), pid: 812 };
        let tuned = Tuned { frequency_mhz: 5745, center_mhz: 5745, width: crate::machine::Width::Mhz20 };
        let table = [
            (Change::Mode(Mode::Managed, Mode::Monitor), "wlan1: mode managed → monitor"),
            (Change::Down, "wlan1: up → down"),
            (Change::Region(Region::WORLD, Region(*b"BO")), "region 00 → BO (for the whole machine)"),
            (Change::Power(Some(2000), Some(1550)), "wlan1: power 20 dBm → 15.5 dBm"),
            (Change::Power(None, None), "wlan1: power automatic → automatic"),
            (Change::Stop(wpa), "wlan1: program wpa_supplicant (process 812) running → stopped"),
            (Change::Channel(None, tuned), "wlan1: channel none → 5745 MHz, 20 MHz wide"),
        ];
        for (change, words) in table {
            assert_eq!(step(change).to_string(), words);
        }
    }

    #[test]
    fn a_step_on_a_card_that_is_gone_did_not_take() {
        let error = step(Change::Up).taken(&Machine::default()).unwrap_err();
        assert_eq!(error.to_string(), "wlan1: state is gone, expected there");
    }

    #[test]
    fn a_region_is_read_back_even_without_the_card() {
        let wanted = step(Change::Region(Region::WORLD, Region(*b"BO")));
        assert_eq!(wanted.taken(&Machine::default()).unwrap_err().to_string(), "wlan1: region is 00, expected BO");
        let machine = Machine { region: Region(*b"BO"), ..Machine::default() };
        assert_eq!(wanted.taken(&machine), Ok(()));
    }
}
