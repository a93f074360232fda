//! Cards that join while the link runs: plugged in, or set up, after the program's start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skylark_common::air::monitor::MonitorCapture;

use crate::airs::Wanted;
use crate::link::joining::Joining;
use crate::tell::tell;

/// How soon a card is tried again that could not be opened.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How soon one is that the link did not take: it takes those it has a place for within 100 ms.
const REFUSED_INTERVAL: Duration = Duration::from_secs(10);

/// Looks for cards that are wanted and not there yet.
#[derive(Debug)]
pub(crate) struct Newcomers {
    wanted: Wanted,
    joining: Arc<Joining>,
    /// Cards of this machine that were tried lately.
    tried: BTreeMap<String, Tried>,
}

#[derive(Debug)]
struct Tried {
    again_at: Instant,
    /// Why it could not be opened, as it was told.
    told: Option<String>,
}

impl Newcomers {
    /// Those that are `wanted` join through `joining`.
    pub(crate) fn new(wanted: Wanted, joining: Arc<Joining>) -> Self {
        Self { wanted, joining, tried: BTreeMap::new() }
    }

    /// Opens every card that is wanted and none of `airs`, and hands it over; opening one takes 20 to 35 ms, looking
    /// for some 0.1 ms.
    pub(super) fn look(&mut self, airs: &[String], now: Instant) {
        let there = self.wanted.cards();
        self.tried.retain(|card, _| there.contains(card));
        for card in there {
            let is_time = self.tried.get(&card).is_none_or(|tried| now >= tried.again_at);
            if is_time && !airs.contains(&card) {
                let tried = self.take_in(&card, now);
                self.tried.insert(card, tried);
            }
        }
    }

    fn take_in(&self, card: &str, now: Instant) -> Tried {
        let error = match MonitorCapture::open_for(self.wanted.dialect, card, now) {
            Ok(air) => {
                self.joining.join(Box::new(air));
                return Tried { again_at: now + REFUSED_INTERVAL, told: None };
            }
            Err(error) => error.to_string(),
        };
        if self.tried.get(card).is_none_or(|tried| tried.told.as_ref() != Some(&error)) {
            tell(&error);
        }
        Tried { again_at: now + RETRY_INTERVAL, told: Some(error) }
    }
}
