//! What the real programs carry over TAP cards: RTP in, `skylark-tx` on one card, the air, `skylark-rx` on
//! another, everything counted by the programs themselves.
//!
//! The air is a loop that puts an RX header where the TX header was: no loss, no airtime. Datagrams of 1400 bytes,
//! 60 units a second, 50 % redundancy, a window of 8 units. Environment: `SKYLARK_TAP_SECONDS` (10) for each rate,
//! `SKYLARK_SOAK_FRAMES` (10 million) and `SKYLARK_SOAK_MBIT` (300) for the soak. CPU time is that of all threads
//! of a program, kernel included; instructions are those of user space, by callgrind, which knows no GFNI.
//!
//! Frames are lost when a program does not run for 57 ms: on a machine with other work, `chrt -r 10 make bench`.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "drives real programs by the real clock")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "tap/camera.rs"]
mod camera;
#[path = "tap/flight.rs"]
mod flight;
#[path = "tap/program.rs"]
mod program;
#[path = "tap/wire.rs"]
mod wire;
#[path = "tap/worker.rs"]
mod worker;

use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use flight::{Flight, Totals};
use skylark_tests::tap::own_network;

/// Payload rates in Mbit/s; the field's standard is free of loss up to 100, loses 0.3 % at 200 and 12.8 % at 400.
const RATES_MBIT_PER_S: [u32; 7] = [100, 200, 300, 400, 500, 600, 800];
/// A rate slow enough for a program under callgrind.
const COUNTED_MBIT_PER_S: u32 = 4;
/// A short and a long flight; what lies between is counted.
const COUNTED_S: [u64; 2] = [3, 12];
/// How often the soak says how far it is.
const PROGRESS: Duration = Duration::from_secs(30);
/// Most a program may grow between a tenth of the soak and its end, in KiB: two buffers of frames.
const MOST_GROWTH_KIB: u64 = 1024;

fn main() -> ExitCode {
    if own_network::is_inside() {
        return match own_network::prepare() {
            Ok(()) => fly(),
            Err(reason) => not_measured(&reason),
        };
    }
    let program = std::env::current_exe().unwrap();
    match own_network::command(&program).args(std::env::args().skip(1)).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) if status.code() != Some(NO_NETWORK) => ExitCode::FAILURE,
        other => not_measured(&format!("{other:?}")),
    }
}

/// What `unshare` ends with where there is no network of one's own.
const NO_NETWORK: i32 = 1;

fn not_measured(reason: &dyn std::fmt::Display) -> ExitCode {
    println!("*** NOT MEASURED: what the programs carry over TAP cards: {reason}");
    ExitCode::from(u8::from(own_network::is_required()))
}

fn fly() -> ExitCode {
    let carried = rates();
    instructions();
    soak();
    ExitCode::from(u8::from(!carried))
}

/// The rate it has to carry, and those where it breaks; whether the first was carried whole.
fn rates() -> bool {
    let seconds = from_environment("SKYLARK_TAP_SECONDS", 10);
    println!("1400-byte datagrams, 60 units/s, 50 % redundancy, {seconds} s a row, real programs over TAP");
    println!("Mbit/s  datagrams/s  frames/s   not sent   dropped by       lost   µs of CPU a frame");
    println!("                                tx   air   kernel             %     tx     rx");
    let mut carried = true;
    for mbit_per_s in RATES_MBIT_PER_S {
        let flight = Flight::start(mbit_per_s, None);
        std::thread::sleep(Duration::from_secs(seconds));
        let totals = flight.end();
        print_row(mbit_per_s, &totals);
        if mbit_per_s == RATES_MBIT_PER_S[0] && totals.own_drops() > 0 {
            println!("*** this rate has to be carried whole: {totals:?}");
            carried = false;
        }
    }
    carried
}

fn print_row(mbit_per_s: u32, totals: &Totals) {
    let seconds = totals.seconds;
    let cpu_us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / totals.injected as f64;
    println!(
        "{mbit_per_s:6} {:12.0} {:9.0} {:7} {:5} {:8} {:13.3} {:6.1} {:6.1}",
        totals.sent as f64 / seconds,
        totals.injected as f64 / seconds,
        totals.gave_way,
        totals.refused + totals.units_dropped + totals.repairs_dropped,
        totals.kernel_dropped,
        100.0 * totals.lost() as f64 / totals.sent as f64,
        cpu_us(totals.tx_cpu),
        cpu_us(totals.rx_cpu),
    );
}

/// Instructions of each program for a frame, without those of its start.
fn instructions() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions a frame: not counted, there is no valgrind (apt-get install valgrind)");
        return;
    }
    for counted in ["skylark-tx", "skylark-rx"] {
        let [short, long] = COUNTED_S.map(|seconds| {
            let flight = Flight::start(COUNTED_MBIT_PER_S, Some(counted));
            std::thread::sleep(Duration::from_secs(seconds));
            let totals = flight.end();
            (totals.injected, totals.instructions.unwrap())
        });
        let (frames, instructions) = (long.0 - short.0, long.1 - short.1);
        println!("{counted}: {:.0} instructions a frame over {frames} frames", instructions as f64 / frames as f64);
    }
}

/// Many frames, in memory that does not grow.
fn soak() {
    let frames = from_environment("SKYLARK_SOAK_FRAMES", 10_000_000);
    let mbit_per_s = u32::try_from(from_environment("SKYLARK_SOAK_MBIT", 300)).unwrap();
    let flight = Flight::start(mbit_per_s, None);
    let (mut told_at, mut early) = (Instant::now(), None);
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let injected = flight.injected();
        if early.is_none() && injected >= frames / 10 {
            early = Some(flight.memory_kib());
        }
        if injected >= frames {
            break;
        }
        if told_at.elapsed() >= PROGRESS {
            told_at = Instant::now();
            println!("soak: {injected} of {frames} frames, memory of tx and rx {:?} KiB", flight.memory_kib());
            std::io::stdout().flush().unwrap();
        }
    }
    let (early, late) = (early.unwrap(), flight.memory_kib());
    let totals = flight.end();
    println!("soak: {} frames at {mbit_per_s} Mbit/s, {} datagrams lost", totals.injected, totals.lost());
    println!("soak: memory of tx and rx {early:?} KiB after a tenth, {late:?} KiB at the end");
    if totals.own_drops() > 0 {
        println!("soak: dropped somewhere: {totals:?}");
    }
    for (early, late) in early.into_iter().zip(late) {
        assert!(late <= early + MOST_GROWTH_KIB, "memory grew from {early} to {late} KiB");
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
