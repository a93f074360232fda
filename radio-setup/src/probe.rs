//! What a machine knows of its radios, asked of the kernel: netlink, sysfs and /proc.

pub(crate) mod network_manager;
pub(crate) mod region_database;
pub(crate) mod sysfs;
mod usb;
mod users;

use std::collections::BTreeMap;
use std::path::Path;

use crate::machine::{Interface, Machine, Permissions, Radio, Region};
use crate::netlink::{Kernel, KernelError};

/// Where the kernel and `NetworkManager` keep what is read as files.
#[derive(Debug, Clone, Copy)]
struct Roots<'a> {
    sys: &'a Path,
    proc: &'a Path,
    run: &'a Path,
}

/// Looks at everything. Takes some milliseconds, and no permission; without root it does not see whose process
/// has a packet socket.
///
/// # Errors
/// The kernel refuses netlink. A machine without any radio is not an error.
pub fn machine() -> Result<Machine, KernelError> {
    let roots = Roots { sys: Path::new("/sys"), proc: Path::new("/proc"), run: Path::new("/run") };
    look(&mut Kernel::open()?, roots)
}

fn look(kernel: &mut Kernel, roots: Roots<'_>) -> Result<Machine, KernelError> {
    let regions = kernel.regions()?;
    let processes = users::processes(roots.proc);
    let has_network_manager = network_manager::is_running(&processes);
    let mut radios = kernel.radios()?;
    for radio in &mut radios {
        radio.own_region = regions.own.iter().find(|(index, _)| *index == radio.index).map(|(_, region)| *region);
        sysfs::complete(radio, roots.sys);
    }
    let other_interfaces = place(kernel, &mut radios)?;
    let mut users = users::of_interfaces(roots.proc, &processes, &radios);
    for interface in radios.iter_mut().flat_map(|radio| &mut radio.interfaces) {
        interface.users = users.remove(&interface.index).unwrap_or_default();
        interface.managed_by_network_manager = has_network_manager && network_manager::manages(roots.run, interface);
    }
    Ok(Machine {
        default_route: default_route(kernel)?,
        radios,
        other_interfaces,
        region: regions.common,
        // Where a country is in force it came from a database, wherever that lies.
        has_region_database: regions.common != Region::WORLD || region_database::exists(),
        permissions: permissions(roots.proc),
        has_network_manager,
        driverless: usb::driverless(roots.sys),
    })
}

/// Gives each radio its interfaces; returns the names of the interfaces that are no radio's.
fn place(kernel: &mut Kernel, radios: &mut [Radio]) -> Result<Vec<String>, KernelError> {
    let mut interfaces: BTreeMap<u32, (u32, Interface)> =
        kernel.interfaces()?.into_iter().map(|(radio, interface)| (interface.index, (radio, interface))).collect();
    let mut others = Vec::new();
    for link in kernel.links()? {
        let Some((radio, mut interface)) = interfaces.remove(&link.index) else {
            others.push(link.name);
            continue;
        };
        let Some(radio) = radios.iter_mut().find(|found| found.index == radio) else { continue };
        interface.up = link.up;
        interface.mtu_bytes = link.mtu_bytes;
        radio.permanent_mac = radio.permanent_mac.or(link.permanent_mac);
        radio.interfaces.push(interface);
    }
    Ok(others)
}

fn default_route(kernel: &mut Kernel) -> Result<Option<String>, KernelError> {
    let Some(best) = kernel.default_routes()?.into_iter().next() else { return Ok(None) };
    Ok(kernel.links()?.into_iter().find(|link| link.index == best.interface).map(|link| link.name))
}

/// `capabilities(7)`: bit 12 is `CAP_NET_ADMIN`, 13 `CAP_NET_RAW`.
fn permissions(proc: &Path) -> Permissions {
    let status = std::fs::read_to_string(proc.join("self/status")).unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or_default();
    Permissions { net_admin: bits & 1 << 12 != 0, net_raw: bits & 1 << 13 != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_in_effect() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir(proc.path().join("self")).unwrap();
        std::fs::write(proc.path().join("self/status"), "Name:\tx\nCapPrm:\t1ff\nCapEff:\t0000000000002000\n").unwrap();
        assert_eq!(permissions(proc.path()), Permissions { net_admin: false, net_raw: true });
        assert_eq!(permissions(Path::new("/nowhere")), Permissions::default());
    }

    #[test]
    fn a_machine_can_be_looked_at_without_radios_and_without_root() {
        let machine = machine().unwrap();
        assert!(machine.other_interfaces.iter().any(|name| name == "lo"), "{machine:?}");
    }
}
