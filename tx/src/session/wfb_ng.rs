//! Sessions of WFB-NG.

use std::time::Instant;

use skylark_common::wfb_ng::key_file::{self, End};
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::seed::SessionSeed;
use skylark_common::wire::announce::Payload;

use super::{Key, Names, random, warn_if_exposed};
use crate::args::Args;
use crate::clock::Clock;
use crate::events::Fec;
use crate::sender::{WfbNg, WfbNgConfig};

impl Key for EndKey {
    type Dialect = WfbNg;
    const TELLS_PAYLOAD: bool = false;
    const REPAIRS: &'static str = "the repairs of --fec";

    fn read(args: &Args) -> anyhow::Result<Self> {
        let end = End::sending(args.dialect.channel());
        let path = args.key.clone().map_or_else(|| key_file::find(end), Ok)?;
        let key = key_file::read(&path, end)?;
        warn_if_exposed(&path);
        Ok(key)
    }

    fn dialect(&self, args: &Args, payload: Payload, _clock: Clock, _now: Instant) -> anyhow::Result<WfbNg> {
        Ok(WfbNg::new(args.dialect.wfb_ng(payload), self, SessionSeed::from_bytes(random()?)))
    }

    fn names(&self, args: &Args) -> Names {
        let channel = args.dialect.channel();
        let WfbNgConfig { code, .. } = args.dialect.wfb_ng(Payload::Opaque);
        Names {
            dialect: args.dialect.dialect.name(),
            link_id: format!("{:06x}", channel.link_id()),
            key: None,
            told: format!("WFB-NG link {channel}, blocks of {code}"),
        }
    }

    fn fec(args: &Args) -> Fec {
        let WfbNgConfig { code, epoch, channel, .. } = args.dialect.wfb_ng(Payload::Opaque);
        Fec::WfbNg { code: "reed-solomon", k: code.k(), n: code.n(), epoch, radio_port: channel.radio_port() }
    }
}
