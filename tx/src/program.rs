//! The program: opens everything, starts the threads, says how it ended.
//!
//! ```text
//!  signals ──────────────▸ stop
//!  source  ─▸ outlet ─▸ link (this thread) ─▸ figures ─▸ wfb_stats
//! ```

use std::num::NonZeroU64;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, anyhow};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use skylark_common::feed::feeds::Feeds;
use skylark_common::options::Dialect;
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::scheduling::{self, Scheduling};
use skylark_common::seal::LinkKey;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wire::announce::Payload;

use crate::args::{Args, Input, RtpPayload};
use crate::clock::Clock;
use crate::link::airs::Airs;
use crate::link::{Dropped, Link, ToldRate, Transmitter};
use crate::outlet::Outlet;
use crate::radio::{self, Looks};
use crate::report::{self, Reporter, note};
use crate::sender::rate::carried_bits_per_s;
use crate::session::{Key, Sessions, random};
use crate::source::Source;
use crate::wfb_stats::Figures;

/// Frames leave 0.3 ms apart; the kernel's 50 µs of timer slack would be seen.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// What asks the program to end.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Runs `skylark-tx` with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    env_logger::init();
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return report::usage(&error),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    // What lets this program inject is not for the encoder it starts (capabilities(7), ambient set).
    // A kernel that refuses has no such set.
    let _ = rustix::thread::clear_ambient_capability_set();
    let outlet = Outlet::new(Source::queue_capacity(&args.input)).context("eventfd")?;
    let mut signals = listen_to_signals().context("signal handlers")?;
    let watching = signals.handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if signals.forever().next().is_some() {
                outlet.end();
            }
        });
        let ended = match args.dialect.dialect {
            Dialect::Skylark => fly::<LinkKey>(args, &outlet),
            Dialect::WfbNg => fly::<EndKey>(args, &outlet),
        };
        outlet.end();
        watching.close();
        ended
    })
}

/// From here on the first signal is a request, and the second ends the program at once.
fn listen_to_signals() -> std::io::Result<Signals> {
    let requested = Arc::new(AtomicBool::new(false));
    for signal in ENDING {
        flag::register_conditional_default(signal, Arc::clone(&requested))?;
        flag::register(signal, Arc::clone(&requested))?;
    }
    Signals::new(ENDING)
}

/// Opens everything, recordings last: what fails before them leaves an older recording as it was.
fn fly<K: Key>(args: &Args, outlet: &Outlet) -> anyhow::Result<()> {
    let clock = Clock::read();
    let key = K::read(args)?;
    let source = Source::open(args, clock)?;
    let payload = source.payload();
    let sessions = Sessions { args, key: &key, clock, obeys: source.obeys() };
    let sender = sessions.begin(payload)?;
    let feeds = Feeds::listen(&args.wfb_stats).context("--wfb-stats")?;
    let reporter = Reporter::open(args.stats.as_ref())?;
    let airs = Airs::open(&args.airs, args.rate(), clock.started)?;
    let names = airs.names();
    say_what_is_sent_where(args, payload, &key, &names);
    let (cards, looks, figures) = (airs.cards(), Looks::default(), Figures::new());
    let transmitter = Transmitter::new(sender, airs);
    let link = Link {
        outlet,
        sessions,
        payload,
        packetizer: packetizer(transmitter.max_datagram_bytes())?,
        transmitter,
        reporter: &reporter,
        figures: &figures,
        ends_at: args.duration.map(|duration| clock.started + duration),
        looks: &looks,
        scheduling: Scheduling::Ordinary,
        dropped: Dropped::default(),
        rate: ToldRate::default(),
    };
    let title = format!("Skylark {}", args.dialect.link_name());
    std::thread::scope(|scope| {
        scope.spawn(|| radio::run(&cards, args.width, &looks, &outlet.stop));
        scope.spawn(|| figures.serve(feeds, &title, names));
        let ended = run_both(source, link, outlet);
        figures.close();
        ended
    })
}

/// Begins RTP as RFC 3550 5.1 wants it: at random.
fn packetizer(max_datagram_bytes: usize) -> anyhow::Result<Packetizer> {
    let [s0, s1, s2, s3, n0, n1] = random()?;
    let (ssrc, sequence) = (u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([n0, n1]));
    Ok(Packetizer::new(ssrc, sequence, max_datagram_bytes.min(Packetizer::DEFAULT_MAX_DATAGRAM_BYTES)))
}

/// Runs the source beside the link. Whichever ends first ends the other; what failed first is what is told.
fn run_both<K: Key>(source: Source, link: Link<'_, K>, outlet: &Outlet) -> anyhow::Result<()> {
    let scheduling = scheduling::real_time();
    scheduling::keep_real_time();
    std::thread::scope(|scope| {
        let source = scope.spawn(move || {
            let _closes = CloseAtEnd(outlet);
            source.run(outlet)
        });
        // Best effort: without it frames leave some µs later.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        let link = Link { scheduling, ..link }.run();
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

fn say_what_is_sent_where<K: Key>(args: &Args, payload: Payload, key: &K, airs: &[String]) {
    let what = match (&args.input, payload) {
        (Input::Test, _) => {
            let (width, height) = args.size;
            format!("{} ({width}x{height}, {} a second, {} kbit/s)", args.input, args.fps, args.bitrate / 1000)
        }
        (Input::Rtp(_), Payload::RtpH264) if args.payload == RtpPayload::Auto => {
            format!("{} (taken as H.264 until it is not)", args.input)
        }
        (Input::Rtp(_), Payload::RtpH264) => format!("{} (H.264)", args.input),
        (Input::Rtp(_), Payload::RtpH265) => format!("{} (H.265)", args.input),
        (Input::Rtp(_) | Input::Udp(_), _) => format!("{} (carried as it is)", args.input),
        (Input::Stdin, _) => "H.264 from stdin".to_owned(),
        (Input::File(_) | Input::Exec(_) | Input::V4l2(_), _) => args.input.to_string(),
    };
    note(format_args!("{what} → {}, {}, {}", airs.join(" and "), key.names(args).told, args.rate()));
    if let Some(warning) = overload::<K>(args) {
        note(format_args!("warning: {warning}"));
    }
}

/// What to change when the encoder would make more than the modulation carries.
fn overload<K: Key>(args: &Args) -> Option<String> {
    let is_ours = matches!(args.input, Input::Test | Input::V4l2(_));
    if !is_ours || args.no_pacing || !args.fixed_bitrate {
        return None;
    }
    let redundancy_permille = K::fec(args).redundancy_permille();
    let carried = carried_bits_per_s(args.rate(), redundancy_permille);
    (u64::from(args.bitrate) > carried).then(|| {
        format!(
            "{} kbit/s are asked for, {} carries about {} beside {} % of repairs: pictures will be dropped; lower \
             --bitrate or {}, raise --mcs, or leave out --fixed-bitrate",
            args.bitrate / 1000,
            args.rate(),
            carried / 1000,
            f32::from(redundancy_permille) / 10.0,
            K::REPAIRS,
        )
    })
}
