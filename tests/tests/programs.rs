//! The real programs over `udp:`, in real time: what a pilot does with them, without a window.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives real programs in real time")]

#[path = "programs/desk.rs"]
mod desk;
#[path = "programs/figures.rs"]
mod figures;
#[path = "programs/meter.rs"]
mod meter;

use std::io::Write as _;
use std::net::UdpSocket;
use std::time::Duration;

use desk::{CLIP, Desk, clip, ports};
use skylark_common::rtp::Packetizer;
use skylark_common::time_code::{Luma, TimeCode};

/// A small picture, so that a busy machine keeps up.
const TEST_PICTURE: &str = "--input test --size 640x360 --fps 30 --bitrate 2M";
/// Longer than a busy machine may keep one of the programs from running: repairs must not come too late for that.
const PATIENT: &str = "--latency-budget 2s";

/// Reads the frame number and the capture time that are burnt into a picture of the test source.
fn read_time_code(png: &[u8]) -> TimeCode {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let shape = reader.next_frame(&mut rgb).unwrap();
    let green: Vec<u8> = rgb.chunks_exact(3).map(|pixel| pixel[1]).collect();
    let [width, height] = [shape.width, shape.height].map(|side| usize::try_from(side).unwrap());
    TimeCode::read(Luma { bytes: &green, stride: width, width, height }).unwrap()
}

#[test]
fn a_picture_comes_whole_through_an_air_that_loses_packets() {
    let desk = Desk::new();
    let [air_port, card_1, card_2] = ports();
    let mut air = desk.air(air_port, &[format!("{card_1},loss=random:10%"), format!("{card_2},loss=burst:10%,5")]);
    let cards = format!("--air udp:127.0.0.1:{card_1} --air udp:127.0.0.1:{card_2}");
    let outputs = "--output png:picture.png --output file:flight.h264";
    let mut rx = desk.start("skylark-rx", "rx", &format!("{cards} --key link.key {outputs} {PATIENT}"));
    let mut tx =
        desk.start("skylark-tx", "tx", &format!("{TEST_PICTURE} --air udp:127.0.0.1:{air_port} --key link.key"));
    rx.wait_for("pictures", |rx| rx.count("/picture/decoded") >= 60 && rx.count("/outputs/png_written") > 0);

    assert_eq!([tx.end(), air.end(), rx.end()], [0; 3]);
    assert!(!desk.is_left_behind());
    for (program, first, last) in [(&tx, "tx.start", "tx.end"), (&rx, "rx.start", "rx.end")] {
        let stats = program.stats();
        assert_eq!([&stats[0]["ev"], &stats[stats.len() - 1]["ev"]], [first, last]);
    }
    let code = read_time_code(&desk.read("picture.png"));
    let drawn = tx.count("/source/handed_on") + tx.count("/source/skipped");
    assert!((30..=drawn).contains(&u64::from(code.frame)), "{code:?} of {drawn}");
    assert!(!desk.read("flight.h264").is_empty());

    assert!(air.count("/receivers/0/lost") > 0 && air.count("/receivers/1/lost") > 0);
    assert!(rx.count("/streams/0/recovered") > 0);
    assert_eq!((rx.count("/streams/0/lost"), rx.count("/streams/0/units_damaged")), (0, 0));
    if tx.count("/source/gave_way") == 0 {
        assert_eq!(rx.count("/picture/concealed"), 0);
    }
}

#[test]
fn a_file_comes_out_bit_for_bit_over_the_air_and_from_a_recording_of_it() {
    let desk = Desk::new();
    let [air_port, card] = ports();
    let mut air = desk.air(air_port, &[format!("{card},loss=random:10%")]);
    let outputs = format!("--air udp:127.0.0.1:{card} --output file:live.h264 {PATIENT}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key link.key {outputs}"));
    let airs = format!("--air udp:127.0.0.1:{air_port} --air pcap:flight.pcap");
    let mut tx = desk.start("skylark-tx", "tx", &format!("--input file:{CLIP} --key link.key {airs}"));
    assert_eq!(tx.wait(), 0);
    let clip = clip();
    rx.wait_for("the last unit", |rx| rx.count("/outputs/units_written") >= clip.len() as u64);
    assert_eq!([air.end(), rx.end()], [0; 2]);
    let sent: Vec<u8> = clip.iter().flat_map(|unit| unit.bytes.clone()).collect();
    assert!(desk.read("live.h264") == sent);
    assert!(rx.count("/streams/0/recovered") > 0);

    let recording = "--key link.key --air pcap:flight.pcap --as-fast-as-possible --output file:replay.h264";
    assert_eq!(desk.start("skylark-rx", "replay", recording).wait(), 0);
    assert!(desk.read("replay.h264") == sent);
}

#[test]
fn rtp_comes_out_bit_for_bit_as_it_went_in() {
    let desk = Desk::new();
    let [card, camera] = ports();
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    player.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let output = format!("--air udp:127.0.0.1:{card} --output rtp:{} {PATIENT}", player.local_addr().unwrap());
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key link.key {output}"));
    let input = format!("--input rtp:127.0.0.1:{camera} --payload h264");
    let mut tx = desk.start("skylark-tx", "tx", &format!("{input} --key link.key --air udp:127.0.0.1:{card}"));

    let mut packetizer = Packetizer::new(5, 65_500, 1200);
    let source = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut heard = [0; 2048];
    for (unit, captured_us) in clip().iter().zip((0..).step_by(33_333)) {
        let mut sent = Vec::new();
        packetizer.for_each_datagram(unit, captured_us, |bytes, _| sent.push(bytes.to_vec()));
        sent.iter().for_each(|bytes| _ = source.send_to(bytes, ("127.0.0.1", camera)).unwrap());
        for bytes in sent {
            let len = player.recv(&mut heard).unwrap();
            assert!(heard[..len] == bytes);
        }
    }
    assert_eq!([tx.end(), rx.end()], [0; 2]);
}

/// Whether pictures have to give way to later ones is up to the machine: the link's thread may be quicker than the source's.
#[test]
fn pictures_dropped_before_they_were_sent_leave_a_gap_that_shows() {
    let gave_way = (0..10).map(|_| missing_after_a_rush()).find(|missing| *missing > 0);
    assert!(gave_way.is_some(), "three seconds of pictures at once, and all were sent, ten times");
}

/// Sends three seconds of pictures at once; how many datagrams the player misses, which are those that gave way.
fn missing_after_a_rush() -> u64 {
    let desk = Desk::new();
    let [card] = ports();
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = player.local_addr().unwrap();
    let playing = std::thread::spawn(move || sequence_numbers(&player));
    let output = format!("--air udp:127.0.0.1:{card} --output rtp:{address} {PATIENT}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key link.key {output}"));
    let (reader, mut encoder) = std::io::pipe().unwrap();
    let sends = format!("--input - --no-pacing --key link.key --air udp:127.0.0.1:{card}");
    let mut tx = desk.start_fed("skylark-tx", "tx", &sends, reader);

    let clip = clip();
    encoder.write_all(&clip[0].bytes).unwrap();
    rx.wait_for("the first picture", |rx| rx.count("/outputs/datagrams_sent") > 0);
    // No camera hands over three seconds at once: most of it has to give way.
    clip[1..].iter().for_each(|unit| encoder.write_all(&unit.bytes).unwrap());
    drop(encoder);
    assert_eq!(tx.wait(), 0);
    let sent = tx.count("/datagrams");
    rx.wait_for("everything", |rx| rx.count("/outputs/datagrams_sent") == sent);
    assert_eq!(rx.end(), 0);
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[], address).unwrap();

    let heard = playing.join().unwrap();
    assert_eq!(heard.len() as u64, sent);
    let missing: u64 = heard.windows(2).map(|pair| u64::from(pair[1].wrapping_sub(pair[0])) - 1).sum();
    assert_eq!(missing, tx.count("/source/gave_way"));
    missing
}

/// Those of the RTP datagrams that come before an empty one.
fn sequence_numbers(player: &UdpSocket) -> Vec<u16> {
    player.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut sequences = Vec::new();
    let mut heard = [0; 2048];
    while player.recv(&mut heard).unwrap() > 0 {
        sequences.push(u16::from_be_bytes([heard[2], heard[3]]));
    }
    sequences
}

#[test]
fn a_wrong_key_is_called_that() {
    let desk = Desk::new();
    let [card] = ports();
    let listen = format!("--air udp:127.0.0.1:{card} --output none");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key other.key {listen}"));
    let mut tx = desk.start("skylark-tx", "tx", &format!("{TEST_PICTURE} --key link.key --air udp:127.0.0.1:{card}"));
    rx.wait_for("the reason", |rx| rx.text("/signal/reason").contains("does not open it"));
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    assert_eq!((rx.count("/frames/used"), rx.count("/sessions")), (0, 0));
    assert!(rx.count("/frames/forged") > 0);
}

#[test]
fn the_picture_goes_on_when_the_transmitter_is_started_again() {
    let desk = Desk::new();
    let [card] = ports();
    let outputs = "--output png:picture.png";
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key link.key --air udp:127.0.0.1:{card} {outputs}"));
    let sends = format!("{TEST_PICTURE} --key link.key --air udp:127.0.0.1:{card}");
    for session in 1..=2 {
        let decoded = rx.count("/picture/decoded");
        let mut tx = desk.start("skylark-tx", &format!("tx{session}"), &sends);
        rx.wait_for("pictures", |rx| rx.count("/sessions") == session && rx.count("/picture/decoded") > decoded + 10);
        assert_eq!(tx.end(), 0);
    }
    assert_eq!(rx.end(), 0);
    assert!(read_time_code(&desk.read("picture.png")).frame > 0);
}
