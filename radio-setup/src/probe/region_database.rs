//! Which countries the kernel's regulatory database has (`regulatory.db(5)`).
//!
//! ```text
//!  0        4        8      10     12
//! +--------+--------+------+------+------+------+--
//! | "RGDB" | version| code | rules| code | rules| …  up to a code of zeros
//! +--------+--------+------+------+------+------+--
//! ```

use std::fs;
use std::path::Path;

use crate::machine::Region;

/// Where Linux distributions keep it (Debian: package wireless-regdb).
const FILES: [&str; 3] =
    ["/lib/firmware/updates/regulatory.db", "/lib/firmware/regulatory.db", "/usr/lib/firmware/regulatory.db"];

/// Whether there is one.
pub(super) fn exists() -> bool {
    FILES.iter().any(|path| Path::new(path).exists())
}

/// Whether it has rules for a region; `None` where it cannot be read.
pub(crate) fn has(region: Region) -> Option<bool> {
    let database = FILES.iter().find_map(|path| fs::read(path).ok())?;
    regions(&database).map(|mut regions| regions.any(|known| known == region))
}

fn regions(database: &[u8]) -> Option<impl Iterator<Item = Region>> {
    const VERSION: [u8; 4] = 20_u32.to_be_bytes();
    let (header, entries) = database.split_first_chunk::<8>()?;
    let [magic @ .., _, _, _, _] = header;
    let [_, _, _, _, version @ ..] = header;
    if magic != b"RGDB" || *version != VERSION {
        return None;
    }
    let (entries, _) = entries.as_chunks::<4>();
    Some(entries.iter().map(|[first, second, _, _]| Region([*first, *second])).take_while(|region| region.0 != [0, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of wireless-regdb 2022.06.06, cut after three countries.
    const START: &[u8] = b"RGDB\0\0\0\x1400\x04\xa7AD\x05\x05AE\x05\xd4\0\0\0\0ZZ\0\0";

    #[test]
    fn countries_are_read_up_to_the_end_mark() {
        let found: Vec<_> = regions(START).unwrap().map(|region| region.to_string()).collect();
        assert_eq!(found, ["00", "AD", "AE"]);
    }

    #[test]
    fn another_format_is_not_read() {
        assert!(regions(b"RGDB\0\0\0\x15AD\0\0").is_none());
        assert!(regions(b"RGD").is_none());
        assert!(regions(b"").is_none());
    }
}
