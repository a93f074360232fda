//! The Annex B byte stream: NAL units between start codes (ITU-T H.264 Annex B).

/// What stands before each NAL unit.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The longest NAL unit taken, in bytes: a one-slice keyframe of eight times the mean at 25 Mbit/s and
/// 25 pictures a second has this length. More means that the bytes are no H.264.
pub const MAX_NAL_BYTES: usize = 1 << 20;

/// Cuts a stream that comes in pieces of any size into NAL units.
#[derive(Debug, Default)]
pub struct Splitter {
    nal: Vec<u8>,
    /// Zero bytes seen last: part of the NAL unit, of a start code, or trailing; what follows decides.
    zeros: usize,
    state: State,
    stats: SplitterStats,
}

/// What a [`Splitter`] could not use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SplitterStats {
    /// Bytes outside any NAL unit: before the first start code, or behind a NAL unit ended from outside.
    pub stray_bytes: u64,
    /// NAL units longer than [`MAX_NAL_BYTES`], dropped.
    pub too_long: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before a start code; what comes belongs to no NAL unit.
    #[default]
    Seeking,
    /// Behind a start code.
    Within,
}

impl Splitter {
    /// Takes the next bytes and gives `take` each NAL unit that ends in them, without its start code.
    pub fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8])) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match byte {
                0 => self.zeros = self.zeros.saturating_add(1),
                1 if self.zeros >= 2 => self.begin(&mut take),
                _ => {
                    let run = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                    let (run, behind) = bytes.split_at(run);
                    self.extend(run);
                    bytes = behind;
                    continue;
                }
            }
            bytes = rest;
        }
    }

    /// Ends the NAL unit under way and gives it to `take`: nothing more of it will come.
    pub fn finish(&mut self, take: impl FnOnce(&[u8])) {
        if !self.nal.is_empty() {
            take(&self.nal);
            self.nal.clear();
            self.state = State::Seeking;
        }
    }

    /// The part of the NAL unit under way that is there; empty when there is none.
    pub fn under_way(&self) -> &[u8] {
        &self.nal
    }

    /// What could not be used so far.
    pub fn stats(&self) -> SplitterStats {
        self.stats
    }

    fn begin(&mut self, take: &mut impl FnMut(&[u8])) {
        if !self.nal.is_empty() {
            take(&self.nal);
            self.nal.clear();
        }
        self.zeros = 0;
        self.state = State::Within;
    }

    fn extend(&mut self, run: &[u8]) {
        let zeros = std::mem::take(&mut self.zeros);
        let length = self.nal.len().saturating_add(zeros).saturating_add(run.len());
        if self.state == State::Within && length > MAX_NAL_BYTES {
            self.stats.too_long += 1;
            self.nal.clear();
            self.state = State::Seeking;
        }
        match self.state {
            State::Seeking => self.stats.stray_bytes += run.len() as u64,
            State::Within => {
                self.nal.resize(self.nal.len() + zeros, 0);
                self.nal.extend_from_slice(run);
            }
        }
    }
}

/// The NAL units of a whole Annex B byte string, without start codes and trailing zeros.
#[derive(Debug, Clone)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
}

impl<'a> NalUnits<'a> {
    /// The NAL units of `bytes`; what stands before the first start code is left out.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: split_at_start_code(bytes).1 }
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (nal, rest) = split_at_start_code(self.rest);
            self.rest = rest;
            let length = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            if let Some(nal @ [_, ..]) = nal.get(..length) {
                return Some(nal);
            }
        }
        None
    }
}

/// What stands before the next `00 00 01` and what stands behind it.
fn split_at_start_code(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    // The third byte decides how far the next start code can be away.
    while let Some(&[first, second, third]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        at += match (first, second, third) {
            (0, 0, 1) => return (bytes.get(..at).unwrap_or(&[]), bytes.get(at + 3..).unwrap_or(&[])),
            (_, _, 2..) => 3,
            _ => 1,
        };
    }
    (bytes, &[])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(splitter: &mut Splitter, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut nals = Vec::new();
        for piece in pieces {
            splitter.push(piece, |nal| nals.push(nal.to_vec()));
        }
        nals
    }

    #[test]
    fn start_codes_of_three_and_four_bytes_and_trailing_zeros_are_read() {
        let stream = [9, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 3, 2, 0, 0, 0, 0, 0, 1, 0x65];
        let expected = [&[0x67, 1][..], &[0x68, 0, 0, 3, 2], &[0x65]];
        assert_eq!(NalUnits::new(&stream).collect::<Vec<_>>(), expected);

        let mut splitter = Splitter::default();
        let mut nals = split(&mut splitter, &[&stream]);
        assert_eq!(splitter.under_way(), [0x65]);
        splitter.finish(|nal| nals.push(nal.to_vec()));
        assert_eq!(nals, expected);
        assert_eq!(splitter.stats(), SplitterStats { stray_bytes: 1, too_long: 0 });
    }

    #[test]
    fn what_follows_a_nal_unit_ended_from_outside_is_stray_until_a_start_code() {
        let mut splitter = Splitter::default();
        split(&mut splitter, &[&[0, 0, 1, 0x65, 1, 2]]);
        let mut ended = Vec::new();
        splitter.finish(|nal| ended = nal.to_vec());
        assert_eq!(ended, [0x65, 1, 2]);
        assert_eq!(split(&mut splitter, &[&[3, 4, 5, 0], &[0, 1, 0x41, 7], &[0, 0, 1]]), [[0x41, 7]]);
        assert_eq!(splitter.stats().stray_bytes, 3);
    }

    #[test]
    fn zeros_before_the_end_from_outside_still_count_for_the_start_code() {
        let mut splitter = Splitter::default();
        split(&mut splitter, &[&[0, 0, 1, 0x65, 1, 0, 0]]);
        splitter.finish(|nal| assert_eq!(nal, [0x65, 1]));
        assert_eq!(split(&mut splitter, &[&[0, 1, 0x41], &[0, 0, 1]]), [[0x41]]);
        assert_eq!(splitter.stats().stray_bytes, 0);
    }

    #[test]
    fn a_nal_unit_that_is_too_long_is_dropped_and_the_next_is_taken() {
        let mut splitter = Splitter::default();
        split(&mut splitter, &[&[0, 0, 1, 0x65]]);
        for _ in 0..MAX_NAL_BYTES / 1024 {
            assert!(split(&mut splitter, &[&[7; 1024]]).is_empty());
        }
        assert_eq!(splitter.stats().too_long, 1);
        assert_eq!(split(&mut splitter, &[&[0, 0, 1, 0x41, 7, 0, 0, 1]]), [[0x41, 7]]);
    }

    #[test]
    fn endless_zeros_take_no_memory() {
        let mut splitter = Splitter::default();
        split(&mut splitter, &[&[0, 0, 1, 0x65], &vec![0; 2 * MAX_NAL_BYTES], &[9]]);
        assert_eq!(splitter.stats().too_long, 1);
        assert!(splitter.nal.capacity() < 1024);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_nal_units_of_the_whole(
            bytes in proptest::collection::vec(prop_oneof![4 => 0_u8..4, 1 => any::<u8>()], 0..400),
            piece in 1_usize..50,
        ) {
            let mut splitter = Splitter::default();
            let mut nals = split(&mut splitter, &bytes.chunks(piece).collect::<Vec<_>>());
            splitter.finish(|nal| nals.push(nal.to_vec()));
            prop_assert_eq!(nals, NalUnits::new(&bytes).collect::<Vec<_>>());
        }
    }
}
