//! The figures as WFB-NG's tools read them of a transmitter (`--wfb-stats`), in both dialects.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use skylark_common::feed::feeds::Feeds;
use skylark_common::feed::figures::{Count, Counters, SettingsMessage};
use skylark_common::feed::msgpack;
use skylark_common::queue::{Popped, Queue};
use skylark_common::wfb_ng::key_file::End;

use crate::events::Totals;

/// How often whoever has come is let in.
const ADMIT_INTERVAL: Duration = Duration::from_millis(250);
/// Figures that may wait for the thread that serves them: it takes them at once.
const WAITING: usize = 2;
/// What the stream of video is called.
const VIDEO: &str = "video tx";

/// What everything came to, on its way from the link's thread to the one that serves it.
#[derive(Debug)]
pub(crate) struct Figures(Queue<([(&'static str, u64); 7], Duration)>);

/// What is said once a second.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "tx")]
struct TxMessage {
    /// Seconds since 1970.
    timestamp: f64,
    /// Which stream.
    id: &'static str,
    /// What became of datagrams and packets.
    packets: BTreeMap<&'static str, Count>,
    /// How long each card takes for a frame: none tells it.
    latency: [(); 0],
    /// How warm each card is: none tells it.
    rf_temperature: BTreeMap<String, i32>,
}

impl Figures {
    pub(crate) fn new() -> Self {
        Self(Queue::new(WAITING))
    }

    /// Takes what it came to, `timestamp` after 1970; call it once a second. Never waits.
    pub(crate) fn push(&self, totals: &Totals, timestamp: Duration) {
        self.0.push((counts(totals), timestamp));
    }

    /// No more come.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Serves them until they are closed, for a transmitter called so with these cards.
    pub(crate) fn serve(&self, mut feeds: Feeds, title: &str, cards: Vec<String>) {
        let (settings, mut counters) = (SettingsMessage::new(End::Drone, cards), Counters::default());
        loop {
            let popped = self.0.pop_within(ADMIT_INTERVAL);
            feeds.admit(title, &settings);
            match popped {
                Popped::Item((counts, timestamp)) => {
                    let message = TxMessage::new(counters.count(counts), timestamp);
                    feeds.send(&message, || message.packed());
                }
                Popped::TimedOut => {}
                Popped::Closed => return,
            }
        }
    }
}

impl TxMessage {
    const fn new(packets: BTreeMap<&'static str, Count>, timestamp: Duration) -> Self {
        Self { timestamp: timestamp.as_secs_f64(), id: VIDEO, packets, latency: [], rf_temperature: BTreeMap::new() }
    }

    /// The older form, in which both lists of cards are maps.
    fn packed(&self) -> Vec<u8> {
        let Self { timestamp, id, packets, .. } = self;
        msgpack::message(&json!({
            "type": "tx", "timestamp": timestamp, "id": id, "packets": packets, "latency": {}, "rf_temperature": {},
        }))
    }
}

/// What each count of the field's stands at.
fn counts(Totals { tx, airs, source, .. }: &Totals) -> [(&'static str, u64); 7] {
    let refused = airs.iter().map(|air| air.refused).sum::<u64>();
    [
        ("incoming", tx.datagrams),
        ("incoming_bytes", tx.datagram_bytes),
        ("injected", tx.source_packets + tx.repair_packets + tx.announces),
        ("injected_bytes", tx.air_bytes),
        ("dropped", tx.units_dropped + source.gave_way + refused),
        ("truncated", tx.too_long + source.refused),
        ("fec_timeouts", tx.blocks_filled),
    ]
}

#[cfg(test)]
mod tests {
    use skylark_common::scheduling::Scheduling;

    use super::*;
    use crate::outlet::SourceStats;
    use crate::stats::TxStats;

    #[test]
    fn a_message_says_what_became_of_datagrams_and_packets() {
        let tx = TxStats {
            datagrams: 100,
            datagram_bytes: 140_000,
            too_long: 2,
            units_dropped: 3,
            source_packets: 90,
            repair_packets: 45,
            announces: 11,
            air_bytes: 200_000,
            blocks_filled: 4,
            ..TxStats::default()
        };
        let source = SourceStats { gave_way: 5, refused: 6, ..SourceStats::default() };
        let totals = Totals { tx, airs: Vec::new(), source, scheduling: Scheduling::Ordinary };
        let message = TxMessage::new(Counters::default().count(counts(&totals)), Duration::from_millis(1500));
        let expected = json!({
            "type": "tx", "timestamp": 1.5, "id": "video tx", "latency": [], "rf_temperature": {}, "packets": {
                "incoming": [100, 100], "incoming_bytes": [140_000, 140_000], "injected": [146, 146],
                "injected_bytes": [200_000, 200_000], "dropped": [8, 8], "truncated": [8, 8], "fec_timeouts": [4, 4],
            },
        });
        assert_eq!(serde_json::to_value(&message).unwrap(), expected);
        let packed = message.packed();
        assert_eq!(packed.first_chunk().map(|len| u32::from_be_bytes(*len) as usize), Some(packed.len() - 4));
    }
}
