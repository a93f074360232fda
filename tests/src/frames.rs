//! Frames taken apart, and frames that nobody but a holder of the key could make.

use skylark_common::fec::FecConfig;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::announce::{Announce, Payload, SALT_LEN};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;

use crate::link::key;

/// Length of a frame's radiotap header.
#[must_use]
pub fn radiotap_len(frame: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([frame[2], frame[3]]))
}

/// The packet header of a frame of ours.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn header(frame: &[u8]) -> PacketHeader {
    PacketHeader::parse(&frame[radiotap_len(frame)..]).expect("a packet of ours").0
}

/// What an announce of a test link says.
///
/// # Panics
/// If the frame is none.
#[must_use]
pub fn announce(frame: &[u8]) -> Announce {
    let (header, body) = PacketHeader::parse(&frame[radiotap_len(frame)..]).expect("a packet of ours");
    let (salt, sealed) = body.split_first_chunk::<SALT_LEN>().expect("an announce has a salt");
    let mut sealed = sealed.to_vec();
    let body = SessionKey::derive(&key(), salt).open(&header, &mut sealed).expect("it is authentic");
    Announce::parse(body).expect("it is well formed")
}

/// An authentic packet of stream 0 with any body.
///
/// # Panics
/// Never: the radiotap header fits.
#[must_use]
pub fn sealed(key: &LinkKey, salt: [u8; SALT_LEN], kind: Kind, sequence: u32, body: &[u8]) -> Vec<u8> {
    let session = SessionKey::derive(key, &salt);
    let header = PacketHeader { link: LinkId::from_name("default"), stream: 0, kind, session: session.id(), sequence };
    let mut frame = vec![0; 64];
    let radiotap = RxHeader::default().emit(&mut frame).expect("it fits");
    frame.truncate(radiotap);
    frame.extend_from_slice(&header.emit());
    if kind == Kind::Announce {
        frame.extend_from_slice(&salt);
    }
    let mut body = body.to_vec();
    let tag = session.seal(&header, &mut body);
    frame.extend_from_slice(&body);
    frame.extend_from_slice(&tag);
    frame
}

/// The body of an announce of a sender without a clock.
#[must_use]
pub fn announce_body(next_esi: u32, session_time_us: u64) -> Vec<u8> {
    let announce = Announce {
        session_time_us,
        unix_start_us: None,
        clock_id: None,
        next_esi,
        unit_interval_us: None,
        payload: Payload::H264,
        fec: FecConfig::default(),
        latency: None,
    };
    let mut body = Vec::new();
    announce.emit(&mut body);
    body
}
