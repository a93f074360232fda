//! Finds and reads the file of a link key, with errors a pilot can act on.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{KeyError, LinkKey};
use crate::key_path::{self, LARGEST_BYTES, Unread};

/// Why a key could not be read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// No file was named, and none is where files are looked for.
    #[error(
        "no link key: found none at {}; make one with `sudo skylark-setup key new`, or take the other end's with \
         `sudo skylark-setup pair enter`", .0.join(" or ")
    )]
    NoneFound(Vec<String>),
    /// The file is not there.
    #[error("key file {0}: not found; make one with `skylark-setup key new {0}` and copy it to the other end")]
    Missing(PathBuf),
    /// The file is there, and this user may not read it.
    #[error("key file {0}: this user may not read it; make it yours (`sudo chown $USER {0}`), or run this with sudo")]
    NotPermitted(PathBuf),
    /// The file is there and cannot be read.
    #[error("key file {0}: {1}; expected a file with one line that starts with `skylark-key-1`")]
    Unreadable(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error(
        "key file {0}: found at least {1} bytes that are no key, expected one line that starts with `skylark-key-1`"
    )]
    NotText(PathBuf, usize),
    /// The file is as long as a key of the other dialect, and no text.
    #[error(
        "key file {0}: 64 bytes, as a gs.key or drone.key of WFB-NG has: add --dialect wfb-ng, or name a Skylark key"
    )]
    OfWfbNg(PathBuf),
    /// The file holds text that is no key.
    #[error("key file {0}: {1}")]
    Malformed(PathBuf, KeyError),
}

impl KeyFileError {
    fn unread(path: &Path, unread: Unread) -> Self {
        match unread {
            Unread::Missing => Self::Missing(path.to_owned()),
            Unread::NotPermitted => Self::NotPermitted(path.to_owned()),
            Unread::Other(error) => Self::Unreadable(path.to_owned(), error),
        }
    }
}

/// Where the key of a machine is: `skylark-setup up` makes it there.
pub const SYSTEM_KEY: &str = "/etc/skylark/link.key";
/// What the file is called there and at home.
const FILE_NAME: &str = "link.key";

/// Where a key is looked for when none is named, in this order: `$SKYLARK_KEY` alone if it is set, else the
/// user's own and the machine's.
#[must_use]
pub fn default_paths() -> Vec<PathBuf> {
    key_path::paths(FILE_NAME, &[], key_path::variable)
}

/// The key file to take when none is named: the first of [`default_paths`] that is there.
///
/// # Errors
/// None is there. A single one is not looked for: [`read`] says that it is missing.
pub fn find() -> Result<PathBuf, KeyFileError> {
    key_path::first(default_paths()).map_err(KeyFileError::NoneFound)
}

/// Reads the link key in the file at `path`.
///
/// # Errors
/// The file is missing, unreadable or does not hold a key.
pub fn read(path: &Path) -> Result<LinkKey, KeyFileError> {
    let bytes = key_path::read(path).map_err(|unread| KeyFileError::unread(path, unread))?;
    if bytes.len() == crate::wfb_ng::keys::FILE_LEN && !bytes.is_ascii() {
        return Err(KeyFileError::OfWfbNg(path.to_owned()));
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if bytes.len() <= LARGEST_BYTES => text,
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

/// A warning with its remedy when a key file's `mode` lets others than its owner read the key. A credential of a
/// systemd service is for that service alone, whatever its mode says.
#[must_use]
pub fn exposure(path: &Path, mode: u32) -> Option<String> {
    if std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder)) {
        return None;
    }
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("others can read the key in {path} (mode {mode:04o}); run `chmod 600 {path}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_key_is_told_commands_that_work_as_they_are() {
        let told = KeyFileError::NoneFound(vec![SYSTEM_KEY.to_owned()]).to_string();
        assert!(told.contains("`sudo skylark-setup key new`, or "), "{told}");
        assert!(told.ends_with("`sudo skylark-setup pair enter`"), "{told}");
    }

    #[test]
    fn a_key_of_the_other_dialect_is_said_to_be_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gs.key");
        std::fs::write(&path, [0xa5; 64]).unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(told.contains("64 bytes, as a gs.key or drone.key of WFB-NG has: add --dialect wfb-ng"), "{told}");
    }

    #[test]
    fn the_machines_key_is_looked_for_last() {
        assert_eq!(key_path::paths(FILE_NAME, &[], |_| None), [Path::new(SYSTEM_KEY)]);
    }
}
