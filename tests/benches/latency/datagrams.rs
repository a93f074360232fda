//! What the link adds to a datagram: from the port it goes into to the port it comes out of, less what it had to wait for
//! the air.

use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use skylark_common::ledger::{Histogram, Summary};
use skylark_common::rtp::RtpHeader;
use skylark_common::seal::LinkKey;
use skylark_common::wire::announce::Payload;
use skylark_common::wire::radiotap::TxRate;
use skylark_tests::traffic::Traffic;
use skylark_tx::{Entropy, Outgoing, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};

use crate::program::{Program, binary, check_all, free_port};

/// 26 Mbit/s: carries 8 Mbit/s with 50 % of repairs.
const MCS: u8 = 3;
/// A datagram that has not come out by then will not.
const SETTLED: Duration = Duration::from_millis(500);
/// Datagrams before this are those of the start.
const WARM_UP: Duration = Duration::from_secs(1);

/// A datagram and when it went in.
#[derive(Debug, Clone, Copy)]
struct Sent {
    unit: u32,
    index: u32,
    at: Instant,
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Added {
    /// In to out.
    pub(crate) whole: Summary,
    /// In to out less the wait for the air.
    pub(crate) added: Summary,
    /// Datagrams that never came out.
    pub(crate) lost: u64,
}

/// Sends for so long; if nothing came out or a program ended, why.
pub(crate) fn run(folder: &Path, lasts: Duration) -> Result<Added, String> {
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (card, camera) = (free_port(), free_port());
    let listens = format!("--air udp:127.0.0.1:{card} --key link.key --output rtp:{}", player.local_addr().unwrap());
    let mut rx = Program::start(&mut binary("skylark-rx"), folder, "rx", &listens)?;
    let sends =
        format!("--input rtp:127.0.0.1:{camera} --payload h264 --mcs {MCS} --air udp:127.0.0.1:{card} --key link.key");
    let mut tx = Program::start(&mut binary("skylark-tx"), folder, "tx", &sends)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let hearing = thread::spawn(move || hear(&player, &asked));
    let sent = send(camera, lasts);
    thread::sleep(SETTLED);
    stop.store(true, Relaxed);
    let added = compare(&sent, &hearing.join().unwrap());
    check_all(added.whole.count, &mut [&mut tx.process, &mut rx.process])?;
    Ok(added)
}

/// 60 units a second, each at once, as a camera hands them over.
fn send(port: u16, lasts: Duration) -> Vec<Sent> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    let (traffic, start) = (traffic(), Instant::now());
    let mut sent = Vec::new();
    for unit in (0..).take_while(|unit| traffic.interval() * *unit < lasts) {
        let datagrams: Vec<_> = (0..traffic.datagrams(unit)).map(|index| datagram(&traffic, unit, index)).collect();
        thread::sleep((start + traffic.interval() * unit).saturating_duration_since(Instant::now()));
        for (index, bytes) in (0..).zip(datagrams) {
            sent.push(Sent { unit, index, at: Instant::now() });
            socket.send(&bytes).unwrap();
        }
    }
    sent
}

/// Every datagram that comes out, by unit and index.
fn hear(player: &UdpSocket, stop: &AtomicBool) -> Vec<(u32, u32, Instant)> {
    player.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let (mut heard, mut bytes) = (Vec::new(), [0; 2048]);
    while !stop.load(Relaxed) {
        let Ok(len) = player.recv(&mut bytes) else { continue };
        let now = Instant::now();
        if let Some((unit, index)) = bytes.get(RtpHeader::LEN + 1..len).and_then(Traffic::label) {
            heard.push((unit, index, now));
        }
    }
    heard
}

fn compare(sent: &[Sent], heard: &[(u32, u32, Instant)]) -> Added {
    let (mut whole, mut added, mut lost) = (Histogram::default(), Histogram::default(), 0);
    let leaves = ideal(sent);
    let begin = sent.first().map(|first| first.at + WARM_UP);
    let mut heard = heard.iter().copied().peekable();
    for (sent, leaves) in sent.iter().zip(leaves) {
        // They come out in the order in which they went in.
        let Some(&(.., at)) = heard.peek().filter(|(unit, index, _)| (*unit, *index) == (sent.unit, sent.index)) else {
            lost += u64::from(begin.is_some_and(|begin| sent.at >= begin));
            continue;
        };
        heard.next();
        if begin.is_some_and(|begin| sent.at >= begin) {
            whole.record(at.saturating_duration_since(sent.at));
            added.record(at.saturating_duration_since(leaves));
        }
    }
    Added { whole: whole.summary(), added: added.summary(), lost }
}

/// When each datagram would have left a transmitter that takes no time at all: the same sender with the same datagrams
/// at the same times, in virtual time.
fn ideal(sent: &[Sent]) -> Vec<Instant> {
    let Some(first) = sent.first() else { return Vec::new() };
    let traffic = traffic();
    let streams = vec![StreamConfig { payload: Payload::RtpH264, ..StreamConfig::default() }];
    let rate = TxRate { mcs: MCS, ..TxRate::default() };
    let entropy = Entropy { salt: [1; 16], unix_us: None, clock_id: None };
    let link = SkylarkConfig { streams, ..SkylarkConfig::default() };
    let dialect = Skylark::new(link, &LinkKey::from_bytes([7; 32]), entropy, first.at);
    let mut sender = Sender::new(SenderConfig { rate, ..SenderConfig::default() }, dialect, first.at);
    let mut left = Vec::with_capacity(sent.len());
    let mut transmit_until = |sender: &mut Sender, until: Instant| {
        while let Some(at) = sender.poll_timeout().filter(|at| *at <= until) {
            let before = sender.stats().source_packets;
            let Some(_) = sender.poll_transmit(at) else { break };
            if sender.stats().source_packets > before {
                left.push(at);
            }
        }
    };
    for datagram in sent {
        transmit_until(&mut sender, datagram.at);
        let bytes = self::datagram(&traffic, datagram.unit, datagram.index);
        let end_of_unit = datagram.index + 1 == traffic.datagrams(datagram.unit);
        let keyframe = traffic.is_keyframe(datagram.unit);
        let captured = datagram.at;
        let outgoing =
            Outgoing { stream: skylark_common::VIDEO_STREAM, bytes: &bytes, end_of_unit, keyframe, captured };
        sender.push_datagram(outgoing, datagram.at).unwrap();
        transmit_until(&mut sender, datagram.at);
    }
    if let Some(last) = sent.last() {
        transmit_until(&mut sender, last.at + Duration::from_secs(1));
    }
    left
}

fn traffic() -> Traffic {
    Traffic { datagram_bytes: 1400 - RtpHeader::LEN - 1, ..Traffic::default() }
}

/// An RTP datagram with a NAL unit: its header, then what says which it is.
fn datagram(traffic: &Traffic, unit: u32, index: u32) -> Vec<u8> {
    const IDR_SLICE: u8 = 0x65;
    const SLICE: u8 = 0x41;
    let header = RtpHeader {
        marker: index + 1 == traffic.datagrams(unit),
        payload_type: 96,
        sequence: u16::try_from((unit * 64 + index) & 0xffff).unwrap(),
        timestamp: unit * 1500,
        ssrc: 1,
    };
    let nal = if traffic.is_keyframe(unit) { IDR_SLICE } else { SLICE };
    [&header.emit()[..], &[nal], &traffic.datagram(unit, index)].concat()
}
