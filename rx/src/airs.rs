//! Opens the airs the command line names, patterns of cards included, and says which cards may join them.

use std::time::Instant;

use crate::receiver::MAX_CARDS;
use anyhow::{Result, ensure};
use skylark_common::air::CaptureAir;
use skylark_common::air::monitor::{self, MonitorCapture};
use skylark_common::air::pcap_file::{Pace, PcapCapture};
use skylark_common::air::udp::UdpCapture;
use skylark_common::options::{AirTarget, Dialect};

use crate::args::Source;
use crate::tell::tell;

/// The airs of the program.
#[derive(Debug, Default)]
pub(crate) struct Airs {
    /// All, as they were given.
    pub(crate) all: Vec<Box<dyn CaptureAir>>,
    /// How many of them are cards.
    pub(crate) cards: usize,
    /// Which cards join when they are there.
    pub(crate) wanted: Wanted,
}

/// Cards that are wanted without being named.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    patterns: Vec<String>,
    every_radio: bool,
    /// What is heard on them.
    pub(crate) dialect: Dialect,
}

/// Opens the airs of this machine among `sources`, and says how relays are found if they are among them.
///
/// # Errors
/// As for [`open`].
pub(crate) fn open_sources(sources: &[Source], dialect: Dialect, now: Instant) -> Result<(Airs, Option<Vec<String>>)> {
    let (mut targets, mut endpoints) = (Vec::new(), None::<Vec<String>>);
    for source in sources {
        match source {
            Source::Air(target) => targets.push(target.clone()),
            Source::Relays(endpoint) => endpoints.get_or_insert_default().extend(endpoint.clone()),
        }
    }
    let only_relays = targets.is_empty() && endpoints.is_some();
    let airs = if only_relays { Airs::default() } else { open(&targets, dialect, now)? };
    Ok((airs, endpoints))
}

/// Opens all airs; without any, every card that is in monitor mode.
///
/// # Errors
/// One of them cannot be opened, there is none at all, or there are more than a link holds.
pub(crate) fn open(targets: &[AirTarget], dialect: Dialect, now: Instant) -> Result<Airs> {
    let mut airs = Airs { wanted: Wanted::of(targets, dialect), ..Airs::default() };
    let mut without_card = Vec::new();
    for target in targets {
        match target {
            AirTarget::Udp(address) => airs.all.push(Box::new(UdpCapture::bind(address)?)),
            // Recordings are always read in their own time; whose time that is, the link decides.
            AirTarget::Pcap(path) => airs.all.push(Box::new(PcapCapture::open(path, Pace::Recorded)?)),
            AirTarget::Monitor(written) => match monitor::resolve(written) {
                Ok(names) => airs.add_cards(names, now)?,
                Err(none) => without_card.push(none),
            },
        }
    }
    if targets.is_empty() {
        airs.add_cards(monitor::radios()?, now)?;
    }
    match without_card.into_iter().next() {
        Some(none) if airs.all.is_empty() => return Err(none.into()),
        Some(none) => tell(&format!("{none}; one that is set up later joins by itself")),
        None => {}
    }
    ensure!(airs.all.len() <= MAX_CARDS, "{} airs, expected at most {MAX_CARDS}: name fewer", airs.all.len());
    Ok(airs)
}

impl Airs {
    /// Adds the cards that are not there already.
    fn add_cards(&mut self, names: Vec<String>, now: Instant) -> Result<()> {
        for name in names {
            if self.all.iter().all(|air| air.name() != name) {
                self.all.push(Box::new(MonitorCapture::open_for(self.wanted.dialect, &name, now)?));
                self.cards += 1;
            }
        }
        Ok(())
    }
}

impl Wanted {
    /// What is wanted by these airs; none want every radio.
    fn of(targets: &[AirTarget], dialect: Dialect) -> Self {
        let written = targets.iter().filter_map(|target| match target {
            AirTarget::Monitor(written) if monitor::is_pattern(written) => Some(written.clone()),
            AirTarget::Monitor(_) | AirTarget::Udp(_) | AirTarget::Pcap(_) => None,
        });
        Self { patterns: written.collect(), every_radio: targets.is_empty(), dialect }
    }

    /// Whether no card joins.
    pub(crate) fn is_none(&self) -> bool {
        self.patterns.is_empty() && !self.every_radio
    }

    /// Those that are there.
    pub(crate) fn cards(&self) -> Vec<String> {
        let mut cards: Vec<String> = self.patterns.iter().flat_map(|pattern| monitor::cards(pattern)).collect();
        if self.every_radio {
            cards.extend(monitor::radios().unwrap_or_default());
        }
        cards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(airs: &[&str]) -> Wanted {
        let targets: Vec<AirTarget> = airs.iter().map(|air| air.parse().unwrap()).collect();
        Wanted::of(&targets, Dialect::Skylark)
    }

    #[test]
    fn whoever_names_cards_wants_no_others() {
        assert!(wanted(&["wlan1", "udp:5801"]).is_none());
        assert!(!wanted(&[]).is_none());
        assert_eq!(wanted(&["wlan1", "monitor:wlx*"]).patterns, ["wlx*"]);
        assert!(wanted(&["none-such*"]).cards().is_empty());
    }
}
