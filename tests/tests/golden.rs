//! A recording under version control: what the receiver makes of it and what the sender emits may not change
//! unnoticed.
//!
//! `SKYLARK_WRITE_TABLES=1 cargo test -p skylark-tests --test golden` records it anew.
#![expect(clippy::disallowed_methods, reason = "a test begins its virtual time somewhere")]

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_rx::Receiver;
use skylark_tests::link::{Recorded, key};
use skylark_tests::{Link, LinkConfig, Traffic};

const DURATION: Duration = Duration::from_millis(1200);
/// pcap in nanoseconds, little endian, version 2.4, link type 127 (radiotap).
const PCAP_HEADER: [u8; 24] = [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 127, 0, 0, 0];

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn is_to_be_written() -> bool {
    std::env::var_os("SKYLARK_WRITE_TABLES").is_some()
}

/// One card with two antennas that loses 12 % of the frames in bursts and hears a third of those damaged.
fn recorded(start: Instant) -> Vec<Recorded> {
    let loss = Loss::Bursts { share: 0.12, mean_frames: 3.0 };
    let card = ReceiverConfig { loss, damaged_share: 0.3, antennas: 2, ..ReceiverConfig::default() };
    let traffic = Traffic {
        units_per_s: 30,
        bits_per_s: 600_000,
        keyframe_interval: 20,
        datagram_bytes: 700,
        ..Traffic::default()
    };
    let mut link = Link::new(LinkConfig { receivers: vec![card], traffic, seed: 5, ..LinkConfig::default() }, start);
    link.recording = Some(Vec::new());
    link.run(DURATION);
    link.recording.unwrap_or_default()
}

/// The frames as a pcap file whose time begins with the link.
fn pcap(frames: &[Recorded], start: Instant) -> Vec<u8> {
    let mut file = PCAP_HEADER.to_vec();
    for frame in frames {
        let at = frame.at - start;
        let len = u32::try_from(frame.bytes.len()).expect("frames are short");
        let seconds = u32::try_from(at.as_secs()).expect("recordings are short");
        for word in [seconds, at.subsec_nanos(), len, len] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&frame.bytes);
    }
    file
}

/// The frames of a file and when each was captured.
fn frames(mut file: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    file = file.strip_prefix(&PCAP_HEADER).expect("a recording of ours");
    let mut frames = Vec::new();
    while let Some((head, rest)) = file.split_first_chunk::<16>() {
        let (words, _) = head.as_chunks();
        let [seconds, nanos, len, _] = [0, 1, 2, 3].map(|at| u32::from_le_bytes(words[at]));
        let (frame, rest) = rest.split_at(len as usize);
        frames.push((Duration::new(seconds.into(), nanos), frame.to_vec()));
        file = rest;
    }
    frames
}

/// FNV-1a in 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn drain(receiver: &mut Receiver, list: &mut String) {
    while let Some(datagram) = receiver.poll_datagram() {
        let marks = [
            (datagram.start_of_unit, "start"),
            (datagram.end_of_unit, "end"),
            (datagram.keyframe, "keyframe"),
            (datagram.recovered, "recovered"),
        ];
        let marks: Vec<&str> = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect();
        let captured = datagram.captured_us.map_or_else(|| "-".to_owned(), |us| us.to_string());
        let (session, len, missing) = (datagram.session, datagram.bytes.len(), datagram.missing_before);
        let hash = hash(datagram.bytes);
        writeln!(list, "{session:06x} {len:>4} {hash:016x} {captured:>8} {missing:>2} {}", marks.join(" "))
            .expect("memory");
    }
}

/// What the receiver hands on when it hears the recording.
fn handed_on(file: &[u8]) -> String {
    let start = Instant::now();
    let mut receiver = Receiver::new(skylark_rx::ReceiverConfig::default(), &key(), start);
    let mut list = String::from("# session, bytes, FNV-1a 64, captured µs, missing before, marks\n");
    for (at, frame) in frames(file) {
        while let Some(due) = receiver.poll_timeout().filter(|due| *due <= start + at) {
            receiver.handle_timeout(due);
            drain(&mut receiver, &mut list);
        }
        receiver.handle_frame(0, &frame, start + at);
        drain(&mut receiver, &mut list);
    }
    while let Some(due) = receiver.poll_timeout() {
        receiver.handle_timeout(due);
        drain(&mut receiver, &mut list);
    }
    list
}

#[test]
fn the_on_air_format_is_the_recorded_one() {
    let start = Instant::now();
    let found = pcap(&recorded(start), start);
    if is_to_be_written() {
        std::fs::write(data("golden.pcap"), &found).expect("the recording can be written");
        std::fs::write(data("golden.txt"), handed_on(&found)).expect("the list can be written");
    }
    let expected = std::fs::read(data("golden.pcap")).expect("tests/data/golden.pcap is there");
    for (number, (found, expected)) in frames(&found).into_iter().zip(frames(&expected)).enumerate() {
        assert!(
            found == expected,
            "frame {} of tests/data/golden.pcap differs: what goes on air has changed. If receivers in the field \
             cannot read it, raise wire::packet::VERSION and say so in docs/PROTOCOL.md and CHANGELOG.md; then \
             SKYLARK_WRITE_TABLES=1 records it anew.\n found {found:02x?}\n expected {expected:02x?}",
            number + 1,
        );
    }
    assert_eq!(found.len(), expected.len(), "another number of frames is sent");
}

#[test]
fn the_recording_gives_exactly_the_listed_datagrams() {
    if is_to_be_written() {
        return;
    }
    let file = std::fs::read(data("golden.pcap")).expect("tests/data/golden.pcap is there");
    let expected = std::fs::read_to_string(data("golden.txt")).expect("tests/data/golden.txt is there");
    let found = handed_on(&file);
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "tests/data/golden.txt:{}: left is found, right is recorded", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
    assert!(expected.contains("recovered") && expected.contains("keyframe"), "the recording shows little");
}
