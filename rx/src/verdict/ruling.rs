//! In what way a card is of no use, if it is.

use std::time::Duration;

use super::evidence::Evidence;

/// Fewer packets than this at the best card say nothing of who hears well.
const ENOUGH_PACKETS: u64 = 100;
/// Fewer frames than this are no habit.
const ENOUGH_FRAMES: u64 = 20;

/// In what way a card is of no use; in the order in which they are looked for, since the first explains the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The machine drops what it hears.
    Drops,
    /// It brings what nobody sent.
    Forges,
    /// It brings damaged frames and hardly any others.
    Damages,
    /// It hears next to nothing of what the best card hears.
    Deaf,
    /// It brings everything when it is of no use any more.
    Late,
}

/// What the evidence comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Nothing is to be heard: what was said of the card stands.
    Undecided,
    /// The card is of use.
    Useful,
    /// It is not.
    Useless(Kind),
}

/// Judges one card beside the `best`. `before` is what was said of it last: that is over only when it is much better.
pub(super) fn rule(own: &Evidence, best: &Evidence, before: Option<Kind>) -> Ruling {
    let limit = |kind, begins, ends| if before == Some(kind) { ends } else { begins };
    if own.dropped >= ENOUGH_FRAMES && own.dropped_permille() >= limit(Kind::Drops, 50, 20) {
        return Ruling::Useless(Kind::Drops);
    }
    if best.heard < ENOUGH_PACKETS {
        return if before == Some(Kind::Drops) { Ruling::Useful } else { Ruling::Undecided };
    }
    let forges = own.forged_permille() >= limit(Kind::Forges, 200, 100);
    if forges && own.forged >= ENOUGH_FRAMES && own.forged_permille() > 4 * best.forged_permille() {
        return Ruling::Useless(Kind::Forges);
    }
    let was_deaf = matches!(before, Some(Kind::Deaf | Kind::Damages));
    if permille(own.heard, best.heard) < if was_deaf { 200 } else { 100 } {
        let damages = permille(own.bad_fcs, best.heard) >= limit(Kind::Damages, 250, 125);
        return Ruling::Useless(if damages { Kind::Damages } else { Kind::Deaf });
    }
    let late = Duration::from_millis(limit(Kind::Late, 50, 25));
    if own.behind.is_some_and(|behind| behind >= late) { Ruling::Useless(Kind::Late) } else { Ruling::Useful }
}

impl Kind {
    /// What is wrong in one sentence, and what to look at.
    pub(super) fn sentence(self, own: &Evidence, best: &Evidence) -> String {
        let (name, other) = (&own.name, &best.name);
        match self {
            Self::Drops => {
                let percent = own.dropped_permille() / 10;
                format!("this machine drops {percent} % of what {name} hears: too busy, or its port too slow?")
            }
            Self::Forges => format!(
                "{} % of what {name} brings is forged or repeated: somebody disturbs the link there, or it is not to \
                 be trusted",
                own.forged_permille() / 10
            ),
            Self::Damages => {
                format!("{name} brings hardly anything but damaged frames: antenna, or too close to the transmitter?")
            }
            Self::Deaf if own.heard > 0 => {
                let percent = (own.heard * 100).div_ceil(best.heard.max(1));
                format!("{name} hears {percent} % of what {other} hears: antenna or driver?")
            }
            Self::Deaf => {
                let tuned = own.tuned.as_ref().map(|tuned| format!(", on {tuned}")).unwrap_or_default();
                if own.captured > 0 {
                    let what = format!("hears other frames and nothing of what {other} hears{tuned}");
                    return format!("{name} {what}: is that the transmitter's channel?");
                }
                format!("{name} hears nothing at all while {other} hears the link{tuned}: antenna, driver or channel?")
            }
            Self::Late => {
                let ms = own.behind.unwrap_or_default().as_millis();
                format!("{name} brings everything {ms} ms after the others: a slow port, hub or network?")
            }
        }
    }

    /// That it is over, in one sentence.
    pub(super) fn is_over(self, name: &str) -> String {
        match self {
            Self::Drops => format!("this machine keeps up with {name} again"),
            Self::Forges => format!("no more forgeries come from {name}"),
            Self::Damages | Self::Deaf => format!("{name} hears again"),
            Self::Late => format!("{name} is on time again"),
        }
    }
}

impl Evidence {
    fn dropped_permille(&self) -> u64 {
        permille(self.dropped, self.dropped + self.captured)
    }

    fn forged_permille(&self) -> u64 {
        permille(self.forged, self.captured)
    }
}

fn permille(part: u64, whole: u64) -> u64 {
    (part * 1000).checked_div(whole).unwrap_or(0)
}
