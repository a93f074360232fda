//! What a relay says of itself: to viewers four times a second, to machines in a line a second, to people when it
//! changes.

use std::time::{Duration, Instant};

use crate::relay::{Forwarder, ForwarderStats, RelayId, RelayedLink};
use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use skylark_common::scheduling::Scheduling;

use crate::args::{OnAir, RelayArgs};
use crate::board::Seen;
use crate::clock::now;
use crate::stations::status::{CardStatus, MAX_CARDS, Status};
use crate::stats_lines::StatsLines;
use crate::tell::tell;

/// How often a line is written.
const LINE_INTERVAL: Duration = Duration::from_secs(1);
/// Nothing of this link for so long, while others are heard, is told.
const FOREIGN_PERIOD: Duration = Duration::from_secs(3);
/// What was heard longer ago than this says nothing about the present.
const RECENTLY: Duration = Duration::from_secs(1);

/// Tells how a relay fares.
#[derive(Debug)]
pub(super) struct Figures {
    name: String,
    lines: Option<StatsLines>,
    started: Instant,
    line_at: Instant,
    viewers: u64,
    last: Option<Seen>,
    /// What was counted when a frame of this link was last heard, and when.
    ours: (u64, Instant),
    told_foreign: bool,
    /// What is said then.
    foreign: String,
}

/// A line of figures.
#[derive(Debug, Serialize)]
struct Line<'a> {
    t_ms: u64,
    #[serde(flatten)]
    status: &'a Status,
    forwarder: ForwarderStats,
    messages_dropped: u64,
    scheduling: Option<Scheduling>,
}

impl Figures {
    /// Writes the first line.
    ///
    /// # Errors
    /// The file for the figures cannot be created.
    pub(super) fn open(args: &RelayArgs, name: &str, id: RelayId, airs: &[String]) -> Result<Self> {
        let lines = args.stats.as_ref().map(StatsLines::open).transpose()?;
        let version = env!("CARGO_PKG_VERSION");
        let start = json!({
            "version": version,
            "dialect": args.on_air.dialect.name(),
            "link": args.on_air.name(),
            "radio_port": radio_port(args.on_air.link()),
            "name": name,
            "id": id,
            "airs": airs,
        });
        lines.iter().for_each(|lines| lines.push("relay.start", &start));
        let (started, line_at) = (now(), now());
        let (foreign, ours) = (only_foreign(&args.on_air), (0, started));
        let name = name.to_owned();
        Ok(Self { name, lines, started, line_at, viewers: 0, last: None, ours, told_foreign: false, foreign })
    }

    /// Tells people and machines, and returns what viewers are told.
    pub(super) fn tell(&mut self, forwarder: &Forwarder, seen: &Seen, dropped: u64, now: Instant) -> Vec<u8> {
        let stats = forwarder.stats(now);
        if std::mem::replace(&mut self.viewers, stats.viewers) != stats.viewers {
            match stats.viewers {
                0 => tell("nobody watches: what is heard is forwarded to nobody"),
                1 => tell("one viewer watches"),
                several => tell(&format!("{several} viewers watch")),
            }
        }
        self.tell_foreign(&stats, now);
        let status = self.status(seen, now);
        self.last = Some(seen.clone());
        if now >= self.line_at {
            self.line_at += LINE_INTERVAL;
            self.write("relay.stats", &status, stats, dropped, now);
        }
        serde_json::to_vec(&status).unwrap_or_default()
    }

    /// Tells once when frames are heard and none of them is of this link.
    fn tell_foreign(&mut self, stats: &ForwarderStats, now: Instant) {
        let ours = stats.captured.saturating_sub(stats.foreign);
        if ours != self.ours.0 {
            (self.ours, self.told_foreign) = ((ours, now), false);
        }
        let lasts = now.saturating_duration_since(self.ours.1) >= FOREIGN_PERIOD;
        if lasts && stats.foreign > 0 && !std::mem::replace(&mut self.told_foreign, true) {
            tell(&self.foreign);
        }
    }

    /// Writes the last line.
    pub(super) fn end(&self, forwarder: &Forwarder, dropped: u64, now: Instant) {
        let status = self.last.as_ref().map(|seen| self.status(seen, now)).unwrap_or_default();
        self.write("relay.end", &status, forwarder.stats(now), dropped, now);
    }

    fn status(&self, seen: &Seen, now: Instant) -> Status {
        let card = |(number, name): (usize, &String)| CardStatus {
            name: name.clone(),
            fault: seen.fault(number, name),
            tuned: seen.card(name).and_then(|card| card.tuned.clone()),
            dropped_by_machine: seen.dropped_by_machine.get(number).copied().unwrap_or(0),
        };
        Status {
            name: self.name.clone(),
            cards: seen.airs.iter().enumerate().take(MAX_CARDS).map(card).collect(),
            hears_others: seen.other_traffic.is_some_and(|at| now.saturating_duration_since(at) <= RECENTLY),
        }
    }

    fn write(&self, ev: &'static str, status: &Status, forwarder: ForwarderStats, messages_dropped: u64, now: Instant) {
        let Some(lines) = &self.lines else { return };
        let t_ms = u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX);
        let scheduling = self.last.as_ref().and_then(|seen| seen.scheduling);
        lines.push(ev, &Line { t_ms, status, forwarder, messages_dropped, scheduling });
    }
}

/// The stream of the link; one of our own has no such numbers.
const fn radio_port(link: RelayedLink) -> Option<u8> {
    match link {
        RelayedLink::Skylark(_) => None,
        RelayedLink::WfbNg(channel) => Some(channel.radio_port()),
    }
}

/// What is said when frames are heard, and none of the link.
fn only_foreign(on_air: &OnAir) -> String {
    match on_air.link() {
        RelayedLink::Skylark(_) => {
            format!("frames are heard, and none of link {}: is --link the same at both ends?", on_air.link)
        }
        link @ RelayedLink::WfbNg(_) => {
            format!(
                "frames are heard, and none of wfb-ng link {link}: are --link-id and --radio-port those of its camera?"
            )
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line of a relay with a card.
    pub(crate) fn line() -> serde_json::Value {
        let status = Status { cards: vec![CardStatus::default()], ..Status::default() };
        let forwarder = ForwarderStats::default();
        let line = Line { t_ms: 1000, status: &status, forwarder, messages_dropped: 0, scheduling: None };
        serde_json::to_value(line).unwrap()
    }
}
