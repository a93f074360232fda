//! What is installed beside the programs: systemd's units, and how they are taken away again.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that writes down how it was called, and ends so.
fn put(path: &Path, log: &Path, exit_code: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = format!("#!/bin/sh\necho \"{name} $*\" >> {}\nexit {exit_code}\n", log.display());
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Uninstalls from a folder what is installed there, and returns what was called meanwhile.
fn uninstall(folder: &Path, exit_code_of_down: u8) -> (Output, String) {
    let log = folder.join("log");
    put(&folder.join("fake/systemctl"), &log, 0);
    put(&folder.join("bin/skylark-setup"), &log, exit_code_of_down);
    let units = folder.join("lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    for unit in ["skylark-tx.service", "skylark-card@.service"] {
        fs::write(units.join(unit), "").unwrap();
    }
    let path = format!("{}:{}", folder.join("fake").display(), std::env::var("PATH").unwrap());
    let prefix = format!("PREFIX={}", folder.display());
    let etc = format!("ETC={}", folder.join("etc").display());
    let mut make = Command::new("make");
    make.args(["uninstall", "SYSTEMD=yes", &prefix, &etc]).current_dir(package().join(".."));
    let output = make.env("PATH", path).env_remove("MAKEFLAGS").output().unwrap();
    (output, fs::read_to_string(log).unwrap())
}

#[test]
fn what_down_has_started_again_outlives_the_service_of_the_card() {
    let unit = fs::read_to_string(package().join("packaging/systemd/skylark-card@.service")).unwrap();
    assert!(unit.lines().any(|line| line == "KillMode=process"), "{unit}");
}

#[test]
fn uninstalling_ends_services_and_gives_cards_back_first() {
    let folder = tempfile::tempdir().unwrap();
    let (output, called) = uninstall(folder.path(), 0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = "systemctl stop skylark-tx.service\nsystemctl disable skylark-tx.service\n\
                    systemctl stop skylark-card@*.service\nsystemctl disable skylark-card@.service\n\
                    skylark-setup down\nsystemctl daemon-reload\n";
    assert_eq!(called, expected);
    assert!(!folder.path().join("bin/skylark-setup").exists());
}

#[test]
fn a_card_that_cannot_be_given_back_keeps_what_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (output, _) = uninstall(folder.path(), 1);
    assert!(!output.status.success());
    assert!(folder.path().join("bin/skylark-setup").exists());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was removed"));
}
