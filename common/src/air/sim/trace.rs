//! A recorded loss pattern as text.

use std::sync::Arc;

use thiserror::Error;

/// The most frames a trace may have: an hour at 1000 frames a second, in a few megabytes.
pub const MAX_TRACE_FRAMES: usize = 4_000_000;

/// Which frames of a sequence are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(Arc<[bool]>);

/// Why a text is no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TraceError {
    /// Something else than a pattern.
    #[error("line {line}: expected digits 0 and 1, or \"runs\" and then numbers of frames")]
    Malformed {
        /// The line, from 1.
        line: usize,
    },
    /// Nothing in it.
    #[error("no frames in it, expected at least one")]
    Empty,
    /// More than [`MAX_TRACE_FRAMES`].
    #[error("more than {limit} frames")]
    TooLong {
        /// The limit.
        limit: usize,
    },
}

impl Trace {
    /// Reads a pattern: digits, `0` for a frame heard and `1` for one lost; or the word `runs` and then
    /// lengths of runs, heard and lost in turn, beginning with heard. White space and line breaks mean
    /// nothing; `#` begins a comment.
    ///
    /// # Errors
    /// It is neither, empty, or longer than [`MAX_TRACE_FRAMES`].
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut words = text.lines().zip(1..).flat_map(|(content, line)| {
            let content = content.split_once('#').map_or(content, |(before, _)| before);
            content.split_whitespace().map(move |word| (word, line))
        });
        let pattern = match words.next() {
            None => return Err(TraceError::Empty),
            Some(("runs", _)) => runs(words)?,
            Some(first) => digits(std::iter::once(first).chain(words))?,
        };
        if pattern.is_empty() {
            return Err(TraceError::Empty);
        }
        Ok(Self(pattern.into()))
    }

    /// Whether the frame with this number, from 0, is lost.
    #[must_use]
    pub fn loses(&self, frame: usize) -> bool {
        let entry = frame.checked_rem(self.0.len());
        entry.and_then(|entry| self.0.get(entry)).copied().unwrap_or(false)
    }

    /// Share of frames lost in one run through it, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.0.iter().filter(|lost| **lost).count() as f64 / self.0.len().max(1) as f64
    }
}

fn digits<'a>(words: impl Iterator<Item = (&'a str, usize)>) -> Result<Vec<bool>, TraceError> {
    let mut pattern = Vec::new();
    for (word, line) in words {
        for digit in word.chars() {
            match digit {
                '0' => extend(&mut pattern, false, 1)?,
                '1' => extend(&mut pattern, true, 1)?,
                _ => return Err(TraceError::Malformed { line }),
            }
        }
    }
    Ok(pattern)
}

fn runs<'a>(words: impl Iterator<Item = (&'a str, usize)>) -> Result<Vec<bool>, TraceError> {
    let mut pattern = Vec::new();
    for ((word, line), lost) in words.zip([false, true].into_iter().cycle()) {
        let frames = word.parse().map_err(|_| TraceError::Malformed { line })?;
        extend(&mut pattern, lost, frames)?;
    }
    Ok(pattern)
}

fn extend(pattern: &mut Vec<bool>, lost: bool, frames: usize) -> Result<(), TraceError> {
    if frames > MAX_TRACE_FRAMES - pattern.len() {
        return Err(TraceError::TooLong { limit: MAX_TRACE_FRAMES });
    }
    pattern.resize(pattern.len() + frames, lost);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Vec<bool> {
        Trace::parse(text).unwrap().0.to_vec()
    }

    #[test]
    fn digits_are_frames_and_runs_are_lengths() {
        assert_eq!(pattern("001\n1 0 # the rest is talk: 11\n"), [false, false, true, true, false]);
        assert_eq!(pattern("# measured\nruns 2 2\n1"), [false, false, true, true, false]);
        assert_eq!(pattern("runs 0 1"), [true]);
    }

    #[test]
    fn a_trace_begins_again_when_it_ends() {
        let trace = Trace::parse("010").unwrap();
        let lost: Vec<bool> = (0..7).map(|frame| trace.loses(frame)).collect();
        assert_eq!(lost, [false, true, false, false, true, false, false]);
        assert!((trace.share() - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_line() {
        assert_eq!(Trace::parse("01\n02"), Err(TraceError::Malformed { line: 2 }));
        assert_eq!(Trace::parse("runs 3 x"), Err(TraceError::Malformed { line: 1 }));
        assert_eq!(Trace::parse("runs 3 -1"), Err(TraceError::Malformed { line: 1 }));
    }

    #[test]
    fn an_empty_or_endless_trace_is_refused() {
        assert_eq!(Trace::parse(" # nothing\n"), Err(TraceError::Empty));
        assert_eq!(Trace::parse("runs"), Err(TraceError::Empty));
        assert_eq!(Trace::parse("runs 0 0"), Err(TraceError::Empty));
        assert_eq!(Trace::parse("runs 4000000 1"), Err(TraceError::TooLong { limit: MAX_TRACE_FRAMES }));
        assert_eq!(Trace::parse("runs 18446744073709551615 9"), Err(TraceError::TooLong { limit: MAX_TRACE_FRAMES }));
    }
}
