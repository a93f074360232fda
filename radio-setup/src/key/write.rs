//! Writes a key file: mode 0600, whole or not at all, and never over another file unless told to.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// Says early what would make [`write()`] fail.
pub(crate) fn check(path: &Path, force: bool) -> Result<()> {
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => bail!("{} is not a folder, expected one to hold the key file", folder.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("folder {0} not found; make it with `mkdir -p {0}`", folder.display())
        }
        Err(error) => return Err(error).with_context(|| format!("folder {}", folder.display())),
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => bail!("{} is a folder, expected the name of a file", path.display()),
        Ok(_) if !force => bail!("{}", already_there(path)),
        Ok(found) if !found.is_file() => {
            bail!("{} is not a plain file, and --force replaces only those", path.display())
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes `contents` beside its place and moves it there once it is on the disk. Whatever fails on the way
/// leaves neither a part of a key nor the loss of an older one.
pub(crate) fn write(path: &Path, contents: &[u8], force: bool) -> Result<()> {
    let folder = folder_of(path);
    // tempfile creates with O_EXCL and mode 0600, and removes what is not persisted.
    let mut file = NamedTempFile::with_prefix_in(".skylark-key-", folder)
        .with_context(|| format!("cannot write into folder {}", folder.display()))?;
    store(file.as_file_mut(), contents)
        .with_context(|| format!("cannot write {}; nothing was left behind", path.display()))?;
    let moved = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match moved {
        // The name is on the disk only with its folder.
        Ok(_) => File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(|| format!("{} is written, and may be lost when power fails", path.display())),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => bail!("{}", already_there(path)),
        Err(error) => Err(error.error).with_context(|| format!("cannot write {}", path.display())),
    }
}

fn store(file: &mut File, contents: &[u8]) -> std::io::Result<()> {
    file.write_all(contents)?;
    file.sync_all()
}

fn already_there(path: &Path) -> String {
    format!("{} is already there; choose another name, or --force replaces it (its key is gone then)", path.display())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
