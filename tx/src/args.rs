//! The command line of `skylark-tx`.

mod dialect;
mod input;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};
use skylark_common::feed::feeds::FeedTarget;
use skylark_common::options::{AirTarget, StatsTarget, duration};
use skylark_common::wire::announce::Payload;
use skylark_common::wire::radiotap::{Format, GuardInterval, MAX_STREAMS, TxRate, Width};

use crate::sender::RateLimits;
pub(crate) use dialect::DialectArgs;
pub(crate) use input::Input;
use values::{bits_per_s, size};

const EXAMPLES: &str = "\
Examples:
  skylark-tx --input test --air udp:127.0.0.1:5801 --key link.key
      a moving pattern, over UDP to a receiver on this desk
  skylark-tx --input exec:'rpicam-vid -t 0 -n --inline --flush --profile baseline -o -' \\
             --air udp:192.168.1.20:5801 --key link.key
      the camera of a Raspberry Pi; its encoder is started again when it dies
  rpicam-vid -t 0 -n --inline --flush -o - | skylark-tx --input - --air udp:192.168.1.20:5801 --key link.key
  skylark-tx --input rtp:5600 --air udp:192.168.1.20:5801 --air pcap:flight.pcap --key link.key
      RTP from a camera, carried 1:1, and every frame recorded for Wireshark
  skylark-tx --input udp:14550 --link mavlink --air udp:192.168.1.20:5802 --key link.key
      datagrams of any kind, carried 1:1; `skylark-rx --link mavlink --output udp:HOST:PORT` hands them on
  skylark-tx --input file:clip.h264 --loop --air udp:192.168.1.20:5801 --key link.key --redundancy 25%
  skylark-tx --input test --size 640x480 --fps 30 --bitrate 2M --duration 10s --stats json \\
             --air udp:127.0.0.1:5801 --key link.key
  skylark-tx --input v4l2:/dev/video0 --air wlan1 --key link.key --vht --width 80 --mcs 4
      802.11ac at 175.5 Mbit/s; the card was set to a channel of 80 MHz before
  skylark-tx --input v4l2:/dev/video0 --air wlan1 --dialect wfb-ng --key drone.key --fec 8/12
      received by WFB-NG ground stations: wfb-ng's own, PixelPilot and others; --ldpc --stbc 1 if they have it

Exit codes: 0 the input has ended or SIGINT/SIGTERM came, 1 failed (one line on stderr says why),
2 the command line was not understood.";

/// Sends live H.264 as FEC-protected, sealed 802.11 frames.
#[derive(Debug, Parser)]
#[command(name = "skylark-tx", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the video comes from: test, - (H.264 on stdin), file:PATH, exec:'COMMAND',
    /// v4l2:/dev/videoN, rtp:[ADDR:]PORT or udp:[ADDR:]PORT.
    ///
    /// `test` is a moving pattern with frame number and clock. `-` takes H.264 (Annex B) as it comes,
    /// `file:` at its frame rate. `exec:` runs a command that writes H.264 to its stdout. `v4l2:` takes
    /// H.264 where the camera offers it and encodes elsewhere. `rtp:` carries RTP over UDP 1:1, `udp:`
    /// datagrams of any kind; ADDR may be a multicast group.
    #[arg(long, value_name = "SRC")]
    pub(crate) input: Input,
    /// Where the frames go: a card (wlan1, monitor:wlan1), cards ('wlx*'), udp:HOST:PORT or pcap:PATH.
    ///
    /// May be given several times: the same frames go out on each. Two cards are best on two channels; on one they share
    /// its airtime. Without it: the card that is in monitor mode, if there is one only.
    #[arg(long = "air", value_name = "AIR")]
    pub(crate) airs: Vec<AirTarget>,
    /// The key file both ends share; `skylark-setup key new FILE` makes one. With --dialect wfb-ng drone.key.
    ///
    /// Without it: $SKYLARK_KEY, ~/.config/skylark/link.key or /etc/skylark/link.key, whichever is there first; with
    /// --dialect wfb-ng drone.key in those folders or /etc/drone.key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// What is spoken on the air, for which link.
    #[command(flatten)]
    pub(crate) dialect: DialectArgs,

    /// Bitrate of the encoder (test, v4l2) where the air carries it; it is lowered by itself where not.
    #[arg(long, default_value = "4M", value_name = "BITS/S", value_parser = bits_per_s)]
    pub(crate) bitrate: u32,
    /// What it is not lowered beyond: pictures are left out then. At most --bitrate.
    #[arg(long, default_value = "500k", value_name = "BITS/S", value_parser = bits_per_s)]
    pub(crate) bitrate_min: u32,
    /// Leave the bitrate of the encoder at --bitrate, whatever the air carries.
    #[arg(long, conflicts_with = "bitrate_min")]
    pub(crate) fixed_bitrate: bool,
    /// Size of the picture (test, v4l2).
    #[arg(long, default_value = "1280x720", value_name = "WxH", value_parser = size)]
    pub(crate) size: (u32, u32),
    /// Pictures a second (test, v4l2, and files that do not say).
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub(crate) fps: u32,
    /// Time between keyframes of the encoder (test, v4l2). A receiver can join at each.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = duration)]
    pub(crate) keyframe_interval: Duration,
    /// Begin a file again at its end.
    #[arg(long = "loop")]
    pub(crate) looped: bool,
    /// What RTP carries.
    #[arg(long, default_value = "auto", value_name = "KIND")]
    pub(crate) payload: RtpPayload,

    /// Modulation and coding scheme: 0 to 31 (802.11n), with --vht 0 to 9. Higher is faster and reaches less far.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=31))]
    pub(crate) mcs: u8,
    /// Send 802.11ac (VHT) instead of 802.11n (HT); both cards must know it.
    ///
    /// Linux's own drivers take no notice of --ldpc and --stbc then.
    #[arg(long)]
    pub(crate) vht: bool,
    /// Spatial streams with --vht, 1 to 4: each needs an antenna at both ends. Without --vht, --mcs says them.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "vht",
          value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_STREAMS)))]
    pub(crate) streams: u8,
    /// Channel width in MHz: 20 or 40, with --vht also 80. Wider is faster and reaches less far.
    #[arg(long, default_value = "20", value_name = "MHZ", value_parser = values::width)]
    pub(crate) width: Width,
    /// Short guard interval: 11 % faster, for short echoes only.
    #[arg(long)]
    pub(crate) short_gi: bool,
    /// LDPC coding: reaches further where both cards know it.
    #[arg(long)]
    pub(crate) ldpc: bool,
    /// STBC streams: the same from two antennas. With --vht 0 or 1.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) stbc: u8,
    /// Send frames at once instead of as fast as the modulation carries them. The bitrate of the encoder stays at
    /// --bitrate then.
    #[arg(long)]
    pub(crate) no_pacing: bool,

    /// One line of JSON a second, on stdout (json) or into a file (json:PATH).
    #[arg(long, value_name = "json[:PATH]")]
    pub(crate) stats: Option<StatsTarget>,
    /// Serve figures as WFB-NG's tools read them of a transmitter, over TCP: [ADDR:]PORT, msgpack:[ADDR:]PORT.
    ///
    /// A message a second, in either dialect, to this machine alone if no address is given. Lines of JSON, which tools look
    /// for at 8102; MessagePack, which older ones look for at 8002. May be given several times.
    #[arg(long, value_name = "[FORMAT:][ADDR:]PORT", num_args = 1..)]
    pub(crate) wfb_stats: Vec<FeedTarget>,
    /// End after this time.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
}

/// What the datagrams of an RTP source hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RtpPayload {
    /// H.264 or H.265 if the first datagrams look like it.
    Auto,
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798): carried and handed on, not decoded at the other end.
    H265,
    /// Anything else.
    Rtp,
}

impl RtpPayload {
    /// What it is called on the air; `None` where that is to be found out.
    pub(crate) const fn payload(self) -> Option<Payload> {
        match self {
            Self::Auto => None,
            Self::H264 => Some(Payload::RtpH264),
            Self::H265 => Some(Payload::RtpH265),
            Self::Rtp => Some(Payload::Rtp),
        }
    }
}

impl Args {
    /// The arguments of this process.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse()?.checked()
    }

    /// Refuses what no option says wrong by itself: rates that do not exist, and what the dialect does not have.
    fn checked(self) -> Result<Self, clap::Error> {
        let checked = self.rate().checked().map_err(|error| error.to_string()).and_then(|_| self.dialect.check());
        match checked {
            Ok(()) => Ok(self),
            Err(error) => Err(Self::command().error(ErrorKind::ValueValidation, error)),
        }
    }

    /// Between which bitrates the encoder is kept, if it is told at all.
    pub(crate) fn bitrate_limits(&self) -> Option<RateLimits> {
        let (most_bits_per_s, least_bits_per_s) = (self.bitrate, self.bitrate_min.min(self.bitrate));
        (!self.fixed_bitrate && !self.no_pacing).then_some(RateLimits { most_bits_per_s, least_bits_per_s })
    }

    /// How frames are modulated.
    pub(crate) fn rate(&self) -> TxRate {
        let guard_interval = if self.short_gi { GuardInterval::Short } else { GuardInterval::Long };
        TxRate {
            format: if self.vht { Format::Vht { streams: self.streams } } else { Format::Ht },
            mcs: self.mcs,
            width: self.width,
            guard_interval,
            ldpc: self.ldpc,
            stbc: self.stbc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &[&str]) -> Result<Args, clap::Error> {
        let least = ["skylark-tx", "--input", "test", "--air", "udp:127.0.0.1:5801", "--key", "k"];
        Args::try_parse_from(least.iter().chain(more))?.checked()
    }

    #[test]
    fn the_command_is_well_formed_and_has_the_stated_defaults() {
        Args::command().debug_assert();
        let args = parse(&[]).unwrap();
        assert_eq!(args.rate(), TxRate::default());
        assert_eq!((args.bitrate, args.size, args.fps), (4_000_000, (1280, 720), 60));
        assert_eq!(args.keyframe_interval, Duration::from_secs(1));
    }

    #[test]
    fn values_carry_units() {
        let more =
            ["--redundancy", "12.5%", "--bitrate", "2.5M", "--duration", "1500ms", "--width", "40", "--short-gi"];
        let args = parse(&more).unwrap();
        assert_eq!((args.dialect.skylark().redundancy_permille, args.bitrate), (125, 2_500_000));
        assert_eq!(args.duration, Some(Duration::from_millis(1500)));
        assert_eq!(args.rate().width, Width::Mhz40);
        assert_eq!(args.rate().guard_interval, GuardInterval::Short);
    }

    #[test]
    fn the_bitrate_is_kept_between_its_limits_unless_it_is_fixed() {
        let limits = |more: &[&str]| parse(more).unwrap().bitrate_limits();
        let both = |most_bits_per_s, least_bits_per_s| Some(RateLimits { most_bits_per_s, least_bits_per_s });
        assert_eq!(limits(&[]), both(4_000_000, 500_000));
        assert_eq!(limits(&["--bitrate", "300k"]), both(300_000, 300_000));
        assert_eq!(limits(&["--bitrate", "8M", "--bitrate-min", "2M"]), both(8_000_000, 2_000_000));
        assert_eq!([limits(&["--fixed-bitrate"]), limits(&["--no-pacing"])], [None; 2]);
        assert!(parse(&["--fixed-bitrate", "--bitrate-min", "1M"]).is_err());
    }

    #[test]
    fn vht_has_streams_and_80_mhz() {
        let args = parse(&["--vht", "--mcs", "5", "--streams", "2", "--width", "80", "--ldpc", "--stbc", "1"]).unwrap();
        let rate = TxRate {
            format: Format::Vht { streams: 2 },
            mcs: 5,
            width: Width::Mhz80,
            guard_interval: GuardInterval::Long,
            ldpc: true,
            stbc: 1,
        };
        assert_eq!(args.rate(), rate);
        assert_eq!(parse(&["--vht"]).unwrap().rate().format, Format::Vht { streams: 1 });
    }

    #[test]
    fn rates_that_do_not_exist_are_refused_in_one_sentence() {
        for (options, reason) in [
            (&["--width", "80"][..], "80 MHz needs VHT"),
            (&["--vht", "--mcs", "10"], "VHT (802.11ac) has MCS 0 to 9, not 10"),
            (&["--vht", "--mcs", "9"], "no VHT MCS 9 with 1 stream(s) at 20 MHz"),
            (&["--vht", "--mcs", "6", "--streams", "3", "--width", "80"], "no VHT MCS 6 with 3 stream(s) at 80 MHz"),
            (&["--mcs", "3", "--stbc", "2"], "STBC 2 does not go with 1 stream(s)"),
            (&["--streams", "2"], "--vht"),
            (&["--vht", "--streams", "5"], "5 is not in 1..=4"),
            (&["--width", "160"], "expected 20, 40 or 80"),
        ] {
            let error = parse(options).unwrap_err();
            assert!(error.to_string().contains(reason), "{options:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn repairs_may_cover_their_own_picture_only() {
        assert_eq!(parse(&["--window", "0"]).unwrap().dialect.skylark().window_units, 0);
        assert_eq!(parse(&["--window", "63"]).unwrap().dialect.skylark().window_units, 63);
    }

    #[test]
    fn several_airs_are_taken() {
        let args = parse(&["--air", "pcap:a.pcap"]).unwrap();
        let expected = [AirTarget::Udp("127.0.0.1:5801".into()), AirTarget::Pcap("a.pcap".into())];
        assert_eq!(args.airs, expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            ["--redundancy", "50"],
            ["--bitrate", "4 bananas"],
            ["--size", "641x480"],
            ["--duration", "10"],
            ["--mcs", "32"],
            ["--window", "64"],
            ["--fec", "raptor"],
            ["--air", "tcp:1"],
            ["--input", "mpeg:x"],
            ["--stats", "xml"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
