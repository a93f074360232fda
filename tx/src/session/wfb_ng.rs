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
use crate::sender::{Closing, WfbNg, WfbNgConfig};

impl Key for EndKey {
    type Dialect = WfbNg;
    const TELLS_PAYLOAD: bool = false;
    const REPAIRS: &'static str = "the repairs of --fec";
    const SESSION_DIGITS: usize = 8;

    fn read(args: &Args) -> anyhow::Result<Self> {
        let end = End::sending(args.dialect.channel());
        let path = args.key.clone().map_or_else(|| key_file::find(end), Ok)?;
        let key = key_file::read(&path, end)?;
        warn_if_exposed(&path);
        Ok(key)
    }

    fn dialect(&self, args: &Args, payload: Payload, _clock: Clock, _now: Instant) -> anyhow::Result<WfbNg> {
        Ok(WfbNg::new(config(args, payload), self, SessionSeed::from_bytes(random()?)))
    }

    fn names(&self, args: &Args) -> Names {
        let channel = args.dialect.channel();
        let WfbNgConfig { code, .. } = args.dialect.wfb_ng(Payload::Opaque);
        let key = format!("{:08x}", self.fingerprint());
        Names {
            dialect: args.dialect.dialect.name(),
            link_id: format!("{:06x}", channel.link_id()),
            told: format!("WFB-NG link {channel}, key {key}, blocks of {code}"),
            key,
        }
    }

    fn fec(args: &Args) -> Fec {
        let WfbNgConfig { code, epoch, channel, .. } = args.dialect.wfb_ng(Payload::Opaque);
        Fec::WfbNg { code: "reed-solomon", k: code.k(), n: code.n(), epoch, radio_port: channel.radio_port() }
    }
}

/// Frames that are not paced never wait here: whether the air has room for another block's repairs is not seen.
fn config(args: &Args, payload: Payload) -> WfbNgConfig {
    let config = args.dialect.wfb_ng(payload);
    if args.no_pacing { WfbNgConfig { closing: Closing::Never, ..config } } else { config }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn without_pacing_no_block_ends_early() {
        let closing = |more: &[&str]| {
            let line = ["skylark-tx", "--input", "test", "--air", "udp:127.0.0.1:9", "--dialect", "wfb-ng"];
            config(&Args::try_parse_from(line.iter().chain(more)).unwrap(), Payload::H264).closing
        };
        assert_eq!([closing(&[]), closing(&["--no-pacing"])], [Closing::UnitEnds, Closing::Never]);
    }
}
