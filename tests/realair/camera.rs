//! From a camera over radios to a picture.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use v4l::video::Output;
use v4l::{Device, Format, FourCC};

use crate::Test;
use crate::desk::{Desk, clip};
use crate::radios::{CHANNEL_MHZ, camera, listen_on, run};

pub(crate) const TESTS: [Test; 2] = [
    ("camera::a_cameras_picture_arrives_on_two_cards", a_cameras_picture_arrives_on_two_cards),
    ("camera::an_h264_cameras_units_arrive_bit_for_bit", an_h264_cameras_units_arrive_bit_for_bit),
];

const WIDTH: usize = 320;
const HEIGHT: usize = 180;
/// The picture of the clip.
const CLIP_WIDTH: u32 = 320;
const CLIP_HEIGHT: u32 = 240;
/// How much of it is filmed after its first access unit: more than two keyframes.
const FILMED_UNITS: usize = 80;
/// Room for its largest access unit.
const MAX_UNIT_BYTES: u32 = 400_000;
/// Longer than an emulated machine may take for anything: repairs must not come too late for that.
const PATIENT: &str = "--latency-budget 2s";
/// What an encoder of 500 kbit/s leaves of still test patterns, with room: other patterns reach less than half.
const LEAST_PSNR_DB: f64 = 25.0;

fn a_cameras_picture_arrives_on_two_cards() {
    listen_on(&["wlan0", "wlan1", "wlan2"], CHANNEL_MHZ);
    let desk = Desk::new();
    let vivid = camera("vivid-000-vid-cap");
    // Without a frame counter, so that pictures can be compared.
    run(&format!("v4l2-ctl --device {vivid} --set-ctrl osd_text_mode=2"));
    let mut rx = desk.start(
        "skylark-rx",
        "rx",
        &format!("--air wlan1 --air wlan2 --key link.key --output png:picture.png --output file:flight.h264 {PATIENT}"),
    );
    for (session, pattern) in [(1, 0), (2, 14)] {
        run(&format!("v4l2-ctl --device {vivid} --set-ctrl test_pattern={pattern}"));
        let expected = shot(&vivid, Path::new("/run/shot"));
        let decoded = rx.count("/picture/decoded");
        let sends = format!("--size {WIDTH}x{HEIGHT} --fps 15 --bitrate 500k --air wlan0 --key link.key");
        let mut tx = desk.start("skylark-tx", &format!("tx{session}"), &format!("--input v4l2:{vivid} {sends}"));
        rx.wait_for("pictures", |rx| rx.count("/sessions") == session && rx.count("/picture/decoded") > decoded + 20);
        let written = rx.count("/outputs/png_written");
        rx.wait_for("the picture", |rx| rx.count("/outputs/png_written") > written + 1);
        assert_eq!(tx.end(), 0);
        let psnr_db = psnr_db(&luma(&desk.read("picture.png")), &expected);
        println!("       pattern {pattern}: {psnr_db:.1} dB");
        assert!(psnr_db > LEAST_PSNR_DB, "pattern {pattern}: {psnr_db} dB");
    }
    assert_eq!(rx.end(), 0);
    for card in [0, 1] {
        assert!(rx.count(&format!("/cards/{card}/heard")) > 0, "card {card} heard nothing");
    }
    assert_eq!((rx.count("/streams/0/lost"), rx.count("/frames/forged")), (0, 0));
    assert!(!desk.read("flight.h264").is_empty());
}

/// The brightness of a picture the camera takes.
fn shot(device: &str, path: &Path) -> Vec<u8> {
    let format = format!("--set-fmt-video=width={WIDTH},height={HEIGHT},pixelformat=YUYV");
    let stream = format!("--stream-mmap --stream-skip=2 --stream-count=1 --stream-to={}", path.display());
    run(&format!("v4l2-ctl --device {device} {format} {stream}"));
    let yuyv = fs::read(path).unwrap();
    assert_eq!(yuyv.len(), WIDTH * HEIGHT * 2);
    yuyv.into_iter().step_by(2).collect()
}

/// The brightness of a PNG, as video has it: 16 is black, 235 white.
fn luma(png: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    let weighted = |pixel: &[u8]| {
        16.0 + (65.5 * f64::from(pixel[0]) + 128.6 * f64::from(pixel[1]) + 25.0 * f64::from(pixel[2])) / 255.0
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 16 and 236")]
    rgb.chunks_exact(3).map(|pixel| weighted(pixel).round() as u8).collect()
}

/// How much more there is in a picture than differs between the two, in dB.
fn psnr_db(found: &[u8], expected: &[u8]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let squares = found.iter().zip(expected).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>();
    let mean = squares / f64::from(u32::try_from(found.len()).unwrap());
    10.0 * (255.0 * 255.0 / mean.max(0.01)).log10()
}

fn an_h264_cameras_units_arrive_bit_for_bit() {
    listen_on(&["wlan0", "wlan1", "wlan2"], CHANNEL_MHZ);
    let desk = Desk::new();
    let loopback = camera("Dummy video device");
    let mut device = Device::with_path(&loopback).unwrap();
    let format = Format { size: MAX_UNIT_BYTES, ..Format::new(CLIP_WIDTH, CLIP_HEIGHT, FourCC::new(b"H264")) };
    Output::set_format(&device, &format).unwrap();
    let mut film = clip().into_iter().cycle();
    // A camera without a picture is none yet.
    let first = film.next().unwrap();
    device.write_all(&first.bytes).unwrap();
    let outputs = format!("--output file:flight.h264 {PATIENT}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--air wlan1 --air wlan2 --key link.key {outputs}"));
    let sends = format!("--size {CLIP_WIDTH}x{CLIP_HEIGHT} --fps 30 --air wlan0 --key link.key");
    let mut tx = desk.start("skylark-tx", "tx", &format!("--input v4l2:{loopback} {sends}"));
    tx.wait_for("the first picture", |tx| tx.count("/units") > 0);
    for unit in film.take(FILMED_UNITS) {
        device.write_all(&unit.bytes).unwrap();
        std::thread::sleep(Duration::from_millis(33));
    }
    rx.wait_for("units", |rx| rx.count("/outputs/units_written") >= FILMED_UNITS as u64);
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    let filmed: Vec<_> = clip().iter().cycle().take(1 + FILMED_UNITS).flat_map(|unit| unit.bytes.clone()).collect();
    let found = desk.read("flight.h264");
    println!("       {} bytes of {}", found.len(), filmed.len());
    assert!(filmed == found);
}
