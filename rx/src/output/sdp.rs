//! What players need to be told of an `rtp:` output, as they read it: a session description (RFC 8866).

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use skylark_common::h264::ParameterSets;
use skylark_common::queue::Queue;
use skylark_common::rtp::payload::Payload as H264;
use skylark_common::rtp::{Inspector, Packetizer, RtpHeader};
use skylark_common::wire::announce::Payload;

use crate::tell::tell;
use crate::worker::Worker;

/// Looks at what goes out, and writes what it is to a file whenever that changes.
#[derive(Debug)]
pub(crate) struct SdpFile {
    description: Description,
    texts: Arc<Queue<String>>,
    is_undescribable_told: bool,
}

/// What the datagrams to `remote` are.
#[derive(Debug)]
struct Description {
    name: String,
    remote: SocketAddr,
    inspector: Inspector,
    parameter_sets: ParameterSets,
    /// Counts the changes.
    version: u64,
    media: String,
}

impl SdpFile {
    /// Describes what is to go to `remote` as H.264, until something else comes, in the file at `path`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn create(path: &Path, name: &str, remote: SocketAddr) -> Result<(Self, Worker)> {
        let description = Description::new(name, remote);
        write(path, &description.to_string()).with_context(|| format!("--sdp {}", path.display()))?;
        let (texts, path) = (Arc::new(Queue::new(1)), path.to_owned());
        let taken: Arc<Queue<String>> = Arc::clone(&texts);
        let writing = Worker::start("sdp", move || {
            while let Some(text) = taken.pop() {
                if let Err(error) = write(&path, &text) {
                    tell(&format!("--sdp {}: {error}: it does not say what is sent", path.display()));
                }
            }
        })?;
        Ok((Self { description, texts, is_undescribable_told: false }, writing))
    }

    /// Takes a datagram that is sent.
    pub(crate) fn handle_datagram(&mut self, bytes: &[u8]) {
        if let Some(text) = self.description.handle_datagram(bytes) {
            self.texts.push(text);
        }
        let is_undescribable = !self.description.inspector.payload().is_video();
        if is_undescribable && !std::mem::replace(&mut self.is_undescribable_told, true) {
            tell("--sdp: what is sent is neither H.264 nor H.265 over RTP: the file does not say what it is");
        }
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.texts.close();
    }
}

impl Description {
    fn new(name: &str, remote: SocketAddr) -> Self {
        let name = name.chars().filter(|character| !character.is_control()).collect();
        let mut new = Self {
            name,
            remote,
            inspector: Inspector::default(),
            parameter_sets: ParameterSets::default(),
            version: 0,
            media: String::new(),
        };
        new.media = new.describe_media();
        new
    }

    /// The description, if the datagram shows that it has changed. What cannot be described leaves it as it is.
    fn handle_datagram(&mut self, bytes: &[u8]) -> Option<String> {
        let before = (self.inspector.payload(), self.inspector.payload_type());
        let payload = self.inspector.handle_datagram(bytes).payload;
        let has_sets = payload == Payload::RtpH264 && self.remember_parameter_sets(bytes);
        let is_same = before == (payload, self.inspector.payload_type());
        if (is_same && !has_sets) || !payload.is_video() {
            return None;
        }
        let media = self.describe_media();
        if media == self.media {
            return None;
        }
        self.media = media;
        self.version += 1;
        Some(self.to_string())
    }

    fn remember_parameter_sets(&mut self, bytes: &[u8]) -> bool {
        let Ok((header, payload)) = RtpHeader::parse(bytes) else { return false };
        if Some(header.payload_type) != self.inspector.payload_type() {
            return false;
        }
        let mut remember = |nal: &[u8]| self.parameter_sets.handle_nal(nal).is_some();
        match H264::parse(payload) {
            Ok(H264::Single(nal)) => remember(nal),
            Ok(H264::Aggregate(nals)) => nals.filter(|nal| nal.is_ok_and(&mut remember)).count() > 0,
            Ok(H264::Fragment(_)) | Err(_) => false,
        }
    }

    /// The media description: H.264 (RFC 6184 8.2.1), its parameter sets once they are known, or H.265 (RFC 7798
    /// 7.2.1), those of which come in band.
    fn describe_media(&self) -> String {
        let kind = self.inspector.payload_type().unwrap_or(Packetizer::PAYLOAD_TYPE);
        let is_h265 = self.inspector.payload() == Payload::RtpH265;
        let name = if is_h265 { "H265" } else { "H264" };
        let mut media = format!("m=video {} RTP/AVP {kind}\r\na=rtpmap:{kind} {name}/90000\r\n", self.remote.port());
        if !is_h265 {
            let _ = write!(media, "a=fmtp:{kind} packetization-mode=1");
            let sets: Vec<&[u8]> = self.parameter_sets.nal_units().collect();
            if let Some([_, profile, constraints, level, ..]) = sets.first() {
                let _ = write!(media, ";profile-level-id={profile:02x}{constraints:02x}{level:02x}");
                let sets: Vec<String> = sets.into_iter().map(base64).collect();
                let _ = write!(media, ";sprop-parameter-sets={}", sets.join(","));
            }
            media.push_str("\r\n");
        }
        media.push_str("a=recvonly\r\n");
        media
    }
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, remote, version, media, .. } = self;
        let (family, address) = (if remote.is_ipv4() { "IP4" } else { "IP6" }, remote.ip());
        // A group of IPv4 comes with how many networks it crosses (RFC 8866 5.7).
        let hops = if remote.is_ipv4() && address.is_multicast() { "/1" } else { "" };
        write!(f, "v=0\r\no=- 0 {version} IN {family} {address}\r\ns=Skylark {name}\r\n")?;
        write!(f, "c=IN {family} {address}{hops}\r\nt=0 0\r\n{media}")
    }
}

/// Replaces the file, or the one a link leads to, at once: who reads it finds all of the one before or all of this.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("this is no plain file, expected one to write or replace"));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // What somebody else puts there meanwhile is not written into.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

/// Base 64 (RFC 4648 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 0x3f) as usize).map_or('=', |digit| char::from(*digit));
    let of_three = |three: &[u8]| {
        let bits = three.iter().chain([0; 2].iter()).take(3).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let digits = [18, 12, 6, 0].into_iter().map(move |shift| digit(bits >> shift));
        let padding = std::iter::repeat_n('=', 3 - three.len());
        digits.take(three.len() + 1).chain(padding).collect::<String>()
    };
    bytes.chunks(3).map(of_three).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb];
    const PPS: &[u8] = &[0x68, 0xcb, 0x8c, 0xb2];

    fn datagram(ssrc: u32, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader { marker: false, payload_type, sequence: 1, timestamp: 2, ssrc };
        [&header.emit()[..], payload].concat()
    }

    fn description(remote: &str) -> Description {
        Description::new("hill\r\nx=", remote.parse().unwrap())
    }

    #[test]
    fn before_anything_came_it_is_h264_with_its_parameter_sets_in_band() {
        let expected = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=Skylark hillx=\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                        m=video 5600 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n\
                        a=recvonly\r\n";
        assert_eq!(description("127.0.0.1:5600").to_string(), expected);
        assert!(description("239.1.1.1:5600").to_string().contains("c=IN IP4 239.1.1.1/1\r\n"));
        assert!(description("[::1]:5600").to_string().contains("c=IN IP6 ::1\r\n"));
    }

    #[test]
    fn parameter_sets_are_named_once_they_are_there_and_when_they_change() {
        let mut description = description("127.0.0.1:5600");
        let text = description.handle_datagram(&datagram(1, 96, &[SPS, &[1]].concat())).unwrap();
        assert!(text.contains("o=- 0 1 IN") && text.contains(";profile-level-id=42c00d;sprop-parameter-sets="));
        let aggregate = [&[0x78, 0, 8][..], SPS, &[0, 4], PPS].concat();
        let text = description.handle_datagram(&datagram(1, 96, &aggregate)).unwrap();
        assert!(text.contains(";sprop-parameter-sets=Z0LADdkBQfs=,aMuMsg==\r\n"), "{text}");
        assert_eq!(description.handle_datagram(&datagram(1, 96, &aggregate)), None);
        assert_eq!(description.handle_datagram(&datagram(1, 96, &[0x41, 9])), None);
        let text = description.handle_datagram(&datagram(1, 96, &[PPS, &[7]].concat())).unwrap();
        assert!(text.contains("o=- 0 3 IN") && text.contains(",aMuMsgc=\r\n"));
    }

    #[test]
    fn what_comes_is_what_is_described() {
        let mut description = description("127.0.0.1:5600");
        let text = description.handle_datagram(&datagram(1, 97, &[0x40, 0x01, 0x0c])).unwrap();
        assert!(text.contains("m=video 5600 RTP/AVP 97\r\na=rtpmap:97 H265/90000\r\na=recvonly\r\n"), "{text}");
        // Sound beside it, then sound alone.
        assert!((0..20).all(|_| description.handle_datagram(&datagram(2, 98, &[0xfc, 1])).is_none()));
        assert_eq!(description.inspector.payload(), Payload::Rtp);
    }

    #[test]
    fn base_64_is_that_of_its_standard() {
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert!((0..).zip(vectors).all(|(len, expected)| base64(&b"foobar"[..len]) == expected));
    }

    #[test]
    fn what_a_link_leads_to_is_replaced_and_what_is_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real.sdp", "link.sdp"].map(|name| folder.path().join(name));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(link.is_symlink() && std::fs::read_to_string(&real).unwrap() == "new");
        assert!(write(folder.path(), "new").unwrap_err().to_string().contains("no plain file"));
    }

    #[test]
    fn the_file_is_there_at_once_and_follows_what_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.sdp");
        let (mut sdp, writing) = SdpFile::create(&path, "hill", "127.0.0.1:5600".parse().unwrap()).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("H264"));
        sdp.handle_datagram(&datagram(1, 97, &[0x40, 0x01, 0x0c]));
        sdp.close();
        writing.wait_patiently();
        assert!(std::fs::read_to_string(&path).unwrap().contains("H265"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = SdpFile::create(Path::new("/nowhere/x.sdp"), "hill", "127.0.0.1:5600".parse().unwrap());
        assert!(format!("{:#}", missing.unwrap_err()).contains("--sdp /nowhere/x.sdp"));
    }
}
