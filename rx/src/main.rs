//! skylark-rx: frames from any number of cards in, pictures out.

mod airs;
mod args;
mod board;
mod clock;
mod control;
mod decode;
mod decoder;
#[cfg(feature = "relay")]
mod fabric;
mod link;
#[cfg(feature = "window")]
mod osd;
mod output;
mod picture;
mod program;
mod radio;
#[cfg(feature = "relay")]
mod relaying;
mod report;
mod reporter;
mod signal;
#[cfg(feature = "relay")]
mod stations;
mod stats_lines;
mod tell;
mod trust;
mod unit;
mod verdict;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::Args;
use program::Ended;
use tell::tell;

fn main() -> ExitCode {
    let args = match Args::try_parse().and_then(checked) {
        Ok(args) => args,
        Err(error) => {
            // Nobody is left to be told when even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    #[cfg(feature = "relay")]
    if let Some(args::Command::Relay(args)) = &args.command {
        return match relaying::run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    match program::run(&args) {
        Ok(Ended::AsAsked) => ExitCode::SUCCESS,
        Ok(Ended::WithoutPicture) => {
            tell("no picture arrived");
            ExitCode::from(3)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tell(&format!("{error:#}"));
    ExitCode::FAILURE
}

fn checked(args: Args) -> Result<Args, clap::Error> {
    let contradiction = |words| Args::command().error(clap::error::ErrorKind::ArgumentConflict, words);
    args.check().map_err(contradiction)?;
    Ok(args)
}
