//! What the programs tell machines: every line as `docs/stats.schema.json` says, and the figures as the field's tools
//! read them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_tests::schema::contradictions;

use super::TEST_PICTURE;
use super::desk::{Desk, ports};

const SCHEMA: &str = include_str!("../../../docs/stats.schema.json");

#[test]
fn every_line_of_every_program_is_what_the_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let (desk, [card, silent, roof, wfb_ng]) = (Desk::new(), ports());
    let keys = KeyPair::from_secrets([1; 32], [2; 32]);
    for (name, key) in [("gs.key", keys.ground), ("drone.key", keys.drone)] {
        fs::write(desk.folder.path().join(name), key.emit()).unwrap();
    }
    let in_wfb_ng = format!("--dialect wfb-ng --air udp:127.0.0.1:{wfb_ng}");
    let measures = "--output png:picture.png --measure-latency --key link.key";
    let mut programs = [
        desk.start("skylark-rx", "rx", &format!("--air udp:127.0.0.1:{card} {measures}")),
        desk.start("skylark-rx", "silent", &format!("--air udp:127.0.0.1:{silent} --output none --key link.key")),
        desk.start("skylark-rx", "relay", &format!("relay --link schema --air udp:127.0.0.1:{roof} --name roof")),
        desk.start("skylark-tx", "tx", &format!("{TEST_PICTURE} --key link.key --air udp:127.0.0.1:{card}")),
        desk.start("skylark-rx", "rx-wfb-ng", &format!("--output none --key gs.key {in_wfb_ng}")),
        desk.start("skylark-tx", "tx-wfb-ng", &format!("{TEST_PICTURE} --key drone.key {in_wfb_ng}")),
    ];
    for program in &mut programs {
        program.wait_for("lines", |program| program.stats().len() > 2);
        assert_eq!(program.end(), 0);
        let lines = program.stats();
        for line in &lines {
            assert_eq!(contradictions(&schema, line), [""; 0], "{line}");
        }
        let mut odd = lines[1].clone();
        odd["t_ms"] = "soon".into();
        assert!(!contradictions(&schema, &odd).is_empty(), "the schema lets anything pass");
    }
}

#[test]
fn the_fields_tools_read_the_figures_of_a_skylark_link() {
    let (desk, [card, feed]) = (Desk::new(), ports());
    let listen = format!("--air udp:127.0.0.1:{card} --output none --key link.key --wfb-stats {feed}");
    let mut rx = desk.start("skylark-rx", "rx", &listen);
    let mut tx = desk.start("skylark-tx", "tx", &format!("{TEST_PICTURE} --key link.key --air udp:127.0.0.1:{card}"));
    let stream = TcpStream::connect(("127.0.0.1", feed)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut messages = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let settings = messages.next().unwrap();
    assert_eq!(
        (&settings["type"], &settings["settings"]["common"]["log_interval"]),
        (&"settings".into(), &1000.into())
    );
    let heard = |message: &Value| message["packets"]["out"][0].as_u64() > Some(0);
    let first = messages.by_ref().find(heard).unwrap();
    let second = messages.next().unwrap();
    assert_eq!((&first["type"], &first["id"]), (&"rx".into(), &"video rx".into()));
    for name in ["all", "all_bytes", "dec_err", "session", "data", "uniq", "fec_rec", "lost", "bad", "out", "out_bytes"]
    {
        let [before, since, total] =
            [&first["packets"][name][1], &second["packets"][name][0], &second["packets"][name][1]];
        assert_eq!(before.as_u64().unwrap() + since.as_u64().unwrap(), total.as_u64().unwrap(), "{name}");
    }
    assert_eq!((&second["session"]["fec_k"], &second["session"]["fec_n"]), (&2.into(), &3.into()));
    assert!(second["rx_ant_stats"].is_array());
    let mut refused = desk.start("skylark-rx", "refused", &listen.replace(&card.to_string(), "0"));
    assert_eq!(refused.wait(), 1);
    assert!(String::from_utf8(desk.read("refused.log")).unwrap().contains("the port is in use"));
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    assert!(messages.all(|message| message["type"] == "rx"), "it ends with whole lines");
}

#[test]
fn the_fields_tools_read_what_a_transmitter_was_given_and_has_sent() {
    let (desk, [input, feed]) = (Desk::new(), ports());
    fs::write(desk.folder.path().join("drone.key"), KeyPair::from_secrets([1; 32], [2; 32]).drone.emit()).unwrap();
    let (card, camera) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    card.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let air = card.local_addr().unwrap();
    let sends = format!("--input udp:{input} --dialect wfb-ng --fec 2/3 --key drone.key --air udp:{air}");
    let mut tx = desk.start("skylark-tx", "tx", &format!("{sends} --wfb-stats {feed}"));
    let stream = TcpStream::connect(("127.0.0.1", feed)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut messages = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let settings = messages.next().unwrap();
    assert_eq!((&settings["type"], &settings["profile"]), (&"settings".into(), &"drone".into()));
    assert_eq!(settings["wlans"], serde_json::json!([format!("udp:{air}")]));
    for _ in 0..41 {
        camera.send_to(&[7; 100], ("127.0.0.1", input)).unwrap();
    }
    camera.send_to(&[7; 9000], ("127.0.0.1", input)).unwrap();
    let total = |message: &Value, name: &str| message["packets"][name][1].as_u64().unwrap();
    let is_all = |message: &Value| total(message, "incoming") == 41 && total(message, "fec_timeouts") > 0;
    let all = messages.find(is_all).unwrap();
    assert_eq!((&all["type"], &all["id"]), (&"tx".into(), &"video tx".into()));
    assert_eq!(["incoming_bytes", "truncated", "dropped"].map(|name| total(&all, name)), [4100, 1, 0]);
    assert_eq!(total(&all, "fec_timeouts"), 1, "the 41st waits for a second");
    assert_eq!(tx.end(), 0);
    let (mut frames, mut bytes) = (0, 0);
    while let Ok(len) = card.recv(&mut [0; 4096]) {
        (frames, bytes) = (frames + 1, bytes + len as u64);
    }
    let sum = |line: &Value| ["source_packets", "repair_packets", "announces"].map(|name| line[name].as_u64().unwrap());
    let lines = tx.stats().split_off(1);
    assert_eq!(lines.last().map(|line| sum(line).iter().sum()), Some(frames), "what left is what is said");
    let same = lines.iter().find(|line| sum(line).iter().sum::<u64>() == total(&all, "injected")).unwrap();
    assert_eq!(same["air_bytes"], all["packets"]["injected_bytes"][1]);
    assert_eq!(sum(same)[..2], [41, 22], "a parity for each two, and a filler");
    assert!(bytes > 63 * 100 + 52 * 64);
}

/// Messages of figures from the port on which a receiver serves them, as long as it does.
fn messages(feed: u16) -> impl Iterator<Item = Value> {
    let stream = TcpStream::connect(("127.0.0.1", feed)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.map(|line| serde_json::from_str::<Value>(&line).unwrap()).filter(|message| message["type"] == "rx")
}

/// The counts of a message, since the one before and since the start, belong together.
fn add_up(message: &Value) {
    for pair in 0..2 {
        let count = |name: &str| message["packets"][name][pair].as_u64().unwrap();
        let (session, data, uniq) = (count("session"), count("data"), count("uniq"));
        assert_eq!(session + data, count("dec_ok"), "{message}");
        assert_eq!(data, uniq, "one card, nothing late: {message}");
        assert!(data + session <= count("all") && count("all") <= count("all_bytes"), "{message}");
    }
}

#[test]
fn the_fields_tools_read_the_figures_of_a_recording() {
    const VECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/wfb-ng/k8n12-clean");
    let (desk, [card, feed]) = (Desk::new(), ports());
    let wfb_ng = format!("--dialect wfb-ng --key {VECTOR}/gs.key --output none --wfb-stats {feed}");
    // The silent air beside it keeps the program running when the recording is over.
    let airs = format!("--air pcap:{VECTOR}/air.pcap --air udp:127.0.0.1:{card}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("{airs} {wfb_ng}"));
    let heard = |message: &Value| message["packets"]["data"][1].as_u64() > Some(0);
    let last = messages(feed).inspect(add_up).find(heard).unwrap();
    assert_eq!(rx.end(), 0);
    assert!(last["packets"]["session"][1].as_u64() >= Some(1), "{last}");
    assert_eq!(last["session"]["fec_type"], "VDM_RS");
}

#[test]
fn figures_go_on_when_the_transmitter_is_started_again() {
    let (desk, [card, feed]) = (Desk::new(), ports());
    let keys = KeyPair::from_secrets([1; 32], [2; 32]);
    for (name, key) in [("gs.key", keys.ground), ("drone.key", keys.drone)] {
        fs::write(desk.folder.path().join(name), key.emit()).unwrap();
    }
    let in_wfb_ng = format!("--dialect wfb-ng --air udp:127.0.0.1:{card}");
    let mut rx = desk.start("skylark-rx", "rx", &format!("--output none --key gs.key {in_wfb_ng} --wfb-stats {feed}"));
    let mut messages = messages(feed);
    for run in 1..=2 {
        let sends = format!("{TEST_PICTURE} --key drone.key {in_wfb_ng}");
        let mut tx = desk.start("skylark-tx", &format!("tx{run}"), &sends);
        rx.wait_for("the session", |rx| rx.count("/sessions") == run);
        let heard = messages.by_ref().inspect(add_up).filter(|message| message["packets"]["out"][0] != 0);
        assert_eq!(heard.take(2).count(), 2);
        assert_eq!(tx.end(), 0);
    }
    assert_eq!(rx.end(), 0);
    messages.for_each(|message| add_up(&message));
}
