//! What `up` and `down` say: sentences to people, and lines of JSON where asked.

use std::fmt::Display;

use anyhow::Result;
use serde_json::{Value, json};
use skylark_setup::apply::Progress;
use skylark_setup::channel;
use skylark_setup::machine::{Machine, Tuned};
use skylark_setup::plan::{Step, Wanted, Warning};

use crate::report;

/// To whom is spoken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// To a program on stdout as well.
    pub(crate) json: bool,
}

impl Voice {
    /// A step that would be done.
    pub(super) fn planned(self, step: &Step) -> Result<()> {
        if self.json { self.line(&step_as_json("setup.planned", step)) } else { report::answer(&format!("{step}\n")) }
    }

    pub(crate) fn progress(self, progress: &Progress<'_>) {
        match progress {
            Progress::Begins(step) => {
                report::note(step);
                // A reader that has gone away must not stop what is half done.
                let _ = self.line(&step_as_json("setup.step", step));
            }
            Progress::LeftOut(step, error) => {
                report::warning(format_args!("left out: {step}: {error}"));
                let _ = self.line(&json!({"ev": "setup.left_out", "card": step.card, "error": error.to_string()}));
            }
        }
    }

    pub(super) fn warning(self, warning: &Warning) -> Result<()> {
        report::warning(warning);
        self.line(&json!({"ev": "setup.warning", "text": warning.to_string()}))
    }

    pub(super) fn dry_run_end(self, steps: usize, with_region: bool) {
        match steps {
            0 => report::note("Nothing to do: all is as wanted."),
            _ => report::note("Nothing was changed; without --dry-run it would be, in this order."),
        }
        if with_region {
            report::note("What the region allows on this channel is known only once it is in force.");
        }
    }

    /// A card is what was wanted.
    pub(super) fn is_up(self, machine: &Machine, wanted: &Wanted, left_out: usize) -> Result<()> {
        let Some((radio, interface)) = machine.interface(&wanted.card) else { return Ok(()) };
        let tuned = interface.tuned.unwrap_or(wanted.tuned);
        let region = machine.region_of(radio);
        let power = interface.power_mbm.map_or_else(String::new, |mbm| format!(", {} dBm", f64::from(mbm) / 100.0));
        report::note(format_args!("{} listens on {}{power}, region {region}.", wanted.card, spoken(tuned)));
        self.line(&json!({
            "ev": "setup.up", "card": wanted.card, "frequency_mhz": tuned.frequency_mhz,
            "center_mhz": tuned.center_mhz, "width_mhz": tuned.width.mhz(), "power_mbm": interface.power_mbm,
            "mtu_bytes": interface.mtu_bytes, "region": region.to_string(), "left_out": left_out,
        }))
    }

    /// What to do with cards that are up.
    pub(super) fn next(self, wanted: &[Wanted]) {
        let airs: Vec<String> = wanted.iter().map(|wanted| format!("--air {}", wanted.card)).collect();
        let airs = airs.join(" ");
        report::note(format_args!(
            "Next: `skylark-rx {airs}` on the ground, `skylark-tx {airs}` on the aircraft. `skylark-setup down` gives \
             back what was taken."
        ));
    }

    /// A card was given back.
    pub(crate) fn is_down(self, card: &str, how: impl Display, left_out: usize) -> Result<()> {
        report::note(format_args!("{card} {how}."));
        self.line(&json!({"ev": "setup.down", "card": card, "left_out": left_out}))
    }

    fn line(self, value: &Value) -> Result<()> {
        if self.json { report::answer(&format!("{value}\n")) } else { Ok(()) }
    }
}

fn step_as_json(event: &str, step: &Step) -> Value {
    let (from, to) = step.change.from_to();
    json!({"ev": event, "card": step.card, "what": step.change.what(), "from": from, "to": to})
}

fn spoken(tuned: Tuned) -> String {
    let frequency = tuned.frequency_mhz;
    let number = channel::number(frequency).map_or_else(String::new, |number| format!("channel {number}, "));
    format!("{number}{frequency} MHz, {} wide", tuned.width)
}
