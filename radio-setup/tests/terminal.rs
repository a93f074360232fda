//! The passphrase prompt on a real pseudo-terminal: no echo, asked for twice, and echo is back at every end.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "terminal/session.rs"]
mod session;

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;

use rustix::process::{Pid, Signal, kill_process};
use session::Session;

/// The question for a passphrase.
const PROMPT: [&str; 3] = ["key", "from-passphrase", "a.key"];

/// What ends the input of a terminal.
const CTRL_D: u8 = 4;

#[test]
fn a_phrase_typed_twice_makes_the_key_and_never_echoes() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path(), &PROMPT);
    session.hear("Passphrase: ");
    assert!(!session.echoes());
    session.type_line("correct horse battery staple");
    session.hear("Once more: ");
    assert!(!session.echoes());
    session.type_line("correct horse battery staple");
    let (status, rest) = session.end();
    assert!(status.success(), "{rest}");
    assert!(rest.contains("df29 a4f8"), "{rest}");
    assert!(session.echoes());
}

#[test]
fn a_prompt_that_is_closed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path(), &PROMPT);
    session.hear("Passphrase: ");
    session.keyboard.write_all(&[CTRL_D]).unwrap();
    let (status, rest) = session.end();
    assert_eq!(status.code(), Some(1));
    assert!(rest.contains("no passphrase was typed"), "{rest}");
    assert!(session.echoes());
}

#[test]
fn two_different_phrases_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path(), &PROMPT);
    session.hear("Passphrase: ");
    session.type_line("correct horse battery staple");
    session.hear("Once more: ");
    session.type_line("correct horse battery stable");
    let (status, rest) = session.end();
    assert_eq!(status.code(), Some(1));
    assert!(rest.contains("differ"), "{rest}");
    assert!(session.echoes() && !folder.path().join("a.key").exists());
}

#[test]
fn an_interrupted_prompt_gives_the_echo_back_and_dies_of_the_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        let mut session = Session::start(folder.path(), &PROMPT);
        session.hear("Passphrase: ");
        assert!(!session.echoes());
        kill_process(Pid::from_child(&session.child), signal).unwrap();
        let (status, rest) = session.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{rest}");
        assert!(session.echoes() && !folder.path().join("a.key").exists());
    }
}
