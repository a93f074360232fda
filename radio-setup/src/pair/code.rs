//! A link key as a QR code (ISO/IEC 18004), and the text in it. Pure.
//!
//! ```text
//! SKYLARK:1/<64 hex digits: the key>/<8 hex digits: its fingerprint>
//! ```
//!
//! Capitals, as QR codes hold those in 5.5 bits a character: the whole fits version 4 (33 × 33 modules) at 15 %
//! error correction, and a terminal of 24 lines.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use qrcodegen::{QrCode, QrCodeEcc};
use skylark_common::seal::{KeyError, LinkKey};
use thiserror::Error;

const SCHEME: &str = "SKYLARK:";
const VERSION: &str = "1";

/// The light border a reader needs, in modules (ISO/IEC 18004, 5.3.8).
const QUIET_MODULES: i32 = 4;

/// A QR code with the quiet zone around it.
pub(super) struct Code(QrCode);

/// Why the text of a Skylark code is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum CodeError {
    /// Of another version.
    #[error("the code is of version {0}, expected {VERSION}: both ends need the same version of Skylark")]
    Version(String),
    /// It holds no key.
    #[error("the code holds no key: {0}")]
    Key(#[from] KeyError),
}

impl Code {
    /// The code that shows `key`.
    pub(super) fn new(key: &LinkKey) -> Result<Self> {
        QrCode::encode_text(&text(key), QrCodeEcc::Medium).map(Self).context("the key does not fit into a QR code")
    }

    /// Modules on a side, quiet zone included.
    pub(super) fn side(&self) -> i32 {
        self.0.size() + 2 * QUIET_MODULES
    }

    /// Whether the module in column `x` of line `y` is dark. Outside of the code all is light.
    pub(super) fn is_dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x - QUIET_MODULES, y - QUIET_MODULES)
    }
}

/// What the code says.
fn text(key: &LinkKey) -> String {
    let mut text = format!("{SCHEME}{VERSION}/");
    for byte in key.as_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    let _ = write!(text, "/{:08X}", key.fingerprint());
    text
}

/// The key in what a code says; `None` for a code that is no Skylark's.
pub(super) fn parse(text: &str) -> Option<Result<LinkKey, CodeError>> {
    let (version, rest) = text.strip_prefix(SCHEME)?.split_once('/')?;
    if version != VERSION {
        return Some(Err(CodeError::Version(version.to_owned())));
    }
    Some(LinkKey::parse(&format!("skylark-key-1 {}", rest.replace('/', " "))).map_err(CodeError::Key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LinkKey {
        LinkKey::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()))
    }

    #[test]
    fn what_the_code_says_comes_back_as_the_key() {
        assert_eq!(parse(&text(&key())), Some(Ok(key())));
    }

    #[test]
    fn other_codes_other_versions_and_damage_are_told_apart() {
        let said = text(&key());
        assert_eq!(parse("https://example.org/"), None);
        assert_eq!(parse("SKYLARK:"), None);
        assert_eq!(parse("SKYLARK:2/00"), Some(Err(CodeError::Version("2".to_owned()))));
        let mistyped = said.replacen("/00", "/01", 1);
        assert!(matches!(parse(&mistyped), Some(Err(CodeError::Key(KeyError::Fingerprint { .. })))));
        assert_eq!(parse("SKYLARK:1/"), Some(Err(CodeError::Key(KeyError::Length { found: 0, expected: 64 }))));
    }

    #[test]
    fn every_code_has_the_size_terminals_have_room_for() {
        let code = Code::new(&key()).unwrap();
        assert_eq!(code.side(), 41);
        assert_eq!(Code::new(&LinkKey::from_bytes([0xff; 32])).unwrap().side(), 41);
    }

    #[test]
    fn the_border_is_light_and_the_corner_pattern_begins_behind_it() {
        let code = Code::new(&key()).unwrap();
        assert!((0..41).all(|i| !code.is_dark(i, 3) && !code.is_dark(3, i) && !code.is_dark(i, 37)));
        assert!((4..11).all(|i| code.is_dark(i, 4) && code.is_dark(4, i)));
        assert!(!code.is_dark(-1, 100));
    }
}
