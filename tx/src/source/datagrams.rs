//! RTP over UDP, as cameras and GStreamer send it: carried 1:1.
#![expect(clippy::disallowed_methods, reason = "notes when datagrams come")]

use std::time::Instant;

use anyhow::Context as _;
use skylark_common::MAX_DATAGRAM_BYTES;
use skylark_common::air::CaptureAir as _;
use skylark_common::air::udp::UdpCapture;
use skylark_common::h264::NalHeader;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::rtp::keyframe::is_keyframe;
use skylark_common::wire::announce::Payload;

use crate::args::RtpPayload;
use crate::outlet::{Item, Outlet, RtpDatagram};
use crate::report::note;
use crate::stop::Wake;

/// The longest UDP datagram: one that is too long is seen whole and refused, not cut.
const BUFFER_BYTES: usize = 64 << 10;
/// So many datagrams that could be H.264 are no coincidence, and a camera sends them within a picture or two.
const LOOKED_AT: usize = 8;
/// So many ends without a marker in a row, and markers do not say where units end.
const UNMARKED: u8 = 2;
/// Payload types below are assigned, none of them to H.264 (RFC 3551 6).
const FIRST_DYNAMIC_PAYLOAD_TYPE: u8 = 96;

/// A port that RTP comes to.
#[derive(Debug)]
pub(crate) struct RtpInput {
    socket: UdpCapture,
    kind: RtpPayload,
    buffer: Vec<u8>,
    /// Datagrams that could be H.264, until that is decided.
    looked_at: usize,
    keyframe: bool,
    /// Timestamp and marker of the datagram before.
    last: Option<(u32, bool)>,
    /// How often in a row the timestamp has changed behind a datagram without the marker.
    unmarked_ends: u8,
    told: Told,
}

/// Oddities that are told once.
#[derive(Debug, Default)]
struct Told {
    too_long: bool,
    not_rtp: bool,
}

impl RtpInput {
    pub(crate) fn open(address: &str, kind: RtpPayload) -> anyhow::Result<Self> {
        let socket = UdpCapture::bind(address).with_context(|| format!("--input rtp:{address}"))?;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self {
            socket,
            kind,
            buffer,
            looked_at: 0,
            keyframe: false,
            last: None,
            unmarked_ends: UNMARKED,
            told: Told::default(),
        })
    }

    /// What the datagrams carry, as far as that is known.
    pub(crate) const fn payload(&self) -> Payload {
        match self.kind {
            RtpPayload::Auto | RtpPayload::H264 => Payload::RtpH264,
            RtpPayload::Rtp => Payload::Rtp,
        }
    }

    pub(crate) fn run(mut self, outlet: &Outlet) -> anyhow::Result<()> {
        note(format_args!("waiting for RTP on {}", self.socket.name()));
        let stop = &outlet.stop;
        while stop.wait_readable(self.socket.as_fd().context("a socket can be waited for")?, None) != Wake::Stopped {
            while let Some(datagram) = self.receive(outlet)? {
                outlet.push(Item::Datagram(datagram));
            }
        }
        Ok(())
    }

    /// It is H.264 until one of the first datagrams could be none.
    fn judge(&mut self, looks_like_h264: bool) {
        if self.kind != RtpPayload::Auto {
            return;
        }
        self.looked_at += 1;
        if !looks_like_h264 {
            note("this RTP is not H.264: it is carried as it is, in a session of its own");
            self.kind = RtpPayload::Rtp;
        } else if self.looked_at >= LOOKED_AT {
            self.kind = RtpPayload::H264;
        }
    }

    /// The next datagram that is there and can be carried.
    fn receive(&mut self, outlet: &Outlet) -> anyhow::Result<Option<RtpDatagram>> {
        loop {
            let now = Instant::now();
            let Some(captured) = self.socket.capture(&mut self.buffer, now).context("--input rtp")? else {
                return Ok(None);
            };
            let bytes = self.buffer.get(..captured.len).unwrap_or(&[]);
            let refusal = match RtpHeader::parse(bytes) {
                Ok(_) if bytes.len() > MAX_DATAGRAM_BYTES => self.told.too_long(bytes.len()),
                Ok((header, _)) => {
                    let bytes = bytes.to_vec();
                    self.judge(may_be_h264(&bytes));
                    return Ok(Some(self.datagram(bytes, header, now)));
                }
                Err(error) => self.told.not_rtp(error),
            };
            outlet.count(|stats| stats.refused += 1);
            if let Some(refusal) = refusal {
                note(refusal);
            }
        }
    }

    fn datagram(&mut self, bytes: Vec<u8>, header: RtpHeader, captured: Instant) -> RtpDatagram {
        let payload = self.payload();
        let is_h264 = payload == Payload::RtpH264;
        let keyframe = is_h264 && (self.keyframe || is_keyframe(&bytes));
        self.keyframe = keyframe && !header.marker;
        let has_markers = self.marks_ends(header);
        let end_of_unit = header.marker || (!is_h264 && !has_markers);
        RtpDatagram { bytes, end_of_unit, keyframe, captured, payload }
    }

    /// Whether the marker ends units here. Audio has none, or sets it where a talkspurt begins (RFC 3551
    /// 4.1): there every datagram stands for itself.
    fn marks_ends(&mut self, header: RtpHeader) -> bool {
        if let Some((timestamp, marker)) = self.last.replace((header.timestamp, header.marker))
            && timestamp != header.timestamp
        {
            self.unmarked_ends = if marker { 0 } else { self.unmarked_ends.saturating_add(1) };
        }
        self.unmarked_ends < UNMARKED
    }
}

impl Told {
    fn too_long(&mut self, found: usize) -> Option<String> {
        (!std::mem::replace(&mut self.too_long, true)).then(|| {
            format!(
                "a datagram of {found} bytes was refused, at most {MAX_DATAGRAM_BYTES} fit (told once, counted as \
                 refused): set the packet size of the source lower, with GStreamer `rtph264pay mtu=1400`"
            )
        })
    }

    fn not_rtp(&mut self, error: impl std::fmt::Display) -> Option<String> {
        (!std::mem::replace(&mut self.not_rtp, true))
            .then(|| format!("a datagram that is no RTP was refused (told once, counted as refused): {error}"))
    }
}

/// Whether an RTP datagram looks like H.264 (RFC 6184 5.2): a dynamic payload type and a NAL unit type that
/// cameras send. H.265, VP8, VP9 and AV1 have first bytes that say otherwise within a picture or two.
fn may_be_h264(datagram: &[u8]) -> bool {
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let Ok((header, payload)) = RtpHeader::parse(datagram) else { return false };
    let Some(first) = NalHeader::of(payload) else { return true };
    let kind = match (first.kind(), payload.get(1)) {
        (FU_A, Some(second)) => second & 0x1f,
        (kind, _) => kind,
    };
    let known = matches!(kind, NalHeader::SLICE | NalHeader::IDR_SLICE..=NalHeader::AUD | STAP_A);
    header.payload_type >= FIRST_DYNAMIC_PAYLOAD_TYPE && !first.is_forbidden() && known
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn datagram(marker: bool, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader { marker, payload_type: 96, sequence: 1, timestamp: 2, ssrc: 3 };
        [&header.emit()[..], payload].concat()
    }

    fn opened(kind: RtpPayload) -> (RtpInput, UdpSocket) {
        let input = RtpInput::open("127.0.0.1:0", kind).unwrap();
        let camera = UdpSocket::bind("127.0.0.1:0").unwrap();
        camera.connect(input.socket.local_addr().unwrap()).unwrap();
        (input, camera)
    }

    #[test]
    fn datagrams_come_out_as_they_came_in_and_a_keyframe_lasts_to_its_marker() {
        let (mut input, camera) = opened(RtpPayload::H264);
        let outlet = Outlet::new(9).unwrap();
        let sent = [datagram(false, &[0x67, 1]), datagram(true, &[0x7c, 0x45]), datagram(true, &[0x41, 3])];
        for bytes in &sent {
            camera.send(bytes).unwrap();
        }
        for (bytes, keyframe) in sent.iter().zip([true, true, false]) {
            let received = input.receive(&outlet).unwrap().unwrap();
            assert_eq!(&received.bytes, bytes);
            assert_eq!((received.end_of_unit, received.keyframe), (bytes[1] & 0x80 != 0, keyframe));
        }
    }

    #[test]
    fn where_markers_do_not_end_units_every_datagram_is_one() {
        let (mut input, camera) = opened(RtpPayload::Rtp);
        let outlet = Outlet::new(9).unwrap();
        let mut ends = |markers: &[bool]| -> Vec<bool> {
            let each = markers.iter().map(|&marker| {
                input.last = input.last.map(|(timestamp, marker)| (timestamp.wrapping_sub(1), marker));
                camera.send(&datagram(marker, &[1, 2])).unwrap();
                input.receive(&outlet).unwrap().unwrap().end_of_unit
            });
            each.collect()
        };
        assert_eq!(ends(&[false, false, false]), [true; 3], "audio without markers");
        assert_eq!(ends(&[true, false, false, false]), [true, false, false, true], "a talkspurt begins");
        assert_eq!(ends(&[true, true, true]), [true; 3]);
    }

    #[test]
    fn what_is_no_rtp_or_too_long_is_counted_and_told_once() {
        let (mut input, camera) = opened(RtpPayload::H264);
        let outlet = Outlet::new(9).unwrap();
        for bytes in [&b"hello"[..], &datagram(true, &[0x41; MAX_DATAGRAM_BYTES]), b"", &datagram(true, &[0x41])] {
            camera.send(bytes).unwrap();
        }
        assert_eq!(input.receive(&outlet).unwrap().unwrap().bytes.len(), 13);
        assert_eq!(outlet.stats().refused, 3);
        assert!(input.told.too_long && input.told.not_rtp);
        assert!(input.told.too_long(9000).is_none());
    }

    #[test]
    fn it_is_h264_until_one_of_the_first_datagrams_could_be_none() {
        let outlet = Outlet::new(9).unwrap();
        let payloads = |payloads: &[&[u8]]| {
            let (mut input, camera) = opened(RtpPayload::Auto);
            assert_eq!(input.payload(), Payload::RtpH264);
            let receive = |payload: &&[u8]| {
                camera.send(&datagram(false, payload)).unwrap();
                input.receive(&outlet).unwrap().unwrap().payload
            };
            payloads.iter().map(receive).collect::<Vec<_>>()
        };
        let (h264, h265): (&[u8], &[u8]) = (&[0x7c, 0x81, 5, 5], &[0x62, 0x01, 0x93]);
        assert_eq!(payloads(&[h265, h264]), [Payload::Rtp, Payload::Rtp]);
        assert_eq!(payloads(&[h264, h265, h264]), [Payload::RtpH264, Payload::Rtp, Payload::Rtp]);
        assert_eq!(payloads(&[&[h264; LOOKED_AT][..], &[h265]].concat()), [Payload::RtpH264; LOOKED_AT + 1]);
    }

    #[test]
    fn a_port_in_use_is_refused_with_its_number() {
        let (input, _camera) = opened(RtpPayload::Auto);
        let port = input.socket.local_addr().unwrap().port();
        let error = RtpInput::open(&format!("127.0.0.1:{port}"), RtpPayload::Auto).unwrap_err();
        assert!(format!("{error:#}").contains(&format!("udp port {port} is in use")), "{error:#}");
    }
}
