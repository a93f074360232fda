//! What `skylark-setup doctor` says when something is wrong: each fault is there for real.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use skylark_common::air::InjectAir as _;
use skylark_common::air::monitor::MonitorInject;
use skylark_common::seal::LinkKey;
use skylark_common::wire::announce::SALT_LEN;
use skylark_common::wire::packet::Kind;
use skylark_tests::frames;

use crate::Test;
use crate::desk::{Desk, Program};
use crate::hwsim;
use crate::radios::{CHANNEL_MHZ, REGION, listen_on, run};
use crate::setup::setup;

pub(crate) const TESTS: [Test; 5] = [
    ("faults::what_is_wrong_with_a_card_is_named", what_is_wrong_with_a_card_is_named),
    ("faults::what_is_wrong_on_the_air_is_named", what_is_wrong_on_the_air_is_named),
    ("faults::a_running_receiver_says_what_is_wrong", a_running_receiver_says_what_is_wrong),
    ("faults::a_running_transmitter_says_that_nothing_leaves", a_running_transmitter_says_that_nothing_leaves),
    ("faults::nothing_is_wrong_when_all_is_well", nothing_is_wrong_when_all_is_well),
];

/// A doctor keeps nobody waiting for longer.
const LONGEST: Duration = Duration::from_secs(5);
/// What is done to a card that works, separated by `;`, how the doctor is asked, and the code it must give.
const OF_A_CARD: [(&str, &str, &str); 11] = [
    ("", "--air wlan7 --receive", "no-such-card"),
    ("", "--air lo --receive", "not-wireless"),
    ("ip link set wlan1 down", "--air wlan1 --receive", "down"),
    ("ip link set wlan1 down;iw dev wlan1 set type managed;ip link set wlan1 up", "--air wlan1 --receive", "mode"),
    ("rfkill", "--air wlan1 --receive", "rfkill"),
    ("iw phy PHY interface add other type managed;ip link set other up", "--air wlan1 --receive", "other-interface"),
    ("iw reg set 00", "--air wlan1 --transmit", "region"),
    ("ip link set wlan1 mtu 500", "--air wlan1 --transmit", "mtu"),
    ("", "--air wlan1 --transmit --width 40", "width"),
    ("", "--air wlan1 --transmit --key /run/none.key", "key"),
    ("unplug", "--air wlan1 --receive", "no-such-card"),
];

fn what_is_wrong_with_a_card_is_named() {
    let key = key();
    let mut wrong = Vec::new();
    for (provoked, asked, expected) in OF_A_CARD {
        listen_on(&["wlan1"], CHANNEL_MHZ);
        let phy = fs::read_to_string("/sys/class/net/wlan1/phy80211/name").unwrap();
        provoked.split(';').filter(|command| !command.is_empty()).for_each(|command| provoke(command, phy.trim()));
        let key = if asked.contains("--key") { String::new() } else { format!(" --key {key}") };
        let verdict = doctor(&format!("{asked}{key}"));
        wrong.extend(differs(&verdict, expected).map(|found| format!("{provoked} {asked}: {found}")));
        undo(phy.trim());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Does what a command says, with `PHY` for the radio of wlan1.
fn provoke(command: &str, phy: &str) {
    match command {
        "rfkill" => block(phy, "1"),
        "unplug" => hwsim::pull_out("wlan1"),
        command => drop(run(&command.replace("PHY", phy))),
    }
}

/// Switches a radio off by software, or on.
fn block(phy: &str, state: &str) {
    let switches = fs::read_dir(format!("/sys/class/ieee80211/{phy}")).unwrap().flatten();
    for switch in switches.filter(|entry| entry.file_name().to_string_lossy().starts_with("rfkill")) {
        fs::write(switch.path().join("soft"), state).unwrap();
    }
}

fn undo(phy: &str) {
    if !fs::exists("/sys/class/net/wlan1").unwrap() {
        return hwsim::plug_in(1);
    }
    block(phy, "0");
    if fs::exists("/sys/class/net/other").unwrap() {
        run("iw dev other del");
    }
}

/// Who sends on channel 149.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sends {
    /// A transmitter with these options.
    Transmitter(&'static str),
    /// One of another version of the protocol.
    OtherVersion,
    Nobody,
}

fn what_is_wrong_on_the_air_is_named() {
    let (desk, key) = (Desk::new(), key());
    let mut wrong = Vec::new();
    for (sends, mhz, expected) in [
        (Sends::Transmitter("--key other.key"), CHANNEL_MHZ, "other-key"),
        (Sends::Transmitter("--key link.key --link hill"), CHANNEL_MHZ, "other-link"),
        (Sends::Transmitter("--key link.key"), 5765, "other-channel"),
        (Sends::OtherVersion, CHANNEL_MHZ, "other-version"),
        (Sends::Nobody, CHANNEL_MHZ, "nothing-heard"),
    ] {
        listen_on(&["wlan0"], CHANNEL_MHZ);
        listen_on(&["wlan1"], mhz);
        let tx = match sends {
            Sends::Transmitter(options) => Some(transmitter(&desk, options)),
            Sends::OtherVersion | Sends::Nobody => None,
        };
        let verdict = {
            let _other = (sends == Sends::OtherVersion).then(OtherVersion::start);
            doctor(&format!("--air wlan1 --receive --key {key}"))
        };
        wrong.extend(differs(&verdict, expected).map(|found| format!("{sends:?} at {mhz} MHz: {found}")));
        let tuned = run("iw dev wlan1 info");
        assert!(tuned.contains(&format!("({mhz} MHz)")), "the card is left on another channel: {tuned}");
        drop(tx);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What was found where something else was expected.
fn differs(verdict: &Value, expected: &str) -> Option<String> {
    println!("       {expected}: {}", verdict["sentence"].as_str().unwrap_or_default());
    let found = verdict["code"].as_str().unwrap_or("no fault");
    (found != expected).then(|| format!("{found}, expected {expected}"))
}

/// Announces of this link in the next version, on wlan0, while it lives.
#[derive(Debug)]
struct OtherVersion(Arc<AtomicBool>);

impl OtherVersion {
    fn start() -> Self {
        let key = LinkKey::from_bytes([7; 32]);
        let ours = frames::sealed(&key, [1; SALT_LEN], Kind::Announce, 1, &frames::announce_body(0, 0));
        let mut frame = ours[frames::radiotap_len(&ours)..].to_vec();
        // Address 3, second byte: version and kind.
        frame[17] += 0x10;
        // A radiotap header without fields: the kernel chooses how it is sent.
        let frame = [&[0, 0, 8, 0, 0, 0, 0, 0], &frame[..]].concat();
        let ended = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&ended);
        std::thread::spawn(move || {
            let mut card = MonitorInject::open("wlan0", Instant::now()).unwrap();
            while !ending.load(Ordering::Relaxed) {
                card.inject(&frame, Instant::now()).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self(ended)
    }
}

impl Drop for OtherVersion {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn a_running_receiver_says_what_is_wrong() {
    listen_on(&["wlan1"], CHANNEL_MHZ);
    let desk = Desk::new();
    let mut rx = desk.start("skylark-rx", "rx", "--air wlan1 --key link.key --output none");
    for (provoked, undone, said) in [
        ("ip link set wlan1 down", "ip link set wlan1 up", "down"),
        ("iw phy PHY interface add other type managed;ip link set other up", "iw dev other del", "other"),
    ] {
        let phy = fs::read_to_string("/sys/class/net/wlan1/phy80211/name").unwrap();
        provoked.split(';').for_each(|command| provoke(command, phy.trim()));
        rx.wait_for("the reason", |rx| rx.text("/signal/reason").contains(said));
        println!("       {}", rx.text("/signal/reason"));
        run(undone);
    }
    assert_eq!(rx.end(), 0);
}

fn a_running_transmitter_says_that_nothing_leaves() {
    listen_on(&["wlan0"], CHANNEL_MHZ);
    run("iw reg set 00");
    let desk = Desk::new();
    let mut tx = transmitter(&desk, "--key link.key");
    let said = || String::from_utf8(desk.read("tx.log")).unwrap();
    for (region, sentence) in [
        ("00", "frames are injected and none leaves: region 00"),
        (REGION, "frames leave the card again"),
        ("00", "frames are injected and none leaves"),
    ] {
        let known = said().matches(sentence).count();
        run(&format!("iw reg set {region}"));
        tx.wait_for(sentence, |_| said().matches(sentence).count() > known);
        println!("       {}", said().lines().last().unwrap());
    }
    assert_eq!(tx.end(), 0);
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
    fs::write(path, LinkKey::from_bytes([7; 32]).to_text()).unwrap();
    run(&format!("chmod 600 {path}"));
    path
}

fn transmitter(desk: &Desk, sends: &str) -> Program {
    desk.start("skylark-tx", "tx", &format!("--input test --size 160x96 --fps 10 --bitrate 200k --air wlan0 {sends}"))
}

/// The verdict: the last line of what the doctor says.
fn doctor(asked: &str) -> Value {
    let start = Instant::now();
    let output = setup(&format!("doctor {asked} --json"));
    let took = start.elapsed();
    assert!(took < LONGEST, "the doctor took {} ms: {asked}", took.as_millis());
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_else(|| panic!("the doctor says nothing: {output:?}"));
    let verdict: Value = serde_json::from_str(last).unwrap();
    assert_eq!(output.status.success(), verdict["severity"] != "fault", "{verdict}");
    verdict
}
