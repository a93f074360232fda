//! A clip encoded once: its access units, and what a decoder makes of them when nothing is lost.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use skylark_common::h264::AccessUnit;
use skylark_rx::decoder::Decoder;
use skylark_rx::unit::{Stamps, Unit};
use skylark_tx::encoder::{Encoder, EncoderSettings, Keyframe};

use crate::clip::Clip;
use crate::score::{Score, Scorer};

/// Time from picture to picture.
pub(crate) const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// An encoded clip.
pub(crate) struct Video<'a> {
    pub(crate) clip: &'a Clip,
    pub(crate) units: Vec<AccessUnit>,
    /// One in so many pictures is scored.
    pub(crate) stride: usize,
    /// What each picture comes to without loss: its hash, and, where it is scored, its score.
    clean: Vec<(u64, Option<Score>)>,
}

impl<'a> Video<'a> {
    /// The first `pictures` of the clip as the transmitter's own encoder makes them.
    pub(crate) fn encoded(
        clip: &'a Clip,
        pictures: usize,
        bits_per_s: u32,
        keyframe_interval: Duration,
    ) -> Vec<AccessUnit> {
        let settings = EncoderSettings { bits_per_s, pictures_per_s: 60, keyframe_interval };
        let mut encoder = Encoder::new(settings).unwrap();
        (0..pictures).map(|number| encoder.encode(&clip.to_encode(number), Keyframe::WhenDue).unwrap()).collect()
    }

    /// Decodes and scores the access units as they were made.
    pub(crate) fn new(clip: &'a Clip, units: Vec<AccessUnit>, stride: usize) -> Self {
        let mut video = Self { clip, units, stride, clean: Vec::new() };
        let mut scorer = Scorer::start(clip);
        let mut decoder = Decoder::new().unwrap();
        let mut clean = Vec::new();
        let now = std::time::Instant::now();
        for (number, access_unit) in video.units.iter().enumerate() {
            let stamps = Stamps { captured: None, heard: now, complete: now };
            let (complete, gap_before) = (true, false);
            let access_unit = access_unit.clone();
            let (last_esi, early, number) = (0, false, number as u64 + 1);
            let unit = Unit { number, session: 1, last_esi, access_unit, complete, gap_before, early, stamps };
            decoder
                .decode(&unit, |picture| {
                    let at = clean.len();
                    clean.push((hash(&picture.bytes), None));
                    if video.is_scored(at) {
                        scorer.push((at, at), &clip.picture(at), &picture.bytes);
                    }
                })
                .unwrap();
        }
        assert_eq!(clean.len(), video.units.len(), "every access unit gives its picture");
        for ((at, _), score) in scorer.finish() {
            clean[at].1 = Some(score);
        }
        video.clean = clean;
        video
    }

    pub(crate) fn is_scored(&self, number: usize) -> bool {
        number.is_multiple_of(self.stride)
    }

    /// The score of picture `number` when these bytes are what it should be.
    pub(crate) fn clean_score(&self, number: usize, bytes: &[u8]) -> Option<Score> {
        let (clean, score) = self.clean.get(number)?;
        score.filter(|_| *clean == hash(bytes))
    }

    pub(crate) fn bits_per_s(&self) -> f64 {
        let bytes: usize = self.units.iter().map(|unit| unit.bytes.len()).sum();
        bytes as f64 * 8.0 / (self.units.len() as f64 * INTERVAL.as_secs_f64())
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
