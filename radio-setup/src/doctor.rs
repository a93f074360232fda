//! `skylark-setup doctor`: walks the chain from the card to the picture, and names the fault.
#![expect(clippy::disallowed_methods, reason = "listens for a time, and reads the wall clock")]

mod air;
mod frames;
mod processor;
mod said;
mod wanted;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use skylark_common::air::monitor;
use skylark_common::wire::radiotap::TxRate;
use skylark_setup::diagnose::{self, Code, Finding, Purpose, Severity, Verdict};
use skylark_setup::machine::{Machine, Mode, Width};
use skylark_setup::probe;

use crate::args::DoctorCommand;
use crate::up::stop_on_signals;
use air::Air;
use said::Said;

/// The whole walk takes at most 5 s; this leaves some for starting and printing on a slow machine, and for a slow card.
const TIME: Duration = Duration::from_millis(4000);

/// Walks the chain; exit code 0 if no fault was found.
///
/// # Errors
/// The kernel does not answer, or the findings cannot be written.
pub(crate) fn run(command: &DoctorCommand) -> Result<ExitCode> {
    let end = Instant::now() + TIME;
    let stop = stop_on_signals()?;
    let machine = probe::machine().context("cannot ask the kernel about radios")?;
    let mut said = Said::new(command.json);
    let rate = frames::rate(command, &machine);
    let purpose = purpose(command, &machine, rate.width.into());
    let (wanted, link, of_key) = wanted::wanted(command);
    let air = Air { machine: &machine, link: &link, wanted, purpose, end, stop: &stop, may_disturb: command.scan };
    let cards = cards(command, &machine, &mut said)?;
    let ready = look_at_cards(&air, &cards, rate, &mut said)?;
    look_at_machine(&machine, purpose, &mut said)?;
    said.say(of_key)?;
    if machine.permissions.net_raw && !matches!(purpose, Purpose::Transmit { .. }) {
        air.listen(&ready, &mut said)?;
    }
    let verdict = Verdict::of(said.findings(), &well(said.findings()));
    said.verdict(&verdict)?;
    Ok(if verdict.severity == Severity::Fault { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the cards are for: as the user says, else as the program of the link shows that runs.
fn purpose(command: &DoctorCommand, machine: &Machine, width: Width) -> Purpose {
    let runs = |name: &str| machine.link_programs.iter().any(|program| program.name == name);
    let transmit = Purpose::Transmit { width };
    match (command.transmit, command.receive) {
        (true, _) => transmit,
        (_, true) => Purpose::Receive,
        _ if runs("skylark-tx") => transmit,
        _ if runs("skylark-rx") => Purpose::Receive,
        _ => Purpose::Unknown,
    }
}

/// The cards that were named, else those in monitor mode, else all; the one with the machine's network last.
fn cards(command: &DoctorCommand, machine: &Machine, said: &mut Said) -> Result<Vec<String>> {
    let interfaces = || machine.radios.iter().flat_map(|radio| &radio.interfaces);
    if !command.airs.is_empty() {
        return named(&command.airs, said);
    }
    let listening = interfaces().filter(|interface| interface.mode == Mode::Monitor);
    let mut names: Vec<String> = listening.map(|interface| interface.name.clone()).collect();
    if names.is_empty() {
        names = interfaces().map(|interface| interface.name.clone()).collect();
    }
    names.sort_by_key(|name| machine.default_routes.contains(name));
    Ok(names)
}

/// The cards these names and patterns mean, each once.
fn named(airs: &[String], said: &mut Said) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for air in airs {
        match monitor::resolve(air) {
            Ok(cards) => cards.into_iter().for_each(|card| {
                if !names.contains(&card) {
                    names.push(card);
                }
            }),
            Err(error) => {
                let (code, severity, found) = (Code::NoSuchCard, Severity::Fault, error.to_string());
                said.say(Finding { code, card: None, severity, found, fix: None })?;
            }
        }
    }
    Ok(names)
}

/// Looks at each card, and with a transmitter's sends; returns those that can be listened to.
fn look_at_cards(air: &Air<'_>, cards: &[String], rate: TxRate, said: &mut Said) -> Result<Vec<String>> {
    if cards.is_empty() && said.findings().is_empty() {
        diagnose::cards(air.machine).into_iter().try_for_each(|finding| said.say(finding))?;
    }
    let mut ready = Vec::new();
    for card in cards {
        let mut findings = diagnose::card(air.machine, card, air.purpose);
        let listens = |finding: &Finding| matches!(finding.code, Code::Channel | Code::Mode);
        if findings.iter().any(|finding| listens(finding) && finding.severity == Severity::Fine) {
            ready.push(card.clone());
            // What a simulated card takes never leaves.
            let is_radio = air.machine.interface(card).is_some();
            if is_radio && air.machine.permissions.net_raw && matches!(air.purpose, Purpose::Transmit { .. }) {
                air.send(card, rate, &mut findings);
            }
        }
        findings.into_iter().try_for_each(|finding| said.say(finding))?;
    }
    Ok(ready)
}

fn look_at_machine(machine: &Machine, purpose: Purpose, said: &mut Said) -> Result<()> {
    said.say(diagnose::permissions(machine.permissions, purpose))?;
    let processor = processor::measure();
    diagnose::processor(&processor).into_iter().try_for_each(|finding| said.say(finding))?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = diagnose::clock(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX));
    clock.into_iter().try_for_each(|finding| said.say(finding))
}

/// What to say when nothing is wrong: the strongest good news there is.
fn well(findings: &[Finding]) -> String {
    let of =
        |code: Code| findings.iter().filter(move |finding| finding.code == code && finding.severity == Severity::Fine);
    let news: Vec<&str> = of(Code::Heard).chain(of(Code::Injection)).map(|finding| finding.found.as_str()).collect();
    if !news.is_empty() {
        return news.join("; ");
    }
    of(Code::Channel).map(|finding| finding.found.as_str()).collect::<Vec<_>>().join("; ")
}
