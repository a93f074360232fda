//! The list as people read it: a block for each card.

mod channels;

use skylark_setup::channel;
use skylark_setup::drivers::{Judged, Verdict, judge};
use skylark_setup::machine::{Bus, Driverless, Interface, Machine, Radio, Region};

use super::advice;

/// How the list is to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Columns of the terminal; 0 where there is none.
    pub(super) columns: usize,
    /// Whether verdicts have colours.
    pub(super) colour: bool,
}

/// Width where there is no terminal, and the bounds within which a terminal's is used.
const COLUMNS: usize = 100;
const NARROWEST: usize = 60;
const WIDEST: usize = 130;

/// What stands left of a card's lines.
const INDENT: &str = "  ";
const LABEL: usize = 8;

/// The whole list.
pub(super) fn list(machine: &Machine, style: Style, details: bool) -> String {
    let mut page = Page { style, text: String::new() };
    page.machine(machine);
    for radio in &machine.radios {
        page.radio(machine, radio, details);
    }
    for device in &machine.driverless {
        page.driverless(device);
    }
    page.text
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn machine(&mut self, machine: &Machine) {
        if machine.radios.is_empty() {
            let hint = if machine.driverless.is_empty() {
                "No WiFi card found, and no USB device that is known to be one. Is it plugged in? A card may appear \
                 on another USB port, or with more power; dmesg tells."
            } else {
                "No WiFi card found, but what is plugged in needs a driver."
            };
            self.paragraph("", hint);
            return;
        }
        let mut facts = vec![format!("Region {}", region(machine))];
        if !machine.default_routes.is_empty() {
            facts.push(format!("this machine's network goes through {}", machine.default_routes.join(", ")));
        }
        facts.extend(machine.has_network_manager.then(|| "NetworkManager runs".to_owned()));
        self.paragraph("", &format!("{}.", facts.join("; ")));
    }

    fn radio(&mut self, machine: &Machine, radio: &Radio, details: bool) {
        let judged = judge(radio);
        let names: Vec<_> = radio.interfaces.iter().map(|interface| interface.name.as_str()).collect();
        let names = if names.is_empty() { radio.name.clone() } else { names.join(", ") };
        self.heading(&names, judged.verdict, judged.reason);
        self.line("driver", &driver(radio));
        self.line("bands", &channels::summary(radio));
        for interface in &radio.interfaces {
            self.line(if radio.interfaces.len() == 1 { "state" } else { &interface.name }, &state(interface));
        }
        self.lines("users", &users(radio));
        self.lines("blocked", &blocked(radio));
        if details {
            self.known(&judged);
        }
        self.line("next", &advice::next(machine, radio, &judged));
    }

    fn known(&mut self, judged: &Judged) {
        let Some(known) = judged.known else { return };
        for need in known.needs {
            self.line("needs", need);
        }
        for trap in known.traps {
            self.line("mind", trap);
        }
        self.line("source", known.source);
    }

    fn driverless(&mut self, device: &Driverless) {
        let (vendor, product) = device.id;
        let name = device.product.as_deref().unwrap_or("WiFi card");
        self.heading(&format!("USB {vendor:04x}:{product:04x}"), Verdict::Unknown, &format!("{name}, without driver"));
        self.line("needs", &advice::install(device));
    }

    fn heading(&mut self, name: &str, verdict: Verdict, reason: &str) {
        let (on, off) = if self.style.colour { (colour(verdict), "\x1b[0m") } else { ("", "") };
        let bold = if self.style.colour { "\x1b[1m" } else { "" };
        let text = format!("\n{bold}{name}{off}  {on}{}{off}: ", plain(verdict));
        // Colours take no room.
        let column = name.chars().count() + 2 + plain(verdict).len() + 2;
        self.text.push_str(&text);
        self.wrapped(column, INDENT.len(), reason);
    }

    fn lines(&mut self, label: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.line(label, &texts.join("; "));
        }
    }

    fn line(&mut self, label: &str, text: &str) {
        let label = format!("{INDENT}{label:<LABEL$} ");
        self.text.push_str(&label);
        self.wrapped(label.chars().count(), INDENT.len() + LABEL + 1, text);
    }

    fn paragraph(&mut self, indent: &str, text: &str) {
        self.text.push_str(indent);
        self.wrapped(indent.len(), indent.len(), text);
    }

    /// Words from a column on, and on further lines from `hang` on.
    fn wrapped(&mut self, mut column: usize, hang: usize, text: &str) {
        let width = if self.style.columns == 0 { COLUMNS } else { self.style.columns.clamp(NARROWEST, WIDEST) };
        for (index, word) in text.split(' ').enumerate() {
            let length = word.chars().count();
            if index > 0 && column + 1 + length > width {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(hang));
                column = hang;
            } else if index > 0 {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += length;
        }
        self.text.push('\n');
    }
}

fn region(machine: &Machine) -> String {
    match (machine.region, machine.has_region_database) {
        (Region::WORLD, false) => "00 (the world: next to nothing may be sent at 5 GHz; for a country of its own \
                                   this machine needs the package wireless-regdb)"
            .to_owned(),
        (Region::WORLD, true) => "00 (the world: next to nothing may be sent at 5 GHz)".to_owned(),
        (region, _) => region.to_string(),
    }
}

fn driver(radio: &Radio) -> String {
    let driver = radio.driver.as_deref().unwrap_or("unknown");
    let mut parts = vec![driver.to_owned(), radio.name.clone()];
    // A simulated radio's bus has the name of its driver.
    parts.extend(Some(bus(&radio.bus)).filter(|bus| bus != driver));
    parts.extend(radio.own_region.map(|region| format!("keeps its own region {region}")));
    parts.join(", ")
}

fn bus(bus: &Bus) -> String {
    match bus {
        Bus::Usb { id: (vendor, number), product, speed_mbit_per_s, max_current_ma, .. } => {
            let mut parts = vec![format!("USB {vendor:04x}:{number:04x}")];
            parts.extend(product.clone());
            parts.extend(speed_mbit_per_s.map(|speed| format!("{speed} Mbit/s")));
            parts.extend(max_current_ma.map(|current| format!("up to {current} mA")));
            parts.join(", ")
        }
        Bus::Pci { id: (vendor, number) } => format!("PCI {vendor:04x}:{number:04x}"),
        Bus::Other(name) => name.clone(),
        Bus::Unknown => "bus unknown".to_owned(),
    }
}

fn state(interface: &Interface) -> String {
    let mut parts = vec![interface.mode.to_string(), if interface.up { "up" } else { "down" }.to_owned()];
    if let Some(tuned) = interface.tuned {
        let number = channel::number(tuned.frequency_mhz);
        parts.extend(number.map(|number| format!("channel {number}")));
        parts.push(tuned.to_string());
    }
    let power = interface.power_mbm.filter(|_| interface.up);
    parts.extend(power.map(|mbm| format!("{} dBm", f64::from(mbm) / 100.0)));
    parts.push(format!("MTU {}", interface.mtu_bytes));
    parts.extend(interface.joined.as_ref().map(|name| format!("joined {name}")));
    parts.join(", ")
}

fn users(radio: &Radio) -> Vec<String> {
    let mut users = Vec::new();
    for interface in &radio.interfaces {
        users.extend(interface.managed_by_network_manager.then(|| "NetworkManager".to_owned()));
        users.extend(interface.users.iter().map(|user| format!("{} (process {})", user.program, user.pid)));
        users.extend(interface.has_hidden_user.then(|| "a program of another user".to_owned()));
    }
    users.dedup();
    users
}

fn blocked(radio: &Radio) -> Vec<String> {
    let soft = radio.rfkill.soft.then(|| "by software (rfkill)".to_owned());
    let hard = radio.rfkill.hard.then(|| "by a switch or key".to_owned());
    soft.into_iter().chain(hard).collect()
}

const fn plain(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Works => "works",
        Verdict::Unknown => "not known",
        Verdict::ListensOnly => "listens only",
        Verdict::Useless => "not fit",
    }
}

/// Green, yellow, red of every terminal.
const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good | Verdict::Works => "\x1b[32m",
        Verdict::Unknown | Verdict::ListensOnly => "\x1b[33m",
        Verdict::Useless => "\x1b[31m",
    }
}

#[cfg(test)]
mod tests;
