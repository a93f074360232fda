//! Finds and reads `gs.key` and `drone.key`, with errors a pilot can act on.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::channel::ChannelId;
use super::keys::{EndKey, FILE_LEN, KeyError};
use crate::key_path::{self, Unread};

/// How the text of a key of our own dialect begins.
const SKYLARK_KEY: &[u8] = b"skylark-key-";
/// Where the field's own tools keep theirs.
const FIELD_FOLDER: &str = "/etc";

/// Which end of the link a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The aircraft: `drone.key`.
    Drone,
    /// The ground: `gs.key`.
    Ground,
}

/// Why a key could not be read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// No file was named, and none is where files are looked for.
    #[error(
        "no {0}: found none at {paths}; copy it from the machine that has the link's keys, or make both with \
         `skylark-setup key wfb-ng new`", paths = .1.join(" or ")
    )]
    NoneFound(End, Vec<String>),
    /// The file is not there.
    #[error(
        "key file {0}: not found; copy it from the machine that has the link's keys, or make both with \
         `skylark-setup key wfb-ng new`"
    )]
    Missing(PathBuf),
    /// The file is there, and this user may not read it.
    #[error("key file {0}: this user may not read it; make it yours (`sudo chown $USER {0}`), or run this with sudo")]
    NotPermitted(PathBuf),
    /// The file is there and cannot be read.
    #[error("key file {0}: {1}; expected a file of {FILE_LEN} bytes")]
    Unreadable(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error("key file {0}: {1}")]
    Malformed(PathBuf, KeyError),
    /// The file is a key of our own dialect.
    #[error(
        "key file {0}: this is a Skylark key, expected a {1} of WFB-NG: leave out --dialect wfb-ng, or name that file"
    )]
    Skylark(PathBuf, End),
    /// The file is the other end's.
    #[error("key file {path}: this is the {found} of {is}, expected the {expected} of {should}: name the other file of the pair",
        found = expected.other(), is = expected.other().place(), should = expected.place())]
    WrongEnd {
        /// Where it is.
        path: PathBuf,
        /// Whose was expected.
        expected: End,
    },
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

impl End {
    /// The end that sends this stream.
    #[must_use]
    pub const fn sending(channel: ChannelId) -> Self {
        if channel.goes_up() { Self::Ground } else { Self::Drone }
    }

    /// The end that hears this stream.
    #[must_use]
    pub const fn hearing(channel: ChannelId) -> Self {
        Self::sending(channel).other()
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Drone => Self::Ground,
            Self::Ground => Self::Drone,
        }
    }

    /// What the field calls its file.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Drone => "drone.key",
            Self::Ground => "gs.key",
        }
    }

    const fn place(self) -> &'static str {
        match self {
            Self::Drone => "the aircraft",
            Self::Ground => "the ground",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// The key file to take when none is named: `$SKYLARK_KEY` if it is set, else the user's own, the machine's, or where
/// the field's own tools keep it, whichever is there first.
///
/// # Errors
/// None is there. One that is named by the variable is not looked for: [`read`] says that it is missing.
pub fn find(end: End) -> Result<PathBuf, KeyFileError> {
    let paths = key_path::paths(end.file_name(), &[FIELD_FOLDER], key_path::variable);
    key_path::first(paths).map_err(|paths| KeyFileError::NoneFound(end, paths))
}

/// Reads this end's key from the file at `path`.
///
/// The bytes do not say whose they are, and either end's key opens what the other seals: a file is the other end's if
/// its name says so, or if it is the same as the file beside it whose name does.
///
/// # Errors
/// The file is missing, unreadable, of another length, or the other end's.
pub fn read(path: &Path, end: End) -> Result<EndKey, KeyFileError> {
    let bytes = key_path::read(path).map_err(|unread| KeyFileError::unread(path, unread))?;
    if bytes.starts_with(SKYLARK_KEY) {
        return Err(KeyFileError::Skylark(path.to_owned(), end));
    }
    let key = EndKey::parse(&bytes).map_err(|error| KeyFileError::Malformed(path.to_owned(), error))?;
    if is_of(path, &bytes, end.other()) {
        return Err(KeyFileError::WrongEnd { path: path.to_owned(), expected: end });
    }
    Ok(key)
}

/// Whether a key file is known to be this end's.
fn is_of(path: &Path, bytes: &[u8], end: End) -> bool {
    let named = |name: &str| path.file_name().is_some_and(|found| found == name);
    if named(end.file_name()) {
        return true;
    }
    let beside = path.with_file_name(end.file_name());
    !named(end.other().file_name()) && std::fs::read(beside).is_ok_and(|beside| beside == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wfb_ng::keys::KeyPair;

    fn told(path: &Path, end: End) -> String {
        read(path, end).unwrap_err().to_string()
    }

    #[test]
    fn the_other_ends_key_is_said_to_be_that() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyPair::from_secrets([1; 32], [2; 32]);
        let [drone, ground, copy] = ["drone.key", "gs.key", "copied"].map(|name| folder.path().join(name));
        std::fs::write(&drone, keys.drone.emit()).unwrap();
        std::fs::write(&ground, keys.ground.emit()).unwrap();
        std::fs::write(&copy, keys.drone.emit()).unwrap();
        assert!(read(&ground, End::Ground).unwrap().fits(&keys.drone));
        assert!(read(&drone, End::Drone).is_ok() && read(&copy, End::Drone).is_ok());
        for wrong in [&drone, &copy] {
            let told = told(wrong, End::Ground);
            assert!(
                told.contains("this is the drone.key of the aircraft, expected the gs.key of the ground"),
                "{told}"
            );
        }
        assert!(told(&ground, End::Drone).contains("this is the gs.key of the ground"));
    }

    #[test]
    fn what_is_no_key_is_said_to_be_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gs.key");
        assert!(told(&path, End::Ground).contains("not found"));
        std::fs::write(&path, [1; 63]).unwrap();
        assert!(told(&path, End::Ground).contains("63 bytes, expected 64"));
        std::fs::write(&path, "skylark-key-1 xyz\n").unwrap();
        assert!(told(&path, End::Ground).contains("this is a Skylark key, expected a gs.key"));
        assert!(told(folder.path(), End::Ground).contains("expected a file of 64 bytes"));
    }

    #[test]
    fn the_port_says_which_end_hears() {
        let hearing = |port| End::hearing(ChannelId::new(1, port));
        assert_eq!(
            [0, 16, 127, 128, 144].map(hearing),
            [End::Ground, End::Ground, End::Ground, End::Drone, End::Drone]
        );
    }
}
