//! What a pilot does, with the real programs on a real 802.11 stack: runs in the guest that `make test-realair`
//! boots, in real time as the guest has it, test after test.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that drives real programs in real time, and says how it goes"
)]

mod camera;
#[path = "../tests/programs/desk.rs"]
#[expect(dead_code, reason = "each test that has a desk uses another part of it")]
mod desk;
mod faults;
mod hwsim;
mod link;
mod radios;
mod setup;
mod unplug;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// A name that says what must hold, and what tries it.
type Test = (&'static str, fn());

const TESTS: [&[Test]; 5] = [&setup::TESTS, &link::TESTS, &camera::TESTS, &faults::TESTS, &unplug::TESTS];

/// Runs the tests whose names contain one of the arguments, all without one.
fn main() -> ExitCode {
    if std::env::var_os("SKYLARK_REALAIR_GUEST").is_none() {
        println!("realair: nothing is tested here; `make test-realair` boots the guest this is for");
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in TESTS.concat() {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        radios::give_back();
        let start = Instant::now();
        let went_well = catch_unwind(AssertUnwindSafe(test)).is_ok();
        println!("{} {name} ({} ms)", if went_well { "ok    " } else { "FAILED" }, start.elapsed().as_millis());
        *(if went_well { &mut passed } else { &mut failed }) += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
