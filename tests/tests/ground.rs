//! Ground stations and cameras made of GStreamer and ffmpeg, as Debian packages them, at both ends of the link: pictures
//! compared with those of a recording, datagrams with those that were sent.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives real programs in real time")]

#[path = "programs/desk.rs"]
#[expect(dead_code, reason = "shared with the tests over udp")]
mod desk;
#[path = "ground/tool.rs"]
mod tool;

use std::net::UdpSocket;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use desk::{Desk, clip, ports};
use skylark_common::h264::{AccessUnit, NalHeader};
use skylark_common::rtp::{Depacketizer, Marks, RtpHeader};
use tool::{Tool, decoded, run};

/// Pictures that players show: two keyframes and more.
const PICTURES: usize = 70;
/// Width and height of the clips, and bytes of a picture (I420).
const SIZE: &str = "320x240";
const PICTURE_BYTES: usize = 320 * 240 * 3 / 2;
/// Pictures from keyframe to keyframe in all clips.
const KEYFRAME_INTERVAL: usize = 30;
/// Longer than a busy machine may keep one of the programs from running.
const PATIENT: &str = "--latency-budget 2s";

/// The clip as an encoder writes it that names its parameter sets once, at the start.
fn sparing_clip() -> Vec<u8> {
    let is_set = |nal: &&[u8]| NalHeader::of(nal).is_some_and(NalHeader::is_parameter_set);
    let mut bytes = Vec::new();
    for (number, unit) in clip().iter().enumerate() {
        for nal in unit.nal_units().filter(|nal| number == 0 || !is_set(nal)) {
            bytes.extend_from_slice(&[0, 0, 0, 1]);
            bytes.extend_from_slice(nal);
        }
    }
    bytes
}

/// Takes datagrams, handing each to `take`, until an empty one comes.
fn collect(socket: UdpSocket, take: impl Fn(&[u8]) + Send + 'static) -> JoinHandle<Vec<Vec<u8>>> {
    socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    std::thread::spawn(move || {
        let (mut datagrams, mut buffer) = (Vec::new(), [0; 65_536]);
        while let Ok(len @ 1..) = socket.recv(&mut buffer) {
            datagrams.push(buffer[..len].to_vec());
            take(&buffer[..len]);
        }
        datagrams
    })
}

fn socket() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn end_collecting(port: u16) {
    socket().0.send_to(&[], ("127.0.0.1", port)).unwrap();
}

/// The access units in these datagrams.
fn units(datagrams: &[Vec<u8>]) -> Vec<AccessUnit> {
    let mut depacketizer = Depacketizer::default();
    let mut units = Vec::new();
    for bytes in datagrams {
        depacketizer.handle_datagram(bytes, Marks::default());
        units.extend(std::iter::from_fn(|| depacketizer.poll_unit()).map(|received| received.unit));
    }
    units
}

/// A port above which the next one is free as well: ffmpeg takes both. Below those the kernel gives away by itself, so
/// that neither is gone before ffmpeg comes.
fn port_pair() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 20_000 + u16::try_from(std::process::id() % 5000).unwrap() * 2;
    let pairs = std::iter::repeat_with(|| begin + NEXT.fetch_add(2, Ordering::Relaxed));
    let is_free = |port: &u16| [*port, port + 1].into_iter().all(|port| UdpSocket::bind(("0.0.0.0", port)).is_ok());
    pairs.take(100).find(is_free).unwrap()
}

#[test]
fn players_show_what_is_recorded_and_whoever_comes_late_begins_at_the_next_keyframe() {
    let desk = Desk::new();
    let folder = desk.folder.path();
    std::fs::write(folder.join("sparing.h264"), sparing_clip()).unwrap();
    let ([card, ground, late], sdp, (socket, output)) = (ports(), port_pair(), socket());
    let received = collect(socket, |_: &[u8]| {});
    let outputs = [sdp, ground, late, output].map(|port| format!("--output rtp:127.0.0.1:{port}")).join(" ");
    let records = format!("{outputs} --sdp link.sdp --output file:live.h264 {PATIENT}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--key link.key --air udp:127.0.0.1:{card} {records}"));
    let mut ffmpeg = Tool::ffmpeg_player(folder, "ffmpeg.yuv", sdp, "link.sdp", PICTURES);
    let mut gstreamer = Tool::gstreamer_player(folder, "gstreamer.yuv", ground, "H264", PICTURES);
    let sends = format!("--input file:sparing.h264 --loop --key link.key --air udp:127.0.0.1:{card}");
    let mut tx = desk.start("skylark-tx", "tx", &sends);
    rx.wait_for("a few pictures", |rx| rx.count("/outputs/units_written") > 5);
    let mut latecomer = Tool::gstreamer_player(folder, "latecomer.yuv", late, "H264", KEYFRAME_INTERVAL + 5);
    [&mut ffmpeg, &mut gstreamer, &mut latecomer].into_iter().for_each(Tool::wait);
    assert_eq!([tx.end(), rx.end()], [0; 2]);

    let recorded = decoded(folder, "live.h264", 10 * PICTURES);
    let expected = &recorded[..PICTURES * PICTURE_BYTES];
    assert!(desk.read("ffmpeg.yuv") == expected);
    assert!(desk.read("gstreamer.yuv") == expected);
    let (seen, sent) = (desk.read("latecomer.yuv"), decoded(folder, "sparing.h264", clip().len()));
    assert_eq!(seen.len(), (KEYFRAME_INTERVAL + 5) * PICTURE_BYTES);
    let mut keyframes = sent.chunks(PICTURE_BYTES).step_by(KEYFRAME_INTERVAL);
    assert!(keyframes.any(|keyframe| seen.starts_with(keyframe)), "it begins with what is no keyframe");
    let mut from = (0..recorded.len()).step_by(PICTURE_BYTES);
    assert!(from.any(|at| recorded[at..].starts_with(&seen)), "it shows what was not sent");

    end_collecting(output);
    let units = units(&received.join().unwrap());
    let keyframes: Vec<_> = units.iter().filter(|unit| unit.keyframe).collect();
    let has_sets = |unit: &AccessUnit| unit.nal_units().filter(|nal| NalHeader(nal[0]).is_parameter_set()).count() == 2;
    assert!(keyframes.len() > PICTURES / KEYFRAME_INTERVAL && keyframes.iter().all(|unit| has_sets(unit)));
    let description = String::from_utf8(desk.read("link.sdp")).unwrap();
    assert!(description.contains("H264/90000") && description.contains("sprop-parameter-sets="), "{description}");
}

/// A source's datagrams on their way through the link, each noted before it is sent.
struct Carried {
    rx: desk::Program,
    tx: desk::Program,
    /// Where the source sends to.
    input: u16,
    sent: JoinHandle<Vec<Vec<u8>>>,
    /// Where the receiver hands on to.
    output: u16,
    received: JoinHandle<Vec<Vec<u8>>>,
}

impl Carried {
    /// Starts both ends; `outputs` are further ones of the receiver.
    fn start(desk: &Desk, kind: &str, outputs: &str) -> Self {
        let [card, camera] = ports();
        let (ground, output) = socket();
        let listens = format!("--air udp:127.0.0.1:{card} {outputs} --output udp:127.0.0.1:{output} {PATIENT}");
        let rx = desk.start("skylark-rx", "rx", &format!("--key link.key {listens}"));
        let sends = format!("--input {kind}:127.0.0.1:{camera} --air udp:127.0.0.1:{card} --no-pacing");
        let tx = desk.start("skylark-tx", "tx", &format!("--key link.key {sends}"));
        let (source, input) = socket();
        let sender = socket().0;
        let pass_on = move |bytes: &[u8]| _ = sender.send_to(bytes, ("127.0.0.1", camera)).unwrap();
        Self { rx, tx, input, sent: collect(source, pass_on), output, received: collect(ground, |_: &[u8]| {}) }
    }

    /// Ends all when everything the source has sent has passed: what was sent and what was received.
    fn end(mut self) -> [Vec<Vec<u8>>; 2] {
        end_collecting(self.input);
        let sent = self.sent.join().unwrap();
        let count = sent.len() as u64;
        self.tx.wait_for("what was sent", |tx| tx.count("/source/handed_on") >= count);
        self.rx.wait_for("what was sent", |rx| rx.count("/streams/0/datagrams") >= count);
        assert_eq!([self.tx.end(), self.rx.end()], [0; 2]);
        end_collecting(self.output);
        [sent, self.received.join().unwrap()]
    }
}

#[test]
fn what_gstreamer_sends_comes_out_bit_for_bit_however_it_packetizes() {
    const SENT: usize = 45;
    let encodes = format!(
        "videotestsrc is-live=true num-buffers={SENT} pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=60/1 ! \
         x264enc tune=zerolatency key-int-max={KEYFRAME_INTERVAL} bitrate=1000 ! video/x-h264,stream-format=byte-stream"
    );
    for pay in [
        "rtph264pay mtu=1400 config-interval=-1 aggregate-mode=zero-latency",
        "rtph264pay mtu=1300 config-interval=1 aggregate-mode=max-stap pt=97",
        "rtph264pay mtu=500 config-interval=0 aggregate-mode=none",
    ] {
        let desk = Desk::new();
        let folder = desk.folder.path();
        let mut carried = Carried::start(&desk, "rtp", "--output file:live.h264");
        let sends = format!("queue ! {pay} ! udpsink host=127.0.0.1 port={}", carried.input);
        let keeps = "queue ! filesink location=sent.h264";
        run(folder, &format!("gst-launch-1.0 -q {encodes} ! tee name=t t. ! {keeps} t. ! {sends}"));
        carried.rx.wait_for("the pictures", |rx| rx.count("/outputs/units_written") >= SENT as u64 - 1);
        assert_eq!(carried.rx.text("/session/payload"), "rtp-h264");
        let [sent, received] = carried.end();
        assert!(sent == received, "{pay}");
        let pictures = decoded(folder, "sent.h264", SENT);
        assert_eq!(pictures.len(), SENT * PICTURE_BYTES);
        assert!(decoded(folder, "live.h264", SENT) == pictures, "{pay}");
    }
}

#[test]
fn what_ffmpeg_sends_comes_out_bit_for_bit_and_goes_on_when_it_is_started_again() {
    const SENT: usize = 40;
    let desk = Desk::new();
    let folder = desk.folder.path();
    let mut carried = Carried::start(&desk, "rtp", "--output file:live.h264");
    let reads = format!("ffmpeg -v error -re -i {} -c copy -an -frames:v {SENT} -payload_type 98 -f rtp", desk::CLIP);
    for runs in 1..=2 {
        // It sends reports to the port above, which nobody listens to.
        run(folder, &format!("{reads} rtp://127.0.0.1:{}?pkt_size=1460", carried.input));
        carried.rx.wait_for("the pictures", |rx| rx.count("/outputs/units_written") >= runs * SENT as u64);
    }
    assert_eq!((carried.rx.text("/session/payload").as_str(), carried.rx.count("/sessions")), ("rtp-h264", 1));
    let [sent, received] = carried.end();
    let sources: std::collections::BTreeSet<_> =
        sent.iter().map(|bytes| RtpHeader::parse(bytes).unwrap().0.ssrc).collect();
    assert_eq!(sources.len(), 2);
    assert!(sent == received);
    let once = decoded(folder, desk::CLIP, SENT);
    assert!(decoded(folder, "live.h264", 2 * SENT) == [&once[..], &once].concat());
}

#[test]
fn h265_is_handed_on_and_described_for_players() {
    let desk = Desk::new();
    let folder = desk.folder.path();
    let encodes =
        format!("-c:v libx265 -x265-params keyint={KEYFRAME_INTERVAL}:min-keyint={KEYFRAME_INTERVAL}:bframes=0");
    let encodes = format!("{encodes}:open-gop=0:repeat-headers=1:log-level=error -frames:v 90 -f hevc clip.h265");
    run(folder, &format!("ffmpeg -v error -f lavfi -i testsrc2=size={SIZE}:rate=30 {encodes}"));
    let (sdp, [ground]) = (port_pair(), ports());
    let outputs = format!("--output rtp:127.0.0.1:{sdp} --output rtp:127.0.0.1:{ground} --sdp link.sdp");
    let mut carried = Carried::start(&desk, "rtp", &outputs);
    let reads = "ffmpeg -v error -re -i clip.h265 -c copy -an";
    let sends = format!("-f rtp rtp://127.0.0.1:{}?pkt_size=1400", carried.input);
    // Players that come in the middle show damage up to the next keyframe: the description is made by a few pictures.
    run(folder, &format!("{reads} -frames:v 5 {sends}"));
    carried.rx.wait_for("H.265", |_| String::from_utf8_lossy(&desk.read("link.sdp")).contains("H265/90000"));
    let mut players = [
        Tool::ffmpeg_player(folder, "ffmpeg.yuv", sdp, "link.sdp", PICTURES),
        Tool::gstreamer_player(folder, "gstreamer.yuv", ground, "H265", PICTURES),
    ];
    run(folder, &format!("{reads} {sends}"));
    players.iter_mut().for_each(Tool::wait);
    assert_eq!(carried.rx.text("/session/payload"), "rtp-h265");
    let [sent, received] = carried.end();
    assert!(sent == received);

    let pictures = decoded(folder, "clip.h265", PICTURES);
    assert!(desk.read("gstreamer.yuv") == pictures);
    assert!(desk.read("ffmpeg.yuv") == pictures);
}

#[test]
fn datagrams_of_any_kind_come_out_bit_for_bit() {
    let desk = Desk::new();
    let carried = Carried::start(&desk, "udp", "--output none");
    let source = socket().0;
    // MAVLink, what looks like RTP, and every length that fits.
    let lengths = (1..=2048_usize).step_by(89).chain([2048]);
    let datagrams =
        lengths.flat_map(|len| [0xfd_u8, 0xfe, 0x80].map(|first| [vec![first; 1], vec![0x60; len - 1]].concat()));
    for datagram in datagrams {
        source.send_to(&datagram, ("127.0.0.1", carried.input)).unwrap();
    }
    let [sent, received] = carried.end();
    assert_eq!((sent.len(), received.len()), (75, 75));
    assert!(sent == received);
}
