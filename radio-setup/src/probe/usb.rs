//! USB devices that are WiFi cards by their numbers, and that no driver has taken.

use std::fs;
use std::path::Path;

use super::sysfs;
use crate::drivers;
use crate::machine::Driverless;

/// Those that are plugged in, by vendor and product number.
pub(super) fn driverless(sys: &Path) -> Vec<Driverless> {
    let devices = fs::read_dir(sys.join("bus/usb/devices")).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<_> = devices.filter_map(|device| unclaimed(&device.path())).collect();
    found.sort_by_key(|device| device.id);
    found
}

fn unclaimed(device: &Path) -> Option<Driverless> {
    let id = sysfs::usb_id(device)?;
    let driver = drivers::needed_by_usb(id)?;
    let product = sysfs::text(&device.join("product"));
    (!has_driver(device)).then_some(Driverless { id, product, driver })
}

/// A card that shows itself as a disk with drivers for Windows is a disk's driver's, which does not count.
fn has_driver(device: &Path) -> bool {
    let functions = fs::read_dir(device).into_iter().flatten().filter_map(Result::ok);
    functions.filter_map(|function| sysfs::link_name(&function.path().join("driver"))).any(|name| name != "usb-storage")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn plug(root: &Path, port: &str, id: (&str, &str), driver: Option<&str>) {
        let device = root.join("bus/usb/devices").join(port);
        let function = device.join(format!("{port}:1.0"));
        fs::create_dir_all(&function).unwrap();
        fs::write(device.join("idVendor"), id.0).unwrap();
        fs::write(device.join("idProduct"), id.1).unwrap();
        fs::write(device.join("product"), "802.11n NIC\n").unwrap();
        if let Some(driver) = driver {
            symlink(format!("../../drivers/{driver}"), function.join("driver")).unwrap();
        }
    }

    #[test]
    fn a_known_card_without_driver_is_named_with_the_driver_it_needs() {
        let root = tempfile::tempdir().unwrap();
        plug(root.path(), "1-1", ("0bda\n", "8812\n"), None);
        plug(root.path(), "1-2", ("0bda\n", "8812\n"), Some("rtl88xxau"));
        plug(root.path(), "1-3", ("046d\n", "c52b\n"), None);
        let product = Some("802.11n NIC".to_owned());
        assert_eq!(driverless(root.path()), [Driverless { id: (0x0bda, 0x8812), product, driver: "rtl88xxau" }]);
    }

    #[test]
    fn a_card_that_poses_as_a_disk_has_no_driver() {
        let root = tempfile::tempdir().unwrap();
        plug(root.path(), "1-1", ("0bda", "1a2b"), Some("usb-storage"));
        assert_eq!(driverless(root.path()).len(), 1);
    }

    #[test]
    fn a_machine_without_usb_has_none() {
        assert_eq!(driverless(Path::new("/nowhere")), []);
    }
}
