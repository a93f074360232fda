//! Where key files of either dialect are looked for, and what keeps one from being read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// No key file is longer than this many bytes; a longer file is something else.
pub(crate) const LARGEST_BYTES: usize = 4096;

/// A variable of the environment that is set to something.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where a key called `name` is looked for, in this order: where `$SKYLARK_KEY` says alone if it is set, else the user's
/// own folder, the machine's, and `others`.
pub(crate) fn paths(name: &str, others: &[&str], variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(path) = variable("SKYLARK_KEY") {
        return vec![path.into()];
    }
    let own = variable("HOME").map(|home| Path::new(&home).join(".config/skylark"));
    let folders = own.into_iter().chain(["/etc/skylark"].iter().chain(others).map(PathBuf::from));
    folders.map(|folder| folder.join(name)).collect()
}

/// The first of these files that is there. A single one is not looked for: reading it says that it is missing.
///
/// # Errors
/// None is there: where they were looked for.
pub(crate) fn first(paths: Vec<PathBuf>) -> Result<PathBuf, Vec<String>> {
    // One that may not be looked at is there: reading it says what to do.
    let is_there = |path: &PathBuf| paths.len() == 1 || path.try_exists().unwrap_or(true);
    let found = paths.iter().find(|path| is_there(path)).cloned();
    found.ok_or_else(|| paths.iter().map(|path| path.display().to_string()).collect())
}

/// The file's first [`LARGEST_BYTES`] bytes and one, if it has them.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let limit = LARGEST_BYTES as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Unread::Missing),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Unread::NotPermitted),
        Err(error) => Err(Unread::Other(error)),
    }
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is not there.
    Missing,
    /// This user may not read it.
    NotPermitted,
    /// It is there and cannot be read.
    Other(Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_looked_for_where_its_variable_says_else_at_home_else_in_etc() {
        let with = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
            paths("a.key", &["/etc"], value)
        };
        let home = ("HOME", "/home/ann");
        assert_eq!(with(&[home, ("SKYLARK_KEY", "b.key")]), [Path::new("b.key")]);
        let own = Path::new("/home/ann/.config/skylark/a.key");
        assert_eq!(with(&[home]), [own, Path::new("/etc/skylark/a.key"), Path::new("/etc/a.key")]);
        assert_eq!(with(&[]), [Path::new("/etc/skylark/a.key"), Path::new("/etc/a.key")]);
    }

    #[test]
    fn the_first_file_that_is_there_is_taken_and_a_named_one_unseen() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        std::fs::write(&b, "").unwrap();
        std::fs::write(&c, "").unwrap();
        assert_eq!(first(vec![a.clone(), b.clone(), c]), Ok(b));
        assert_eq!(first(vec![a.clone()]), Ok(a.clone()));
        let told = a.display().to_string();
        assert_eq!(first(vec![a.clone(), a]), Err(vec![told.clone(), told]));
    }
}
