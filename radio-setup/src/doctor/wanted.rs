//! What is listened for: which link of which dialect, and the key to try on it.

use std::path::{Path, PathBuf};

use skylark_common::options::Dialect;
use skylark_common::seal::{LinkKey, key_file};
use skylark_common::wfb_ng::channel::{ChannelId, link_id_of_domain};
use skylark_common::wfb_ng::key_file::{self as wfb_ng_key_file, End};
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wire::link::LinkId;
use skylark_setup::diagnose::{Code, Finding, Id, Link, Severity};
use skylark_setup::listen::Wanted;

use crate::args::DoctorCommand;

/// What to listen for, how to call it, and what is to be said of the key.
pub(super) fn wanted(command: &DoctorCommand) -> (Wanted, Link, Finding) {
    match command.dialect {
        Dialect::Skylark => {
            let path = command.key.clone().map_or_else(key_file::find, Ok);
            let (key, finding) = judge(path, key_file::read, LinkKey::fingerprint);
            let id = LinkId::from_name(&command.link);
            let fingerprint = key.as_ref().map(LinkKey::fingerprint);
            let link = Link { name: command.link.clone(), id: Id::Skylark(id), fingerprint };
            (Wanted::Skylark(id, key), link, finding)
        }
        Dialect::WfbNg => {
            let id = command.link_id.unwrap_or_else(|| link_id_of_domain(&command.link));
            let channel = ChannelId::new(id, command.radio_port.unwrap_or(ChannelId::VIDEO));
            let end = End::hearing(channel);
            let path = command.key.clone().map_or_else(|| wfb_ng_key_file::find(end), Ok);
            let (key, finding) = judge(path, |path| wfb_ng_key_file::read(path, end), EndKey::fingerprint);
            let fingerprint = key.as_ref().map(EndKey::fingerprint);
            let link = Link { name: channel.to_string(), id: Id::WfbNg(channel), fingerprint };
            (Wanted::WfbNg(channel, key), link, finding)
        }
    }
}

/// The key in the file, if there is one, and what is to be said of it.
fn judge<K, E: ToString>(
    path: Result<PathBuf, E>,
    read: impl FnOnce(&Path) -> Result<K, E>,
    fingerprint: impl FnOnce(&K) -> u32,
) -> (Option<K>, Finding) {
    let finding = |severity, found| Finding { code: Code::Key, card: None, severity, found, fix: None };
    let path = match path {
        Ok(path) => path,
        // It may be somewhere else, and named to the programs.
        Err(error) => return (None, finding(Severity::Warning, error.to_string())),
    };
    let key = match read(&path) {
        Ok(key) => key,
        Err(error) => return (None, finding(Severity::Fault, error.to_string())),
    };
    let exposure = key_file::mode(&path).ok().and_then(|mode| key_file::exposure(&path, mode));
    let fine = || finding(Severity::Fine, format!("{} holds key {:08x}", path.display(), fingerprint(&key)));
    let found = exposure.map_or_else(fine, |exposure| finding(Severity::Warning, exposure));
    (Some(key), found)
}
