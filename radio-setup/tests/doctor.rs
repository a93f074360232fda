//! `skylark-setup doctor` as a program: what it prints, its exit codes, its time. Needs no card.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_skylark-setup");

fn doctor(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("doctor").args(arguments).env("SKYLARK_KEY", "/nowhere/link.key").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_interface_that_is_no_card_is_the_fault_and_ends_the_walk_with_one_sentence() {
    let output = doctor(&["--air", "lo"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.starts_with("✗ lo is not a WiFi card: "), "{said}");
    let verdict = said.lines().next_back().unwrap();
    assert!(verdict.starts_with("lo is not a WiFi card: ") && verdict.ends_with('.'), "{said}");
    assert!(!said.contains('\x1b'), "no colors in a pipe: {said}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn json_is_a_line_for_each_check_and_one_for_the_verdict() {
    let output = doctor(&["--json", "--air", "lo"]);
    let said = text(&output.stdout);
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (verdict, findings) = lines.split_last().unwrap();
    assert_eq!((&verdict["ev"], &verdict["code"]), (&"doctor.verdict".into(), &"not-wireless".into()));
    assert!(findings.iter().all(|finding| finding["ev"] == "doctor.finding"), "{said}");
    let has = |code: &str| findings.iter().any(|finding| finding["code"] == code);
    assert!(has("permissions") && has("cpu") && has("key"), "{said}");
}

#[test]
fn a_named_key_that_cannot_be_read_is_a_fault() {
    let output = doctor(&["--json", "--air", "lo", "--key", "/nowhere/other.key"]);
    let said = text(&output.stdout);
    let key = said.lines().find(|line| line.contains(r#""code":"key""#)).unwrap();
    assert!(key.contains(r#""severity":"fault""#) && key.contains("/nowhere/other.key"), "{key}");
}

#[test]
fn the_aircrafts_key_of_wfb_ng_is_a_fault_on_the_ground() {
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/wfb-ng/k8n12-clean/drone.key");
    let said = |options: &[&str]| {
        let output = doctor(&[&["--json", "--air", "lo", "--dialect", "wfb-ng", "--key", key], options].concat());
        text(&output.stdout).lines().find(|line| line.contains(r#""code":"key""#)).unwrap().to_owned()
    };
    assert!(said(&[]).contains("this is the drone.key of the aircraft, expected the gs.key of the ground"));
    assert!(!said(&["--radio-port", "144"]).contains("expected"), "what goes up is heard by the aircraft");
}

#[test]
fn cards_are_named_as_for_the_receiver_and_other_airs_refused() {
    let verdict = |air: &str| text(&doctor(&["--air", air]).stdout).lines().next_back().unwrap().to_owned();
    assert!(verdict("monitor:lo").starts_with("lo is not a WiFi card: "));
    let none = verdict("nonesuch*");
    assert!(none.starts_with("No card in monitor mode is called nonesuch*; "), "{none}");
    for air in ["udp:127.0.0.1:5801", "pcap:flight.pcap"] {
        let output = doctor(&["--air", air]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("doctor looks at cards"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_machine_cannot_be_asked_to_be_both_ends() {
    assert_eq!(doctor(&["--transmit", "--receive"]).status.code(), Some(2));
    assert_eq!(doctor(&["--width", "40"]).status.code(), Some(2), "a width is a transmitter's");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (line, words) in [
        ("--dialect wfb-ng --link-id 5 --link hill", "cannot be used with"),
        ("--link-id 5", "--link-id is of WFB-NG: add --dialect wfb-ng"),
        ("--radio-port 0", "--radio-port is of WFB-NG: add --dialect wfb-ng"),
    ] {
        let output = doctor(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(text(&output.stderr).contains(words), "{line}: {}", text(&output.stderr));
    }
}
