//! The second mode of the meter: the window shows a changing code, the transmitter's camera films it, and the picture
//! comes back. One clock, any camera.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use skylark_common::ledger::Histogram;

use super::code::WindowCode;
use super::{Measured, Mode, Refused, Times, Unmeasured, Until, bars};

/// How long a code stays: three pictures of a camera at 30 a second, one of which shows it alone whatever the exposure.
pub(crate) const CODE_INTERVAL: Duration = Duration::from_millis(100);
/// Codes that are remembered: ten seconds of them, longer than any link takes.
const REMEMBERED: usize = 100;

/// Measures the time from window to camera to window.
#[derive(Debug)]
pub(crate) struct Round {
    run: u32,
    /// When which code came on the screen.
    shown: VecDeque<(u32, Instant)>,
    newest: Option<WindowCode>,
    /// The picture that was searched last: its number, and when it was shown.
    searched: Option<(u64, Instant)>,
    times: Times,
    intervals: Histogram,
    skipped: u64,
    repeated: u64,
    refused: Refused,
}

impl Round {
    /// A meter of the window whose codes have this run's number.
    pub(crate) fn new(run: u32) -> Self {
        Self {
            run,
            shown: VecDeque::with_capacity(REMEMBERED),
            newest: None,
            searched: None,
            times: Times::default(),
            intervals: Histogram::default(),
            skipped: 0,
            repeated: 0,
            refused: Refused::default(),
        }
    }

    /// The code the window begins with.
    pub(crate) const fn first_code(&self) -> WindowCode {
        WindowCode { run: self.run, number: 0 }
    }

    /// A code has come on the screen at `now`.
    pub(crate) fn handle_shown(&mut self, code: WindowCode, now: Instant) {
        if self.shown.len() >= REMEMBERED {
            self.shown.pop_front();
        }
        self.shown.push_back((code.number, now));
    }

    /// These codes were found in the picture of this number, which was shown at `now`. The window films itself, with the
    /// picture in it: the newest code is the one outside.
    pub(crate) fn handle_searched(&mut self, number: u64, found: &[WindowCode], now: Instant) {
        let before = self.searched.replace((number, now));
        let follows = before.filter(|(before, _)| before + 1 == number);
        if let Some((_, then)) = follows {
            self.intervals.record(now.saturating_duration_since(then));
        }
        let ours = found.iter().copied().filter(|code| code.run == self.run);
        let newest = ours.reduce(|a, b| if b.steps_after(a).is_some() { b } else { a });
        match self.judge(newest, follows.is_some() || before.is_none(), now) {
            Ok(Some(took)) => self.times.record(took),
            Ok(None) => self.repeated += 1,
            Err(why) => self.refused.add(why),
        }
    }

    /// What was measured so far.
    pub(super) fn measured(&self) -> Measured {
        let interval = self.intervals.summary();
        Measured {
            mode: Mode::Loop,
            until: Until::Shown,
            last_second: self.times.last_second,
            since_start: self.times.since_start.summary(),
            histogram: bars(&self.times.since_start),
            stages: None,
            resolution_us: (interval.count > 0).then_some(interval.p50_us),
            skipped: self.skipped,
            repeated: self.repeated,
            unmeasured: self.refused.count,
            why: self.refused.why,
        }
    }

    pub(super) fn end_second(&mut self) {
        self.times.end_second();
    }

    /// What the loop took, if this is the first picture with this code; whether the one before was `searched`, too.
    fn judge(
        &mut self,
        code: Option<WindowCode>,
        searched: bool,
        now: Instant,
    ) -> Result<Option<Duration>, Unmeasured> {
        let code = code.ok_or(Unmeasured::NoWindowCode)?;
        let before = self.newest;
        let steps = match before {
            Some(before) => code.steps_after(before),
            None => Some(1),
        };
        let Some(steps) = steps else { return Ok(None) };
        self.newest = Some(code);
        self.skipped += u64::from(steps - 1);
        let shown = self.shown.iter().find(|(number, _)| *number == code.number);
        let (_, shown) = shown.ok_or(Unmeasured::Forgotten)?;
        // The first code that is found may have been in the picture for a while.
        if !searched || before.is_none() {
            return Err(Unmeasured::NotSearched);
        }
        Ok(Some(now.saturating_duration_since(*shown)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::tests::start;

    const MS: Duration = Duration::from_millis(1);

    fn code(number: u32) -> WindowCode {
        WindowCode { run: 7, number }
    }

    #[test]
    fn the_first_picture_with_a_code_tells_what_the_loop_took() {
        let (start, mut round) = (start(), Round::new(7));
        (0..5).for_each(|number| round.handle_shown(code(number), start + MS * 100 * number));
        // 60 pictures a second, each showing what was on the screen 80 ms before.
        for picture in 0..30_u32 {
            let now = start + MS * 17 * picture;
            let found: Vec<_> = (now.checked_duration_since(start + MS * 80))
                .map(|filmed| code(u32::try_from(filmed.as_millis() / 100).unwrap()))
                .into_iter()
                .collect();
            round.handle_searched(picture.into(), &found, now);
        }
        let measured = round.measured();
        assert_eq!((measured.since_start.count, measured.skipped), (4, 0));
        assert!((80_000..97_000).contains(&measured.since_start.p50_us), "{measured:?}");
        assert_eq!(measured.resolution_us, Some(17_000));
        assert_eq!(measured.repeated, 30 - 5 - 5);
    }

    #[test]
    fn the_code_outside_counts_and_not_the_one_in_the_filmed_picture() {
        let (start, mut round) = (start(), Round::new(7));
        (0..3).for_each(|number| round.handle_shown(code(number), start + MS * 100 * number));
        round.handle_searched(1, &[code(1)], start + MS * 180);
        let other = WindowCode { run: 8, number: 99 };
        round.handle_searched(2, &[code(1), other, code(2), code(0)], start + MS * 250);
        assert_eq!(round.measured().since_start.max_us, 50_000);
    }

    #[test]
    fn what_cannot_be_measured_is_counted_and_says_why() {
        let (start, mut round) = (start(), Round::new(7));
        let mut refused = |number, found: &[WindowCode]| {
            round.handle_searched(number, found, start + MS * 50);
            round.measured().why
        };
        assert_eq!(refused(1, &[]), Some(Unmeasured::NoWindowCode));
        assert_eq!(refused(2, &[code(3)]), Some(Unmeasured::Forgotten));
        round.handle_shown(code(5), start);
        round.handle_searched(9, &[code(5)], start + MS * 50);
        let measured = round.measured();
        assert_eq!((measured.why, measured.unmeasured), (Some(Unmeasured::NotSearched), 3));
        assert_eq!((measured.skipped, measured.since_start.count), (1, 0));
    }

    #[test]
    fn the_meter_goes_on_when_numbers_begin_anew() {
        let (start, mut round) = (start(), Round::new(7));
        let mut shown = code(999_997);
        for picture in 0..6_u32 {
            let now = start + CODE_INTERVAL * picture;
            round.handle_shown(shown, now);
            // The filmed window shows the picture with the code before.
            let before = WindowCode { number: (shown.number + 999_999) % 1_000_000, ..shown };
            round.handle_searched(picture.into(), &[before, shown, before], now + MS * 40);
            shown = shown.next();
        }
        let measured = round.measured();
        assert_eq!((shown.number, measured.since_start.count), (3, 5));
        assert_eq!((measured.repeated, measured.skipped, measured.since_start.max_us), (0, 0, 40_000));
    }

    #[test]
    fn codes_are_forgotten_after_ten_seconds() {
        let (start, mut round) = (start(), Round::new(7));
        (0..200).for_each(|number| round.handle_shown(code(number), start + CODE_INTERVAL * number));
        assert_eq!(round.shown.len(), REMEMBERED);
    }
}
