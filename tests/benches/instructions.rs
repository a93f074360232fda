//! How many instructions sender and receiver need for a video packet, counted by callgrind.
//!
//! Runs itself under valgrind, once for each row, and collects only inside [`counted`]. Instructions differ
//! little from machine to machine; what a row needs at a function is in the files it names
//! (`callgrind_annotate FILE`). Traffic: 10 s of 60 units/s, 8 Mbit/s, a six-fold keyframe each second,
//! datagrams of at most 1400 bytes, 50 % redundancy: what the reference was measured with, at 8/12.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "measure/wfb_ng.rs"]
mod wfb_ng;
#[path = "measure/workload.rs"]
mod workload;

use std::process::Command;
use std::time::Instant;

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::fec::gf256::Engine;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::seed::SessionSeed;
use skylark_tests::Traffic;
use skylark_tests::link::LinkConfig;
use skylark_tx::sender::Dialect;
use skylark_tx::{Closing, Sender, SenderConfig, WfbNg, WfbNgConfig};
use workload::{Pushed, capture, new_receiver, new_sender, receive, send};

/// Units sent: 10 s.
const UNITS: u32 = 600;

/// What is counted, what the field's standard (wfb-ng 26.8, 8/12) needs for the same, and the most it may be.
const ROWS: [(&str, &str, &str, u32); 12] = [
    ("tx", "sender", "26400", 23_900),
    ("rx-1", "receiver, 1 card", "34600", 17_400),
    ("rx-2", "receiver, 2 cards, the second hears the same", "68000", 19_700),
    ("rx-loss", "receiver, 1 card, 10 % loss", "32200", 18_500),
    ("rx-2-loss", "receiver, 2 cards, 10 % loss each", "", 19_400),
    ("rx-2-bad", "receiver, 2 cards, the second hears all damaged", "", 23_000),
    ("tx-wfb-open", "sender, WFB-NG, blocks as the field has them", "26400", 20_900),
    ("tx-wfb", "sender, WFB-NG, blocks that close", "", 24_900),
    ("rx-2-both", "receiver, 2 cards, 30 % damaged at each", "", 86_000),
    ("rx-wfb-1", "receiver, WFB-NG, 1 card", "34600", 22_400),
    ("rx-wfb-2", "receiver, WFB-NG, 2 cards, the second hears the same", "68000", 26_300),
    ("rx-wfb-loss", "receiver, WFB-NG, 1 card, 10 % loss", "32200", 21_300),
];

fn main() {
    let row = std::env::args().skip_while(|arg| arg != "--row").nth(1);
    match row {
        Some(row) => run(&row),
        None if Command::new("valgrind").arg("--version").output().is_ok() => print_table(),
        None => println!("instructions per video packet: not counted, there is no valgrind (apt-get install valgrind)"),
    }
}

fn print_table() {
    let packets = traffic().len() as f64;
    println!("kernel, instructions per video packet, {packets} of them    here   wfb-ng");
    let [_, one, two, ..] = ROWS.map(|(row, name, reference, most)| {
        let count = count(row) / packets;
        println!("{name:46} {count:10.0} {reference:>8}");
        assert!(count <= f64::from(most), "{name}: {count:.0} instructions a packet, at most {most} are allowed");
        count
    });
    let second = 100.0 * (two - one) / one;
    println!("the second card costs {second:.1} % of the first");
    assert!(second <= 30.0, "a card that brings duplicates only may cost 30 % of the first");
    println!("by function: callgrind_annotate {}/callgrind.*", env!("CARGO_TARGET_TMPDIR"));
}

/// Instructions of one row, as callgrind says them at its end.
fn count(row: &str) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted*"])
        .arg(format!("--callgrind-out-file={}/callgrind.{row}", env!("CARGO_TARGET_TMPDIR")))
        .arg(std::env::current_exe().unwrap())
        .args(["--row", row])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind failed: {said}");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    let (_, collected) = said.split_once("Collected : ").unwrap();
    collected.split_whitespace().next().unwrap().parse().unwrap()
}

/// What is run under valgrind.
fn run(row: &str) {
    let (video, start) = (traffic(), Instant::now());
    print!("{:6}", Engine::best().name());
    let lossy = ReceiverConfig { loss: Loss::Independent { share: 0.1 }, ..ReceiverConfig::default() };
    let damaged = |bit_error_share| ReceiverConfig { bit_error_share, ..ReceiverConfig::default() };
    let cards = match row {
        "rx-1" => vec![ReceiverConfig::default()],
        "rx-2" => vec![ReceiverConfig::default(); 2],
        "rx-loss" => vec![lossy],
        "rx-2-loss" => vec![lossy; 2],
        "rx-2-bad" => vec![ReceiverConfig::default(), damaged(1.0)],
        "rx-2-both" => vec![damaged(0.3); 2],
        "rx-wfb-1" => return wfb_ng::receive(&video, vec![ReceiverConfig::default()], start),
        "rx-wfb-2" => return wfb_ng::receive(&video, vec![ReceiverConfig::default(); 2], start),
        "rx-wfb-loss" => return wfb_ng::receive(&video, vec![lossy], start),
        "tx-wfb" => return transmit(new_wfb_ng_sender(Closing::UnitEnds, start), &video, start),
        "tx-wfb-open" => return transmit(new_wfb_ng_sender(Closing::Never, start), &video, start),
        _ => return transmit(new_sender(start), &video, start),
    };
    let captured = capture(&video, cards, start);
    let (mut receiver, mut datagrams) = (new_receiver(start), 0);
    counted(|| receive(&mut receiver, &captured, |_| datagrams += 1));
    assert!(datagrams + 100 > video.len(), "{datagrams} of {} were handed on", video.len());
}

/// A sender of the field's dialect, 8/12, at the same modulation.
fn new_wfb_ng_sender(closing: Closing, start: Instant) -> Sender<WfbNg> {
    let link = WfbNgConfig { closing, ..WfbNgConfig::new(ChannelId::new(7_669_206, ChannelId::VIDEO)) };
    let keys = KeyPair::from_secrets([1; 32], [2; 32]);
    let dialect = WfbNg::new(link, &keys.drone, SessionSeed::from_bytes([1; SessionSeed::LEN]));
    Sender::new(SenderConfig { rate: LinkConfig::default().rate, ..SenderConfig::default() }, dialect, start)
}

fn transmit<D: Dialect>(mut sender: Sender<D>, video: &[Pushed], start: Instant) {
    let mut frames = 0;
    counted(|| send(&mut sender, video, start, |_, _| frames += 1));
    assert!(frames > video.len());
}

/// What callgrind collects: everything called from here.
#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}

fn traffic() -> Vec<Pushed> {
    let traffic = Traffic::default();
    let unit = |unit: u32| {
        let count = traffic.datagrams(unit);
        (0..count).map(move |index| Pushed {
            bytes: traffic.datagram(unit, index),
            end_of_unit: index + 1 == count,
            keyframe: traffic.is_keyframe(unit),
            at: traffic.interval() * unit,
        })
    };
    (0..UNITS).flat_map(unit).collect()
}
