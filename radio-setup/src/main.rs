//! `skylark-setup`: lists cards, sets them up and gives them back, says what is wrong, makes and moves keys.

mod args;
mod doctor;
mod down;
mod key;
mod list;
mod pair;
mod report;
mod up;

use std::process::ExitCode;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return report::usage(&error),
    };
    let done = match args.command {
        Command::List(command) => list::run(&command),
        Command::Key(command) => key::run(command),
        Command::Pair(command) => pair::run(command),
        Command::Up(command) => up::run(&command),
        Command::Down(command) => down::run(&command),
        Command::Doctor(command) => return doctor::run(&command).unwrap_or_else(|error| report::failure(&error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
