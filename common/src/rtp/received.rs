//! One access unit as it grows out of the payloads that came.

use super::depacketizer::DepacketizerStats;
use super::payload::{Fragment, Payload, PayloadError};
use crate::h264::annex_b::START_CODE;
use crate::h264::grouper::MAX_UNIT_BYTES;
use crate::h264::{AccessUnit, NalHeader};

/// An access unit as it came through the link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivedUnit {
    /// What there is of it. Empty when nothing that a decoder can use is left.
    pub unit: AccessUnit,
    /// When it was sampled, in 1/90000 s, wrapping.
    pub timestamp: u32,
    /// Datagrams missing between the unit before and this one: whole units may be among them.
    pub missing_before: u32,
    /// Datagrams missing of this unit, at the least.
    pub missing_within: u32,
    /// Slices that end where a part of them is missing. A decoder that conceals shows their beginning:
    /// with openh264 (error concealment 6) and 0.1 to 1 % of datagrams lost, pictures come out 0.4 to 3 dB
    /// nearer to the original than without these slices.
    pub truncated_slices: u32,
    /// NAL units left out because their beginning is missing, or a part of one that is no slice, or because
    /// they cannot be read.
    pub dropped_nal_units: u32,
}

impl ReceivedUnit {
    /// Whether there is something and nothing of it is missing. What it refers to may be: see `missing_before`.
    pub fn is_complete(&self) -> bool {
        !self.unit.is_empty() && self.missing_within == 0 && self.truncated_slices == 0 && self.dropped_nal_units == 0
    }
}

/// A [`ReceivedUnit`] under way.
#[derive(Debug, Clone)]
pub(super) struct Growing {
    received: ReceivedUnit,
    fragmented: Fragmented,
}

/// What of a fragmented NAL unit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fragmented {
    /// None is under way.
    None,
    /// All so far; with its start code it begins at this place in the access unit.
    Whole { start: usize, header: NalHeader },
    /// A part is missing; what is left of it is read over.
    Broken,
}

impl Growing {
    pub(super) fn new(timestamp: u32, missing_before: u32) -> Self {
        let received = ReceivedUnit { timestamp, missing_before, ..ReceivedUnit::default() };
        Self { received, fragmented: Fragmented::None }
    }

    pub(super) fn timestamp(&self) -> u32 {
        self.received.timestamp
    }

    /// Notes that datagrams of this unit are missing at this place.
    pub(super) fn miss(&mut self, datagrams: u32) {
        self.received.missing_within = self.received.missing_within.saturating_add(datagrams);
        if datagrams > 0 && self.cut_fragments() {
            self.fragmented = Fragmented::Broken;
        }
    }

    /// Takes what stands behind the RTP header of its next datagram.
    pub(super) fn take(&mut self, payload: &[u8], stats: &mut DepacketizerStats) {
        match Payload::parse(payload) {
            Ok(Payload::Single(nal)) => self.take_whole(Ok(nal), stats),
            Ok(Payload::Aggregate(nals)) => nals.for_each(|nal| self.take_whole(nal, stats)),
            Ok(Payload::Fragment(fragment)) => self.take_fragment(fragment, stats),
            // Such datagrams probe the path and carry nothing.
            Err(PayloadError::Empty) => {}
            Err(error) => self.refuse(error, stats),
        }
    }

    /// The unit, with what is there of it.
    pub(super) fn finish(mut self) -> ReceivedUnit {
        self.cut_fragments();
        self.received
    }

    fn take_whole(&mut self, nal: Result<&[u8], PayloadError>, stats: &mut DepacketizerStats) {
        self.cut_fragments();
        match nal {
            Ok(nal) if self.has_room(nal, stats) => self.received.unit.push_nal(nal),
            Ok(_) => self.received.dropped_nal_units += 1,
            Err(error) => self.refuse(error, stats),
        }
    }

    fn take_fragment(&mut self, fragment: Fragment<'_>, stats: &mut DepacketizerStats) {
        if fragment.is_first {
            self.cut_fragments();
            self.begin_fragments(fragment, stats);
        } else {
            self.continue_fragments(fragment, stats);
        }
        if fragment.is_last {
            self.end_fragments();
        }
    }

    fn begin_fragments(&mut self, fragment: Fragment<'_>, stats: &mut DepacketizerStats) {
        if !self.has_room(fragment.bytes, stats) {
            self.received.dropped_nal_units += 1;
            self.fragmented = Fragmented::Broken;
            return;
        }
        let bytes = &mut self.received.unit.bytes;
        self.fragmented = Fragmented::Whole { start: bytes.len(), header: fragment.header };
        bytes.extend_from_slice(&START_CODE);
        bytes.push(fragment.header.0);
        bytes.extend_from_slice(fragment.bytes);
    }

    fn continue_fragments(&mut self, fragment: Fragment<'_>, stats: &mut DepacketizerStats) {
        match self.fragmented {
            Fragmented::Whole { header, .. } if header.kind() == fragment.header.kind() => {
                if self.has_room(fragment.bytes, stats) {
                    self.received.unit.bytes.extend_from_slice(fragment.bytes);
                    return;
                }
                self.cut_fragments();
            }
            Fragmented::Whole { .. } => {
                stats.malformed += 1;
                self.cut_fragments();
            }
            Fragmented::None => self.received.dropped_nal_units += 1,
            Fragmented::Broken => {}
        }
        self.fragmented = Fragmented::Broken;
    }

    fn end_fragments(&mut self) {
        if let Fragmented::Whole { header, .. } = self.fragmented {
            self.received.unit.keyframe |= header.is_idr();
        }
        self.fragmented = Fragmented::None;
    }

    /// Ends a fragmented NAL unit whose rest is missing; whether there was one.
    fn cut_fragments(&mut self) -> bool {
        let fragmented = std::mem::replace(&mut self.fragmented, Fragmented::None);
        match fragmented {
            Fragmented::Whole { header, .. } if header.is_slice() => {
                self.received.truncated_slices += 1;
                self.received.unit.keyframe |= header.is_idr();
            }
            Fragmented::Whole { start, .. } => {
                self.received.unit.bytes.truncate(start);
                self.received.dropped_nal_units += 1;
            }
            Fragmented::None | Fragmented::Broken => {}
        }
        fragmented != Fragmented::None
    }

    fn has_room(&self, bytes: &[u8], stats: &mut DepacketizerStats) -> bool {
        let has_room = self.received.unit.bytes.len() + bytes.len() <= MAX_UNIT_BYTES;
        stats.too_long += u64::from(!has_room);
        has_room
    }

    fn refuse(&mut self, error: PayloadError, stats: &mut DepacketizerStats) {
        self.received.dropped_nal_units += 1;
        match error {
            PayloadError::Unsupported { .. } => stats.unsupported += 1,
            PayloadError::Empty | PayloadError::Short { .. } | PayloadError::Forbidden => stats.malformed += 1,
        }
    }
}
