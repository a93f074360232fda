//! Access units out of what a camera sends: H.264 as it is, pictures encoded.

use skylark_common::h264::{AccessUnit, ParameterSets};
use v4l::{Format, FourCC};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::encoder::{Encoder, EncoderSettings, Keyframe};
use crate::picture::{Picture, PixelFormat};
use crate::sender::Allowance;

/// What a camera sends, best first: H.264 needs no work, raw pictures none but encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coding {
    H264,
    Nv12,
    Yuyv,
    Jpeg,
}

/// Makes access units of what a camera sends.
pub(super) enum Maker {
    H264(ParameterSets),
    Encoded { encoder: Box<Encoder>, picture: Box<Picture>, coding: Coding, stride: usize },
}

impl Coding {
    pub(super) fn of(fourcc: FourCC) -> Option<Self> {
        [Self::H264, Self::Nv12, Self::Yuyv, Self::Jpeg].into_iter().find(|coding| coding.fourcc() == fourcc)
    }

    pub(super) fn fourcc(self) -> FourCC {
        FourCC::new(match self {
            Self::H264 => b"H264",
            Self::Nv12 => b"NV12",
            Self::Yuyv => b"YUYV",
            Self::Jpeg => b"MJPG",
        })
    }
}

impl Maker {
    pub(super) fn new(coding: Coding, format: &Format, settings: EncoderSettings) -> anyhow::Result<Self> {
        if coding == Coding::H264 {
            return Ok(Self::H264(ParameterSets::default()));
        }
        let [width, height, stride] =
            [format.width, format.height, format.stride].map(|n| usize::try_from(n).unwrap_or(0));
        let picture = Box::new(Picture::black(width, height));
        Ok(Self::Encoded { encoder: Box::new(Encoder::new(settings)?), picture, coding, stride })
    }

    /// The access unit of a picture; `None` for one that the camera has damaged.
    pub(super) fn access_unit(
        &mut self,
        bytes: &[u8],
        allowed: Option<Allowance>,
        keyframe: Keyframe,
    ) -> anyhow::Result<Option<AccessUnit>> {
        match self {
            Self::H264(parameter_sets) => {
                let mut unit = AccessUnit::from_annex_b(bytes);
                parameter_sets.complete(&mut unit);
                Ok((!unit.is_empty()).then_some(unit))
            }
            Self::Encoded { encoder, picture, coding, stride } => {
                let filled = match coding {
                    Coding::Jpeg => fill_from_jpeg(picture, bytes),
                    Coding::Nv12 => picture.fill(bytes, *stride, PixelFormat::Nv12),
                    Coding::Yuyv | Coding::H264 => picture.fill(bytes, *stride, PixelFormat::Yuyv),
                };
                allowed.into_iter().for_each(|allowed| encoder.allow(allowed));
                filled.then(|| encoder.encode(picture, keyframe)).transpose()
            }
        }
    }
}

fn fill_from_jpeg(picture: &mut Picture, bytes: &[u8]) -> bool {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(bytes, options);
    let Ok(pixels) = decoder.decode() else { return false };
    let Some((width, height)) = decoder.dimensions() else { return false };
    let same_size = (width & !1, height & !1) == (picture.width, picture.height);
    same_size && picture.fill(&pixels, PixelFormat::YcbcrFullRange.row_bytes(width), PixelFormat::YcbcrFullRange)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SETTINGS: EncoderSettings =
        EncoderSettings { bits_per_s: 500_000, pictures_per_s: 30, keyframe_interval: Duration::from_secs(1) };
    /// 16 × 16 pixels of one gray, baseline JPEG, made with `ffmpeg -f lavfi -i color=gray:s=16x16 -frames:v 1`.
    #[rustfmt::skip]
    const GRAY_JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x02, 0x00, 0x00, 0x01,
        0x00, 0x01, 0x00, 0x00, 0xff, 0xfe, 0x00, 0x10, 0x4c, 0x61, 0x76, 0x63, 0x35, 0x39, 0x2e, 0x33,
        0x37, 0x2e, 0x31, 0x30, 0x30, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x08, 0x0a, 0x0a, 0x0b, 0x0a,
        0x0b, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x10, 0x0f, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
        0x10, 0x10, 0x10, 0x10, 0x12, 0x12, 0x12, 0x15, 0x15, 0x15, 0x12, 0x12, 0x12, 0x10, 0x10, 0x12,
        0x12, 0x14, 0x14, 0x15, 0x15, 0x17, 0x17, 0x17, 0x15, 0x15, 0x15, 0x15, 0x17, 0x17, 0x19, 0x19,
        0x19, 0x1e, 0x1e, 0x1c, 0x1c, 0x23, 0x23, 0x24, 0x2b, 0x2b, 0x33, 0xff, 0xc4, 0x00, 0x4a, 0x00,
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x10, 0x00, 0x10,
        0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x00, 0x03, 0x11, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01,
        0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x00, 0x0f, 0xff, 0xd9,
    ];

    fn maker(coding: Coding) -> Maker {
        let format = Format { stride: 128, ..Format::new(64, 48, coding.fourcc()) };
        Maker::new(coding, &format, SETTINGS).unwrap()
    }

    #[test]
    fn raw_pictures_become_access_units() {
        for (coding, bytes) in [(Coding::Yuyv, 128 * 48), (Coding::Nv12, 128 * 72)] {
            let unit = maker(coding).access_unit(&vec![128; bytes], None, Keyframe::WhenDue).unwrap().unwrap();
            assert!(unit.keyframe);
            assert_eq!(maker(coding).access_unit(&[128; 100], None, Keyframe::WhenDue).unwrap(), None, "a cut picture");
        }
    }

    #[test]
    fn h264_of_a_camera_goes_on_as_it_is() {
        let bytes = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 2];
        let unit = maker(Coding::H264).access_unit(&bytes, None, Keyframe::WhenDue).unwrap().unwrap();
        assert_eq!(unit.bytes, bytes);
        assert_eq!(maker(Coding::H264).access_unit(&[], None, Keyframe::WhenDue).unwrap(), None);
    }

    #[test]
    fn a_jpeg_fills_the_picture_and_a_broken_one_does_not() {
        let mut picture = Picture::black(16, 16);
        assert!(!fill_from_jpeg(&mut picture, &GRAY_JPEG[..GRAY_JPEG.len() / 4]));
        assert!(fill_from_jpeg(&mut picture, GRAY_JPEG));
        assert!(picture.y.iter().all(|luma| luma.abs_diff(126) < 6), "{:?}", picture.y);
        assert!(!fill_from_jpeg(&mut Picture::black(32, 16), GRAY_JPEG));
    }

    #[test]
    fn codings_are_told_by_what_the_driver_answers() {
        assert_eq!(Coding::of(FourCC::new(b"YUYV")), Some(Coding::Yuyv));
        assert_eq!(Coding::of(FourCC::new(b"HEVC")), None);
        assert!(Coding::H264 < Coding::Nv12 && Coding::Yuyv < Coding::Jpeg);
    }
}
