//! Where units begin and end, and what is in them: nothing on the air says it, so the datagrams must.

use std::time::{Duration, Instant};

use skylark_common::rtp::header::RtpHeader;
use skylark_common::rtp::inspector::Inspector;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wire::announce::Payload;

use super::blocks::Next;
use crate::stats::StreamStats;

/// Times between units that are looked at; the middle one is the usual.
const INTERVALS: usize = 8;
/// Ticks of video's RTP clock in a second (RFC 6184 8.2.1).
const TICKS_PER_S: u32 = 90_000;
/// Longer times between units are pauses.
const MAX_INTERVAL_TICKS: u32 = 2 * TICKS_PER_S;

/// Looks at datagrams as they are handed on. Units are of the source that is followed: RTP of another one, as sound on the
/// port of video, and RTCP neither begin nor end any.
#[derive(Debug, Default)]
pub(super) struct Units {
    inspector: Inspector,
    last: Option<RtpHeader>,
    /// Datagrams missing before the next of the source that is followed.
    missing: u32,
    /// Whether a unit has begun and not ended.
    is_open: bool,
    is_damaged: bool,
    heard: Option<Instant>,
    intervals: [Option<u32>; INTERVALS],
    next_interval: usize,
}

/// What is known of a datagram beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) start_of_unit: bool,
    pub(super) end_of_unit: bool,
    pub(super) keyframe: bool,
    pub(super) missing_before: u32,
    pub(super) heard: Instant,
}

impl Units {
    /// What the datagrams are, as far as they have shown it.
    pub(super) const fn payload(&self) -> Payload {
        self.inspector.payload()
    }

    /// The usual time from unit to unit.
    pub(super) fn interval(&self) -> Option<Duration> {
        let mut ticks: Vec<u32> = self.intervals.iter().flatten().copied().collect();
        ticks.sort_unstable();
        let middle = ticks.get(ticks.len() / 2).filter(|_| self.payload().is_video())?;
        Some(Duration::from_micros(u64::from(*middle) * 1_000_000 / u64::from(TICKS_PER_S)))
    }

    /// Follows one datagram handed on.
    pub(super) fn advance(&mut self, next: &Next<'_>, stats: &mut StreamStats) -> Shown {
        let inspected = self.inspector.handle_datagram(next.bytes);
        let rtp = RtpHeader::parse(next.bytes).ok().map(|(header, _)| header);
        let missing = self.missing.saturating_add(next.missing_before);
        stats.datagrams += 1;
        stats.datagram_bytes += next.bytes.len() as u64;
        let (starts, missing_before) = match rtp.filter(|header| self.inspector.ssrc() == Some(header.ssrc)) {
            Some(header) => self.follow(header, next.id, missing),
            None if self.payload() == Payload::Opaque => (!self.is_open, missing),
            None => {
                self.missing = missing;
                let (start_of_unit, end_of_unit, keyframe) = (false, false, inspected.keyframe);
                return Shown { start_of_unit, end_of_unit, keyframe, missing_before: 0, heard: next.available };
            }
        };
        self.missing = 0;
        self.count_start(starts, missing_before, stats);
        let heard = self.heard.map_or(next.available, |heard| heard.min(next.available));
        self.heard = Some(heard);
        if inspected.end_of_unit {
            self.is_open = false;
            stats.units += u64::from(!self.is_damaged);
            stats.units_damaged += u64::from(self.is_damaged);
        }
        let (end_of_unit, keyframe) = (inspected.end_of_unit, inspected.keyframe);
        Shown { start_of_unit: starts, end_of_unit, keyframe, missing_before, heard }
    }

    /// Whether a datagram of the source that is followed is the first of its unit, and how many are missing before it: of
    /// `missing` fragments those that its own numbers tell of. A unit begins behind an end and with another time, if it is
    /// not the beginning that is missing.
    fn follow(&mut self, header: RtpHeader, id: PacketId, missing: u32) -> (bool, u32) {
        let Some(last) = self.last.replace(header) else {
            let is_first = id.block == 0 && id.fragment == 0;
            return (is_first && missing == 0, missing);
        };
        if last.ssrc != header.ssrc {
            return (missing == 0, missing);
        }
        let gap = u32::from(header.sequence.wrapping_sub(last.sequence).wrapping_sub(1));
        let missing = missing.min(gap);
        let ticks = header.timestamp.wrapping_sub(last.timestamp);
        if missing == 0 && (1..MAX_INTERVAL_TICKS).contains(&ticks) {
            self.intervals.get_mut(self.next_interval).into_iter().for_each(|place| *place = Some(ticks));
            self.next_interval = (self.next_interval + 1) % INTERVALS;
        }
        (missing == 0 && (!self.is_open || ticks != 0), missing)
    }

    /// A unit begins here, or one goes on.
    fn count_start(&mut self, starts: bool, missing: u32, stats: &mut StreamStats) {
        if starts && self.is_open {
            stats.units_damaged += 1;
        }
        if starts || !self.is_open {
            (self.is_open, self.is_damaged, self.heard) = (true, !starts, None);
        }
        self.is_damaged |= missing > 0;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    fn rtp(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader { marker, payload_type: 96, sequence, timestamp, ssrc: 3 };
        [&header.emit()[..], payload].concat()
    }

    fn next(number: u8, missing_before: u32, bytes: &[u8]) -> Next<'_> {
        let id = PacketId { block: 0, fragment: number };
        Next { id, bytes, missing_before, recovered: false, available: Instant::now() }
    }

    /// Start, end, keyframe, missing.
    fn shown(units: &mut Units, stats: &mut StreamStats, next: &Next<'_>) -> (bool, bool, bool, u32) {
        let Shown { start_of_unit, end_of_unit, keyframe, missing_before, .. } = units.advance(next, stats);
        (start_of_unit, end_of_unit, keyframe, missing_before)
    }

    #[test]
    fn rtp_shows_its_units_its_keyframes_and_what_is_really_missing() {
        let (mut units, mut stats) = (Units::default(), StreamStats::default());
        let mut show = |number, missing, bytes: &[u8]| shown(&mut units, &mut stats, &next(number, missing, bytes));
        assert_eq!(show(0, 0, &rtp(1, 0, false, &[0x67, 1])), (true, false, true, 0));
        assert_eq!(show(1, 0, &rtp(2, 0, true, &[0x65, 1])), (false, true, true, 0));
        assert_eq!(show(4, 2, &rtp(3, 1500, true, &[0x41, 1])), (true, true, false, 0), "only fillers were lost");
        assert_eq!(show(6, 1, &rtp(5, 3000, false, &[0x41, 1])), (false, false, false, 1), "its beginning may be");
        assert_eq!(show(7, 0, &rtp(6, 4500, true, &[0x41, 1])), (true, true, false, 0), "an end was not marked");
        assert_eq!((stats.units, stats.units_damaged, stats.datagrams), (3, 1, 5));
        assert_eq!(units.payload(), Payload::RtpH264);
        assert_eq!(units.interval(), Some(Duration::from_micros(16_666)));
    }

    /// One of another source, with the payload type of sound.
    fn sound(sequence: u16) -> Vec<u8> {
        let header = RtpHeader { marker: true, payload_type: 98, sequence, timestamp: 7, ssrc: 4 };
        [&header.emit()[..], &[0xfc, 0xff]].concat()
    }

    #[test]
    fn sound_and_reports_beside_video_neither_begin_nor_end_units() {
        let (mut units, mut stats) = (Units::default(), StreamStats::default());
        let mut show = |missing, bytes: &[u8]| shown(&mut units, &mut stats, &next(0, missing, bytes));
        let report = [&[0x80, 200, 0, 6, 0, 0, 0, 3][..], &[0; 20]].concat();
        assert_eq!(show(0, &report), (false, false, false, 0));
        assert_eq!(show(0, &rtp(1, 0, false, &[0x41, 1])), (true, false, false, 0));
        for beside in [&sound(1)[..], &report, b"neither"] {
            assert_eq!(show(0, beside), (false, false, false, 0));
        }
        assert_eq!(show(0, &rtp(2, 0, true, &[0x41, 1])), (false, true, false, 0));
        assert_eq!(show(0, &sound(2)), (false, false, false, 0), "between units");
        assert_eq!(show(0, &rtp(3, 1500, false, &[0x41, 1])), (true, false, false, 0));
        assert_eq!(show(1, &sound(4)), (false, false, false, 0), "it was sound that is missing");
        assert_eq!(show(1, &sound(5)), (false, false, false, 0), "or video");
        assert_eq!(show(0, &rtp(5, 1500, true, &[0x41, 1])), (false, true, false, 1));
        assert_eq!((stats.units, stats.units_damaged, stats.datagrams), (1, 1, 11));
    }

    #[test]
    fn another_camera_begins_a_unit() {
        let (mut units, mut stats) = (Units::default(), StreamStats::default());
        let mut show = |missing, bytes: &[u8]| shown(&mut units, &mut stats, &next(0, missing, bytes));
        assert_eq!(show(0, &rtp(1, 0, false, &[0x41, 1])), (true, false, false, 0));
        let mut other = rtp(700, 9, true, &[0x65, 1]);
        other[11] = 5;
        assert_eq!(show(0, &other), (true, true, true, 0));
        assert_eq!((stats.units, stats.units_damaged), (1, 1));
    }

    #[test]
    fn of_anything_else_every_datagram_is_a_unit() {
        let (mut units, mut stats) = (Units::default(), StreamStats::default());
        for (number, missing) in [(0, 0), (1, 0), (5, 3)] {
            let shown = shown(&mut units, &mut stats, &next(number, missing, &[0xfd, 9, 0, 0]));
            assert_eq!(shown, (true, true, false, missing));
        }
        assert_eq!(units.payload(), Payload::Opaque);
        assert_eq!((stats.units, units.interval()), (2, None));
    }
}
