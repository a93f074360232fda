//! A camera that sends RTP at a steady rate.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::worker::{Stop, Worker};

/// Length of each datagram, RTP header included.
pub(crate) const DATAGRAM_BYTES: usize = 1400;
const UNITS_PER_S: u64 = 60;
/// The clock of video in RTP.
const TICKS_PER_S: u64 = 90_000;
/// How often it sends what is due: evenly, because the link is to be measured and not the bursts of a camera.
const INTERVAL: Duration = Duration::from_millis(1);

/// Sends to this port of this machine until it is ended; then says how many datagrams that were.
pub(crate) fn start(port: u16, mbit_per_s: u32) -> Worker<u64> {
    let per_s = u64::from(mbit_per_s) * 1_000_000 / 8 / DATAGRAM_BYTES as u64;
    Worker::start(move |stop| send(port, per_s, stop))
}

fn send(port: u16, per_s: u64, stop: &Stop) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (start, mut sent) = (Instant::now(), 0);
    while !stop.asked() {
        let due = u64::try_from(start.elapsed().as_micros()).unwrap() * per_s / 1_000_000;
        while sent < due {
            socket.send_to(&datagram(sent, per_s), ("127.0.0.1", port)).unwrap();
            sent += 1;
        }
        std::thread::sleep(INTERVAL);
    }
    sent
}

/// An RTP datagram (RFC 3550 5.1) of payload type 96; the last of each unit has the marker.
fn datagram(number: u64, per_s: u64) -> [u8; DATAGRAM_BYTES] {
    let unit = |number: u64| number * UNITS_PER_S / per_s;
    let marker = if unit(number + 1) > unit(number) { 0x80 } else { 0 };
    let [.., s1, s0] = number.to_be_bytes();
    let [.., t3, t2, t1, t0] = (unit(number) * TICKS_PER_S / UNITS_PER_S).to_be_bytes();
    let mut bytes = [s0; DATAGRAM_BYTES];
    bytes[..12].copy_from_slice(&[0x80, 96 | marker, s1, s0, t3, t2, t1, t0, 0, 0, 0, 1]);
    bytes
}
