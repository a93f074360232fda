//! What datagrams from elsewhere carry, and where their units end, as far as they show it themselves.

use super::following::{Following, Whose};
use super::h265;
use super::header::{RtpError, RtpHeader};
use super::keyframe::{FIRST_DYNAMIC_PAYLOAD_TYPE, holds_keyframe, may_be_h264};
use crate::wire::announce::Payload;

/// So many datagrams that could be H.264 are no coincidence, and a camera sends them within a picture or two.
const LOOKED_AT: u8 = 8;
/// So many ends without a marker in a row, and markers do not say where units end.
const UNMARKED: u8 = 2;

/// Looks at datagrams as they come and says of each what its stream carries: H.264 until it is not.
///
/// It is decided by the first datagram that is no H.264, or else by the first eight; and anew when another source
/// (SSRC) takes over. What is no RTP at all is [`Payload::Opaque`] until RTP comes.
#[derive(Debug, Clone)]
pub struct Inspector {
    payload: Payload,
    /// Datagrams yet to be looked at before it is decided.
    undecided: u8,
    is_told: bool,
    following: Following,
    keyframe: bool,
    /// Timestamp and marker of the datagram before.
    last: Option<(u32, bool)>,
    /// How often in a row the timestamp has changed behind a datagram without the marker.
    unmarked_ends: u8,
}

/// What a datagram shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// What it and its like carry, as far as that is known by then.
    pub payload: Payload,
    /// Whether it is the last of its unit.
    pub end_of_unit: bool,
    /// Whether it is of a unit that decoding can begin with, from the first datagram on that shows it.
    pub keyframe: bool,
}

impl Default for Inspector {
    fn default() -> Self {
        Self {
            payload: Payload::RtpH264,
            undecided: LOOKED_AT,
            is_told: false,
            following: Following::default(),
            keyframe: false,
            last: None,
            unmarked_ends: UNMARKED,
        }
    }
}

impl Inspector {
    /// One that was told what the datagrams carry.
    #[must_use]
    pub fn of(payload: Payload) -> Self {
        Self { payload, undecided: 0, is_told: true, ..Self::default() }
    }

    /// What the datagrams carry, as far as that is known.
    #[must_use]
    pub const fn payload(&self) -> Payload {
        self.payload
    }

    /// The source (SSRC) that is followed, of which units are; `None` before its first datagram. Sound beside video is
    /// another.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.following.ssrc()
    }

    /// The RTP payload type of the source that is followed; `None` before its first datagram.
    #[must_use]
    pub fn payload_type(&self) -> Option<u8> {
        self.following.payload_type()
    }

    /// Takes the next datagram.
    pub fn handle_datagram(&mut self, bytes: &[u8]) -> Inspected {
        let alone = Inspected { payload: self.payload, end_of_unit: true, keyframe: false };
        if self.is_told && self.payload == Payload::Opaque {
            return alone;
        }
        match RtpHeader::parse(bytes) {
            Ok((header, payload)) => self.handle_rtp(header, payload),
            // It goes with what it is about.
            Err(RtpError::Rtcp { .. }) => Inspected { end_of_unit: false, keyframe: self.keyframe, ..alone },
            Err(_) => {
                if !self.is_told && self.following.payload_type().is_none() {
                    self.payload = Payload::Opaque;
                }
                Inspected { payload: self.payload, ..alone }
            }
        }
    }

    fn handle_rtp(&mut self, header: RtpHeader, payload: &[u8]) -> Inspected {
        match self.following.handle(header) {
            Whose::Same => {}
            Whose::New => {
                (self.keyframe, self.last) = (false, None);
                self.undecided = if self.is_told { 0 } else { LOOKED_AT };
            }
            Whose::Stranger => {
                return Inspected { payload: self.payload, end_of_unit: false, keyframe: self.keyframe };
            }
        }
        self.judge(header, payload);
        let has_markers = self.marks_ends(header);
        let is_key = header.payload_type >= FIRST_DYNAMIC_PAYLOAD_TYPE
            && match self.payload {
                Payload::H264 | Payload::RtpH264 => holds_keyframe(payload),
                Payload::RtpH265 => h265::holds_keyframe(payload),
                Payload::Opaque | Payload::Rtp | Payload::Unknown(_) => false,
            };
        let keyframe = self.keyframe || is_key;
        self.keyframe = keyframe && !header.marker;
        let end_of_unit = header.marker || (!self.payload.is_video() && !has_markers);
        Inspected { payload: self.payload, end_of_unit, keyframe }
    }

    fn judge(&mut self, header: RtpHeader, payload: &[u8]) {
        // An empty one only probes the path.
        if self.undecided == 0 || payload.is_empty() {
            return;
        }
        let is_dynamic = header.payload_type >= FIRST_DYNAMIC_PAYLOAD_TYPE;
        self.undecided -= 1;
        self.payload = if is_dynamic && h265::looks_like_it(payload) {
            Payload::RtpH265
        } else if is_dynamic && may_be_h264(payload) {
            Payload::RtpH264
        } else {
            Payload::Rtp
        };
        if self.payload != Payload::RtpH264 {
            self.undecided = 0;
        }
    }

    /// Whether the marker ends units here. Audio has none, or sets it where a talkspurt begins (RFC 3551
    /// 4.1): there every datagram stands for itself.
    fn marks_ends(&mut self, header: RtpHeader) -> bool {
        if let Some((timestamp, marker)) = self.last.replace((header.timestamp, header.marker))
            && timestamp != header.timestamp
        {
            self.unmarked_ends = if marker { 0 } else { self.unmarked_ends.saturating_add(1) };
            // Of a unit whose last datagram was lost.
            self.keyframe = false;
        }
        self.unmarked_ends < UNMARKED
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const H264: &[u8] = &[0x7c, 0x81, 5, 5];
    const H265: &[u8] = &[0x62, 0x01, 0x93, 1];
    const AUDIO: &[u8] = &[0xfc, 0xff, 0xfe];

    fn datagram(ssrc: u32, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let payload_type = if payload == AUDIO { 98 } else { 96 };
        let header = RtpHeader { marker, payload_type, sequence: 1, timestamp, ssrc };
        [&header.emit()[..], payload].concat()
    }

    fn payloads(datagrams: &[(u32, &[u8])]) -> Vec<Payload> {
        let mut inspector = Inspector::default();
        assert_eq!(inspector.payload(), Payload::RtpH264);
        let look =
            |(ssrc, payload): &(u32, &[u8])| inspector.handle_datagram(&datagram(*ssrc, 2, false, payload)).payload;
        datagrams.iter().map(look).collect()
    }

    #[test]
    fn it_is_h264_until_one_of_the_first_datagrams_is_none() {
        use Payload::{Rtp, RtpH264, RtpH265};
        let of_one =
            |payloads_: &[&'static [u8]]| payloads(&payloads_.iter().map(|bytes| (3, *bytes)).collect::<Vec<_>>());
        assert_eq!(of_one(&[H265, H264]), [RtpH265, RtpH265]);
        assert_eq!(of_one(&[AUDIO, H264]), [Rtp, Rtp]);
        assert_eq!(of_one(&[H264, H265, H264]), [RtpH264, RtpH265, RtpH265]);
        assert_eq!(of_one(&[&[H264; LOOKED_AT as usize][..], &[H265]].concat()), [RtpH264; LOOKED_AT as usize + 1]);
    }

    #[test]
    fn a_payload_type_that_is_assigned_is_neither() {
        let mut jpeg = datagram(3, 2, false, H264);
        jpeg[1] = 26;
        assert_eq!(Inspector::default().handle_datagram(&jpeg).payload, Payload::Rtp);
    }

    #[test]
    fn another_source_is_looked_at_anew_and_sound_beside_video_is_not() {
        let mixed = [[(3, H264); 5].as_slice(), &[(4, AUDIO); 3]].concat().repeat(20);
        assert!(payloads(&mixed).iter().all(|payload| *payload == Payload::RtpH264));
        let restarted = payloads(&[[(3, H264); 20].as_slice(), &[(4, H265); 20]].concat());
        assert_eq!(restarted.iter().filter(|payload| **payload == Payload::RtpH265).count(), 20);
    }

    #[test]
    fn what_is_no_rtp_is_opaque_until_rtp_comes() {
        // A MAVLink heartbeat begins with its magic number, 0xfd.
        let mavlink = [0xfd, 9, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0x51, 4, 3, 0, 0];
        let mut inspector = Inspector::default();
        let alone = Inspected { payload: Payload::Opaque, end_of_unit: true, keyframe: false };
        assert_eq!(inspector.handle_datagram(&mavlink), alone);
        assert_eq!(inspector.handle_datagram(&datagram(3, 2, false, H264)).payload, Payload::RtpH264);
        assert_eq!(inspector.handle_datagram(&mavlink).payload, Payload::RtpH264);
    }

    #[test]
    fn what_it_was_told_stays() {
        for payload in [Payload::Opaque, Payload::Rtp, Payload::RtpH264, Payload::RtpH265] {
            let mut inspector = Inspector::of(payload);
            for bytes in [datagram(3, 2, false, H264), datagram(4, 2, false, H265), vec![0xfd]] {
                assert_eq!(inspector.handle_datagram(&bytes).payload, payload);
            }
        }
        assert!(Inspector::of(Payload::Opaque).handle_datagram(&datagram(3, 2, false, H264)).end_of_unit);
    }

    #[test]
    fn a_keyframe_lasts_to_its_end_though_the_marker_is_lost() {
        let keyframes = |payload, datagrams: &[(u32, bool, &[u8])]| -> Vec<bool> {
            let mut inspector = Inspector::of(payload);
            let look = |(timestamp, marker, bytes): &(u32, bool, &[u8])| {
                let seen = inspector.handle_datagram(&datagram(3, *timestamp, *marker, bytes));
                assert_eq!(seen.end_of_unit, *marker);
                seen.keyframe
            };
            datagrams.iter().map(look).collect()
        };
        let h264: [(u32, bool, &[u8]); 5] = [
            (1, false, &[0x09, 0x10]),
            (1, false, &[0x67, 1]),
            (1, true, &[0x7c, 0x45]),
            (2, true, &[0x41, 3]),
            (3, false, &[0x65, 1]),
        ];
        assert_eq!(keyframes(Payload::RtpH264, &h264), [false, true, true, false, true]);
        let h265: [(u32, bool, &[u8]); 4] = [
            (1, false, &[0x40, 0x01, 1]),
            (1, false, &[0x26, 0x01, 1]),
            (2, false, &[0x02, 0x01, 1]),
            (2, true, &[0x02, 0x01]),
        ];
        assert_eq!(keyframes(Payload::RtpH265, &h265), [true, true, false, false]);
    }

    #[test]
    fn where_markers_do_not_end_units_every_datagram_is_one() {
        let (mut inspector, mut timestamp) = (Inspector::of(Payload::Rtp), 0);
        let mut ends = |markers: &[bool]| -> Vec<bool> {
            let each = markers.iter().map(|&marker| {
                timestamp += 1;
                inspector.handle_datagram(&datagram(3, timestamp, marker, &[1, 2])).end_of_unit
            });
            each.collect()
        };
        assert_eq!(ends(&[false, false, false]), [true; 3], "audio without markers");
        assert_eq!(ends(&[true, false, false, false]), [true, false, false, true], "a talkspurt begins");
        assert_eq!(ends(&[true, true, true]), [true; 3]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut inspector = Inspector::default();
            for mut bytes in datagrams {
                let _ = inspector.handle_datagram(&bytes);
                bytes.first_mut().into_iter().for_each(|flags| *flags = 0x80);
                let _ = inspector.handle_datagram(&bytes);
            }
        }
    }
}
