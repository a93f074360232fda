//! The link key of a machine that has none.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use skylark_common::seal::key_file;

use crate::{key, pair, report};

/// Makes a key where the programs look for it, unless one is there. Cards work without: a failure is told only.
pub(super) fn make_if_missing() {
    let is_there =
        key_file::default_paths().iter().any(|path| path.exists()) || own_key().is_some_and(|path| path.exists());
    if is_there {
        return;
    }
    if let Err(error) = make() {
        report::warning(format_args!("no link key could be made: {error:#}"));
    }
}

fn make() -> Result<()> {
    let key = key::random_key()?;
    let path = pair::store_for_machine(&key)?;
    report::note(format_args!(
        "Made a link key, {} (fingerprint {}). The other end needs the same: `skylark-setup pair show` here, \
         `skylark-setup pair enter` there.",
        path.display(),
        key::spoken(key.fingerprint())
    ));
    Ok(())
}

/// The key of the person behind sudo.
fn own_key() -> Option<PathBuf> {
    let user = std::env::var("SUDO_UID").ok()?;
    let home = home_of(&fs::read_to_string("/etc/passwd").ok()?, &user)?;
    Some(Path::new(&home).join(".config/skylark/link.key"))
}

/// The home folder of a user by number (`passwd(5)`).
fn home_of(passwd: &str, user: &str) -> Option<String> {
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    users.find(|fields| fields.get(2) == Some(&user)).and_then(|fields| Some((*fields.get(5)?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_the_number_of_its_user() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbad line\nann:x:1000:1000:Ann,,,:/home/ann:/bin/bash\n";
        assert_eq!(home_of(passwd, "1000").as_deref(), Some("/home/ann"));
        assert_eq!(home_of(passwd, "10"), None);
    }
}
