//! The parts of benches that decide whether something was measured at all.
#![expect(clippy::disallowed_methods, reason = "starts real programs")]
#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "what fails here is the bench itself")]

#[path = "../benches/latency/program.rs"]
#[expect(dead_code, reason = "the bench uses the others")]
mod program;

use std::process::Command;
use std::time::{Duration, Instant};

use program::{Process, check_all};

fn shell(script: &str, name: &str, folder: &tempfile::TempDir) -> Process {
    Process::start(Command::new("sh").args(["-c", script]), folder.path(), name).unwrap()
}

#[test]
fn a_program_that_ends_is_no_measurement_and_its_last_words_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut lasts = shell("exec sleep 60", "lasts", &folder);
    let mut ends = shell("echo begins >&2; echo no display >&2; echo >&2; exit 3", "ends", &folder);
    let patience = Instant::now() + Duration::from_secs(30);
    while ends.check().is_ok() && Instant::now() < patience {
        std::thread::yield_now();
    }
    let reason = check_all(500, &mut [&mut lasts, &mut ends]).unwrap_err();
    assert_eq!(reason, "ends has ended (exit status: 3): no display");
}

#[test]
fn nothing_seen_is_no_measurement_though_all_programs_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut lasts = shell("exec sleep 60", "lasts", &folder);
    assert_eq!(check_all(1, &mut [&mut lasts]), Ok(()));
    let reason = check_all(0, &mut [&mut lasts]).unwrap_err();
    assert_eq!(reason, "everything runs and nothing arrives; lasts: it said nothing");
}

#[test]
fn a_program_that_is_not_there_is_no_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let reason = Process::start(&mut Command::new("no-such-program"), folder.path(), "gone").unwrap_err();
    assert!(reason.starts_with("gone does not start"), "{reason}");
}
