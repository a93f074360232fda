//! The key commands of the real program: files, permissions, refusals, exit codes.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "keys/program.rs"]
mod program;
#[path = "keys/wfb_ng.rs"]
mod wfb_ng;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use program::{PROGRAM, setup};
use tempfile::TempDir;

/// Words and the key they stand for, as `argon2-cffi` 25.1 (the reference implementation in C) derives it:
/// `hash_secret_raw(words, b"skylark-link-key-1", 3, 65536, 1, 32, Type.ID)`.
const VECTORS: [(&str, &str); 2] = [
    (
        "correct horse battery staple",
        "skylark-key-1 f375c122ac6df665e04189f54712ddd05f2d62c28798385d618ca578bb9ae714 df29a4f8\n",
    ),
    ("größe zählt doch", "skylark-key-1 6718ef6f42b3f3e0e79ad8ec0cd0eebcf91f193e9f4bb4d42bb13d78836413b8 fd4f1829\n"),
];

/// Runs the program, expects it to fail with exit code 1 and one line, and returns that line.
fn refusal(folder: &TempDir, arguments: &[&str], stdin: &str) -> String {
    let output = setup(folder, arguments, stdin);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert_eq!(text(&output.stdout), "");
    told
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn two_fresh_keys_differ_and_only_their_owner_may_read_them() {
    let folder = folder();
    for name in ["a.key", "b.key"] {
        let output = setup(&folder, &["key", "new", name], "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(mode(&folder.path().join(name)), 0o600);
    }
    let keys = ["a.key", "b.key"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap());
    assert!(keys.iter().all(|key| key.starts_with("skylark-key-1 ") && key.len() == 88));
    assert_ne!(keys[0], keys[1]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else was left in the folder");
}

#[test]
fn without_a_file_a_key_goes_where_the_programs_look_for_it() {
    let folder = folder();
    let path = folder.path().join("made/link.key");
    let run = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).env("SKYLARK_KEY", &path).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["key", "new"]);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(run(&["key", "show", "--secret"]), fs::read_to_string(&path).unwrap());
}

#[test]
fn the_same_words_give_the_same_key_as_an_independent_implementation_derives() {
    let folder = folder();
    for (words, key) in VECTORS {
        let output = setup(&folder, &["key", "from-passphrase", "--force", "a.key"], &format!("  {words}\r\nignored"));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(folder.path().join("a.key")).unwrap(), key);
        assert_eq!(mode(&folder.path().join("a.key")), 0o600);
    }
}

#[test]
fn a_key_is_replaced_only_by_force() {
    let folder = folder();
    let path = folder.path().join("a.key");
    fs::write(&path, "precious").unwrap();
    for command in ["new", "from-passphrase"] {
        let told = refusal(&folder, &["key", command, "a.key"], "");
        assert!(told.contains("already there") && told.contains("--force"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
    assert!(setup(&folder, &["key", "new", "--force", "a.key"], "").status.success());
    assert_ne!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_link_that_points_nowhere_is_not_written_through() {
    let folder = folder();
    symlink("elsewhere", folder.path().join("a.key")).unwrap();
    assert!(refusal(&folder, &["key", "new", "a.key"], "").contains("already there"));
    assert!(refusal(&folder, &["key", "new", "--force", "a.key"], "").contains("not a plain file"));
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_place_that_cannot_hold_the_key_is_named() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    fs::create_dir(folder.path().join("keys")).unwrap();
    let cases = [
        ("missing/a.key", "mkdir -p missing"),
        ("keys", "is a folder"),
        ("file/a.key", "file"),
        ("/proc/a.key", "cannot write into folder /proc"),
    ];
    for (path, expected) in cases {
        let told = refusal(&folder, &["key", "new", path], "");
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_full_disk_leaves_no_part_of_a_key_and_keeps_the_old_one() {
    let folder = folder();
    let path = folder.path().join("a.key");
    fs::write(&path, "precious").unwrap();
    // A limit of 0 bytes a file, with its signal ignored, fails each write as a full disk does.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" key new --force a.key";
    let output = Command::new("sh").args(["-c", script, PROGRAM]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write a.key; nothing was left behind"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_weak_phrase_is_warned_about_and_a_useless_one_refused() {
    let folder = folder();
    assert!(refusal(&folder, &["key", "from-passphrase", "a.key"], "1234567\n").contains("7 characters"));
    assert!(refusal(&folder, &["key", "from-passphrase", "a.key"], "").contains("stdin is empty"));
    let long = "x".repeat(5000);
    assert!(refusal(&folder, &["key", "from-passphrase", "a.key"], &long).contains("longer than 4096 bytes"));
    assert!(!folder.path().join("a.key").exists());
    let output = setup(&folder, &["key", "from-passphrase", "a.key"], "12345678");
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("warning: 8 characters can be guessed"));
}

#[test]
fn show_tells_the_fingerprint_and_keeps_the_secret() {
    let folder = folder();
    let (words, key) = VECTORS[0];
    setup(&folder, &["key", "from-passphrase", "a.key"], words);
    let output = setup(&folder, &["key", "show", "a.key"], "");
    assert_eq!(
        text(&output.stdout),
        "format       skylark-key-1, 256 bits\nfingerprint  df29 a4f8\npermissions  0600\n"
    );
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&setup(&folder, &["key", "show", "--secret", "a.key"], "").stdout), key);
}

#[test]
fn an_answer_that_does_not_fit_on_the_disk_is_a_failure() {
    let folder = folder();
    setup(&folder, &["key", "new", "a.key"], "");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(PROGRAM)
        .args(["key", "show", "--secret", "a.key"])
        .current_dir(folder.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write to stdout"), "{}", text(&output.stderr));
}

#[test]
fn show_warns_about_a_key_that_others_can_read() {
    let folder = folder();
    setup(&folder, &["key", "new", "a.key"], "");
    fs::set_permissions(folder.path().join("a.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = setup(&folder, &["key", "show", "a.key"], "");
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("chmod 600 a.key"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0644"));
}

#[test]
fn what_is_no_key_is_refused_with_what_was_found() {
    let folder = folder();
    let mistyped = VECTORS[0].1.replacen("f375", "f376", 1);
    let files: [(&str, &[u8], &str); 4] = [
        ("mistyped.key", mistyped.as_bytes(), "mistyped"),
        ("short.key", b"skylark-key-1 0011", "found 4 hex digits"),
        ("binary.key", &[0xff; 32], "32 bytes"),
        ("other.key", b"-----BEGIN PRIVATE KEY-----", "not a Skylark key"),
    ];
    for (name, bytes, expected) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
        let told = refusal(&folder, &["key", "show", name], "");
        assert!(told.contains(name) && told.contains(expected), "{told}");
    }
    assert!(refusal(&folder, &["key", "show", "nowhere.key"], "").contains("not found"));
    assert!(refusal(&folder, &["key", "show", "."], "").contains("directory"));
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2_and_help_with_0() {
    let folder = folder();
    for arguments in [&["key"][..], &["key", "old", "a.key"], &["key", "show", "--force", "a.key"]] {
        assert_eq!(setup(&folder, arguments, "").status.code(), Some(2), "{arguments:?}");
    }
    let help = setup(&folder, &["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Exit codes"));
}
