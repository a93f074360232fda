//! The `key` commands: new, from a passphrase, show.

mod passphrase;
pub(crate) mod prompt;
mod wfb_ng;
pub(crate) mod write;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use skylark_common::seal::{LinkKey, key_file};

use crate::args::KeyCommand;
use crate::{pair, report};

/// What a key is good for.
const NEXT: &str = "the other end needs the same key";

/// Does what the command says.
pub(crate) fn run(command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::New(target) => pair::store(target, NEXT, random_key),
        KeyCommand::FromPassphrase(target) => pair::store(target, NEXT, key_from_words),
        KeyCommand::Show { file, secret } => show(file, secret),
        KeyCommand::WfbNg(command) => wfb_ng::run(command),
    }
}

pub(crate) fn random_key() -> Result<LinkKey> {
    let mut bytes = [0; LinkKey::LEN];
    getrandom::fill(&mut bytes).context("the kernel gave no random bytes")?;
    Ok(LinkKey::from_bytes(bytes))
}

fn key_from_words() -> Result<LinkKey> {
    let typed = prompt::passphrase()?;
    let words = passphrase::normalize(&typed)?;
    if passphrase::is_short(&words) {
        report::warning(format_args!(
            "{} characters can be guessed by whoever records the link; five random words are safe for years",
            words.chars().count()
        ));
    }
    passphrase::derive(&words)
}

fn show(file: Option<PathBuf>, secret: bool) -> Result<()> {
    let file = pair::file_to_read(file)?;
    let key = key_file::read(&file)?;
    let mode = key_file::mode(&file)?;
    if let Some(warning) = key_file::exposure(&file, mode) {
        report::warning(warning);
    }
    report::answer(&if secret { key.to_text() } else { description(&key, mode) })
}

fn description(key: &LinkKey, mode: u32) -> String {
    format!(
        "format       skylark-key-1, {} bits\nfingerprint  {}\npermissions  {mode:04o}\n",
        LinkKey::LEN * 8,
        spoken(key.fingerprint())
    )
}

/// A fingerprint in groups that can be read aloud.
pub(crate) fn spoken(fingerprint: u32) -> String {
    format!("{:04x} {:04x}", fingerprint >> 16, fingerprint & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_keeps_its_leading_zeros() {
        assert_eq!(spoken(0x000a_00b0), "000a 00b0");
    }
}
