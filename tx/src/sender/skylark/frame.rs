//! Writes frames behind their radiotap header: packet header, sealed body, tag.

use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, SALT_LEN};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};

/// What all frames of a session have in common.
#[derive(Debug)]
pub(super) struct FrameWriter {
    link: LinkId,
    key: SessionKey,
}

impl FrameWriter {
    pub(super) fn new(link: LinkId, key: &LinkKey, salt: &[u8; SALT_LEN]) -> Self {
        Self { link, key: SessionKey::derive(key, salt) }
    }

    pub(super) const fn session(&self) -> u32 {
        self.key.id()
    }

    /// Writes a frame whose body is what `body` appends.
    pub(super) fn write(
        &self,
        stream: u8,
        kind: Kind,
        sequence: u32,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        let header = self.start(stream, kind, sequence, out);
        let start = out.len();
        body(out);
        self.seal(&header, start, out);
    }

    /// Writes an announce: the salt in the clear, the rest sealed.
    pub(super) fn write_announce(&self, stream: u8, sequence: u32, announce: &Announce, out: &mut Vec<u8>) {
        let header = self.start(stream, Kind::Announce, sequence, out);
        out.extend_from_slice(self.key.salt());
        let start = out.len();
        announce.emit(out);
        self.seal(&header, start, out);
    }

    fn start(&self, stream: u8, kind: Kind, sequence: u32, out: &mut Vec<u8>) -> PacketHeader {
        let header = PacketHeader { link: self.link, stream, kind, session: self.key.id(), sequence };
        out.extend_from_slice(&header.emit());
        header
    }

    fn seal(&self, header: &PacketHeader, start: usize, out: &mut Vec<u8>) {
        let (_, body) = out.split_at_mut(start);
        let tag = self.key.seal(header, body);
        out.extend_from_slice(&tag);
    }
}
