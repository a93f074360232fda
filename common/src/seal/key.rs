//! The link key: 32 secret bytes that both ends of a link share, and its one-line text form.
//!
//! ```text
//! skylark-key-1 <64 hex digits: the key> <8 hex digits: its fingerprint>
//! ```

use ring::digest;
use thiserror::Error;

const PREFIX: &str = "skylark-key-1";

/// The secret both ends share. Everything on the air is sealed with keys derived from it.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; Self::LEN]);

/// Why a text is not a link key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The text does not start with the name of the format.
    #[error("not a Skylark key: expected one line that starts with `skylark-key-1`")]
    NotAKey,
    /// The key's hex digits are missing, too few or too many.
    #[error("found {found} hex digits of key, expected {expected}")]
    Length {
        /// Digits in the text.
        found: usize,
        /// Digits a key has.
        expected: usize,
    },
    /// A character that is not a hex digit.
    #[error("found the character {found:?} in the key, expected hex digits")]
    NotHex {
        /// The first such character.
        found: char,
    },
    /// The fingerprint in the text is not that of the key: a digit was mistyped.
    #[error("the key's fingerprint is {computed:08x}, but the text says {found:08x}: a digit was mistyped")]
    Fingerprint {
        /// What the text says.
        found: u32,
        /// What the key gives.
        computed: u32,
    },
    /// There is no fingerprint behind the key.
    #[error("the key's fingerprint is missing: expected 8 hex digits behind the key")]
    NoFingerprint,
}

impl LinkKey {
    /// Length of a link key in bytes.
    pub const LEN: usize = 32;

    /// A key from 32 bytes that nobody else knows.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A number two people can compare aloud to see whether they have the same key: the first four
    /// bytes of SHA-256 over `skylark fingerprint` and the key. It tells nothing about the key.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"skylark fingerprint");
        context.update(&self.0);
        let hash = context.finish();
        hash.as_ref().iter().take(4).fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
    }

    /// The one-line text form, newline included.
    #[must_use]
    pub fn to_text(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{PREFIX} {digits} {:08x}\n", self.fingerprint())
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Says what was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_ascii_whitespace();
        if words.next() != Some(PREFIX) {
            return Err(KeyError::NotAKey);
        }
        let digits = words.next().unwrap_or("");
        let found = digits.chars().count();
        if let Some(found) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(KeyError::NotHex { found });
        }
        let expected = Self::LEN * 2;
        if found != expected {
            return Err(KeyError::Length { found, expected });
        }
        let mut key = [0; Self::LEN];
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = pair.iter().fold(0, |sum, digit| (sum << 4) | hex_value(*digit));
        }
        let key = Self(key);
        let computed = key.fingerprint();
        let said = words.next().ok_or(KeyError::NoFingerprint)?;
        match u32::from_str_radix(said, 16) {
            Ok(found) if found == computed => Ok(key),
            Ok(found) => Err(KeyError::Fingerprint { found, computed }),
            Err(_) => Err(KeyError::NoFingerprint),
        }
    }
}

/// Keys must not reach a log: only the fingerprint is shown.
impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkKey({:08x})", self.fingerprint())
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LinkKey {
        LinkKey::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()))
    }

    #[test]
    fn the_text_form_comes_back_as_the_same_key() {
        assert_eq!(LinkKey::parse(&key().to_text()), Ok(key()));
        assert_eq!(LinkKey::parse(&key().to_text().to_uppercase().replace("SKYLARK-KEY", "skylark-key")), Ok(key()));
    }

    #[test]
    fn a_mistyped_digit_is_told_from_a_short_key_and_from_another_file() {
        let text = key().to_text();
        let mistyped = text.replacen("00", "01", 1);
        assert!(matches!(LinkKey::parse(&mistyped), Err(KeyError::Fingerprint { .. })));
        assert_eq!(LinkKey::parse("skylark-key-1 0011"), Err(KeyError::Length { found: 4, expected: 64 }));
        assert_eq!(LinkKey::parse(&text.replacen("00", "0g", 1)), Err(KeyError::NotHex { found: 'g' }));
        assert_eq!(LinkKey::parse("-----BEGIN"), Err(KeyError::NotAKey));
        assert_eq!(LinkKey::parse(""), Err(KeyError::NotAKey));
        assert_eq!(LinkKey::parse(text.rsplit_once(' ').unwrap().0), Err(KeyError::NoFingerprint));
    }

    #[test]
    fn debug_shows_the_fingerprint_only() {
        let shown = format!("{:?}", key());
        assert_eq!(shown, format!("LinkKey({:08x})", key().fingerprint()));
    }
}
