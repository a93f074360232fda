//! The source the command line asks for.

use skylark_common::wire::announce::Payload;

use super::Obeys;
use super::annex_b::{FileInput, StdinInput};
use super::datagrams::DatagramInput;
use super::exec::Exec;
use super::test_pattern::TestPattern;
#[cfg(feature = "v4l2")]
use super::v4l2::Camera;
use crate::args::{Args, Input};
use crate::clock::Clock;
use crate::encoder::EncoderSettings;
use crate::outlet::{self, Outlet};

/// A source that was opened: what can be told at the start is told.
#[derive(Debug)]
pub(crate) enum Source {
    Test(Box<TestPattern>),
    Stdin(StdinInput),
    File(FileInput),
    Exec(Exec),
    #[cfg(feature = "v4l2")]
    V4l2(Camera),
    Datagrams(DatagramInput),
}

impl Source {
    pub(crate) fn open(args: &Args, clock: Clock) -> anyhow::Result<Self> {
        let settings = EncoderSettings {
            bits_per_s: args.bitrate,
            pictures_per_s: args.fps,
            keyframe_interval: args.keyframe_interval,
        };
        Ok(match &args.input {
            Input::Test => Self::Test(Box::new(TestPattern::new(args.size, settings, clock)?)),
            Input::Stdin => Self::Stdin(StdinInput::open()?),
            Input::File(path) => Self::File(FileInput::open(path, args.fps, args.looped)?),
            Input::Exec(command) => Self::Exec(Exec::new(command)),
            #[cfg(feature = "v4l2")]
            Input::V4l2(device) => Self::V4l2(Camera::open(device, args.size, settings)?),
            #[cfg(not(feature = "v4l2"))]
            Input::V4l2(_) => anyhow::bail!("this build has no cameras: build with `--features v4l2`"),
            Input::Rtp(address) => {
                Self::Datagrams(DatagramInput::rtp(address, args.payload, args.dialect.max_datagram_bytes())?)
            }
            Input::Udp(address) => Self::Datagrams(DatagramInput::any(address, args.dialect.max_datagram_bytes())?),
        })
    }

    /// How many items of this input may wait for the link.
    pub(crate) const fn queue_capacity(input: &Input) -> usize {
        if matches!(input, Input::Rtp(_) | Input::Udp(_)) { outlet::DATAGRAMS } else { outlet::UNITS }
    }

    /// Which orders its encoder takes.
    pub(crate) const fn obeys(&self) -> Obeys {
        match self {
            Self::Test(_) => Obeys::ALL,
            #[cfg(feature = "v4l2")]
            Self::V4l2(camera) => camera.obeys(),
            Self::Stdin(_) | Self::File(_) | Self::Exec(_) | Self::Datagrams(_) => {
                Obeys { bitrate: false, keyframes: false }
            }
        }
    }

    /// What the datagrams are at first.
    pub(crate) const fn payload(&self) -> Payload {
        if let Self::Datagrams(datagrams) = self { datagrams.payload() } else { Payload::H264 }
    }

    /// Hands on until the input ends or the program is to end.
    pub(crate) fn run(self, outlet: &Outlet) -> anyhow::Result<()> {
        match self {
            Self::Test(test) => test.run(outlet),
            Self::Stdin(stdin) => stdin.run(outlet),
            Self::File(file) => file.run(outlet),
            Self::Exec(exec) => exec.run(outlet),
            #[cfg(feature = "v4l2")]
            Self::V4l2(camera) => camera.run(outlet),
            Self::Datagrams(datagrams) => datagrams.run(outlet),
        }
    }
}
