//! The command line of `skylark-rx relay`.

use std::time::Duration;

use clap::Args;
use skylark_common::options::{AirTarget, StatsTarget, duration};

use super::on_air::OnAir;
use super::source::endpoint;

const EXAMPLES: &str = "\
Examples:
  On a roof, with every card in monitor mode:
    skylark-rx relay --name roof
  At the pilot's, in the same network:
    skylark-rx --air relays
  The same from another network, where this relay's address is 10.0.0.7:
    skylark-rx --air relays:10.0.0.7
  Both through a Zenoh router (zenohd) they can reach:
    skylark-rx relay --name roof --connect router.example:7447
    skylark-rx --air relays:router.example
  The video of a WFB-NG camera:
    skylark-rx relay --name roof --dialect wfb-ng --link-id 7669206
    skylark-rx --dialect wfb-ng --link-id 7669206 --key gs.key --air relays";

/// What a relay is told.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RelayArgs {
    /// Where frames come from: a card (wlan1, monitor:wlan1), cards ('wlx*'), udp:[ADDR:]PORT or pcap:PATH
    ///
    /// Without it: every card that is in monitor mode, those that come later as well.
    #[arg(long, value_name = "AIR", num_args = 1.., value_parser = own_air)]
    pub(crate) air: Vec<AirTarget>,

    /// Which link, in which dialect.
    #[command(flatten)]
    pub(crate) on_air: OnAir,

    /// What viewers call this relay; without it the machine's name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// A Zenoh router, a viewer or another relay to connect to: HOST[:PORT]
    #[arg(long, value_name = "HOST", value_parser = endpoint)]
    pub(crate) connect: Vec<String>,

    /// One line of figures a second: json (standard output) or json:PATH
    #[arg(long, value_name = "json[:PATH]")]
    pub(crate) stats: Option<StatsTarget>,

    /// End after this long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
}

/// An air of this machine.
fn own_air(text: &str) -> Result<AirTarget, &'static str> {
    if text == "relays" || text.starts_with("relays:") {
        return Err("a relay forwards what this machine hears: expected a card (wlan1, wlx*), udp: or pcap:");
    }
    text.parse()
}
