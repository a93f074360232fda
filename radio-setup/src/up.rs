//! `skylark-setup up`: takes cards for the link, or says what that would change.

mod key;
mod question;
mod rollback;
mod said;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use skylark_setup::apply::{self, OnFailure, program};
use skylark_setup::channel;
use skylark_setup::machine::{Machine, Region};
use skylark_setup::plan::{self, Change, Refused, Step, Wanted, Warning};
use skylark_setup::probe;
use skylark_setup::state::{CardState, Found, Lock, Phase, Store};

use crate::args::UpCommand;
use rollback::Rollback;
pub(crate) use said::Voice;

/// Ten seconds: a card is set up in less.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Does what the command line says.
pub(crate) fn run(command: &UpCommand) -> Result<()> {
    let voice = Voice { json: command.json };
    let machine = probe::machine()?;
    let wanted = wishes(command, &machine)?;
    let mut planned = Vec::new();
    for wanted in &wanted {
        let plan = plan::plan(&machine, wanted)?;
        program::check(&machine, &plan)?;
        planned.push(plan);
    }
    if command.dry_run {
        return show(&voice, &planned);
    }
    let has_work = planned.iter().any(|plan| !plan.steps.is_empty());
    if has_work && !machine.permissions.net_admin {
        return Err(Refused::NotPermitted.into());
    }
    for wanted in wanted.iter().filter(|wanted| plan::carries_default_route(&machine, &wanted.card)) {
        question::cut_the_network(&wanted.card, command.yes)?;
    }
    set_up(&voice, &wanted)?;
    if !command.no_key {
        key::make_if_missing();
    }
    voice.next(&wanted);
    Ok(())
}

/// Makes an end to half done work when the program is told to end.
pub(crate) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot wait for signals")?;
    }
    Ok(stop)
}

fn wishes(command: &UpCommand, machine: &Machine) -> Result<Vec<Wanted>> {
    let mut cards = command.cards.clone();
    if cards.is_empty() {
        cards.push(plan::choose(machine)?);
    }
    let mut wishes: Vec<Wanted> = Vec::new();
    for card in cards {
        if wishes.iter().any(|other| other.card == card) {
            bail!("{card} is named twice; name each card once");
        }
        let frequency_mhz = command.channel.unwrap_or_else(|| plan::usual_frequency_mhz(machine, &card));
        let tuned = channel::tune(frequency_mhz, command.width.width, command.width.secondary)?;
        let (power_mbm, region) = (command.power, command.region);
        wishes.push(Wanted { card, tuned, power_mbm, region, mtu_bytes: plan::MTU_BYTES });
    }
    Ok(wishes)
}

fn show(voice: &Voice, plans: &[plan::Plan]) -> Result<()> {
    let mut regions = 0;
    let mut steps: Vec<&Step> = plans.iter().flat_map(|plan| &plan.steps).collect();
    // The region is the machine's: set once, whatever the number of cards.
    steps.retain(|step| {
        regions += usize::from(matches!(step.change, Change::Region(..)));
        !matches!(step.change, Change::Region(..)) || regions == 1
    });
    for step in &steps {
        voice.planned(step)?;
    }
    let mut warnings: Vec<&Warning> = plans.iter().flat_map(|plan| &plan.warnings).collect();
    warnings.dedup();
    for warning in warnings {
        voice.warning(warning)?;
    }
    voice.dry_run_end(steps.len(), regions > 0);
    Ok(())
}

/// The right to change cards, waited for as long as another program may take with one.
#[expect(clippy::disallowed_methods, reason = "another program does not say when it is done")]
pub(crate) fn lock(store: &Store, stop: &AtomicBool) -> Result<Lock> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = store.try_lock()? {
            return Ok(lock);
        }
        if stop.load(Ordering::Relaxed) {
            bail!("interrupted; nothing was changed");
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    let who = store.lock_holder();
    let who = who.map_or_else(|| "another program".to_owned(), |by| format!("{} (process {})", by.program, by.pid));
    bail!("{who} changes cards at the moment; see to it that it ends, then try again")
}

/// Sets all cards up, or none.
fn set_up(voice: &Voice, wanted: &[Wanted]) -> Result<()> {
    let stop = stop_on_signals()?;
    let store = Store::default();
    let _lock = lock(&store, &stop)?;
    let mut rollback = Rollback::new(&store, voice);
    for wanted in wanted {
        if let Err(error) = set_up_one(voice, wanted, &mut rollback, &stop) {
            let undone = rollback.undo();
            bail!("{error:#}; {undone}");
        }
    }
    Ok(())
}

fn set_up_one(voice: &Voice, wanted: &Wanted, rollback: &mut Rollback<'_>, stop: &AtomicBool) -> Result<()> {
    let machine = probe::machine()?;
    let mut state = begin(&machine, wanted, rollback)?;
    let plan = |machine: &Machine| plan::plan(machine, wanted);
    let (warnings, left_out) =
        apply::carry_out(&plan, OnFailure::Stop, &mut |progress| voice.progress(&progress), stop)?;
    state.phase = Phase::Up;
    rollback.store().write(&state)?;
    voice.is_up(&probe::machine()?, wanted, left_out)?;
    warnings.iter().try_for_each(|warning| voice.warning(warning))
}

/// Writes down what there is before anything changes, so that `down` can give it back whatever happens.
fn begin(machine: &Machine, wanted: &Wanted, rollback: &mut Rollback<'_>) -> Result<CardState> {
    let card = &wanted.card;
    let before = Found::of(machine, card, program::identify).with_context(|| format!("{card} is gone"))?;
    let address = machine.interface(card).and_then(|(radio, _)| radio.permanent_mac);
    let earlier = rollback.store().read(card)?;
    let earlier = earlier.filter(|earlier| earlier.locate(machine) == Some(card));
    let mut found = earlier.as_ref().map_or_else(|| before.clone(), |earlier| earlier.found.clone());
    found.region = region_before(rollback.store(), card)?.unwrap_or(found.region);
    let state = CardState { phase: Phase::SettingUp, address, wanted: wanted.clone(), found };
    rollback.remember(CardState { found: before, ..state.clone() }, earlier);
    rollback.store().write(&state)?;
    Ok(state)
}

/// The region from before the first card was set up, if another one is.
fn region_before(store: &Store, card: &str) -> Result<Option<Region>> {
    let mut others = store.all()?;
    if let Some(other) = others.cards.iter().find(|other| other.wanted.card != card) {
        return Ok(Some(other.found.region));
    }
    // The region found may be one that was set for that card.
    others.unreadable.pop().map_or(Ok(None), Err).map_err(Into::into)
}
