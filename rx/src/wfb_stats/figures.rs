//! Figures as the field's ground tools read them: what is said first, and counts.
//!
//! Tools take their rates from the differences: each packet count is the pair of what came since the message before
//! and what came since the start.

use serde::Serialize;

/// What the field calls the ground station.
const GROUND: &str = "gs";

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "settings")]
pub(super) struct SettingsMessage {
    /// Which end this is.
    pub(super) profile: &'static str,
    /// Whether several machines receive together.
    pub(super) is_cluster: bool,
    /// The cards.
    pub(super) wlans: Vec<String>,
    /// What is set.
    pub(super) settings: Settings,
}

/// What is set, in the sections of the field's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Settings {
    /// What all services have in common.
    pub(super) common: CommonSettings,
}

/// What all services have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CommonSettings {
    /// Time from message to message, in ms.
    pub(super) log_interval: u64,
}

impl SettingsMessage {
    /// What is said on the ground, with messages this far apart.
    pub(super) const fn new(wlans: Vec<String>, log_interval: u64) -> Self {
        let settings = Settings { common: CommonSettings { log_interval } };
        Self { profile: GROUND, is_cluster: false, wlans, settings }
    }
}

/// A count: since the message before, and since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count(u64, u64);

/// Makes a [`Count`] of a counter that may begin anew with each session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counter {
    seen: u64,
    total: u64,
}

impl Counter {
    /// The count, now that the counter stands at `seen`.
    pub(super) const fn count(&mut self, seen: u64) -> Count {
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
        let mut counter = Counter::default();
        let counts = [0, 5, 7, 2, 2].map(|seen| counter.count(seen));
        assert_eq!(counts, [Count(0, 0), Count(5, 5), Count(2, 7), Count(2, 9), Count(0, 9)]);
    }
}
