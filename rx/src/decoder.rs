//! Access units in, pictures out, each with how far it can be trusted.

mod raw;

use std::collections::VecDeque;

use openh264::Error;

use crate::picture::Picture;
use crate::trust::{Quality, Trust};
use crate::unit::{Stamps, Unit};
use raw::{RawDecoder, RawPicture, Verdict};

/// How many units the decoder may hold back to put pictures in order: H.264 allows 16 (A.3.1, MaxDpbFrames).
const MAX_HELD_UNITS: usize = 16;

/// Decodes one stream from session to session.
#[derive(Debug)]
pub struct Decoder {
    raw: RawDecoder,
    trust: Trust,
    session: Option<u32>,
    started: bool,
    /// Units whose picture has not come out.
    held: VecDeque<Held>,
    stats: DecoderStats,
}

/// What a decoder did since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecoderStats {
    /// Units that came before the first keyframe or recovery point of their session.
    pub before_keyframe: u64,
    /// Units that gave no picture.
    pub without_picture: u64,
    /// How often the decoder had to be made anew.
    pub restarts: u64,
}

impl std::ops::Add for DecoderStats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            before_keyframe: self.before_keyframe + other.before_keyframe,
            without_picture: self.without_picture + other.without_picture,
            restarts: self.restarts + other.restarts,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Held {
    tag: u64,
    quality: Quality,
    stamps: Stamps,
}

impl Decoder {
    /// A decoder that waits for a keyframe or a recovery point.
    ///
    /// # Errors
    /// openh264 cannot be started: out of memory.
    pub fn new() -> Result<Self, Error> {
        let (trust, held, stats) = (Trust::default(), VecDeque::new(), DecoderStats::default());
        Ok(Self { raw: RawDecoder::new()?, trust, session: None, started: false, held, stats })
    }

    /// Decodes a unit; pictures that come out go to `take`, oldest first.
    ///
    /// # Errors
    /// openh264 cannot be started anew: out of memory.
    pub fn decode(&mut self, unit: &Unit, mut take: impl FnMut(Picture)) -> Result<(), Error> {
        if self.session.is_some_and(|session| session != unit.session) {
            self.restart()?;
        }
        self.session = Some(unit.session);
        let quality = self.trust.judge(unit);
        self.started |= unit.access_unit.keyframe || unit.access_unit.recovery_point().is_some();
        if !self.started {
            self.stats.before_keyframe += 1;
            return Ok(());
        }
        if unit.access_unit.is_empty() {
            self.stats.without_picture += 1;
            return Ok(());
        }
        self.hold(Held { tag: unit.number, quality, stamps: unit.stamps });
        let mut pictures = Vec::new();
        let verdict = self.raw.decode(&unit.access_unit.bytes, unit.number, |raw| pictures.push(copy(&raw, unit)));
        let is_news = match verdict {
            Verdict::Fine => false,
            Verdict::Concealed => self.trust.doubt(),
            Verdict::Faulty => self.trust.distrust(),
            Verdict::Broken => {
                self.restart()?;
                true
            }
        };
        if is_news {
            // What was held may refer to what was faulty.
            self.held.iter_mut().for_each(|held| held.quality = Quality::Concealed);
        }
        self.stats.without_picture += u64::from(pictures.is_empty());
        for (tag, picture) in pictures {
            take(self.tell(tag, picture));
        }
        Ok(())
    }

    /// What it did so far.
    pub fn stats(&self) -> DecoderStats {
        self.stats
    }

    fn hold(&mut self, held: Held) {
        if self.held.len() >= MAX_HELD_UNITS {
            self.held.pop_front();
        }
        self.held.push_back(held);
    }

    /// The picture with the story of the unit it was made of.
    fn tell(&mut self, tag: u64, picture: Picture) -> Picture {
        let found = self.held.iter().find(|held| held.tag == tag).copied();
        self.held.retain(|held| held.tag > tag);
        let Some(Held { quality, stamps, .. }) = found else { return picture };
        Picture { quality, stamps, ..picture }
    }

    fn restart(&mut self) -> Result<(), Error> {
        self.raw = RawDecoder::new()?;
        self.trust = Trust::default();
        self.started = false;
        self.held.clear();
        self.stats.restarts += 1;
        Ok(())
    }
}

/// The picture out of the decoder's memory, not trusted before its unit is found.
fn copy(raw: &RawPicture<'_>, unit: &Unit) -> (u64, Picture) {
    let [luma, blue, red] = raw.planes;
    let chroma = (raw.width.div_ceil(2), raw.height.div_ceil(2));
    let mut bytes = Vec::with_capacity(raw.width * raw.height + 2 * chroma.0 * chroma.1);
    for ((plane, stride), (width, height)) in [(luma, (raw.width, raw.height)), (blue, chroma), (red, chroma)] {
        let rows = plane.chunks(stride).take(height);
        rows.filter_map(|row| row.get(..width)).for_each(|row| bytes.extend_from_slice(row));
    }
    let picture =
        Picture { width: raw.width, height: raw.height, bytes, quality: Quality::Concealed, stamps: unit.stamps };
    (raw.tag, picture)
}

#[cfg(test)]
mod tests {
    use skylark_common::h264::AccessUnit;
    use skylark_common::h264::nal::first_mb_in_slice;

    use super::*;
    use crate::unit::tests::{REFRESHED, access_units, clip, unit};

    fn units() -> Vec<Unit> {
        (1..).zip(clip()).map(|(number, access_unit)| unit(number, access_unit)).collect()
    }

    fn decode(decoder: &mut Decoder, units: &[Unit]) -> Vec<Picture> {
        let mut pictures = Vec::new();
        units.iter().for_each(|unit| decoder.decode(unit, |picture| pictures.push(picture)).unwrap());
        pictures
    }

    fn count(pictures: &[Picture], quality: Quality) -> usize {
        pictures.iter().filter(|picture| picture.quality == quality).count()
    }

    /// The unit without the NAL unit at `index`.
    fn without(unit: &Unit, index: usize) -> Unit {
        let mut access_unit = AccessUnit::default();
        let nals = unit.access_unit.nal_units().enumerate();
        nals.filter(|(at, _)| *at != index).for_each(|(_, nal)| access_unit.push_nal(nal));
        Unit { access_unit, complete: false, ..unit.clone() }
    }

    #[test]
    fn a_whole_clip_gives_every_picture_at_once_and_good() {
        let units = units();
        let mut decoder = Decoder::new().unwrap();
        for unit in &units {
            let mut pictures = Vec::new();
            decoder.decode(unit, |picture| pictures.push(picture)).unwrap();
            assert_eq!(pictures.len(), 1, "unit {}", unit.number);
            assert_eq!(pictures[0].quality, Quality::Good, "unit {}", unit.number);
            assert_eq!(pictures[0].bytes.len(), pictures[0].width * pictures[0].height * 3 / 2);
        }
        assert_eq!(decoder.stats(), DecoderStats::default());
    }

    #[test]
    fn a_lost_slice_is_concealed_and_marked_until_the_next_keyframe() {
        let whole = units();
        let second_keyframe = whole.iter().skip(1).position(|unit| unit.access_unit.keyframe).unwrap() + 1;
        let slices = whole[5].access_unit.nal_units().count();
        for lost in 0..slices {
            let mut units = whole.clone();
            units[5] = without(&units[5], lost);
            let pictures = decode(&mut Decoder::new().unwrap(), &units);
            let marks: Vec<_> = pictures.iter().map(|picture| picture.quality).collect();
            let marked = count(&pictures, Quality::Concealed);
            assert!(pictures.len() >= units.len() - 1, "slice {lost}: {} pictures", pictures.len());
            assert!((second_keyframe - 6..=second_keyframe - 5).contains(&marked), "slice {lost}: {marked} marked");
            assert!(marks[..5].iter().all(|quality| *quality == Quality::Good));
            assert_eq!(marks.last(), Some(&Quality::Good));
        }
    }

    #[test]
    fn a_lost_slice_costs_its_stripe_of_the_picture_and_nothing_else() {
        let mut units = units();
        let whole = decode(&mut Decoder::new().unwrap(), &units);
        let first_rows: Vec<_> = units[5].access_unit.nal_units().filter_map(first_mb_in_slice).collect();
        assert_eq!(first_rows.len(), 4);
        units[5] = without(&units[5], 1);
        let damaged = &decode(&mut Decoder::new().unwrap(), &units)[5];
        // The loop filter reaches three pixels over a slice's edge (H.264 8.7).
        let row = |first_mb: u32| first_mb as usize * 16 / damaged.width * 16;
        let stripe = row(first_rows[1]) - 3..row(first_rows[2]) + 16 + 3;
        let rows = damaged.bytes.chunks(damaged.width).zip(whole[5].bytes.chunks(damaged.width));
        let wrong: Vec<_> = (0..damaged.height).zip(rows).filter(|(_, (a, b))| a != b).map(|(row, _)| row).collect();
        assert!(!wrong.is_empty() && wrong.iter().all(|row| stripe.contains(row)), "{stripe:?}: {wrong:?}");
    }

    #[test]
    fn a_unit_a_queue_dropped_is_not_shown_as_if_nothing_had_happened() {
        let mut units = units();
        units.remove(10);
        let pictures = decode(&mut Decoder::new().unwrap(), &units);
        assert!(pictures[..10].iter().all(|picture| picture.quality == Quality::Good));
        assert_eq!(pictures[10].quality, Quality::Concealed);
        assert_eq!(pictures.last().map(|picture| picture.quality), Some(Quality::Good));
    }

    #[test]
    fn a_unit_nobody_knows_to_be_missing_is_missed_by_its_frame_number() {
        let mut units = units();
        units.remove(10);
        (1..).zip(&mut units).for_each(|(number, unit)| unit.number = number);
        let pictures = decode(&mut Decoder::new().unwrap(), &units);
        assert_eq!(count(&pictures[..10], Quality::Good), 10);
        let second_keyframe = units.iter().skip(1).position(|unit| unit.access_unit.keyframe).unwrap() + 1;
        assert_eq!(count(&pictures[10..second_keyframe], Quality::Good), 0);
        assert_eq!(pictures.last().map(|picture| picture.quality), Some(Quality::Good));
    }

    #[test]
    fn a_keyframe_that_was_never_sent_is_missed_by_the_gap_before_what_refers_to_it() {
        let units = units();
        let second_keyframe = units.iter().skip(1).position(|unit| unit.access_unit.keyframe).unwrap() + 1;
        // Its frame number is the one that would follow the first keyframe: the decoder finds no fault.
        let mut orphan = Unit { number: 2, ..units[second_keyframe + 1].clone() };
        let mut qualities = |gap_before| {
            orphan.gap_before = gap_before;
            let pictures = decode(&mut Decoder::new().unwrap(), &[units[0].clone(), orphan.clone()]);
            pictures.iter().map(|picture| picture.quality).collect::<Vec<_>>()
        };
        assert_eq!(qualities(false), [Quality::Good; 2]);
        assert_eq!(qualities(true), [Quality::Good, Quality::Concealed]);
    }

    #[test]
    fn nothing_is_decoded_before_a_keyframe_and_after_another_session_began() {
        let mut decoder = Decoder::new().unwrap();
        let mut units = units();
        assert!(decode(&mut decoder, &units[3..8]).is_empty());
        assert_eq!(decoder.stats().before_keyframe, 5);
        assert_eq!(decode(&mut decoder, &units[..2]).len(), 2);
        units.iter_mut().for_each(|unit| unit.session = 2);
        assert!(decode(&mut decoder, &units[2..4]).is_empty());
        assert_eq!(count(&decode(&mut decoder, &units[..2]), Quality::Good), 2);
    }

    #[test]
    fn a_stream_that_is_refreshed_is_joined_at_any_recovery_point_and_good_after_it() {
        let units = refreshed();
        let whole = decode(&mut Decoder::new().unwrap(), &units);
        assert_eq!(count(&whole, Quality::Good), 90);
        let points: Vec<_> = (0..90).filter(|at| units[*at].access_unit.recovery_point().is_some()).collect();
        assert_eq!(points, [30, 60]);
        for point in points {
            let mut decoder = Decoder::new().unwrap();
            let joined = decode(&mut decoder, &units[point - 9..]);
            assert_eq!((decoder.stats().before_keyframe, joined.len()), (9, 90 - point));
            let first_good = joined.iter().position(|picture| picture.quality == Quality::Good).unwrap();
            let promised = units[point].access_unit.recovery_point().unwrap().frames;
            assert_eq!(first_good, usize::try_from(promised).unwrap());
            // Good means: what the encoder made.
            assert!(joined[first_good..].iter().zip(&whole[point + first_good..]).all(|(a, b)| a.bytes == b.bytes));
            assert_eq!(count(&joined, Quality::Concealed), first_good);
        }
    }

    #[test]
    fn a_loss_in_a_stream_that_is_refreshed_is_healed_by_the_next_whole_refresh() {
        let whole = decode(&mut Decoder::new().unwrap(), &refreshed());
        // The refreshes are done 18 pictures after 30 and 60; the second loss is in the middle of the first of them.
        for (damaged, slice, healed) in [(10, 1, 48), (35, 0, 78), (58, 3, 78)] {
            let mut units = refreshed();
            units[damaged] = without(&units[damaged], slice);
            let pictures = decode(&mut Decoder::new().unwrap(), &units);
            let good: Vec<_> = (0..90).filter(|at| pictures[*at].quality == Quality::Good).collect();
            assert_eq!(good, (0..damaged).chain(healed..90).collect::<Vec<_>>(), "picture {damaged}");
            assert!(good.iter().all(|at| pictures[*at].bytes == whole[*at].bytes), "picture {damaged}");
        }
    }

    #[test]
    fn a_hole_nobody_knows_of_is_missed_while_a_refresh_is_under_way_and_after_it() {
        let whole = decode(&mut Decoder::new().unwrap(), &refreshed());
        for (missing, healed) in [(35, 78), (50, 78)] {
            let mut units = refreshed();
            units.drain(..5);
            units.remove(missing - 5);
            (1..).zip(&mut units).for_each(|(number, unit)| unit.number = number);
            let pictures = decode(&mut Decoder::new().unwrap(), &units);
            let good = pictures.iter().rev().take_while(|picture| picture.quality == Quality::Good).count();
            assert_eq!(good, 90 - healed, "picture {missing}");
            assert!(pictures.iter().rev().zip(whole.iter().rev()).take(good).all(|(a, b)| a.bytes == b.bytes));
        }
    }

    fn refreshed() -> Vec<Unit> {
        (1..).zip(access_units(REFRESHED)).map(|(number, access_unit)| unit(number, access_unit)).collect()
    }

    #[test]
    fn a_stream_may_change_its_size_at_a_keyframe() {
        let gray = openh264::formats::YUVBuffer::new(64, 48);
        let mut encoder = openh264::encoder::Encoder::new().unwrap();
        let small = AccessUnit::from_annex_b(&encoder.encode(&gray).unwrap().to_vec());
        let mut decoder = Decoder::new().unwrap();
        let mut units = units();
        units.truncate(2);
        units.push(unit(3, small));
        let sizes: Vec<_> =
            decode(&mut decoder, &units).iter().map(|picture| (picture.width, picture.height)).collect();
        assert_eq!((sizes.len(), sizes[0], sizes[2]), (3, (320, 240), (64, 48)));
    }

    #[test]
    fn mutated_units_never_stop_the_decoder() {
        let whole = units();
        let mut decoder = Decoder::new().unwrap();
        // xorshift (Marsaglia 2003): any sequence will do, the same each time.
        let mut random = 0x9e37_79b9_u32;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            usize::try_from(random).unwrap()
        };
        for (number, unit) in (1..).zip(whole.iter().cycle().take(1500)) {
            let mut unit = Unit { number, ..unit.clone() };
            for _ in 0..next() % 4 {
                let bytes = &mut unit.access_unit.bytes;
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] ^= 1 << (next() % 8),
                    1 => bytes.truncate(at.max(6)),
                    _ => bytes.extend_from_within(at..),
                }
            }
            decoder.decode(&unit, |_| ()).unwrap();
        }
        let mut clean = whole;
        (10_000..).zip(&mut clean).for_each(|(number, unit)| unit.number = number);
        let pictures = decode(&mut decoder, &clean);
        assert_eq!(pictures.last().map(|picture| picture.quality), Some(Quality::Good));
    }
}
