//! Writes frames: radiotap header, packet header, sealed body, tag.

use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, SALT_LEN};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::TxHeader;

use super::SenderConfig;

/// What all frames of a session have in common.
#[derive(Debug)]
pub(super) struct FrameWriter {
    link: LinkId,
    radiotap: TxHeader,
    key: SessionKey,
}

impl FrameWriter {
    pub(super) fn new(config: &SenderConfig, key: &LinkKey, salt: &[u8; SALT_LEN]) -> Self {
        Self { link: config.link, radiotap: config.rate.emit(), key: SessionKey::derive(key, salt) }
    }

    pub(super) const fn session(&self) -> u32 {
        self.key.id()
    }

    /// The frame's length on the air: without radiotap and FCS.
    pub(super) fn dot11_len(&self, frame: &[u8]) -> usize {
        frame.len().saturating_sub(self.radiotap.as_slice().len())
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
        out.clear();
        out.extend_from_slice(self.radiotap.as_slice());
        out.extend_from_slice(&header.emit());
        header
    }

    fn seal(&self, header: &PacketHeader, start: usize, out: &mut Vec<u8>) {
        let (_, body) = out.split_at_mut(start);
        let tag = self.key.seal(header, body);
        out.extend_from_slice(&tag);
    }
}
