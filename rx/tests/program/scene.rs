//! A folder with a key and a recording of the air, in which the real program runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use skylark_common::air::InjectAir as _;
use skylark_common::air::pcap_file::PcapInject;
use skylark_common::h264::{AccessUnit, Assembler};
use skylark_common::rtp::Packetizer;
use skylark_common::seal::LinkKey;
use skylark_common::wire::announce::Payload;
use skylark_tx::{Entropy, Outgoing, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};
use tempfile::TempDir;

/// Three seconds of video.
const CLIP: &[u8] = include_bytes!("../../../tests/data/clip.h264");
/// Time from picture to picture.
const INTERVAL: Duration = Duration::from_micros(33_333);

/// A folder with a key and a recording of the clip on the air.
pub(crate) struct Scene {
    /// Where all of it is; the program runs in it.
    pub(crate) folder: TempDir,
    /// The datagrams that were sent.
    pub(crate) datagrams: Vec<Vec<u8>>,
}

impl Scene {
    /// The clip as Annex B was handed to the transmitter.
    pub(crate) fn new() -> Self {
        Self::of(Payload::H264, 7)
    }

    /// The clip as `payload`, sealed with a key made of `seed`; the key in the folder is made of 7.
    pub(crate) fn of(payload: Payload, seed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Self { folder, datagrams: Vec::new() };
        fs::write(scene.path("link.key"), LinkKey::from_bytes([7; 32]).to_text()).unwrap();
        fs::set_permissions(scene.path("link.key"), fs::Permissions::from_mode(0o600)).unwrap();
        scene.record(payload, &LinkKey::from_bytes([seed; 32]));
        scene
    }

    fn record(&mut self, payload: Payload, key: &LinkKey) {
        let mut now = Instant::now();
        let streams = vec![StreamConfig { payload, ..StreamConfig::default() }];
        let entropy = Entropy { salt: [1; 16], unix_us: None, clock_id: None };
        let link = SkylarkConfig { streams, ..SkylarkConfig::default() };
        let mut sender = Sender::new(SenderConfig::default(), Skylark::new(link, key, entropy, now), now);
        let mut recording = PcapInject::create(&self.path("air.pcap"), now).unwrap();
        let mut packetizer = Packetizer::new(1, 0, 1400);
        for (access_unit, captured_us) in clip().iter().zip((0..).step_by(33_333)) {
            let end = now + INTERVAL;
            packetizer.for_each_datagram(access_unit, captured_us, |bytes, end_of_unit| {
                let keyframe = access_unit.keyframe;
                sender.push_datagram(Outgoing { stream: 0, bytes, end_of_unit, keyframe, captured: now }, now).unwrap();
                self.datagrams.push(bytes.to_vec());
            });
            while now < end {
                while let Some(frame) = sender.poll_transmit(now) {
                    recording.inject(frame, now).unwrap();
                }
                now = sender.poll_timeout().map_or(end, |deadline| deadline.clamp(now, end));
            }
        }
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with the key and the recording, and these options.
    pub(crate) fn program(&self, options: &[&str]) -> Command {
        let air = format!("pcap:{}", self.path("air.pcap").display());
        let mut command = self.listening_on(&air, options);
        command.arg("--as-fast-as-possible");
        command
    }

    /// The program with the key, this air and these options.
    pub(crate) fn listening_on(&self, air: &str, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-rx"));
        command.arg("--air").arg(air).arg("--key").arg(self.path("link.key")).args(options);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }
}

/// The clip's access units.
pub(crate) fn clip() -> Vec<AccessUnit> {
    let now = Instant::now();
    let mut assembler = Assembler::default();
    assembler.handle_bytes(CLIP, now);
    assembler.handle_end(now);
    std::iter::from_fn(|| assembler.poll_unit()).map(|assembled| assembled.unit).collect()
}

/// The clip as a recording of it should be.
pub(crate) fn annex_b() -> Vec<u8> {
    clip().into_iter().flat_map(|access_unit| access_unit.bytes).collect()
}
