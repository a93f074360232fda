//! Figures as the field's ground tools read them: lines of JSON over TCP, first `settings`, then `rx` and `tx`.
//!
//! Tools take their rates from the differences: each packet count is the pair of what came since the message before
//! and what came since the start.

use serde::Serialize;

/// Where the field's tools look for them on the ground.
pub const GROUND_PORT: u16 = 8103;
/// Where they look for them on the aircraft.
pub const AIRCRAFT_PORT: u16 = 8102;

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "settings")]
pub struct SettingsMessage {
    /// Which end this is: `gs` or `drone`.
    pub profile: &'static str,
    /// Whether several machines receive together.
    pub is_cluster: bool,
    /// The cards.
    pub wlans: Vec<String>,
    /// What is set.
    pub settings: Settings,
}

/// What is set, in the sections of the field's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// What all services have in common.
    pub common: CommonSettings,
}

/// What all services have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommonSettings {
    /// Time from message to message, in ms.
    pub log_interval: u64,
}

impl SettingsMessage {
    /// What is said at one end, with messages this far apart.
    #[must_use]
    pub const fn new(profile: &'static str, wlans: Vec<String>, log_interval: u64) -> Self {
        let settings = Settings { common: CommonSettings { log_interval } };
        Self { profile, is_cluster: false, wlans, settings }
    }
}

/// A count: since the message before, and since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count(pub u64, pub u64);

/// Makes a [`Count`] of a counter that may begin anew with each session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counter {
    seen: u64,
    total: u64,
}

impl Counter {
    /// The count, now that the counter stands at `seen`.
    pub const fn count(&mut self, seen: u64) -> Count {
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
