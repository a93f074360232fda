//! What a card must be able to do, and what its region must allow, before anything is planned.

use super::refused::{Refused, Warning};
use super::{Wanted, choose};
use crate::channel::{self, Band};
use crate::machine::{Channel, Interface, Machine, Radio, Tuned, Width};

/// Programs that take a card back when it changes, each with what keeps them from it.
const MEDDLERS: [(&str, &str); 3] = [
    ("dhcpcd", "if it takes the card back, add a line `denyinterfaces` with the card's name to /etc/dhcpcd.conf"),
    ("dhclient", "it may go on asking for an address, which does no harm"),
    ("systemd-networkd", "if it takes the card back, give it a .network file with `Unmanaged=yes`"),
];

/// The card and its radio, if it can be a monitor at all.
pub(super) fn card<'a>(machine: &'a Machine, name: &str) -> Result<(&'a Radio, &'a Interface), Refused> {
    let card = name.to_owned();
    let Some((radio, interface)) = machine.interface(name) else {
        let found = choose::names(machine);
        let is_other = machine.other_interfaces.iter().any(|other| other == name);
        return Err(if is_other { Refused::NotWireless { card, found } } else { Refused::NoSuchCard { card, found } });
    };
    if !radio.has_monitor_mode {
        let driver = radio.driver.clone().unwrap_or_else(|| "(unknown)".to_owned());
        return Err(Refused::NoMonitorMode { card, driver });
    }
    if radio.rfkill.hard {
        return Err(Refused::HardBlocked { card });
    }
    Ok((radio, interface))
}

pub(super) fn width(radio: &Radio, wanted: &Wanted) -> Result<(), Refused> {
    if wanted.tuned.width > radio.widest {
        let card = wanted.card.clone();
        return Err(Refused::TooWide { card, wanted: wanted.tuned.width, widest: radio.widest });
    }
    Ok(())
}

/// Whether the radio has every part of the channel and, unless the region is about to change, may use it.
pub(super) fn channel(machine: &Machine, radio: &Radio, wanted: &Wanted, region_changes: bool) -> Result<(), Refused> {
    for frequency_mhz in parts(wanted.tuned) {
        let card = wanted.card.clone();
        let Some(channel) = radio.channel(frequency_mhz) else {
            let there = numbers(radio, Width::Mhz20, |_| true);
            return Err(Refused::NoSuchChannel { card, frequency_mhz, there });
        };
        if channel.disabled && !region_changes {
            let allowed = numbers(radio, wanted.tuned.width, |channel| !channel.disabled);
            return Err(Refused::Forbidden { card, region: machine.region_of(radio), tuned: wanted.tuned, allowed });
        }
    }
    Ok(())
}

pub(super) fn warnings(
    machine: &Machine,
    radio: &Radio,
    interface: &Interface,
    wanted: &Wanted,
    region_changes: bool,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let (Some(own), Some(wanted_region)) = (radio.own_region, wanted.region)
        && own != wanted_region
    {
        warnings.push(Warning::OwnRegion { card: wanted.card.clone(), own, wanted: wanted_region });
    }
    if region_changes && !machine.has_region_database {
        warnings.extend(wanted.region.map(Warning::NoRegionDatabase));
    }
    if !region_changes {
        warnings.extend(receives_only(machine, radio, wanted));
        warnings.extend(much_power(machine, radio, wanted));
    }
    warnings.extend(meddlers(interface));
    warnings
}

/// Center frequencies of the 20 MHz channels within a channel; narrower ones are one.
fn parts(tuned: Tuned) -> Vec<u32> {
    if tuned.width <= Width::Mhz20 {
        return vec![tuned.frequency_mhz];
    }
    let lowest = tuned.center_mhz.saturating_sub(tuned.width.mhz() / 2) + 10;
    (0..tuned.width.mhz() / 20).map(|part| lowest + 20 * part).collect()
}

fn receives_only(machine: &Machine, radio: &Radio, wanted: &Wanted) -> Option<Warning> {
    let is_silent = |frequency| radio.channel(frequency).is_some_and(|channel| channel.no_ir || channel.radar);
    parts(wanted.tuned).into_iter().any(is_silent).then(|| Warning::ReceivesOnly {
        card: wanted.card.clone(),
        region: machine.region_of(radio),
        tuned: wanted.tuned,
        sendable: numbers(radio, wanted.tuned.width, may_send),
    })
}

fn much_power(machine: &Machine, radio: &Radio, wanted: &Wanted) -> Option<Warning> {
    let allowed_mbm = i32::try_from(radio.channel(wanted.tuned.frequency_mhz)?.max_power_mbm).ok()?;
    let wanted_mbm = wanted.power_mbm.filter(|power| *power > allowed_mbm)?;
    Some(Warning::MuchPower {
        card: wanted.card.clone(),
        wanted_dbm: wanted_mbm / 100,
        region: machine.region_of(radio),
        allowed_dbm: allowed_mbm / 100,
    })
}

fn meddlers(interface: &Interface) -> impl Iterator<Item = Warning> {
    interface.users.iter().filter_map(|user| {
        let (program, remedy) = MEDDLERS.iter().find(|(program, _)| *program == user.program)?;
        Some(Warning::AlsoUsed {
            card: interface.name.clone(),
            program: (*program).to_owned(),
            pid: user.pid,
            remedy: (*remedy).to_owned(),
        })
    })
}

fn may_send(channel: &Channel) -> bool {
    channel.may_send()
}

/// The channels of a radio whose parts all `suit`, as people write them: `1-11, 36-48`.
fn numbers(radio: &Radio, width: Width, suit: impl Fn(&Channel) -> bool) -> String {
    let suits = |frequency_mhz: &u32| {
        let parts = channel::tune(*frequency_mhz, width, None).map(parts).unwrap_or_default();
        !parts.is_empty() && parts.into_iter().all(|part| radio.channel(part).is_some_and(&suit))
    };
    let frequencies = radio.channels.iter().map(|channel| channel.frequency_mhz);
    let mut frequencies: Vec<u32> =
        frequencies.filter(|frequency| channel::number(*frequency).is_some()).filter(suits).collect();
    frequencies.sort_unstable();
    // Channels of a band lie at most 20 MHz apart, but for gaps that the numbers have too.
    let is_near = |a: &u32, b: &u32| b - a <= 20 && Band::of(*a) == Band::of(*b);
    let ranges: Vec<String> = frequencies.chunk_by(is_near).map(range).collect();
    if ranges.is_empty() { "none".to_owned() } else { ranges.join(", ") }
}

fn range(frequencies: &[u32]) -> String {
    match frequencies {
        [] => String::new(),
        [only] => name(*only),
        [first, .., last] => format!("{}-{}", name(*first), name(*last)),
    }
}

fn name(frequency_mhz: u32) -> String {
    // Numbers begin anew at 6 GHz.
    let band = if Band::of(frequency_mhz) == Some(Band::Ghz6) { "6g" } else { "" };
    channel::number(frequency_mhz).map_or_else(|| format!("{frequency_mhz} MHz"), |number| format!("{band}{number}"))
}
