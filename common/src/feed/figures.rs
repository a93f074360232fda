//! Figures as the field's tools read them: what is said first, and counts.
//!
//! Tools take their rates from the differences: each packet count is the pair of what came since the message before
//! and what came since the start.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::wfb_ng::key_file::End;

/// Time between messages: what the field's own programs have unless they are told otherwise.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "settings")]
pub struct SettingsMessage {
    profile: &'static str,
    is_cluster: bool,
    wlans: Vec<String>,
    settings: Settings,
}

/// What is set, in the sections of the field's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Settings {
    common: CommonSettings,
}

/// What all services have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CommonSettings {
    /// Time from message to message, in ms.
    log_interval: u64,
}

impl SettingsMessage {
    /// What this end says, with these cards, where messages are [`INTERVAL`] apart.
    #[must_use]
    pub fn new(end: End, wlans: Vec<String>) -> Self {
        let profile = match end {
            End::Drone => "drone",
            End::Ground => "gs",
        };
        let settings = Settings { common: CommonSettings { log_interval: interval_ms() } };
        Self { profile, is_cluster: false, wlans, settings }
    }
}

/// [`INTERVAL`] in ms.
pub(super) fn interval_ms() -> u64 {
    u64::try_from(INTERVAL.as_millis()).unwrap_or(u64::MAX)
}

/// A count: since the message before, and since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count(u64, u64);

/// Makes [`Count`]s of named counters, each of which may begin anew with a session.
#[derive(Debug, Clone, Default)]
pub struct Counters(BTreeMap<&'static str, Counter>);

#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    seen: u64,
    total: u64,
}

impl Counters {
    /// The counts, as the counters stand.
    pub fn count(&mut self, seen: impl IntoIterator<Item = (&'static str, u64)>) -> BTreeMap<&'static str, Count> {
        seen.into_iter().map(|(name, seen)| (name, self.0.entry(name).or_default().count(seen))).collect()
    }
}

impl Counter {
    /// The count, as the counter stands at `seen`.
    const fn count(&mut self, seen: u64) -> Count {
        let since = match seen.checked_sub(self.seen) {
            Some(since) => since,
            None => seen,
        };
        self.seen = seen;
        self.total = self.total.saturating_add(since);
        Count(since, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_begins_anew_never_counts_back() {
        let mut counters = Counters::default();
        let counts = [0, 5, 7, 2, 2].map(|seen| counters.count([("all", seen)])["all"]);
        assert_eq!(counts, [Count(0, 0), Count(5, 5), Count(2, 7), Count(2, 9), Count(0, 9)]);
    }

    #[test]
    fn what_is_said_first_names_the_end_and_its_cards() {
        let said = |end| serde_json::to_string(&SettingsMessage::new(end, vec!["wlan1".to_owned()])).unwrap();
        let rest = r#""is_cluster":false,"wlans":["wlan1"],"settings":{"common":{"log_interval":1000}}}"#;
        for (end, profile) in [(End::Drone, "drone"), (End::Ground, "gs")] {
            assert_eq!(said(end), format!(r#"{{"type":"settings","profile":"{profile}",{rest}"#));
        }
    }
}
