//! What is spoken on the air, and which link is meant: of viewers and relays alike.

use clap::Args;
use skylark_common::options::Dialect;
use skylark_common::wfb_ng::channel::{ChannelId, link_id_of_domain};
use skylark_common::wire::link::LinkId;

use crate::relay::RelayedLink;

/// Which link, in which dialect.
#[derive(Debug, Clone, PartialEq, Args)]
pub(crate) struct OnAir {
    /// What is spoken on the air: skylark or wfb-ng
    ///
    /// `wfb-ng` is the standard of OpenIPC air units, PixelPilot and wfb-ng itself. Everything behind the datagram is the
    /// same; its packets say neither when a picture was captured nor where it ends, so that latency is known from the
    /// first packet heard on, and nothing is shown with damage ahead of its repair. Relays forward all they hear of it at
    /// once: without a key they cannot tell which of its packets a viewer has.
    #[arg(long, value_name = "DIALECT", default_value = "skylark")]
    pub(crate) dialect: Dialect,

    /// The link's name; transmitter, relays and viewers say the same
    ///
    /// With --dialect wfb-ng the link domain, from which the link id follows: 7669206 for "default", which most cameras
    /// use.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) link: String,

    /// The link id of WFB-NG, where it follows from no name: 0 to 16777215
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(..1 << 24), conflicts_with = "link")]
    pub(crate) link_id: Option<u32>,

    /// The radio port of WFB-NG: 0, the default, is video, 16 MAVLink, 32 the tunnel
    ///
    /// From 128 on it is what goes up to the aircraft, and a viewer's key is drone.key.
    #[arg(long, value_name = "PORT")]
    pub(crate) radio_port: Option<u8>,
}

impl OnAir {
    /// What contradicts itself, in words that say what to do.
    ///
    /// # Errors
    /// Options of the other dialect.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_numbered = self.link_id.is_some() || self.radio_port.is_some();
        match self.dialect {
            Dialect::Skylark if is_numbered => {
                Err("--link-id and --radio-port are of WFB-NG: add --dialect wfb-ng, or name the link with --link")
            }
            Dialect::Skylark | Dialect::WfbNg => Ok(()),
        }
    }

    /// The link that is meant; in WFB-NG the stream.
    pub(crate) fn link(&self) -> RelayedLink {
        match self.dialect {
            Dialect::Skylark => RelayedLink::Skylark(LinkId::from_name(&self.link)),
            Dialect::WfbNg => {
                let link_id = self.link_id.unwrap_or_else(|| link_id_of_domain(&self.link));
                RelayedLink::WfbNg(ChannelId::new(link_id, self.radio_port.unwrap_or(ChannelId::VIDEO)))
            }
        }
    }

    /// What people call it: its name, or its link id where that was given.
    pub(crate) fn name(&self) -> String {
        self.link_id.map_or_else(|| self.link.clone(), |link_id| link_id.to_string())
    }
}
