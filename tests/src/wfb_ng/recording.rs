//! What was recorded of the reference: `tests/vectors/wfb-ng`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use skylark_common::wfb_ng::key_file::{self, End};
use skylark_common::wfb_ng::keys::EndKey;

/// One recording.
#[derive(Debug)]
pub struct Recording {
    /// Its folder's name.
    pub name: String,
    /// The ground's key.
    pub key: EndKey,
    /// Frames as a card captured them, radiotap header first, and when.
    pub frames: Vec<(Duration, Vec<u8>)>,
    /// What is known of it.
    pub expected: Expected,
}

/// `expect.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    /// The transmitter's arguments.
    pub tx_args: String,
    /// Every datagram that was sent.
    pub sent: Vec<Sent>,
    /// The places in `sent` of what the reference receiver handed on, in its order.
    pub delivered_by_reference_receiver: Vec<usize>,
}

/// A datagram, known again by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sent {
    /// Its length in bytes.
    pub len: usize,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Sent {
    /// What a datagram is known by.
    #[must_use]
    pub fn of(datagram: &[u8]) -> Self {
        let hash = digest(&SHA256, datagram);
        Self { len: datagram.len(), sha256: hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

/// Where recordings are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/wfb-ng")
}

impl Recording {
    /// All recordings in [`folder`], in order of their names.
    ///
    /// # Panics
    /// One cannot be read.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(folder()).expect("the folder of recordings");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = std::fs::read(path.join("expect.json")).expect("expect.json");
        Self {
            key: key_file::read(&path.join("gs.key"), End::Ground).expect("gs.key"),
            frames: frames(&path.join("air.pcap")),
            expected: serde_json::from_slice(&expected).expect("expect.json as this program reads it"),
            name,
        }
    }

    /// An argument of the transmitter's command line, as `-k`.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<u32> {
        let mut words = self.expected.tx_args.split_whitespace();
        words.find(|word| *word == name)?;
        words.next()?.parse().ok()
    }
}

fn frames(path: &Path) -> Vec<(Duration, Vec<u8>)> {
    let mut capture = pcap::Capture::from_file(path).expect("air.pcap");
    let mut frames = Vec::new();
    let mut first = None;
    while let Ok(packet) = capture.next_packet() {
        let (seconds, micros) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
        let at = Duration::from_micros(u64::try_from(seconds * 1_000_000 + micros).unwrap_or(0));
        frames.push((at.saturating_sub(*first.get_or_insert(at)), packet.data.to_vec()));
    }
    frames
}
