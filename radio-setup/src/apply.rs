//! Carries a plan out: one step, a look at what came of it, and the plan made again, until nothing is left.
//! Whatever changes meanwhile is therefore seen, and what a region allows is judged once it is in force.
#![expect(clippy::disallowed_methods, reason = "waits for other programs, which do not say when they are done")]

pub mod network_manager;
pub mod program;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use thiserror::Error;

use crate::machine::Machine;
use crate::netlink::{Kernel, KernelError};
use crate::plan::{Change, NotTaken, Plan, Refused, Step, Warning};
use crate::probe;
use network_manager::NetworkManager;

/// No plan is longer: twelve steps for a card, four for each interface beside it, of which drivers allow three.
const MOST_STEPS: usize = 40;
/// What another program may take to let go of a card or to come back.
const PATIENCE_WITH_PROGRAMS: Duration = Duration::from_secs(4);
/// What a driver may take until its card shows what it has acknowledged.
const PATIENCE_WITH_DRIVERS: Duration = Duration::from_millis(300);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What becomes of a plan when an essential step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends there.
    Stop,
    /// The step is left out, and told.
    Continue,
}

/// What happens while a plan is carried out.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step begins.
    Begins(&'a Step),
    /// A step failed, and the rest goes on without it.
    LeftOut(&'a Step, &'a StepError),
}

/// Why a step failed: what was found, and what to do.
#[derive(Debug, Error)]
pub enum StepError {
    /// The kernel refused it.
    #[error("{0}{hint}", hint = hint(.0))]
    Kernel(KernelError),
    /// It was acknowledged, and is not to be seen.
    #[error("{0}; another program may have changed it back: `skylark-setup list` says who uses the card")]
    NotTaken(NotTaken),
    /// A program has not let go of the card.
    #[error("{0}")]
    Held(Refused),
    /// Another program did not do its part.
    #[error(transparent)]
    Program(#[from] program::ProgramError),
}

/// Why a plan was not carried out to its end.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The machine could not be looked at.
    #[error(transparent)]
    Probe(KernelError),
    /// What was found on the way forbids the rest.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A step failed.
    #[error("{0}: {1}")]
    Step(String, StepError),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// Something undoes what is done.
    #[error("no end of steps: another program changes the card again and again; `skylark-setup list` says who uses it")]
    Endless,
}

/// Carries out what `plan` makes of the machine, until it makes nothing more of it or `stop` is set. Returns what
/// is worth knowing at the end, and how many steps were left out.
///
/// # Errors
/// See [`ApplyError`]; what was done until then stays done.
pub fn carry_out(
    plan: &dyn Fn(&Machine) -> Result<Plan, Refused>,
    on_failure: OnFailure,
    tell: &mut dyn FnMut(Progress<'_>),
    stop: &AtomicBool,
) -> Result<(Vec<Warning>, usize), ApplyError> {
    let mut kernel = Kernel::open().map_err(ApplyError::Probe)?;
    let checked = |machine: &Machine| {
        let plan = plan(machine)?;
        program::check(machine, &plan).map(|()| plan)
    };
    let mut take = |step: &Step, machine: &Machine| {
        take(&mut kernel, step, machine)?;
        wait_until_taken(&mut kernel, step, machine, stop)
    };
    drive(&checked, on_failure, tell, stop, &mut take, &mut probe::machine)
}

/// Takes step after step: `take` returns the machine as far as it has looked at it then, `look` the whole of it.
fn drive(
    plan: &dyn Fn(&Machine) -> Result<Plan, Refused>,
    on_failure: OnFailure,
    tell: &mut dyn FnMut(Progress<'_>),
    stop: &AtomicBool,
    take: &mut dyn FnMut(&Step, &Machine) -> Result<Machine, StepError>,
    look: &mut dyn FnMut() -> Result<Machine, KernelError>,
) -> Result<(Vec<Warning>, usize), ApplyError> {
    let mut machine = look().map_err(ApplyError::Probe)?;
    let mut is_whole = true;
    let mut tried: Vec<Step> = Vec::new();
    let mut left_out = 0;
    for _ in 0..MOST_STEPS {
        let mut plan = plan(&machine)?;
        let warnings = std::mem::take(&mut plan.warnings);
        let Some(step) = plan.next_step(&tried) else {
            if is_whole {
                return Ok((warnings, left_out));
            }
            // The region, and who uses the card, may be others since the last whole look.
            machine = look().map_err(ApplyError::Probe)?;
            is_whole = true;
            continue;
        };
        if stop.load(Ordering::Relaxed) {
            return Err(ApplyError::Interrupted);
        }
        tell(Progress::Begins(&step));
        let taken = take(&step, &machine);
        let is_once = taken.is_err() || !step.is_essential();
        is_whole = taken.is_err() || !concerns_interfaces_only(&step.change);
        machine = match taken {
            Ok(after) => after,
            Err(_) if stop.load(Ordering::Relaxed) => return Err(ApplyError::Interrupted),
            Err(error) if step.is_essential() && on_failure == OnFailure::Stop => {
                return Err(ApplyError::Step(step.to_string(), error));
            }
            Err(error) => {
                tell(Progress::LeftOut(&step, &error));
                left_out += 1;
                look().map_err(ApplyError::Probe)?
            }
        };
        if is_once {
            tried.push(step);
        }
    }
    Err(ApplyError::Endless)
}

fn take(kernel: &mut Kernel, step: &Step, machine: &Machine) -> Result<(), StepError> {
    let index = step.index;
    let told = match &step.change {
        Change::Unblock(radio) => kernel.unblock_rfkill(*radio),
        Change::Block(radio) => kernel.block_rfkill(*radio),
        Change::LeaveNetworkManager => {
            let address = machine.interface(&step.card).and_then(|(radio, _)| radio.permanent_mac);
            return Ok(NetworkManager::default().leave(&step.card, address)?);
        }
        Change::JoinNetworkManager => return Ok(NetworkManager::default().join(&step.card)?),
        Change::Stop(user) => return Ok(program::stop(user)?),
        Change::Start(program) => return Ok(program::start(program)?),
        Change::Region(_, to) => kernel.set_region(*to),
        Change::Down => kernel.set_up(index, false),
        Change::Up => kernel.set_up(index, true),
        Change::Mode(_, to) => kernel.set_mode(index, *to),
        Change::DamagedFrames(wanted) => kernel.set_monitor_fcs_failures(index, *wanted),
        Change::Mtu(_, to) => kernel.set_mtu(index, *to),
        Change::Channel(_, to) => kernel.set_channel(index, *to),
        Change::Power(_, to) => kernel.set_power(index, *to),
    };
    told.map_err(StepError::Kernel)
}

/// Looks until the step is to be seen; returns what was seen with it.
fn wait_until_taken(
    kernel: &mut Kernel,
    step: &Step,
    before: &Machine,
    stop: &AtomicBool,
) -> Result<Machine, StepError> {
    let deadline = Instant::now() + patience(&step.change);
    loop {
        let machine = look_after(kernel, step, before).map_err(StepError::Kernel)?;
        let Err(error) = step.taken(&machine) else { return Ok(machine) };
        if Instant::now() >= deadline || stop.load(Ordering::Relaxed) {
            return Err(still_held(step).map_or(StepError::NotTaken(error), StepError::Held));
        }
        thread::sleep(PAUSE);
    }
}

/// Why a program that was to let go of a card has not.
fn still_held(step: &Step) -> Option<Refused> {
    let Change::Stop(user) = &step.change else { return None };
    program::still_held(&step.card, user)
}

/// Looks at what a step may have changed. A whole look takes ten times as long as one at the interfaces, and a
/// card that was replugged in flight waits for it.
fn look_after(kernel: &mut Kernel, step: &Step, before: &Machine) -> Result<Machine, KernelError> {
    if concerns_interfaces_only(&step.change) { look_at_interfaces(kernel, before) } else { probe::machine() }
}

const fn concerns_interfaces_only(change: &Change) -> bool {
    match change {
        Change::Down
        | Change::Up
        | Change::Mode(..)
        | Change::DamagedFrames(_)
        | Change::Mtu(..)
        | Change::Channel(..)
        | Change::Power(..) => true,
        Change::Unblock(_)
        | Change::Block(_)
        | Change::LeaveNetworkManager
        | Change::JoinNetworkManager
        | Change::Stop(_)
        | Change::Start(_)
        | Change::Region(..) => false,
    }
}

fn look_at_interfaces(kernel: &mut Kernel, before: &Machine) -> Result<Machine, KernelError> {
    let (found, links) = (kernel.interfaces()?, kernel.links()?);
    let mut machine = before.clone();
    for radio in &mut machine.radios {
        radio.interfaces.retain_mut(|known| {
            let Some((_, found)) = found.iter().find(|(_, found)| found.index == known.index) else { return false };
            let Some(link) = links.iter().find(|link| link.index == known.index) else { return false };
            (known.up, known.mtu_bytes) = (link.up, link.mtu_bytes);
            (known.mode, known.tuned, known.power_mbm) = (found.mode, found.tuned, found.power_mbm);
            true
        });
    }
    Ok(machine)
}

const fn patience(change: &Change) -> Duration {
    match change {
        Change::LeaveNetworkManager | Change::JoinNetworkManager | Change::Stop(_) | Change::Start(_) => {
            PATIENCE_WITH_PROGRAMS
        }
        Change::Unblock(_)
        | Change::Block(_)
        | Change::Region(..)
        | Change::Down
        | Change::Up
        | Change::Mode(..)
        | Change::DamagedFrames(_)
        | Change::Mtu(..)
        | Change::Channel(..)
        | Change::Power(..) => PATIENCE_WITH_DRIVERS,
    }
}

/// What to do about a refusal of the kernel.
fn hint(error: &KernelError) -> &'static str {
    match error.errno() {
        Some(Errno::BUSY) => "; another interface or program holds the radio: `skylark-setup list` says who",
        Some(Errno::NODEV | Errno::NXIO) => "; the card is gone: plug it in and try again",
        Some(Errno::INVAL) => "; its driver or its region does not have that: try --width 20 or another --channel",
        Some(Errno::OPNOTSUPP) => "; its driver cannot do that",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Region;
    use crate::netlink::Attempt;

    #[test]
    fn what_the_kernel_refuses_is_told_with_what_to_do() {
        let refused = |errno| {
            let error = KernelError::Refused { attempt: Attempt::SetUp, errno, reason: None };
            ApplyError::Step("wlan1: down → up".to_owned(), StepError::Kernel(error)).to_string()
        };
        let busy = refused(Errno::BUSY);
        assert!(busy.starts_with("wlan1: down → up: cannot bring the interface up: "), "{busy}");
        assert!(busy.ends_with("`skylark-setup list` says who"), "{busy}");
        assert!(refused(Errno::NODEV).ends_with("the card is gone: plug it in and try again"));
    }

    #[test]
    fn a_machine_that_is_as_wanted_is_left_alone() {
        let nothing = |_: &Machine| Ok(Plan::default());
        let never = &mut |progress: Progress<'_>| panic!("{progress:?}");
        let done = carry_out(&nothing, OnFailure::Stop, never, &AtomicBool::new(false)).unwrap();
        assert_eq!(done, (Vec::new(), 0));
    }

    #[test]
    fn what_another_program_changes_beside_the_interfaces_is_seen_before_the_end() {
        let wanted = Region(*b"BO");
        let plan = |machine: &Machine| {
            let region = Change::Region(machine.region, wanted);
            let change = if machine.radios.is_empty() { Change::Up } else { region };
            let is_done = !machine.radios.is_empty() && machine.region == wanted;
            let step = Step { card: "wlan1".to_owned(), index: 3, change };
            Ok(Plan { steps: if is_done { Vec::new() } else { vec![step] }, ..Plan::default() })
        };
        let seen = |region| Machine { region, radios: vec![crate::machine::Radio::default()], ..Machine::default() };
        let driven = |gives_up: bool| {
            let mut is_first = true;
            let mut look = || {
                let first = std::mem::take(&mut is_first);
                Ok(if first { Machine { region: wanted, ..Machine::default() } } else { seen(Region::WORLD) })
            };
            let mut told = Vec::new();
            let tell = &mut |progress: Progress<'_>| told.extend(begun(&progress));
            // A look at the interfaces alone shows the region of before.
            let mut take = |step: &Step, _: &Machine| {
                let is_lost = step.change.what() == "region" && !gives_up;
                Ok(seen(if is_lost { Region::WORLD } else { wanted }))
            };
            let done = drive(&plan, OnFailure::Stop, tell, &AtomicBool::new(false), &mut take, &mut look);
            (done.map_err(|error| error.to_string()), told)
        };
        let (done, told) = driven(true);
        assert_eq!(done, Ok((Vec::new(), 0)));
        assert_eq!(told, ["wlan1: down → up", "region 00 → BO (for the whole machine)"]);
        assert!(driven(false).0.unwrap_err().starts_with("no end of steps"));
    }

    fn begun(progress: &Progress<'_>) -> Option<String> {
        if let Progress::Begins(step) = progress { Some(step.to_string()) } else { None }
    }

    #[test]
    fn a_refusal_on_the_way_ends_it() {
        let refused = |_: &Machine| Err(Refused::NotPermitted);
        let outcome = carry_out(&refused, OnFailure::Continue, &mut |_| {}, &AtomicBool::new(false));
        assert!(matches!(outcome, Err(ApplyError::Refused(Refused::NotPermitted))));
    }
}
