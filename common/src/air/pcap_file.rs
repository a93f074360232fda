//! Recordings: pcap files of link type 127 (radiotap and 802.11), as Wireshark opens them.
#![expect(clippy::disallowed_methods, reason = "a recording carries the time of day")]

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Capture, Dead, Linktype, Offline, Packet, PacketHeader, Precision, Savefile};
use thiserror::Error;

use super::{CaptureAir, CaptureError, Captured, InjectAir, MAX_FRAME_BYTES, Refusal, copy};

/// LINKTYPE_IEEE802_11_RADIOTAP (tcpdump.org/linktypes.html).
const RADIOTAP: Linktype = Linktype(127);

/// Writes every frame to a file, as a transmitter or a receiver saw it.
pub struct PcapInject {
    file: Savefile,
    path: PathBuf,
    name: String,
    /// The time of day at some `Instant`, to tell the one from the other.
    clock: (Instant, SystemTime),
    /// A write failed: what followed the broken record could not be read.
    failed: bool,
}

/// Plays a recording.
pub struct PcapCapture {
    file: Capture<Offline>,
    path: PathBuf,
    name: String,
    pace: Pace,
    /// When the first frame was played, and the time recorded for it.
    start: Option<(Instant, Duration)>,
    next: Option<Frame>,
    buffer: Vec<u8>,
    ended: bool,
}

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// Each frame as long after the first as it was recorded.
    #[default]
    Recorded,
    /// Every frame at once.
    AsFastAsPossible,
}

/// Why a recording cannot be opened.
#[derive(Debug, Error)]
pub enum PcapError {
    /// libpcap's word.
    #[error("{path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why, and what was expected.
        reason: String,
    },
    /// A recording of something else.
    #[error("{path}: link type {found} ({name}), expected 127 (IEEE802_11_RADIO): record on a monitor interface")]
    LinkType {
        /// The file.
        path: PathBuf,
        /// Its link type.
        found: i32,
        /// What libpcap calls it.
        name: String,
    },
}

/// The frame that is played next; its bytes are in the player's buffer.
#[derive(Debug, Clone, Copy)]
struct Frame {
    len: usize,
    at: Instant,
}

impl PcapInject {
    /// Creates the file, or empties it if it is there. `now` is when it is called.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, now: Instant) -> Result<Self, PcapError> {
        let open = || -> Result<Savefile, pcap::Error> {
            let dead: Capture<Dead> = Capture::dead_with_precision(RADIOTAP, Precision::Nano)?;
            let mut file = dead.savefile(utf8(path)?)?;
            file.flush()?;
            Ok(file)
        };
        let file = open().map_err(|error| PcapError::Open { path: path.to_owned(), reason: words(path, error) })?;
        let clock = (now, SystemTime::now());
        Ok(Self { file, path: path.to_owned(), name: format!("pcap:{}", path.display()), clock, failed: false })
    }

    fn timestamp(&self, now: Instant) -> libc::timeval {
        let (then, time_of_day) = self.clock;
        let time_of_day = time_of_day.duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_epoch = time_of_day + now.saturating_duration_since(then);
        // In a file of nanosecond precision this field holds nanoseconds.
        libc::timeval {
            tv_sec: since_epoch.as_secs().try_into().unwrap_or(0),
            tv_usec: since_epoch.subsec_nanos().into(),
        }
    }
}

impl InjectAir for PcapInject {
    fn inject(&mut self, frame: &[u8], now: Instant) -> Result<(), Refusal> {
        if self.failed {
            return Err(Refusal::Failed(io::Error::other(format!("{}: the recording has ended", self.path.display()))));
        }
        let too_long = Refusal::TooLong { found: frame.len(), limit: MAX_FRAME_BYTES };
        let len = u32::try_from(frame.len()).ok().filter(|_| frame.len() <= MAX_FRAME_BYTES).ok_or(too_long)?;
        let header = PacketHeader { ts: self.timestamp(now), caplen: len, len };
        self.file.write(&Packet::new(&header, frame));
        // Each frame reaches the kernel at once, so that a killed program leaves a whole file.
        self.file.flush().map_err(|error| {
            self.failed = true;
            let path = &self.path;
            let reason = format!("{}: {}: the recording ends here", path.display(), words(path, error));
            Refusal::Failed(io::Error::other(reason))
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl PcapCapture {
    /// Opens a recording: pcap or pcapng, of microseconds or nanoseconds.
    ///
    /// # Errors
    /// The file cannot be read, is no recording, or has another link type than radiotap.
    pub fn open(path: &Path, pace: Pace) -> Result<Self, PcapError> {
        let open = || Capture::from_file_with_precision(utf8(path)?, Precision::Nano);
        let file = open().map_err(|error| {
            let reason = format!("{}, expected a pcap file with link type 127", words(path, error));
            PcapError::Open { path: path.to_owned(), reason }
        })?;
        let found = file.get_datalink();
        if found != RADIOTAP {
            let name = found.get_name().unwrap_or_else(|_| "unknown".to_owned());
            return Err(PcapError::LinkType { path: path.to_owned(), found: found.0, name });
        }
        let name = format!("pcap:{}", path.display());
        let buffer = vec![0; MAX_FRAME_BYTES];
        Ok(Self { file, path: path.to_owned(), name, pace, start: None, next: None, buffer, ended: false })
    }

    /// Reads the next frame ahead, to know when it is due.
    fn read(&mut self, now: Instant) -> Result<(), CaptureError> {
        let packet = match self.file.next_packet() {
            Ok(packet) => packet,
            Err(error) => {
                self.ended = true;
                let broken_off = error != pcap::Error::NoMorePackets;
                return if broken_off { Err(recording_error(&self.path, error)) } else { Ok(()) };
            }
        };
        let recorded = time(packet.header.ts);
        let (start, first) = *self.start.get_or_insert((now, recorded));
        let at = start + recorded.saturating_sub(first);
        self.next = Some(Frame { len: copy(packet.data, &mut self.buffer), at });
        Ok(())
    }
}

impl CaptureAir for PcapCapture {
    /// Copies the next frame that is due. Its time is the recorded one, counted from the first call; as fast
    /// as possible, it may be later than `now`.
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError> {
        if self.next.is_none() && !self.ended {
            self.read(now)?;
        }
        let due = |frame: &mut Frame| self.pace == Pace::AsFastAsPossible || frame.at <= now;
        let Some(frame) = self.next.take_if(due) else { return Ok(None) };
        let bytes = self.buffer.get(..frame.len).unwrap_or_default();
        Ok(Some(Captured { len: copy(bytes, buffer), at: frame.at }))
    }

    fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn wait(&self, now: Instant) -> Option<Duration> {
        match (self.next, self.ended) {
            (Some(frame), _) if self.pace == Pace::Recorded => Some(frame.at.saturating_duration_since(now)),
            (None, true) => None,
            _ => Some(Duration::ZERO),
        }
    }

    fn ended(&self) -> bool {
        self.ended && self.next.is_none()
    }

    fn dropped(&self) -> u64 {
        0
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for PcapInject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcapInject").field("path", &self.path).field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PcapCapture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcapCapture").field("path", &self.path).field("next", &self.next).finish_non_exhaustive()
    }
}

/// libpcap takes its file names as text.
fn utf8(path: &Path) -> Result<&Path, pcap::Error> {
    path.to_str().map(|_| path).ok_or(pcap::Error::InvalidInputString)
}

fn recording_error(path: &Path, error: pcap::Error) -> CaptureError {
    CaptureError::Recording(format!("{}: {}: the recording breaks off here", path.display(), words(path, error)))
}

/// A time as a file of nanosecond precision gives it.
fn time(ts: libc::timeval) -> Duration {
    let seconds = u64::try_from(ts.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(ts.tv_usec).unwrap_or(0))
}

/// libpcap's words without the path it puts in front, or the machine's for an error number.
fn words(path: &Path, error: pcap::Error) -> String {
    if let pcap::Error::PcapError(words) = &error {
        let prefix = format!("{}: ", path.display());
        return words.strip_prefix(&prefix).unwrap_or(words).to_owned();
    }
    if let pcap::Error::ErrnoError(errno) = error {
        return io::Error::from_raw_os_error(errno.0).to_string();
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
