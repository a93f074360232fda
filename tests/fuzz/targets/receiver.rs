//! The whole receiver: garbage, replays, damaged copies, and frames that are sealed and say absurd things.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use skylark_common::MAX_DATAGRAM_BYTES;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;
use skylark_fuzz::Pieces;
use skylark_rx::{Receiver, ReceiverConfig};

/// Just before the numbers wrap.
const FIRST_SEQUENCE: u32 = u32::MAX - 20;

/// The longest body that is sealed.
const MAX_BODY_BYTES: usize = 3000;

/// Damaged copies a receiver keeps.
const MAX_HELD: u64 = 256;

/// More than gaps that can be given up at one moment.
const MAX_ROUNDS: u32 = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let key = LinkKey::from_bytes([7; LinkKey::LEN]);
    let air = Air::new(&key);
    let config = ReceiverConfig { early: Some(Duration::from_millis(40)), ..ReceiverConfig::default() };
    let mut receiver = Receiver::new(config, &key, now);
    let mut frame = Vec::new();
    for piece in Pieces(bytes) {
        let Some(([what, when_and_where, stream, s0, s1], body)) = piece.split_first_chunk() else { continue };
        now += Duration::from_millis(u64::from(when_and_where >> 3));
        let sequence = FIRST_SEQUENCE.wrapping_add(u32::from(u16::from_be_bytes([*s0, *s1])));
        match what & 7 {
            0 => frame = body.to_vec(),
            1 => frame = air.sealed(*what, Kind::Source, *stream, sequence, body),
            2 => frame = air.sealed(*what, Kind::WindowRepair, *stream, sequence, body),
            3 => frame = air.sealed(*what, Kind::BlockRepair, *stream, sequence, body),
            4 => frame = air.sealed(*what, Kind::Announce, *stream, sequence, body),
            5 => flip(&mut frame, sequence),
            // The frame before comes again.
            _ => {}
        }
        if what & 0x80 != 0 {
            air.hear_damaged(&mut receiver, &frame, sequence, now);
        }
        receiver.handle_frame(usize::from(when_and_where & 7), &frame, now);
        drain(&mut receiver);
        let mut rounds = 0;
        while receiver.poll_timeout().is_some_and(|due| due <= now) {
            receiver.handle_timeout(now);
            drain(&mut receiver);
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "a timeout that is never over");
        }
        check(&receiver, now);
    }
});

fn drain(receiver: &mut Receiver) {
    while let Some(datagram) = receiver.poll_datagram() {
        assert!(datagram.bytes.len() <= MAX_DATAGRAM_BYTES);
    }
    let mut before = None;
    while let Some(early) = receiver.poll_early() {
        assert!(early.bytes.len() <= MAX_DATAGRAM_BYTES);
        assert!(before.is_none_or(|before| early.esi.wrapping_sub(before) < u32::MAX / 2 && early.esi != before));
        before = Some(early.esi);
    }
}

/// Every frame was counted exactly once, and so was every damaged copy.
fn check(receiver: &Receiver, now: Instant) {
    let stats = receiver.stats(now);
    let f = stats.frames;
    let outcomes = f.foreign + f.truncated + f.bad_fcs + f.unknown_version + f.waiting + f.unannounced;
    assert_eq!(f.captured, outcomes + f.forged + f.replayed + f.duplicate + f.late + f.used);
    let c = stats.combining;
    assert_eq!(c.copies, c.known + c.spent + c.expired + c.gave_way + c.held);
    assert!(c.held <= MAX_HELD && c.copies <= f.bad_fcs && c.rebuilt <= c.tries);
}

fn flip(frame: &mut [u8], bit: u32) {
    if let Some(byte) = usize::try_from(bit >> 3).ok().and_then(|at| frame.get_mut(at % 256)) {
        *byte ^= 1 << (bit & 7);
    }
}

/// What seals frames: two sessions of the receiver's link, and a stranger with another key.
struct Air {
    head: Vec<u8>,
    damaged_head: Vec<u8>,
    sessions: [SessionKey; 3],
}

impl Air {
    fn new(key: &LinkKey) -> Self {
        let head = |bad_fcs| {
            let mut head = vec![0; 64];
            let header = RxHeader { bad_fcs, ..RxHeader::default() };
            let length = header.emit(&mut head).expect("64 bytes are enough for one antenna");
            head.truncate(length);
            head
        };
        let stranger = LinkKey::from_bytes([8; LinkKey::LEN]);
        let sessions = [
            SessionKey::derive(key, &[1; 16]),
            SessionKey::derive(key, &[2; 16]),
            SessionKey::derive(&stranger, &[3; 16]),
        ];
        Self { head: head(false), damaged_head: head(true), sessions }
    }

    /// Two other cards hear a packet before, damaged in different places.
    fn hear_damaged(&self, receiver: &mut Receiver, frame: &[u8], place: u32, now: Instant) {
        let Some(packet) = frame.get(self.head.len()..) else { return };
        for (card, place) in [(8, place), (9, place.rotate_left(9) ^ 0x55)] {
            let mut damaged = [&self.damaged_head, packet].concat();
            flip(&mut damaged, place);
            receiver.handle_frame(card, &damaged, now);
            drain(receiver);
        }
    }

    fn sealed(&self, what: u8, kind: Kind, stream: u8, sequence: u32, body: &[u8]) -> Vec<u8> {
        let session = &self.sessions[usize::from(what >> 3) % self.sessions.len()];
        let header = PacketHeader { link: LinkId::from_name("default"), stream, kind, session: session.id(), sequence };
        let mut body = body[..body.len().min(MAX_BODY_BYTES)].to_vec();
        let tag = session.seal(&header, &mut body);
        let salt: &[u8] = if kind == Kind::Announce { session.salt() } else { &[] };
        [&self.head, &header.emit()[..], salt, &body, &tag].concat()
    }
}
