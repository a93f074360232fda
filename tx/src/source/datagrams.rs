//! Datagrams over UDP, each carried 1:1: RTP as cameras and GStreamer send it, or anything.
#![expect(clippy::disallowed_methods, reason = "notes when datagrams come")]

use std::time::{Duration, Instant};

use anyhow::Context as _;
use skylark_common::air::CaptureAir as _;
use skylark_common::air::udp::UdpCapture;
use skylark_common::rtp::header::RtpHeader;
use skylark_common::rtp::{Inspected, Inspector};
use skylark_common::wire::announce::Payload;

use crate::args::{Input, RtpPayload};
use crate::outlet::{Datagram, Item, Outlet};
use crate::report::note;
use crate::stop::Wake;

/// The longest UDP datagram: one that is too long is seen whole and refused, not cut.
const BUFFER_BYTES: usize = 64 << 10;
/// What sends pictures sends some within this, an encoder that starts included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A port that datagrams come to.
#[derive(Debug)]
pub(crate) struct DatagramInput {
    socket: UdpCapture,
    takes: Takes,
    max_datagram_bytes: usize,
    inspector: Inspector,
    buffer: Vec<u8>,
    told: Told,
    silence: Silence,
}

/// Which datagrams are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// RTP; what else comes there is a mistake.
    Rtp,
    /// All.
    Any,
}

/// Whether anything comes, and whether people know that nothing does.
#[derive(Debug)]
struct Silence {
    takes: Takes,
    /// When the last datagram came, or when it was begun to wait.
    since: Instant,
    has_come: bool,
    is_told: bool,
}

/// Oddities that are told once.
#[derive(Debug, Default)]
struct Told {
    too_long: bool,
    not_rtp: bool,
}

impl DatagramInput {
    /// A port for RTP that carries `kind`.
    pub(crate) fn rtp(address: &str, kind: RtpPayload, max_datagram_bytes: usize) -> anyhow::Result<Self> {
        let inspector = kind.payload().map_or_else(Inspector::default, Inspector::of);
        Self::open(&Input::Rtp(address.to_owned()), address, Takes::Rtp, inspector, max_datagram_bytes)
    }

    /// A port for datagrams of any kind.
    pub(crate) fn any(address: &str, max_datagram_bytes: usize) -> anyhow::Result<Self> {
        Self::open(
            &Input::Udp(address.to_owned()),
            address,
            Takes::Any,
            Inspector::of(Payload::Opaque),
            max_datagram_bytes,
        )
    }

    fn open(
        input: &Input,
        address: &str,
        takes: Takes,
        inspector: Inspector,
        max_datagram_bytes: usize,
    ) -> anyhow::Result<Self> {
        let socket = UdpCapture::bind(address).with_context(|| format!("--input {input}"))?;
        let (buffer, silence) = (vec![0; BUFFER_BYTES], Silence::new(takes, Instant::now()));
        Ok(Self { socket, takes, max_datagram_bytes, inspector, buffer, told: Told::default(), silence })
    }

    /// What the datagrams carry, as far as that is known.
    pub(crate) const fn payload(&self) -> Payload {
        self.inspector.payload()
    }

    pub(crate) fn run(mut self, outlet: &Outlet) -> anyhow::Result<()> {
        note(format_args!("waiting for {} on {}", self.takes.name(), self.socket.name()));
        self.silence = Silence::new(self.takes, Instant::now());
        loop {
            let socket = self.socket.as_fd().context("a socket can be waited for")?;
            match outlet.stop.wait_readable(socket, self.silence.deadline()) {
                Wake::Stopped => return Ok(()),
                Wake::TimedOut => note(self.silence.tell(self.socket.name())),
                Wake::Ready => {
                    while let Some(datagram) = self.receive(outlet)? {
                        outlet.push(Item::Datagram(datagram));
                    }
                }
            }
        }
    }

    /// The next datagram that is there and can be carried.
    fn receive(&mut self, outlet: &Outlet) -> anyhow::Result<Option<Datagram>> {
        loop {
            let now = Instant::now();
            let Some(captured) = self.socket.capture(&mut self.buffer, now).context("--input")? else {
                return Ok(None);
            };
            if self.silence.ends(now) {
                note(format_args!("what comes to {} is sent", self.socket.name()));
            }
            let bytes = self.buffer.get(..captured.len).unwrap_or(&[]);
            let refusal = match RtpHeader::parse(bytes) {
                Err(error) if self.takes == Takes::Rtp => self.told.not_rtp(error),
                _ if bytes.len() > self.max_datagram_bytes => self.told.too_long(bytes.len(), self.max_datagram_bytes),
                _ if bytes.is_empty() => None,
                _ => {
                    let bytes = bytes.to_vec();
                    return Ok(Some(self.datagram(bytes, now)));
                }
            };
            outlet.count(|stats| stats.refused += 1);
            if let Some(refusal) = refusal {
                note(refusal);
            }
        }
    }

    fn datagram(&mut self, bytes: Vec<u8>, captured: Instant) -> Datagram {
        let before = self.payload();
        let Inspected { payload, end_of_unit, keyframe } = self.inspector.handle_datagram(&bytes);
        match payload {
            _ if payload == before => {}
            Payload::RtpH264 => note("this RTP is H.264"),
            Payload::RtpH265 => note("this RTP is H.265: it is carried as it is"),
            Payload::Opaque | Payload::H264 | Payload::Rtp | Payload::Unknown(_) => {
                note("this RTP is neither H.264 nor H.265: it is carried as it is");
            }
        }
        Datagram { bytes, end_of_unit, keyframe, captured, payload }
    }
}

impl Takes {
    const fn name(self) -> &'static str {
        match self {
            Self::Rtp => "RTP",
            Self::Any => "datagrams",
        }
    }
}

impl Silence {
    const fn new(takes: Takes, now: Instant) -> Self {
        Self { takes, since: now, has_come: false, is_told: false }
    }

    /// When to tell it. Datagrams of any kind may be few: once any have come, their silence is no news.
    fn deadline(&self) -> Option<Instant> {
        let is_news = !self.is_told && (self.takes == Takes::Rtp || !self.has_come);
        is_news.then(|| self.since + PATIENCE)
    }

    fn tell(&mut self, address: &str) -> String {
        self.is_told = true;
        format!(
            "no {} for {} s on {address}: nothing to send; is the camera running, and does it send to this machine and \
             port?",
            self.takes.name(),
            PATIENCE.as_secs()
        )
    }

    /// A datagram has come; whether people think that none does.
    const fn ends(&mut self, now: Instant) -> bool {
        (self.since, self.has_come) = (now, true);
        std::mem::replace(&mut self.is_told, false)
    }
}

impl Told {
    fn too_long(&mut self, found: usize, limit: usize) -> Option<String> {
        (!std::mem::replace(&mut self.too_long, true)).then(|| {
            format!(
                "a datagram of {found} bytes was refused, at most {limit} fit (told once, counted as \
                 refused): set the packet size of the source lower, with GStreamer `rtph264pay mtu=1400`"
            )
        })
    }

    fn not_rtp(&mut self, error: impl std::fmt::Display) -> Option<String> {
        (!std::mem::replace(&mut self.not_rtp, true))
            .then(|| format!("a datagram that is no RTP was refused (told once, counted as refused): {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use skylark_common::MAX_DATAGRAM_BYTES;

    use super::*;

    fn datagram(marker: bool, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader { marker, payload_type: 96, sequence: 1, timestamp: 2, ssrc: 3 };
        [&header.emit()[..], payload].concat()
    }

    fn opened(kind: RtpPayload) -> (DatagramInput, UdpSocket) {
        connected(DatagramInput::rtp("127.0.0.1:0", kind, MAX_DATAGRAM_BYTES).unwrap())
    }

    fn connected(input: DatagramInput) -> (DatagramInput, UdpSocket) {
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
    fn what_is_no_rtp_or_too_long_is_counted_and_told_once() {
        let (mut input, camera) = opened(RtpPayload::H264);
        let outlet = Outlet::new(9).unwrap();
        for bytes in [&b"hello"[..], &datagram(true, &[0x41; MAX_DATAGRAM_BYTES]), b"", &datagram(true, &[0x41])] {
            camera.send(bytes).unwrap();
        }
        assert_eq!(input.receive(&outlet).unwrap().unwrap().bytes.len(), 13);
        assert_eq!(outlet.stats().refused, 3);
        assert!(input.told.too_long && input.told.not_rtp);
        assert!(input.told.too_long(9000, 2048).is_none());
    }

    #[test]
    fn datagrams_of_any_kind_are_units_by_themselves() {
        let (mut input, camera) = connected(DatagramInput::any("127.0.0.1:0", MAX_DATAGRAM_BYTES).unwrap());
        let outlet = Outlet::new(9).unwrap();
        let rtp = datagram(false, &[0x65, 1]);
        for bytes in [&b"\xfd\x09mavlink"[..], b"", &[7; MAX_DATAGRAM_BYTES + 1], &rtp] {
            camera.send(bytes).unwrap();
        }
        for expected in [&b"\xfd\x09mavlink"[..], &rtp] {
            let Datagram { bytes, end_of_unit, keyframe, payload, .. } = input.receive(&outlet).unwrap().unwrap();
            assert_eq!((&bytes[..], end_of_unit, keyframe, payload), (expected, true, false, Payload::Opaque));
        }
        assert_eq!(outlet.stats().refused, 2);
    }

    #[test]
    fn what_rtp_carries_is_what_it_was_said_to_or_shows_itself() {
        let outlet = Outlet::new(9).unwrap();
        let h265 = datagram(false, &[0x62, 0x01, 0x93, 1]);
        for (kind, expected) in [
            (RtpPayload::Auto, Payload::RtpH265),
            (RtpPayload::H265, Payload::RtpH265),
            (RtpPayload::H264, Payload::RtpH264),
            (RtpPayload::Rtp, Payload::Rtp),
        ] {
            let (mut input, camera) = opened(kind);
            camera.send(&h265).unwrap();
            assert_eq!(input.receive(&outlet).unwrap().unwrap().payload, expected);
        }
    }

    #[test]
    fn silence_is_told_once_with_its_address_and_its_end() {
        let start = Instant::now();
        for (takes, again) in [(Takes::Rtp, Some(start + PATIENCE)), (Takes::Any, None)] {
            let mut silence = Silence::new(takes, start);
            assert_eq!(silence.deadline(), Some(start + PATIENCE));
            assert!(silence.tell("udp:0.0.0.0:5600").contains("for 5 s on udp:0.0.0.0:5600"));
            assert_eq!(silence.deadline(), None, "told once");
            assert_eq!([silence.ends(start), silence.ends(start)], [true, false]);
            assert_eq!(silence.deadline(), again);
        }
    }

    #[test]
    fn a_port_in_use_is_refused_with_its_number() {
        let (input, _camera) = opened(RtpPayload::Auto);
        let port = input.socket.local_addr().unwrap().port();
        let error = DatagramInput::rtp(&format!("127.0.0.1:{port}"), RtpPayload::Auto, MAX_DATAGRAM_BYTES).unwrap_err();
        assert!(format!("{error:#}").contains(&format!("udp port {port} is in use")), "{error:#}");
    }
}
