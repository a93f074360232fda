//! A link key as 24 words with a checksum (BIP-39, English), and what a person typed back to the key. Pure.

use anyhow::{Result, anyhow};
use bip39::{Language, Mnemonic};
use skylark_common::seal::LinkKey;
use thiserror::Error;

/// How many words stand for a key: 256 bits and 8 of checksum, 11 in each word.
pub(super) const WORDS: usize = 24;

/// So many first letters tell every word of the list from all others; fewer are too easily a slip.
const TELLING_LETTERS: usize = 4;

/// Words further away from what was typed are guesses, not corrections.
const MOST_SLIPS: usize = 2;

/// More suggestions than this are no help.
const MOST_SUGGESTIONS: usize = 4;

/// Why words are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Wrong {
    /// Not in the list.
    #[error("word {position} `{typed}` is not in the list{}", near_text(.near))]
    Unknown {
        /// Its place in the phrase, from 1.
        position: usize,
        /// What was typed.
        typed: String,
        /// Words of the list that look like it.
        near: Vec<&'static str>,
    },
    /// The phrase is full.
    #[error("found more than {WORDS} words, the first too many is `{0}`")]
    TooMany(String),
}

/// The words that stand for a key.
pub(super) fn words(key: &LinkKey) -> Result<Vec<&'static str>> {
    let phrase = Mnemonic::from_entropy_in(Language::English, key.as_bytes())
        .map_err(|error| anyhow!("the key has no words: {error}"))?;
    Ok(phrase.words().collect())
}

/// The key the words stand for, if their checksum is right.
pub(super) fn key(words: &[&str]) -> Option<LinkKey> {
    let phrase = Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).ok()?;
    let (bytes, _) = phrase.to_entropy_array();
    bytes.first_chunk().filter(|_| words.len() == WORDS).map(|bytes| LinkKey::from_bytes(*bytes))
}

/// Adds what was typed to the phrase, up to the first word that is wrong. Numbers and punctuation between the
/// words do not count, nor do capitals.
pub(super) fn take(typed: &str, phrase: &mut Vec<&'static str>) -> Result<(), Wrong> {
    for word in typed.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        if phrase.len() == WORDS {
            return Err(Wrong::TooMany(word.to_owned()));
        }
        phrase.push(find(word, phrase.len() + 1)?);
    }
    Ok(())
}

/// The word of the list that was meant: typed whole, or its first letters. It is that many in the phrase, from 1.
pub(super) fn find(typed: &str, position: usize) -> Result<&'static str, Wrong> {
    let lower = typed.to_lowercase();
    let list = Language::English.word_list();
    if let Ok(index) = list.binary_search(&lower.as_str()) {
        return Ok(list[index]);
    }
    let meant = list.iter().find(|word| lower.len() >= TELLING_LETTERS && word.starts_with(&lower));
    meant.copied().ok_or_else(|| Wrong::Unknown { position, typed: typed.to_owned(), near: near(&lower) })
}

/// The words that look most like what was typed.
fn near(typed: &str) -> Vec<&'static str> {
    let list = Language::English.word_list();
    let distances = || list.iter().map(|word| (slips(typed, word), *word));
    let nearest = distances().map(|(slips, _)| slips).min().filter(|slips| *slips <= MOST_SLIPS);
    let alike = distances().filter(|(slips, _)| Some(*slips) == nearest);
    alike.map(|(_, word)| word).take(MOST_SUGGESTIONS).collect()
}

/// How many letters were left out, put in or exchanged (Levenshtein).
fn slips(typed: &str, word: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (line, letter) in typed.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (above, expected) in row.iter_mut().skip(1).zip(word.chars()) {
            let here = (diagonal + usize::from(letter != expected)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn near_text(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From the test vectors of BIP-39 (entropy, words), English.
    const VECTORS: [(&str, &str); 3] = [
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
             abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        ),
        (
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        ),
        (
            "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
            "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel \
             tennis maple dilemma loan word shrug inflict delay length",
        ),
    ];

    fn taken(typed: &str) -> Result<Vec<&'static str>, Wrong> {
        let mut phrase = Vec::new();
        take(typed, &mut phrase).map(|()| phrase)
    }

    #[test]
    fn keys_have_the_words_the_standard_gives_them_and_come_back_from_them() {
        for (digits, expected) in VECTORS {
            let bytes = std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap());
            let found = words(&LinkKey::from_bytes(bytes)).unwrap();
            assert_eq!(found.join(" "), expected);
            assert_eq!(key(&taken(expected).unwrap()), Some(LinkKey::from_bytes(bytes)));
        }
    }

    #[test]
    fn four_letters_capitals_and_numbers_beside_the_words_are_understood() {
        let (_, expected) = VECTORS[2];
        let short: Vec<String> = expected
            .split_whitespace()
            .enumerate()
            .map(|(i, word)| format!("{}. {}", i + 1, word[..4].to_uppercase()))
            .collect();
        assert_eq!(taken(&short.join("\r\n")).unwrap().join(" "), expected);
    }

    #[test]
    fn a_wrong_word_is_named_with_its_place_and_what_it_looks_like() {
        let error = taken("zoo abandn art").unwrap_err();
        assert_eq!(error.to_string(), "word 2 `abandn` is not in the list; near it: abandon");
        assert_eq!(taken("Überschall").unwrap_err().to_string(), "word 1 `Überschall` is not in the list");
        assert!(matches!(taken("zo"), Err(Wrong::Unknown { near, .. }) if near.contains(&"zoo")));
    }

    #[test]
    fn a_shortened_word_needs_four_letters() {
        assert_eq!(taken("add addi").unwrap(), ["add", "addict"]);
        assert!(taken("aba").is_err());
    }

    #[test]
    fn a_word_too_many_is_refused_and_too_few_are_no_key() {
        let (_, whole) = VECTORS[1];
        assert_eq!(taken(&format!("{whole} art")), Err(Wrong::TooMany("art".to_owned())));
        assert_eq!(key(&taken(whole).unwrap()[1..]), None);
        // Twelve words with a right checksum stand for half a key.
        let half = "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong";
        assert_eq!(key(&taken(half).unwrap()), None);
    }

    #[test]
    fn exchanged_and_swapped_words_are_found_by_the_checksum() {
        let mut words = taken(VECTORS[2].1).unwrap();
        words.swap(3, 4);
        assert_eq!(key(&words), None);
        words.swap(3, 4);
        words[7] = "meadow";
        assert_eq!(key(&words), None);
    }

    #[test]
    fn slips_are_counted_as_the_textbook_does() {
        for (typed, word, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("zoo", "zoo", 0)] {
            assert_eq!(slips(typed, word), expected, "{typed} {word}");
        }
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_its_words(bytes: [u8; 32]) {
            let key = LinkKey::from_bytes(bytes);
            prop_assert_eq!(super::key(&words(&key).unwrap()), Some(key));
        }

        #[test]
        fn nothing_that_is_typed_panics(typed: String) {
            let _ = taken(&typed);
        }
    }
}
