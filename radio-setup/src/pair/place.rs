//! Where a key is written that was given no file: where `skylark-tx` and `skylark-rx` look for it.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use skylark_common::seal::key_file::SYSTEM_KEY;

/// A file to be written and who is to own it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    owner: Option<(u32, u32)>,
}

/// What decides on the place.
struct Surroundings<'a> {
    is_root: bool,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// The file given, else `$SKYLARK_KEY`, else the machine's key for root and the user's own for everyone else. A
/// folder that is missing there is made.
pub(super) fn for_writing(file: Option<PathBuf>) -> Result<Place> {
    if let Some(path) = file {
        return Ok(Place { path, owner: None });
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let place = choose(&Surroundings { is_root: rustix::process::geteuid().is_root(), variable: &variable })?;
    if let Some(folder) = place.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mode = if place.path == Path::new(SYSTEM_KEY) { 0o755 } else { 0o700 };
        let made = DirBuilder::new().recursive(true).mode(mode).create(folder);
        made.with_context(|| format!("cannot make folder {}", folder.display()))?;
    }
    Ok(place)
}

/// Makes the machine's folder for keys, if this is it and it is missing.
pub(crate) fn make_system_folder(folder: &Path) -> Result<()> {
    if Some(folder) != Path::new(SYSTEM_KEY).parent() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.with_context(|| format!("cannot make folder {}", folder.display()))
}

/// Gives a file that root wrote behind sudo to the person at the keyboard, whose programs run without root.
pub(crate) fn hand_over_behind_sudo(path: &Path) -> Result<()> {
    let variable = |name: &str| std::env::var(name).ok();
    let owner = rustix::process::geteuid().is_root().then(|| person(&variable)).flatten();
    Place { path: path.to_owned(), owner }.hand_over()
}

/// Who is behind sudo.
fn person(variable: &dyn Fn(&str) -> Option<String>) -> Option<(u32, u32)> {
    let number = |name| variable(name)?.parse().ok();
    number("SUDO_UID").zip(number("SUDO_GID"))
}

fn choose(around: &Surroundings<'_>) -> Result<Place> {
    if let Some(path) = (around.variable)("SKYLARK_KEY") {
        return Ok(Place { path: path.into(), owner: None });
    }
    if around.is_root {
        return Ok(Place { path: SYSTEM_KEY.into(), owner: person(around.variable) });
    }
    let home = (around.variable)("HOME").context("$HOME is not set; name the key file: FILE")?;
    Ok(Place { path: Path::new(&home).join(".config/skylark/link.key"), owner: None })
}

impl Place {
    /// Gives the file to its owner.
    pub(super) fn hand_over(&self) -> Result<()> {
        let Some((user, group)) = self.owner else { return Ok(()) };
        chown(&self.path, Some(user), Some(group))
            .with_context(|| format!("cannot give {} to user {user}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(is_root: bool, variables: &[(&str, &str)]) -> Option<(String, Option<(u32, u32)>)> {
        let variable =
            |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        let place = choose(&Surroundings { is_root, variable: &variable }).ok()?;
        Some((place.path.to_str()?.to_owned(), place.owner))
    }

    #[test]
    fn a_key_goes_where_the_programs_look_for_it() {
        let home = ("HOME", "/home/ann");
        let sudo = [home, ("SUDO_UID", "1000"), ("SUDO_GID", "1000")];
        let cases: [(bool, &[(&str, &str)], _); 5] = [
            (false, &[home], ("/home/ann/.config/skylark/link.key", None)),
            (true, &[home], (SYSTEM_KEY, None)),
            (true, &sudo, (SYSTEM_KEY, Some((1000, 1000)))),
            (true, &[home, ("SKYLARK_KEY", "/a.key")], ("/a.key", None)),
            (false, &[("SKYLARK_KEY", "/a.key")], ("/a.key", None)),
        ];
        for (is_root, variables, (path, owner)) in cases {
            assert_eq!(place(is_root, variables), Some((path.to_owned(), owner)), "{is_root} {variables:?}");
        }
        assert_eq!(place(false, &[]), None);
    }
}
