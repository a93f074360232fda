//! How a session begins: what its sender is told, and what machines and people are told of it.
#![expect(clippy::disallowed_methods, reason = "a session begins when it is begun")]

mod skylark;
mod wfb_ng;

use std::path::Path;
use std::time::Instant;

use anyhow::anyhow;
use skylark_common::seal::key_file;
use skylark_common::wire::announce::Payload;

use crate::args::Args;
use crate::clock::Clock;
use crate::events::{Event, Fec, Start};
use crate::report::note;
use crate::sender::{Dialect, Keyframes, Pacing, Sender, SenderConfig};
use crate::source::Obeys;

/// What all sessions of this program have in common.
#[derive(Debug)]
pub(crate) struct Sessions<'a, K> {
    pub(crate) args: &'a Args,
    pub(crate) key: &'a K,
    pub(crate) clock: Clock,
    /// Which orders the source's encoder takes.
    pub(crate) obeys: Obeys,
}

/// The key of a link, and with it the dialect.
pub(crate) trait Key: Sized {
    /// What its senders speak.
    type Dialect: Dialect;
    /// Whether receivers must be told, by a session of its own, when the payload changes.
    const TELLS_PAYLOAD: bool;
    /// What is spent on repairs, as an option.
    const REPAIRS: &'static str;
    /// Hex digits of a session's short name.
    const SESSION_DIGITS: usize;

    /// Reads it from the file the command line names, or where it is looked for.
    fn read(args: &Args) -> anyhow::Result<Self>;

    /// What speaks for it from `now` on.
    fn dialect(&self, args: &Args, payload: Payload, clock: Clock, now: Instant) -> anyhow::Result<Self::Dialect>;

    /// What it is on the air: the link's number and the key's fingerprint, each in hex.
    fn names(&self, args: &Args) -> Names;

    /// How it protects video.
    fn fec(args: &Args) -> Fec;
}

/// What a link is called.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) dialect: &'static str,
    /// The link's number on the air, six hex digits.
    pub(crate) link_id: String,
    /// The key's fingerprint, eight hex digits.
    pub(crate) key: String,
    /// All of it, for people.
    pub(crate) told: String,
}

impl<K: Key> Sessions<'_, K> {
    /// Begins a session with keys of its own.
    pub(crate) fn begin(&self, payload: Payload) -> anyhow::Result<Sender<K::Dialect>> {
        let now = Instant::now();
        let dialect = self.key.dialect(self.args, payload, self.clock, now)?;
        Ok(Sender::new(self.config(), dialect, now))
    }

    /// The line that says what begins.
    pub(crate) fn start(&self, payload: Payload, airs: Vec<String>, session: u32) -> Event {
        let Names { dialect, link_id, key, .. } = self.key.names(self.args);
        Event::Start(Start {
            version: env!("CARGO_PKG_VERSION"),
            dialect,
            link: self.args.dialect.link_name(),
            link_id,
            key,
            session: format!("{session:0width$x}", width = K::SESSION_DIGITS),
            input: self.args.input.to_string(),
            payload,
            airs,
            fec: K::fec(self.args),
            rate: self.args.rate().to_string(),
        })
    }

    fn config(&self) -> SenderConfig {
        SenderConfig {
            rate: self.args.rate(),
            pacing: if self.args.no_pacing { Pacing::None } else { Pacing::Airtime },
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

/// Warns of a key that others may read.
fn warn_if_exposed(path: &Path) {
    if let Some(warning) = key_file::mode(path).ok().and_then(|mode| key_file::exposure(path, mode)) {
        note(format_args!("warning: {warning}"));
    }
}
