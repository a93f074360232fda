//! The program: opens everything, starts the threads, says how it ended.
//!
//! ```text
//!  signals ──────────────▸ stop
//!  source  ─▸ outlet ─▸ link (this thread)
//! ```

use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use clap::Parser as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::seal::{LinkKey, key_file};
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;

use crate::args::Args;
use crate::clock::Clock;
use crate::events::{Event, Start};
use crate::link::airs::Airs;
use crate::link::{Link, Transmitter};
use crate::outlet::Outlet;
use crate::report::{self, Reporter, note};
use crate::sender::{Entropy, Pacing, Sender, SenderConfig, StreamConfig};
use crate::source::Source;

/// Frames leave 0.3 ms apart; the kernel's 50 µs of timer slack would be seen.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// Runs `skylark-tx` with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    env_logger::init();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return report::usage(&error),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let clock = Clock::read();
    let key = key_file::read(&args.key)?;
    if let Some(warning) = key_file::mode(&args.key).ok().and_then(|mode| key_file::exposure(&args.key, mode)) {
        note(format_args!("warning: {warning}"));
    }
    let mut source = Source::open(args, clock)?;
    let airs = Airs::open(&args.airs, clock.started)?;
    let mut reporter = Reporter::open(args.stats.as_ref())?;
    let outlet = Outlet::new(source.queue_capacity()).context("eventfd")?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signal handlers")?;
    let watching = signals.handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if signals.forever().next().is_some() {
                outlet.end();
            }
        });
        let ended = fly(args, clock, &key, &mut source, airs, &mut reporter, &outlet);
        outlet.end();
        watching.close();
        ended
    })
}
