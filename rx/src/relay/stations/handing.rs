//! Frames handed to the receiver of either dialect, and what they were.

use std::time::Instant;

use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;

use crate::Receiver;
use crate::receiver::wfb_ng::WfbNgReceiver;
use crate::receiver::{DialectReceiver, PacketName};

/// A packet that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) name: PacketName,
    /// Whether it was before this copy.
    pub(super) was_known: bool,
}

/// Hands a frame to the receiver; `None` unless it is a packet of the session that is followed, and known after it.
pub(super) fn hand_over(
    receiver: &mut DialectReceiver,
    card: usize,
    frame: &[u8],
    whole: bool,
    now: Instant,
) -> Option<Handed> {
    match receiver {
        DialectReceiver::Skylark(receiver) => hand_over_named(receiver, card, frame, whole, now),
        DialectReceiver::WfbNg(receiver) if whole => hand_over_numbered(receiver, card, frame, now),
        DialectReceiver::WfbNg(_) => None,
    }
}

fn hand_over_named(receiver: &mut Receiver, card: usize, frame: &[u8], whole: bool, now: Instant) -> Option<Handed> {
    let parsed = RxHeader::parse(frame).ok().filter(|(info, _)| !info.bad_fcs);
    let header = parsed.and_then(|(_, dot11)| PacketHeader::parse(dot11).ok()).map(|(header, _)| header);
    let was_known = header.is_some_and(|header| receiver.knows(&header));
    if whole {
        receiver.handle_frame(card, frame, now);
    } else {
        receiver.handle_heard(card, frame, now);
    }
    let PacketHeader { session, stream, kind, sequence, .. } = header.filter(|header| receiver.knows(header))?;
    Some(Handed { name: PacketName { session, stream, is_source: kind == Kind::Source, sequence }, was_known })
}

fn hand_over_numbered(receiver: &mut WfbNgReceiver, card: usize, frame: &[u8], now: Instant) -> Option<Handed> {
    let was_known = receiver.known_packet(frame).is_some();
    receiver.handle_frame(card, frame, now);
    receiver.known_packet(frame).map(|name| Handed { name, was_known })
}
