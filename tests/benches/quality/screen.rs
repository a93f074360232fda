//! What is on the screen when, and what that comes to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skylark_rx::picture::Picture;
use skylark_rx::trust::Quality;

use crate::score::{Pair, Score, Scorer};
use crate::video::{INTERVAL, Video};

/// A picture that stands longer than this is a freeze.
const FREEZE: Duration = Duration::from_millis(100);

/// What is done with a damaged picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It is shown.
    Show,
    /// The last good one stands in its place, but no longer than this.
    Hold(Duration),
}

/// What a viewer saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Each source picture against its own decoded picture, or the one that stood in its place for good.
    pub(crate) decoded: Mean,
    /// Each source picture against what was on the screen in its turn: in the middle of the interval for which it
    /// usually stands there without loss.
    pub(crate) on_time: Mean,
    /// Share of turns in which an older picture was on the screen.
    pub(crate) late_percent: f64,
    /// Pictures that never came.
    pub(crate) missing: usize,
    /// Damaged pictures shown.
    pub(crate) damaged: usize,
    /// Pictures that stood for longer than 100 ms.
    pub(crate) freezes: usize,
    /// How long the longest stood.
    pub(crate) longest: Duration,
}

/// Mean scores.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    pub(crate) psnr_db: f64,
    pub(crate) ssim: f64,
}

/// A screen that shows the newest picture.
pub(crate) struct Screen<'a> {
    video: &'a Video<'a>,
    policy: Policy,
    scorer: Scorer,
    scores: BTreeMap<Pair, Score>,
    /// When the turn of the first picture is.
    first_turn: Instant,
    on_time: Vec<Pair>,
    decoded: Vec<Pair>,
    shown: Option<(usize, Instant, Picture)>,
    good_at: Instant,
    seen: Seen,
}

impl<'a> Screen<'a> {
    /// `usual_delay` is the time from a picture's capture until it is usually there without loss.
    pub(crate) fn new(video: &'a Video<'a>, policy: Policy, start: Instant, usual_delay: Duration) -> Self {
        let first_turn = start + usual_delay + INTERVAL / 2;
        let scorer = Scorer::start(video.clip);
        let (on_time, decoded, scores) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (shown, seen) = (None, Seen::default());
        Self { video, policy, scorer, scores, first_turn, on_time, decoded, shown, good_at: start, seen }
    }

    /// The decoder gives picture `number` at `at`.
    pub(crate) fn show(&mut self, number: usize, at: Instant, picture: Picture) {
        let good = picture.quality == Quality::Good;
        if good {
            self.good_at = at;
        }
        let hold = match self.policy {
            Policy::Show => Duration::ZERO,
            Policy::Hold(limit) => limit,
        };
        if !good && at < self.good_at + hold {
            return;
        }
        self.pass_turns_until(at);
        self.fill_until(number);
        self.seen.damaged += usize::from(!good);
        if let Some((_, since, _)) = &self.shown {
            self.note_standing(at - *since);
        }
        self.shown = Some((number, at, picture));
        self.fill_until(number + 1);
    }

    /// Nothing more comes. `end` is when the video ended.
    pub(crate) fn finish(mut self) -> Seen {
        let pictures = self.video.units.len();
        let end = self.first_turn + INTERVAL * u32::try_from(pictures).unwrap();
        self.pass_turns_until(end);
        self.fill_until(pictures);
        if let Some((_, since, _)) = &self.shown {
            self.note_standing(end.saturating_duration_since(*since));
        }
        self.scores.extend(self.scorer.finish());
        let is_late = |(source, shown): &&Pair| *shown == usize::MAX || shown < source;
        let late = self.on_time.iter().filter(is_late).count();
        let (decoded, on_time) = (mean(&self.scores, &self.decoded), mean(&self.scores, &self.on_time));
        let missing = self.decoded.iter().filter(|(source, shown)| source != shown).count() * self.video.stride;
        let late_percent = 100.0 * late as f64 / self.on_time.len() as f64;
        Seen { decoded, on_time, late_percent, missing, ..self.seen }
    }

    fn note_standing(&mut self, time: Duration) {
        self.seen.freezes += usize::from(time > FREEZE);
        self.seen.longest = self.seen.longest.max(time);
    }

    /// What stands on the screen is what is seen in all turns before `at`.
    fn pass_turns_until(&mut self, at: Instant) {
        let pictures = self.video.units.len();
        loop {
            let number = self.on_time.len() * self.video.stride;
            let turn = self.first_turn + INTERVAL * u32::try_from(number).unwrap();
            if number >= pictures || turn >= at {
                return;
            }
            let pair = self.pair(number);
            self.on_time.push(pair);
        }
    }

    /// What stands on the screen takes the place of all pictures before `number` that did not come.
    fn fill_until(&mut self, number: usize) {
        while self.decoded.len() * self.video.stride < number.min(self.video.units.len()) {
            let pair = self.pair(self.decoded.len() * self.video.stride);
            self.decoded.push(pair);
        }
    }

    /// Has the picture on the screen scored against this source picture.
    fn pair(&mut self, source: usize) -> Pair {
        let Some((number, _, picture)) = &self.shown else { return (source, usize::MAX) };
        let pair = (source, *number);
        if !self.scores.contains_key(&pair) {
            let clean = if source == *number { self.video.clean_score(source, &picture.bytes) } else { None };
            if clean.is_none() {
                self.scorer.push(pair, &self.video.clip.picture(source), &picture.bytes);
            }
            // Taken over by what the scorer says at the end.
            self.scores.insert(pair, clean.unwrap_or(Score { psnr_db: 0.0, ssim: 0.0 }));
        }
        pair
    }
}

/// Turns before the first picture do not count.
pub(crate) fn mean(scores: &BTreeMap<Pair, Score>, pairs: &[Pair]) -> Mean {
    let found: Vec<_> = pairs.iter().filter_map(|pair| scores.get(pair)).collect();
    let count = found.len().max(1) as f64;
    let psnr_db = found.iter().map(|score| score.psnr_db).sum::<f64>() / count;
    Mean { psnr_db, ssim: found.iter().map(|score| score.ssim).sum::<f64>() / count }
}
