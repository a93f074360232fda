//! The real program on a recorded WFB-NG transmission: what comes out, and what it says when something does not fit.

use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{json, run};

/// A recording of the reference transmitter: 8 of 12, link id 7669206, port 0, no losses.
const CLEAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/wfb-ng/k8n12-clean");

/// The program on the recording, with these options in the dialect.
fn program(options: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-rx"));
    command.arg("--air").arg(format!("pcap:{CLEAN}/air.pcap")).args(options.split_whitespace()).stdin(Stdio::null());
    command
}

/// The same with the right key, link and port.
fn receiver(options: &str) -> Command {
    let mut command = program(&format!("--dialect wfb-ng --link-id 7669206 --radio-port 0 {options}"));
    command.arg("--key").arg(format!("{CLEAN}/gs.key"));
    command
}

/// The lengths of all datagrams that were sent, each as long as the one before only by chance.
fn sent() -> Vec<u64> {
    let expected = json(&fs::read_to_string(format!("{CLEAN}/expect.json")).unwrap());
    expected["sent"].as_array().unwrap().iter().map(|datagram| datagram["len"].as_u64().unwrap()).collect()
}

#[test]
fn every_datagram_of_a_recorded_transmission_comes_out_in_order() {
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    player.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let output = format!("--output rtp:{} --stats json", player.local_addr().unwrap());
    let child = receiver(&output).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut buffer = [0; 4096];
    for (index, len) in sent().into_iter().enumerate() {
        assert_eq!(player.recv(&mut buffer).unwrap() as u64, len, "datagram {index}");
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("wfb-ng link 7669206 port 0, key"), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let start = json(stdout.lines().next().unwrap());
    assert_eq!((&start["dialect"], &start["link_id"]), (&"wfb-ng".into(), &"7505d6".into()));
    let end = json(stdout.lines().last().unwrap());
    let fec = &end["session"]["fec"];
    assert_eq!((&fec["code"], &fec["k"], &fec["n"]), (&"reed-solomon".into(), &8.into(), &12.into()));
    assert_eq!(end["outputs"]["datagrams_sent"], sent().len());
}

#[test]
fn what_does_not_fit_is_said_with_the_option_that_mends_it() {
    let gs = format!("--key {CLEAN}/gs.key");
    let folder = tempfile::tempdir().unwrap();
    let (other, native) = (folder.path().join("other.key"), folder.path().join("link.key"));
    fs::write(&other, [9; 64]).unwrap();
    fs::write(&native, skylark_common::seal::LinkKey::from_bytes([7; 32]).to_text()).unwrap();
    let [other, native] = [other, native].map(|path| format!("--key {}", path.display()));
    for (options, words) in [
        (format!("--dialect wfb-ng {other}"), "does not open its session packet"),
        (format!("--dialect wfb-ng --key {CLEAN}/drone.key"), "expected the gs.key of the ground"),
        (format!("--dialect wfb-ng {native}"), "leave out --dialect wfb-ng"),
        (format!("--dialect wfb-ng --link-id 5 {gs}"), "say --link-id 7669206"),
        (format!("--dialect wfb-ng --link elsewhere {gs}"), "say --link-id 7669206"),
        (format!("--dialect wfb-ng --radio-port 16 {gs}"), "say --radio-port 0"),
        (native, "add --dialect wfb-ng"),
    ] {
        let (code, _, stderr) = run(&mut program(&format!("{options} --output none --as-fast-as-possible")));
        assert!(code == 1 && stderr.contains(words), "{options}: {code} {stderr}");
    }
}

#[test]
fn what_the_dialect_does_not_have_is_refused_with_exit_code_2() {
    for (options, words) in [
        ("--output none --show-damage-after 85ms", "leave it out"),
        ("--output none --measure-latency", "say no time"),
        ("--output none --link hill", "--link-id"),
    ] {
        let (code, _, stderr) = run(&mut receiver(options));
        assert!(code == 2 && stderr.contains(words), "{options}: {code} {stderr}");
    }
    let mut relay = Command::new(env!("CARGO_BIN_EXE_skylark-rx"));
    let (code, _, stderr) = run(relay.args(["relay", "--link-id", "5"]));
    assert!(code == 2 && (stderr.contains("add --dialect wfb-ng") || cfg!(not(feature = "relay"))), "{stderr}");
}
