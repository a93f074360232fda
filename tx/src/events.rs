//! What machines are told: one JSON object a line.

use std::time::Duration;

use serde::Serialize;
use skylark_common::fec::FecConfig;
use skylark_common::ledger::Summary;
use skylark_common::scheduling::Scheduling;
use skylark_common::wire::announce::{Payload, TxLatency};

use crate::link::airs::AirStats;
use crate::outlet::SourceStats;
use crate::sender::rate::micros;
use crate::sender::{Allowance, RateReason};
use crate::stats::TxStats;

/// A line of `--stats json`.
#[derive(Debug, Serialize)]
#[serde(tag = "ev")]
pub(crate) enum Event {
    /// The first line.
    #[serde(rename = "tx.start")]
    Start(Start),
    /// One line a second.
    #[serde(rename = "tx.stats")]
    Stats {
        t_ms: u64,
        #[serde(flatten)]
        totals: Totals,
        latency: Latency,
        /// `null` where the encoder is not told what to make.
        encoder: Option<EncoderRate>,
    },
    /// The last line.
    #[serde(rename = "tx.end")]
    End {
        t_ms: u64,
        #[serde(flatten)]
        totals: Totals,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) version: &'static str,
    /// What is spoken on the air: `skylark` or `wfb-ng`.
    pub(crate) dialect: &'static str,
    pub(crate) link: String,
    /// The link's number on the air, six hex digits.
    pub(crate) link_id: String,
    /// The key's fingerprint, eight hex digits.
    pub(crate) key: String,
    /// The session's short name on the air, hex.
    pub(crate) session: String,
    pub(crate) input: String,
    pub(crate) payload: Payload,
    pub(crate) airs: Vec<String>,
    pub(crate) fec: Fec,
    /// How frames are modulated, in words: `VHT MCS 8 with 2 streams, 80 MHz`.
    pub(crate) rate: String,
}

/// How video is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Fec {
    /// By our own code.
    Skylark(FecConfig),
    /// By blocks of WFB-NG.
    WfbNg { code: &'static str, k: u8, n: u8, epoch: u64, radio_port: u8 },
}

impl Fec {
    /// Repair packets for a thousand source packets.
    pub(crate) fn redundancy_permille(self) -> u16 {
        match self {
            Self::Skylark(fec) => fec.redundancy_permille,
            Self::WfbNg { k, n, .. } => {
                let permille = u32::from(n - k) * 1000 / u32::from(k);
                u16::try_from(permille).unwrap_or(u16::MAX)
            }
        }
    }
}

/// Cumulative counters.
#[derive(Debug, Serialize)]
pub(crate) struct Totals {
    #[serde(flatten)]
    pub(crate) tx: TxStats,
    pub(crate) airs: Vec<AirStats>,
    pub(crate) source: SourceStats,
    /// How the thread that sends is scheduled.
    pub(crate) scheduling: Scheduling,
}

/// Where the milliseconds of the last second went, in µs; `null` where no unit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    /// Capture to encoded and handed on.
    encode: Option<Percentiles>,
    /// Encoded to the first frame injected.
    queue: Option<Percentiles>,
    /// First source packet injected to the last.
    send: Option<Percentiles>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Percentiles {
    p50_us: u64,
    p95_us: u64,
}

/// What the encoder may make, and why it is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct EncoderRate {
    pub(crate) asked_bits_per_s: u32,
    pub(crate) target_bits_per_s: u32,
    pub(crate) reason: RateReason,
    pub(crate) unit_bytes: usize,
    /// How long what waits is expected to take.
    pub(crate) queue_us: u64,
}

impl EncoderRate {
    pub(crate) fn of((allowed, reason, queue): (Allowance, RateReason, Duration), asked_bits_per_s: u32) -> Self {
        let Allowance { bits_per_s, unit_bytes } = allowed;
        let queue_us = micros(queue);
        Self { asked_bits_per_s, target_bits_per_s: bits_per_s, reason, unit_bytes, queue_us }
    }
}

impl Event {
    /// The line of a second.
    pub(crate) fn stats(
        t_ms: u64,
        totals: Totals,
        announced: Option<TxLatency>,
        send: Summary,
        encoder: Option<EncoderRate>,
    ) -> Self {
        let percentiles = |p50_us: u32, p95_us: u32| Percentiles { p50_us: p50_us.into(), p95_us: p95_us.into() };
        let latency = Latency {
            encode: announced.map(|latency| percentiles(latency.encode_p50_us, latency.encode_p95_us)),
            queue: announced.map(|latency| percentiles(latency.queue_p50_us, latency.queue_p95_us)),
            send: (send.count > 0).then_some(Percentiles { p50_us: send.p50_us, p95_us: send.p95_us }),
        };
        Self::Stats { t_ms, totals, latency, encoder }
    }
}

#[cfg(test)]
mod tests;
