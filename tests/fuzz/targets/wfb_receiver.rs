//! The whole receiver of WFB-NG: garbage, replays, and packets that are sealed and say absurd things.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use skylark_common::wfb_ng::MAX_DATAGRAM_BYTES;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::MAX_FRAGMENT_BYTES;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::packet::{BLOCK_LIMIT, PacketId, PacketKey};
use skylark_common::wfb_ng::session::{BlockCode, Session};
use skylark_common::wire::radiotap::RxHeader;
use skylark_fuzz::Pieces;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};

const CHANNEL: ChannelId = ChannelId::new(7_669_206, 0);

/// More than gaps that can be given up at one moment.
const MAX_ROUNDS: u32 = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let air = Air::new();
    let config = WfbNgConfig { channel: CHANNEL, latency_budget: Duration::from_millis(150) };
    let mut receiver = WfbNgReceiver::new(config, air.keys.ground.clone(), now);
    let (mut frame, mut last) = (Vec::new(), None);
    for piece in Pieces(bytes) {
        let Some(([what, when_and_where, fragment, b0, b1], body)) = piece.split_first_chunk() else { continue };
        now += Duration::from_millis(u64::from(when_and_where >> 3));
        let block = u64::from(u16::from_be_bytes([*b0, *b1]));
        let run = usize::from(what >> 3) % air.sessions.len();
        match what & 7 {
            0 => frame = [&air.head[..], body].concat(),
            1 => frame = air.session(run, body),
            2 => frame = air.data(run, block, *fragment, body),
            3 => frame = air.data(run, BLOCK_LIMIT - 1 - block, *fragment, body),
            4 => frame = air.data(run, block << 24, *fragment, body),
            5 => frame = [&air.head[..], &CHANNEL.dot11().emit(), body].concat(),
            6 => flip(&mut frame, block),
            // The frame before comes again.
            _ => {}
        }
        if what & 0x80 != 0 {
            receiver.add_card(usize::from(fragment & 7), None);
        }
        receiver.handle_frame(usize::from(when_and_where & 7), &frame, now);
        drain(&mut receiver, &mut last);
        let mut rounds = 0;
        while receiver.poll_timeout().is_some_and(|due| due <= now) {
            receiver.handle_timeout(now);
            drain(&mut receiver, &mut last);
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "a timeout that is never over");
        }
        check(&receiver, now);
    }
});

/// What is handed on is in order within its session.
fn drain(receiver: &mut WfbNgReceiver, last: &mut Option<(u32, u32)>) {
    while let Some(datagram) = receiver.poll_datagram() {
        assert!(datagram.bytes.len() <= MAX_DATAGRAM_BYTES);
        if let Some((session, esi)) = *last {
            let expected = esi.wrapping_add(1).wrapping_add(datagram.missing_before);
            assert!(session != datagram.session || datagram.esi == expected || datagram.esi == datagram.missing_before);
        }
        *last = Some((datagram.session, datagram.esi));
    }
}

/// Every frame was counted exactly once.
fn check(receiver: &WfbNgReceiver, now: Instant) {
    let f = receiver.stats(now).frames;
    let outcomes = f.foreign + f.truncated + f.bad_fcs + f.unknown_version + f.waiting + f.unannounced;
    assert_eq!(f.captured, outcomes + f.forged + f.replayed + f.duplicate + f.late + f.used);
}

fn flip(frame: &mut [u8], bit: u64) {
    if let Some(byte) = usize::try_from(bit >> 3).ok().and_then(|at| frame.get_mut(at % 256)) {
        *byte ^= 1 << (bit & 7);
    }
}

/// What seals frames: four runs of the receiver's transmitter.
struct Air {
    head: Vec<u8>,
    keys: KeyPair,
    sessions: [Session; 4],
}

impl Air {
    fn new() -> Self {
        let mut head = vec![0; 64];
        let length = RxHeader::default().emit(&mut head).expect("64 bytes are enough for one antenna");
        head.truncate(length);
        let session = |seed: u8, epoch, (k, n)| Session {
            epoch,
            channel: CHANNEL,
            code: BlockCode::new(k, n).expect("1 <= k <= n"),
            key: PacketKey::from_bytes([seed; 32]),
        };
        let sessions = [session(1, 0, (2, 4)), session(2, 0, (1, 2)), session(3, 0, (20, 255)), session(4, 1, (3, 3))];
        Self { head, keys: KeyPair::from_secrets([1; 32], [2; 32]), sessions }
    }

    fn session(&self, run: usize, nonce: &[u8]) -> Vec<u8> {
        let mut bytes = [0; 24];
        bytes.iter_mut().zip(nonce).for_each(|(byte, given)| *byte = *given);
        self.frame(&self.sessions[run].seal(&self.keys.drone, bytes))
    }

    fn data(&self, run: usize, block: u64, fragment: u8, body: &[u8]) -> Vec<u8> {
        let id = PacketId { block, fragment };
        let mut body = body[..body.len().min(MAX_FRAGMENT_BYTES)].to_vec();
        let tag = self.sessions[run].key.seal(id, &mut body);
        self.frame(&[&id.emit()[..], &body, &tag].concat())
    }

    fn frame(&self, packet: &[u8]) -> Vec<u8> {
        [&self.head[..], &CHANNEL.dot11().emit(), packet].concat()
    }
}
