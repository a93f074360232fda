//! The latency ledger: where the milliseconds between camera and screen go.

use crate::stats::SessionStats;
use serde::Serialize;
use skylark_common::ledger::Summary;

use crate::board::stage;

/// What a stage took over the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Took {
    /// Median in µs.
    pub(crate) p50_us: u64,
    /// 95th percentile in µs.
    pub(crate) p95_us: u64,
}

/// The latency ledger. A stage that is none was not passed, or cannot be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    /// As the transmitter says.
    pub(crate) captured_to_encoded: Option<Took>,
    /// As the transmitter says.
    pub(crate) encoded_to_on_air: Option<Took>,
    /// What is left of captured to heard; known where both ends share a clock.
    pub(crate) on_air_to_heard: Option<Took>,
    /// From a relay's card to here; within what is on the air until heard, where that is known.
    pub(crate) relayed: Option<Took>,
    /// First packet of a unit heard to the unit complete.
    pub(crate) heard_to_complete: Option<Took>,
    /// Complete to decoded.
    pub(crate) complete_to_decoded: Option<Took>,
    /// Decoded to shown.
    pub(crate) decoded_to_shown: Option<Took>,
    /// First packet of a unit heard to its picture shown.
    pub(crate) heard_to_shown: Option<Took>,
    /// All of it; known where both ends share a clock.
    pub(crate) captured_to_shown: Option<Took>,
    /// All of it but showing; known where both ends share a clock.
    pub(crate) captured_to_decoded: Option<Took>,
    /// What cannot be known, and why.
    pub(crate) unknown: Option<Unknown>,
}

/// Why the time from the camera on cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unknown {
    /// Only the transmitter knows when it sent.
    #[serde(rename = "on air to heard: the two ends share no clock")]
    NoSharedClock,
    /// No packet of the dialect says when it was captured or sent.
    #[serde(rename = "on air to heard: packets of wfb-ng say no time")]
    NotSaid,
    /// It lies in the past.
    #[serde(rename = "recorded: when it was captured says nothing about the present")]
    Recorded,
}

impl Latency {
    /// The ledger of the last second: the transmitter's share as it says, ours as measured.
    pub(super) fn of(
        session: Option<&SessionStats>,
        unknown: Option<Unknown>,
        summaries: &[Summary; stage::COUNT],
    ) -> Self {
        let tx = session.and_then(SessionStats::announce).and_then(|announce| announce.latency);
        let took = |stage: usize| summaries.get(stage).and_then(Took::of);
        let captured_to_encoded = tx.map(|tx| Took::from_micros(tx.encode_p50_us, tx.encode_p95_us));
        let encoded_to_on_air = tx.map(|tx| Took::from_micros(tx.queue_p50_us, tx.queue_p95_us));
        let medians = [captured_to_encoded, encoded_to_on_air].into_iter().flatten().map(|took| took.p50_us).sum();
        Self {
            captured_to_encoded,
            encoded_to_on_air,
            on_air_to_heard: took(stage::CAPTURED_TO_HEARD).filter(|_| tx.is_some()).map(|took| took.without(medians)),
            heard_to_complete: took(stage::HEARD_TO_COMPLETE),
            complete_to_decoded: took(stage::COMPLETE_TO_DECODED),
            decoded_to_shown: took(stage::DECODED_TO_SHOWN),
            heard_to_shown: took(stage::HEARD_TO_SHOWN),
            captured_to_shown: took(stage::CAPTURED_TO_SHOWN),
            captured_to_decoded: took(stage::CAPTURED_TO_DECODED),
            unknown,
            relayed: None,
        }
    }
}

impl Took {
    /// What a summary comes to; none if nothing was recorded.
    pub(super) fn of(summary: &Summary) -> Option<Self> {
        (summary.count > 0).then_some(Self { p50_us: summary.p50_us, p95_us: summary.p95_us })
    }

    fn from_micros(p50_us: u32, p95_us: u32) -> Self {
        Self { p50_us: p50_us.into(), p95_us: p95_us.into() }
    }

    /// Both figures less what the stages before took in the median: percentiles do not subtract exactly.
    fn without(self, us: u64) -> Self {
        Self { p50_us: self.p50_us.saturating_sub(us), p95_us: self.p95_us.saturating_sub(us) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, seen};
    use crate::unit::tests::start;

    #[test]
    fn without_a_shared_clock_the_way_through_the_air_is_said_to_be_unknown() {
        let now = start();
        let mut seen = seen(now);
        assert_eq!(report(&seen, now).latency.unknown, Some(Unknown::NoSharedClock));
        let value = serde_json::to_value(Unknown::NoSharedClock).unwrap();
        assert_eq!(value, "on air to heard: the two ends share no clock");
        seen.shared_clock = true;
        let latency = report(&seen, now).latency;
        assert_eq!(latency.unknown, None);
        assert_eq!(latency.captured_to_encoded, Some(Took { p50_us: 9000, p95_us: 12_000 }));
        assert_eq!(latency.captured_to_shown, Some(Took { p50_us: 2500, p95_us: 8100 }));
    }

    #[test]
    fn what_the_stages_before_took_is_taken_off() {
        let took = Took { p50_us: 12_000, p95_us: 20_000 };
        assert_eq!(took.without(9_400), Took { p50_us: 2_600, p95_us: 10_600 });
        assert_eq!(took.without(15_000).p50_us, 0);
    }
}
