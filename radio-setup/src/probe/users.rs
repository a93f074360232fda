//! Which programs use an interface: those with a packet socket on it, and those whose command line names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::legible::legible;
use crate::machine::{LinkProgram, Radio, User};

/// Programs that take a card for themselves; the kernel cuts names at 15 characters.
const NETWORK_PROGRAMS: [&str; 7] = ["wpa_supplicant", "hostapd", "dhclient", "dhcpcd", "udhcpc", "iwd", "connmand"];

/// The programs of the link.
const LINK_PROGRAMS: [&str; 2] = ["skylark-tx", "skylark-rx"];

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
    let own = fs::read_link(proc.join("self")).ok().and_then(|own| own.to_str()?.parse::<u32>().ok());
    let mut pids: Vec<u32> = pids.filter(|pid| Some(*pid) != own).collect();
    pids.sort_unstable();
    let named = |pid: u32| fs::read(proc.join(pid.to_string()).join("comm")).ok();
    let process = |pid| Some(Process { pid, program: legible(named(pid)?.trim_ascii_end()) });
    pids.into_iter().filter_map(process).collect()
}

/// Who uses an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Users {
    pub(super) known: Vec<User>,
    /// There is a packet socket of a process whose files cannot be seen, and no known user whose it may be.
    pub(super) has_hidden: bool,
}

/// The users of each interface, by its number.
pub(super) fn of_interfaces(proc: &Path, processes: &[Process], radios: &[Radio]) -> BTreeMap<u32, Users> {
    let mut users: BTreeMap<u32, Users> = BTreeMap::new();
    if radios.is_empty() {
        return users;
    }
    let mut sockets = packet_sockets(&fs::read_to_string(proc.join("net/packet")).unwrap_or_default());
    // Our own are no user's.
    take_opened(proc, "self", &mut sockets);
    for process in processes {
        let mut used = take_opened(proc, &process.pid.to_string(), &mut sockets);
        if NETWORK_PROGRAMS.contains(&process.program.as_str()) {
            used.extend(named(proc, process.pid, radios));
        }
        for interface in used {
            let user = User { program: process.program.clone(), pid: process.pid };
            users.entry(interface).or_default().known.push(user);
        }
    }
    for (_, interface) in sockets {
        let users = users.entry(interface).or_default();
        users.has_hidden = users.known.is_empty();
    }
    users
}

/// The programs of the link that run, whoever's they are.
pub(super) fn link_programs(proc: &Path, processes: &[Process]) -> Vec<LinkProgram> {
    let of_link = processes.iter().filter(|process| LINK_PROGRAMS.contains(&process.program.as_str()));
    let program =
        |process: &Process| LinkProgram { name: process.program.clone(), arguments: arguments(proc, process.pid) };
    of_link.map(program).collect()
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

/// Takes a process's own out of the packet sockets, and returns the interfaces of these. Only root sees those of
/// other users' processes, and of programs with capabilities.
fn take_opened(proc: &Path, process: &str, sockets: &mut BTreeMap<u64, u32>) -> BTreeSet<u32> {
    if sockets.is_empty() {
        return BTreeSet::new();
    }
    let descriptors = fs::read_dir(proc.join(process).join("fd")).into_iter().flatten().filter_map(Result::ok);
    let inodes = descriptors.filter_map(|descriptor| {
        let target = fs::read_link(descriptor.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    });
    inodes.filter_map(|inode| sockets.remove(&inode)).collect()
}

/// The interfaces that a process names on its command line: `-i wlan0`, `-iwlan0`, `wlan0`.
fn named(proc: &Path, pid: u32, radios: &[Radio]) -> Vec<u32> {
    let words = arguments(proc, pid);
    let names = |name: &str| words.iter().any(|word| word.strip_prefix("-i").unwrap_or(word) == name);
    let interfaces = radios.iter().flat_map(|radio| &radio.interfaces);
    interfaces.filter(|interface| names(&interface.name)).map(|interface| interface.index).collect()
}

/// A process's command line without its name; everybody may read it.
fn arguments(proc: &Path, pid: u32) -> Vec<String> {
    let line = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0).skip(1).map(legible).collect()
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
        let programs = |index: u32| users[&index].known.iter().map(|user| user.program.as_str()).collect::<Vec<_>>();
        assert_eq!(programs(4), ["wpa_supplicant"]);
        assert_eq!(programs(5), ["dhclient", "tcpdump"]);
        assert_eq!(users[&4].known[0].pid, 100);
        assert!(!users[&4].has_hidden && !users[&5].has_hidden);
    }

    #[test]
    fn a_program_whose_files_cannot_be_seen_is_a_user_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path();
        fs::create_dir(proc.join("net")).unwrap();
        fs::write(proc.join("net/packet"), TABLE).unwrap();
        start(proc, "self", "skylark-setup", "skylark-setup doctor", Some("7003"));
        start(proc, "100", "skylark-tx", "skylark-tx --air wlan0 --width=40", None);
        // As the folder of a program with capabilities looks to its own user.
        fs::remove_dir(proc.join("100/fd")).unwrap();
        let processes = processes(proc);
        let users = of_interfaces(proc, &processes, &radios());
        assert_eq!(users.get(&4), Some(&Users { known: Vec::new(), has_hidden: true }));
        assert_eq!(users.get(&5), None, "our own socket");
        let arguments = ["--air", "wlan0", "--width=40"].map(str::to_owned).to_vec();
        let expected = LinkProgram { name: "skylark-tx".to_owned(), arguments };
        assert_eq!(link_programs(proc, &processes), [expected]);
    }

    #[test]
    fn a_socket_that_may_be_a_known_users_is_not_hidden() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path();
        fs::create_dir(proc.join("net")).unwrap();
        fs::write(proc.join("net/packet"), TABLE).unwrap();
        start(proc, "100", "wpa_supplicant", "/sbin/wpa_supplicant -i wlan0", None);
        let users = of_interfaces(proc, &processes(proc), &radios());
        assert_eq!((users[&4].known.len(), users[&4].has_hidden), (1, false));
        assert!(users[&5].has_hidden);
    }

    #[test]
    fn this_program_is_none_of_the_others() {
        let root = tempfile::tempdir().unwrap();
        start(root.path(), "100", "skylark-setup", "skylark-setup list", None);
        start(root.path(), "101", "skylark-rx", "skylark-rx", None);
        symlink("100", root.path().join("self")).unwrap();
        assert_eq!(processes(root.path()), [Process { pid: 101, program: "skylark-rx".to_owned() }]);
    }

    #[test]
    fn without_the_tables_nobody_uses_anything() {
        assert_eq!(processes(Path::new("/nowhere")), []);
        assert!(of_interfaces(Path::new("/nowhere"), &[], &radios()).is_empty());
    }
}
