//! How often in a row the machine let a card down that should work, and why: a card may be on its way out once or
//! twice, but one that never lives is refused.

use std::time::{Duration, Instant};

/// So many failures in a row are a refusal, whatever the machine says of the interface.
const MOST_LOSSES: u32 = 5;
/// A socket that has lived for so long ends the row. With less, a card could be deaf half of the time unnoticed: it
/// takes 50 to 100 ms to open the next.
const LONG_LIFE: Duration = Duration::from_secs(2);

/// Sockets that failed or could not be opened while their interface was well.
#[derive(Debug, Default)]
pub(super) struct Losses {
    in_a_row: u32,
    /// Since when the socket lives, if there is one.
    opened: Option<Instant>,
    /// What the machine said the last time.
    reason: Option<String>,
}

impl Losses {
    /// A socket is open.
    pub(super) fn opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// The socket works.
    pub(super) fn lives(&mut self, now: Instant) {
        if self.opened.is_some_and(|opened| now >= opened + LONG_LIFE) {
            (self.in_a_row, self.reason) = (0, None);
        }
    }

    /// The socket failed, or could not be opened.
    pub(super) fn failed(&mut self, reason: String) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        (self.opened, self.reason) = (None, Some(reason));
    }

    /// Whether the card is refused.
    pub(super) fn are_too_many(&self) -> bool {
        self.in_a_row >= MOST_LOSSES
    }

    /// The machine's words about the last one.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use super::*;

    /// Sockets that live for so long and then fail, looked at every 100 ms; how many it takes to be refused.
    fn until_refused(life: Duration) -> Option<usize> {
        let (mut losses, mut now) = (Losses::default(), Instant::now());
        (1..=20).find(|_| {
            losses.opened(now);
            let end = now + life;
            while now < end {
                now += Duration::from_millis(100);
                losses.lives(now);
            }
            losses.failed("no memory".to_owned());
            losses.are_too_many()
        })
    }

    #[test]
    fn a_card_whose_sockets_keep_failing_soon_is_refused() {
        let lives = [0, 100, 200, 1900].map(Duration::from_millis);
        assert_eq!(lives.map(until_refused), [Some(5); 4]);
        assert_eq!([2000, 9000].map(Duration::from_millis).map(until_refused), [None; 2]);
    }

    #[test]
    fn it_is_taken_back_when_a_socket_has_lived_and_the_reason_is_known_until_then() {
        let (mut losses, now) = (Losses::default(), Instant::now());
        (0..9).for_each(|_| losses.failed("no memory".to_owned()));
        losses.lives(now + LONG_LIFE * 2);
        losses.opened(now);
        losses.lives(now + LONG_LIFE / 2);
        assert_eq!((losses.are_too_many(), losses.reason()), (true, Some("no memory")));
        losses.lives(now + LONG_LIFE);
        assert_eq!((losses.are_too_many(), losses.reason()), (false, None));
    }
}
