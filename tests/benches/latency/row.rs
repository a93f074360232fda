//! The rows of the table: which programs bring the picture to the screen.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use skylark_common::ledger::Summary;

use crate::display::{Display, HEIGHT, WIDTH};
use crate::observer::{Observer, Seen};
use crate::program::{Process, Program, binary, check_all, free_port};

/// What starts up is not measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// Skylark as the programs come: 4 Mbit/s, a keyframe a second; the alternative is told the same.
const PICTURES_PER_S: u32 = 60;
const KBIT_PER_S: u32 = 4000;

/// A way to the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Over UDP, nothing between; paced as MCS 1 carries it, as the programs come.
    Skylark,
    /// With a card's fast modulation, MCS 7.
    SkylarkFast,
    /// Through the modelled air.
    SkylarkAir,
    /// GStreamer with x264's settings as they are.
    GStreamer,
    /// GStreamer with x264 as fast as it goes.
    GStreamerFast,
}

/// What a run of it came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// As the observer saw it.
    pub(crate) seen: Seen,
    /// What the receiver's own meter said, and its stages.
    pub(crate) own: Option<Own>,
}

/// What Skylark says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) took: Summary,
    pub(crate) encode_us: u64,
    pub(crate) decode_us: u64,
    pub(crate) show_us: u64,
}

impl Row {
    pub(crate) const ALL: [Self; 5] =
        [Self::Skylark, Self::SkylarkFast, Self::SkylarkAir, Self::GStreamer, Self::GStreamerFast];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Skylark => "Skylark, as it comes (MCS 1)",
            Self::SkylarkFast => "Skylark, MCS 7",
            Self::SkylarkAir => "Skylark, MCS 7, modelled air",
            Self::GStreamer => "GStreamer, tune=zerolatency",
            Self::GStreamerFast => "GStreamer, and ultrafast",
        }
    }

    pub(crate) const fn is_gstreamer(self) -> bool {
        matches!(self, Self::GStreamer | Self::GStreamerFast)
    }

    /// Runs it for so long on this display; if nothing came there or a program ended, why.
    pub(crate) fn run(self, display: &Display, folder: &Path, lasts: Duration) -> Result<Run, String> {
        match self {
            Self::Skylark => skylark(display, folder, lasts, "", false),
            Self::SkylarkFast => skylark(display, folder, lasts, " --mcs 7", false),
            Self::SkylarkAir => skylark(display, folder, lasts, " --mcs 7", true),
            Self::GStreamer => gstreamer(display, folder, lasts, "medium"),
            Self::GStreamerFast => gstreamer(display, folder, lasts, "ultrafast"),
        }
    }
}

fn skylark(display: &Display, folder: &Path, lasts: Duration, rate: &str, through_air: bool) -> Result<Run, String> {
    let card = free_port();
    let listens = format!("--air udp:127.0.0.1:{card} --key link.key --output window --measure-latency");
    let mut rx = Program::start(binary("skylark-rx").env("DISPLAY", &display.name), folder, "rx", &listens)?;
    let (mut air, port) = if through_air {
        let port = free_port();
        let arguments = format!("--plain --listen 127.0.0.1:{port} --to 127.0.0.1:{card}");
        (Some(Program::start(&mut binary("skylark-air"), folder, "air", &arguments)?), port)
    } else {
        (None, card)
    };
    let sends = format!("--input test --air udp:127.0.0.1:{port} --key link.key{rate}");
    let mut tx = Program::start(&mut binary("skylark-tx"), folder, "tx", &sends)?;
    let seen = watch(display, lasts);
    let own = Own::of(&tx.lines(), &rx.lines());
    let air = air.iter_mut().map(|air| &mut air.process);
    let mut processes: Vec<_> = [&mut tx.process, &mut rx.process].into_iter().chain(air).collect();
    check_all(seen.took.count, &mut processes)?;
    Ok(Run { seen, own })
}

fn gstreamer(display: &Display, folder: &Path, lasts: Duration, preset: &str) -> Result<Run, String> {
    let port = free_port();
    let launch = |pipeline: &str, input: Stdio, name: &str| {
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace()).env("DISPLAY", &display.name);
        Process::start(command.stdin(input).stdout(Stdio::null()), folder, name)
    };
    let shows = format!(
        "udpsrc port={port} caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96 \
         ! rtph264depay ! avdec_h264 ! videoconvert ! ximagesink sync=false"
    );
    let mut shows = launch(&shows, Stdio::null(), "show")?;
    let mut camera = Process::start(binary("skylark-pattern").stdout(Stdio::piped()), folder, "pattern")?;
    let sends = format!(
        "fdsrc ! rawvideoparse format=i420 width={WIDTH} height={HEIGHT} framerate={PICTURES_PER_S}/1 \
         ! x264enc tune=zerolatency speed-preset={preset} bitrate={KBIT_PER_S} key-int-max={PICTURES_PER_S} \
         ! rtph264pay config-interval=-1 mtu=1400 ! udpsink host=127.0.0.1 port={port} sync=false"
    );
    let mut sends = launch(&sends, camera.output().unwrap().into(), "send")?;
    let seen = watch(display, lasts);
    check_all(seen.took.count, &mut [&mut shows, &mut sends, &mut camera])?;
    Ok(Run { seen, own: None })
}

fn watch(display: &Display, lasts: Duration) -> Seen {
    let observer = Observer::start(&display.name, WARM_UP);
    thread::sleep(WARM_UP + lasts);
    observer.end()
}

impl Own {
    fn of(tx: &[Value], rx: &[Value]) -> Option<Self> {
        let last = rx.last()?;
        let stage = |name: &str| last.pointer(&format!("/measured/stages/{name}/p50_us"))?.as_u64();
        let mut encode: Vec<u64> =
            tx.iter().filter_map(|line| line.pointer("/latency/encode/p50_us")?.as_u64()).collect();
        encode.sort_unstable();
        let number = |name: &str| last.pointer(&format!("/measured/since_start/{name}"))?.as_u64();
        let took = Summary {
            count: number("count")?,
            mean_us: number("mean_us")?,
            p50_us: number("p50_us")?,
            p95_us: number("p95_us")?,
            p99_us: number("p99_us")?,
            max_us: number("max_us")?,
        };
        Some(Self {
            took,
            encode_us: *encode.get(encode.len() / 2)?,
            decode_us: stage("decoding_to_decoded")?,
            show_us: stage("decoded_to_shown")?,
        })
    }
}
