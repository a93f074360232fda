//! Recordings written and read back, and files that are none.

use std::fs;

use super::*;

/// A directory of this test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skylark-pcap-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn now() -> Instant {
    Instant::now()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Little-endian pcap, version 2.4, with these records of (µs or ns, bytes) at second 1.
fn savefile(magic: u32, link_type: u32, records: &[(u32, &[u8])]) -> Vec<u8> {
    let header = [magic, 0x0004_0002, 0, 0, 65_535, link_type];
    let mut file: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
    for (fraction, bytes) in records {
        let len = u32::try_from(bytes.len()).unwrap();
        file.extend([1, *fraction, len, len].into_iter().flat_map(u32::to_le_bytes));
        file.extend_from_slice(bytes);
    }
    file
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Everything that is due, and its time after `start`.
fn due(air: &mut PcapCapture, start: Instant, now: Instant) -> Vec<(Vec<u8>, Duration)> {
    let mut buffer = [0; MAX_FRAME_BYTES];
    let mut frames = Vec::new();
    while let Some(captured) = air.capture(&mut buffer, now).unwrap() {
        frames.push((buffer[..captured.len].to_vec(), captured.at - start));
    }
    frames
}

#[test]
fn frames_come_back_in_their_original_timing() {
    let scratch = Scratch::new("timing");
    let path = scratch.0.join("flight.pcap");
    let written = now();
    let mut file = PcapInject::create(&path, written).unwrap();
    file.inject(&[1; 40], written + ms(500)).unwrap();
    file.inject(&[2; MAX_FRAME_BYTES], written + ms(510)).unwrap();
    let mut air = PcapCapture::open(&path, Pace::Recorded).unwrap();
    let start = now();
    assert_eq!(air.wait(start), Some(Duration::ZERO));
    assert_eq!(due(&mut air, start, start), [(vec![1; 40], ms(0))]);
    assert_eq!(air.wait(start + ms(4)), Some(ms(6)));
    assert_eq!(due(&mut air, start, start + ms(9)), []);
    assert!(!air.ended());
    assert_eq!(due(&mut air, start, start + ms(25)), [(vec![2; MAX_FRAME_BYTES], ms(10))]);
    assert!(air.ended());
    assert_eq!((air.wait(start), air.dropped()), (None, 0));
}

#[test]
fn as_fast_as_possible_everything_is_due_and_keeps_its_time() {
    let scratch = Scratch::new("fast");
    let records: [(u32, &[u8]); 3] = [(0, &[1]), (900_000, &[2]), (950_000, &[3])];
    let path = scratch.file("a.pcap", &savefile(MICROSECONDS, 127, &records));
    let mut air = PcapCapture::open(&path, Pace::AsFastAsPossible).unwrap();
    let start = now();
    let frames = due(&mut air, start, start);
    assert_eq!(frames, [(vec![1], ms(0)), (vec![2], ms(900)), (vec![3], ms(950))]);
    assert!(air.ended());
}

#[test]
fn nanosecond_files_are_read_to_the_nanosecond() {
    let scratch = Scratch::new("nano");
    let path = scratch.file("n.pcap", &savefile(NANOSECONDS, 127, &[(5, &[1]), (1_234_572, &[2])]));
    let mut air = PcapCapture::open(&path, Pace::AsFastAsPossible).unwrap();
    let start = now();
    assert_eq!(due(&mut air, start, start)[1].1, Duration::from_nanos(1_234_567));
}

#[test]
fn a_clock_that_was_set_back_makes_frames_come_at_once() {
    let scratch = Scratch::new("back");
    let path = scratch.file("b.pcap", &savefile(MICROSECONDS, 127, &[(500_000, &[1]), (100_000, &[2])]));
    let mut air = PcapCapture::open(&path, Pace::Recorded).unwrap();
    let start = now();
    assert_eq!(due(&mut air, start, start).len(), 2);
}

#[test]
fn an_empty_recording_ends_at_once() {
    let scratch = Scratch::new("empty");
    let path = scratch.file("e.pcap", &savefile(MICROSECONDS, 127, &[]));
    let mut air = PcapCapture::open(&path, Pace::Recorded).unwrap();
    assert_eq!(due(&mut air, now(), now()), []);
    assert!(air.ended());
}

#[test]
fn a_recording_that_breaks_off_is_played_to_there_and_says_so() {
    let scratch = Scratch::new("cut");
    let whole = savefile(MICROSECONDS, 127, &[(0, &[1; 20]), (1, &[2; 20])]);
    let path = scratch.file("c.pcap", &whole[..whole.len() - 7]);
    let mut air = PcapCapture::open(&path, Pace::Recorded).unwrap();
    let mut buffer = [0; MAX_FRAME_BYTES];
    assert_eq!(air.capture(&mut buffer, now()).unwrap().map(|frame| frame.len), Some(20));
    let error = air.capture(&mut buffer, now()).unwrap_err().to_string();
    assert!(error.contains("c.pcap: truncated dump file"), "{error}");
    assert!(error.ends_with("the recording breaks off here"), "{error}");
    assert!(air.ended());
    assert_eq!(air.capture(&mut buffer, now()).unwrap(), None);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_survived() {
    let scratch = Scratch::new("mutated");
    let whole = savefile(MICROSECONDS, 127, &[(0, &[1; 20]), (1, &[2; 20])]);
    let truncated = (0..whole.len()).map(|len| whole[..len].to_vec());
    let flipped = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        bytes
    });
    for bytes in truncated.chain(flipped) {
        let path = scratch.file("m.pcap", &bytes);
        let Ok(mut air) = PcapCapture::open(&path, Pace::AsFastAsPossible) else { continue };
        let mut buffer = [0; MAX_FRAME_BYTES];
        while air.capture(&mut buffer, now()).is_ok_and(|frame| frame.is_some()) {}
        assert!(air.ended());
    }
}

#[test]
fn a_recording_of_something_else_is_refused_with_what_was_found() {
    let scratch = Scratch::new("ethernet");
    let path = scratch.file("eth.pcap", &savefile(MICROSECONDS, 1, &[]));
    let error = PcapCapture::open(&path, Pace::Recorded).unwrap_err().to_string();
    let expected = format!(
        "{}: link type 1 (EN10MB), expected 127 (IEEE802_11_RADIO): record on a monitor interface",
        path.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn what_is_no_recording_is_refused_with_what_was_expected() {
    let scratch = Scratch::new("foreign");
    let path = scratch.file("movie.mp4", b"this is a film, and longer than a header");
    let error = PcapCapture::open(&path, Pace::Recorded).unwrap_err().to_string();
    assert_eq!(error, format!("{}: unknown file format, expected a pcap file with link type 127", path.display()));
    let missing = scratch.0.join("missing.pcap");
    let error = PcapCapture::open(&missing, Pace::Recorded).unwrap_err().to_string();
    let expected = "No such file or directory, expected a pcap file with link type 127";
    assert_eq!(error, format!("{}: {expected}", missing.display()));
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let error = PcapInject::create(Path::new("/nowhere/flight.pcap"), now()).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/flight.pcap: No such file or directory");
}

#[test]
fn a_full_disk_ends_the_recording_with_a_clear_error() {
    let error = PcapInject::create(Path::new("/dev/full"), now()).unwrap_err().to_string();
    assert_eq!(error, "/dev/full: No space left on device (os error 28)");
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let scratch = Scratch::new("failed");
    let path = scratch.0.join("f.pcap");
    let mut file = PcapInject::create(&path, now()).unwrap();
    file.failed = true;
    let error = file.inject(&[1; 40], now()).unwrap_err().to_string();
    assert!(error.ends_with("the recording has ended"), "{error}");
    drop(file);
    assert_eq!(fs::metadata(&path).unwrap().len(), 24);
}

#[test]
fn a_frame_no_air_carries_is_refused() {
    let scratch = Scratch::new("long");
    let mut file = PcapInject::create(&scratch.0.join("l.pcap"), now()).unwrap();
    let refused = file.inject(&[0; MAX_FRAME_BYTES + 1], now());
    assert!(matches!(refused, Err(Refusal::TooLong { found: 4097, limit: 4096 })));
}

#[test]
fn a_recording_whose_program_was_killed_is_whole() {
    let scratch = Scratch::new("killed");
    let path = scratch.0.join("k.pcap");
    let mut file = PcapInject::create(&path, now()).unwrap();
    file.inject(&[1; 40], now()).unwrap();
    // What a killed program leaves: the file as the kernel has it, never closed.
    std::mem::forget(file);
    let mut air = PcapCapture::open(&path, Pace::AsFastAsPossible).unwrap();
    let start = now();
    assert_eq!(due(&mut air, start, start), [(vec![1; 40], Duration::ZERO)]);
}
