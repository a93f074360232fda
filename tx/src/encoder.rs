//! Pictures into access units: openh264, set up for a live link.

mod raw;

use std::time::Duration;

use anyhow::Context as _;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, EncoderConfig, FrameRate, IntraFramePeriod, RateControlMode, SpsPpsStrategy, UsageType,
};
use openh264::formats::YUVSlices;
use skylark_common::h264::AccessUnit;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::rtp::packetizer::Packetizer;

use crate::picture::Picture;
use crate::sender::Allowance;

/// A slice fits one datagram, so that a lost datagram costs no more than its slice.
const MAX_SLICE_BYTES: usize = Packetizer::DEFAULT_MAX_DATAGRAM_BYTES - RtpHeader::LEN;

/// What the encoder is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Mean bitrate it aims for, in bits per second.
    pub bits_per_s: u32,
    /// Pictures a second it will be given.
    pub pictures_per_s: u32,
    /// Time between keyframes. Shorter: receivers join sooner, and less is left for the pictures between.
    pub keyframe_interval: Duration,
}

/// Whether a picture must be a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyframe {
    /// When its interval has passed.
    WhenDue,
    /// This one.
    Forced,
}

/// Encodes pictures without delay: one picture in, its access unit out.
///
/// A keyframe left to openh264 has up to twelve times the bytes of another picture, and takes as many pictures' time
/// to send. Here each is aimed at what the air carries in time, by the bitrate that openh264 is told for that picture:
/// it makes a keyframe of four times the mean, and derives from the mean how coarse a keyframe may be at most.
pub struct Encoder {
    encoder: openh264::encoder::Encoder,
    allowed: Allowance,
    pictures_per_s: u32,
    keyframe_every: u32,
    /// Pictures since the last keyframe, that one included; 0 before the first.
    since_keyframe: u32,
    bytes: Vec<u8>,
}

/// What openh264 makes of a keyframe, over the mean (its `IDR_BITRATE_RATIO`).
const KEYFRAME_OVER_MEAN: u64 = 4;
/// A keyframe is aimed at this share of what it may have at most, which openh264 mostly misses by less.
const AIM_PERCENT: u64 = 90;
/// How often a keyframe that is too long is made at most: each time takes as long as a picture.
const MOST_ATTEMPTS: u32 = 3;
/// The least bitrate openh264 is told: what coarsest keyframes are made of.
const LEAST_BITS_PER_S: u32 = 50_000;

impl Encoder {
    /// An encoder whose first access unit is a keyframe.
    ///
    /// # Errors
    /// openh264 does not start.
    pub fn new(settings: EncoderSettings) -> anyhow::Result<Self> {
        let interval = settings.keyframe_interval.as_micros() * u128::from(settings.pictures_per_s) / 1_000_000;
        let mut encoder = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), config(settings))
            .context("openh264 does not start")?;
        raw::silence(&mut encoder);
        Ok(Self {
            encoder,
            allowed: Allowance { bits_per_s: settings.bits_per_s, unit_bytes: usize::MAX },
            pictures_per_s: settings.pictures_per_s.max(1),
            keyframe_every: u32::try_from(interval).unwrap_or(u32::MAX).max(1),
            since_keyframe: 0,
            bytes: Vec::new(),
        })
    }

    /// What it may make from the next picture on. More than its settings say is not made.
    pub const fn allow(&mut self, allowed: Allowance) {
        self.allowed = allowed;
    }

    /// Encodes the next picture. A size other than that of the picture before begins with a keyframe.
    ///
    /// # Errors
    /// openh264 refuses the picture.
    pub fn encode(&mut self, picture: &Picture, keyframe: Keyframe) -> anyhow::Result<AccessUnit> {
        let is_due = self.since_keyframe == 0 || self.since_keyframe >= self.keyframe_every;
        if is_due || keyframe == Keyframe::Forced {
            return self.encode_keyframe(picture);
        }
        self.since_keyframe += 1;
        self.encode_at(self.allowed.bits_per_s, picture)
    }

    /// Until it is short enough: what is not handed on nothing refers to.
    fn encode_keyframe(&mut self, picture: &Picture) -> anyhow::Result<AccessUnit> {
        let mut bits_per_s = self.keyframe_bits_per_s();
        let mut attempts = 1;
        loop {
            if self.since_keyframe > 0 {
                self.encoder.force_intra_frame();
            }
            self.since_keyframe = 1;
            let unit = self.encode_at(bits_per_s, picture)?;
            let (found, most) = (unit.bytes.len(), self.allowed.unit_bytes);
            if found <= most || attempts >= MOST_ATTEMPTS {
                return Ok(unit);
            }
            attempts += 1;
            let coarser = u64::from(bits_per_s) * most as u64 / found as u64 * AIM_PERCENT / 100;
            bits_per_s = u32::try_from(coarser).unwrap_or(bits_per_s);
        }
    }

    /// The bitrate at which openh264 makes a keyframe of what it is aimed at.
    fn keyframe_bits_per_s(&self) -> u32 {
        let aim_bits = (self.allowed.unit_bytes as u64).saturating_mul(8 * AIM_PERCENT) / 100;
        let bits_per_s = aim_bits.saturating_mul(u64::from(self.pictures_per_s)) / KEYFRAME_OVER_MEAN;
        u32::try_from(bits_per_s).unwrap_or(u32::MAX).min(self.allowed.bits_per_s)
    }

    fn encode_at(&mut self, bits_per_s: u32, picture: &Picture) -> anyhow::Result<AccessUnit> {
        raw::set_bits_per_s(&mut self.encoder, bits_per_s.max(LEAST_BITS_PER_S));
        let (width, height) = (picture.width, picture.height);
        let planes =
            YUVSlices::new((&picture.y, &picture.u, &picture.v), (width, height), (width, width / 2, width / 2));
        let encoded =
            self.encoder.encode(&planes).with_context(|| format!("openh264 refuses a picture of {width}x{height}"))?;
        self.bytes.clear();
        encoded.write_vec(&mut self.bytes);
        Ok(AccessUnit::from_annex_b(&self.bytes))
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

#[expect(clippy::cast_precision_loss, reason = "frame rates are small")]
fn config(settings: EncoderSettings) -> EncoderConfig {
    EncoderConfig::new()
        // The screen usage types ignore the bitrate.
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Bitrate)
        .bitrate(BitRate::from_bps(settings.bits_per_s))
        // Every picture comes out: a coarse one is better than none.
        .skip_frames(false)
        .max_frame_rate(FrameRate::from_hz(settings.pictures_per_s as f32))
        // Keyframes come when they are asked for, and this asks.
        .intra_frame_period(IntraFramePeriod::auto())
        .max_slice_len(u32::try_from(MAX_SLICE_BYTES).unwrap_or(u32::MAX))
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        .complexity(Complexity::Low)
        // With slices limited in size more threads mostly wait for each other: at 720p on two cores 8.7 ms a
        // picture against 7.0, and 29 against 7 when others want the cores too.
        .num_threads(1)
        // It takes what moves slowly for background and leaves specks of old color behind.
        .background_detection(false)
        // A keyframe out of turn at a cut is a burst the link has to carry; keyframes come when asked for.
        .scene_change_detect(false)
}

#[cfg(test)]
mod tests {
    use skylark_common::h264::NalHeader;

    use super::*;
    use crate::source::test_pattern::Pattern;

    const SETTINGS: EncoderSettings =
        EncoderSettings { bits_per_s: 2_000_000, pictures_per_s: 30, keyframe_interval: Duration::from_secs(1) };

    fn encode(pictures: u32, forced: &[u32]) -> Vec<AccessUnit> {
        let mut pattern = Pattern::new(640, 480);
        let mut encoder = Encoder::new(SETTINGS).unwrap();
        (0..pictures)
            .map(|frame| {
                let keyframe = if forced.contains(&frame) { Keyframe::Forced } else { Keyframe::WhenDue };
                encoder.encode(pattern.draw(frame, u64::from(frame) * 33_333), keyframe).unwrap()
            })
            .collect()
    }

    fn keyframes(units: &[AccessUnit]) -> Vec<usize> {
        units.iter().enumerate().filter(|(_, unit)| unit.keyframe).map(|(at, _)| at).collect()
    }

    #[test]
    fn every_picture_comes_out_at_once_near_the_bitrate_in_slices_that_fit_a_datagram() {
        let units = encode(120, &[]);
        assert!(units.iter().all(|unit| unit.nal_units().any(|nal| NalHeader(nal[0]).is_slice())));
        let longest = units.iter().flat_map(AccessUnit::nal_units).map(<[u8]>::len).max().unwrap();
        assert!(longest <= MAX_SLICE_BYTES, "a NAL unit of {longest} bytes");
        let bits_per_s = units.iter().map(|unit| unit.bytes.len()).sum::<usize>() * 8 / 4;
        assert!((1_400_000..2_800_000).contains(&bits_per_s), "{bits_per_s} bit/s");
    }

    #[test]
    fn keyframes_come_when_due_and_when_asked_for() {
        assert_eq!(keyframes(&encode(61, &[])), [0, 30, 60]);
        let units = encode(20, &[0, 7]);
        assert_eq!(keyframes(&units), [0, 7]);
        let kinds: Vec<u8> = units[7].nal_units().map(|nal| NalHeader(nal[0]).kind()).collect();
        assert!(kinds.starts_with(&[NalHeader::SPS, NalHeader::PPS, NalHeader::IDR_SLICE]), "{kinds:?}");
    }

    #[test]
    fn it_makes_what_it_is_allowed_from_the_next_picture_on() {
        let mut pattern = Pattern::new(640, 480);
        let mut encoder = Encoder::new(EncoderSettings { keyframe_interval: Duration::MAX, ..SETTINGS }).unwrap();
        let mut bytes = |bits_per_s: u32, pictures: u32, from: u32| -> usize {
            encoder.allow(Allowance { bits_per_s, unit_bytes: usize::MAX });
            let pictures = from..from + pictures;
            pictures.map(|at| encoder.encode(pattern.draw(at, 0), Keyframe::WhenDue).unwrap().bytes.len()).sum()
        };
        let (before, _, lowered, _, after) = (
            bytes(2_000_000, 30, 0),
            bytes(500_000, 5, 30),
            bytes(500_000, 30, 35),
            bytes(2_000_000, 5, 65),
            bytes(2_000_000, 30, 70),
        );
        assert!(lowered * 2 < before && lowered * 2 < after, "{before}, {lowered}, {after} bytes a second");
    }

    #[test]
    fn a_keyframe_is_no_longer_than_allowed_and_the_pictures_after_it_can_be_decoded() {
        let mut pattern = Pattern::new(1280, 720);
        let mut encoder =
            Encoder::new(EncoderSettings { bits_per_s: 4_000_000, pictures_per_s: 60, ..SETTINGS }).unwrap();
        let mut decoder = openh264::decoder::Decoder::new().unwrap();
        for at in 0..40 {
            encoder.allow(Allowance { bits_per_s: 4_000_000, unit_bytes: 25_000 });
            let keyframe = if at == 30 { Keyframe::Forced } else { Keyframe::WhenDue };
            let unit = encoder.encode(pattern.draw(at, 0), keyframe).unwrap();
            assert!(!unit.keyframe || unit.bytes.len() <= 25_000, "picture {at}: {} bytes", unit.bytes.len());
            assert!(decoder.decode(&unit.bytes).unwrap().is_some());
        }
    }
}
