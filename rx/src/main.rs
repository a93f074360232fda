//! `skylark-rx`: frames from any number of cards in, pictures out.

use std::process::ExitCode;

fn main() -> ExitCode {
    skylark_rx::program::main()
}
