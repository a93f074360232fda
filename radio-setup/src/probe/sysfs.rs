//! What sysfs tells of a radio: driver, bus, address, switch.

use std::fs;
use std::path::{Path, PathBuf};

use crate::legible::legible;
use crate::machine::{Bus, Radio, Rfkill};

/// The directory of a radio: its name can be changed, its number not.
pub(crate) fn phy(sys: &Path, radio: u32) -> Option<PathBuf> {
    let found = fs::read_dir(sys.join("class/ieee80211")).ok()?.filter_map(Result::ok);
    found.map(|entry| entry.path()).find(|phy| number(&phy.join("index"), 10) == Some(radio))
}

/// Adds what sysfs knows; what cannot be read stays unknown.
pub(super) fn complete(radio: &mut Radio, sys: &Path) {
    let Some(phy) = phy(sys, radio.index) else { return };
    radio.permanent_mac = text(&phy.join("macaddress")).as_deref().and_then(mac);
    radio.rfkill = rfkill(&phy);
    let Ok(device) = fs::canonicalize(phy.join("device")) else { return };
    radio.driver = link_name(&device.join("driver"));
    radio.bus = bus(&device);
}

fn rfkill(phy: &Path) -> Rfkill {
    let switches = fs::read_dir(phy).into_iter().flatten().filter_map(Result::ok);
    let switches = switches.filter(|entry| entry.file_name().to_string_lossy().starts_with("rfkill"));
    switches.fold(Rfkill::default(), |all, switch| Rfkill {
        soft: all.soft | (number::<u8>(&switch.path().join("soft"), 10) == Some(1)),
        hard: all.hard | (number::<u8>(&switch.path().join("hard"), 10) == Some(1)),
    })
}

/// A USB card's device is one function of it; numbers and speed are one level up.
fn bus(device: &Path) -> Bus {
    match link_name(&device.join("subsystem")).as_deref() {
        Some("usb") => device.parent().and_then(usb).unwrap_or_default(),
        Some("pci") => pci(device).unwrap_or_default(),
        Some(other) => Bus::Other(other.to_owned()),
        None => Bus::Unknown,
    }
}

/// What a USB device tells of itself.
pub(super) fn usb(device: &Path) -> Option<Bus> {
    Some(Bus::Usb {
        id: usb_id(device)?,
        product: text(&device.join("product")),
        speed_mbit_per_s: text(&device.join("speed")).and_then(|text| text.parse().ok()),
        release: text(&device.join("version")).and_then(|text| text.replace('.', "").parse().ok()),
        max_current_ma: text(&device.join("bMaxPower")).and_then(|text| text.strip_suffix("mA")?.parse().ok()),
    })
}

pub(super) fn usb_id(device: &Path) -> Option<(u16, u16)> {
    Some((number(&device.join("idVendor"), 16)?, number(&device.join("idProduct"), 16)?))
}

fn pci(device: &Path) -> Option<Bus> {
    Some(Bus::Pci { id: (number(&device.join("vendor"), 16)?, number(&device.join("device"), 16)?) })
}

/// The name of what a link points to.
pub(super) fn link_name(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_str()?.to_owned())
}

/// What a file holds, if anything, legible: devices give themselves names.
pub(super) fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = bytes.trim_ascii();
    (!text.is_empty()).then(|| legible(text))
}

fn number<N: TryFrom<u64>>(path: &Path, radix: u32) -> Option<N> {
    let text = text(path)?;
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(&text), radix).ok()?.try_into().ok()
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree as a machine with a USB card has it, below a root of its own.
    fn tree(subsystem: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("class/ieee80211/phy7/index", "3\n");
        write("class/ieee80211/phy7/macaddress", "00:c0:ca:01:02:03\n");
        write("class/ieee80211/phy7/rfkill2/soft", "1\n");
        write("class/ieee80211/phy7/rfkill2/hard", "0\n");
        write("devices/usb1/1-1/1-1:1.0/uevent", "");
        for (path, text) in files {
            write(path, text);
        }
        let device = root.path().join("devices/usb1/1-1/1-1:1.0");
        symlink(&device, root.path().join("class/ieee80211/phy7/device")).unwrap();
        symlink(format!("../../bus/{subsystem}"), device.join("subsystem")).unwrap();
        symlink("../../bus/usb/drivers/rtl88xxau", device.join("driver")).unwrap();
        root
    }

    fn radio(root: &tempfile::TempDir, index: u32) -> Radio {
        let mut radio = Radio { index, ..Radio::default() };
        complete(&mut radio, root.path());
        radio
    }

    #[test]
    fn a_usb_card_is_found_by_its_number_and_described() {
        let root = tree(
            "usb",
            &[
                ("devices/usb1/1-1/idVendor", "0bda\n"),
                ("devices/usb1/1-1/idProduct", "8812\n"),
                ("devices/usb1/1-1/product", "\x1b[2J802.11ac NIC\n"),
                ("devices/usb1/1-1/speed", "480\n"),
                ("devices/usb1/1-1/version", " 2.10\n"),
                ("devices/usb1/1-1/bMaxPower", "500mA\n"),
            ],
        );
        let radio = radio(&root, 3);
        assert_eq!(radio.driver.as_deref(), Some("rtl88xxau"));
        assert_eq!(radio.permanent_mac, Some([0, 0xc0, 0xca, 1, 2, 3]));
        assert_eq!(radio.rfkill, Rfkill { soft: true, hard: false });
        assert_eq!(
            radio.bus,
            Bus::Usb {
                id: (0x0bda, 0x8812),
                product: Some("\\u{1b}[2J802.11ac NIC".to_owned()),
                speed_mbit_per_s: Some(480),
                release: Some(210),
                max_current_ma: Some(500),
            }
        );
    }

    #[test]
    fn a_pci_card_has_its_numbers() {
        let device = "devices/usb1/1-1/1-1:1.0";
        let (vendor, number) = (format!("{device}/vendor"), format!("{device}/device"));
        let root = tree("pci", &[(&vendor, "0x8086\n"), (&number, "0x2725\n")]);
        assert_eq!(radio(&root, 3).bus, Bus::Pci { id: (0x8086, 0x2725) });
    }

    #[test]
    fn other_buses_keep_their_name() {
        assert_eq!(radio(&tree("sdio", &[]), 3).bus, Bus::Other("sdio".to_owned()));
    }

    #[test]
    fn a_radio_without_a_tree_stays_as_it_is() {
        assert_eq!(radio(&tree("usb", &[]), 4), Radio { index: 4, ..Radio::default() });
    }
}
