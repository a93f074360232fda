//! `NetworkManager` lets go of a card and takes it back. It is told by a file under /run, which holds for a card
//! that is unplugged and comes back, and is forgotten when the machine restarts.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::program::{ProgramError, run};
use crate::probe::network_manager::unmanaged_file;

/// `NetworkManager` of this machine.
#[derive(Debug, Clone)]
pub struct NetworkManager {
    nmcli: String,
    run: PathBuf,
}

impl Default for NetworkManager {
    fn default() -> Self {
        Self { nmcli: "nmcli".to_owned(), run: "/run".into() }
    }
}

impl NetworkManager {
    /// Makes it let go of a card, and of the same radio under another name. It takes a moment to do so.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn leave(&self, card: &str, address: Option<[u8; 6]>) -> Result<(), ProgramError> {
        let path = self.path(card);
        let written = fs::create_dir_all(path.parent().unwrap_or(&self.run))
            .and_then(|()| fs::write(&path, settings(card, address)));
        written.map_err(|error| ProgramError::File(path.display().to_string(), error))?;
        self.reload()?;
        self.set_managed(card, "no")
    }

    /// Makes it look after a card again.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn join(&self, card: &str) -> Result<(), ProgramError> {
        self.forget(card)?;
        self.set_managed(card, "yes")
    }

    /// Takes back what [`leave`](Self::leave) has written, for a card that may be gone.
    ///
    /// # Errors
    /// The file is there and cannot be removed, or `NetworkManager` cannot be told.
    pub fn forget(&self, card: &str) -> Result<(), ProgramError> {
        let path = self.path(card);
        match fs::remove_file(&path) {
            Ok(()) => self.reload(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ProgramError::File(path.display().to_string(), error)),
        }
    }

    fn reload(&self) -> Result<(), ProgramError> {
        run(&self.nmcli, &["general", "reload", "conf"])
    }

    fn set_managed(&self, card: &str, managed: &str) -> Result<(), ProgramError> {
        run(&self.nmcli, &["device", "set", card, "managed", managed])
    }

    fn path(&self, card: &str) -> PathBuf {
        self.run.join(unmanaged_file(card))
    }
}

/// A section for one card (`NetworkManager.conf(5)`, device).
fn settings(card: &str, address: Option<[u8; 6]>) -> String {
    let address = address.map(|bytes| format!(";mac:{}", bytes.map(|byte| format!("{byte:02x}")).join(":")));
    let address = address.unwrap_or_default();
    format!("[device-skylark-{card}]\nmatch-device=interface-name:={card}{address}\nmanaged=0\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder with an `nmcli` that writes down what it is told.
    fn fake() -> (tempfile::TempDir, NetworkManager) {
        let folder = tempfile::tempdir().unwrap();
        let nmcli = folder.path().join("nmcli");
        let log = folder.path().join("log");
        fs::write(&nmcli, format!("#!/bin/sh\necho \"$*\" >> {}\n", log.display())).unwrap();
        fs::set_permissions(&nmcli, fs::Permissions::from_mode(0o755)).unwrap();
        let manager = NetworkManager { nmcli: nmcli.display().to_string(), run: folder.path().to_owned() };
        (folder, manager)
    }

    #[test]
    fn it_is_told_to_let_go_in_a_way_that_survives_unplugging() {
        let (folder, manager) = fake();
        manager.leave("wlan1", Some([0, 0xc0, 0xca, 1, 2, 3])).unwrap();
        let written = fs::read_to_string(folder.path().join("NetworkManager/conf.d/90-skylark-wlan1.conf")).unwrap();
        let expected = "[device-skylark-wlan1]\nmatch-device=interface-name:=wlan1;mac:00:c0:ca:01:02:03\nmanaged=0\n";
        assert_eq!(written, expected);
        manager.join("wlan1").unwrap();
        assert!(fs::read_dir(folder.path().join("NetworkManager/conf.d")).unwrap().next().is_none());
        let told = fs::read_to_string(folder.path().join("log")).unwrap();
        let expected =
            "general reload conf\ndevice set wlan1 managed no\ngeneral reload conf\ndevice set wlan1 managed yes\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_card_it_never_let_go_of_needs_nothing() {
        let (folder, manager) = fake();
        manager.forget("wlan1").unwrap();
        assert!(!folder.path().join("log").exists());
    }
}
