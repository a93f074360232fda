//! How old the picture on the screen is, and what the link adds: Skylark beside the usual alternative, on the same
//! picture, read from the screen by the same observer.
//!
//! 1280 x 720, 60 pictures a second, 4 Mbit/s, software encoders and decoders, everything on this machine; the display is
//! Xvfb, so that showing is copying. Rows take turns; each figure is the median of the rounds. Environment:
//! `SKYLARK_LATENCY_SECONDS` (8) for each row and round, `SKYLARK_LATENCY_ROUNDS` (3).
//!
//! It fails where a row shows nothing or one of its programs ends, and where the median of a Skylark row is above its
//! own encoder, decoder and one interval of the pictures, which are measured in the same runs. The 2 ms of the link are
//! wall time, which a busy machine does not keep: they are told, and fail nothing.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "drives real programs by the real clock")]
#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "what fails here is the bench itself")]

#[path = "latency/datagrams.rs"]
mod datagrams;
#[path = "latency/display.rs"]
mod display;
#[path = "latency/observer.rs"]
mod observer;
#[path = "latency/program.rs"]
mod program;
#[path = "latency/row.rs"]
mod row;

use std::num::NonZeroU64;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use datagrams::Added;
use display::Display;
use row::{Row, Run};
use skylark_common::ledger::Summary;
use skylark_common::seal::LinkKey;

/// What GStreamer's rows need.
const GSTREAMER: &str = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
                         gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x";
/// The elements of its pipelines.
const ELEMENTS: [&str; 5] = ["rawvideoparse", "x264enc", "rtph264pay", "avdec_h264", "ximagesink"];
const INTERVAL_US: u64 = 16_667;
/// What the link may add, at most, in 99 of 100 datagrams.
const MOST_ADDED_US: u64 = 2000;

fn main() -> ExitCode {
    let lasts = Duration::from_secs(from_environment("SKYLARK_LATENCY_SECONDS", 8));
    let rounds = from_environment("SKYLARK_LATENCY_ROUNDS", 3);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("link.key"), LinkKey::from_bytes([7; 32]).to_text()).unwrap();
    let carried = added(folder.path(), lasts, rounds);
    let shown = match Display::start() {
        Ok(Some(display)) => source_to_screen(&display, folder.path(), lasts, rounds),
        Ok(None) => {
            println!("*** NOT MEASURED: source to screen: no Xvfb: apt-get install xvfb");
            true
        }
        Err(reason) => {
            println!("*** NOT MEASURED: source to screen: {reason}");
            false
        }
    };
    ExitCode::from(u8::from(!(carried && shown)))
}

/// What the link adds to a datagram; whether it was measured in each round.
fn added(folder: &Path, lasts: Duration, rounds: u64) -> bool {
    let added: Result<Vec<Added>, String> = (0..rounds).map(|_| datagrams::run(folder, lasts)).collect();
    match &added {
        Ok(added) => print_added(added),
        Err(reason) => println!("*** NOT MEASURED: what the link adds to a datagram: {reason}"),
    }
    added.is_ok()
}

/// What is seen on the screen; whether each row was measured in each round, and ours in the time they are to keep.
fn source_to_screen(display: &Display, folder: &Path, lasts: Duration, rounds: u64) -> bool {
    let missing = missing_elements();
    if !missing.is_empty() {
        println!("*** NOT MEASURED: GStreamer, without {}: apt-get install {GSTREAMER}", missing.join(", "));
    }
    let rows = Row::ALL.into_iter().filter(|row| missing.is_empty() || !row.is_gstreamer());
    let mut runs: Vec<(Row, Result<Vec<Run>, String>)> = rows.map(|row| (row, Ok(Vec::new()))).collect();
    for _ in 0..rounds {
        for (row, runs) in &mut runs {
            let Ok(before) = runs else { continue };
            match row.run(display, folder, lasts) {
                Ok(run) => before.push(run),
                // The median of the other rounds would hide it.
                Err(reason) => *runs = Err(reason),
            }
        }
    }
    print_screen(&runs)
}

/// Whether all of it is as it is to be.
fn print_screen(rows: &[(Row, Result<Vec<Run>, String>)]) -> bool {
    println!("source to screen, 1280 x 720, 60/s, 4 Mbit/s, in ms, seen on the screen");
    println!(
        "                                 p50     p95     p99     max  not seen   own meter p50/p95   encode decode   show   target"
    );
    let mut good = true;
    for (row, runs) in rows {
        good &= match runs {
            Ok(runs) => print_row(*row, runs),
            Err(reason) => {
                println!("*** NOT MEASURED: {}: {reason}", row.name());
                false
            }
        };
    }
    good
}

fn print_row(row: Row, runs: &[Run]) -> bool {
    let seen = |of: fn(&Summary) -> u64| median(runs.iter().map(|run| of(&run.seen.took)));
    let frames =
        median(runs.iter().map(|run| run.seen.skipped * 1000 / (run.seen.skipped + run.seen.took.count).max(1)));
    let figures = [seen(|took| took.p50_us), seen(|took| took.p95_us), seen(|took| took.p99_us)];
    let (shares, most) = (figures.map(ms).join(" "), ms(seen(|took| took.max_us)));
    print!("{:<28} {shares} {most} {:>7.1} %", row.name(), frames as f64 / 10.0);
    if row.is_gstreamer() {
        println!();
        return true;
    }
    print_own(figures[0], runs)
}

/// What Skylark says of itself, and whether the median `seen_us` is what it is to be.
fn print_own(seen_us: u64, runs: &[Run]) -> bool {
    let own: Vec<_> = runs.iter().filter_map(|run| run.own).collect();
    if own.len() < runs.len() {
        println!(" *** NOT MEASURED: its own meter says nothing");
        return false;
    }
    let [encode, decode, show] =
        [|own: &row::Own| own.encode_us, |own: &row::Own| own.decode_us, |own: &row::Own| own.show_us]
            .map(|of| median(own.iter().map(of)));
    let target = encode + decode + INTERVAL_US;
    let reached = seen_us <= target;
    println!(
        " {} /{} {} {} {} {} {}",
        ms(median(own.iter().map(|own| own.took.p50_us))),
        ms(median(own.iter().map(|own| own.took.p95_us))),
        ms(encode),
        ms(decode),
        ms(show),
        ms(target),
        if reached { "reached" } else { "MISSED" }
    );
    reached
}

fn print_added(runs: &[Added]) {
    println!("datagram in at tx to datagram out at rx, 60 units/s, 8 Mbit/s, 50 % redundancy, MCS 3, idle air, in ms");
    println!("                                 p50     p95     p99     max");
    for (name, of) in
        [("in to out", (|run| run.whole) as fn(&Added) -> Summary), ("beyond the modelled air", |run| run.added)]
    {
        let figure = |figure: fn(&Summary) -> u64| ms(median(runs.iter().map(|run| figure(&of(run)))));
        let figures = [figure(|took| took.p50_us), figure(|took| took.p95_us), figure(|took| took.p99_us)];
        println!("{name:<28} {} {}", figures.join(" "), figure(|took| took.max_us));
    }
    let p99 = median(runs.iter().map(|run| run.added.p99_us));
    let (lost, reached) = (runs.iter().map(|run| run.lost).sum::<u64>(), p99 <= MOST_ADDED_US);
    let verdict = if reached { "reached" } else { "MISSED (was the machine idle?)" };
    println!("lost {lost} datagrams; p99 beyond the air at most 2 ms: {verdict}");
    println!();
}

fn ms(us: u64) -> String {
    format!("{:>7.2}", us as f64 / 1000.0)
}

fn median(figures: impl Iterator<Item = u64>) -> u64 {
    let mut figures: Vec<u64> = figures.collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}

fn missing_elements() -> Vec<&'static str> {
    let is_there = |element: &&str| {
        let inspected = Command::new("gst-inspect-1.0").args(["--exists", element]).status();
        inspected.is_ok_and(|status| status.success())
    };
    ELEMENTS.into_iter().filter(|element| !is_there(element)).collect()
}

fn from_environment(name: &str, default: u64) -> u64 {
    let parsed = std::env::var(name).map_or(Ok(default), |text| text.parse::<NonZeroU64>().map(u64::from));
    parsed.unwrap_or_else(|error| panic!("{name}: {error}, expected a number from 1 on"))
}
