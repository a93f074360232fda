//! The `pair` commands: move a key from one machine to the other, by words or by a QR code.

mod code;
mod enter;
mod phrase;
mod picture;
pub(crate) mod place;
mod scan;
mod screen;
mod show;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use skylark_common::seal::LinkKey;

use crate::args::{PairCommand, PairFile};
use crate::key::{spoken, write};
use crate::report;

/// No picture file of a camera is larger, and reading ends here.
const LARGEST_PICTURE_FILE_BYTES: u64 = 64 << 20;

/// What shows that a key has arrived.
const NEXT: &str = "the other machine must show the same";

/// Does what the command says.
pub(crate) fn run(command: PairCommand) -> Result<()> {
    match command {
        PairCommand::Show { file } => show::run(file),
        PairCommand::Enter(target) => store(target, NEXT, enter::key),
        PairCommand::Scan { image, target } => store(target, NEXT, || key_in(&image)),
    }
}

/// Writes the key that `make` gives, and says what is next. `make` is asked only once it is clear that the key can
/// be stored.
pub(crate) fn store(target: PairFile, next: &str, make: impl FnOnce() -> Result<LinkKey>) -> Result<()> {
    let place = place::for_writing(target.file)?;
    write::check(&place.path, target.force)?;
    let key = make()?;
    write::write(&place.path, key.to_text().as_bytes(), target.force)?;
    place.hand_over()?;
    report::note(format_args!("wrote {} with fingerprint {}; {next}", place.path.display(), spoken(key.fingerprint())));
    Ok(())
}

/// Stores a key where `skylark-tx` and `skylark-rx` look for it, and returns where that is.
pub(crate) fn store_for_machine(key: &LinkKey) -> Result<PathBuf> {
    let place = place::for_writing(None)?;
    write::check(&place.path, false)?;
    write::write(&place.path, key.to_text().as_bytes(), false)?;
    place.hand_over()?;
    Ok(place.path)
}

fn key_in(image: &Path) -> Result<LinkKey> {
    let found = read(image).and_then(|bytes| Ok(scan::key_in(picture::Picture::decode(&bytes)?)?));
    found.with_context(|| image_name(image))
}

fn read(image: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn io::Read> =
        if image == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(image)?) };
    source.take(LARGEST_PICTURE_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(
        u64::try_from(bytes.len())? <= LARGEST_PICTURE_FILE_BYTES,
        "the picture's file is larger than {LARGEST_PICTURE_FILE_BYTES} bytes; take a smaller picture"
    );
    Ok(bytes)
}

fn image_name(image: &Path) -> String {
    if image == Path::new("-") { "standard input".to_owned() } else { image.display().to_string() }
}

/// The file to read a key from: the one given, else where keys are looked for.
pub(crate) fn file_to_read(file: Option<PathBuf>) -> Result<PathBuf> {
    Ok(file.map_or_else(skylark_common::seal::key_file::find, Ok)?)
}
