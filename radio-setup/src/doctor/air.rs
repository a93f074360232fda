//! Listening and sending: what the cards hear of the link, and whether what they send leaves them.

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Result;
use skylark_common::wire::radiotap::TxRate;
use skylark_setup::diagnose::{self, Code, Finding, Link, Listened, Purpose, Severity};
use skylark_setup::drivers;
use skylark_setup::listen::card::{self, Card};
use skylark_setup::listen::inject::inject;
use skylark_setup::listen::scan::{self, Scan, Search};
use skylark_setup::listen::{Ear, Wanted};
use skylark_setup::machine::{Interface, Machine, Radio};
use skylark_setup::netlink::Kernel;

use super::said::Said;

/// How long every card is listened to on its own channel: six announces, or a session packet of WFB-NG.
const LISTEN: Duration = Duration::from_millis(600);
const LISTEN_WFB_NG: Duration = Duration::from_millis(1100);

/// What the doctor listens for, and with what right.
pub(super) struct Air<'a> {
    pub(super) machine: &'a Machine,
    pub(super) link: &'a Link,
    pub(super) wanted: Wanted,
    pub(super) purpose: Purpose,
    pub(super) end: Instant,
    pub(super) stop: &'a AtomicBool,
    /// Whether a card may be tuned away that another program uses.
    pub(super) may_disturb: bool,
}

impl Air<'_> {
    /// Listens on `names` and says what of the link is heard.
    ///
    /// # Errors
    /// The findings cannot be said.
    pub(super) fn listen(&self, names: &[String], said: &mut Said) -> Result<()> {
        let mut cards = Vec::new();
        for name in names {
            match Card::open(name, self.ear()) {
                Ok(card) => cards.push(card),
                Err(error) => said.say(self.unheard(name, &error))?,
            }
        }
        let outcomes = card::listen(&mut cards, self.time());
        let mut working = Vec::new();
        for (card, outcome) in cards.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => working.push(card),
                Err(error) => said.say(self.unheard(card.name(), &error))?,
            }
        }
        let mut cards = working;
        let mut listened: Vec<Listened> = cards.iter().map(|card| self.listened(card)).collect();
        if !listened.iter().any(|listened| listened.heard.has_link()) {
            self.search(&mut cards, &mut listened);
        }
        let findings = diagnose::hearing(self.machine, self.link, self.purpose, &listened);
        findings.into_iter().try_for_each(|finding| said.say(finding))
    }

    /// Sends on a card as the transmitter does, and adds to `findings` whether it leaves.
    pub(super) fn send(&self, name: &str, rate: TxRate, findings: &mut Vec<Finding>) {
        match Card::open(name, self.ear()).and_then(|mut card| inject(&mut card, rate)) {
            Ok(injected) => {
                let told = diagnose::injection(name, &injected, self.reports(name), self.purpose);
                diagnose::believe_injection(findings, &injected, told);
            }
            Err(error) => findings.push(self.unheard(name, &error)),
        }
    }

    /// Whether the card's driver reports frames it sent, where that is known.
    fn reports(&self, card: &str) -> Option<bool> {
        let (radio, _) = self.machine.interface(card)?;
        drivers::by_name(radio.driver.as_deref()?)?.reports_tx_status
    }

    /// Looks for the link on other channels with the first card that is free.
    fn search(&self, cards: &mut [Card], listened: &mut [Listened]) {
        let mut free = cards.iter_mut().zip(listened).filter_map(|(card, listened)| {
            let (radio, interface) = self.machine.interface(card.name())?;
            self.is_free(radio).then_some((card, listened, radio, interface))
        });
        let Some((card, listened, radio, interface)) = free.next() else { return };
        let Some(scan) = self.scan(card, radio, interface) else { return };
        match scan.found {
            // It began to send while other channels were listened to.
            Some((place, heard)) if listened.tuned == Some(place) => listened.heard = heard,
            _ => listened.scan = Some(scan),
        }
    }

    /// A radio has one channel for all of its interfaces.
    fn is_free(&self, radio: &Radio) -> bool {
        let is_used = radio.interfaces.iter().any(Interface::is_used);
        self.machine.permissions.net_admin && (self.may_disturb || !is_used)
    }

    fn scan(&self, card: &mut Card, radio: &Radio, interface: &Interface) -> Option<Scan> {
        let mut kernel = Kernel::open().ok()?;
        let channels = scan::channels(radio, interface.tuned?);
        let search = Search { interface, channels: &channels, end: self.end, stop: self.stop };
        Some(search.run(card, &mut kernel, || self.ear()))
    }

    fn listened(&self, card: &Card) -> Listened {
        let tuned = self.machine.interface(card.name()).and_then(|(_, interface)| interface.tuned);
        Listened { card: card.name().to_owned(), tuned, heard: card.ear().heard().clone(), scan: None }
    }

    fn ear(&self) -> Ear {
        Ear::new(self.wanted.clone())
    }

    const fn time(&self) -> Duration {
        match self.wanted {
            Wanted::Skylark(..) => LISTEN,
            Wanted::WfbNg(..) => LISTEN_WFB_NG,
        }
    }

    fn unheard(&self, card: &str, reason: &io::Error) -> Finding {
        let is_radio = self.machine.interface(card).is_some();
        let plug = format!("plug it in again, then run `skylark-setup up {card}`");
        Finding {
            code: Code::Listening,
            card: Some(card.to_owned()),
            severity: Severity::Fault,
            found: format!("{card} cannot be listened to ({reason})"),
            fix: Some(if is_radio { plug } else { format!("run `sudo ip link set {card} up`") }),
        }
    }
}
