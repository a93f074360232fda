//! The moving pattern: something like a camera sees, with frame number, clock and time code burnt in.

mod scene;
mod text;

use std::time::Instant;

use skylark_common::time_code::TimeCode;

use super::cadence::Cadence;
use crate::clock::Clock;
use crate::encoder::{Encoder, EncoderSettings, Keyframe};
use crate::outlet::{EncodedUnit, Item, Outlet};
use crate::picture::Picture;
use crate::stop::Wake;
use scene::Scene;
use text::{Rect, TextLine};

/// Draws the pattern.
#[derive(Debug)]
pub struct Pattern {
    scene: Scene,
    picture: Picture,
}

impl Pattern {
    /// A pattern of this size in pixels.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let picture = Picture::black(width, height);
        Self { scene: Scene::new(picture.width, picture.height), picture }
    }

    /// Draws a picture. `captured_us` is the time of day shown, in µs since 1970.
    pub fn draw(&mut self, frame: u32, captured_us: u64) -> &Picture {
        let picture = &mut self.picture;
        self.scene.draw(picture, frame);
        let [x, y, width, height] = TimeCode::area(picture.width);
        let margin = width / 64;
        Rect { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin }.clear(picture);
        TimeCode { frame, captured_us }.draw(&mut picture.y, picture.width);
        TextLine { text: &time_of_day(captured_us), middle_percent: 33, width_percent: 60 }.draw(picture);
        TextLine { text: &format!("frame {frame:>7}"), middle_percent: 52, width_percent: 50 }.draw(picture);
        picture
    }
}

/// Pictures of the pattern, encoded, at a fixed rate.
#[derive(Debug)]
pub(crate) struct TestPattern {
    pattern: Pattern,
    encoder: Encoder,
    pictures_per_s: u32,
    clock: Clock,
}

impl TestPattern {
    pub(crate) fn new(size: (u32, u32), settings: EncoderSettings, clock: Clock) -> anyhow::Result<Self> {
        let [width, height] = [size.0, size.1].map(|side| usize::try_from(side).unwrap_or(0));
        let pattern = Pattern::new(width, height);
        Ok(Self { pattern, encoder: Encoder::new(settings)?, pictures_per_s: settings.pictures_per_s, clock })
    }

    #[expect(clippy::disallowed_methods, reason = "the pattern is its own camera")]
    pub(crate) fn run(mut self, outlet: &Outlet) -> anyhow::Result<()> {
        let mut cadence = Cadence::per_second(self.pictures_per_s, Instant::now());
        let mut frame = 0_u32;
        loop {
            let missed = cadence.skip_missed(Instant::now());
            outlet.count(|stats| stats.skipped += missed);
            frame = frame.wrapping_add(u32::try_from(missed).unwrap_or(0));
            if outlet.stop.wait_until(cadence.next()) == Wake::Stopped {
                return Ok(());
            }
            if outlet.leaves_out() {
                frame = frame.wrapping_add(1);
                continue;
            }
            let captured = Instant::now();
            let picture = self.pattern.draw(frame, self.clock.time_of_day_us(captured));
            let keyframe = if outlet.take_keyframe_wanted() { Keyframe::Forced } else { Keyframe::WhenDue };
            outlet.allowed().into_iter().for_each(|allowed| self.encoder.allow(allowed));
            let unit = self.encoder.encode(picture, keyframe)?;
            if !unit.is_empty() {
                outlet.push(Item::Unit(EncodedUnit { unit, captured }));
            }
            frame = frame.wrapping_add(1);
        }
    }
}

/// `12:34:56.789`, UTC.
fn time_of_day(us: u64) -> String {
    let ms = us / 1000 % 86_400_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource as _;

    use super::*;
    use skylark_common::time_code::Luma;

    fn read(bytes: &[u8], stride: usize, picture: &Picture) -> Option<TimeCode> {
        TimeCode::read(Luma { bytes, stride, width: picture.width, height: picture.height }).ok()
    }

    #[test]
    fn the_clock_is_the_time_of_day() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(1_795_419_296_789_123), "07:34:56.789");
    }

    #[test]
    fn the_same_frame_is_the_same_picture_and_the_next_is_another() {
        let mut pattern = Pattern::new(320, 240);
        let first = pattern.draw(7, 1).clone();
        assert_ne!(*pattern.draw(8, 1), first);
        assert_eq!(*pattern.draw(7, 1), first);
    }

    #[test]
    fn small_and_odd_sizes_are_drawn() {
        for (width, height) in [(64, 64), (130, 66), (66, 480), (641, 363)] {
            Pattern::new(width, height).draw(1_234_567, u64::MAX);
        }
    }

    #[test]
    fn the_time_code_survives_a_real_encoder_starved_of_bits() {
        for (width, height, bits_per_s) in [(320, 240, 60_000), (640, 480, 150_000), (1280, 720, 400_000)] {
            let keyframe_interval = std::time::Duration::from_secs(1);
            let settings = EncoderSettings { bits_per_s, pictures_per_s: 30, keyframe_interval };
            let mut encoder = Encoder::new(settings).unwrap();
            let mut decoder = Decoder::new().unwrap();
            let mut pattern = Pattern::new(width, height);
            for frame in 0..60 {
                let captured_us = 1_795_419_000_000_000 + u64::from(frame) * 33_333;
                let picture = pattern.draw(frame, captured_us);
                let unit = encoder.encode(picture, Keyframe::WhenDue).unwrap();
                let decoded = decoder.decode(&unit.bytes).unwrap().expect("each picture comes out at once");
                let expected = TimeCode { frame, captured_us };
                assert_eq!(read(decoded.y(), decoded.strides().0, picture), Some(expected), "{width} x {height}");
            }
        }
    }
}
