//! Cameras by V4L2: H.264 straight from the camera where it offers it, else raw pictures or JPEG encoded
//! here. A camera that vanishes is taken up again when it is back.
#![expect(clippy::disallowed_methods, reason = "notes when pictures come")]

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::time::{ClockId, clock_gettime};
use skylark_common::h264::{AccessUnit, ParameterSets};
use v4l::buffer::{Flags, Metadata, Type};
use v4l::capability::Flags as Capability;
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream as _;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::encoder::{Encoder, EncoderSettings, Keyframe};
use crate::outlet::{EncodedUnit, Item, Outlet};
use crate::picture::{Picture, PixelFormat};
use crate::report::note;
use crate::stop::Wake;

/// How long a wait for a picture may keep the end of the program waiting.
const POLL: Duration = Duration::from_millis(200);
/// A camera that gives no picture for so many polls in a row is taken as gone.
const PATIENCE_POLLS: u32 = 15;
/// How often a camera that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);
/// One being filled, one being read, one to spare.
const BUFFERS: u32 = 3;
/// A time stamp further away is of another clock.
const OLDEST: Duration = Duration::from_secs(1);

/// A camera.
#[derive(Debug)]
pub(crate) struct Camera {
    device: PathBuf,
    size: (u32, u32),
    settings: EncoderSettings,
}

/// What a camera sends, best first: H.264 needs no work, raw pictures none but encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coding {
    H264,
    Nv12,
    Yuyv,
    Jpeg,
}

/// Makes access units of what a camera sends.
enum Maker {
    H264(ParameterSets),
    Encoded { encoder: Box<Encoder>, picture: Box<Picture>, coding: Coding, stride: usize },
}

impl Camera {
    pub(crate) fn open(device: &Path, size: (u32, u32), settings: EncoderSettings) -> anyhow::Result<Self> {
        if !device.exists() {
            bail!("--input v4l2: {}: no such camera; {}", device.display(), cameras());
        }
        let camera = Self { device: device.to_owned(), size, settings };
        camera.set_up().with_context(|| format!("--input v4l2: {}", device.display()))?;
        Ok(camera)
    }

    pub(crate) fn run(self, outlet: &Outlet) -> anyhow::Result<()> {
        let mut gone = false;
        loop {
            let ended = self.set_up().and_then(|(device, maker)| {
                if gone {
                    note(format_args!("{} is back", self.device.display()));
                }
                gone = false;
                stream(&device, maker, outlet)
            });
            let Err(error) = ended else { return Ok(()) };
            if !gone {
                outlet.count(|stats| stats.failures += 1);
                note(format_args!("{}: {error:#}; looking for it every second", self.device.display()));
            }
            gone = true;
            if outlet.stop.wait_until(Instant::now() + RETRY) == Wake::Stopped {
                return Ok(());
            }
        }
    }

    fn set_up(&self) -> anyhow::Result<(Device, Maker)> {
        let device = Device::with_path(&self.device)?;
        let answer = device.query_caps().with_context(|| format!("this is no camera; {}", cameras()))?;
        if !answer.capabilities.contains(Capability::VIDEO_CAPTURE) {
            bail!("it captures no video; {}", cameras());
        }
        let (coding, format) = self.set_format(&device)?;
        // Cameras without a choice of rate refuse this.
        let _ = device.set_params(&Parameters::with_fps(self.settings.pictures_per_s));
        Ok((device, Maker::new(coding, &format, self.settings)?))
    }

    /// Sets the best coding that the camera really gives: drivers answer a request for one they do not have
    /// with another, and no error.
    fn set_format(&self, device: &Device) -> anyhow::Result<(Coding, Format)> {
        let (width, height) = self.size;
        let offered = device.enum_formats()?;
        let mut codings: Vec<(bool, Coding)> = offered
            .iter()
            .filter_map(|offer| Coding::of(offer.fourcc))
            .map(|coding| (coding != Coding::H264 && self.is_slow(device, coding), coding))
            .collect();
        codings.sort_unstable();
        for (_, coding) in codings {
            let given = device.set_format(&Format::new(width, height, coding.fourcc()))?;
            if Coding::of(given.fourcc) == Some(coding) {
                return Ok((coding, given));
            }
        }
        let offered: Vec<String> = offered.iter().map(|offer| offer.fourcc.to_string()).collect();
        bail!("it offers {}, expected H264, NV12, YUYV or MJPG", offered.join(", "))
    }

    /// Whether the camera says that it does not reach the rate in this coding: USB 2 carries few raw pictures.
    fn is_slow(&self, device: &Device, coding: Coding) -> bool {
        use v4l::frameinterval::FrameIntervalEnum;
        let intervals = device.enum_frameintervals(coding.fourcc(), self.size.0, self.size.1).unwrap_or_default();
        let fastest = intervals.iter().map(|offer| match &offer.interval {
            FrameIntervalEnum::Discrete(interval) => interval.denominator / interval.numerator.max(1),
            FrameIntervalEnum::Stepwise(range) => range.min.denominator / range.min.numerator.max(1),
        });
        fastest.max().is_some_and(|fastest| fastest < self.settings.pictures_per_s)
    }
}

/// Hands on what the camera gives until it fails or the program is to end.
fn stream(device: &Device, mut maker: Maker, outlet: &Outlet) -> anyhow::Result<()> {
    let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(POLL);
    while !outlet.is_closed() {
        match stream.next() {
            Ok((bytes, metadata)) => {
                let captured = captured(metadata);
                let filled = usize::try_from(metadata.bytesused).unwrap_or(0);
                let keyframe = if outlet.take_keyframe_wanted() { Keyframe::Forced } else { Keyframe::WhenDue };
                match maker.access_unit(bytes.get(..filled).unwrap_or(bytes), keyframe)? {
                    Some(unit) => outlet.push(Item::Unit(EncodedUnit { unit, captured })),
                    None => outlet.count(|stats| stats.skipped += 1),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => wait(&mut stream, outlet)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits on after a picture was late. `next` would queue its buffer twice; the picture that comes is left out.
fn wait(stream: &mut Stream<'_>, outlet: &Outlet) -> anyhow::Result<()> {
    for _ in 0..PATIENCE_POLLS {
        match stream.dequeue() {
            Ok(_) => return Ok(()),
            Err(_) if outlet.is_closed() => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no picture for {} s", (POLL * PATIENCE_POLLS).as_secs())
}

/// When the picture was taken, where the driver stamps it by the clock of `Instant`.
fn captured(metadata: &Metadata) -> Instant {
    let now = Instant::now();
    if !metadata.flags.contains(Flags::TIMESTAMP_MONOTONIC) {
        return now;
    }
    let clock = clock_gettime(ClockId::Monotonic);
    let clock_us = clock.tv_sec * 1_000_000 + clock.tv_nsec / 1000;
    let stamp_us = metadata.timestamp.sec * 1_000_000 + metadata.timestamp.usec;
    let age = u64::try_from(clock_us - stamp_us).map(Duration::from_micros).unwrap_or_default();
    if age > OLDEST { now } else { now.checked_sub(age).unwrap_or(now) }
}

impl Coding {
    fn of(fourcc: FourCC) -> Option<Self> {
        [Self::H264, Self::Nv12, Self::Yuyv, Self::Jpeg].into_iter().find(|coding| coding.fourcc() == fourcc)
    }

    fn fourcc(self) -> FourCC {
        FourCC::new(match self {
            Self::H264 => b"H264",
            Self::Nv12 => b"NV12",
            Self::Yuyv => b"YUYV",
            Self::Jpeg => b"MJPG",
        })
    }
}

impl Maker {
    fn new(coding: Coding, format: &Format, settings: EncoderSettings) -> anyhow::Result<Self> {
        if coding == Coding::H264 {
            return Ok(Self::H264(ParameterSets::default()));
        }
        let [width, height, stride] =
            [format.width, format.height, format.stride].map(|n| usize::try_from(n).unwrap_or(0));
        let picture = Box::new(Picture::black(width, height));
        Ok(Self::Encoded { encoder: Box::new(Encoder::new(settings)?), picture, coding, stride })
    }

    /// The access unit of a picture; `None` for one that the camera has damaged.
    fn access_unit(&mut self, bytes: &[u8], keyframe: Keyframe) -> anyhow::Result<Option<AccessUnit>> {
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

/// A sentence that lists the cameras there are.
fn cameras() -> String {
    let mut found: Vec<String> = v4l::context::enum_devices()
        .iter()
        .filter(|node| {
            let caps = Device::with_path(node.path()).and_then(|device| device.query_caps());
            caps.is_ok_and(|caps| caps.capabilities.contains(Capability::VIDEO_CAPTURE))
        })
        .map(|node| format!("{} ({})", node.path().display(), node.name().unwrap_or_default()))
        .collect();
    found.sort();
    if found.is_empty() { "there are none".to_owned() } else { format!("there are {}", found.join(", ")) }
}

#[cfg(test)]
mod tests {
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
            let unit = maker(coding).access_unit(&vec![128; bytes], Keyframe::WhenDue).unwrap().unwrap();
            assert!(unit.keyframe);
            assert_eq!(maker(coding).access_unit(&[128; 100], Keyframe::WhenDue).unwrap(), None, "a cut picture");
        }
    }

    #[test]
    fn h264_of_a_camera_goes_on_as_it_is() {
        let bytes = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 2];
        let unit = maker(Coding::H264).access_unit(&bytes, Keyframe::WhenDue).unwrap().unwrap();
        assert_eq!(unit.bytes, bytes);
        assert_eq!(maker(Coding::H264).access_unit(&[], Keyframe::WhenDue).unwrap(), None);
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

    #[test]
    fn a_missing_camera_is_an_error_that_lists_what_there_is() {
        let error = Camera::open(Path::new("/dev/video250"), (640, 480), SETTINGS).unwrap_err().to_string();
        assert!(error.contains("no such camera; there are"), "{error}");
    }
}
