//! How long the pauses of a stream usually are: what is longer is a silence.

use std::time::{Duration, Instant};

/// A pause is no silence before.
const LEAST: Duration = Duration::from_millis(50);
/// A longer one is.
const MOST: Duration = Duration::from_secs(1);
/// The longest pause is forgotten by so many packets: some pictures of video.
const FORGOTTEN_BY: u32 = 256;

/// When packets came, and the longest pause between them lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    pause: Duration,
}

impl Pace {
    /// A packet came that had not been heard before.
    pub(super) fn heard(&mut self, now: Instant) {
        let pause = self.last.map(|last| now.saturating_duration_since(last)).unwrap_or_default();
        self.pause = pause.max(self.pause.saturating_sub(self.pause / FORGOTTEN_BY));
        self.last = Some(now);
    }

    /// Twice the longest pause lately, 50 ms to 1 s.
    pub(super) fn patience(&self) -> Duration {
        (2 * self.pause.min(MOST)).clamp(LEAST, MOST)
    }

    /// Since when it is silent, or from when on it will be: longer than pauses usually are, and than this. `None` if
    /// nothing was ever heard.
    pub(super) fn silent_from(&self, at_least: Duration) -> Option<Instant> {
        self.last.map(|last| last + self.patience().max(at_least))
    }

    /// Whether the last packet is longer ago than pauses usually are, and than this.
    pub(super) fn is_silent(&self, at_least: Duration, now: Instant) -> bool {
        self.silent_from(at_least).is_none_or(|from| from <= now)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    #[test]
    fn a_pause_between_pictures_is_no_silence() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        assert!(pace.is_silent(Duration::ZERO, start), "nothing was heard");
        let at = |ms| start + Duration::from_millis(ms);
        for picture in 0..20 {
            (0..30).for_each(|_| pace.heard(at(100 * picture)));
        }
        assert!(!pace.is_silent(Duration::ZERO, at(1900 + 120)));
        assert!(pace.is_silent(Duration::ZERO, at(1900 + 201)));
        assert!(!pace.is_silent(Duration::from_secs(3), at(1900 + 2999)));
        (0..2000).for_each(|n| pace.heard(at(2000 + n)));
        assert_eq!(pace.silent_from(Duration::ZERO), Some(at(3999) + LEAST));
        assert_eq!(pace.silent_from(MOST), Some(at(3999) + MOST));
    }
}
