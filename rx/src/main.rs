//! skylark-rx: frames from any number of cards in, pictures out.

use std::process::ExitCode;

mod args;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
