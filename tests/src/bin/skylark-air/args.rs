//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use skylark_common::options::{StatsTarget, duration};

use crate::spec::ReceiverSpec;

/// A simulated 802.11 channel between skylark-tx and skylark-rx, over UDP
///
/// Frames that arrive at --listen take the air time of their rate one after the other; each --to is a
/// receiver with its own signal and losses. In a terminal it shows the channel live and takes keys.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES, next_line_help = true)]
pub(crate) struct Args {
    /// Where frames come from: PORT or ADDR:PORT
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5800")]
    pub(crate) listen: String,

    /// A receiver, once for each: HOST:PORT, then settings after commas
    ///
    /// rssi=DBM       signal power, default -55; frames too weak for their rate are lost
    /// noise=DBM      noise power, default -95
    /// loss=none      nothing beyond frames that are too weak (default)
    /// loss=random:10%
    /// loss=burst:10%,5        share, mean length in frames
    /// loss=fade:10%,20ms,90%  share, mean length, share lost inside (default 100%)
    /// loss=trace:FILE         digits 0 heard 1 lost, or "runs" and lengths, heard and lost in turn
    /// delay=10ms     what its card and bus add, default 0
    /// antennas=2     antennas its card reports, 1 to 4, default 1
    /// damaged=20%    share of lost frames heard with flipped bits and a bad FCS, default 0%
    /// errors=20%     share of the other frames with bursts of wrong bits and a bad FCS, default 0%
    #[arg(long = "to", value_name = "HOST:PORT[,SETTING...]", required = true, verbatim_doc_comment)]
    pub(crate) receivers: Vec<ReceiverSpec>,

    /// Begins the random numbers: the same seed loses the same frames
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Timed commands: lines of SECONDS, rx1 (or all), and rssi DBM, loss LOSS, cut or back
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,

    /// Ends after this time, such as 10s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// One JSON line a second, on stdout or in a file: json or json:PATH
    #[arg(long, value_name = "json[:PATH]")]
    pub(crate) stats: Option<StatsTarget>,

    /// No live view, even in a terminal
    #[arg(long)]
    pub(crate) plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  skylark-air --to 127.0.0.1:5801
      One receiver; walk its signal with the arrow keys while the picture runs.
  skylark-air --to 127.0.0.1:5801,loss=random:20% --to 127.0.0.1:5802,loss=burst:10%,5,rssi=-70
      Two receivers of one transmitter, each with losses of its own.
  skylark-air --to 127.0.0.1:5801 --script flight.txt --duration 10s --stats json:air.json
      Without a terminal. flight.txt:
        2.0 rx1 rssi -85
        3.5 rx1 loss random:30%
        5.0 all cut
        6.0 all back

Exit code: 0 ended as asked, 1 failed while running, 2 wrong command line.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_its_examples_are_accepted() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        let example = "skylark-air --to 127.0.0.1:5801,loss=random:20% --to 127.0.0.1:5802,loss=burst:10%,5,rssi=-70";
        let args = Args::try_parse_from(example.split(' ')).unwrap();
        assert_eq!(args.receivers.len(), 2);
        assert_eq!(args.listen, "127.0.0.1:5800");
    }

    #[test]
    fn a_command_line_without_a_receiver_is_refused() {
        assert!(Args::try_parse_from(["skylark-air"]).is_err());
    }
}
