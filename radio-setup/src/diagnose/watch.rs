//! The faults of cards while a program uses them.

use super::{Code, Finding, Purpose, card, faults, permissions};
use crate::machine::Machine;

/// Looks after the cards of a running program.
#[derive(Debug)]
pub struct Watch {
    cards: Vec<Card>,
    purpose: Purpose,
}

#[derive(Debug)]
struct Card {
    name: String,
    was_there: bool,
    leaves: bool,
}

impl Watch {
    /// Looks after cards of these names.
    #[must_use]
    pub fn new(cards: &[String], purpose: Purpose) -> Self {
        let mut watch = Self { cards: Vec::new(), purpose };
        watch.set_cards(cards);
        watch
    }

    /// Looks after cards of these names from here on.
    pub fn set_cards(&mut self, cards: &[String]) {
        self.cards.retain(|known| cards.contains(&known.name));
        for name in cards {
            if self.cards.iter().all(|known| known.name != *name) {
                self.cards.push(Card { name: name.clone(), was_there: false, leaves: false });
            }
        }
    }

    /// Takes note, for the next look, that `card` reported a frame as sent: then its region does not stop what it
    /// sends, whatever the rules say.
    pub fn frames_leave(&mut self, card: &str) {
        self.cards.iter_mut().filter(|known| known.name == card).for_each(|known| known.leaves = true);
    }

    /// What is wrong with the cards, faults only, of each card the root cause first.
    pub(crate) fn judge(&mut self, machine: &Machine) -> Vec<Finding> {
        let purpose = self.purpose;
        let of_cards = self.cards.iter_mut().flat_map(|card| card.judge(machine, purpose));
        let mut findings: Vec<Finding> = of_cards.collect();
        findings.push(permissions(machine.permissions, purpose));
        faults(findings)
    }
}

impl Card {
    fn judge(&mut self, machine: &Machine, purpose: Purpose) -> Vec<Finding> {
        let name = &self.name;
        let is_there = machine.interface(name).is_some();
        self.was_there |= is_there;
        if !is_there && self.was_there {
            let found = format!("{name} is gone");
            let fix = "plug it in again, and look at its cable and supply if nobody pulled it";
            return vec![Finding::fault(Code::Unplugged, Some(name), found, fix)];
        }
        // An interface that is no radio's was found good by the air that opened it: a tunnel of a test, say.
        if machine.other_interfaces.contains(name) {
            return Vec::new();
        }
        let mut findings = card(machine, name, purpose);
        findings.retain(|finding| !(self.leaves && finding.code == Code::Region));
        self.leaves = false;
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::Width;
    use super::super::tests::machine;
    use super::*;

    fn codes(watch: &mut Watch, machine: &Machine) -> Vec<Code> {
        watch.judge(machine).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_region_that_stops_nothing_is_no_fault() {
        let mut watch = Watch::new(&["wlan1".to_owned()], Purpose::Transmit { width: Width::Mhz20 });
        let mut machine = machine();
        machine.radios[0].channels.iter_mut().for_each(|channel| channel.no_ir = true);
        assert_eq!(codes(&mut watch, &machine), [Code::Region]);
        watch.frames_leave("wlan1");
        assert_eq!(codes(&mut watch, &machine), []);
        assert_eq!(codes(&mut watch, &machine), [Code::Region], "that was a second ago");
    }

    #[test]
    fn only_faults_are_reported_and_a_pulled_card_is_told_from_a_wrong_name() {
        let names = ["wlan1", "wlan9", "eth0"].map(str::to_owned);
        let mut watch = Watch::new(&names, Purpose::Receive);
        let mut machine = machine();
        assert_eq!(codes(&mut watch, &machine), [Code::NoSuchCard]);
        machine.radios[0].interfaces[0].up = false;
        assert_eq!(codes(&mut watch, &machine), [Code::Down, Code::NoSuchCard]);
        machine.radios.clear();
        machine.permissions.net_raw = false;
        assert_eq!(codes(&mut watch, &machine), [Code::Unplugged, Code::NoSuchCard, Code::Permissions]);
        watch.set_cards(&["wlan8", "wlan1"].map(str::to_owned));
        assert_eq!(codes(&mut watch, &machine), [Code::Unplugged, Code::NoSuchCard, Code::Permissions]);
    }
}
