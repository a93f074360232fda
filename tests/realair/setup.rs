//! `skylark-setup` and the kernel: cards are listed, set up and given back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Test;
use crate::radios::{CARDS, run, try_run};

pub(crate) const TESTS: [Test; 5] = [
    ("setup::every_radio_is_listed", every_radio_is_listed),
    ("setup::cards_are_set_up_and_given_back_as_they_were", cards_are_set_up_and_given_back_as_they_were),
    ("setup::a_second_up_has_nothing_to_do", a_second_up_has_nothing_to_do),
    ("setup::a_card_set_up_in_part_is_repaired_by_down", a_card_set_up_in_part_is_repaired_by_down),
    ("setup::what_cannot_be_is_refused_and_changes_nothing", what_cannot_be_is_refused_and_changes_nothing),
];

pub(crate) const UP: &str = "up wlan0 wlan1 wlan2 --channel 149 --width 20 --region US --no-key";

fn every_radio_is_listed() {
    let table = text(&setup("list"));
    let json: Value = serde_json::from_str(&text(&setup("list --json"))).unwrap();
    for card in CARDS {
        assert!(table.contains(card), "{table}");
        assert!(json.to_string().contains(card), "{json}");
    }
    assert!(table.contains("mac80211_hwsim"), "{table}");
}

fn cards_are_set_up_and_given_back_as_they_were() {
    let before = state();
    let up = setup(UP);
    assert!(up.status.success(), "{up:?}");
    for card in CARDS {
        let info = run(&format!("iw dev {card} info"));
        assert!(info.contains("type monitor") && info.contains("channel 149 (5745 MHz), width: 20 MHz"), "{info}");
        assert!(run(&format!("ip link show {card}")).contains(",UP"));
    }
    assert!(run("iw reg get").contains("country US"));
    let doctor = setup("doctor");
    println!("       {}", String::from_utf8_lossy(&doctor.stdout).lines().last().unwrap_or_default());
    let down = setup("down");
    assert!(down.status.success(), "{down:?}");
    assert_eq!(state(), before);
}

fn a_second_up_has_nothing_to_do() {
    assert!(setup(UP).status.success());
    let once = state();
    let again = text(&setup(&format!("{UP} --json --dry-run")));
    assert!(!again.contains("\"step\""), "{again}");
    assert!(setup(UP).status.success());
    assert_eq!(state(), once);
    assert!(setup("down").status.success());
    assert!(setup("down").status.success(), "nothing to give back is no failure");
}

fn a_card_set_up_in_part_is_repaired_by_down() {
    let before = state();
    for after_ms in [0, 60, 100, 120, 140, 160, 180, 200, 250, 300] {
        let mut up = Command::new(program("skylark-setup"));
        up.args(UP.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
        let mut up = up.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after_ms));
        up.kill().unwrap();
        let ended = up.wait().unwrap();
        let between = state();
        let down = setup("down");
        assert!(down.status.success(), "killed after {after_ms} ms ({ended}): {down:?}");
        assert_eq!(state(), before, "killed after {after_ms} ms ({ended}), which left {between:#?}");
        println!("       killed after {after_ms} ms: {}", if between == before { "nothing done" } else { "repaired" });
    }
}

fn what_cannot_be_is_refused_and_changes_nothing() {
    let before = state();
    for (command, said) in [
        ("up wlan7 --channel 149", "wlan7"),
        ("up lo --channel 149", "lo"),
        ("up wlan0 --channel 200", "200"),
        ("up wlan0 --channel 14 --width 40 --region US", "14"),
    ] {
        let refused = setup(&format!("{command} --no-key"));
        let sentence = String::from_utf8_lossy(&refused.stderr);
        println!("       {}", sentence.trim_end());
        assert!(!refused.status.success() && sentence.contains(said), "{command}: {refused:?}");
        assert_eq!(state(), before, "{command}");
    }
}

/// Runs `skylark-setup`.
pub(crate) fn setup(arguments: &str) -> Output {
    try_run(&format!("{} {arguments}", program("skylark-setup").display()))
}

/// A program of the workspace, beside the folder of this one.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join(name)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the system's own tools say of the cards and the region.
fn state() -> Vec<String> {
    CARDS.map(card).into_iter().chain([region()]).collect()
}

/// Mode and channel, flags and MTU.
fn card(card: &str) -> String {
    let info = run(&format!("iw dev {card} info"));
    let told = info.lines().map(str::trim).filter(|line| line.starts_with("type ") || line.starts_with("channel "));
    let link = run(&format!("ip link show {card}"));
    let flags = link.split(" qdisc ").next().unwrap();
    told.chain([flags]).collect::<Vec<_>>().join(", ")
}

fn region() -> String {
    run("iw reg get").lines().find(|line| line.starts_with("country")).unwrap().to_owned()
}
