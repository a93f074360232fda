//! Finds the key in a picture of a QR code. Pure.

use rqrr::PreparedImage;
use skylark_common::seal::LinkKey;
use thiserror::Error;

use super::code::{self, CodeError};
use super::picture::Picture;

/// A code with fewer pixels than this on its side cannot be read, so smaller pictures are not tried.
const SMALLEST_SIDE: usize = 64;

/// Why a picture gives no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ScanError {
    /// No code is seen.
    #[error(
        "no QR code is seen in the picture of {width} × {height} pixels; let the code with its white border fill \
         more of it, sharp and without reflections, and try again"
    )]
    NoCode {
        /// Width of the picture in pixels.
        width: usize,
        /// Height of the picture in pixels.
        height: usize,
    },
    /// A code is seen and cannot be read.
    #[error("a QR code is seen and cannot be read: hold the camera nearer and still, and try again")]
    Unreadable,
    /// Codes are read and none is a Skylark's.
    #[error("found a QR code that is no Skylark key, expected the one `skylark-setup pair show` shows")]
    Foreign,
    /// Several keys.
    #[error("found the keys {0:08x} and {1:08x} in one picture, expected one: show only the right one")]
    Several(u32, u32),
    /// A Skylark's code that holds no key.
    #[error(transparent)]
    Code(#[from] CodeError),
}

/// The one key in the picture. Tries it as it is, then ever smaller, as noise and the pattern of screens vanish.
pub(super) fn key_in(picture: Picture) -> Result<LinkKey, ScanError> {
    let mut best = ScanError::NoCode { width: picture.width, height: picture.height };
    let mut picture = picture;
    while picture.width.min(picture.height) >= SMALLEST_SIDE {
        match key_at_this_size(&picture) {
            Ok(key) => return Ok(key),
            Err(ScanError::NoCode { .. }) => {}
            Err(error @ ScanError::Several(..)) => return Err(error),
            Err(error) => best = error,
        }
        picture = picture.halved();
    }
    Err(best)
}

fn key_at_this_size(picture: &Picture) -> Result<LinkKey, ScanError> {
    let (width, height) = (picture.width, picture.height);
    let pixel = |x: usize, y: usize| picture.pixels.get(y * width + x).copied().unwrap_or(u8::MAX);
    let mut image = PreparedImage::prepare_from_greyscale(width, height, pixel);
    let mut failure = ScanError::NoCode { width, height };
    let mut keys = Vec::new();
    for grid in image.detect_grids() {
        match grid.decode().map(|(_, text)| code::parse(&text)) {
            Ok(Some(Ok(key))) => keys.push(key),
            Ok(Some(Err(error))) => failure = error.into(),
            Ok(None) => failure = ScanError::Foreign,
            Err(_) if matches!(failure, ScanError::NoCode { .. }) => failure = ScanError::Unreadable,
            Err(_) => {}
        }
    }
    keys.dedup();
    match keys.as_slice() {
        [key] => Ok(key.clone()),
        [first, second, ..] => Err(ScanError::Several(first.fingerprint(), second.fingerprint())),
        [] => Err(failure),
    }
}

#[cfg(test)]
mod tests;
