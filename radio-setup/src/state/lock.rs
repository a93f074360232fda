//! One program at a time changes cards: a lock that the kernel takes back however its holder ends.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::{StateError, Store};
use crate::machine::User;

/// The lock's file: whoever may open it can keep everybody else from changing cards.
const MODE: u32 = 0o600;

/// Held while cards are changed, so that one program at a time does.
#[derive(Debug)]
pub struct Lock {
    /// None for a program that may change cards and not write here: it does without.
    _file: Option<File>,
}

impl Store {
    /// The right to change cards, if no other program has it at the moment. Who may not open the lock gets it
    /// all the same: the state files say what others are about.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn try_lock(&self) -> Result<Option<Lock>, StateError> {
        let path = self.lock_path();
        let failed = |error| StateError::Io(path.clone(), error);
        let file = match self.make_folder().and_then(|()| open(&path)) {
            Ok(file) => file,
            Err(error) if is_not_permitted(&error) => return Ok(Some(Lock { _file: None })),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: Some(file) })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The program that has the right to change cards, where the kernel tells.
    #[must_use]
    pub fn lock_holder(&self) -> Option<User> {
        let found = fs::metadata(self.lock_path()).ok()?;
        let pid = holder(&fs::read_to_string("/proc/locks").ok()?, found.dev(), found.ino())?;
        let program = fs::read(format!("/proc/{pid}/comm")).ok()?;
        Some(User { program: crate::legible::legible(program.trim_ascii_end()), pid })
    }

    fn lock_path(&self) -> std::path::PathBuf {
        self.folder.join("lock")
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).mode(MODE).open(path)?;
    // One that is there may be of another mode.
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(file)
}

fn is_not_permitted(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// The process that holds a file's lock in `/proc/locks` (proc_locks(5)): `1: FLOCK ADVISORY WRITE 812 00:1a:77 0 EOF`.
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
    let row = |line: &str| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        // Those who wait have an arrow before the word.
        let (_, pid) = (columns.next().filter(|kind| *kind == "FLOCK")?, columns.nth(2)?);
        columns.next().filter(|found| *found == file).and_then(|_| pid.parse().ok())
    };
    locks.lines().find_map(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_one_programs_and_nobody_else_can_open_its_file() {
        // A tmpfs as /run is: of a file on an overlay /proc/locks shows the numbers of the one below.
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::new(folder.path().join("cards"));
        fs::create_dir(folder.path().join("cards")).unwrap();
        fs::write(store.lock_path(), "").unwrap();
        fs::set_permissions(store.lock_path(), Permissions::from_mode(0o644)).unwrap();
        let lock = store.try_lock().unwrap().unwrap();
        assert_eq!(fs::metadata(store.lock_path()).unwrap().mode() & 0o777, 0o600);
        assert!(store.try_lock().unwrap().is_none());
        assert_eq!(store.lock_holder().map(|user| user.pid), Some(std::process::id()));
        drop(lock);
        assert!(store.try_lock().unwrap().is_some());
    }

    #[test]
    fn who_may_not_open_the_lock_goes_on_without() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert!(is_not_permitted(&kind.into()), "{kind}");
        }
        // Nobody can make a folder there, root included.
        assert!(Store::new("/proc/cards").try_lock().is_err());
    }

    #[test]
    fn the_holder_is_told_from_those_who_wait_and_from_other_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 5 00:1a:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 6 00:1a:7 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 812 00:1a:77 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 7 00:1a:77 0 EOF\n";
        assert_eq!(holder(locks, rustix::fs::makedev(0, 0x1a), 77), Some(812));
        assert_eq!(holder(locks, rustix::fs::makedev(0, 0x1a), 78), None);
    }
}
