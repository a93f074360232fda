//! The last picture as a PNG file: once a second and at the end, never half written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use skylark_common::queue::{Popped, Queue};

use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::picture::{Decoded, Picture};
use crate::tell::tell;

/// How often the file is renewed: writing it takes a core 20 ms or so.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes the last picture to a file.
#[derive(Debug)]
pub(crate) struct PngOutput {
    path: PathBuf,
    /// Beside the file, renamed when whole.
    unfinished: PathBuf,
}

impl PngOutput {
    /// An output to the file at `path`.
    ///
    /// # Errors
    /// There is no such folder, or nothing can be written to it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let cannot = || format!("png:{}: cannot write to this folder", path.display());
        File::create(&unfinished).and_then(|_| fs::remove_file(&unfinished)).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), unfinished })
    }

    /// Writes the latest picture once a second, and the last one when the queue is closed.
    pub(crate) fn run(self, pictures: &Queue<Arc<Decoded>>, board: &Board, control: &Control) {
        let mut latest: Option<Arc<Decoded>> = None;
        let mut due = now();
        loop {
            let patience = if latest.is_some() { due.saturating_duration_since(now()) } else { INTERVAL };
            let popped = pictures.pop_within(patience);
            let closed = matches!(popped, Popped::Closed);
            if let Popped::Item(decoded) = popped {
                latest = Some(decoded);
            }
            if (closed || is_due(due))
                && let Some(decoded) = latest.take()
            {
                if let Err(error) = self.write(&decoded.picture) {
                    pictures.close();
                    let reason = format!("png:{}: {error}: no more pictures are written", self.path.display());
                    tell(&reason);
                    return control.output_failed(reason);
                }
                board.with(|seen| seen.outputs.png_written += 1);
                due = now() + INTERVAL;
            }
            if closed {
                return;
            }
        }
    }

    fn write(&self, picture: &Picture) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(&self.unfinished)?);
        let written = encode(picture, &mut file).and_then(|()| file.flush());
        written.and_then(|()| fs::rename(&self.unfinished, &self.path)).inspect_err(|_| {
            // What is left of it helps nobody; that it cannot be removed either is no news.
            let _ = fs::remove_file(&self.unfinished);
        })
    }
}

fn is_due(due: Instant) -> bool {
    now() >= due
}

fn encode(picture: &Picture, out: &mut impl io::Write) -> io::Result<()> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(0);
    let mut encoder = png::Encoder::new(out, side(picture.width), side(picture.height));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.to_rgb())?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::plain;

    #[test]
    fn the_last_picture_is_in_the_file_when_all_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.png");
        let (pictures, board, control) = (Queue::new(1), Board::new(None), Control::new(1).unwrap());
        for luma in [16, 235] {
            let picture = plain(64, 48, [luma, 128, 128]);
            pictures.push(Arc::new(Decoded { picture, begun: now(), at: now() }));
        }
        pictures.close();
        PngOutput::create(&path).unwrap().run(&pictures, &board, &control);
        let decoder = png::Decoder::new(io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width, info.height), (64, 48));
        assert!(rgb.iter().all(|byte| *byte == 255));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(board.with(|seen| seen.outputs.png_written), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_at_once() {
        let error = PngOutput::create(Path::new("/nowhere/x.png")).unwrap_err();
        assert!(format!("{error:#}").contains("png:/nowhere/x.png"));
    }
}
