//! What a relay tells of itself and its cards, as JSON: written by the relay, read by viewers, who believe none of it.

use crate::relay::station::MAX_RELAY_CARDS;
use serde::{Deserialize, Serialize};
use skylark_setup::legible::legible;

/// Cards of a relay that are looked at.
pub(crate) const MAX_CARDS: usize = MAX_RELAY_CARDS as usize;
/// Longest status that is read, in bytes: eight cards with a sentence each take 3000.
pub(super) const MAX_STATUS_BYTES: usize = 16 << 10;
/// Letters of a name, and of a sentence.
const MAX_NAME_LETTERS: usize = 32;
const MAX_SENTENCE_LETTERS: usize = 240;

/// A relay and its cards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// What people call the relay.
    pub(crate) name: String,
    /// Its cards, by their numbers.
    pub(crate) cards: Vec<CardStatus>,
    /// Whether it has heard frames of no link of this dialect within the last second.
    #[serde(default)]
    pub(crate) hears_others: bool,
}

/// One card of a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CardStatus {
    /// As the relay's user wrote it.
    pub(crate) name: String,
    /// Why it cannot hear, and what to do.
    #[serde(default)]
    pub(crate) fault: Option<String>,
    /// What it is tuned to.
    #[serde(default)]
    pub(crate) tuned: Option<String>,
    /// Frames the relay's machine dropped.
    #[serde(default)]
    pub(crate) dropped_by_machine: u64,
}

impl Status {
    /// Reads what a relay wrote: no more than people can read, and nothing that could turn a terminal around.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let json = Some(json).filter(|json| json.len() <= MAX_STATUS_BYTES)?;
        let mut status: Self = serde_json::from_slice(json).ok()?;
        status.cards.truncate(MAX_CARDS);
        make_legible(&mut status.name, MAX_NAME_LETTERS);
        for card in &mut status.cards {
            make_legible(&mut card.name, MAX_NAME_LETTERS);
            card.fault.iter_mut().chain(&mut card.tuned).for_each(|text| make_legible(text, MAX_SENTENCE_LETTERS));
        }
        Some(status)
    }
}

fn make_legible(text: &mut String, most_letters: usize) {
    *text = legible(text.as_bytes()).chars().take(most_letters).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_writes_is_read() {
        let card = CardStatus {
            name: "wlan1".to_owned(),
            fault: Some("wlan1 is down".to_owned()),
            tuned: Some("channel 149".to_owned()),
            dropped_by_machine: 3,
        };
        let status = Status { name: "roof".to_owned(), cards: vec![card], hears_others: true };
        assert_eq!(Status::parse(&serde_json::to_vec(&status).unwrap()), Some(status));
        let later = br#"{"name": "roof", "cards": [{"name": "wlan1", "more": 1}], "more": {}}"#;
        assert_eq!(Status::parse(later).unwrap().cards.len(), 1, "a later release may say more");
    }

    #[test]
    fn what_a_liar_writes_is_cut_short_and_escaped() {
        let name = format!("\u{1b}[2J{}", "x".repeat(5000));
        let cards = vec![CardStatus { name: name.clone(), fault: Some(name.clone()), ..CardStatus::default() }; 30];
        let status = Status { name, cards: cards[..2].to_vec(), hears_others: false };
        assert_eq!(Status::parse(&serde_json::to_vec(&status).unwrap()), None, "too long");
        let short = |card: &CardStatus| CardStatus { fault: None, name: card.name[..300].to_owned(), ..card.clone() };
        let status = Status { name: "a\nb".to_owned(), cards: cards.iter().map(short).collect(), hears_others: false };
        let read = Status::parse(&serde_json::to_vec(&status).unwrap()).unwrap();
        assert_eq!((read.name.as_str(), read.cards.len()), ("a\\u{a}b", MAX_CARDS));
        assert!(read.cards[0].name.starts_with("\\u{1b}[2J") && read.cards[0].name.len() == MAX_NAME_LETTERS);
        for nonsense in [&b""[..], b"[]", b"{\"name\": 1}", b"\xff"] {
            assert_eq!(Status::parse(nonsense), None);
        }
    }
}
