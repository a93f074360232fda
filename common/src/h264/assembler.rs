//! Access units out of a byte stream as it comes from a pipe, without waiting for the picture after.

use std::collections::VecDeque;
use std::time::Instant;

use super::access_unit::AccessUnit;
use super::annex_b::Splitter;
use super::grouper::{Grouper, Slice};
use super::nal::NalHeader;
use super::patience::Patience;

/// A read of 64 KiB full of the smallest pictures an encoder makes (16 bytes, all skipped) holds so many.
const MAX_READY_UNITS: usize = 4096;

/// Makes access units of Annex B bytes.
///
/// **After every `handle_`, drain [`poll_unit`](Self::poll_unit), then wait no longer than
/// [`poll_timeout`](Self::poll_timeout).**
///
/// The end of a picture shows only in the beginning of the next. So that no picture waits for that, silence
/// ends it: 4 ms at first, down to 1 ms where the writer writes whole pictures at once. When the picture goes on all the
/// same, its rest is dropped up to the next start code, that is counted, and the time doubles, up to 64 ms.
#[derive(Debug, Default)]
pub struct Assembler {
    splitter: Splitter,
    grouper: Grouper,
    ready: VecDeque<AssembledUnit>,
    /// When the first byte of the access unit, and of the NAL unit, under way came.
    unit_since: Option<Instant>,
    nal_since: Option<Instant>,
    last_bytes: Option<Instant>,
    patience: Patience,
    /// The last slice of a picture ended by silence, until the next shows whether that was right.
    ended_by_idle: Option<Slice>,
    stats: AssemblerStats,
}

/// An access unit and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssembledUnit {
    /// The access unit.
    pub unit: AccessUnit,
    /// When its first byte came: the nearest to a capture time that a byte stream has.
    pub first_byte: Instant,
}

/// What an [`Assembler`] did since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssemblerStats {
    /// Access units made.
    pub units: u64,
    /// Of those, ended by silence and not by the beginning of the next.
    pub ended_by_idle: u64,
    /// Of those, wrongly: the picture went on.
    pub split_by_idle: u64,
    /// Bytes that belong to no NAL unit: before the first start code, or the rest of a split one.
    pub stray_bytes: u64,
    /// NAL units dropped because they were longer than any real one.
    pub too_long: u64,
    /// Access units dropped because nobody polled them.
    pub dropped: u64,
}

impl Assembler {
    /// Takes the next bytes of the stream, however they are cut; 64 KiB at a time keep it within its bounds.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        let stray_before = self.splitter.stats().stray_bytes;
        let under_way = self.poll_timeout().map(|_| self.stats.units);
        let mut splitter = std::mem::take(&mut self.splitter);
        if splitter.under_way().is_empty() {
            self.nal_since = Some(now);
        }
        splitter.push(bytes, |nal| {
            self.take_nal(nal, now);
            self.nal_since = Some(now);
        });
        if splitter.stats().stray_bytes > stray_before && self.ended_by_idle.take().is_some() {
            self.note_split();
        }
        self.judge_idle(splitter.under_way());
        self.splitter = splitter;
        if self.grouper.ends_before(self.splitter.under_way()) {
            let unit = self.grouper.finish();
            self.make_ready(unit, now);
        }
        match (under_way, self.last_bytes) {
            (Some(units), Some(last)) if units == self.stats.units => {
                self.patience.note_pause(now.saturating_duration_since(last));
            }
            (Some(_), _) => self.patience.prove_right(),
            (None, _) => {}
        }
        self.last_bytes = Some(now);
    }

    /// Takes what is there as a whole picture, when the stream has been silent long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.finish_nal(now);
            self.ended_by_idle = self.grouper.last_slice();
            self.stats.ended_by_idle += 1;
            self.patience.prove_right();
            let unit = self.grouper.finish();
            self.make_ready(unit, now);
        }
    }

    /// Takes what is there as a whole picture: the stream has ended. A stream may begin after it.
    pub fn handle_end(&mut self, now: Instant) {
        self.finish_nal(now);
        let unit = self.grouper.finish();
        self.make_ready(unit, now);
        self.ended_by_idle = None;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), unless bytes come before. `None` while no
    /// slice is there to end.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let under_way = NalHeader::of(self.splitter.under_way()).is_some_and(NalHeader::is_slice);
        if under_way || self.grouper.last_slice().is_some() {
            self.last_bytes.map(|last| last + self.patience.idle())
        } else {
            None
        }
    }

    /// The next access unit, in order.
    pub fn poll_unit(&mut self) -> Option<AssembledUnit> {
        self.ready.pop_front()
    }

    /// What it did so far.
    pub fn stats(&self) -> AssemblerStats {
        let splitter = self.splitter.stats();
        AssemblerStats { stray_bytes: splitter.stray_bytes, too_long: splitter.too_long, ..self.stats }
    }

    fn finish_nal(&mut self, now: Instant) {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.finish(|nal| self.take_nal(nal, now));
        self.splitter = splitter;
    }

    fn take_nal(&mut self, nal: &[u8], now: Instant) {
        self.judge_idle(nal);
        let ended = self.grouper.push(nal);
        self.make_ready(ended, now);
        self.unit_since = self.unit_since.or(self.nal_since);
    }

    /// Whether silence rightly ended the picture before shows in the first slice behind it.
    fn judge_idle(&mut self, nal: &[u8]) {
        if let (Some(slice), Some(before)) = (Slice::of(nal), self.ended_by_idle) {
            self.ended_by_idle = None;
            if self.grouper.is_empty() && slice.continues(before) {
                self.note_split();
            }
        }
    }

    fn make_ready(&mut self, unit: Option<AccessUnit>, now: Instant) {
        let Some(unit) = unit else { return };
        if self.ready.len() >= MAX_READY_UNITS {
            self.ready.pop_front();
            self.stats.dropped += 1;
        }
        self.stats.units += 1;
        let first_byte = self.unit_since.take().unwrap_or(now);
        self.ready.push_back(AssembledUnit { unit, first_byte });
    }

    fn note_split(&mut self) {
        self.stats.split_by_idle += 1;
        self.patience.prove_wrong();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::h264::patience::FIRST_IDLE;

    const CLIP: &[u8] = include_bytes!("../../../tests/data/clip.h264");
    const PICTURE: Duration = Duration::from_millis(33);

    fn drain(assembler: &mut Assembler) -> Vec<AccessUnit> {
        std::iter::from_fn(|| assembler.poll_unit()).map(|assembled| assembled.unit).collect()
    }

    fn whole_clip() -> Vec<AccessUnit> {
        let mut assembler = Assembler::default();
        let now = clock();
        assembler.handle_bytes(CLIP, now);
        assembler.handle_end(now);
        drain(&mut assembler)
    }

    #[expect(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
    fn clock() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_clip_is_ninety_pictures_three_of_them_keyframes() {
        let units = whole_clip();
        assert_eq!(units.len(), 90);
        assert_eq!(units.iter().filter(|unit| unit.keyframe).count(), 3);
        let nals: Vec<_> = units.iter().flat_map(|unit| unit.nal_units()).collect();
        assert_eq!(nals, crate::h264::annex_b::NalUnits::new(CLIP).collect::<Vec<_>>());
    }

    #[test]
    fn pieces_of_any_size_give_the_same_pictures() {
        let expected = whole_clip();
        for piece in [1, 7, 188, 4096, 65536] {
            let mut assembler = Assembler::default();
            let now = clock();
            let mut units = Vec::new();
            for bytes in CLIP.chunks(piece) {
                assembler.handle_bytes(bytes, now);
                units.extend(drain(&mut assembler));
            }
            assembler.handle_end(now);
            units.extend(drain(&mut assembler));
            assert!(units == expected, "pieces of {piece}");
            assert_eq!(assembler.stats(), AssemblerStats { units: 90, ..AssemblerStats::default() });
        }
    }

    #[test]
    fn a_picture_written_at_once_is_out_after_the_idle_time() {
        let mut assembler = Assembler::default();
        let mut now = clock();
        for expected in whole_clip() {
            assembler.handle_bytes(&expected.bytes, now);
            assert_eq!(assembler.poll_unit(), None);
            assert_eq!(assembler.poll_timeout(), Some(now + FIRST_IDLE));
            assembler.handle_timeout(now + FIRST_IDLE / 2);
            assert_eq!(assembler.poll_unit(), None);
            assembler.handle_timeout(now + FIRST_IDLE);
            assert_eq!(assembler.poll_unit(), Some(AssembledUnit { unit: expected, first_byte: now }));
            assert_eq!(assembler.poll_timeout(), None);
            now += PICTURE;
        }
        assert_eq!(assembler.stats(), AssemblerStats { units: 90, ended_by_idle: 90, ..AssemblerStats::default() });
    }

    #[test]
    fn a_start_code_written_ahead_of_its_picture_does_no_harm() {
        for ahead in [&[0, 0, 0][..], &[0, 0, 0, 1], &[0, 0, 0, 1, 9, 0xf0]] {
            let mut assembler = Assembler::default();
            let mut now = clock();
            let mut units = Vec::new();
            for unit in whole_clip() {
                let bytes = if units.is_empty() && assembler.last_bytes.is_none() {
                    [&[0, 0, 0, 1, 9, 0xf0], &*unit.bytes, ahead].concat()
                } else {
                    let behind = if ahead.len() < 6 { &[0, 0, 0, 1, 9, 0xf0][ahead.len()..] } else { &[] };
                    [behind, &*unit.bytes, ahead].concat()
                };
                assembler.handle_bytes(&bytes, now);
                assembler.handle_timeout(now + FIRST_IDLE);
                units.extend(drain(&mut assembler));
                now += PICTURE;
            }
            assert_eq!(units.len(), 90, "ahead {ahead:?}");
            assert!(units.iter().all(|unit| unit.nal_units().next() == Some(&[9, 0xf0])));
            assert_eq!(assembler.stats().split_by_idle, 0);
        }
    }

    #[test]
    fn the_start_of_the_next_picture_ends_one_before_the_idle_time() {
        let mut assembler = Assembler::default();
        let now = clock();
        let clip = whole_clip();
        assembler.handle_bytes(&clip[0].bytes, now);
        assembler.handle_bytes(&clip[1].bytes[..6], now + PICTURE);
        assert_eq!(drain(&mut assembler), clip[..1]);
        assembler.handle_bytes(&clip[1].bytes[6..], now + PICTURE * 2);
        assembler.handle_timeout(now + PICTURE * 3);
        let second = AssembledUnit { unit: clip[1].clone(), first_byte: now + PICTURE };
        assert_eq!(assembler.poll_unit(), Some(second));
    }

    #[test]
    fn a_writer_that_pauses_inside_a_nal_unit_is_given_more_time() {
        let mut assembler = Assembler::default();
        let mut now = clock();
        // One slice a picture: only the bytes without a start code tell.
        let first_slice = |unit: AccessUnit| {
            let slice = unit.nal_units().find(|nal| Slice::of(nal).is_some());
            AccessUnit::from_annex_b(&[&[0, 0, 1], slice.unwrap()].concat())
        };
        let pictures: Vec<_> = whole_clip().into_iter().map(first_slice).collect();
        let mut whole = 0;
        for unit in &pictures {
            let (head, tail) = unit.bytes.split_at(unit.bytes.len() / 2);
            assembler.handle_bytes(head, now);
            now += Duration::from_millis(10);
            assembler.handle_timeout(now);
            assembler.handle_bytes(tail, now);
            now += Duration::from_millis(23);
            assembler.handle_timeout(now);
            whole += drain(&mut assembler).iter().filter(|got| pictures.contains(got)).count();
        }
        // Twice wrong: then 10 ms inside each picture split none.
        assert_eq!(assembler.patience.idle(), FIRST_IDLE * 4);
        assert_eq!(assembler.stats().split_by_idle, 2);
        assert_eq!(whole, 88);
    }

    #[test]
    fn a_few_pauses_of_a_busy_writer_do_not_cost_a_picture_s_time_for_ever() {
        let mut assembler = Assembler::default();
        let (mut now, clip) = (clock(), whole_clip());
        let interval = Duration::from_micros(16_667);
        let mut pauses_us = [3_200, 5_500, 10_000, 11_000].into_iter();
        for unit in clip.iter().cycle().take(60 * 60) {
            let (head, tail) = unit.bytes.split_at(unit.bytes.len() / 2);
            assembler.handle_bytes(head, now);
            let pause = Duration::from_micros(pauses_us.next().unwrap_or(0));
            if assembler.poll_timeout().is_some_and(|deadline| deadline <= now + pause) {
                assembler.handle_timeout(now + pause);
            }
            assembler.handle_bytes(tail, now + pause);
            let next = now + interval;
            if assembler.poll_timeout().is_some_and(|deadline| deadline < next) {
                assembler.handle_timeout(next);
            }
            drain(&mut assembler);
            now = next;
        }
        assert!(assembler.patience.idle() < FIRST_IDLE, "{:?}", assembler.patience.idle());
    }

    #[test]
    fn a_writer_that_pauses_between_slices_is_given_more_time() {
        let mut assembler = Assembler::default();
        let mut now = clock();
        for unit in whole_clip() {
            for nal in unit.nal_units() {
                assembler.handle_bytes(&[&[0, 0, 0, 1], nal].concat(), now);
                now += Duration::from_millis(5);
                assembler.handle_timeout(now);
            }
            now += PICTURE;
            assembler.handle_timeout(now);
        }
        assert_eq!(assembler.stats().split_by_idle, 1);
        assert_eq!(drain(&mut assembler).len(), 91);
    }

    #[test]
    fn parameter_sets_alone_wait_for_their_picture() {
        let mut assembler = Assembler::default();
        let now = clock();
        let clip = whole_clip();
        assembler.handle_bytes(&clip[0].bytes[..30], now);
        assert_eq!(assembler.poll_timeout(), None);
        assembler.handle_bytes(&clip[0].bytes[30..], now + PICTURE);
        assembler.handle_timeout(now + PICTURE * 2);
        assert_eq!(assembler.poll_unit(), Some(AssembledUnit { unit: clip[0].clone(), first_byte: now }));
    }

    #[test]
    fn a_clip_cut_anywhere_gives_every_picture_that_is_whole() {
        let expected = whole_clip();
        for cut in (0..CLIP.len()).step_by(997) {
            let mut assembler = Assembler::default();
            let now = clock();
            assembler.handle_bytes(&CLIP[..cut], now);
            assembler.handle_end(now);
            let units = drain(&mut assembler);
            let whole = units.len().saturating_sub(1);
            assert!(units[..whole] == expected[..whole], "cut at {cut}");
        }
    }

    #[test]
    fn a_stream_may_begin_in_the_middle_and_follow_another() {
        let expected = whole_clip();
        let mut assembler = Assembler::default();
        let now = clock();
        for start in [CLIP.len() / 2, 0] {
            assembler.handle_bytes(&CLIP[start..], now);
        }
        assembler.handle_end(now);
        let units = drain(&mut assembler);
        assert!(units.ends_with(&expected));
        let tail = &units[1..units.len() - 90];
        assert!(tail.len() > 20 && expected.ends_with(tail));
    }
}
