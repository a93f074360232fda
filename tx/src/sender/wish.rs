//! A keyframe that is wished for after a unit was dropped: asked for until it comes.

use std::time::{Duration, Instant};

/// The next picture but one of a camera of 15 pictures/s is there after 133 ms, encoded and handed on after less than
/// this: what has not come then was not heard of.
const PATIENCE: Duration = Duration::from_millis(250);

/// Whether a keyframe is wished for, and what became of that so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wish {
    /// None is.
    #[default]
    Granted,
    /// One is, and nobody was asked for it yet.
    Silent,
    /// It was asked for.
    Asked(Instant),
    /// It does not come when asked for: what comes is better than nothing.
    Vain(Instant),
}

impl Wish {
    /// A unit was dropped.
    pub(super) fn begin(&mut self) {
        if *self == Self::Granted {
            *self = Self::Silent;
        }
    }

    /// A keyframe comes; whether it was wished for.
    pub(super) fn grant(&mut self) -> bool {
        std::mem::take(self) != Self::Granted
    }

    /// Whether what comes before the keyframe is not worth its airtime.
    pub(super) const fn holds_back(self) -> bool {
        matches!(self, Self::Silent | Self::Asked(_))
    }

    /// Whether it was asked for and did not come.
    pub(super) const fn is_vain(self) -> bool {
        matches!(self, Self::Vain(_))
    }

    /// Whether to ask for it: at once, and again when it does not come.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        match *self {
            Self::Silent => *self = Self::Asked(now),
            Self::Asked(at) | Self::Vain(at) if now.saturating_duration_since(at) >= PATIENCE => {
                *self = Self::Vain(now);
            }
            Self::Granted | Self::Asked(_) | Self::Vain(_) => return false,
        }
        true
    }
}
