//! How a session begins: what its sender is told, and what machines and people are told of it.
#![expect(clippy::disallowed_methods, reason = "a session begins when it is begun")]

use std::time::Instant;

use anyhow::anyhow;
use skylark_common::clock_id;
use skylark_common::seal::LinkKey;
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;

use crate::args::Args;
use crate::clock::Clock;
use crate::events::{Event, Start};
use crate::sender::{Entropy, Keyframes, Pacing, Sender, SenderConfig, Skylark, SkylarkConfig, StreamConfig};
use crate::source::Obeys;

/// What all sessions of this program have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sessions<'a> {
    pub(crate) args: &'a Args,
    pub(crate) key: &'a LinkKey,
    pub(crate) clock: Clock,
    /// Which orders the source's encoder takes.
    pub(crate) obeys: Obeys,
}

impl Sessions<'_> {
    /// Begins a session with a salt of its own.
    pub(crate) fn begin(&self, payload: Payload) -> anyhow::Result<Sender> {
        let now = Instant::now();
        let entropy = Entropy { salt: random()?, unix_us: self.clock.unix_us(now), clock_id: clock_id::read() };
        Ok(Sender::new(self.config(), Skylark::new(self.skylark(payload), self.key, entropy, now), now))
    }

    /// The line that says what begins.
    pub(crate) fn start(&self, payload: Payload, airs: Vec<String>, session: u32) -> Event {
        Event::Start(Start {
            version: env!("CARGO_PKG_VERSION"),
            link: self.args.link.clone(),
            link_id: LinkId::from_name(&self.args.link).to_string(),
            key: format!("{:08x}", self.key.fingerprint()),
            session: format!("{session:06x}"),
            input: self.args.input.to_string(),
            payload,
            airs,
            fec: self.args.fec_config(),
            rate: self.args.rate().to_string(),
        })
    }

    fn skylark(&self, payload: Payload) -> SkylarkConfig {
        let stream = StreamConfig { payload, fec: self.args.fec_config(), ..StreamConfig::default() };
        SkylarkConfig { link: LinkId::from_name(&self.args.link), streams: vec![stream] }
    }

    fn config(&self) -> SenderConfig {
        let pacing = if self.args.no_pacing { Pacing::None } else { Pacing::Airtime };
        SenderConfig {
            rate: self.args.rate(),
            pacing,
            keyframes: if self.obeys.keyframes { Keyframes::OnDemand } else { Keyframes::AsTheyCome },
            bitrate: self.args.bitrate_limits().filter(|_| self.obeys.bitrate),
            ..SenderConfig::default()
        }
    }
}

/// Random bytes of the kernel.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers from the kernel: {error}"))?;
    Ok(bytes)
}
