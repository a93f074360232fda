//! H.264 as a byte stream: from stdin as it comes, from a file paced at its frame rate.
#![expect(clippy::disallowed_methods, reason = "notes when bytes come, paces a file")]

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use skylark_common::h264::{Assembler, ParameterSets};

use super::cadence::Cadence;
use super::sniff::{FILE_BYTES, LIVE_BYTES, NotH264, Sniffer};
use crate::outlet::{EncodedUnit, Item, Outlet};
use crate::stop::Wake;

/// As the assembler asks for; also what a pipe holds.
const CHUNK_BYTES: usize = 64 << 10;
/// A file that was held up for longer goes on from there instead of making up for it in a burst.
const PATIENCE: Duration = Duration::from_millis(200);

/// H.264 on stdin.
#[derive(Debug)]
pub(crate) struct StdinInput;

/// H.264 in a file.
#[derive(Debug)]
pub(crate) struct FileInput {
    file: File,
    path: PathBuf,
    interval: Duration,
    looped: bool,
}

/// How a live stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LiveEnd {
    /// The program is to end.
    Stopped,
    /// The writer has closed it.
    Closed,
    /// It is no H.264.
    Refused(NotH264),
}

impl StdinInput {
    pub(crate) fn open() -> anyhow::Result<Self> {
        if io::stdin().is_terminal() {
            bail!(
                "stdin is a terminal, expected H.264: pipe an encoder into it, as in `rpicam-vid … -o - | skylark-tx --input - …`"
            );
        }
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "as every source")]
    pub(crate) fn run(self, outlet: &Outlet) -> anyhow::Result<()> {
        // A descriptor of our own: the buffer of `io::stdin` would hide what `poll` waits for.
        let stdin = io::stdin().as_fd().try_clone_to_owned().context("stdin")?;
        match run_live(File::from(stdin), outlet).context("stdin")? {
            LiveEnd::Stopped | LiveEnd::Closed => Ok(()),
            LiveEnd::Refused(refusal) => Err(refusal).context("stdin"),
        }
    }
}

/// Hands on the access units of a stream as its writer writes them, until it is closed.
pub(super) fn run_live(mut input: impl Read + AsFd, outlet: &Outlet) -> io::Result<LiveEnd> {
    let mut assembler = Assembler::default();
    let mut parameter_sets = ParameterSets::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut sniffer = Some(Sniffer::new(LIVE_BYTES));
    loop {
        match outlet.stop.wait_readable(&input, assembler.poll_timeout()) {
            Wake::Stopped => return Ok(LiveEnd::Stopped),
            Wake::TimedOut => assembler.handle_timeout(Instant::now()),
            Wake::Ready => {
                let len = match input.read(&mut chunk) {
                    Ok(len) => len,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                let bytes = chunk.get(..len).unwrap_or(&[]);
                if let Err(refusal) = check(&mut sniffer, bytes) {
                    return Ok(LiveEnd::Refused(refusal));
                }
                if bytes.is_empty() {
                    assembler.handle_end(Instant::now());
                    hand_on(&mut assembler, &mut parameter_sets, outlet);
                    return Ok(LiveEnd::Closed);
                }
                assembler.handle_bytes(bytes, Instant::now());
            }
        }
        if sniffer.is_none() {
            hand_on(&mut assembler, &mut parameter_sets, outlet);
        } else {
            // Nobody can decode what comes before the first parameter set.
            while assembler.poll_unit().is_some() {}
        }
    }
}

fn hand_on(assembler: &mut Assembler, parameter_sets: &mut ParameterSets, outlet: &Outlet) {
    while let Some(mut assembled) = assembler.poll_unit() {
        parameter_sets.complete(&mut assembled.unit);
        outlet.push(Item::Unit(EncodedUnit { unit: assembled.unit, captured: assembled.first_byte }));
    }
}

/// Looks at the first bytes until they tell what the stream is; `sniffer` is `None` from then on.
fn check(sniffer: &mut Option<Sniffer>, bytes: &[u8]) -> Result<(), NotH264> {
    let Some(looking) = sniffer else { return Ok(()) };
    let verdict = if bytes.is_empty() { Some(looking.end()) } else { looking.push(bytes) };
    if let Some(verdict) = verdict {
        verdict?;
        *sniffer = None;
    }
    Ok(())
}

impl FileInput {
    pub(crate) fn open(path: &Path, pictures_per_s: u32, looped: bool) -> anyhow::Result<Self> {
        let name = || format!("--input file:{}", path.display());
        let mut file = File::open(path).map_err(|error| anyhow!("{}: {error}: check the path", name()))?;
        if file.metadata().with_context(name)?.is_dir() {
            bail!("{}: a folder, expected a file with H.264", name());
        }
        let mut head = Vec::new();
        (&mut file).take(FILE_BYTES as u64).read_to_end(&mut head).with_context(name)?;
        let mut sniffer = Sniffer::new(FILE_BYTES);
        sniffer.push(&head).unwrap_or_else(|| sniffer.end()).with_context(name)?;
        let interval = stated_interval(&head).unwrap_or(Duration::from_secs(1) / pictures_per_s);
        file.rewind()
            .with_context(|| format!("{}: only what can be read twice is a file; pipe it into `--input -`", name()))?;
        Ok(Self { file, path: path.to_owned(), interval, looped })
    }

    pub(crate) fn run(mut self, outlet: &Outlet) -> anyhow::Result<()> {
        let mut assembler = Assembler::default();
        let mut parameter_sets = ParameterSets::default();
        let mut cadence = Cadence::each(self.interval, Instant::now());
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let len = self.file.read(&mut chunk).with_context(|| self.path.display().to_string())?;
            match chunk.get(..len) {
                Some([]) | None => assembler.handle_end(Instant::now()),
                Some(bytes) => assembler.handle_bytes(bytes, Instant::now()),
            }
            while let Some(mut assembled) = assembler.poll_unit() {
                cadence.catch_up(PATIENCE, Instant::now());
                if outlet.stop.wait_until(cadence.next()) == Wake::Stopped {
                    return Ok(());
                }
                parameter_sets.complete(&mut assembled.unit);
                outlet.push(Item::Unit(EncodedUnit { unit: assembled.unit, captured: Instant::now() }));
            }
            if len == 0 {
                if !self.looped {
                    return Ok(());
                }
                self.file.rewind()?;
            }
        }
    }
}

/// The picture interval that the first sequence parameter set says.
fn stated_interval(head: &[u8]) -> Option<Duration> {
    let mut parameter_sets = ParameterSets::default();
    parameter_sets.complete(&mut skylark_common::h264::AccessUnit::from_annex_b(head));
    parameter_sets.picture_format()?.interval.filter(|interval| !interval.is_zero())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use skylark_common::queue::Popped;

    use super::*;
    use crate::outlet::Taken;

    const CLIP: &[u8] = include_bytes!("../../../tests/data/clip.h264");

    fn units(outlet: &Outlet) -> Vec<EncodedUnit> {
        let mut units = Vec::new();
        while let Popped::Item(Taken { item: Item::Unit(unit), .. }) = outlet.pop_within(Duration::ZERO) {
            units.push(unit);
        }
        units
    }

    /// Runs a stream that is never silent.
    fn run(bytes: &[u8]) -> (LiveEnd, Vec<EncodedUnit>) {
        let outlet = Outlet::new(10_000).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let end = run_live(file, &outlet).unwrap();
        (end, units(&outlet))
    }

    #[test]
    fn a_stream_gives_every_access_unit_also_when_two_clips_are_concatenated() {
        let (end, once) = run(CLIP);
        assert_eq!(end, LiveEnd::Closed);
        assert!(once.first().is_some_and(|first| first.unit.keyframe));
        let (_, twice) = run(&[CLIP, CLIP].concat());
        assert_eq!(twice.len(), once.len() * 2);
    }

    #[test]
    fn a_stream_joined_in_the_middle_is_sent_from_its_first_parameter_set_on() {
        let mut joined = [0x9a, 0x33, 0, 0, 0, 1, 0x41, 0x9a, 0x33].to_vec();
        joined.extend_from_slice(CLIP);
        let (end, units) = run(&joined);
        assert_eq!(end, LiveEnd::Closed);
        assert!(units.len() >= run(CLIP).1.len());
    }

    #[test]
    fn a_truncated_clip_gives_what_is_there() {
        let (end, whole) = run(CLIP);
        assert_eq!(end, LiveEnd::Closed);
        let (end, half) = run(&CLIP[..CLIP.len() / 2]);
        assert_eq!(end, LiveEnd::Closed);
        assert!(!half.is_empty() && half.len() < whole.len());
    }

    #[test]
    fn a_stream_that_is_no_h264_is_refused() {
        assert_eq!(run(b"").0, LiveEnd::Refused(NotH264::Empty));
        assert_eq!(run(b"hello").0, LiveEnd::Refused(NotH264::NoStartCode { bytes: 5 }));
        assert!(matches!(run(b"\0\0\0\x20ftypisom").0, LiveEnd::Refused(NotH264::Other { .. })));
        let slices = [0, 0, 0, 1, 0x41, 0x9a, 0x33].repeat(LIVE_BYTES / 7 + CHUNK_BYTES);
        let (end, units) = run(&slices);
        assert!(matches!(end, LiveEnd::Refused(NotH264::NoParameterSet { .. })), "{end:?}");
        assert!(units.is_empty(), "nothing is sent before it is known to be H.264");
    }

    #[test]
    fn a_file_is_paced_at_the_rate_it_states() {
        assert_eq!(stated_interval(CLIP), Some(Duration::from_nanos(33_333_333)));
        assert_eq!(stated_interval(&[0, 0, 1, 0x67]), None);
    }
}
