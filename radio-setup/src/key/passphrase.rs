//! From words to a key: Argon2id (RFC 9106). Pure.

use anyhow::{Result, anyhow, ensure};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use skylark_common::seal::LinkKey;

/// Memory of one guess in KiB. A Pi Zero 2 has 512 MiB for everything; RFC 9106 section 4 recommends
/// this size where memory is constrained.
const MEMORY_KIB: u32 = 64 * 1024;

/// Passes over the memory: what RFC 9106 section 4 recommends beside 64 MiB.
const PASSES: u32 = 3;

/// One lane: more would only help an attacker, as the derivation runs on one core.
const LANES: u32 = 1;

/// The same for everyone, as both ends must arrive at the same key from nothing but the words.
const SALT: &[u8] = b"skylark-link-key-1";

/// Below this many characters a phrase is refused: 8 lower-case letters, even if chosen at random, are
/// 38 bits, which one rented machine searches in weeks.
const FEWEST_CHARACTERS: usize = 8;

/// Below this many characters a phrase is warned about: people's phrases hold under 3 bits a character.
const COMFORTABLE_CHARACTERS: usize = 20;

/// The phrase as it is hashed: runs of white space count as one blank, and none at the ends.
pub(super) fn normalize(typed: &str) -> Result<String> {
    let words = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = words.chars().count();
    ensure!(
        found >= FEWEST_CHARACTERS,
        "the passphrase has {found} characters, expected at least {FEWEST_CHARACTERS}: \
         whoever records the link could guess it; five random words are safe for years"
    );
    Ok(words)
}

/// Whether the phrase deserves a warning.
pub(super) fn is_short(words: &str) -> bool {
    words.chars().count() < COMFORTABLE_CHARACTERS
}

/// The key the words stand for.
pub(super) fn derive(words: &str) -> Result<LinkKey> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, Some(LinkKey::LEN)).map_err(|error| anyhow!("Argon2id: {error}"))?;
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(params.block_count())
        .map_err(|_| anyhow!("deriving a key takes {} MiB of memory, and they are not free", MEMORY_KIB / 1024))?;
    memory.resize(params.block_count(), Block::default());
    let mut key = [0; LinkKey::LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(words.as_bytes(), SALT, &mut key, &mut memory)
        .map_err(|error| anyhow!("Argon2id: {error}"))?;
    Ok(LinkKey::from_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_words_do_not_change_the_phrase_and_capitals_do() {
        assert_eq!(normalize("  correct\t horse  battery\r").unwrap(), "correct horse battery");
        assert_ne!(normalize("Correct horse").unwrap(), normalize("correct horse").unwrap());
    }

    #[test]
    fn a_phrase_of_seven_characters_is_refused_however_many_bytes_they_take() {
        assert!(normalize("äöüßéèê").is_err());
        assert!(normalize("       a       ").is_err());
        assert!(normalize("äöüßéèêë").is_ok());
    }

    #[test]
    fn a_phrase_of_a_few_words_is_not_called_short() {
        assert!(is_short("sunshine"));
        assert!(!is_short("correct horse battery staple"));
    }
}
