//! The glass-to-glass meter: reads from the pictures themselves how old they are when they are shown. Pure.

#[cfg(feature = "window")]
pub(crate) mod code;
#[cfg(feature = "window")]
pub(crate) mod finder;
#[cfg(feature = "window")]
pub(crate) mod round;
pub(crate) mod said;
pub(crate) mod time_code;

use serde::Serialize;
use skylark_common::ledger::{Histogram, Summary};

#[cfg(feature = "window")]
use round::Round;
use time_code::{Stages, TimeCodes};

/// A histogram has about so many bars: what a terminal shows at a glance.
const BARS: u64 = 12;

/// The meter, in the way it was asked for.
#[derive(Debug)]
pub(crate) enum Glass {
    /// By the time code that the test source draws into its pictures.
    TimeCodes(Box<TimeCodes>),
    /// By a code in the window that the camera films.
    #[cfg(feature = "window")]
    Round(Box<Round>),
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Measured {
    /// How.
    pub(crate) mode: Mode,
    /// Up to which point.
    pub(crate) until: Until,
    /// Over the last second; none when nothing was.
    pub(crate) last_second: Option<Summary>,
    /// Since the start.
    pub(crate) since_start: Summary,
    /// How often which time was measured since the start, the shortest first.
    pub(crate) histogram: Vec<Bar>,
    /// What the stages on the way of the same pictures took since the start, where their stamps are known.
    pub(crate) stages: Option<Stages>,
    /// How far a single time may be off by the interval of the pictures; none where that does not matter.
    pub(crate) resolution_us: Option<u64>,
    /// Codes that were never seen in a picture.
    pub(crate) skipped: u64,
    /// Pictures with the same code as one before.
    pub(crate) repeated: u64,
    /// Pictures that could not be measured.
    pub(crate) unmeasured: u64,
    /// Why the last of them could not.
    pub(crate) why: Option<Unmeasured>,
}

/// How it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// From the capture time in the picture.
    TimeCode,
    /// From window to camera and back.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "there is no window to film"))]
    Loop,
}

/// Where the measured way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Until {
    /// On the screen: presenting it has returned.
    Shown,
    /// Out of the decoder: nothing is shown.
    Decoded,
}

/// Why a picture could not be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unmeasured {
    /// No time code can be read though the picture is whole.
    #[serde(rename = "no time code in the picture: it is read from those of skylark-tx --input test")]
    NoTimeCode,
    /// No time code can be read, and something in the picture was filled in.
    #[serde(rename = "the time code is damaged: something in the picture was filled in")]
    Damaged,
    /// The transmitter runs elsewhere, or it is a recording.
    #[serde(rename = "the transmitter's clock is not this machine's: use --measure-loop")]
    NoSharedClock,
    /// The capture lies in the future or long ago.
    #[serde(
        rename = "the time code lies in the future or more than 10 s ago: was a clock set? Start both programs anew"
    )]
    Implausible,
    /// No code of this window can be read.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "there is no window to film"))]
    #[serde(rename = "no code of this window in the picture: point the camera at it, so that it fills the picture")]
    NoWindowCode,
    /// The code was shown longer ago than codes are remembered.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "there is no window to film"))]
    #[serde(rename = "the code in the picture was shown more than 10 s ago")]
    Forgotten,
    /// It is not known whether the picture before showed the code already.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "there is no window to film"))]
    #[serde(rename = "this machine was too slow to look for the code in the picture before")]
    NotSearched,
}

/// One bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Bar {
    /// From this time on,
    pub(crate) from_us: u64,
    /// and below this one; the last bar includes it.
    pub(crate) to_us: u64,
    /// so many.
    pub(crate) count: u64,
}

/// What was measured, over the last second and since the start.
#[derive(Debug, Default)]
struct Times {
    since_start: Histogram,
    running: Histogram,
    last_second: Option<Summary>,
}

/// Pictures that could not be measured.
#[derive(Debug, Clone, Copy, Default)]
struct Refused {
    count: u64,
    why: Option<Unmeasured>,
}

impl Glass {
    /// What was measured so far.
    pub(crate) fn measured(&self) -> Measured {
        match self {
            Self::TimeCodes(codes) => codes.measured(),
            #[cfg(feature = "window")]
            Self::Round(round) => round.measured(),
        }
    }

    /// A second is over.
    pub(crate) fn end_second(&mut self) {
        match self {
            Self::TimeCodes(codes) => codes.end_second(),
            #[cfg(feature = "window")]
            Self::Round(round) => round.end_second(),
        }
    }
}

impl Times {
    fn record(&mut self, took: std::time::Duration) {
        self.since_start.record(took);
        self.running.record(took);
    }

    fn end_second(&mut self) {
        self.last_second = Some(self.running.summary()).filter(|summary| summary.count > 0);
        self.running.clear();
    }
}

impl Refused {
    fn add(&mut self, why: Unmeasured) {
        self.count += 1;
        self.why = Some(why);
    }
}

/// The histogram in bars of an even width up to the 99th percentile; one more holds all beyond.
fn bars(histogram: &Histogram) -> Vec<Bar> {
    let Some((shortest, _)) = histogram.counts().next() else { return Vec::new() };
    let most = histogram.permille_us(990);
    let step = width(most.saturating_sub(shortest));
    let (first, beyond) = (shortest / step, most / step + 1);
    let mut bars: Vec<Bar> =
        (first..beyond).map(|at| Bar { from_us: at * step, to_us: (at + 1) * step, count: 0 }).collect();
    let mut rest = Bar { from_us: beyond * step, to_us: histogram.summary().max_us, count: 0 };
    for (us, count) in histogram.counts() {
        let place = usize::try_from(us / step - first).unwrap_or(usize::MAX);
        bars.get_mut(place).unwrap_or(&mut rest).count += u64::from(count);
    }
    bars.extend(Some(rest).filter(|rest| rest.count > 0));
    bars
}

/// The least of 0.1, 0.2, 0.5, 1, 2, 5 ms and so on that makes no more than [`BARS`] of `range_us`.
fn width(range_us: u64) -> u64 {
    let decades = std::iter::successors(Some(100_u64), |decade| decade.checked_mul(10));
    let mut widths = decades.flat_map(|decade| [1, 2, 5].map(|times| decade.saturating_mul(times)));
    widths.find(|width| range_us / width < BARS).unwrap_or(range_us.max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn histogram(times_us: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        times_us.into_iter().for_each(|us| histogram.record(Duration::from_micros(us)));
        histogram
    }

    #[test]
    fn bars_hold_every_time_once_and_outliers_do_not_flatten_them() {
        let times = (0..1000).map(|at| 20_000 + at * 10).chain([400_000, 900_000]);
        let bars = bars(&histogram(times));
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 1002);
        assert_eq!((bars[0].from_us, bars[0].to_us), (20_000, 21_000));
        assert!((95..=105).contains(&bars[0].count), "{bars:?}");
        assert_eq!(bars.last().map(|bar| (bar.to_us, bar.count)), Some((900_000, 2)));
        assert!(bars.len() <= 12, "{bars:?}");
    }

    #[test]
    fn a_histogram_of_nothing_or_of_one_time_has_no_bar_or_one() {
        assert_eq!(bars(&histogram([])), []);
        assert_eq!(bars(&histogram([7])), [Bar { from_us: 0, to_us: 100, count: 1 }]);
    }

    #[test]
    fn no_bar_ends_before_it_begins() {
        // 33 µs, then one time at each place a bucket of 1 ms and more may have it.
        for longest in (1000..60_000).step_by(7) {
            let bars = bars(&histogram(std::iter::repeat_n(33, 300).chain([longest])));
            assert!(bars.iter().all(|bar| bar.from_us <= bar.to_us), "{longest}: {bars:?}");
            assert!(bars.last().is_some_and(|bar| bar.count == 1 && bar.to_us == longest), "{longest}: {bars:?}");
        }
    }

    #[test]
    fn a_second_without_a_picture_is_told_as_that() {
        let mut times = Times::default();
        times.record(Duration::from_millis(3));
        times.end_second();
        assert_eq!(times.last_second.map(|summary| summary.max_us), Some(3000));
        times.end_second();
        assert_eq!((times.last_second, times.since_start.summary().count), (None, 1));
    }
}
