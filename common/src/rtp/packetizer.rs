//! Access units into RTP datagrams (RFC 6184, non-interleaved mode).

use super::header::RtpHeader;
use super::payload::{FU_A, FU_END, FU_START, STAP_A};
use crate::MAX_DATAGRAM_BYTES;
use crate::h264::{AccessUnit, NalHeader};

/// The shortest datagram limit obeyed, in bytes: room for the headers and a payload worth sending.
const MIN_DATAGRAM_BYTES: usize = 64;
/// A STAP-A before its NAL units: RTP header and one byte.
const AGGREGATE_HEADER: usize = RtpHeader::LEN + 1;
/// What each NAL unit in a STAP-A costs: its length.
const LENGTH_BYTES: usize = 2;
/// What a fragment costs: RTP header, indicator, FU header.
const FRAGMENT_HEADER: usize = RtpHeader::LEN + 2;
/// Sequence numbers left out at once, at most: a jump by more than half of them would be taken for one back.
const MAX_SKIP: u16 = 1000;

/// Makes RTP datagrams of access units: small NAL units share one (STAP-A), large ones are cut into parts of
/// equal length (FU-A), so that repair packets, which are as long as the longest, are short as well.
#[derive(Debug)]
pub struct Packetizer {
    ssrc: u32,
    sequence: u16,
    max_datagram_bytes: usize,
    buffer: Vec<u8>,
    /// What is in the buffer, waiting for more.
    waiting: Waiting,
}

/// A STAP-A that grows in the buffer.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    nal_units: usize,
    /// The highest `nal_ref_idc` in it, in place.
    reference: u8,
}

/// What the datagrams of one access unit have in common.
struct Unit<T> {
    timestamp: u32,
    take: T,
}

impl Packetizer {
    /// The payload type written: the first of the dynamic ones, what senders of H.264 use.
    pub const PAYLOAD_TYPE: u8 = 96;
    /// The longest datagram unless told otherwise, in bytes, RTP header included.
    pub const DEFAULT_MAX_DATAGRAM_BYTES: usize = 1400;

    /// A packetizer for datagrams of at most `max_datagram_bytes`, RTP header included; a number that no
    /// datagram can have is replaced by the nearest that one can. RFC 3550 5.1 asks for a random SSRC and
    /// first sequence number.
    pub fn new(ssrc: u32, first_sequence: u16, max_datagram_bytes: usize) -> Self {
        let max_datagram_bytes = max_datagram_bytes.clamp(MIN_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES);
        let buffer = Vec::with_capacity(max_datagram_bytes);
        Self { ssrc, sequence: first_sequence, max_datagram_bytes, buffer, waiting: Waiting::default() }
    }

    /// Gives `take` the datagrams of `unit` one after the other, and whether it is the last, which carries
    /// the marker. `captured_us` is the capture time on any clock that does not step, in µs.
    pub fn for_each_datagram(&mut self, unit: &AccessUnit, captured_us: u64, take: impl FnMut(&[u8], bool)) {
        let mut out = Unit { timestamp: rtp_timestamp(captured_us), take };
        let mut nals = unit.nal_units().peekable();
        self.begin_aggregate();
        while let Some(nal) = nals.next() {
            let is_last = nals.peek().is_none();
            if self.buffer.len() + LENGTH_BYTES + nal.len() > self.max_datagram_bytes {
                self.send_aggregate(false, &mut out);
            }
            if AGGREGATE_HEADER + LENGTH_BYTES + nal.len() <= self.max_datagram_bytes {
                self.aggregate(nal);
            } else if RtpHeader::LEN + nal.len() <= self.max_datagram_bytes {
                self.send_single(nal, is_last, &mut out);
            } else {
                self.send_fragments(nal, is_last, &mut out);
            }
        }
        self.send_aggregate(true, &mut out);
    }

    /// Leaves out a sequence number for each of `units` access units that were dropped before they came here.
    /// Whoever takes the datagrams sees that what follows refers to something missing.
    pub fn skip(&mut self, units: u64) {
        let skipped = u16::try_from(units).unwrap_or(MAX_SKIP).min(MAX_SKIP);
        self.sequence = self.sequence.wrapping_add(skipped);
    }

    fn begin_aggregate(&mut self) {
        self.buffer.clear();
        self.buffer.resize(AGGREGATE_HEADER, 0);
        self.waiting = Waiting::default();
    }

    fn aggregate(&mut self, nal: &[u8]) {
        // Not longer than a datagram, which MAX_DATAGRAM_BYTES keeps far below 64 KiB.
        let length = u16::try_from(nal.len()).unwrap_or(u16::MAX);
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(nal);
        let reference = NalHeader::of(nal).map_or(0, |header| header.0 & 0x60);
        self.waiting.reference = self.waiting.reference.max(reference);
        self.waiting.nal_units += 1;
    }

    /// Sends what waits: several NAL units as STAP-A, one by itself, its RTP header written over the room
    /// that the aggregate's header and the length had.
    fn send_aggregate(&mut self, is_last: bool, out: &mut Unit<impl FnMut(&[u8], bool)>) {
        let start = match self.waiting.nal_units {
            0 => return,
            1 => AGGREGATE_HEADER + LENGTH_BYTES - RtpHeader::LEN,
            _ => 0,
        };
        if let Some(indicator) = self.buffer.get_mut(AGGREGATE_HEADER - 1) {
            *indicator = STAP_A | self.waiting.reference;
        }
        self.send(start, is_last, out);
        self.begin_aggregate();
    }

    fn send_single(&mut self, nal: &[u8], is_last: bool, out: &mut Unit<impl FnMut(&[u8], bool)>) {
        self.buffer.truncate(RtpHeader::LEN);
        self.buffer.extend_from_slice(nal);
        self.send(0, is_last, out);
        self.begin_aggregate();
    }

    fn send_fragments(&mut self, nal: &[u8], is_last: bool, out: &mut Unit<impl FnMut(&[u8], bool)>) {
        let Some((&header, payload)) = nal.split_first() else { return };
        let count = payload.len().div_ceil(self.max_datagram_bytes - FRAGMENT_HEADER);
        let mut parts = payload.chunks(payload.len().div_ceil(count)).peekable();
        let mut edge = FU_START;
        while let Some(part) = parts.next() {
            let ends = parts.peek().is_none();
            let flags = edge | if ends { FU_END } else { 0 } | header & 0x1f;
            self.buffer.truncate(RtpHeader::LEN);
            self.buffer.extend_from_slice(&[header & 0xe0 | FU_A, flags]);
            self.buffer.extend_from_slice(part);
            self.send(0, is_last && ends, out);
            edge = 0;
        }
        self.begin_aggregate();
    }

    fn send(&mut self, start: usize, is_last: bool, out: &mut Unit<impl FnMut(&[u8], bool)>) {
        let header = RtpHeader {
            marker: is_last,
            payload_type: Self::PAYLOAD_TYPE,
            sequence: self.sequence,
            timestamp: out.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let Some(datagram) = self.buffer.get_mut(start..) else { return };
        if let Some(place) = datagram.first_chunk_mut() {
            *place = header.emit();
        }
        (out.take)(datagram, is_last);
    }
}

/// µs into 1/90000 s, wrapping.
fn rtp_timestamp(captured_us: u64) -> u32 {
    let ticks = captured_us / 100 * 9 + captured_us % 100 * 9 / 100;
    let [.., b0, b1, b2, b3] = ticks.to_be_bytes();
    u32::from_be_bytes([b0, b1, b2, b3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagrams(nals: &[&[u8]], max_datagram_bytes: usize) -> Vec<(Vec<u8>, bool)> {
        let mut unit = AccessUnit::default();
        nals.iter().for_each(|nal| unit.push_nal(nal));
        let mut packetizer = Packetizer::new(0x0102_0304, 0xffff, max_datagram_bytes);
        let mut datagrams = Vec::new();
        packetizer.for_each_datagram(&unit, 1_000_000, |bytes, last| datagrams.push((bytes.to_vec(), last)));
        datagrams
    }

    #[test]
    fn small_nal_units_share_a_datagram() {
        let expected = [
            0x80, 0xe0, 0xff, 0xff, 0x00, 0x01, 0x5f, 0x90, 1, 2, 3, 4, 0x78, 0, 2, 0x67, 9, 0, 1, 0x68, 0, 2, 0x06, 5,
        ];
        assert_eq!(datagrams(&[&[0x67, 9], &[0x68], &[0x06, 5]], 1400), [(expected.to_vec(), true)]);
    }

    #[test]
    fn one_nal_unit_goes_by_itself() {
        let expected = [0x80, 0xe0, 0xff, 0xff, 0x00, 0x01, 0x5f, 0x90, 1, 2, 3, 4, 0x41, 9];
        assert_eq!(datagrams(&[&[0x41, 9]], 1400), [(expected.to_vec(), true)]);
    }

    #[test]
    fn a_large_nal_unit_is_cut_into_equal_parts() {
        let nal = [&[0x65][..], &[7; 120]].concat();
        let found = datagrams(&[&[0x67, 9], &[0x68], &nal, &[0x06, 5]], 64);
        let payloads: Vec<_> = found.iter().map(|(bytes, _)| (&bytes[12..14], bytes.len(), bytes[1] >> 7)).collect();
        let expected = [
            (&[0x78, 0][..], 20, 0),
            (&[0x7c, 0x85], 54, 0),
            (&[0x7c, 0x05], 54, 0),
            (&[0x7c, 0x45], 54, 0),
            (&[6, 5], 14, 1),
        ];
        assert_eq!(payloads, expected);
        let sequences: Vec<_> = found.iter().map(|(bytes, _)| (bytes[2], bytes[3])).collect();
        assert_eq!(sequences, [(0xff, 0xff), (0, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(found.iter().map(|&(_, last)| last).collect::<Vec<_>>(), [false, false, false, false, true]);
    }

    #[test]
    fn no_datagram_is_longer_than_asked_at_any_length() {
        for length in 1..300 {
            let nal = vec![0x65; length];
            let found = datagrams(&[&nal, &nal], 100);
            assert!(found.iter().all(|(bytes, _)| bytes.len() <= 100));
            assert_eq!(found.iter().filter(|(bytes, last)| *last && bytes[1] & 0x80 != 0).count(), 1);
            assert!(found.last().is_some_and(|&(_, last)| last));
        }
    }

    #[test]
    fn dropped_units_leave_a_gap_of_sequence_numbers() {
        let mut packetizer = Packetizer::new(1, 0xfffe, 1400);
        let unit = AccessUnit::from_annex_b(&[0, 0, 1, 0x41, 9]);
        let mut sequences = Vec::new();
        for dropped in [0, 3, 0, u64::MAX] {
            packetizer.skip(dropped);
            packetizer.for_each_datagram(&unit, 0, |bytes, _| sequences.push(u16::from_be_bytes([bytes[2], bytes[3]])));
        }
        assert_eq!(sequences, [0xfffe, 2, 3, 1004]);
    }

    #[test]
    fn an_empty_access_unit_is_no_datagram() {
        assert_eq!(datagrams(&[], 1400), []);
    }

    #[test]
    fn timestamps_wrap() {
        assert_eq!(rtp_timestamp(33_333), 2999);
        assert_eq!(rtp_timestamp(u64::MAX), rtp_timestamp(u64::MAX % 100 + (u64::MAX / 100 % (1 << 32)) * 100));
    }
}
