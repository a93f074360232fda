//! What a card in monitor mode costs the programs, beside the other ways to use one, on a TAP card.
//!
//! Frames of 1476 bytes, in bursts: 900 are injected, then the device is emptied; 2000 are heard, then captured.
//! The time is the program's CPU time, kernel included, the median of the bursts; instructions are those of user
//! space, by callgrind, for which the bench runs itself again.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "measures by the real clock")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

use std::hint::black_box;
use std::io::IoSlice;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use pcap::{Active, Capture};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{
    AddressFamily, MMsgHdr, Protocol, RecvFlags, SendAncillaryBuffer, SendFlags, SocketType, recv, sendmmsg, socket,
};
use rustix::time::{ClockId, clock_gettime};
use skylark_common::air::monitor::{MonitorCapture, MonitorInject};
use skylark_common::air::{CaptureAir as _, InjectAir as _, MAX_FRAME_BYTES};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_tests::tap::{TapCard, own_network};

const CARD: &str = "wlan0";
const FRAME_BYTES: usize = 1476;
/// As many as fit into the card's transmit queue, and into the ring it captures to.
const INJECTED: u32 = 900;
const HEARD: u32 = 2000;
/// Frames a call that takes several is given.
const BATCH: usize = 16;
/// Bursts timed, and counted: callgrind is slow.
const ROUNDS: u32 = 41;
const COUNTED_ROUNDS: u32 = 2;

/// What is measured.
const ROWS: [&str; 8] = [
    "inject: MonitorInject",
    "inject: pcap_sendpacket",
    "inject: sendmmsg, 16 frames a call",
    "capture: MonitorCapture",
    "capture: pcap dispatch, 64 frames a call, in place",
    "capture: pcap next_packet, in place",
    "capture: packet socket, recv",
    "capture: MonitorCapture, nothing there",
];

fn main() {
    if !own_network::is_inside() {
        let status = own_network::command(&std::env::current_exe().unwrap()).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("*** NOT MEASURED: what a card costs: no TAP cards are allowed, or the bench failed");
        }
        return;
    }
    own_network::prepare().unwrap_or_else(|reason| panic!("no TAP cards: {reason}"));
    match std::env::args().skip_while(|arg| arg != "--row").nth(1) {
        Some(row) => drop(run(&row, COUNTED_ROUNDS, || Duration::ZERO)),
        None => print_table(),
    }
}

fn print_table() {
    println!("{:52} {:>10} {:>8} {:>14}", "1476-byte frames over TAP", "frames/s", "µs", "instructions");
    for row in ROWS {
        let us = run(row, ROUNDS, cpu_time).as_secs_f64() * 1e6 / f64::from(frames(row));
        println!("{row:52} {:10.0} {us:8.3} {:>14}", 1e6 / us, instructions(row));
    }
}

/// Frames, or calls, of a burst.
fn frames(row: &str) -> u32 {
    if row.starts_with("inject") { INJECTED } else { HEARD }
}

/// Instructions for a frame, as callgrind says them at its end.
fn instructions(row: &str) -> String {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*counted*"])
        .arg(std::env::current_exe().unwrap())
        .args(["--row", row])
        .output();
    let Ok(output) = output else { return "no valgrind".to_owned() };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = said.split_once("Collected : ").and_then(|(_, count)| count.split_whitespace().next());
    let Some(count) = count.and_then(|count| count.parse::<f64>().ok()) else { return said };
    format!("{:.0}", count / f64::from(COUNTED_ROUNDS * frames(row)))
}

/// What the program's side of a burst takes by this clock.
fn run(row: &str, rounds: u32, clock: fn() -> Duration) -> Duration {
    let card = TapCard::create(CARD, 1500).unwrap();
    let mut work = work(row);
    let frame = frame(&[0, 0, 8, 0, 0, 0, 0, 0]);
    let mut buffer = [0; MAX_FRAME_BYTES];
    let mut took = Vec::new();
    for _ in 0..rounds {
        if row.starts_with("capture") && !row.ends_with("nothing there") {
            (0..HEARD).for_each(|_| assert!(card.hear(&frame).unwrap()));
        }
        let begin = clock();
        let done = counted(&mut *work);
        took.push(clock().saturating_sub(begin));
        assert_eq!(done, frames(row), "{row}");
        while card.injected(&mut buffer).unwrap().is_some() {}
    }
    took.sort();
    took[took.len() / 2]
}

/// What this thread has used. Not to be asked under valgrind, which has no vDSO for rustix.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// What callgrind collects: everything called from here.
#[inline(never)]
fn counted(work: &mut dyn FnMut() -> u32) -> u32 {
    black_box(work())
}

/// Injects or captures a burst and says how many frames that were.
fn work(row: &str) -> Box<dyn FnMut() -> u32> {
    let (now, mut buffer) = (Instant::now(), [0; MAX_FRAME_BYTES]);
    let written = frame(&[0, 0, 13, 0, 0, 0x80, 8, 0, 8, 0, 0x37, 0, 1]);
    match ROWS.iter().position(|known| *known == row).unwrap() {
        0 => {
            let mut air = MonitorInject::open(CARD, now).unwrap();
            Box::new(move || (0..INJECTED).map(|_| air.inject(&written, now).unwrap()).map(|()| 1).sum())
        }
        1 => {
            let mut pcap = open_pcap();
            Box::new(move || (0..INJECTED).map(|_| pcap.sendpacket(&written[..]).unwrap()).map(|()| 1).sum())
        }
        2 => {
            let pcap = open_pcap();
            Box::new(move || (0..INJECTED).step_by(BATCH).map(|at| send_batch(&pcap, &written, INJECTED - at)).sum())
        }
        3 => {
            let mut air = MonitorCapture::open(CARD, now).unwrap();
            Box::new(move || (0..HEARD).filter_map(|_| air.capture(&mut buffer, now).unwrap()).map(|_| 1).sum())
        }
        4 => {
            let mut pcap = open_pcap();
            Box::new(move || {
                let mut taken = 0;
                while pcap.dispatch(Some(64), |packet| taken += u32::from(!black_box(packet.data).is_empty())).unwrap()
                    > 0
                {}
                taken
            })
        }
        5 => {
            let mut pcap = open_pcap();
            Box::new(move || {
                (0..HEARD)
                    .map_while(|_| pcap.next_packet().map(|packet| black_box(packet).data.len()).ok())
                    .map(|_| 1)
                    .sum()
            })
        }
        6 => {
            let socket = packet_socket();
            Box::new(move || {
                let mut taken = 0;
                while recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT).is_ok() {
                    taken += 1;
                }
                taken
            })
        }
        _ => {
            let mut air = MonitorCapture::open(CARD, now).unwrap();
            Box::new(move || (0..HEARD).map(|_| u32::from(air.capture(&mut buffer, now).unwrap().is_none())).sum())
        }
    }
}

fn send_batch(pcap: &Capture<Active>, frame: &[u8], most: u32) -> u32 {
    let part = [IoSlice::new(frame)];
    let mut controls: [SendAncillaryBuffer<'_, '_, '_>; BATCH] = Default::default();
    let mut messages: Vec<_> = controls.iter_mut().map(|control| MMsgHdr::new(&part, control)).collect();
    messages.truncate(most.try_into().unwrap());
    sendmmsg(pcap, &mut messages, SendFlags::DONTWAIT).unwrap().try_into().unwrap()
}

/// A frame of ours behind this radiotap header.
fn frame(radiotap: &[u8]) -> Vec<u8> {
    let header =
        PacketHeader { link: LinkId::from_number(7), stream: 0, kind: Kind::Source, session: 1, sequence: 1 }.emit();
    let mut frame = [radiotap, &header].concat();
    frame.resize(FRAME_BYTES, 0xa5);
    frame
}

fn open_pcap() -> Capture<Active> {
    let capture = Capture::from_device(CARD).unwrap().immediate_mode(true).snaplen(4000).buffer_size(8 << 20);
    capture.open().unwrap().setnonblock().unwrap()
}

/// Hears all interfaces; here there is only the one.
fn packet_socket() -> OwnedFd {
    let every_protocol = Protocol::from_raw(NonZeroU32::new(u32::from(3_u16.to_be())).unwrap());
    let socket = socket(AddressFamily::PACKET, SocketType::RAW, Some(every_protocol)).unwrap();
    set_socket_recv_buffer_size_force(&socket, 32 << 20).unwrap();
    socket
}
