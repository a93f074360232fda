//! The program speaks WFB-NG: what leaves it opens with the ground's key.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::process::Output;

use serde_json::json;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wfb_ng::session::{BlockCode, Session};
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::radiotap::RxHeader;

use super::*;

const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);

fn keys() -> KeyPair {
    KeyPair::from_secrets([1; 32], [2; 32])
}

/// A desk with `drone.key` and `gs.key`.
fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::write(desk.path("drone.key"), keys().drone.emit()).unwrap();
    std::fs::write(desk.path("gs.key"), keys().ground.emit()).unwrap();
    desk
}

fn command(desk: &Desk, key: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-tx"));
    command.args(["--dialect", "wfb-ng", "--key"]).arg(desk.path(key)).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Sends the clip to this test; what came and what the program said.
fn flown(more: &[&str]) -> (Vec<Vec<u8>>, Output) {
    let desk = desk();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let air = format!("udp:{}", socket.local_addr().unwrap());
    let input = format!("file:{CLIP}");
    let line = [&["--input", &input, "--air", &air, "--stats", "json"], more].concat();
    let mut child = command(&desk, "drone.key", &line).spawn().unwrap();
    let (mut frames, mut buffer) = (Vec::new(), [0; 5000]);
    loop {
        match socket.recv(&mut buffer) {
            Ok(len) => frames.push(buffer[..len].to_vec()),
            Err(_) if child.try_wait().unwrap().is_some() => break,
            Err(_) => {}
        }
    }
    (frames, child.wait_with_output().unwrap())
}

/// Sessions, and the datagrams in the order of their places, of frames that all came.
fn opened(frames: &[Vec<u8>]) -> (Vec<Session>, Vec<Vec<u8>>) {
    let (mut sessions, mut fragments): (Vec<Session>, _) = (Vec::new(), BTreeMap::new());
    for frame in frames {
        let (dot11, packet) = Dot11::parse(RxHeader::parse(frame).unwrap().1).unwrap();
        assert_eq!(ChannelId::of(dot11), Some(CHANNEL));
        if let Ok((id, sealed)) = PacketId::parse(packet) {
            let mut sealed = sealed.to_vec();
            let opened = sessions.last().unwrap().key.open(id, &mut sealed).unwrap().to_vec();
            assert!(fragments.insert(id, opened).is_none(), "a nonce is used once");
        } else {
            let session = Session::open(packet, &keys().ground, CHANNEL).unwrap();
            sessions.extend((sessions.last() != Some(&session)).then_some(session));
        }
    }
    let k = sessions[0].code.k();
    let sources = fragments.into_iter().filter(|(id, _)| id.fragment < k);
    let datagrams = sources.filter_map(|(_, bytes)| match Fragment::parse(&bytes).unwrap() {
        Fragment::Datagram(datagram) => Some(datagram.to_vec()),
        Fragment::Filler => None,
    });
    (sessions, datagrams.collect())
}

#[test]
fn video_leaves_as_rtp_that_the_ground_key_opens() {
    let (frames, output) = flown(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (sessions, datagrams) = opened(&frames);
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].epoch, sessions[0].code), (0, BlockCode::DEFAULT));
    let headers: Vec<RtpHeader> = datagrams.iter().map(|datagram| RtpHeader::parse(datagram).unwrap().0).collect();
    assert!(datagrams.len() > 90 && datagrams.iter().all(|datagram| datagram.len() <= 1400));
    assert!(headers.iter().all(|header| header.payload_type == 96));
    assert!(headers.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)), "in order, all there");
    let events = events(&output);
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!((&first["dialect"], &first["link_id"]), (&"wfb-ng".into(), &"7505d6".into()));
    assert_eq!(first["fec"], json!({"code": "reed-solomon", "k": 8, "n": 12, "epoch": 0, "radio_port": 0}));
    assert_eq!(last["source_packets"], datagrams.len());
    let sent = [&last["source_packets"], &last["repair_packets"], &last["announces"]].map(|n| n.as_u64().unwrap());
    assert_eq!(sent.iter().sum::<u64>(), frames.len() as u64);
    assert!(stderr(&output).contains("WFB-NG link 7669206 port 0, key "), "{}", stderr(&output));
    assert_eq!(first["session"], format!("{:08x}", sessions[0].short_name()));
    assert_eq!(first["key"], format!("{:08x}", keys().ground.fingerprint()));
}

#[test]
fn every_start_has_a_key_of_its_own() {
    let options = ["--fec", "1/2", "--epoch", "5", "--duration", "300ms"];
    let [one, other] = [flown(&options), flown(&options)].map(|(frames, _)| opened(&frames).0);
    assert_eq!((one.len(), other.len(), one[0].epoch), (1, 1, 5));
    assert_eq!(one[0].code, BlockCode::new(1, 2).unwrap());
    assert!(one[0].key != other[0].key);
}

#[test]
fn the_wrong_key_file_is_refused_with_which_is_the_right_one() {
    let desk = desk();
    let air = desk.air();
    for (key, words) in [("gs.key", "expected the drone.key of the aircraft"), ("key", "this is a Skylark key")] {
        let output = command(&desk, key, &["--input", "test", "--air", &air]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    assert!(
        command(&desk, "gs.key", &["--input", "test", "--air", &air, "--radio-port", "128", "--duration", "10ms"])
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn options_of_the_other_dialect_are_refused() {
    let output = desk().run(&["--input", "test", "--fec", "8/12"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("add --dialect wfb-ng"), "{}", stderr(&output));
}
