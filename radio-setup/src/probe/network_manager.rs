//! What `NetworkManager` has to do with an interface, from the files it keeps for itself.

use std::fs;
use std::path::Path;

use super::users::Process;
use crate::machine::{Interface, Mode};

pub(super) fn is_running(processes: &[Process]) -> bool {
    processes.iter().any(|process| process.program == "NetworkManager")
}

/// Whether it looks after an interface, given that it runs. It keeps a file per device, written when the device
/// becomes managed, unmanaged or connected; one it has not written yet is a card it is about to take, unless
/// `skylark-setup up` has told it not to.
pub(super) fn manages(run: &Path, interface: &Interface) -> bool {
    let state = run.join("NetworkManager/devices").join(interface.index.to_string());
    match fs::read_to_string(state) {
        Ok(text) => text.lines().any(|line| line.trim() == "managed=true"),
        Err(_) => interface.mode == Mode::Managed && !run.join(unmanaged_file(&interface.name)).exists(),
    }
}

/// The file under /run that makes it leave a card alone.
pub(crate) fn unmanaged_file(card: &str) -> String {
    format!("NetworkManager/conf.d/90-skylark-{card}.conf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_device_decides() {
        let run = tempfile::tempdir().unwrap();
        let devices = run.path().join("NetworkManager/devices");
        fs::create_dir_all(&devices).unwrap();
        fs::write(devices.join("3"), "[device]\nmanaged=true\nroute-metric-default-aspired=600\n").unwrap();
        fs::write(devices.join("4"), "[device]\nmanaged=false\n").unwrap();
        let interface = |index| Interface { index, ..Interface::default() };
        assert!(manages(run.path(), &interface(3)));
        assert!(!manages(run.path(), &interface(4)));
        assert!(manages(run.path(), &interface(5)), "not written yet");
        assert!(!manages(run.path(), &Interface { mode: Mode::Monitor, ..interface(5) }));
        let told = run.path().join(unmanaged_file("wlan1"));
        fs::create_dir_all(told.parent().unwrap()).unwrap();
        fs::write(told, "").unwrap();
        assert!(!manages(run.path(), &Interface { name: "wlan1".to_owned(), ..interface(5) }), "told not to");
    }
}
