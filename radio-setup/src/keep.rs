//! Looks after the cards of a program that runs: sets a card up again that was unplugged and has come back, and
//! finds out what is wrong with one that neither hears nor sends.

use std::fs;
use std::time::{Duration, Instant};

use crate::channel;
use crate::diagnose::{Finding, Purpose, Watch};
use crate::drivers;
use crate::machine::{Machine, Tuned};
use crate::netlink::KernelError;
use crate::probe;
use crate::restore::{Restored, restore};

/// ARPHRD number of an interface in monitor mode (Linux `if_arp.h`).
const MONITOR: &str = "803";
/// How soon what has failed is tried again. A try reads everything about the machine.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The interface is up (Linux `if.h`).
const IFF_UP: u32 = 1;

/// Looks after some cards.
#[derive(Debug)]
pub struct Keeper {
    cards: Vec<Card>,
    watch: Watch,
}

/// What was found out about a card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Its name.
    pub card: String,
    /// What is wrong with it, and what to do.
    pub fault: Option<Finding>,
    /// What it is tuned to: `channel 149 (5745 MHz, 20 MHz wide)`.
    pub tuned: Option<String>,
    /// Whether it has heard frames, of whomever, since the look before.
    pub hears: bool,
    /// Whether its driver is known to report every frame that was sent.
    pub reports_sent: bool,
}

impl Look {
    /// Whether what is wrong with it makes every injected frame vanish.
    #[must_use]
    pub fn stops_sending(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.code.stops_sending())
    }
}

#[derive(Debug)]
struct Card {
    name: String,
    /// The interface it was, and whether it may need to be set up again: one that has come back, or of which that
    /// failed. What is at work from the start is as its user wants it.
    index: Option<String>,
    is_pending: bool,
    /// No try before this.
    retry_at: Option<Instant>,
    /// Why it could not be set up again, as it was told last.
    told: Option<String>,
    /// Frames its interface has received.
    received: u64,
}

impl Keeper {
    /// Looks after `cards`, interfaces in monitor mode, that are used for `purpose`.
    #[must_use]
    pub fn new(cards: &[String], purpose: Purpose) -> Self {
        Self { cards: cards.iter().map(|name| Card::new(name)).collect(), watch: Watch::new(cards, purpose) }
    }

    /// Looks after `cards` from here on; what is known of those it has looked after goes on.
    pub fn set_cards(&mut self, cards: impl IntoIterator<Item = String>) {
        let cards: Vec<String> = cards.into_iter().collect();
        self.cards.retain(|known| cards.contains(&known.name));
        for name in &cards {
            if self.cards.iter().all(|known| known.name != *name) {
                self.cards.push(Card::new(name));
            }
        }
        self.watch.set_cards(&cards);
    }

    /// Sets cards up again that have come back, as `skylark-setup up` did; returns what people should be told.
    /// Costs three short reads a card while all is well: call it several times a second.
    pub fn restore(&mut self, now: Instant) -> Vec<String> {
        self.cards.iter_mut().filter_map(|card| card.tend(now)).collect()
    }

    /// Takes note, for the next look, that `card` reported a frame as sent: its region does not stop it, then.
    pub fn frames_leave(&mut self, card: &str) {
        self.watch.frames_leave(card);
    }

    /// Looks at every card, first those looked after for longest; asks the kernel for all radios once.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn look(&mut self) -> Result<Vec<Look>, KernelError> {
        let machine = probe::machine()?;
        let findings = self.watch.judge(&machine);
        Ok(self.cards.iter_mut().map(|card| card.look(&machine, &findings)).collect())
    }
}

impl Card {
    fn new(name: &str) -> Self {
        let (is_pending, retry_at, told) = (false, None, None);
        Self { name: name.to_owned(), index: index(name), is_pending, retry_at, told, received: received(name) }
    }

    fn tend(&mut self, now: Instant) -> Option<String> {
        let index = index(&self.name);
        if index != self.index {
            (self.is_pending, self.retry_at) = (true, None);
            self.index = index;
        }
        self.is_pending |= !is_at_work(&self.name);
        let is_time = self.retry_at.is_none_or(|at| now >= at);
        if self.index.is_none() || !self.is_pending || !is_time {
            return None;
        }
        self.restore(now)
    }

    fn restore(&mut self, now: Instant) -> Option<String> {
        let outcome = match restore(&self.name) {
            Ok(restored) => {
                self.is_pending = restored == Restored::Busy;
                self.retry_at = (restored == Restored::NothingToDo).then(|| now + RETRY_INTERVAL);
                if restored != Restored::SetUp {
                    return None;
                }
                self.told = None;
                return Some(format!("{} is back, and set up as before", self.name));
            }
            Err(error) => error.to_string(),
        };
        self.retry_at = Some(now + RETRY_INTERVAL);
        let is_told = self.told.as_ref() == Some(&outcome);
        self.told = Some(outcome.clone());
        (!is_told).then_some(outcome)
    }

    fn look(&mut self, machine: &Machine, findings: &[Finding]) -> Look {
        let received = received(&self.name);
        let hears = std::mem::replace(&mut self.received, received) != received;
        let found = machine.interface(&self.name);
        let driver = found.and_then(|(radio, _)| drivers::by_name(radio.driver.as_deref()?));
        let fault = findings.iter().find(|finding| finding.card.as_ref() == Some(&self.name));
        Look {
            card: self.name.clone(),
            fault: fault.cloned(),
            tuned: found.and_then(|(_, interface)| interface.tuned).map(describe),
            hears,
            reports_sent: driver.is_some_and(|driver| driver.reports_tx_status == Some(true)),
        }
    }
}

fn describe(tuned: Tuned) -> String {
    match channel::number(tuned.frequency_mhz) {
        Some(number) => format!("channel {number} ({tuned})"),
        None => tuned.to_string(),
    }
}

fn index(card: &str) -> Option<String> {
    attribute(card, "ifindex")
}

fn is_monitor(card: &str) -> bool {
    attribute(card, "type").is_some_and(|found| found == MONITOR)
}

fn is_at_work(card: &str) -> bool {
    let flags = attribute(card, "flags");
    let flags = flags.as_deref().and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    is_monitor(card) && flags.is_some_and(|flags| flags & IFF_UP != 0)
}

fn received(card: &str) -> u64 {
    attribute(card, "statistics/rx_packets").and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// What sysfs says of an interface.
fn attribute(card: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/sys/class/net/{card}/{name}")).ok()?;
    Some(text.trim().to_owned())
}
