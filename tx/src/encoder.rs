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
pub struct Encoder {
    encoder: openh264::encoder::Encoder,
    bytes: Vec<u8>,
    begun: bool,
}

impl Encoder {
    /// An encoder whose first access unit is a keyframe.
    ///
    /// # Errors
    /// openh264 does not start.
    pub fn new(settings: EncoderSettings) -> anyhow::Result<Self> {
        let mut encoder = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), config(settings))
            .context("openh264 does not start")?;
        raw::silence(&mut encoder);
        Ok(Self { encoder, bytes: Vec::new(), begun: false })
    }

    /// Encodes the next picture. A size other than that of the picture before begins with a keyframe.
    ///
    /// # Errors
    /// openh264 refuses the picture.
    pub fn encode(&mut self, picture: &Picture, keyframe: Keyframe) -> anyhow::Result<AccessUnit> {
        if keyframe == Keyframe::Forced && self.begun {
            self.encoder.force_intra_frame();
        }
        let (width, height) = (picture.width, picture.height);
        let planes =
            YUVSlices::new((&picture.y, &picture.u, &picture.v), (width, height), (width, width / 2, width / 2));
        let encoded =
            self.encoder.encode(&planes).with_context(|| format!("openh264 refuses a picture of {width}x{height}"))?;
        self.begun = true;
        self.bytes.clear();
        encoded.write_vec(&mut self.bytes);
        Ok(AccessUnit::from_annex_b(&self.bytes))
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("begun", &self.begun).finish_non_exhaustive()
    }
}

#[expect(clippy::cast_precision_loss, reason = "frame rates are small")]
fn config(settings: EncoderSettings) -> EncoderConfig {
    let interval = settings.keyframe_interval.as_micros() * u128::from(settings.pictures_per_s) / 1_000_000;
    let interval = u32::try_from(interval).unwrap_or(u32::MAX).max(1);
    EncoderConfig::new()
        // The screen usage types ignore the bitrate.
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Bitrate)
        .bitrate(BitRate::from_bps(settings.bits_per_s))
        // Every picture comes out: a coarse one is better than none.
        .skip_frames(false)
        .max_frame_rate(FrameRate::from_hz(settings.pictures_per_s as f32))
        .intra_frame_period(IntraFramePeriod::from_num_frames(interval))
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
}
