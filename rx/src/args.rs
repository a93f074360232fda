//! The command line: what the user may say, and what of it contradicts itself.

mod on_air;
#[cfg(feature = "relay")]
mod relay;
mod source;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
#[cfg(feature = "relay")]
use clap::Subcommand;
use skylark_common::feed::feeds::FeedTarget;
use skylark_common::options::{AirTarget, Dialect, StatsTarget, duration};

pub(crate) use on_air::OnAir;
#[cfg(feature = "relay")]
pub(crate) use relay::RelayArgs;
#[cfg(feature = "relay")]
pub(crate) use source::RELAY_PORT;
pub(crate) use source::Source;
use values::latency_budget;
pub(crate) use values::{OutputArg, ShowDamageAfter};

const EXAMPLES: &str = "\
Examples:
  Every card in monitor mode (skylark-setup up), in a window:
    skylark-rx
  Two cards, the stream to QGroundControl, a recording beside it:
    skylark-rx --air wlan1 --air wlan2 --output rtp:127.0.0.1:5600 --output file:flight.h264
  The stream to a player that must be told what it is:
    skylark-rx --output rtp:127.0.0.1:5602 --sdp link.sdp
    ffplay -protocol_whitelist file,udp,rtp -fflags nobuffer -flags low_delay link.sdp
  What relays along the field hear, beside a card of this machine:
    skylark-rx --air relays --air wlan1
  A camera that speaks WFB-NG (OpenIPC and others), its picture in the window and to QGroundControl:
    skylark-rx --dialect wfb-ng --key gs.key --output window --output rtp:127.0.0.1:5600
  Watch what a transmitter on this desk sends:
    skylark-rx --air udp:5801 --key link.key
  Ten seconds without a display, the last picture and figures in files:
    skylark-rx --air udp:5801 --key link.key --output png:last.png \\
        --stats json:stats.json --duration 10s
  From source to screen in milliseconds, beside a skylark-tx --input test:
    skylark-rx --air udp:5801 --key link.key --measure-latency
  A recording, as fast as it can be read, into a player:
    skylark-rx --air pcap:flight.pcap --as-fast-as-possible --key link.key --output - | ffplay -

In the window: F full screen, O the figures, Q or Esc ends.

Exit codes:
  0  ended as asked: by the window, a signal, --duration or the end of the recordings
  1  a failure: the key, an air, the last output that was left, video that could not be written, or a
     recording nothing in which was of use
  2  the command line does not make sense
  3  a png: output was asked for and no picture arrived";

/// Receives a Skylark link: merges what every card hears, repairs it, shows it and hands it on.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "skylark-rx", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// What else the program can do.
    #[cfg(feature = "relay")]
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Where frames come from: a card (wlan1, monitor:wlan1), cards ('wlx*'), relays[:HOST], udp:[ADDR:]PORT or
    /// pcap:PATH
    ///
    /// May be given several times; each card counts by itself, and the first copy of a packet wins. Cards that match a
    /// pattern join when they come. `relays` is every relay of this link (skylark-rx relay) in this network; with a host,
    /// also those behind that relay or Zenoh router. A recording's end ends the program. Without it: every card that is
    /// in monitor mode.
    #[arg(long, value_name = "AIR", num_args = 1..)]
    pub(crate) air: Vec<Source>,

    /// Which link, in which dialect.
    #[command(flatten)]
    pub(crate) on_air: OnAir,

    /// The link's key file (skylark-setup key new, or pair); with --dialect wfb-ng gs.key
    ///
    /// Without it: $SKYLARK_KEY, ~/.config/skylark/link.key or /etc/skylark/link.key, whichever is there first; with
    /// --dialect wfb-ng gs.key in those folders or /etc/gs.key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Where the stream goes: window, rtp:HOST:PORT (or udp:), - (Annex B), file:PATH (Annex B), png:PATH or none
    ///
    /// May be given several times; without it the window. `window` shows it, with figures over it. `rtp:` sends the datagrams as they
    /// came, to one host or a multicast group: RTP and everything else goes out bit for bit, Annex B as RTP (RFC 6184);
    /// `udp:` is the same by another name. `-` and
    /// `file:` write Annex B from the first keyframe on, and only then is a file that is there emptied. `png:`
    /// keeps the last picture. `none` only counts.
    #[arg(long, value_name = "OUT", num_args = 1.., default_value = "window")]
    pub(crate) output: Vec<OutputArg>,

    /// Say in this file what the first rtp: output sends, for players that must be told (ffplay, VLC, GStreamer): SDP
    ///
    /// It is there at once, with H.264 in it, and replaced when H.265 comes, another payload type or other parameter sets.
    /// Of several rtp: outputs the others send the same: give their players a copy with the port changed.
    #[arg(long, value_name = "FILE")]
    pub(crate) sdp: Option<PathBuf>,

    /// How long a missing datagram may hold back those that follow it
    ///
    /// From 0ms to 5s. Shorter: less delay under loss, and more is lost. The window and png: do not wait for as long:
    /// see --show-damage-after.
    #[arg(long, value_name = "TIME", default_value = "150ms", value_parser = latency_budget)]
    pub(crate) latency_budget: Duration,

    /// How long the picture may stand while something is missing before what came since is shown with damage
    ///
    /// From 0ms to 5s, or never. What is missing is waited for all the same, as long as --latency-budget says: when it
    /// comes, the picture is made good again. Counts for window and png: only; what is handed on or recorded is always
    /// whole or given up. Longer: fewer damaged pictures, and they stand for longer.
    /// Without it 85ms. Not with --dialect wfb-ng.
    #[arg(long, value_name = "TIME", value_parser = ShowDamageAfter::parse)]
    pub(crate) show_damage_after: Option<ShowDamageAfter>,

    /// Read recordings as fast as the outputs take them, not in their own time
    #[arg(long)]
    pub(crate) as_fast_as_possible: bool,

    /// One line of figures a second: json (standard output) or json:PATH
    #[arg(long, value_name = "json[:PATH]")]
    pub(crate) stats: Option<StatsTarget>,

    /// Serve figures as WFB-NG's ground tools read them, over TCP: [ADDR:]PORT, msgpack:[ADDR:]PORT
    ///
    /// A message a second, in either dialect, to this machine alone if no address is given. Lines of JSON, which tools look
    /// for at 8103; MessagePack, which older ones look for at 8003. May be given several times.
    #[arg(long, value_name = "[FORMAT:][ADDR:]PORT", num_args = 1..)]
    pub(crate) wfb_stats: Vec<FeedTarget>,

    /// End after this long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// Measure from source to screen: reads the time code that skylark-tx --input test draws from each picture shown
    ///
    /// Needs a transmitter on this machine, because both ends must share a clock; a recording has no age. Without a window it measures up to the
    /// decoded picture. The figures stand in the window, in --stats and, with a histogram, on stderr at the end.
    #[arg(long, conflicts_with = "measure_loop")]
    pub(crate) measure_latency: bool,

    /// Measure from window to camera to window, with any camera and no shared clock
    ///
    /// The window shows a code that changes ten times a second. Point the transmitter's camera at it, straight, close
    /// enough that the code is at least a third of the picture's height, in focus and without reflections. What is
    /// measured is everything: this display, the camera's exposure, encoder, air, decoder and window; up to one interval
    /// of the camera's pictures of it is waiting for the next exposure.
    #[arg(long)]
    pub(crate) measure_loop: bool,

    /// Show each picture when the display begins another refresh, not at once
    ///
    /// Nothing tears, and a picture waits up to one refresh (17 ms at 60 Hz).
    #[arg(long)]
    pub(crate) vsync: bool,

    /// Start the window in full screen
    #[arg(long)]
    pub(crate) fullscreen: bool,
}

/// What the program does beside showing pictures.
#[cfg(feature = "relay")]
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub(crate) enum Command {
    /// Forwards what the cards of this machine hear to viewers on the network, still sealed: it needs no key
    ///
    /// Viewers of the same link (skylark-rx --air relays) find it by themselves within one network, by UDP multicast to
    /// 224.0.0.224:7446. For viewers elsewhere it listens on TCP port 7447 if that is free.
    Relay(RelayArgs),
}

impl Args {
    /// What contradicts itself, in words that say what to do.
    ///
    /// # Errors
    /// Two users of standard output, two windows, an air that has no speed of its own to be read faster, a
    /// measurement of nothing live, or what the dialect does not have.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.on_air.check()?;
        #[cfg(feature = "relay")]
        if let Some(Command::Relay(relay)) = &self.command {
            return relay.on_air.check();
        }
        if self.show_damage_after.is_some() && self.on_air.dialect == Dialect::WfbNg {
            return Err(
                "--show-damage-after does nothing with --dialect wfb-ng, whose blocks show at once what will not come: \
                 leave it out",
            );
        }
        if self.measure_latency && self.on_air.dialect == Dialect::WfbNg {
            return Err(
                "--measure-latency needs packets that say when a picture was captured, and those of WFB-NG say no \
                        time: use --measure-loop, or leave it out",
            );
        }
        let count = |wanted: &OutputArg| self.output.iter().filter(|output| *output == wanted).count();
        let live = self.air.is_empty() || !self.air.iter().all(|air| matches!(air, Source::Air(AirTarget::Pcap(_))));
        if count(&OutputArg::Stdout) > 0 && self.stats == Some(StatsTarget::Stdout) {
            return Err("--output - and --stats json both write to standard output: use --stats json:PATH");
        }
        if count(&OutputArg::Stdout) > 1 || count(&OutputArg::Window) > 1 {
            return Err("--output - and --output window can be given once each");
        }
        if self.sdp.is_some() && !self.output.iter().any(|output| matches!(output, OutputArg::Rtp(_))) {
            return Err("--sdp says what an rtp: output sends: add --output rtp:HOST:PORT, or leave it out");
        }
        if self.as_fast_as_possible && live {
            return Err("--as-fast-as-possible needs recordings only: give pcap: airs, or leave out the option");
        }
        if (self.measure_latency || self.measure_loop) && !live {
            return Err(
                "a recording's pictures are as old as the recording: --measure-latency and --measure-loop need a \
                        live air beside pcap:, or leave them out",
            );
        }
        if self.measure_loop && count(&OutputArg::Window) == 0 {
            return Err("--measure-loop shows a code in the window: add --output window");
        }
        if count(&OutputArg::Window) > 0 && cfg!(not(feature = "window")) {
            return Err(
                "this build has no window: use --output rtp:HOST:PORT or png:PATH, or build with --features window",
            );
        }
        Ok(())
    }

    /// How long the picture may stand before what came since is shown with damage; none where nothing is shown so.
    pub(crate) fn early(&self) -> Option<Duration> {
        let ShowDamageAfter(after) = self.show_damage_after.unwrap_or_default();
        after.filter(|_| self.wants_pictures())
    }

    /// Whether any output needs decoded pictures.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.measure_latency || self.output.iter().any(|output| matches!(output, OutputArg::Window | OutputArg::Png(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn everything_that_can_be_said_is_understood() {
        let args = parse(
            "skylark-rx --air udp:5801 --air pcap:a.pcap --key k --output window rtp:[::1]:5600 - file:x png:y none \
             --latency-budget 1.5s --link hill --stats json:s --duration 2m --fullscreen",
        )
        .unwrap();
        let airs = [AirTarget::Udp("5801".to_owned()), AirTarget::Pcap("a.pcap".into())];
        assert_eq!(args.air, airs.map(Source::Air));
        assert_eq!(args.output.len(), 6);
        assert_eq!(args.output[1], OutputArg::Rtp("[::1]:5600".to_owned()));
        assert_eq!(args.output[2], OutputArg::Stdout);
        assert_eq!(args.latency_budget, Duration::from_millis(1500));
        assert_eq!(args.duration, Some(Duration::from_secs(120)));
        assert_eq!(args.stats, Some(StatsTarget::File("s".into())));
        assert!(args.fullscreen && args.wants_pictures());
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let args = parse("skylark-rx").unwrap();
        assert_eq!((args.latency_budget, args.on_air.link.as_str()), (Duration::from_millis(150), "default"));
        assert_eq!((args.early(), args.on_air.dialect), (Some(Duration::from_millis(85)), Dialect::Skylark));
        let never = parse("skylark-rx --show-damage-after never").unwrap();
        assert_eq!(never.early(), None);
        assert_eq!((args.air.len(), &args.key, args.output.as_slice()), (0, &None, &[OutputArg::Window][..]));
        let args = parse("skylark-rx --air udp:1.2.3.4:5801 --key k --output none").unwrap();
        assert!(!args.wants_pictures());
        assert_eq!(args.check(), Ok(()));
    }

    #[test]
    fn a_description_needs_something_to_describe() {
        assert!(parse("skylark-rx --output none --sdp x.sdp").unwrap().check().unwrap_err().contains("rtp:HOST:PORT"));
        let args = parse("skylark-rx --output udp:127.0.0.1:5600 --sdp x.sdp").unwrap();
        assert_eq!((args.check(), &args.output[0]), (Ok(()), &OutputArg::Rtp("127.0.0.1:5600".to_owned())));
    }

    #[test]
    fn two_writers_to_standard_output_are_refused() {
        let args = parse("skylark-rx --air udp:1 --key k --output - --stats json").unwrap();
        assert!(args.check().unwrap_err().contains("json:PATH"));
        let args = parse("skylark-rx --air udp:1 --key k --output - --stats json:x").unwrap();
        assert_eq!(args.check(), Ok(()));
    }

    #[test]
    fn what_one_dialect_does_not_have_is_refused() {
        let check = |options: &str| parse(&format!("skylark-rx --output none {options}")).unwrap().check();
        assert_eq!(check("--dialect wfb-ng --link-id 7669206 --radio-port 16"), Ok(()));
        assert_eq!(check("--dialect wfb-ng --link hill --air relays"), Ok(()));
        for (options, words) in [
            ("--link-id 5", "add --dialect wfb-ng"),
            ("--radio-port 0", "add --dialect wfb-ng"),
            ("--dialect wfb-ng --show-damage-after 85ms", "leave it out"),
        ] {
            assert!(check(options).unwrap_err().contains(words), "{options}");
        }
        for options in ["--link hill --link-id 5", "--link-id 16777216", "--radio-port 256", "--dialect wfb"] {
            assert!(parse(&format!("skylark-rx --dialect wfb-ng {options}")).is_err(), "{options}");
        }
    }

    #[cfg(feature = "window")]
    #[test]
    fn the_camera_needs_a_window_to_film() {
        assert!(parse("skylark-rx --output none --measure-loop").unwrap().check().is_err());
        assert_eq!(parse("skylark-rx --measure-loop").unwrap().check(), Ok(()));
        assert!(parse("skylark-rx --measure-loop --measure-latency").is_err());
        assert!(parse("skylark-rx --output none --measure-latency").unwrap().wants_pictures());
    }

    #[cfg(feature = "window")]
    #[test]
    fn the_age_of_a_recording_is_not_measured() {
        for mode in ["--measure-latency", "--measure-loop"] {
            let args = parse(&format!("skylark-rx --air pcap:a pcap:b --key k --output window {mode}")).unwrap();
            assert!(args.check().unwrap_err().contains("recording"), "{mode}");
            let args = parse(&format!("skylark-rx --air udp:1 --key k --output window {mode}")).unwrap();
            assert_eq!(args.check(), Ok(()));
        }
    }

    #[test]
    fn a_live_air_cannot_be_hurried() {
        for airs in ["--air udp:1 pcap:x", "--air wlan1", ""] {
            let args = parse(&format!("skylark-rx {airs} --key k --output none --as-fast-as-possible")).unwrap();
            assert!(args.check().is_err(), "{airs}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        for line in [
            "skylark-rx --air tcp:1 --key k --output none",
            "skylark-rx --air udp:1 --key k --output rtp:5600",
            "skylark-rx --air udp:1 --key k --output none --duration 10",
            "skylark-rx --air udp:1 --key k --output none --duration 0s",
            "skylark-rx --air udp:1 --key k --output none --stats xml",
            "skylark-rx --air udp:1 --key k --output none --latency-budget 6s",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
