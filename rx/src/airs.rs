//! Opens the airs the command line names, patterns of cards included.

use std::time::Instant;

use anyhow::{Result, ensure};
use skylark_common::air::CaptureAir;
use skylark_common::air::monitor::{self, MonitorCapture};
use skylark_common::air::pcap_file::{Pace, PcapCapture};
use skylark_common::air::udp::UdpCapture;
use skylark_common::options::AirTarget;
use skylark_rx::receiver::MAX_CARDS;

/// The airs of the program.
#[derive(Debug, Default)]
pub(crate) struct Airs {
    /// All, as they were given.
    pub(crate) all: Vec<Box<dyn CaptureAir>>,
    /// The names of the cards among them.
    pub(crate) cards: Vec<String>,
}

/// Opens all airs; without any, every card that is in monitor mode.
///
/// # Errors
/// One of them cannot be opened, there is no card, or there are more than a link holds.
pub(crate) fn open(targets: &[AirTarget], now: Instant) -> Result<Airs> {
    let mut airs = Airs::default();
    for target in targets {
        match target {
            AirTarget::Udp(address) => airs.all.push(Box::new(UdpCapture::bind(address)?)),
            // Recordings are always read in their own time; whose time that is, the link decides.
            AirTarget::Pcap(path) => airs.all.push(Box::new(PcapCapture::open(path, Pace::Recorded)?)),
            AirTarget::Monitor(written) => airs.add_cards(monitor::resolve(written)?, now)?,
        }
    }
    if targets.is_empty() {
        airs.add_cards(monitor::radios()?, now)?;
    }
    ensure!(airs.all.len() <= MAX_CARDS, "{} airs, expected at most {MAX_CARDS}: name fewer", airs.all.len());
    Ok(airs)
}

impl Airs {
    /// Adds the cards that are not there already.
    fn add_cards(&mut self, names: Vec<String>, now: Instant) -> Result<()> {
        for name in names {
            if !self.cards.contains(&name) {
                self.all.push(Box::new(MonitorCapture::open(&name, now)?));
                self.cards.push(name);
            }
        }
        Ok(())
    }
}
