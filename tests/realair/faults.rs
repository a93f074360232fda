//! What `skylark-setup doctor` says when something is wrong: each fault is there for real.

use serde_json::Value;
use skylark_common::seal::LinkKey;

use crate::Test;
use crate::desk::{Desk, Program};
use crate::radios::{CHANNEL_MHZ, listen_on, run};
use crate::setup::setup;

pub(crate) const TESTS: [Test; 3] = [
    ("faults::what_is_wrong_with_a_card_is_named", what_is_wrong_with_a_card_is_named),
    ("faults::what_is_wrong_on_the_air_is_named", what_is_wrong_on_the_air_is_named),
    ("faults::nothing_is_wrong_when_all_is_well", nothing_is_wrong_when_all_is_well),
];

/// What is done to a card that works, separated by `;`, how the doctor is asked, and the code it must give.
const OF_A_CARD: [(&str, &str, &str); 9] = [
    ("", "--air wlan7 --receive", "no-such-card"),
    ("", "--air lo --receive", "not-wireless"),
    ("ip link set wlan1 down", "--air wlan1 --receive", "down"),
    ("ip link set wlan1 down;iw dev wlan1 set type managed;ip link set wlan1 up", "--air wlan1 --receive", "mode"),
    ("rfkill", "--air wlan1 --receive", "rfkill"),
    ("iw phy PHY interface add other type managed;ip link set other up", "--air wlan1 --receive", "other-interface"),
    ("iw reg set 00", "--air wlan1 --transmit", "region"),
    ("ip link set wlan1 mtu 500", "--air wlan1 --transmit", "mtu"),
    ("", "--air wlan1 --transmit --width 40", "width"),
];

fn what_is_wrong_with_a_card_is_named() {
    let key = key();
    let mut wrong = Vec::new();
    for (provoked, asked, expected) in OF_A_CARD {
        listen_on(&["wlan1"], CHANNEL_MHZ);
        provoked.split(';').filter(|command| !command.is_empty()).for_each(provoke);
        let verdict = doctor(&format!("{asked} --key {key}"));
        let found = verdict["code"].as_str().unwrap_or("none").to_owned();
        println!("       {expected}: {}", verdict["sentence"]);
        if found != expected {
            wrong.push(format!("{provoked}: {found}, expected {expected}"));
        }
        undo();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Runs a command, with the number of wlan1's radio for PHY; `rfkill` switches that radio off.
fn provoke(command: &str) {
    let phy = std::fs::read_to_string("/sys/class/net/wlan1/phy80211/name").unwrap();
    match command {
        "rfkill" => block(&phy, "1"),
        command => drop(run(&command.replace("PHY", phy.trim()))),
    }
}

fn block(phy: &str, state: &str) {
    let switches = std::fs::read_dir(format!("/sys/class/ieee80211/{}", phy.trim())).unwrap().flatten();
    for switch in switches.filter(|entry| entry.file_name().to_string_lossy().starts_with("rfkill")) {
        std::fs::write(switch.path().join("soft"), state).unwrap();
    }
}

fn undo() {
    let phy = std::fs::read_to_string("/sys/class/net/wlan1/phy80211/name").unwrap();
    block(&phy, "0");
    if std::fs::exists("/sys/class/net/other").unwrap() {
        run("iw dev other del");
    }
}

fn what_is_wrong_on_the_air_is_named() {
    let (desk, key) = (Desk::new(), key());
    let mut wrong = Vec::new();
    // How wlan0 sends, on which frequency wlan1 listens, and the code.
    for (sends, mhz, expected) in [
        ("--key other.key", CHANNEL_MHZ, "other-key"),
        ("--key link.key --link hill", CHANNEL_MHZ, "other-link"),
        ("--key link.key", 5765, "other-channel"),
        ("", CHANNEL_MHZ, "nothing-heard"),
    ] {
        listen_on(&["wlan0"], CHANNEL_MHZ);
        listen_on(&["wlan1"], mhz);
        let tx = (!sends.is_empty()).then(|| transmitter(&desk, sends));
        let verdict = doctor(&format!("--air wlan1 --receive --key {key}"));
        let found = verdict["code"].as_str().unwrap_or("none").to_owned();
        println!("       {expected}: {}", verdict["sentence"]);
        if found != expected {
            wrong.push(format!("{sends} at {mhz} MHz: {found}, expected {expected}"));
        }
        drop(tx);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn nothing_is_wrong_when_all_is_well() {
    listen_on(&["wlan0", "wlan1"], CHANNEL_MHZ);
    let (desk, key) = (Desk::new(), key());
    let transmit = doctor(&format!("--air wlan0 --transmit --key {key}"));
    assert_ne!(transmit["severity"], "fault", "{transmit}");
    let _tx = transmitter(&desk, "--key link.key");
    let receive = doctor(&format!("--air wlan1 --receive --key {key}"));
    println!("       {}\n       {}", transmit["sentence"], receive["sentence"]);
    assert_ne!(receive["severity"], "fault", "{receive}");
}

/// The key a desk has, where the doctor finds it.
fn key() -> &'static str {
    let path = "/run/link.key";
    std::fs::write(path, LinkKey::from_bytes([7; 32]).to_text()).unwrap();
    run(&format!("chmod 600 {path}"));
    path
}

fn transmitter(desk: &Desk, sends: &str) -> Program {
    desk.start("skylark-tx", "tx", &format!("--input test --size 160x96 --fps 10 --bitrate 200k --air wlan0 {sends}"))
}

/// The verdict: the last line of what the doctor says.
fn doctor(asked: &str) -> Value {
    let output = setup(&format!("doctor {asked} --json"));
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_else(|| panic!("the doctor says nothing: {output:?}"));
    let verdict: Value = serde_json::from_str(last).unwrap();
    assert_eq!(output.status.success(), verdict["severity"] != "fault", "{verdict}");
    verdict
}
