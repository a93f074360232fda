//! Datagrams the kernel dropped because a socket's buffer was full, as `/proc/net/udp` tells (proc(5)).

use std::fs;
use std::os::fd::AsFd;

/// Where the kernel lists its UDP sockets, by address family.
const TABLES: [&str; 2] = ["/proc/net/udp6", "/proc/net/udp"];
/// The columns that count, split at blanks: `sl local remote st tx:rx tr:when retrnsmt uid timeout inode ref
/// pointer drops`.
const INODE_COLUMN: usize = 9;
const DROPS_COLUMN: usize = 12;

/// How many datagrams the kernel has dropped for want of room in this socket's buffer since it was opened;
/// 0 where the machine does not say.
pub(super) fn dropped(socket: impl AsFd) -> u64 {
    let Ok(status) = rustix::fs::fstat(socket) else { return 0 };
    let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
    tables.into_iter().find_map(|table| drops(&table, status.st_ino)).unwrap_or(0)
}

/// The drops of the socket with this inode.
fn drops(table: &str, inode: u64) -> Option<u64> {
    let columns = |line: &str, column| line.split_ascii_whitespace().nth(column)?.parse().ok();
    let line = table.lines().find(|line| columns(line, INODE_COLUMN) == Some(inode))?;
    columns(line, DROPS_COLUMN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux 6.1, two sockets, of which the second is full.
    const TABLE: &str = "   \
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 7402: 0100007F:16A9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 311735 2 00000000d5a6b5c9 0
 7403: 0100007F:16AA 00000000:0000 07 00000000:00033B80 00:00000000 00000000  1000        0 311736 2 00000000f1a2b5c9 1255
";

    #[test]
    fn a_socket_is_found_by_its_inode() {
        assert_eq!(drops(TABLE, 311_735), Some(0));
        assert_eq!(drops(TABLE, 311_736), Some(1255));
        assert_eq!(drops(TABLE, 1), None);
        assert_eq!(drops("", 311_735), None);
    }
}
