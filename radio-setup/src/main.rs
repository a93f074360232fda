//! `skylark-setup`: makes and shows the keys of a link.

mod args;
mod key;
mod report;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return report::usage(&error),
    };
    let Command::Key(command) = args.command;
    match key::run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
