//! The network between relays and viewers: Eclipse Zenoh, as peers that find each other.
//!
//! ```text
//! skylark/1/<link>/frames/<relay>   relay → viewers: what its cards hear, still sealed
//! skylark/1/<link>/status/<relay>   relay → viewers: its cards, as JSON
//! skylark/1/<link>/known/<viewer>   viewer → relays: what it has
//! ```
//!
//! Peers of one network find each other by multicast; beyond it, by the address of any of them or of a router.

use std::fmt::Display;
use std::net::{Ipv6Addr, TcpListener};

use anyhow::{Context as _, Result, anyhow};
use skylark_common::wire::link::LinkId;
use zenoh::Wait as _;
use zenoh::config::Config;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::sample::Sample;

/// What a connection to one peer may hold back, in bytes, beside Zenoh's own two batches of 64 KiB: 130 ms of video of
/// 8 Mbit/s. Whatever does not fit is dropped, so that a network that stalled goes on with the present.
const SEND_BUFFER_BYTES: u32 = 128 << 10;
/// A message is at most a batch of Zenoh's; what is longer is nothing of ours.
const MAX_MESSAGE_BYTES: u32 = 256 << 10;
/// A peer from which nothing came for so long is gone, in ms. Shorter: an outage of the network is noticed sooner, and
/// peers must find each other again after one that would have been over.
const LEASE_MS: u32 = 4000;

/// A kind of payload, by its place in the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a relay's cards hear.
    Frames,
    /// How a relay and its cards fare.
    Status,
    /// What a viewer has.
    Known,
}

/// One end of the network.
#[derive(Debug)]
pub(crate) struct Fabric {
    session: zenoh::Session,
    link: LinkId,
}

/// What is published under one key.
#[derive(Debug)]
pub(crate) struct Outlet(Publisher<'static>);

/// What calls back for what others publish, as long as it lives.
pub(crate) type Inlet = Subscriber<()>;

impl Fabric {
    /// Joins the network of this link: of everybody in reach by multicast, and of those behind `endpoints`
    /// (`tcp/host:7447`), which need not be there yet.
    ///
    /// # Errors
    /// An endpoint is none, or the machine lets us open no socket.
    pub(crate) fn join(link: LinkId, endpoints: &[String], listen: &[String]) -> Result<Self> {
        let config = config(endpoints, listen)?;
        let opened = zenoh::open(config).wait().map_err(said);
        Ok(Self { session: opened.context("cannot join the network of relays")?, link })
    }

    /// Who this end is among all others: 8 hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        self.session.zid().to_string().chars().take(8).collect()
    }

    /// An outlet for this kind of payload in this end's name. What cannot be sent at once is dropped.
    ///
    /// # Errors
    /// The name cannot be part of a key.
    pub(crate) fn publish(&self, kind: Kind, name: &str) -> Result<Outlet> {
        let declared = self.session.declare_publisher(self.key(kind, name));
        let declared = declared.congestion_control(CongestionControl::Drop).priority(Priority::RealTime).express(true);
        declared.wait().map(Outlet).map_err(said).with_context(|| format!("cannot publish as {name}"))
    }

    /// Calls `take` with the sender's name and the payload of everything of this kind. It is called by the threads
    /// that read the network, one for each peer.
    ///
    /// # Errors
    /// What Zenoh says.
    pub(crate) fn subscribe(&self, kind: Kind, take: impl Fn(&str, &[u8]) + Send + Sync + 'static) -> Result<Inlet> {
        let taken = move |sample: Sample| {
            let key = sample.key_expr().as_str();
            if let Some((_, name)) = key.rsplit_once('/') {
                take(name, &sample.payload().to_bytes());
            }
        };
        self.session.declare_subscriber(self.key(kind, "*")).callback(taken).wait().map_err(said)
    }

    fn key(&self, kind: Kind, name: &str) -> String {
        let kind = match kind {
            Kind::Frames => "frames",
            Kind::Status => "status",
            Kind::Known => "known",
        };
        format!("skylark/1/{}/{kind}/{name}", self.link)
    }
}

impl Outlet {
    /// Publishes a payload to whoever listens. One that cannot be sent is lost, as on the air.
    pub(crate) fn send(&self, payload: Vec<u8>) {
        // It fails when the session has been closed, at the program's end.
        let _ = self.0.put(payload).wait();
    }
}

/// A name as part of a key: letters, digits and what is harmless between them; at most 32.
pub(crate) fn key_part(name: &str) -> String {
    let harmless = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    name.chars().map(harmless).take(32).collect()
}

fn config(endpoints: &[String], listen: &[String]) -> Result<Config> {
    let everywhere = if has_ipv6() { "tcp/[::]:0" } else { "tcp/0.0.0.0:0" };
    let listen = if listen.is_empty() { vec![everywhere.to_owned()] } else { listen.to_vec() };
    let mut config = Config::default();
    let settings = [
        ("connect/endpoints", serde_json::to_string(endpoints)?),
        ("connect/retry", r#"{"period_init_ms": 250, "period_max_ms": 1000, "period_increase_factor": 2}"#.to_owned()),
        ("listen/endpoints", serde_json::to_string(&listen)?),
        ("open/return_conditions/connect_scouted", "false".to_owned()),
        ("open/return_conditions/declares", "false".to_owned()),
        ("scouting/delay", "0".to_owned()),
        ("transport/link/tx/lease", LEASE_MS.to_string()),
        ("transport/link/tx/queue/congestion_control/drop/wait_before_drop", "0".to_owned()),
        ("transport/link/tcp/so_sndbuf", SEND_BUFFER_BYTES.to_string()),
        ("transport/link/rx/max_message_size", MAX_MESSAGE_BYTES.to_string()),
    ];
    for (key, value) in settings {
        config.insert_json5(key, &value).map_err(|error| anyhow!("{value}: {}", said(error)))?;
    }
    Ok(config)
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

/// Zenoh's words without the places in its sources.
fn said(error: impl Display) -> anyhow::Error {
    let words = error.to_string();
    anyhow!("{}", words.split(" at /").next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_machines_become_parts_of_keys() {
        assert_eq!(key_part("roof-pi.local"), "roof-pi.local");
        assert_eq!(key_part("a/b*c d#?$"), "a-b-c-d---");
        assert_eq!(key_part(&"x".repeat(99)).len(), 32);
    }

    #[test]
    fn an_endpoint_that_is_none_is_refused() {
        let error = config(&["nonsense".to_owned()], &[]).unwrap_err().to_string();
        assert!(error.contains("nonsense") && !error.contains(".rs"), "{error}");
    }
}
