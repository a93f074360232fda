//! Finds and reads the file of a link key, with errors a pilot can act on.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{KeyError, LinkKey};

/// No key file is longer than this many bytes; a longer file is something else.
const LARGEST_KEY_FILE_BYTES: usize = 4096;

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

/// Where the key of a machine is: `skylark-setup up` makes it there.
pub const SYSTEM_KEY: &str = "/etc/skylark/link.key";

/// Where a key is looked for when none is named, in this order: `$SKYLARK_KEY` alone if it is set, else the
/// user's own and the machine's.
#[must_use]
pub fn default_paths() -> Vec<PathBuf> {
    paths_for(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

/// The key file to take when none is named: the first of [`default_paths`] that is there.
///
/// # Errors
/// None is there. A single one is not looked for: [`read`] says that it is missing.
pub fn find() -> Result<PathBuf, KeyFileError> {
    let paths = default_paths();
    if let [only] = paths.as_slice() {
        return Ok(only.clone());
    }
    // One that may not be looked at is there: reading it says what to do.
    let found = paths.iter().find(|path| path.try_exists().unwrap_or(true));
    found.cloned().ok_or_else(|| KeyFileError::NoneFound(paths.iter().map(|path| path.display().to_string()).collect()))
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
        let path = path.to_owned();
        if error.kind() == std::io::ErrorKind::NotFound {
            return KeyFileError::Missing(path);
        }
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            return KeyFileError::NotPermitted(path);
        }
        KeyFileError::Unreadable(path, error)
    })?;
    if bytes.len() == crate::wfb_ng::keys::FILE_LEN && !bytes.is_ascii() {
        return Err(KeyFileError::OfWfbNg(path.to_owned()));
    }
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

fn paths_for(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(path) = variable("SKYLARK_KEY") {
        return vec![path.into()];
    }
    let own = variable("HOME").map(|home| Path::new(&home).join(".config/skylark/link.key"));
    own.into_iter().chain([SYSTEM_KEY.into()]).collect()
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
    fn a_key_is_looked_for_where_its_variable_says_else_at_home_else_in_etc() {
        let with = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
            paths_for(value)
        };
        let home = ("HOME", "/home/ann");
        assert_eq!(with(&[home, ("SKYLARK_KEY", "/a.key")]), [Path::new("/a.key")]);
        assert_eq!(with(&[home]), [Path::new("/home/ann/.config/skylark/link.key"), Path::new(SYSTEM_KEY)]);
        assert_eq!(with(&[]), [Path::new(SYSTEM_KEY)]);
    }
}
