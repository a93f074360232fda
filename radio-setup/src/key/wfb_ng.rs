//! The `key wfb-ng` commands: both ends' keys of a link of the field's standard.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use skylark_common::seal::key_file as files;
use skylark_common::wfb_ng::key_file::{self, End, KeyFileError};
use skylark_common::wfb_ng::keys::{EndKey, KeyPair};

use super::{prompt, spoken, write};
use crate::args::{KeyFolder, WfbNgKeyCommand};
use crate::pair::place;
use crate::report;

/// Does what the command says.
pub(super) fn run(command: WfbNgKeyCommand) -> Result<()> {
    match command {
        WfbNgKeyCommand::New(target) => store(&target, random),
        WfbNgKeyCommand::FromPassphrase(target) => store(&target, || {
            let typed = prompt::passphrase()?;
            ensure!(!typed.is_empty(), "the passphrase is empty; nothing was written");
            Ok(KeyPair::from_passphrase(&typed))
        }),
        WfbNgKeyCommand::Show { file } => show(&file),
    }
}

fn random() -> Result<KeyPair> {
    let mut secrets = [[0; 32]; 2];
    for secret in &mut secrets {
        getrandom::fill(secret).context("the kernel gave no random bytes")?;
    }
    let [drone, ground] = secrets;
    Ok(KeyPair::from_secrets(drone, ground))
}

/// Writes both keys that `make` gives. It is asked only once it is clear that they can be stored.
fn store(target: &KeyFolder, make: impl FnOnce() -> Result<KeyPair>) -> Result<()> {
    let path = |end: End| target.folder.join(end.file_name());
    place::make_system_folder(&target.folder)?;
    for end in [End::Ground, End::Drone] {
        write::check(&path(end), target.force)?;
    }
    let keys = make()?;
    for (end, key) in [(End::Ground, &keys.ground), (End::Drone, &keys.drone)] {
        write::write(&path(end), &key.emit(), target.force)?;
        place::hand_over_behind_sudo(&path(end))?;
    }
    report::note(format_args!(
        "wrote {} for the ground and {} for the aircraft, with fingerprint {}; each end takes its own",
        path(End::Ground).display(),
        path(End::Drone).display(),
        spoken(keys.ground.fingerprint())
    ));
    Ok(())
}

fn show(file: &Path) -> Result<()> {
    let (whose, key) = match key_file::read(file, End::Ground) {
        Ok(key) if file.file_name().is_some_and(|name| name == End::Ground.file_name()) => ("the ground", key),
        Ok(key) if is_copy_of(file, End::Ground, &key) => ("the ground", key),
        Ok(key) => ("either end: its name does not say which", key),
        Err(KeyFileError::WrongEnd { .. }) => ("the aircraft", key_file::read(file, End::Drone)?),
        Err(error) => return Err(error.into()),
    };
    let mode = files::mode(file)?;
    if let Some(warning) = files::exposure(file, mode) {
        report::warning(warning);
    }
    report::answer(&format!(
        "format       WFB-NG key, 64 bytes\nend          {whose}\nfingerprint  {}\npair         {}\npermissions  {mode:04o}\n",
        spoken(key.fingerprint()),
        pair(file, &key)
    ))
}

/// Whether the file of this end beside it holds the same.
fn is_copy_of(file: &Path, end: End, key: &EndKey) -> bool {
    let beside = key_file::read(&file.with_file_name(end.file_name()), end);
    beside.is_ok_and(|beside| beside.emit() == key.emit())
}

/// What is said of the pair's other file, if it is beside this one.
fn pair(file: &Path, key: &EndKey) -> String {
    for end in [End::Drone, End::Ground] {
        let beside = file.with_file_name(end.file_name());
        // One that is the same is a copy of this end's, and says nothing of the pair.
        if beside != file
            && let Ok(other) = key_file::read(&beside, end)
            && other.emit() != key.emit()
        {
            let fits = if key.fits(&other) { "fits" } else { "does NOT fit" };
            return format!("{} {fits}", beside.display());
        }
    }
    "the other file is not beside it".to_owned()
}
