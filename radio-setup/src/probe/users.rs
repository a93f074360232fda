//! Which programs use an interface: those with a packet socket on it, and those whose command line names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::machine::{Radio, User};

/// Programs that take a card for themselves; the kernel cuts names at 15 characters.
const NETWORK_PROGRAMS: [&str; 7] = ["wpa_supplicant", "hostapd", "dhclient", "dhcpcd", "udhcpc", "iwd", "connmand"];

/// A process as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) program: String,
}

/// Every process but this one.
pub(super) fn processes(proc: &Path) -> Vec<Process> {
    let entries = fs::read_dir(proc).into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids: Vec<u32> = pids.filter(|pid| *pid != std::process::id()).collect();
    pids.sort_unstable();
    let named = |pid: u32| fs::read_to_string(proc.join(pid.to_string()).join("comm"));
    pids.into_iter().filter_map(|pid| Some(Process { pid, program: named(pid).ok()?.trim_end().to_owned() })).collect()
}

/// The users of each interface, by its number.
pub(super) fn of_interfaces(proc: &Path, processes: &[Process], radios: &[Radio]) -> BTreeMap<u32, Vec<User>> {
    let sockets = packet_sockets(&fs::read_to_string(proc.join("net/packet")).unwrap_or_default());
    let mut users: BTreeMap<u32, Vec<User>> = BTreeMap::new();
    if radios.is_empty() {
        return users;
    }
    for process in processes {
        let mut used = opened(proc, process.pid, &sockets);
        if NETWORK_PROGRAMS.contains(&process.program.as_str()) {
            used.extend(named(proc, process.pid, radios));
        }
        for interface in used {
            let user = User { program: process.program.clone(), pid: process.pid };
            users.entry(interface).or_default().push(user);
        }
    }
    users
}

/// Packet sockets that are bound to an interface: inode to interface.
///
/// ```text
/// sk       RefCnt Type Proto  Iface R Rmem   User   Inode
/// 00000000 3      3    888e   4     1 0      0      12345
/// ```
fn packet_sockets(table: &str) -> BTreeMap<u64, u32> {
    let row = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let interface: u32 = columns.nth(4)?.parse().ok()?;
        let inode: u64 = columns.nth(3)?.parse().ok()?;
        (interface != 0).then_some((inode, interface))
    };
    table.lines().filter_map(row).collect()
}

/// The interfaces on which a process has a packet socket. Of other users' processes only root sees them.
fn opened(proc: &Path, pid: u32, sockets: &BTreeMap<u64, u32>) -> BTreeSet<u32> {
    if sockets.is_empty() {
        return BTreeSet::new();
    }
    let descriptors = fs::read_dir(proc.join(pid.to_string()).join("fd")).into_iter().flatten().filter_map(Result::ok);
    let inodes = descriptors.filter_map(|descriptor| {
        let target = fs::read_link(descriptor.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    });
    inodes.filter_map(|inode| sockets.get(&inode).copied()).collect()
}

/// The interfaces that a process names on its command line: `-i wlan0`, `-iwlan0`, `wlan0`.
fn named(proc: &Path, pid: u32, radios: &[Radio]) -> Vec<u32> {
    let line = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|&byte| byte == 0).skip(1).map(String::from_utf8_lossy).collect();
    let names = |name: &str| words.iter().any(|word| word.strip_prefix("-i").unwrap_or(word) == name);
    let interfaces = radios.iter().flat_map(|radio| &radio.interfaces);
    interfaces.filter(|interface| names(&interface.name)).map(|interface| interface.index).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::machine::Interface;

    const TABLE: &str = "\
sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    888e   4     1 0      0      7001
0000000000000000 3      3    0003   0     1 0      0      7002
0000000000000000 3      2    0003   5     1 0      1000   7003
";

    fn start(proc: &Path, pid: &str, program: &str, line: &str, socket: Option<&str>) {
        let process = proc.join(pid);
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::write(process.join("comm"), format!("{program}\n")).unwrap();
        fs::write(process.join("cmdline"), line.replace(' ', "\0")).unwrap();
        if let Some(inode) = socket {
            symlink(format!("socket:[{inode}]"), process.join("fd/3")).unwrap();
        }
    }

    fn radios() -> Vec<Radio> {
        let interface = |index, name: &str| Interface { index, name: name.to_owned(), ..Interface::default() };
        vec![Radio { interfaces: vec![interface(4, "wlan0"), interface(5, "wlan1")], ..Radio::default() }]
    }

    #[test]
    fn sockets_bound_to_no_interface_do_not_count() {
        assert_eq!(packet_sockets(TABLE), BTreeMap::from([(7001, 4), (7003, 5)]));
    }

    #[test]
    fn a_program_is_found_by_its_socket_or_by_its_command_line() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path();
        fs::create_dir(proc.join("net")).unwrap();
        fs::write(proc.join("net/packet"), TABLE).unwrap();
        start(proc, "100", "wpa_supplicant", "/sbin/wpa_supplicant -u -s", Some("7001"));
        start(proc, "200", "dhclient", "/sbin/dhclient -4 wlan1", None);
        start(proc, "300", "tcpdump", "tcpdump -i wlan1", Some("7003"));
        start(proc, "400", "vi", "vi wlan0", None);
        let users = of_interfaces(proc, &processes(proc), &radios());
        let programs = |index: u32| users[&index].iter().map(|user| user.program.as_str()).collect::<Vec<_>>();
        assert_eq!(programs(4), ["wpa_supplicant"]);
        assert_eq!(programs(5), ["dhclient", "tcpdump"]);
        assert_eq!(users[&4][0].pid, 100);
    }

    #[test]
    fn without_the_tables_nobody_uses_anything() {
        assert_eq!(processes(Path::new("/nowhere")), []);
        assert!(of_interfaces(Path::new("/nowhere"), &[], &radios()).is_empty());
    }
}
