//! `skylark-setup key wfb-ng` from the outside: the published keys, what is refused, what is shown.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use tempfile::TempDir;

use crate::program::{self, PROGRAM};

/// The exit code, standard output and standard error of a command about keys of WFB-NG.
fn setup(folder: &TempDir, arguments: &str, stdin: &str) -> (Option<i32>, String, String) {
    let arguments: Vec<&str> = ["key", "wfb-ng"].into_iter().chain(arguments.split(' ')).collect();
    let output = program::setup(folder, &arguments, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The first bytes of both files of the passphrase of the recordings in tests/vectors.
#[test]
fn a_passphrase_gives_the_files_the_fields_own_tool_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, told) = setup(&folder, "from-passphrase", "skylark vectors\n");
    assert_eq!(code, Some(0), "{told}");
    for (name, expected) in [
        ("gs.key", include_bytes!("../../../tests/vectors/wfb-ng/k8n12-loss15/gs.key")),
        ("drone.key", include_bytes!("../../../tests/vectors/wfb-ng/k8n12-loss15/drone.key")),
    ] {
        let path = folder.path().join(name);
        assert_eq!(fs::read(&path).unwrap(), expected, "{name}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn random_keys_differ_and_fit_each_other() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(setup(&folder, "new", "").0, Some(0));
    let first = fs::read(folder.path().join("gs.key")).unwrap();
    let (code, _, told) = setup(&folder, "new", "");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("gs.key is already there"), "{told}");
    assert_eq!(fs::read(folder.path().join("gs.key")).unwrap(), first);
    assert_eq!(setup(&folder, "new --force", "").0, Some(0));
    assert_ne!(fs::read(folder.path().join("gs.key")).unwrap(), first);
    let (code, shown, _) = setup(&folder, "show gs.key", "");
    assert_eq!(code, Some(0));
    assert!(shown.contains("end          the ground\n") && shown.contains("drone.key fits\n"), "{shown}");
    let other = setup(&folder, "show drone.key", "").1;
    assert!(other.contains("end          the aircraft\n"), "{other}");
    let fingerprint = |shown: &str| shown.lines().find(|line| line.starts_with("fingerprint")).unwrap().to_owned();
    assert_eq!(fingerprint(&shown), fingerprint(&other));
}

#[test]
fn a_copy_beside_the_key_is_of_the_same_end_and_no_other_half() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(setup(&folder, "new", "").0, Some(0));
    fs::copy(folder.path().join("gs.key"), folder.path().join("copy")).unwrap();
    for _ in 0..2 {
        let shown = setup(&folder, "show copy", "").1;
        assert!(shown.contains("end          the ground\n") && !shown.contains("NOT fit"), "{shown}");
        let _ = fs::remove_file(folder.path().join("drone.key"));
    }
    let shown = setup(&folder, "show copy", "").1;
    assert!(shown.contains("the other file is not beside it"), "{shown}");
}

/// Only root can give files away.
#[test]
fn keys_that_root_makes_behind_sudo_are_the_persons() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(PROGRAM)
        .args(["key", "wfb-ng", "new"])
        .current_dir(folder.path())
        .env("SUDO_UID", "1234")
        .env("SUDO_GID", "1235")
        .output()
        .unwrap();
    assert!(made.status.success());
    for name in ["gs.key", "drone.key"] {
        let file = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!((file.uid(), file.gid()), (1234, 1235), "{name}");
    }
}

#[test]
fn one_file_that_is_there_leaves_both_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("drone.key"), "mine").unwrap();
    let (code, _, told) = setup(&folder, "from-passphrase", "secret password\n");
    assert_eq!((code, told.contains("drone.key is already there")), (Some(1), true), "{told}");
    assert!(!folder.path().join("gs.key").exists());
}

#[test]
fn what_is_no_key_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gs.key"), [7; 63]).unwrap();
    let (code, _, told) = setup(&folder, "show gs.key", "");
    assert_eq!((code, told.contains("63 bytes, expected 64")), (Some(1), true), "{told}");
    let (code, _, told) = setup(&folder, "from-passphrase nowhere", "x\n");
    assert_eq!((code, told.contains("folder nowhere not found")), (Some(1), true), "{told}");
}
