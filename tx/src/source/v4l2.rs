//! Cameras by V4L2: H.264 straight from the camera where it offers it, else raw pictures or JPEG encoded
//! here. A camera that vanishes is taken up again when it is back.
#![expect(clippy::disallowed_methods, reason = "waits until a camera is looked for again")]

mod controls;
mod maker;
mod pictures;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use v4l::capability::Flags as Capability;
use v4l::fraction::Fraction;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format};

use super::Obeys;
use crate::encoder::{EncoderSettings, Keyframe};
use crate::outlet::Outlet;
use crate::report::note;
use crate::stop::Wake;
use controls::Controls;
use maker::{Coding, Maker};
use pictures::{Streaming, hand_on};

/// How often a camera that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// A camera.
#[derive(Debug)]
pub(crate) struct Camera {
    device: PathBuf,
    size: (u32, u32),
    settings: EncoderSettings,
    obeys: Obeys,
}

/// What the driver has agreed to.
#[derive(Debug, Clone, Copy)]
struct Mode {
    coding: Coding,
    format: Format,
    pictures_per_s: u32,
}

impl Camera {
    pub(crate) fn open(device: &Path, size: (u32, u32), settings: EncoderSettings) -> anyhow::Result<Self> {
        if !device.exists() {
            bail!("--input v4l2:{}: no such camera; {}", device.display(), cameras());
        }
        let camera = Self { device: device.to_owned(), size, settings, obeys: Obeys::ALL };
        let (opened, mode) = camera.set_up().with_context(|| format!("--input v4l2:{}", device.display()))?;
        let obeys = if mode.coding == Coding::H264 { controls::obeys(&opened) } else { Obeys::ALL };
        Ok(Self { obeys, ..camera })
    }

    /// Which orders its encoder takes, or ours where it has none.
    pub(crate) const fn obeys(&self) -> Obeys {
        self.obeys
    }

    pub(crate) fn run(self, outlet: &Outlet) -> anyhow::Result<()> {
        let name = self.device.display().to_string();
        keep_up(&name, RETRY, outlet, || {
            let (device, mode) = self.set_up()?;
            let settings = EncoderSettings { pictures_per_s: mode.pictures_per_s, ..self.settings };
            let mut maker = Maker::new(mode.coding, &mode.format, settings)?;
            let mut pictures = Streaming::start(&device)?;
            note(format_args!("{name} gives {mode}"));
            let (mut controls, raw) = (Controls::default(), mode.coding != Coding::H264);
            Ok(move || {
                let make = |bytes: &[u8], keyframe: Keyframe| {
                    if !raw {
                        controls.tell(&device, outlet.allowed(), keyframe);
                    }
                    maker.access_unit(bytes, outlet.allowed(), keyframe)
                };
                hand_on(&mut pictures, raw, make, outlet)
            })
        })
    }

    fn set_up(&self) -> anyhow::Result<(Device, Mode)> {
        let device = Device::with_path(&self.device).map_err(|error| not_opened(&error))?;
        // The machine's word for what is no camera helps nobody.
        let answer = device.query_caps().map_err(|_| anyhow!("it is no camera; {}", cameras()))?;
        if !answer.capabilities.contains(Capability::VIDEO_CAPTURE) {
            bail!("it captures no video; {}", cameras());
        }
        let (coding, format) = self.set_format(&device)?;
        let asked = Parameters::with_fps(self.settings.pictures_per_s);
        // Cameras without a choice of rate refuse this; some tell theirs.
        let answer = device.set_params(&asked).or_else(|_| device.params()).unwrap_or(asked);
        let pictures_per_s = per_second(answer.interval).unwrap_or(self.settings.pictures_per_s);
        Ok((device, Mode { coding, format, pictures_per_s }))
    }

    /// Sets the best coding that the camera really gives: drivers answer a request for one they do not have
    /// with another, and no error.
    fn set_format(&self, device: &Device) -> anyhow::Result<(Coding, Format)> {
        let (width, height) = self.size;
        let offered = device.enum_formats().context("it does not say what it offers")?;
        let mut codings: Vec<(bool, Coding)> = offered
            .iter()
            .filter_map(|offer| Coding::of(offer.fourcc))
            .map(|coding| (coding != Coding::H264 && self.is_slow(device, coding), coding))
            .collect();
        codings.sort_unstable();
        for (_, coding) in codings {
            let given =
                device.set_format(&Format::new(width, height, coding.fourcc())).map_err(|error| in_use(&error))?;
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
            FrameIntervalEnum::Discrete(interval) => per_second(*interval).unwrap_or(0),
            FrameIntervalEnum::Stepwise(range) => per_second(range.min).unwrap_or(0),
        });
        fastest.max().is_some_and(|fastest| fastest < self.settings.pictures_per_s)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Format { width, height, fourcc, .. } = self.format;
        write!(f, "{width}x{height} {fourcc}, {} a second", self.pictures_per_s)
    }
}

/// Runs a camera, and again when it is back, until the program is to end. `start` starts it and returns what
/// runs it.
fn keep_up<Run: FnOnce() -> anyhow::Result<()>>(
    name: &str,
    retry: Duration,
    outlet: &Outlet,
    mut start: impl FnMut() -> anyhow::Result<Run>,
) -> anyhow::Result<()> {
    let mut gone = false;
    loop {
        let ended = start().and_then(|run| {
            if std::mem::take(&mut gone) {
                note(format_args!("{name} is back"));
            }
            run()
        });
        let Err(error) = ended else { return Ok(()) };
        if !std::mem::replace(&mut gone, true) {
            outlet.count(|stats| stats.failures += 1);
            note(format_args!("{name}: {error:#}; looking for it every second"));
        }
        if outlet.stop.wait_until(Instant::now() + retry) == Wake::Stopped {
            return Ok(());
        }
    }
}

/// Pictures a second of an interval, rounded; `None` where the driver does not say.
fn per_second(interval: Fraction) -> Option<u32> {
    let Fraction { numerator, denominator } = interval;
    let rounded = denominator.saturating_add(numerator / 2).checked_div(numerator)?;
    (rounded > 0).then_some(rounded)
}

fn not_opened(error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return anyhow!(
            "not allowed: add yourself to the group video (`sudo usermod -aG video $USER`) and log in again"
        );
    }
    in_use(error)
}

fn in_use(error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::ResourceBusy {
        return anyhow!("another program has it: end that first");
    }
    anyhow!("{error}; {}", cameras())
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

    #[test]
    fn a_camera_that_is_gone_is_told_and_counted_once_and_taken_up_when_it_is_back() {
        let outlet = Outlet::new(9).unwrap();
        let (mut starts, mut runs) = (0, 0);
        let runs_so_far = &mut runs;
        keep_up("fake", Duration::ZERO, &outlet, || {
            starts += 1;
            if (2..5).contains(&starts) {
                bail!("not there");
            }
            *runs_so_far += 1;
            let unplugged = starts == 1;
            Ok(move || if unplugged { Err(anyhow!("unplugged")) } else { Ok(()) })
        })
        .unwrap();
        assert_eq!((starts, runs, outlet.stats().failures), (5, 2, 1));
    }

    #[test]
    fn looking_for_a_camera_ends_when_the_program_does() {
        let outlet = Outlet::new(9).unwrap();
        outlet.end();
        let never = || -> anyhow::Result<fn() -> anyhow::Result<()>> { bail!("not there") };
        keep_up("fake", Duration::from_secs(3600), &outlet, never).unwrap();
    }

    #[test]
    fn the_rate_is_what_the_driver_says() {
        let rates = [(1, 30), (1001, 30_000), (2, 15), (0, 30), (10, 0)];
        let rates = rates.map(|(numerator, denominator)| per_second(Fraction { numerator, denominator }));
        assert_eq!(rates, [Some(30), Some(30), Some(8), None, None]);
        let format = Format::new(1280, 720, Coding::Yuyv.fourcc());
        let mode = Mode { coding: Coding::Yuyv, format, pictures_per_s: 30 };
        assert_eq!(mode.to_string(), "1280x720 YUYV, 30 a second");
    }

    #[test]
    fn what_is_no_camera_is_an_error_that_lists_what_there_is() {
        let refused = |device: &str| {
            let error = Camera::open(Path::new(device), (640, 480), SETTINGS).unwrap_err();
            format!("{error:#}")
        };
        assert!(refused("/dev/video250").contains("no such camera; there are"), "{}", refused("/dev/video250"));
        let error = refused("/dev/null");
        assert!(error.starts_with("--input v4l2:/dev/null: it is no camera; there are"), "{error}");
        let denied = not_opened(&io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(denied.contains("group video"), "{denied}");
    }
}
