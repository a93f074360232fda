//! Which dialect is spoken, for which link and with which key: what the command line comes to.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use skylark_common::seal::{self, LinkKey};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::key_file::{self, End};
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wire::link::LinkId;

use crate::args::Args;
use crate::receiver::DialectReceiver;
use crate::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use crate::relay::RelayedLink;
use crate::signal::{Listening, Names, Target};
use crate::tell::tell;
use crate::{Receiver, ReceiverConfig};

/// A link and the key that opens it.
#[derive(Debug)]
pub(crate) enum Spoken {
    /// Our own dialect.
    Skylark {
        /// Which link.
        link: LinkId,
        /// What opens it.
        key: LinkKey,
    },
    /// The field's.
    WfbNg {
        /// Which stream of which link.
        channel: ChannelId,
        /// What opens its sessions.
        key: EndKey,
        /// Where that was.
        path: PathBuf,
    },
}

impl Spoken {
    /// Reads the key of the link the command line names.
    ///
    /// # Errors
    /// There is no key, or the file is none of this end and dialect.
    pub(crate) fn of(args: &Args) -> Result<Self> {
        match args.on_air.link() {
            RelayedLink::Skylark(link) => {
                let path = args.key.clone().map_or_else(seal::key_file::find, Ok)?;
                let key = seal::key_file::read(&path)?;
                warn_if_exposed(&path);
                Ok(Self::Skylark { link, key })
            }
            RelayedLink::WfbNg(channel) => {
                let end = End::hearing(channel);
                let path = args.key.clone().map_or_else(|| key_file::find(end), Ok)?;
                let key = key_file::read(&path, end)?;
                warn_if_exposed(&path);
                Ok(Self::WfbNg { channel, key, path })
            }
        }
    }

    /// What this end is called.
    pub(crate) fn names(&self, args: &Args) -> Names {
        let target = match self {
            Self::Skylark { link, key } => Target::Skylark { link: *link, fingerprint: key.fingerprint() },
            Self::WfbNg { channel, path, .. } => Target::WfbNg { channel: *channel, key: path.display().to_string() },
        };
        Names { link_name: args.on_air.name(), target, listening: Listening::to(&args.air) }
    }

    /// A receiver that has heard nothing. `early` is how long the picture may stand, where that counts.
    pub(crate) fn receiver(self, latency_budget: Duration, early: Option<Duration>, now: Instant) -> DialectReceiver {
        match self {
            Self::Skylark { link, key } => {
                let config = ReceiverConfig { link, latency_budget, early, ..ReceiverConfig::default() };
                DialectReceiver::Skylark(Box::new(Receiver::new(config, &key, now)))
            }
            Self::WfbNg { channel, key, .. } => {
                let config = WfbNgConfig { channel, latency_budget };
                DialectReceiver::WfbNg(Box::new(WfbNgReceiver::new(config, key, now)))
            }
        }
    }
}

fn warn_if_exposed(path: &Path) {
    let exposure = seal::key_file::mode(path).ok().and_then(|mode| seal::key_file::exposure(path, mode));
    if let Some(warning) = exposure {
        tell(&format!("warning: {warning}"));
    }
}
