//! Models of what an air loses, each seeded: the same seed loses the same frames.
//!
//! Independent loss, bursts and traces need only exact arithmetic and are the same on every machine; fades use
//! a logarithm, whose last bit is the machine's.

use std::time::{Duration, Instant};

use super::random::Random;
use super::trace::Trace;

/// Silence of so many fades and gaps after which a memoryless process is drawn afresh instead of walked.
const WALKED_CYCLES: u32 = 1000;

/// How a receiver loses frames, beyond those that are too weak for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Loss {
    /// It loses nothing.
    #[default]
    None,
    /// Each frame by itself.
    Independent {
        /// Share of frames lost, 0 to 1.
        share: f64,
    },
    /// Runs of consecutive frames (Gilbert 1960): however far apart in time, counted in frames.
    Bursts {
        /// Share of frames lost, 0 to 1.
        share: f64,
        /// Mean length of a run in frames, at least 1.
        mean_frames: f64,
    },
    /// Spells in time, exponentially distributed: whatever is on the air while one lasts may be lost.
    Fades {
        /// Share of frames lost over a long time, 0 to `inside`.
        share: f64,
        /// Mean length of a fade.
        mean: Duration,
        /// Share of frames lost inside a fade, 0 to 1.
        inside: f64,
    },
    /// A recorded pattern, one entry a frame, repeated from its start when it ends.
    Trace(Trace),
}

/// A loss model at work.
#[derive(Debug)]
pub(super) struct LossProcess {
    loss: Loss,
    random: Random,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No frame seen since the model was set.
    Fresh,
    /// Bursts: whether the last frame was lost.
    LastLost(bool),
    /// Fades: whether one is on, and until when this lasts.
    Until(bool, Instant),
    /// Trace: the next entry.
    Entry(usize),
}

impl LossProcess {
    pub(super) fn new(loss: Loss, random: Random) -> Self {
        Self { loss, random, state: State::Fresh }
    }

    /// Goes on with another model, and with the same random numbers.
    pub(super) fn set(&mut self, loss: Loss) {
        self.loss = loss;
        self.state = State::Fresh;
    }

    /// Whether the next frame, which ends at `at`, is lost. `at` never goes back.
    pub(super) fn loses(&mut self, at: Instant) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Independent { share } => self.random.chance(share),
            Loss::Bursts { share, mean_frames } => self.burst_loses(share, mean_frames),
            Loss::Fades { share, mean, inside } => self.fade_loses(share, mean, inside, at),
            Loss::Trace(ref trace) => {
                let State::Entry(entry) = self.state else {
                    self.state = State::Entry(1);
                    return trace.loses(0);
                };
                self.state = State::Entry(entry.wrapping_add(1));
                trace.loses(entry)
            }
        }
    }

    /// A burst goes on with 1 − 1/mean; the chance that one begins follows from the share.
    fn burst_loses(&mut self, share: f64, mean_frames: f64) -> bool {
        let chance = match self.state {
            State::LastLost(true) => 1.0 - 1.0 / mean_frames.max(1.0),
            State::LastLost(false) => share / (mean_frames.max(1.0) * (1.0 - share)),
            State::Fresh | State::Until(..) | State::Entry(_) => share,
        };
        let lost = self.random.chance(chance);
        self.state = State::LastLost(lost);
        lost
    }

    fn fade_loses(&mut self, share: f64, mean: Duration, inside: f64, at: Instant) -> bool {
        let faded_share = if share > 0.0 { (share / inside).clamp(0.0, 1.0) } else { 0.0 };
        let fade_us = (mean.as_secs_f64() * 1e6).max(1.0);
        let gap_us = (fade_us * (1.0 - faded_share) / faded_share.max(f64::MIN_POSITIVE)).clamp(1.0, 1e15);
        let walked = Duration::from_secs_f64((fade_us + gap_us) / 1e6).saturating_mul(WALKED_CYCLES);
        let known = match self.state {
            State::Until(fading, until) => Some((fading, until)),
            State::Fresh | State::LastLost(_) | State::Entry(_) => None,
        };
        let known = known.filter(|(_, until)| at.saturating_duration_since(*until) < walked);
        let (mut fading, mut until) = known.unwrap_or_else(|| self.drawn_fade(faded_share, fade_us, gap_us, at));
        while until <= at {
            fading = !fading;
            until += self.spell(if fading { fade_us } else { gap_us });
        }
        self.state = State::Until(fading, until);
        self.random.chance(if fading { inside } else { 0.0 })
    }

    /// Where a process without memory is at a time nothing is known about.
    fn drawn_fade(&mut self, faded_share: f64, fade_us: f64, gap_us: f64, at: Instant) -> (bool, Instant) {
        let fading = self.random.chance(faded_share);
        let spell = self.spell(if fading { fade_us } else { gap_us });
        (fading, at + spell)
    }

    /// A random spell, of at least 1 µs so that time moves on.
    fn spell(&mut self, mean_us: f64) -> Duration {
        Duration::from_secs_f64(self.random.exponential(mean_us).max(1.0) / 1e6)
    }
}
