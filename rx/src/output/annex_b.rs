//! The stream as Annex B, to a file or standard output, from its first keyframe on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use skylark_common::queue::Queue;

use crate::board::Board;
use crate::control::Control;
use crate::tell::tell;
use crate::unit::Unit;

/// Writes access units one after the other.
#[derive(Debug)]
pub(crate) struct AnnexB<W> {
    sink: W,
    name: String,
    started: bool,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// It came before the first keyframe, or nothing of it was whole.
    Nothing,
    /// All of it was written.
    Whole,
    /// What was whole of it was written.
    Damaged,
}

/// A file that keeps what is in it until the first byte is written.
#[derive(Debug)]
pub(crate) struct Anew {
    file: File,
    begun: bool,
}

impl AnnexB<Anew> {
    /// A recording to the file at `path`. What is there already stays until the first keyframe comes.
    ///
    /// # Errors
    /// The file cannot be created or written to.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = format!("file:{}", path.display());
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.with_context(|| format!("{name}: cannot create the recording"))?;
        Ok(Self { sink: Anew { file, begun: false }, name, started: false })
    }
}

impl Write for Anew {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A pipe or a device has nothing to empty.
        if !self.begun && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.begun = true;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl AnnexB<io::Stdout> {
    /// The stream on standard output.
    pub(crate) fn stdout() -> Self {
        Self { sink: io::stdout(), name: "standard output".to_owned(), started: false }
    }
}

impl<W: Write> AnnexB<W> {
    /// Writes what comes until the queue is closed or the writing fails, which ends this recording and
    /// nothing else.
    pub(crate) fn run(mut self, units: &Queue<Arc<Unit>>, board: &Board, control: &Control) {
        while let Some(unit) = units.pop() {
            match self.write(&unit) {
                Ok(written) => board.with(|seen| {
                    seen.outputs.units_written += u64::from(written != Written::Nothing);
                    seen.outputs.units_written_damaged += u64::from(written == Written::Damaged);
                }),
                Err(error) => {
                    units.close();
                    let reason = self.ended(&error);
                    tell(&reason);
                    return control.output_failed(reason);
                }
            }
        }
        if !self.started {
            tell(&format!("{}: nothing was recorded: no keyframe of H.264 came", self.name));
        }
    }

    fn write(&mut self, unit: &Unit) -> io::Result<Written> {
        self.started |= unit.access_unit.keyframe;
        if !self.started || unit.access_unit.is_empty() {
            return Ok(Written::Nothing);
        }
        self.sink.write_all(&unit.access_unit.bytes)?;
        self.sink.flush()?;
        Ok(if unit.complete { Written::Whole } else { Written::Damaged })
    }

    fn ended(&self, error: &io::Error) -> String {
        let (name, kind) = (&self.name, error.kind());
        if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return format!("{name}: the disk is full: the recording ends here; make room and start again");
        }
        if kind == io::ErrorKind::BrokenPipe {
            return format!("{name}: whoever read it has gone: nothing more is written");
        }
        format!("{name}: {error}: the recording ends here")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::tests::{clip, unit};

    fn writer() -> AnnexB<Vec<u8>> {
        AnnexB { sink: Vec::new(), name: "test".to_owned(), started: false }
    }

    #[test]
    fn what_is_written_is_what_was_sent() {
        let mut writer = writer();
        for (number, access_unit) in (1..).zip(clip()) {
            assert_eq!(writer.write(&unit(number, access_unit)).unwrap(), Written::Whole);
        }
        let sent: Vec<u8> = clip().into_iter().flat_map(|access_unit| access_unit.bytes).collect();
        assert_eq!(writer.sink, sent);
    }

    #[test]
    fn a_recording_begins_with_a_keyframe() {
        let mut writer = writer();
        let units = clip();
        assert_eq!(writer.write(&unit(2, units[1].clone())).unwrap(), Written::Nothing);
        assert_eq!(writer.write(&unit(3, units[0].clone())).unwrap(), Written::Whole);
        assert_eq!(writer.write(&Unit { complete: false, ..unit(4, units[1].clone()) }).unwrap(), Written::Damaged);
    }

    #[test]
    fn a_recording_that_is_there_stays_until_another_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight.h264");
        std::fs::write(&path, vec![7; 1_000_000]).unwrap();
        let units = clip();
        let mut recording = AnnexB::create(&path).unwrap();
        recording.write(&unit(2, units[1].clone())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 1_000_000);
        recording.write(&unit(3, units[0].clone())).unwrap();
        recording.write(&unit(4, units[1].clone())).unwrap();
        assert!(std::fs::read(&path).unwrap() == [&units[0].bytes[..], &units[1].bytes[..]].concat());
    }

    #[test]
    fn a_full_disk_is_called_by_its_name() {
        let mut full = AnnexB::create(Path::new("/dev/full")).unwrap();
        let error = full.write(&unit(1, clip()[0].clone())).unwrap_err();
        assert!(full.ended(&error).contains("the disk is full"));
        let missing = AnnexB::create(Path::new("/nowhere/x.h264")).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere/x.h264"));
    }
}
