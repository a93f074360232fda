//! The modelled air as a program between a transmitter and its receivers: UDP in, UDP out per receiver.

mod args;
mod control;
mod history;
mod keys;
mod run;
mod script;
mod signals;
mod spec;
mod stats;
mod terminal;
mod view;

use std::process::ExitCode;

use clap::Parser;

#[expect(clippy::print_stderr, reason = "the one place that tells people why the program failed")]
fn main() -> ExitCode {
    match run::run(args::Args::parse()) {
        Ok(summary) => {
            eprintln!("skylark-air: {summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("skylark-air: {error:#}");
            ExitCode::FAILURE
        }
    }
}
