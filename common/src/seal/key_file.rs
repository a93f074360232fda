//! Reads a link key from a file, with errors a pilot can act on.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{KeyError, LinkKey};

/// No key file is longer than this many bytes; a longer file is something else.
const LARGEST_KEY_FILE_BYTES: usize = 4096;

/// Why a key could not be read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file is not there.
    #[error("key file {0}: not found; make one with `skylark-setup key new {0}` and copy it to the other end")]
    Missing(PathBuf),
    /// The file is there and cannot be read.
    #[error("key file {0}: {1}; expected a file with one line that starts with `skylark-key-1`")]
    Unreadable(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error(
        "key file {0}: found at least {1} bytes that are no key, expected one line that starts with `skylark-key-1`"
    )]
    NotText(PathBuf, usize),
    /// The file holds text that is no key.
    #[error("key file {0}: {1}")]
    Malformed(PathBuf, KeyError),
}

/// Reads the link key in the file at `path`.
///
/// # Errors
/// The file is missing, unreadable or does not hold a key.
pub fn read(path: &Path) -> Result<LinkKey, KeyFileError> {
    let mut bytes = Vec::new();
    let limit = LARGEST_KEY_FILE_BYTES as u64 + 1;
    let read = std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return KeyFileError::Missing(path.to_owned());
        }
        KeyFileError::Unreadable(path.to_owned(), error)
    })?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if bytes.len() <= LARGEST_KEY_FILE_BYTES => text,
        _ => return Err(KeyFileError::NotText(path.to_owned(), bytes.len())),
    };
    LinkKey::parse(text).map_err(|error| KeyFileError::Malformed(path.to_owned(), error))
}

/// The permission bits of the key file at `path`.
///
/// # Errors
/// The file is missing or its folder may not be searched.
pub fn mode(path: &Path) -> Result<u32, KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.permissions().mode() & 0o7777),
        Err(error) => Err(KeyFileError::Unreadable(path.to_owned(), error)),
    }
}

/// A warning with its remedy when a key file's `mode` lets others than its owner read the key.
#[must_use]
pub fn exposure(path: &Path, mode: u32) -> Option<String> {
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("others can read the key in {path} (mode {mode:04o}); run `chmod 600 {path}`")
    })
}
