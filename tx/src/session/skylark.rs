//! Sessions of Skylark's own dialect.

use std::time::Instant;

use skylark_common::clock_id;
use skylark_common::seal::{LinkKey, key_file};
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;

use super::{Key, Names, random, warn_if_exposed};
use crate::args::Args;
use crate::clock::Clock;
use crate::events::Fec;
use crate::sender::{Entropy, Skylark, SkylarkConfig, StreamConfig};

impl Key for LinkKey {
    type Dialect = Skylark;
    const TELLS_PAYLOAD: bool = true;
    const REPAIRS: &'static str = "--redundancy";
    const SESSION_DIGITS: usize = 6;

    fn read(args: &Args) -> anyhow::Result<Self> {
        let path = args.key.clone().map_or_else(key_file::find, Ok)?;
        let key = key_file::read(&path)?;
        warn_if_exposed(&path);
        Ok(key)
    }

    fn dialect(&self, args: &Args, payload: Payload, clock: Clock, now: Instant) -> anyhow::Result<Skylark> {
        let entropy = Entropy { salt: random()?, unix_us: clock.unix_us(now), clock_id: clock_id::read() };
        let stream = StreamConfig { payload, fec: args.dialect.skylark(), ..StreamConfig::default() };
        let config = SkylarkConfig { link: LinkId::from_name(&args.dialect.link), streams: vec![stream] };
        Ok(Skylark::new(config, self, entropy, now))
    }

    fn names(&self, args: &Args) -> Names {
        let (link, fec) = (&args.dialect.link, args.dialect.skylark());
        let key = format!("{:08x}", self.fingerprint());
        let percent = f32::from(fec.redundancy_permille) / 10.0;
        Names {
            dialect: args.dialect.dialect.name(),
            link_id: LinkId::from_name(link).to_string(),
            told: format!("link {link}, key {key}, {} code {percent} %", fec.code),
            key,
        }
    }

    fn fec(args: &Args) -> Fec {
        Fec::Skylark(args.dialect.skylark())
    }
}
