//! The network between relays and viewers: Eclipse Zenoh, as peers that find each other.
//!
//! ```text
//! skylark/1/<link>/frames/<relay>   relay → viewers: what its cards hear, still sealed
//! skylark/1/<link>/status/<relay>   relay → viewers: its cards, as JSON
//! skylark/1/<link>/known/<viewer>   viewer → relays: what it has
//! ```
//!
//! A link is its number, six digits; a stream of a WFB-NG link `wfb-ng-` and eight, link id and radio port.
//!
//! Peers of one network find each other by multicast; beyond it, by the address of any of them or of a router.

use std::fmt::Display;
use std::net::{Ipv6Addr, TcpListener};

use crate::relay::{RelayId, RelayedLink};
use anyhow::{Context as _, Result, anyhow};
use zenoh::Wait as _;
use zenoh::config::Config;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::sample::Sample;

/// What a connection to one peer may hold back, in bytes: 130 ms of video of 8 Mbit/s. Whatever does not fit is
/// dropped, so that a network that stalled goes on with the present.
const SEND_BUFFER_BYTES: u32 = 128 << 10;
/// Messages Zenoh holds back for each peer beside that, until the thread that writes to it runs: the most it allows.
/// With two, as it has by itself, a burst of three frames loses one on an idle network.
const WAITING_MESSAGES: u32 = 16;
/// How long publishing waits for a place among them before a message is dropped, in µs; a peer that stalls is waited
/// for once. It is the publishing thread that waits.
const MAX_WAIT_US: u32 = 2000;
/// The longest message is 60 KiB; what is longer is nothing of ours.
const MAX_MESSAGE_BYTES: u32 = 128 << 10;
/// A peer from which nothing came for so long is gone, in ms. Shorter: an outage of the network is noticed sooner, and
/// peers must find each other again after one that would have been over.
const LEASE_MS: u32 = 4000;
/// Hexadecimal digits of 64 bits.
const DIGITS: usize = 16;

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

/// At which TCP port an end can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// At any: those in reach are told.
    Anywhere,
    /// At this one, which others know.
    Known(u16),
}

/// One end of the network.
#[derive(Debug)]
pub(crate) struct Fabric {
    session: zenoh::Session,
    link: RelayedLink,
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
    pub(crate) fn join(link: RelayedLink, endpoints: &[String], listen: Listen) -> Result<Self> {
        let config = config(endpoints, listen)?;
        let opened = zenoh::open(config).wait().map_err(said);
        Ok(Self { session: opened.context("cannot join the network of relays")?, link })
    }

    /// Who this end is among all others.
    pub(crate) fn id(&self) -> RelayId {
        let digits = self.session.zid().to_string();
        RelayId(u64::from_str_radix(digits.get(..DIGITS).unwrap_or(&digits), 16).unwrap_or_default())
    }

    /// Whether anybody else is there: a relay, a viewer, a router. Costs some µs.
    pub(crate) fn is_connected(&self) -> bool {
        let others = self.session.info();
        others.peers_zid().wait().next().is_some() || others.routers_zid().wait().next().is_some()
    }

    /// An outlet for this kind of payload in this end's name. What cannot be sent at once is dropped.
    ///
    /// # Errors
    /// What Zenoh says.
    pub(crate) fn publish(&self, kind: Kind) -> Result<Outlet> {
        let declared = self.session.declare_publisher(self.key(kind, &self.id().to_string()));
        let declared = declared.congestion_control(CongestionControl::Drop).priority(Priority::RealTime).express(true);
        declared.wait().map(Outlet).map_err(said)
    }

    /// Calls `take` with the sender's number and the payload of everything of this kind. It is called by the threads
    /// that read the network.
    ///
    /// # Errors
    /// What Zenoh says.
    pub(crate) fn subscribe(&self, kind: Kind, take: impl Fn(u64, &[u8]) + Send + Sync + 'static) -> Result<Inlet> {
        let taken = move |sample: Sample| {
            let sender = sample.key_expr().as_str().rsplit_once('/').map(|(_, sender)| u64::from_str_radix(sender, 16));
            if let Some(Ok(sender)) = sender {
                take(sender, &sample.payload().to_bytes());
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
        let link = link(self.link);
        format!("skylark/1/{link}/{kind}/{name}")
    }
}

impl Outlet {
    /// Publishes a payload to whoever listens. One that cannot be sent is lost, as on the air.
    pub(crate) fn send(&self, payload: Vec<u8>) {
        // It fails when the session has been closed, at the program's end.
        let _ = self.0.put(payload).wait();
    }
}

/// What a link is called in keys.
fn link(link: RelayedLink) -> String {
    match link {
        RelayedLink::Skylark(link) => link.to_string(),
        RelayedLink::WfbNg(channel) => format!("wfb-ng-{:08x}", channel.number()),
    }
}

fn config(endpoints: &[String], listen: Listen) -> Result<Config> {
    let port = match listen {
        Listen::Anywhere => 0,
        Listen::Known(port) => port,
    };
    let listen = if has_ipv6() { format!("tcp/[::]:{port}") } else { format!("tcp/0.0.0.0:{port}") };
    let mut config = Config::default();
    let settings = [
        ("connect/endpoints", serde_json::to_string(endpoints)?),
        ("connect/retry", r#"{"period_init_ms": 250, "period_max_ms": 1000, "period_increase_factor": 2}"#.to_owned()),
        ("listen/endpoints", serde_json::to_string(&[listen])?),
        ("open/return_conditions/connect_scouted", "false".to_owned()),
        ("open/return_conditions/declares", "false".to_owned()),
        ("scouting/delay", "0".to_owned()),
        ("transport/link/tx/lease", LEASE_MS.to_string()),
        ("transport/link/tx/queue/congestion_control/drop/wait_before_drop", MAX_WAIT_US.to_string()),
        ("transport/link/tx/queue/size/real_time", WAITING_MESSAGES.to_string()),
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
    use skylark_common::wfb_ng::channel::ChannelId;
    use skylark_common::wire::link::LinkId;

    use super::*;

    #[test]
    fn links_of_both_dialects_have_keys_of_their_own() {
        assert_eq!(link(RelayedLink::Skylark(LinkId::from_number(0x75_05d6))), "7505d6");
        assert_eq!(link(RelayedLink::WfbNg(ChannelId::new(0x75_05d6, 16))), "wfb-ng-7505d610");
    }

    #[test]
    fn an_endpoint_that_is_none_is_refused() {
        let error = config(&["nonsense".to_owned()], Listen::Anywhere).unwrap_err().to_string();
        assert!(error.contains("nonsense") && !error.contains(".rs"), "{error}");
    }
}
