//! The program: opens everything, starts the threads, says how it ended.
//!
//! ```text
//!  signals ──────────────▸ stop
//!  source  ─▸ outlet ─▸ link (this thread)
//! ```

use std::num::NonZeroU64;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Parser as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use skylark_common::air::airtime::airtime;
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::seal::{LinkKey, key_file};
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;

use crate::args::{Args, Input};
use crate::clock::Clock;
use crate::events::{Event, Start};
use crate::link::airs::Airs;
use crate::link::{Dropped, Link, Transmitter};
use crate::outlet::Outlet;
use crate::report::{self, Reporter, note};
use crate::sender::{Entropy, Pacing, Sender, SenderConfig, StreamConfig};
use crate::source::Source;

/// Frames leave 0.3 ms apart; the kernel's 50 µs of timer slack would be seen.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;
/// 802.11 header, sequence number, marks and tag around a datagram, and the FCS; docs/PROTOCOL.md.
const FRAME_OVERHEAD_BYTES: usize = 52;

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
    let source = Source::open(args, clock)?;
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
        let ended = fly(args, clock, &key, source, airs, &mut reporter, &outlet);
        outlet.end();
        watching.close();
        ended
    })
}

fn fly(
    args: &Args,
    clock: Clock,
    key: &LinkKey,
    mut source: Source,
    airs: Airs,
    reporter: &mut Reporter,
    outlet: &Outlet,
) -> anyhow::Result<()> {
    let ends_at = args.duration.map(|duration| clock.started + duration);
    let Some(payload) = source.payload(outlet, ends_at)? else {
        note(format_args!("ended before anything came to {}", args.input));
        return Ok(());
    };
    let seeds = random::<8>()?;
    let [s0, s1, s2, s3, n0, n1, ..] = seeds;
    let sender = Sender::new(sender_config(args, payload), key, entropy(&clock)?, clock.started);
    let packetizer = Packetizer::new(
        u32::from_be_bytes([s0, s1, s2, s3]),
        u16::from_be_bytes([n0, n1]),
        Packetizer::DEFAULT_MAX_DATAGRAM_BYTES,
    );
    let names = airs.names();
    let transmitter = Transmitter::new(sender, airs);
    say_what_is_sent_where(args, payload, key, &names);
    reporter.emit(&Event::Start(start(args, payload, key, names, transmitter.session())));
    let link = Link { outlet, transmitter, packetizer, reporter, clock, ends_at, dropped: Dropped::default() };
    run_both(source, link, outlet)
}

/// Runs the source beside the link. Whichever ends first ends the other; what failed first is what is told.
fn run_both(source: Source, link: Link<'_>, outlet: &Outlet) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let source = scope.spawn(move || {
            let _closes = CloseAtEnd(outlet);
            source.run(outlet)
        });
        // Best effort: without it frames leave some µs later.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        let link = link.run();
        outlet.end();
        let source = source.join().unwrap_or_else(|_| Err(anyhow!("the source has panicked")));
        link.and(source)
    })
}

/// Closes the queue when the source ends, however it ends: what waits in it still goes out.
struct CloseAtEnd<'a>(&'a Outlet);

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn sender_config(args: &Args, payload: Payload) -> SenderConfig {
    SenderConfig {
        link: LinkId::from_name(&args.link),
        streams: vec![StreamConfig { payload, fec: args.fec_config(), ..StreamConfig::default() }],
        rate: args.rate(),
        pacing: if args.no_pacing { Pacing::None } else { Pacing::Airtime },
        ..SenderConfig::default()
    }
}

fn entropy(clock: &Clock) -> anyhow::Result<Entropy> {
    Ok(Entropy { salt: random()?, unix_us: clock.unix_us(), clock_id: skylark_common::clock_id::read() })
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers from the kernel: {error}"))?;
    Ok(bytes)
}

fn start(args: &Args, payload: Payload, key: &LinkKey, airs: Vec<String>, session: u32) -> Start {
    Start {
        version: env!("CARGO_PKG_VERSION"),
        link: args.link.clone(),
        link_id: LinkId::from_name(&args.link).to_string(),
        key: format!("{:08x}", key.fingerprint()),
        session: format!("{session:08x}"),
        input: args.input.to_string(),
        payload,
        airs,
        fec: args.fec_config(),
        mcs: args.mcs,
    }
}

fn say_what_is_sent_where(args: &Args, payload: Payload, key: &LinkKey, airs: &[String]) {
    let what = match (&args.input, payload) {
        (Input::Test | Input::V4l2(_), _) => {
            let (width, height) = args.size;
            format!("{} ({width}x{height}, {} a second, {} kbit/s)", args.input, args.fps, args.bitrate / 1000)
        }
        (Input::Rtp(_), Payload::RtpH264) => format!("{} (H.264)", args.input),
        (Input::Rtp(_), _) => format!("{} (not H.264: carried as it is)", args.input),
        (Input::Stdin, _) => "H.264 from stdin".to_owned(),
        (Input::File(_) | Input::Exec(_), _) => args.input.to_string(),
    };
    let fec = args.fec_config();
    note(format_args!(
        "{what} → {}, link {}, key {:08x}, {} code {} %, MCS {}",
        airs.join(" and "),
        args.link,
        key.fingerprint(),
        fec.code,
        f32::from(fec.redundancy_permille) / 10.0,
        args.mcs
    ));
    if let Some(warning) = overload(args) {
        note(format_args!("warning: {warning}"));
    }
}

/// What to change when the encoder would make more than the modulation carries.
fn overload(args: &Args) -> Option<String> {
    if !matches!(args.input, Input::Test | Input::V4l2(_)) || args.no_pacing {
        return None;
    }
    let datagram = Packetizer::DEFAULT_MAX_DATAGRAM_BYTES;
    let frame = airtime(args.rate(), datagram + FRAME_OVERHEAD_BYTES);
    let carried = u64::try_from(datagram * 8).ok()? * 1_000_000 / u64::try_from(frame.as_micros()).ok()?.max(1);
    let needed = u64::from(args.bitrate) * u64::from(1000 + args.redundancy) / 1000;
    (needed > carried).then(|| {
        format!(
            "{} kbit/s with {} % of repairs need {} kbit/s, MCS {} carries about {}: pictures will be \
             dropped; lower --bitrate or --redundancy, or raise --mcs",
            args.bitrate / 1000,
            f32::from(args.redundancy) / 10.0,
            needed / 1000,
            args.mcs,
            carried / 1000
        )
    })
}
