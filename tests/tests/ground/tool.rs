//! GStreamer and ffmpeg as they come from Debian's packages: they play what the receiver sends and send what the
//! transmitter takes.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running tool; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Tool {
    child: Child,
    folder: std::path::PathBuf,
    log: String,
}

impl Tool {
    /// Starts a tool in `folder`; what it says goes to `NAME.log`.
    ///
    /// A tool that is missing is no reason to skip anything: `make test` installs it.
    pub(crate) fn start(folder: &Path, name: &str, command: &str) -> Self {
        let (log, mut words) = (format!("{name}.log"), command.split_whitespace());
        let program = words.next().unwrap();
        let said = File::create(folder.join(&log)).unwrap();
        let mut command = Command::new(program);
        command.args(words).current_dir(folder).stdin(Stdio::null());
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}: install it by `make test`"));
        Self { child, folder: folder.to_owned(), log }
    }

    /// A player that waits for RTP at `port` and ends after `pictures`, which it leaves raw (I420) in `file`.
    /// `depay` begins with the depayloader: what ground stations are made of.
    pub(crate) fn gstreamer_player(folder: &Path, file: &str, port: u16, codec: &str, pictures: usize) -> Self {
        let lower = codec.to_lowercase();
        let caps = format!("application/x-rtp,media=video,clock-rate=90000,encoding-name={codec}");
        let ends = format!("identity eos-after={}", pictures + 1);
        let decodes = format!("rtpjitterbuffer ! rtp{lower}depay ! {lower}parse ! avdec_{lower}");
        let command =
            format!("gst-launch-1.0 -q udpsrc port={port} caps={caps} ! {decodes} ! {ends} ! filesink location={file}");
        Self::start(folder, file, &command).listening(port)
    }

    /// The same by ffmpeg from a session description.
    pub(crate) fn ffmpeg_player(folder: &Path, file: &str, port: u16, sdp: &str, pictures: usize) -> Self {
        let input = format!("-protocol_whitelist file,udp,rtp -i {sdp} -an -frames:v {pictures}");
        let command = format!("ffmpeg -v warning -y {input} -fps_mode passthrough -f rawvideo -pix_fmt yuv420p {file}");
        Self::start(folder, file, &command).listening(port)
    }

    /// Waits until somebody listens at this port of this machine.
    fn listening(mut self, port: u16) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let is_there = |table: &str| {
            let sockets = fs::read_to_string(table).unwrap_or_default();
            sockets.lines().skip(1).any(|line| {
                let local = line.split_whitespace().nth(1).and_then(|local| local.rsplit_once(':'));
                local.is_some_and(|(_, found)| u16::from_str_radix(found, 16) == Ok(port))
            })
        };
        while !["/proc/net/udp", "/proc/net/udp6"].into_iter().any(is_there) {
            assert!(Instant::now() < deadline, "nobody listens at {port}: {}", self.said());
            assert!(self.child.try_wait().unwrap().is_none(), "it has ended: {}", self.said());
            std::thread::sleep(LOOK_AGAIN);
        }
        self
    }

    /// Waits until it has ended well.
    pub(crate) fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return assert!(status.success(), "{status}: {}", self.said());
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn said(&self) -> String {
        format!("{}: {}", self.log, fs::read_to_string(self.folder.join(&self.log)).unwrap_or_default())
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a tool to its end.
pub(crate) fn run(folder: &Path, command: &str) {
    Tool::start(folder, "tool", command).wait();
}

/// The first pictures, raw, that ffmpeg decodes from a file.
pub(crate) fn decoded(folder: &Path, file: &str, pictures: usize) -> Vec<u8> {
    let output = "-fps_mode passthrough -f rawvideo -pix_fmt yuv420p reference.yuv";
    run(folder, &format!("ffmpeg -v error -y -i {file} -an -frames:v {pictures} {output}"));
    fs::read(folder.join("reference.yuv")).unwrap()
}
