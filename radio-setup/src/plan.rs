//! From what was found and what is wanted to the steps between, and back. Pure: what is planned, done and
//! planned again until nothing is left to do is `apply`'s.
//!
//! The order is what mac80211 asks for: a type changes only while down, a channel only while up, and neither
//! a channel nor a frame gets through while another interface of the same radio is up.

mod check;
mod choose;
mod refused;
mod step;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::machine::{Interface, Machine, Mode, Radio, Region, Tuned};
use crate::state::{CardState, FoundInterface};

pub use choose::{choose, usual_frequency_mhz};
pub use refused::{Refused, Warning};
pub use step::{Change, NotTaken, Step};

/// The MTU a card gets: the most mac80211 allows (IEEE 802.11-2020 9.2.4.7.1), so that the largest frame with
/// its radiotap header fits.
pub const MTU_BYTES: u32 = 2304;

/// What a card is wanted to be: a monitor on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The card's name.
    pub card: String,
    /// Channel and width.
    pub tuned: Tuned,
    /// Transmit power in hundredths of dBm; `None` leaves it as it is.
    pub power_mbm: Option<i32>,
    /// The regulatory domain; `None` leaves it as it is.
    pub region: Option<Region>,
    /// The longest packet in bytes; sends may be 14 bytes longer. Usually [`MTU_BYTES`].
    pub mtu_bytes: u32,
}

/// What lies between what was found and what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What to do, in this order; empty when all is as wanted.
    pub steps: Vec<Step>,
    /// What is worth knowing.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// What to do next: the first step, without those that were `tried` and are not to be tried again. That they
    /// are planned again only means that the card does not show them.
    #[must_use]
    pub fn next_step(self, tried: &[Step]) -> Option<Step> {
        self.steps.into_iter().find(|step| !tried.iter().any(|other| step.wants_the_same(other)))
    }
}

/// Plans what makes a card what is wanted.
///
/// What a region allows is known only once it is in force: a plan that changes the region says nothing about
/// the channel, the one made after that step does.
///
/// # Errors
/// The card cannot be that: why, and what to do.
pub fn plan(machine: &Machine, wanted: &Wanted) -> Result<Plan, Refused> {
    let (radio, interface) = check::card(machine, &wanted.card)?;
    let region = region_step(machine, radio, wanted);
    let region_changes = region.is_some();
    check::width(radio, wanted)?;
    check::channel(machine, radio, wanted, region_changes)?;

    let mut steps = Vec::new();
    let mut push = |interface: &Interface, change| steps.push(Step::new(interface, change));
    if radio.rfkill.soft {
        push(interface, Change::Unblock(radio.index));
    }
    for each in with_others(radio, interface) {
        release(each, &mut push)?;
    }
    for other in others(radio, interface).filter(|other| other.up) {
        push(other, Change::Down);
    }
    let target = Target { mode: Mode::Monitor, up: true, mtu_bytes: wanted.mtu_bytes, tuned: Some(wanted.tuned) };
    reach(interface, &target, region, &mut push);
    if let Some(change) = power_change(radio, interface, wanted) {
        push(interface, change);
    }
    let warnings = check::warnings(machine, radio, interface, wanted, region_changes);
    Ok(Plan { steps, warnings })
}

/// Plans what gives a card back as it was found: the card under the `name` it has, the interfaces that share
/// its radio, and with `and_region` the region. What is gone is left out.
#[must_use]
pub fn give_back(machine: &Machine, name: &str, state: &CardState, and_region: bool) -> Plan {
    let mut steps = Vec::new();
    let was_region = state.found.region;
    let mut region = (and_region && was_region != machine.region).then_some(Change::Region(machine.region, was_region));
    for (number, was) in state.found.interfaces.iter().enumerate() {
        let is_card = number == 0;
        let Some((radio, interface)) = machine.interface(if is_card { name } else { &was.name }) else { continue };
        let with_power = is_card && state.wanted.power_mbm.is_some();
        give_back_interface(interface, was, with_power, region.take(), &mut steps);
        if is_card && state.found.soft_blocked && !radio.rfkill.soft {
            steps.push(Step::new(interface, Change::Block(radio.index)));
        }
    }
    if let Some(change) = region {
        steps.push(Step { card: name.to_owned(), index: 0, change });
    }
    Plan { steps, warnings: Vec::new() }
}

/// Whether the machine's way to its network goes through this card's radio.
#[must_use]
pub fn carries_default_route(machine: &Machine, card: &str) -> bool {
    let Some((radio, _)) = machine.interface(card) else { return false };
    radio.interfaces.iter().any(|each| machine.default_routes.contains(&each.name))
}

/// Whether a program holds a card in a way that stops the link, and can be stopped and started again.
#[must_use]
pub fn can_be_stopped(program: &str) -> bool {
    matches!(program, "wpa_supplicant" | "hostapd")
}

/// What an interface has to become, by whatever way.
struct Target {
    mode: Mode,
    up: bool,
    mtu_bytes: u32,
    tuned: Option<Tuned>,
}

fn reach(interface: &Interface, target: &Target, region: Option<Change>, push: &mut impl FnMut(&Interface, Change)) {
    let changes_mode = interface.mode != target.mode;
    if interface.up && (changes_mode || !target.up) {
        push(interface, Change::Down);
    }
    if let Some(region) = region {
        push(interface, region);
    }
    if changes_mode {
        push(interface, Change::Mode(interface.mode, target.mode));
    }
    if interface.mtu_bytes != target.mtu_bytes {
        push(interface, Change::Mtu(interface.mtu_bytes, target.mtu_bytes));
    }
    if target.up && (changes_mode || !interface.up) {
        if target.mode == Mode::Monitor {
            push(interface, Change::DamagedFrames(true));
        }
        push(interface, Change::Up);
    }
    if let Some(tuned) = target.tuned.filter(|tuned| interface.tuned != Some(*tuned)) {
        push(interface, Change::Channel(interface.tuned, tuned));
    }
}

/// Makes those who look after an interface let go of it.
fn release(interface: &Interface, push: &mut impl FnMut(&Interface, Change)) -> Result<(), Refused> {
    if interface.managed_by_network_manager {
        push(interface, Change::LeaveNetworkManager);
        // The wpa_supplicant seen here is NetworkManager's and leaves with it.
        return Ok(());
    }
    for user in &interface.users {
        if user.program == "iwd" {
            let (card, program, pid) = (interface.name.clone(), user.program.clone(), user.pid);
            let (why, remedy) = ("cannot be told to let go of one card", "systemctl stop iwd".to_owned());
            return Err(Refused::Held { card, program, pid, why, remedy });
        }
        if can_be_stopped(&user.program) {
            push(interface, Change::Stop(user.clone()));
        }
    }
    Ok(())
}

fn region_step(machine: &Machine, radio: &Radio, wanted: &Wanted) -> Option<Change> {
    let region = wanted.region.filter(|region| *region != machine.region && radio.own_region.is_none())?;
    Some(Change::Region(machine.region, region))
}

fn power_change(radio: &Radio, interface: &Interface, wanted: &Wanted) -> Option<Change> {
    let power = wanted.power_mbm.filter(|power| interface.power_mbm != Some(*power))?;
    let most = radio.channel(wanted.tuned.frequency_mhz).and_then(|channel| i32::try_from(channel.max_power_mbm).ok());
    // A kernel that keeps to the region's limit shows the limit.
    let is_at_limit = most.is_some_and(|most| power > most && interface.power_mbm == Some(most));
    (!is_at_limit).then_some(Change::Power(interface.power_mbm, Some(power)))
}

fn give_back_interface(
    interface: &Interface,
    was: &FoundInterface,
    with_power: bool,
    region: Option<Change>,
    steps: &mut Vec<Step>,
) {
    let mut push = |interface: &Interface, change| steps.push(Step::new(interface, change));
    if is_looked_after(interface, was) {
        region.into_iter().for_each(|change| push(interface, change));
        return;
    }
    // Only a monitor's power is ours: what another type sends with is for whoever looks after it.
    if with_power && interface.mode == Mode::Monitor && interface.power_mbm != was.power_mbm {
        push(interface, Change::Power(interface.power_mbm, was.power_mbm));
    }
    // With any other type the wish for damaged frames goes; of a monitor that was up nobody knows what it was.
    if interface.mode == Mode::Monitor && interface.up && was.mode == Mode::Monitor && !was.up {
        push(interface, Change::DamagedFrames(false));
    }
    let tuned = was.tuned.filter(|_| was.up && was.mode == Mode::Monitor);
    let target = Target { mode: was.mode, up: was.up, mtu_bytes: was.mtu_bytes, tuned };
    reach(interface, &target, region, &mut push);
    for program in was.programs.iter().filter(|program| !program.runs_on(interface)) {
        push(interface, Change::Start(program.clone()));
    }
    if was.managed_by_network_manager {
        push(interface, Change::JoinNetworkManager);
    }
}

/// Whether those who looked after an interface do so again: then the rest is theirs to decide.
fn is_looked_after(interface: &Interface, was: &FoundInterface) -> bool {
    let by_network_manager = was.managed_by_network_manager && interface.managed_by_network_manager;
    let by_its_programs = !was.programs.is_empty() && was.programs.iter().all(|each| each.runs_on(interface));
    let is_theirs_to_use = interface.mode == was.mode && interface.mtu_bytes == was.mtu_bytes;
    is_theirs_to_use && (by_network_manager || by_its_programs)
}

fn with_others<'a>(radio: &'a Radio, interface: &'a Interface) -> impl Iterator<Item = &'a Interface> {
    std::iter::once(interface).chain(others(radio, interface))
}

fn others<'a>(radio: &'a Radio, interface: &'a Interface) -> impl Iterator<Item = &'a Interface> {
    radio.interfaces.iter().filter(|other| other.name != interface.name)
}
