//! Writes frames behind their radiotap header: 802.11 header, packet header, sealed fragment, tag; and session packets.

use skylark_common::seal::session::TAG_LEN;
use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::{HEADER_LEN, PacketId, PacketKey};
use skylark_common::wfb_ng::session::{NONCE_LEN, Session};
use skylark_common::wire::dot11::Dot11;

/// Where sequence control is in an 802.11 header (IEEE 802.11-2020 9.2.4.4).
const SEQUENCE_CONTROL: usize = 22;

/// What all frames of a session have in common.
#[derive(Debug)]
pub(super) struct FrameWriter {
    header: [u8; Dot11::LEN],
    key: PacketKey,
    name: u32,
    session_packet: Vec<u8>,
    /// Frames so far, of which the low 12 bits go out with each.
    sequence: u16,
}

impl FrameWriter {
    pub(super) fn new((session, nonce): (Session, [u8; NONCE_LEN]), key: &EndKey) -> Self {
        Self {
            header: session.channel.dot11().emit(),
            session_packet: session.seal(key, nonce),
            name: session.short_name(),
            key: session.key,
            sequence: 0,
        }
    }

    /// Goes on with another session.
    pub(super) fn begin_session(&mut self, session: (Session, [u8; NONCE_LEN]), key: &EndKey) {
        *self = Self { sequence: self.sequence, ..Self::new(session, key) };
    }

    /// The session's short name, as receivers have it.
    pub(super) const fn session(&self) -> u32 {
        self.name
    }

    /// The session packet, in a frame whose radiotap header is in `frame`.
    pub(super) fn session_packet(&self, mut frame: Vec<u8>) -> Vec<u8> {
        frame.extend_from_slice(&self.header);
        frame.extend_from_slice(&self.session_packet);
        frame
    }

    /// A fragment, to be sealed when its place is known.
    pub(super) fn fragment(&self, mut frame: Vec<u8>, fragment: Fragment<'_>) -> Vec<u8> {
        frame.extend_from_slice(&self.header);
        frame.extend_from_slice(&[0; HEADER_LEN]);
        fragment.emit(&mut frame);
        frame.extend_from_slice(&[0; TAG_LEN]);
        frame
    }

    /// Room for a parity of `padded` bytes.
    pub(super) fn parity(&self, mut frame: Vec<u8>, padded: usize) -> Vec<u8> {
        frame.extend_from_slice(&self.header);
        frame.resize(frame.len() + HEADER_LEN + padded, 0);
        frame
    }

    /// Ends a parity, of which so many bytes count.
    pub(super) fn end_parity(frame: &mut Vec<u8>, longest: usize) {
        frame.truncate(fragment_start(frame) + longest);
        frame.extend_from_slice(&[0; TAG_LEN]);
    }

    /// Writes the place of a fragment and seals it.
    pub(super) fn seal(&self, id: PacketId, frame: &mut [u8]) {
        let Some((head, packet)) = frame.split_at_mut_checked(fragment_start(frame)) else { return };
        let Some((fragment, tag)) = packet.split_last_chunk_mut::<TAG_LEN>() else { return };
        if let Some(header) = head.last_chunk_mut::<HEADER_LEN>() {
            *header = id.emit();
        }
        *tag = self.key.seal(id, fragment);
    }

    /// Numbers a frame that leaves.
    pub(super) fn number(&mut self, frame: &mut [u8]) {
        let at = radiotap_len(frame) + SEQUENCE_CONTROL;
        if let Some(control) = frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *control = (self.sequence << 4).to_le_bytes();
        }
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// Where a fragment is in its frame.
pub(super) fn fragment_start(frame: &[u8]) -> usize {
    radiotap_len(frame) + Dot11::LEN + HEADER_LEN
}

/// The fragment of a frame that is not sealed.
pub(super) fn fragment_of(frame: &[u8]) -> &[u8] {
    let end = frame.len().saturating_sub(TAG_LEN);
    frame.get(fragment_start(frame)..end).unwrap_or_default()
}

/// What the radiotap header says of its length (radiotap.org, the fixed part).
fn radiotap_len(frame: &[u8]) -> usize {
    let Some([_, _, low, high]) = frame.first_chunk() else { return 0 };
    u16::from_le_bytes([*low, *high]).into()
}
