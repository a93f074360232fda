//! A relay and a viewer of either dialect, and between them anything: frames, messages and reports, true, damaged and
//! made up.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::seal::LinkKey;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::packet::PacketId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;
use skylark_fuzz::Pieces;
use skylark_rx::receiver::DialectReceiver;
use skylark_rx::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use skylark_rx::relay::message::{Entry, MAX_MESSAGE_BYTES, Message};
use skylark_rx::relay::station::MAX_RELAY_CARDS;
use skylark_rx::relay::{Forwarder, ForwarderConfig, RelayId, RelayedLink, Report, Station, Stations, ViewerId};
use skylark_rx::{Receiver, ReceiverConfig};

/// The longest body that follows a packet header.
const MAX_BODY_BYTES: usize = 3000;
const VIEWER: ViewerId = ViewerId(1);

fuzz_target!(|bytes: &[u8]| {
    let now = Instant::now();
    run(Between::of_skylark(now), bytes, now);
    run(Between::of_wfb_ng(now), bytes, now);
});

fn run(mut between: Between, bytes: &[u8], mut now: Instant) {
    for piece in Pieces(bytes) {
        let Some(([what, when_and_where, s0, s1], body)) = piece.split_first_chunk() else { continue };
        now += Duration::from_millis(u64::from(when_and_where >> 3));
        let (card, sequence) = (when_and_where & 7, u16::from_be_bytes([*s0, *s1]));
        match what & 7 {
            0 => between.forwarder.handle_frame(card, body, now),
            1 => between.forwarder.handle_frame(card, &frame(between.link, u32::from(sequence), body), now),
            2 => between.report(body, now),
            3 => between.message(RelayId(u64::from(what >> 3)), body, now),
            4 => {
                flip(&mut between.last, sequence);
                let last = between.last.clone();
                between.message(RelayId(u64::from(what >> 3)), &last, now);
            }
            5 => {
                flip(&mut between.reported, sequence);
                let reported = between.reported.clone();
                between.report(&reported, now);
            }
            _ => between.talk(now),
        }
        between.check(now);
    }
}

struct Between {
    link: RelayedLink,
    forwarder: Forwarder,
    stations: Stations,
    station: Station,
    receiver: DialectReceiver,
    last: Vec<u8>,
    reported: Vec<u8>,
}

impl Between {
    fn of_skylark(now: Instant) -> Self {
        let config = ReceiverConfig::default();
        let receiver = Receiver::new(config, &LinkKey::from_bytes([7; LinkKey::LEN]), now);
        Self::new(RelayedLink::Skylark(config.link), DialectReceiver::Skylark(Box::new(receiver)), now)
    }

    fn of_wfb_ng(now: Instant) -> Self {
        let config = WfbNgConfig { channel: ChannelId::new(7_669_206, 0), latency_budget: Duration::from_millis(150) };
        let receiver = WfbNgReceiver::new(config, KeyPair::from_secrets([1; 32], [2; 32]).ground, now);
        Self::new(RelayedLink::WfbNg(config.channel), DialectReceiver::WfbNg(Box::new(receiver)), now)
    }

    fn new(link: RelayedLink, receiver: DialectReceiver, now: Instant) -> Self {
        Self {
            link,
            forwarder: Forwarder::new(ForwarderConfig { id: RelayId(0), link, run: 1 }),
            stations: Stations::new(link, VIEWER, now),
            station: Station::new(link, VIEWER, now),
            receiver,
            last: Vec::new(),
            reported: Vec::new(),
        }
    }

    /// What the relay has to say comes to the viewer, and the other way round.
    fn talk(&mut self, now: Instant) {
        while let Some(message) = self.forwarder.poll_message(now) {
            assert!(message.len() <= MAX_MESSAGE_BYTES);
            let (_, entries) = Message::parse(message).expect("a relay's own message can be read");
            assert!(entries.into_iter().all(|entry| entry.is_ok()), "and each entry");
            self.last = message.to_vec();
            let last = self.last.clone();
            self.message(RelayId(0), &last, now);
        }
        while let Some(report) = self.stations.poll_report(&self.receiver, now) {
            Report::parse(report).expect("a viewer's own report can be read");
            self.reported = report.to_vec();
            self.forwarder.handle_report(&self.reported, now);
        }
        assert!(self.forwarder.poll_timeout().is_none_or(|due| due > now), "what is due leaves");
        assert!(self.stations.poll_timeout() > now, "a report that is never over");
    }

    fn message(&mut self, relay: RelayId, message: &[u8], now: Instant) {
        if let Ok((head, entries)) = Message::parse(message) {
            let mut again = Vec::new();
            head.emit(&mut again);
            let whole: Vec<Entry<'_>> = entries.flatten().collect();
            whole.iter().for_each(|entry| entry.emit(&mut again).expect("what was read fits"));
            let (read, entries) = Message::parse(&again).expect("what was written can be read");
            assert_eq!((read, entries.flatten().collect()), (head, whole));
        }
        self.stations.handle_message(relay, message, now);
        while self.stations.deliver(
            &mut self.receiver,
            |relay, card| Some(relay.0 as usize * 8 + usize::from(card)),
            now,
        ) {
            while self.receiver.poll_datagram().is_some() {}
        }
        self.station.handle_message(message, now);
        while let Some(relayed) = self.station.poll_relayed(1, now) {
            assert!(relayed.card < MAX_RELAY_CARDS && relayed.frame.len() <= MAX_FRAME_BYTES + 64);
            RxHeader::parse(relayed.frame).expect("what is handed on has a header");
        }
    }

    fn report(&mut self, report: &[u8], now: Instant) {
        if let Ok(read) = Report::parse(report) {
            let mut again = Vec::new();
            read.emit(&mut again);
            assert_eq!(Report::parse(&again), Ok(read));
        }
        self.forwarder.handle_report(report, now);
    }

    /// Every captured frame is in one place.
    fn check(&self, now: Instant) {
        let f = self.forwarder.stats(now);
        let told = f.foreign + f.truncated + f.forwarded + f.copies + f.known + f.gave_way;
        assert_eq!(f.captured, told + f.held);
        assert!(f.viewers <= 16 && self.stations.stats(now).len() <= 16);
    }
}

/// A frame of the link, which nobody sealed.
fn frame(link: RelayedLink, sequence: u32, body: &[u8]) -> Vec<u8> {
    let header = match link {
        RelayedLink::Skylark(link) => {
            let sequence = sequence % 512;
            PacketHeader { link, stream: 0, kind: Kind::Source, session: 1, sequence }.emit().to_vec()
        }
        RelayedLink::WfbNg(channel) => {
            let [.., fragment] = sequence.to_be_bytes();
            let id = PacketId { block: u64::from(sequence >> 8), fragment };
            [&channel.dot11().emit()[..], &id.emit()].concat()
        }
    };
    let mut head = [0; 64];
    let length = RxHeader::default().emit(&mut head).expect("64 bytes are enough for one antenna");
    let body = &body[..body.len().min(MAX_BODY_BYTES)];
    [&head[..length], &header, body].concat()
}

fn flip(bytes: &mut [u8], bit: u16) {
    if let Some(byte) = bytes.get_mut(usize::from(bit >> 3)) {
        *byte ^= 1 << (bit & 7);
    }
}
