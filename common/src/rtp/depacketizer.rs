//! RTP datagrams back into access units (RFC 6184, non-interleaved mode).

use std::collections::VecDeque;

use super::following::{Following, Whose};
use super::header::RtpHeader;
use super::received::{Growing, ReceivedUnit};

/// One datagram ends at most two access units: the one under way and its own.
const MAX_READY_UNITS: usize = 2;
/// A sequence number at most so far back is a late copy; further back it is a source that began anew
/// (MAX_MISORDER of RFC 3550 A.1).
const MAX_MISORDER: u16 = 100;

/// Makes access units of RTP datagrams that come in order, some of them missing.
///
/// **After every `handle_`, drain [`poll_unit`](Self::poll_unit).** For another session make another one.
///
/// An access unit ends with the RTP marker, with the link's end mark, or where the timestamp changes. Of a
/// slice with a hole the beginning is kept, any other NAL unit with a hole is left out. What is missing is known from the link's marks and from sequence
/// numbers, which also tell what was lost before the link.
#[derive(Debug, Clone, Default)]
pub struct Depacketizer {
    following: Following,
    /// The sequence number that comes next.
    next: u16,
    state: State,
    /// Datagrams missing right before the next.
    missing: u32,
    ready: VecDeque<ReceivedUnit>,
    stats: DepacketizerStats,
}

/// What the link says about a datagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether it is the first of its unit.
    pub start_of_unit: bool,
    /// Whether it is the last of its unit.
    pub end_of_unit: bool,
    /// How many datagrams are missing right before it.
    pub missing_before: u32,
}

/// What a [`Depacketizer`] did since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DepacketizerStats {
    /// Access units with everything in them.
    pub complete: u64,
    /// Access units with something missing.
    pub damaged: u64,
    /// Datagrams that are no RTP.
    pub not_rtp: u64,
    /// Datagrams that came late or twice.
    pub out_of_order: u64,
    /// Datagrams of another source beside the one that is followed: sound.
    pub of_others: u64,
    /// Payloads, or NAL units in them, that are cut off or marked as damaged.
    pub malformed: u64,
    /// Payloads of interleaved mode (STAP-B, MTAP, FU-B) or of no known type.
    pub unsupported: u64,
    /// NAL units that would have made an access unit longer than any real one.
    pub too_long: u64,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// No access unit is under way.
    #[default]
    Between,
    /// One is.
    Within(Growing),
}

impl Depacketizer {
    /// Takes the next datagram.
    pub fn handle_datagram(&mut self, bytes: &[u8], marks: Marks) {
        self.missing = self.missing.saturating_add(marks.missing_before);
        match RtpHeader::parse(bytes) {
            Ok((header, payload)) => self.handle_payload(header, payload, marks.start_of_unit),
            // If it was one once, the next sequence number tells.
            Err(_) => self.stats.not_rtp += 1,
        }
        if marks.end_of_unit {
            self.handle_end();
        }
    }

    /// Ends the access unit under way: nothing more of it will come.
    pub fn handle_end(&mut self) {
        if let State::Within(mut unit) = std::mem::take(&mut self.state) {
            unit.miss(std::mem::take(&mut self.missing));
            self.make_ready(unit.finish());
        }
    }

    /// The next access unit, in order.
    pub fn poll_unit(&mut self) -> Option<ReceivedUnit> {
        self.ready.pop_front()
    }

    /// Whether there is an access unit of which more may come.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, State::Within(_))
    }

    /// What it did so far.
    pub fn stats(&self) -> DepacketizerStats {
        self.stats
    }

    fn handle_payload(&mut self, header: RtpHeader, payload: &[u8], is_start: bool) {
        let whose = self.following.handle(header);
        let has_joined = match whose {
            Whose::Same if self.is_behind(header) => {
                self.stats.out_of_order += 1;
                return;
            }
            Whose::Same => true,
            Whose::New => {
                self.handle_end();
                false
            }
            Whose::Stranger => {
                self.stats.of_others += 1;
                return;
            }
        };
        self.next = header.sequence.wrapping_add(1);
        self.end_another(header.timestamp, is_start);
        let missing = std::mem::take(&mut self.missing);
        let mut unit = match std::mem::take(&mut self.state) {
            State::Within(mut unit) => {
                unit.miss(missing);
                unit
            }
            State::Between => {
                let mut unit = Growing::new(header.timestamp, missing);
                let may_lack_its_head = !is_start && (missing > 0 || !has_joined);
                unit.miss(u32::from(may_lack_its_head));
                unit
            }
        };
        unit.take(payload, &mut self.stats);
        self.state = State::Within(unit);
        if header.marker {
            self.handle_end();
        }
    }

    /// Whether the datagram is one that has been there or was passed over; else those between are missing.
    fn is_behind(&mut self, header: RtpHeader) -> bool {
        let behind = self.next.wrapping_sub(header.sequence);
        if (1..=MAX_MISORDER).contains(&behind) {
            return true;
        }
        let ahead = behind.wrapping_neg();
        let skipped = if ahead < 1 << 15 { ahead } else { 1 };
        self.missing = self.missing.max(u32::from(skipped));
        false
    }

    /// Ends the access unit under way when this datagram belongs to another: its last one, which would have
    /// said so, is then the first of those missing.
    fn end_another(&mut self, timestamp: u32, is_start: bool) {
        if let State::Within(unit) = &self.state
            && (is_start || unit.timestamp() != timestamp)
        {
            let later = self.missing.saturating_sub(1);
            self.missing = self.missing.min(1);
            self.handle_end();
            self.missing = later;
        }
    }

    fn make_ready(&mut self, received: ReceivedUnit) {
        let counter = if received.is_complete() { &mut self.stats.complete } else { &mut self.stats.damaged };
        *counter += 1;
        if self.ready.len() >= MAX_READY_UNITS {
            self.ready.pop_front();
        }
        self.ready.push_back(received);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOT_MARKED: Marks = Marks { start_of_unit: false, end_of_unit: false, missing_before: 0 };
    const FIRST: Marks = Marks { start_of_unit: true, ..NOT_MARKED };

    fn datagram(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader { marker, payload_type: 96, sequence, timestamp, ssrc: 7 };
        [&header.emit()[..], payload].concat()
    }

    #[test]
    fn a_late_copy_is_counted_and_changes_nothing() {
        let mut depacketizer = Depacketizer::default();
        for sequence in [10, 11, 10, 11, 12] {
            let marks = if sequence == 10 { FIRST } else { NOT_MARKED };
            depacketizer.handle_datagram(&datagram(sequence, 0, sequence == 12, &[0x41, 1]), marks);
        }
        let unit = depacketizer.poll_unit().unwrap();
        assert!(unit.is_complete());
        assert_eq!(unit.unit.nal_units().count(), 3);
        assert_eq!(depacketizer.stats().out_of_order, 2);
    }

    #[test]
    fn sound_beside_video_changes_nothing() {
        let mut depacketizer = Depacketizer::default();
        let mut sound = datagram(500, 7, false, &[0xfc, 1]);
        sound[1] = 98;
        sound[11] = 9;
        for sequence in 10..13 {
            let marks = if sequence == 10 { FIRST } else { NOT_MARKED };
            depacketizer.handle_datagram(&datagram(sequence, 0, sequence == 12, &[0x41, 1]), marks);
            depacketizer.handle_datagram(&sound, NOT_MARKED);
        }
        let unit = depacketizer.poll_unit().unwrap();
        assert!(unit.is_complete() && !depacketizer.is_under_way());
        assert_eq!((unit.unit.nal_units().count(), depacketizer.stats().of_others), (3, 3));
    }

    #[test]
    fn what_cannot_be_read_damages_its_unit_and_is_counted_by_reason() {
        let mut depacketizer = Depacketizer::default();
        let payloads: [&[u8]; 6] =
            [&[0x79, 0, 0, 0, 1], &[0x78, 0, 9, 1], &[0xe1, 1], &[0x7c, 0x05, 1], &[], &[0x41, 1]];
        for (sequence, payload) in (0..).zip(payloads) {
            depacketizer.handle_datagram(&datagram(sequence, 0, false, payload), FIRST);
            depacketizer.handle_datagram(b"no rtp", NOT_MARKED);
            depacketizer.handle_end();
            let unit = depacketizer.poll_unit().unwrap();
            assert_eq!(unit.is_complete(), sequence == 5, "payload {sequence}");
        }
        let expected = DepacketizerStats {
            complete: 1,
            damaged: 5,
            not_rtp: 6,
            malformed: 2,
            unsupported: 1,
            ..DepacketizerStats::default()
        };
        assert_eq!(depacketizer.stats(), expected);
    }

    #[test]
    fn parts_of_two_nal_units_are_not_put_together() {
        let mut depacketizer = Depacketizer::default();
        let payloads: [&[u8]; 7] = [
            &[0x7c, 0x85, 1],
            &[0x7c, 0x41, 2],
            &[0x5c, 0x81, 3],
            &[0x41, 4],
            &[0x5c, 0x41, 5],
            &[0x66, 1],
            &[0x7c, 0x87, 1],
        ];
        for (sequence, payload) in (0..).zip(payloads) {
            depacketizer.handle_datagram(&datagram(sequence, 0, false, payload), NOT_MARKED);
        }
        depacketizer.handle_end();
        let unit = depacketizer.poll_unit().unwrap();
        let expected = [[0x65, 1], [0x41, 3], [0x41, 4], [0x66, 1]];
        assert_eq!(unit.unit.nal_units().collect::<Vec<_>>(), expected);
        assert_eq!((unit.truncated_slices, unit.dropped_nal_units), (2, 2));
        assert!(unit.unit.keyframe);
    }

    #[test]
    fn a_source_that_begins_anew_is_followed() {
        let mut depacketizer = Depacketizer::default();
        for sequence in [5000, 5001, 9, 10] {
            depacketizer.handle_datagram(&datagram(sequence, u32::from(sequence), true, &[0x41, 1]), FIRST);
            assert!(depacketizer.poll_unit().is_some_and(|unit| unit.is_complete()), "{sequence}");
        }
    }

    #[test]
    fn an_endless_unit_stays_within_its_bound() {
        let mut depacketizer = Depacketizer::default();
        for sequence in 0..3000 {
            let flags = if sequence == 0 { 0x85 } else { 0x05 };
            depacketizer
                .handle_datagram(&datagram(sequence, 0, false, &[&[0x7c, flags][..], &[7; 1400]].concat()), NOT_MARKED);
        }
        assert_eq!(depacketizer.stats().too_long, 1);
        depacketizer.handle_end();
        assert!(depacketizer.poll_unit().is_some_and(|unit| unit.truncated_slices == 1));
    }

    proptest! {
        #[test]
        fn no_datagrams_make_it_panic(
            payloads in proptest::collection::vec(
                (0..6_u16, 0..3_u32, prop::sample::select(vec![0x41, 0x65, 0x78, 0x7c, 0x5c, 0x79]),
                 proptest::collection::vec(any::<u8>(), 0..12), any::<(bool, bool, bool)>()), 0..60),
        ) {
            let mut depacketizer = Depacketizer::default();
            let mut sequence = 0_u16;
            for (step, timestamp, kind, mut payload, (start_of_unit, end_of_unit, marker)) in payloads {
                sequence = sequence.wrapping_add(step);
                payload.insert(0, kind);
                let marks = Marks { start_of_unit, end_of_unit, missing_before: u32::from(step / 4) };
                depacketizer.handle_datagram(&datagram(sequence, timestamp, marker, &payload), marks);
                prop_assert!(depacketizer.ready.len() <= MAX_READY_UNITS);
                while depacketizer.poll_unit().is_some() {}
            }
        }
    }
}
