//! What a machine knows of its radios, asked of the kernel: netlink, sysfs and /proc.

pub(crate) mod network_manager;
pub(crate) mod region_database;
pub(crate) mod sysfs;
mod usb;
mod users;

use std::collections::BTreeMap;
use std::path::Path;

use crate::machine::{Interface, Machine, Permissions, Radio, Region};
use crate::netlink::{Kernel, KernelError, Link};

/// Where the kernel and `NetworkManager` keep what is read as files.
#[derive(Debug, Clone, Copy)]
struct Roots<'a> {
    sys: &'a Path,
    proc: &'a Path,
    run: &'a Path,
}

/// Looks at everything. Takes some milliseconds, and no permission; without root it sees that another user's
/// program has a packet socket, not which.
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
    let links = kernel.links()?;
    let others = place(kernel.interfaces()?, &links, &mut radios);
    let mut users = users::of_interfaces(roots.proc, &processes, &radios);
    for interface in radios.iter_mut().flat_map(|radio| &mut radio.interfaces) {
        let users::Users { known, has_hidden } = users.remove(&interface.index).unwrap_or_default();
        (interface.users, interface.has_hidden_user) = (known, has_hidden);
        interface.managed_by_network_manager = has_network_manager && network_manager::manages(roots.run, interface);
    }
    Ok(Machine {
        default_routes: default_routes(kernel, &links)?,
        radios,
        simulated_cards: others.iter().filter(|link| link.is_monitor).map(|link| link.name.clone()).collect(),
        other_interfaces: others.into_iter().map(|link| link.name.clone()).collect(),
        region: regions.common,
        // Where a country is in force it came from a database, wherever that lies.
        has_region_database: regions.common != Region::WORLD || region_database::exists(),
        permissions: permissions(roots.proc),
        has_network_manager,
        driverless: usb::driverless(roots.sys),
        link_programs: users::link_programs(roots.proc, &processes),
    })
}

/// Gives each radio its interfaces; returns those that are no radio's.
fn place<'a>(interfaces: Vec<(u32, Interface)>, links: &'a [Link], radios: &mut [Radio]) -> Vec<&'a Link> {
    let mut interfaces: BTreeMap<u32, (u32, Interface)> =
        interfaces.into_iter().map(|(radio, interface)| (interface.index, (radio, interface))).collect();
    let mut others = Vec::new();
    for link in links {
        let Some((radio, mut interface)) = interfaces.remove(&link.index) else {
            others.push(link);
            continue;
        };
        let Some(radio) = radios.iter_mut().find(|found| found.index == radio) else { continue };
        interface.up = link.up;
        interface.mtu_bytes = link.mtu_bytes;
        radio.permanent_mac = radio.permanent_mac.or(link.permanent_mac);
        radio.interfaces.push(interface);
    }
    others
}

/// The interfaces of all default routes, each once.
fn default_routes(kernel: &mut Kernel, links: &[Link]) -> Result<Vec<String>, KernelError> {
    let mut names: Vec<String> = Vec::new();
    for route in kernel.default_routes()? {
        let link = links.iter().find(|link| link.index == route.interface);
        names.extend(link.filter(|link| !names.contains(&link.name)).map(|link| link.name.clone()));
    }
    Ok(names)
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
