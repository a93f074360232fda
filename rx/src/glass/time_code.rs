//! The first mode of the meter: the test source draws the time of capture into its pictures, and both ends share a
//! clock.

use std::time::Instant;

use serde::Serialize;
use skylark_common::ledger::{Histogram, Summary};
use skylark_common::time_code::{Luma, TimeCode, TimeCodeError};

use super::{Measured, Mode, Refused, Times, Unmeasured, Until, bars};
use crate::clock::SharedClock;
use crate::picture::{Decoded, Picture};
use crate::trust::Quality;

/// How many stages there are.
const STAGES: usize = 6;

/// Measures pictures by their time codes.
#[derive(Debug)]
pub(crate) struct TimeCodes {
    until: Until,
    clock: SharedClock,
    times: Times,
    stages: [Histogram; STAGES],
    last_frame: Option<u32>,
    skipped: u64,
    repeated: u64,
    refused: Refused,
}

/// What each stage took, one beginning where the one before ended: their means add up to the mean of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Stages {
    /// From the time in the picture to that which travels in the packet: what lies before the transmitter.
    pub(crate) code_to_captured: Summary,
    /// Encoder, transmit queue and air.
    pub(crate) captured_to_heard: Summary,
    /// From a unit's first packet to its last, repairs included.
    pub(crate) heard_to_complete: Summary,
    /// In the decoder's queue.
    pub(crate) complete_to_decoding: Summary,
    /// In the decoder.
    pub(crate) decoding_to_decoded: Summary,
    /// Until it is on the screen; nothing where nothing is shown.
    pub(crate) decoded_to_shown: Summary,
}

impl TimeCodes {
    /// A meter that ends at `until`, on a clock that is the transmitter's too where they run on one machine.
    pub(crate) fn new(until: Until, clock: SharedClock) -> Self {
        Self {
            until,
            clock,
            times: Times::default(),
            stages: std::array::from_fn(|_| Histogram::default()),
            last_frame: None,
            skipped: 0,
            repeated: 0,
            refused: Refused::default(),
        }
    }

    /// Whether pictures are measured when they have been decoded, and not when they are shown.
    pub(crate) fn ends_at_decoder(&self) -> bool {
        self.until == Until::Decoded
    }

    /// A picture is where the measured way ends.
    pub(crate) fn handle_picture(&mut self, decoded: &Decoded, now: Instant) {
        match self.measure(decoded, now) {
            Ok(code) => self.count_frames(code.frame),
            Err(why) => self.refused.add(why),
        }
    }

    /// What was measured so far.
    pub(super) fn measured(&self) -> Measured {
        let [code, air, unit, queue, decoder, screen] = self.stages.each_ref().map(Histogram::summary);
        let stages = Stages {
            code_to_captured: code,
            captured_to_heard: air,
            heard_to_complete: unit,
            complete_to_decoding: queue,
            decoding_to_decoded: decoder,
            decoded_to_shown: screen,
        };
        Measured {
            mode: Mode::TimeCode,
            until: self.until,
            last_second: self.times.last_second,
            since_start: self.times.since_start.summary(),
            histogram: bars(&self.times.since_start),
            stages: Some(stages),
            resolution_us: None,
            skipped: self.skipped,
            repeated: self.repeated,
            unmeasured: self.refused.count,
            why: self.refused.why,
        }
    }

    pub(super) fn end_second(&mut self) {
        self.times.end_second();
    }

    fn measure(&mut self, decoded: &Decoded, now: Instant) -> Result<TimeCode, Unmeasured> {
        let picture = &decoded.picture;
        let stamps = picture.stamps;
        // Which clock the transmitter has decides before a code is looked for: without it none is of use.
        let captured = stamps.captured.ok_or(Unmeasured::NoSharedClock)?;
        let code = read(picture).map_err(|_| match picture.quality {
            Quality::Good => Unmeasured::NoTimeCode,
            Quality::Concealed => Unmeasured::Damaged,
        })?;
        if self.last_frame == Some(code.frame) {
            return Ok(code);
        }
        let drawn = self.clock.captured(code.captured_us, 0, now).ok_or(Unmeasured::Implausible)?;
        let passed = [drawn, captured, stamps.heard, stamps.complete, decoded.begun, decoded.at, now];
        for (stage, (from, to)) in self.stages.iter_mut().zip(passed.iter().zip(&passed[1..])) {
            stage.record(to.saturating_duration_since(*from));
        }
        self.times.record(now.saturating_duration_since(drawn));
        Ok(code)
    }

    /// A number that is lower than the one before is another source's.
    fn count_frames(&mut self, frame: u32) {
        match self.last_frame.map(|last| frame.checked_sub(last)) {
            Some(Some(0)) => self.repeated += 1,
            Some(Some(ahead)) => self.skipped += u64::from(ahead - 1),
            Some(None) | None => {}
        }
        self.last_frame = Some(frame);
    }
}

impl Stages {
    /// The sum of the means in µs.
    #[cfg(test)]
    pub(crate) fn sum_of_means_us(&self) -> u64 {
        self.means_us().iter().sum()
    }

    /// The means in µs, in their order.
    pub(crate) fn means_us(&self) -> [u64; STAGES] {
        let Self { code_to_captured, captured_to_heard, heard_to_complete, .. } = self;
        let Self { complete_to_decoding, decoding_to_decoded, decoded_to_shown, .. } = self;
        let first = [code_to_captured, captured_to_heard, heard_to_complete];
        let [a, b, c] = first.map(|summary| summary.mean_us);
        let [d, e, f] = [complete_to_decoding, decoding_to_decoded, decoded_to_shown].map(|summary| summary.mean_us);
        [a, b, c, d, e, f]
    }
}

fn read(picture: &Picture) -> Result<TimeCode, TimeCodeError> {
    let [luma, ..] = picture.planes();
    TimeCode::read(Luma { bytes: luma, stride: picture.width, width: picture.width, height: picture.height })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::picture::tests::plain;
    use crate::unit::Stamps;
    use crate::unit::tests::start;

    /// µs since 1970 at [`Rig::start`].
    const UNIX_US: u64 = 1_795_419_000_000_000;

    struct Rig {
        start: Instant,
        meter: TimeCodes,
    }

    impl Rig {
        fn new() -> Self {
            let start = start();
            let clock = SharedClock::for_test(start, Duration::from_micros(UNIX_US));
            Self { start, meter: TimeCodes::new(Until::Shown, clock) }
        }

        fn at(&self, us: u64) -> Instant {
            self.start + Duration::from_micros(us)
        }

        /// A picture of frame `frame` drawn at `drawn_us`, 0.1 ms before it was captured, heard after 12 ms more,
        /// complete after 3, taken by the decoder after 0.5, decoded after 2.
        fn picture(&self, frame: u32, drawn_us: u64) -> Decoded {
            let mut picture = plain(320, 240, [100, 128, 128]);
            let width = picture.width;
            let luma = width * picture.height;
            TimeCode { frame, captured_us: UNIX_US + drawn_us }.draw(&mut picture.bytes[..luma], width);
            let [captured, heard, complete, begun, at] =
                [100, 12_100, 15_100, 15_600, 17_600].map(|us| self.at(drawn_us + us));
            picture.stamps = Stamps { captured: Some(captured), heard, complete };
            Decoded { picture, begun, at }
        }

        fn show(&mut self, decoded: &Decoded, us: u64) {
            let now = self.at(us);
            self.meter.handle_picture(decoded, now);
        }
    }

    #[test]
    fn a_picture_is_as_old_as_its_code_says_and_the_stages_add_up_to_it() {
        let mut rig = Rig::new();
        for frame in 0..60 {
            let drawn_us = u64::from(frame) * 16_667;
            // Showing takes 1 to 60 ms: percentiles do not add up, means do.
            rig.show(&rig.picture(frame, drawn_us), drawn_us + 17_600 + u64::from(frame + 1) * 1000);
        }
        let measured = rig.meter.measured();
        assert_eq!((measured.since_start.count, measured.unmeasured, measured.skipped), (60, 0, 0));
        assert_eq!((measured.since_start.mean_us, measured.since_start.max_us), (48_100, 77_600));
        let stages = measured.stages.unwrap();
        assert_eq!(stages.means_us(), [100, 12_000, 3000, 500, 2000, 30_500]);
        assert_eq!(stages.sum_of_means_us(), measured.since_start.mean_us);
    }

    #[test]
    fn frames_that_were_left_out_or_came_again_are_counted() {
        let mut rig = Rig::new();
        for (frame, at) in [(5, 0), (6, 1), (6, 2), (9, 3), (0, 4), (1, 5)] {
            rig.show(&rig.picture(frame, at * 16_667), at * 16_667 + 20_000);
        }
        let measured = rig.meter.measured();
        assert_eq!((measured.skipped, measured.repeated, measured.since_start.count), (2, 1, 5));
    }

    #[test]
    fn what_cannot_be_measured_is_counted_and_says_why() {
        let mut rig = Rig::new();
        let good = rig.picture(1, 0);
        let with = |change: &dyn Fn(&mut Picture)| {
            let mut picture = good.picture.clone();
            change(&mut picture);
            Decoded { picture, ..good }
        };
        let blank = |picture: &mut Picture| picture.bytes.fill(128);
        for (decoded, why) in [
            (with(&blank), Unmeasured::NoTimeCode),
            (
                with(&|picture| {
                    blank(picture);
                    picture.quality = Quality::Concealed;
                }),
                Unmeasured::Damaged,
            ),
            (with(&|picture| picture.stamps.captured = None), Unmeasured::NoSharedClock),
            (rig.picture(2, 3_000_000), Unmeasured::Implausible),
        ] {
            rig.show(&decoded, 20_000);
            assert_eq!(rig.meter.measured().why, Some(why));
        }
        let measured = rig.meter.measured();
        assert_eq!((measured.unmeasured, measured.since_start.count), (4, 0));
        let sentence = serde_json::to_value(Unmeasured::NoSharedClock).unwrap();
        assert!(sentence.as_str().unwrap().contains("--measure-loop"));
    }

    /// What a meter says that has measured a picture.
    pub(crate) fn measured() -> Measured {
        let mut rig = Rig::new();
        rig.show(&rig.picture(1, 0), 30_000);
        rig.meter.end_second();
        rig.meter.measured()
    }
}
