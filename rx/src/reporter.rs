//! The report thread: four times a second it puts up what everything came to; once a second a line of
//! figures for machines; on stderr, only changes.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use skylark_common::queue::{Popped, Queue};

use crate::args::Args;
use crate::board::Board;
use crate::clock::{now, since_1970};
use crate::glass::said;
use crate::report::{Report, Reporting};
use crate::signal::{Names, Signal, State, Target};
use crate::stats_lines::StatsLines;
use crate::tell::tell;
use crate::wfb_stats::WfbStats;

/// A report is made this often.
const INTERVAL: Duration = Duration::from_millis(250);
/// Every how many reports a line is written.
const REPORTS_A_LINE: u32 = 4;
/// A signal that lasts less than this is not told.
const STEADY: Duration = Duration::from_millis(750);

/// Makes reports and tells them.
#[derive(Debug)]
pub(crate) struct Reporter {
    reporting: Reporting,
    lines: Option<StatsLines>,
    wfb_stats: WfbStats,
    title: String,
    telling: Telling,
}

/// What kind of signal there is: which link is heard, say, makes no other kind.
type Kind = Discriminant<Signal>;

/// Tells people of a signal once, when it has lasted.
#[derive(Debug, Default)]
struct Telling {
    told: Option<(Kind, String)>,
    pending: Option<(Kind, String, Instant)>,
}

impl Reporter {
    /// A reporter that writes its first line, which names the airs there are at the start.
    ///
    /// # Errors
    /// The file for the figures cannot be created, or their port is in use.
    pub(crate) fn new(args: &Args, names: &Names, airs: &[String]) -> Result<Self> {
        let lines = args.stats.as_ref().map(StatsLines::open).transpose()?;
        if let Some(lines) = &lines {
            lines.push("rx.start", &start(args, names, airs));
        }
        let wfb_stats = WfbStats::listen(&args.wfb_stats).context("--wfb-stats")?;
        let reporting = Reporting::new(names.clone(), args.wants_pictures(), now());
        Ok(Self {
            reporting,
            lines,
            wfb_stats,
            title: format!("Skylark {}", names.link_name),
            telling: Telling::default(),
        })
    }

    /// Reports until `ending` is closed, then writes the last line.
    pub(crate) fn run(mut self, board: &Board, ending: &Queue<()>) {
        for turn in 1.. {
            let popped = ending.pop_within(INTERVAL);
            let is_over = matches!(popped, Popped::Closed);
            let writes = is_over || turn % REPORTS_A_LINE == 0;
            if writes {
                self.reporting.set_ledger(board.ledger().take());
            }
            self.reporting.set_measured(board.measured(writes));
            let (report, now) = board.with(|seen| {
                let now = seen.standing.unwrap_or_else(now);
                (Arc::new(self.reporting.report(seen, now)), now)
            });
            board.put_report(Arc::clone(&report));
            let told = self.telling.observe(&report, now);
            let sentence = told.or_else(|| is_over.then(|| self.telling.last(&report)).flatten());
            sentence.iter().chain(&self.reporting.take_news()).for_each(|sentence| tell(sentence));
            if writes && let Some(lines) = &self.lines {
                lines.push(if is_over { "rx.end" } else { "rx.stats" }, &*report);
            }
            self.wfb_stats.admit(&self.title, &report);
            if turn % REPORTS_A_LINE == 0 {
                self.wfb_stats.send(&report, since_1970());
            }
            if is_over {
                report.measured.iter().flat_map(said::lines).for_each(|line| tell(&line));
                return;
            }
        }
    }
}

impl Telling {
    /// What to tell, if the signal has changed and stayed so.
    fn observe(&mut self, report: &Report, now: Instant) -> Option<String> {
        let (kind, sentence) = (discriminant(&report.signal.signal), sentence(report));
        if self.told.as_ref().is_some_and(|(_, told)| *told == sentence) {
            self.pending = None;
            return None;
        }
        // A change of kind is judged by kind, so that sentences that alternate cannot hide it.
        let is_same_kind = self.told.as_ref().is_some_and(|(told, _)| *told == kind);
        let since = match &self.pending {
            Some((pending, words, since)) if *pending == kind && (!is_same_kind || *words == sentence) => *since,
            _ => now,
        };
        // That all is well is told at once: whoever waits for it waits no longer.
        if report.signal.state != State::Good && now.saturating_duration_since(since) < STEADY {
            self.pending = Some((kind, sentence, since));
            return None;
        }
        self.told = Some((kind, sentence.clone()));
        self.pending = None;
        Some(sentence)
    }

    /// What to tell at the end: how things stand, if nothing has lasted long enough to be told.
    fn last(&self, report: &Report) -> Option<String> {
        self.told.is_none().then(|| sentence(report))
    }
}

fn sentence(report: &Report) -> String {
    let reason = &report.signal.reason;
    match report.signal.state {
        State::Good => format!("signal: {reason}"),
        State::Damaged => format!("damaged picture: {reason}"),
        State::Waiting | State::Frozen => format!("no picture: {reason}"),
        State::None => format!("no signal: {reason}"),
    }
}

fn start(args: &Args, names: &Names, airs: &[String]) -> Value {
    let (link_id, radio_port, key) = match &names.target {
        Target::Skylark { link, fingerprint } => (link.to_string(), None, Some(format!("{fingerprint:08x}"))),
        Target::WfbNg { channel, .. } => (format!("{:06x}", channel.link_id()), Some(channel.radio_port()), None),
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "dialect": names.target.dialect().name(),
        "link": names.link_name,
        "link_id": link_id,
        "radio_port": radio_port,
        "key": key,
        "airs": airs,
        "latency_budget_ms": args.latency_budget.as_millis(),
    })
}

#[cfg(test)]
mod tests {
    use skylark_common::wire::link::LinkId;

    use super::*;
    use crate::board::Seen;
    use crate::report::tests::{report, seen};
    use crate::stats_lines::Line;
    use crate::unit::tests::start;

    #[test]
    fn a_change_is_told_once_and_only_if_it_lasts() {
        let now = start();
        let mut telling = Telling::default();
        let (good, silent) = (report(&seen(now), now), report(&Seen::default(), now));
        assert_eq!(telling.observe(&good, now).as_deref(), Some("signal: pictures arrive"));
        assert_eq!(telling.observe(&good, now + STEADY), None);
        assert_eq!(telling.observe(&silent, now), None);
        assert_eq!(telling.observe(&good, now), None);
        assert_eq!(telling.observe(&silent, now), None);
        assert_eq!(telling.observe(&silent, now + STEADY / 2), None);
        let told = telling.observe(&silent, now + STEADY).unwrap();
        assert!(told.starts_with("no signal: nothing is heard"), "{told}");
        assert_eq!(telling.observe(&silent, now + 2 * STEADY), None);
    }

    #[test]
    fn two_reasons_of_a_kind_that_alternate_are_told_as_one() {
        let now = start();
        let mut telling = Telling::default();
        let other = |name: &str, at: Instant| {
            let mut seen = Seen::default();
            seen.rx.hearing.other_link = Some((at, LinkId::from_name(name)));
            report(&seen, at)
        };
        let times = (0..40).map(|turn| now + STEADY / 5 * turn);
        let told =
            times.zip(["a", "b"].into_iter().cycle()).filter_map(|(at, name)| telling.observe(&other(name, at), at));
        let told: Vec<String> = told.collect();
        assert!(told.len() == 1 && told[0].contains("only link"), "{told:?}");
    }

    #[test]
    fn a_line_says_first_what_it_is() {
        let now = start();
        let line = serde_json::to_string(&Line { ev: "rx.stats", told: &report(&seen(now), now) }).unwrap();
        assert!(line.starts_with(r#"{"ev":"rx.stats","t_ms":1000,"#), "{line}");
        assert!(line.contains(r#""rates":{"bits_per_s":8000000,"#), "{line}");
    }

    #[test]
    fn an_end_before_anything_has_lasted_says_how_things_stand() {
        let now = start();
        let mut telling = Telling::default();
        let (good, silent) = (report(&seen(now), now), report(&Seen::default(), now));
        assert_eq!(telling.observe(&silent, now), None);
        assert!(telling.last(&silent).unwrap().starts_with("no signal: nothing is heard"));
        telling.observe(&good, now);
        assert_eq!(telling.last(&silent), None);
    }
}
