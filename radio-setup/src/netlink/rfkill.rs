//! Switching a radio on and off by software, over `/dev/rfkill` (`linux/rfkill.h`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::io::Errno;

use crate::probe::sysfs;

/// What becomes of the software block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Set,
    Lifted,
}

/// `RFKILL_TYPE_WLAN`, `RFKILL_OP_CHANGE`.
const WLAN: u8 = 1;
const CHANGE: u8 = 2;

pub(super) fn set(radio: u32, block: Block) -> Result<(), Errno> {
    write(radio, block).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NOENT))
}

fn write(radio: u32, block: Block) -> io::Result<()> {
    let switch = switch(Path::new("/sys"), radio).ok_or(io::ErrorKind::NotFound)?;
    let mut device: File = OpenOptions::new().write(true).open("/dev/rfkill")?;
    device.write_all(&event(switch, block))
}

/// `struct rfkill_event`.
fn event(switch: u32, block: Block) -> [u8; 8] {
    let [a, b, c, d] = switch.to_ne_bytes();
    [a, b, c, d, WLAN, CHANGE, u8::from(block == Block::Set), 0]
}

/// The number of the switch that a radio is behind.
fn switch(sys: &Path, radio: u32) -> Option<u32> {
    let phy = sysfs::phy(sys, radio)?;
    let names = fs::read_dir(phy).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix("rfkill")?.parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_the_switch_and_what_becomes_of_it() {
        let [number @ .., kind, operation, soft, hard] = event(7, Block::Set);
        assert_eq!((u32::from_ne_bytes(number), kind, operation, soft, hard), (7, 1, 2, 1, 0));
        assert_eq!(event(7, Block::Lifted)[6], 0);
    }
}
