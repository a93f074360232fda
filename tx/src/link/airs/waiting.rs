//! How long the airs beside a busy one wait for it.

use std::time::{Duration, Instant};

/// Of each [`WINDOW`], the time others may wait for one air, however many frames it takes in between.
const SHORT: Duration = Duration::from_millis(20);
const WINDOW: Duration = Duration::from_millis(100);
/// An air that has taken nothing for so long is stuck, and loses its frame even where it is the only one.
const LONG: Duration = Duration::from_secs(1);

/// How much patience there is with a busy air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Others wait as well.
    Short,
    /// There is no other.
    Long,
}

/// What was waited for one air.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The running window, and how much of it was waited.
    window: Option<(Instant, Duration)>,
    /// Since when this frame waits, and when it was last tried.
    frame: Option<(Instant, Instant)>,
}

impl Waiting {
    /// The air is busy at `now`: whether its frame may wait longer.
    pub(super) fn may_wait(&mut self, patience: Patience, now: Instant) -> bool {
        let (since, tried) = self.frame.unwrap_or((now, now));
        let (began, waited) = self.window.unwrap_or((now, Duration::ZERO));
        let is_over = now.saturating_duration_since(began) >= WINDOW;
        let (began, waited) = if is_over { (now, Duration::ZERO) } else { (began, waited) };
        let waited = waited + now.saturating_duration_since(tried).min(WINDOW);
        (self.window, self.frame) = (Some((began, waited)), Some((since, now)));
        match patience {
            Patience::Short => waited < SHORT,
            Patience::Long => now.saturating_duration_since(since) < LONG,
        }
    }

    /// The frame was taken, or given up.
    pub(super) fn end(&mut self) {
        self.frame = None;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    /// How many of 100 tries, 1 ms apart, may wait; the air takes a frame after each `takes_after` busy tries.
    fn waits(patience: Patience, takes_after: u32) -> u32 {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        let tries = (0..100).filter(|at| {
            if at % takes_after == 0 {
                waiting.end();
            }
            waiting.may_wait(patience, start + STEP * *at)
        });
        u32::try_from(tries.count()).unwrap()
    }

    #[test]
    fn others_wait_for_an_air_a_fifth_of_the_time_and_no_longer() {
        assert_eq!(waits(Patience::Short, 100), 20);
        let slow = waits(Patience::Short, 19);
        assert!((20..=26).contains(&slow), "{slow} of 100: an air that takes a frame now and then holds nobody up");
    }

    #[test]
    fn an_only_air_is_waited_for_until_it_is_stuck() {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        assert!(waiting.may_wait(Patience::Long, start));
        assert!(waiting.may_wait(Patience::Long, start + LONG - STEP));
        assert!(!waiting.may_wait(Patience::Long, start + LONG));
    }
}
