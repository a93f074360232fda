//! `skylark-tx`: takes H.264, protects it, seals it and injects it as 802.11 frames.

use std::process::ExitCode;

fn main() -> ExitCode {
    skylark_tx::program::main()
}
