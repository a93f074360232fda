//! Frames of WFB-NG: whose they are, and whether a key opens what they say of their session.

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::session::{SESSION_PACKET, Session, SessionError};
use skylark_common::wire::dot11::Dot11;

/// The stream an 802.11 frame belongs to, and what is behind its header.
pub(super) fn packet(frame: &[u8]) -> Option<(ChannelId, &[u8])> {
    let (header, packet) = Dot11::parse(frame).ok()?;
    Some((ChannelId::of(header)?, packet))
}

/// Whether the key opens a session packet; `None` if there is nothing to try.
pub(super) fn opens(packet: &[u8], key: Option<&EndKey>, channel: ChannelId) -> Option<bool> {
    let key = key.filter(|_| packet.first() == Some(&SESSION_PACKET))?;
    match Session::open(packet, key, channel) {
        // It is none, whoever's: there was no box to open.
        Err(SessionError::Length { .. }) => None,
        opened => Some(!matches!(opened, Err(SessionError::Key))),
    }
}
