//! Which dialect is spoken, for which link and with which key: what the command line comes to.

pub(crate) mod receiver;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use skylark_common::options::Dialect;
use skylark_common::seal::{self, LinkKey};
use skylark_common::wfb_ng::channel::{ChannelId, link_id_of_domain};
use skylark_common::wfb_ng::key_file::{self, End};
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wire::link::LinkId;

use crate::args::Args;
use crate::link::relayed::Relays;
use crate::receiver::wfb_ng::{WfbNgConfig, WfbNgReceiver};
use crate::signal::{Listening, Names, Target};
use crate::tell::tell;
use crate::{Receiver, ReceiverConfig};
use receiver::DialectReceiver;

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
        match args.dialect {
            Dialect::Skylark => {
                let path = args.key.clone().map_or_else(seal::key_file::find, Ok)?;
                let key = seal::key_file::read(&path)?;
                warn_if_exposed(&path);
                Ok(Self::Skylark { link: LinkId::from_name(&args.link), key })
            }
            Dialect::WfbNg => {
                let link_id = args.link_id.unwrap_or_else(|| link_id_of_domain(&args.link));
                let channel = ChannelId::new(link_id, args.radio_port.unwrap_or(ChannelId::VIDEO));
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
        let link_name = args.link_id.map_or_else(|| args.link.clone(), |link_id| link_id.to_string());
        Names { link_name, target, listening: Listening::to(&args.air) }
    }

    /// Listens to the relays of this link, at these endpoints and in reach.
    ///
    /// # Errors
    /// There is no network, or relays know nothing of this dialect.
    pub(crate) fn listen_to_relays(&self, endpoints: &[String], now: Instant) -> Result<Relays> {
        match self {
            Self::Skylark { link, .. } => Relays::listen(*link, endpoints, now),
            Self::WfbNg { .. } => bail!("relays forward links of the Skylark dialect only"),
        }
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
