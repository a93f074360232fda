//! Moving a key with the real program: shown on a pseudo-terminal, read back from pictures, typed as words.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "terminal/session.rs"]
mod session;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use session::Session;
use tempfile::TempDir;

/// `correct horse battery staple`, as `tests/keys.rs` has it.
const KEY: &str = "skylark-key-1 f375c122ac6df665e04189f54712ddd05f2d62c28798385d618ca578bb9ae714 df29a4f8\n";
const FINGERPRINT: &str = "df29 a4f8";
/// Its words, as the Python package `mnemonic` 0.21 gives them.
const WORDS: &str = "vibrant puppy emerge flee term cream library couple vocal decade resist pass version ramp anxiety \
                     vessel debate twelve glimpse enough merry sniff ordinary mesh";
/// What leaves the screen the key was shown on.
const FIRST_SCREEN: &str = "\x1b[?1049l";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("link.key"), KEY).unwrap();
    fs::set_permissions(folder.path().join("link.key"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn setup(folder: &TempDir, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skylark-setup"))
        .args(arguments)
        .current_dir(folder.path())
        .env("SKYLARK_KEY", folder.path().join("link.key"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses before it reads leaves a closed pipe.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn refusal(folder: &TempDir, arguments: &[&str], stdin: &[u8]) -> String {
    let output = setup(folder, arguments, stdin);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    told
}

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn assert_moved(folder: &TempDir, output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains(FINGERPRINT), "{told}");
    let moved = folder.path().join("moved.key");
    assert_eq!(fs::read_to_string(&moved).unwrap(), KEY);
    assert_eq!(fs::metadata(&moved).unwrap().permissions().mode() & 0o7777, 0o600);
}

/// A session that shows the key on a terminal of so many columns and 24 lines, and the lines it drew.
fn shown(folder: &TempDir, columns: u16, lines: usize) -> (Session, String) {
    let mut session = Session::start_sized(folder.path(), &["pair", "show", "link.key"], columns, 24);
    let text = read_until(&mut session, |text| text.matches('\n').count() == lines);
    session.hear("Enter hides it again. ");
    (session, text)
}

/// What the program draws until it is `enough`.
fn read_until(session: &mut Session, enough: impl Fn(&str) -> bool) -> String {
    let mut drawn = Vec::new();
    while !enough(&String::from_utf8_lossy(&drawn)) {
        let mut bytes = [0; 4096];
        let length = session.keyboard.read(&mut bytes).unwrap();
        drawn.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8(drawn).unwrap()
}

/// The picture a terminal shows for a text with colours and half blocks: 8 × 16 pixels a character.
fn picture(text: &str) -> Vec<u8> {
    let (mut lines, mut colours) = (Vec::new(), (0, 0));
    for line in text.lines().filter(|line| line.contains('▀')) {
        let mut halves = [Vec::new(), Vec::new()];
        for part in line.split('\x1b') {
            let glyphs = match part.split_once('m') {
                Some((sequence, glyphs)) => {
                    colours = colours_of(sequence);
                    glyphs
                }
                None => part,
            };
            for glyph in glyphs.chars() {
                let upper = if glyph == '▀' { colours.0 } else { colours.1 };
                halves[0].extend([upper; 8]);
                halves[1].extend([colours.1; 8]);
            }
        }
        lines.extend(halves.into_iter().flat_map(|half| std::iter::repeat_n(half, 8)));
    }
    let width = lines.iter().map(Vec::len).max().unwrap();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(width).unwrap(), u32::try_from(lines.len()).unwrap());
    encoder.set_color(png::ColorType::Grayscale);
    lines.iter_mut().for_each(|line| line.resize(width, 0));
    encoder.write_header().unwrap().write_image_data(&lines.concat()).unwrap();
    bytes
}

/// Foreground and background of `[38;5;N;48;5;N`, black on black for anything else.
fn colours_of(sequence: &str) -> (u8, u8) {
    let colour = |number: Option<&str>| if number == Some("231") { 255 } else { 0 };
    let numbers: Vec<&str> = sequence.split(';').collect();
    (colour(numbers.get(2).copied()), colour(numbers.get(5).copied()))
}

#[test]
fn what_a_terminal_shows_is_read_back_and_hidden_by_enter() {
    let folder = folder();
    let (mut session, text) = shown(&folder, 80, 21);
    assert!(text.starts_with("\x1b[?1049h") && text.contains(FINGERPRINT), "{text:?}");
    assert!(!session.echoes());
    assert_moved(&folder, &setup(&folder, &["pair", "scan", "-", "moved.key"], &picture(&text)));
    session.type_line("");
    assert!(read_until(&mut session, |text| text.contains(FIRST_SCREEN)).ends_with(FIRST_SCREEN));
    assert!(session.end().0.success() && session.echoes());
}

#[test]
fn a_signal_hides_the_key_as_well() {
    let folder = folder();
    let (mut session, _) = shown(&folder, 80, 21);
    kill_process(Pid::from_child(&session.child), Signal::INT).unwrap();
    read_until(&mut session, |text| text.contains(FIRST_SCREEN));
    assert_eq!(session.end().0.signal(), Some(Signal::INT.as_raw()));
    assert!(session.echoes());
}

#[test]
fn a_small_terminal_shows_the_words_and_says_what_the_code_needs() {
    let (mut session, text) = shown(&folder(), 74, 20);
    assert!(!text.contains('▀') && text.contains("24 mesh") && text.contains("needs 75 × 22"), "{text}");
    session.type_line("");
    assert!(session.end().0.success());
}

#[test]
fn pictures_of_a_real_terminal_are_read() {
    // xterm.png: xterm 379 under Xvfb. photo.jpg: the same, tilted, blurred, in bad light and with noise.
    for name in ["xterm.png", "photo.jpg"] {
        let folder = folder();
        assert_moved(&folder, &setup(&folder, &["pair", "scan", "-", "moved.key"], &data(name)));
    }
}

#[test]
fn pictures_that_give_no_key_are_refused_and_nothing_is_written() {
    let folder = folder();
    let (png, jpeg) = (data("xterm.png"), data("photo.jpg"));
    let cases: [(&[u8], &str); 6] = [
        (b"", "is empty"),
        (b"BM6\0\0", "neither PNG nor JPEG"),
        (&png[..png.len() / 2], "damaged or cut off"),
        (&png[..20], "damaged or cut off"),
        (&jpeg[..jpeg.len() / 2], "its end is missing"),
        (&jpeg[..200], "damaged or cut off"),
    ];
    for (bytes, expected) in cases {
        let told = refusal(&folder, &["pair", "scan", "-", "moved.key"], bytes);
        assert!(told.contains(expected) && told.contains("standard input"), "{told}");
    }
    let told = refusal(&folder, &["pair", "scan", "nowhere.jpg", "moved.key"], b"");
    assert!(told.contains("nowhere.jpg") && told.contains("No such file"), "{told}");
    assert!(refusal(&folder, &["pair", "scan", "/dev/zero", "moved.key"], b"").contains("take a smaller picture"));
    assert!(!folder.path().join("moved.key").exists());
}

#[test]
fn a_key_goes_through_a_pipe_as_words_and_a_warning() {
    let folder = folder();
    let output = setup(&folder, &["pair", "show"], b"");
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), format!("{WORDS}\n"));
    assert!(String::from_utf8(output.stderr).unwrap().contains("whoever reads it"));
    assert_moved(&folder, &setup(&folder, &["pair", "enter", "moved.key"], &output.stdout));
}

#[test]
fn words_that_are_no_key_are_refused_with_what_is_wrong_about_them() {
    let folder = folder();
    let (first_23, _) = WORDS.rsplit_once(' ').unwrap();
    let cases = [
        (String::new(), "found 0 words"),
        (first_23.to_owned(), "found 23 words"),
        (WORDS.replace("library", "libary"), "word 7 `libary` is not in the list; near it: library"),
        (WORDS.replace("puppy emerge", "emerge puppy"), "checksum"),
        (format!("{WORDS} mesh"), "more than 24 words"),
    ];
    for (words, expected) in cases {
        let told = refusal(&folder, &["pair", "enter", "moved.key"], words.as_bytes());
        assert!(told.contains(expected), "{told}");
    }
    assert!(!folder.path().join("moved.key").exists());
}

#[test]
fn a_key_that_is_there_is_replaced_only_by_force() {
    let folder = folder();
    for arguments in [&["pair", "enter", "link.key"][..], &["pair", "scan", "-", "link.key"], &["pair", "enter"]] {
        assert!(refusal(&folder, arguments, WORDS.as_bytes()).contains("--force"));
    }
    fs::write(folder.path().join("moved.key"), "older").unwrap();
    assert_moved(&folder, &setup(&folder, &["pair", "enter", "--force", "moved.key"], WORDS.as_bytes()));
}

#[test]
fn typed_words_do_not_stay_on_the_terminal() {
    for signal in [None, Some(Signal::INT)] {
        let folder = folder();
        let mut session = Session::start(folder.path(), &["pair", "enter", "moved.key"]);
        session.hear("From word 1: ");
        match signal {
            None => session.type_line(WORDS),
            Some(signal) => kill_process(Pid::from_child(&session.child), signal).unwrap(),
        }
        let (status, _) = session.end();
        assert_eq!(status.signal(), signal.map(Signal::as_raw));
        let drawn = read_until(&mut session, |text| text.contains(FIRST_SCREEN));
        assert!(drawn.starts_with("\x1b[?1049h") && drawn.ends_with(FIRST_SCREEN), "{drawn:?}");
        assert_eq!(drawn.contains("vibrant"), signal.is_none(), "{drawn:?}");
    }
}

#[test]
fn a_person_at_a_terminal_is_helped_to_the_right_words() {
    let folder = folder();
    let mut session = Session::start(folder.path(), &["pair", "enter", "moved.key"]);
    session.hear("From word 1: ");
    session.type_line("vibr pupp EMER flee term cream libary couple");
    session.hear("near it: library. Go on from there.\nFrom word 7: ");
    session.type_line("library couple vocal decade resist pass version ramp anxiety vessel");
    session.hear("From word 17: ");
    session.type_line("debate twelve glimpse enough mercy sniff ordinary mesh");
    session.hear("Which number is wrong? ");
    session.type_line("25");
    session.hear("Which number is wrong? ");
    session.type_line("21");
    session.hear("Word 21: ");
    session.type_line("merrry");
    session.hear("Word 21: ");
    session.type_line("merry");
    let (status, rest) = session.end();
    assert!(status.success() && rest.contains(FINGERPRINT), "{rest}");
    assert_eq!(fs::read_to_string(folder.path().join("moved.key")).unwrap(), KEY);
}
