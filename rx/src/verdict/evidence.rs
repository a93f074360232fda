//! What the last seconds say of one card.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::stats::CardStats;

use crate::report::{CardReport, sources};

/// What a verdict looks back on: longer than a fade.
const LENGTH: Duration = Duration::from_secs(2);
/// Looks kept, so that whoever looks more often than expected fills no memory.
const MAX_LOOKS: usize = 64;

/// The last seconds of a card.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Look>);

/// What was known of a card at one time.
#[derive(Debug)]
struct Look {
    at: Instant,
    stats: CardStats,
    dropped: u64,
}

/// What a card did within the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    /// What it is called.
    pub(super) name: String,
    /// What it is tuned to.
    pub(super) tuned: Option<String>,
    /// Source packets it heard.
    pub(super) heard: u64,
    /// Frames it brought, anybody's.
    pub(super) captured: u64,
    /// Of those, with a wrong FCS.
    pub(super) bad_fcs: u64,
    /// Of those, forged or repeated.
    pub(super) forged: u64,
    /// Frames the machine dropped.
    pub(super) dropped: u64,
    /// How far it was behind the first copy, at its best, where that is known throughout.
    pub(super) behind: Option<Duration>,
}

impl Window {
    /// Takes a look; returns what the window shows when it is full. A fault begins it anew.
    pub(super) fn look(&mut self, card: &CardReport, now: Instant) -> Option<Evidence> {
        if card.fault.is_some() {
            self.0.clear();
            return None;
        }
        self.0.push_back(Look { at: now, stats: card.stats.clone(), dropped: card.dropped_by_machine });
        let is_old = |look: &Look| now.saturating_duration_since(look.at) >= LENGTH;
        while self.0.len() > MAX_LOOKS || self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
        let Look { stats, dropped, .. } = self.0.front().filter(|first| is_old(first))?;
        let forged = |stats: &CardStats| stats.frames.forged + stats.frames.replayed;
        Some(Evidence {
            name: card.name.clone(),
            tuned: card.tuned.clone(),
            heard: sources(&card.stats).saturating_sub(sources(stats)),
            captured: card.stats.frames.captured.saturating_sub(stats.frames.captured),
            bad_fcs: card.stats.bad_fcs.saturating_sub(stats.bad_fcs),
            forged: forged(&card.stats).saturating_sub(forged(stats)),
            dropped: card.dropped_by_machine.saturating_sub(*dropped),
            behind: self.0.iter().skip(1).map(|look| look.stats.behind).min().flatten(),
        })
    }
}
