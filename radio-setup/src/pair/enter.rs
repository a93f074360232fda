//! Asks for the words of a key, on a terminal until they are right.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Context as _, Result, bail, ensure};
use skylark_common::seal::LinkKey;
use thiserror::Error;

use super::phrase::{self, WORDS};
use super::show::{FIRST_SCREEN, OTHER_SCREEN};
use crate::key::prompt::{self, Outcome};
use crate::report;

/// 24 words with numbers take a few hundred bytes; what is longer is no phrase.
const LONGEST_INPUT_BYTES: u64 = 4096;

/// The key whose words are typed, or read from a pipe.
pub(super) fn key() -> Result<LinkKey> {
    if io::stdin().is_terminal() { ask() } else { from_pipe() }
}

fn from_pipe() -> Result<LinkKey> {
    let mut typed = String::new();
    io::stdin().lock().take(LONGEST_INPUT_BYTES).read_to_string(&mut typed).context("cannot read words from stdin")?;
    let mut words = Vec::new();
    phrase::take(&typed, &mut words)?;
    ensure!(words.len() == WORDS, "found {} words on stdin, expected {WORDS}", words.len());
    phrase::key(&words).context(
        "the words' checksum is wrong: one of them is another word of the list, or two are swapped; compare them \
         with `skylark-setup pair show` on the other machine",
    )
}

/// On the terminal's other screen, as the words are the secret.
fn ask() -> Result<LinkKey> {
    let screens = if io::stdout().is_terminal() { [OTHER_SCREEN, FIRST_SCREEN] } else { [""; 2] };
    report::answer(screens[0])?;
    let key = converse();
    report::answer(screens[1])?;
    if let Some(Interrupted(signal)) = key.as_ref().err().and_then(anyhow::Error::downcast_ref) {
        prompt::die_of(*signal)?;
    }
    key
}

fn converse() -> Result<LinkKey> {
    report::note(format_args!(
        "Type the {WORDS} words that `skylark-setup pair show` shows on the other machine, one or many a line.\n\
         The first four letters of a word are enough."
    ));
    let mut words = Vec::new();
    loop {
        while words.len() < WORDS {
            if let Err(wrong) = phrase::take(&line(&format!("From word {}: ", words.len() + 1))?, &mut words) {
                report::note(format_args!("{wrong}. Go on from there."));
            }
        }
        match phrase::key(&words) {
            Some(key) => return Ok(key),
            None => correct(&mut words)?,
        }
    }
}

/// Shows the words and has one of them typed again.
fn correct(words: &mut [&'static str]) -> Result<()> {
    for (row, pair) in words.chunks(4).enumerate() {
        let line: Vec<_> = pair.iter().enumerate().map(|(i, w)| format!("{:2} {w:<9}", row * 4 + i + 1)).collect();
        report::note(line.join(" "));
    }
    report::note("The checksum is wrong: one of these is another word of the list, or two are swapped.");
    let place = loop {
        let typed = line("Which number is wrong? ")?;
        match typed.trim().parse::<usize>() {
            Ok(number) if (1..=words.len()).contains(&number) => break number,
            _ => report::note(format_args!("found `{}`, expected a number from 1 to {WORDS}", typed.trim())),
        }
    };
    let corrected = loop {
        match phrase::find(line(&format!("Word {place}: "))?.trim(), place) {
            Ok(word) => break word,
            Err(wrong) => report::note(wrong),
        }
    };
    if let Some(word) = words.get_mut(place - 1) {
        *word = corrected;
    }
    Ok(())
}

/// A signal has ended the conversation.
#[derive(Debug, Error)]
#[error("interrupted; nothing was written")]
struct Interrupted(i32);

fn line(question: &str) -> Result<String> {
    let typed = match prompt::aloud(question)? {
        Outcome::Line(typed) => typed,
        Outcome::Signal(signal) => return Err(Interrupted(signal).into()),
    };
    if typed.is_empty() {
        report::note("");
        bail!("no more words were typed; nothing was written");
    }
    String::from_utf8(typed).context("what was typed is not UTF-8 text")
}
