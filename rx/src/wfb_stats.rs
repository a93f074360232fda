//! The figures as WFB-NG's ground tools read them (`--wfb-stats`): adaptive link, OSDs, loggers. Both dialects have
//! them, so that those tools work with a Skylark link as well.

mod msgpack;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use skylark_common::feed::FeedError;
use skylark_common::feed::feeds::{FeedTarget, Feeds};
use skylark_common::feed::figures::{Count, Counters, SettingsMessage};
use skylark_common::wfb_ng::key_file::End;
use skylark_common::wire::radiotap::{Modulation, RxRate};

use crate::report::{CardReport, Fec, Report};
use crate::stats::{AntennaStats, Spread, StreamStats};

/// What the stream of video is called.
const VIDEO: &str = "video rx";
/// The code of WFB-NG, by its name there.
const VANDERMONDE: &str = "VDM_RS";
/// What is said of the width where the card does not tell it.
const USUAL_WIDTH_MHZ: u16 = 20;

/// What is said once a second.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "rx")]
struct RxMessage {
    /// Seconds since 1970.
    timestamp: f64,
    /// Which stream.
    id: &'static str,
    /// The card that would answer: none does.
    tx_wlan: Option<u32>,
    /// What became of packets and datagrams.
    packets: BTreeMap<&'static str, Count>,
    /// Each antenna over the last second.
    rx_ant_stats: Vec<Antenna>,
    /// The session; empty before there is one.
    session: Session,
}

/// What one antenna heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Antenna {
    /// Its card in the upper byte, its number there in the lower.
    ant: u32,
    /// MHz.
    freq: u16,
    mcs: u8,
    /// MHz.
    bw: u16,
    pkt_recv: u32,
    /// dBm.
    rssi_min: i32,
    rssi_avg: i32,
    rssi_max: i32,
    /// dB; 0 where the card does not tell its noise.
    snr_min: i32,
    snr_avg: i32,
    snr_max: i32,
}

/// How the stream is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Session {
    #[serde(skip_serializing_if = "Option::is_none")]
    fec_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fec_k: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fec_n: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
}

/// The feeds, and what was counted before.
#[derive(Debug, Default)]
pub(crate) struct WfbStats {
    feeds: Feeds,
    counters: Counters,
}

impl WfbStats {
    /// Listens where these say.
    ///
    /// # Errors
    /// A port is in use, or an address is none of this machine's.
    pub(crate) fn listen(targets: &[FeedTarget]) -> Result<Self, FeedError> {
        Ok(Self { feeds: Feeds::listen(targets)?, ..Self::default() })
    }

    /// Lets in whoever has come since.
    pub(crate) fn admit(&mut self, title: &str, report: &Report) {
        self.feeds.admit(title, &settings(report));
    }

    /// Sends everybody what everything came to, `timestamp` after 1970; call it once a second.
    pub(crate) fn send(&mut self, report: &Report, timestamp: Duration) {
        let message = self.message(report, timestamp);
        self.feeds.send(&message, || msgpack::message(&message));
    }

    fn message(&mut self, report: &Report, timestamp: Duration) -> RxMessage {
        RxMessage {
            timestamp: timestamp.as_secs_f64(),
            id: VIDEO,
            tx_wlan: None,
            packets: self.counters.count(counts(report)),
            rx_ant_stats: report.cards.iter().enumerate().flat_map(|(number, card)| antennas(number, card)).collect(),
            session: session(report),
        }
    }
}

/// What is said to whoever connects.
fn settings(report: &Report) -> SettingsMessage {
    SettingsMessage::new(End::Ground, report.cards.iter().map(|card| card.name.clone()).collect())
}

/// What each count of the field's stands at. A packet that was heard is `data` or `session`, and `uniq` once. What is said
/// of packets is of all sessions, what is said of datagrams of the one that is followed.
fn counts(report: &Report) -> [(&'static str, u64); 12] {
    let frames = &report.frames;
    let sum = |of: fn(&StreamStats) -> u64| report.streams.iter().map(of).sum::<u64>();
    let known = frames.used + frames.duplicate + frames.late;
    let first_session_packets = frames.session_packets.saturating_sub(frames.session_repeats);
    [
        ("all", frames.captured.saturating_sub(frames.foreign + frames.bad_fcs)),
        ("all_bytes", frames.own_bytes),
        ("dec_err", frames.forged),
        ("dec_ok", known),
        ("session", frames.session_packets),
        ("data", known.saturating_sub(frames.session_packets)),
        ("uniq", frames.used.saturating_sub(first_session_packets)),
        ("fec_rec", sum(|stream| stream.recovered)),
        ("lost", sum(|stream| stream.lost)),
        ("bad", frames.truncated + frames.unknown_version + sum(|stream| stream.malformed)),
        ("out", sum(|stream| stream.datagrams)),
        ("out_bytes", sum(|stream| stream.datagram_bytes)),
    ]
}

/// The antennas of a card that hears.
fn antennas(number: usize, card: &CardReport) -> impl Iterator<Item = Antenna> {
    let card_number = u32::try_from(number).unwrap_or(u32::MAX >> 8);
    let modulation = modulation(card.stats.rate);
    let (freq, mcs) = (card.stats.frequency_mhz.unwrap_or(0), modulation.mcs.unwrap_or(0));
    let bw = modulation.width_mhz.unwrap_or(USUAL_WIDTH_MHZ);
    card.stats.antennas.iter().map(move |antenna: &AntennaStats| {
        let [rssi_min, rssi_avg, rssi_max] = whole(Some(antenna.signal_dbm));
        let [snr_min, snr_avg, snr_max] = whole(antenna.snr_db);
        let ant = card_number << 8 | u32::from(antenna.number);
        let pkt_recv = antenna.frames;
        Antenna { ant, freq, mcs, bw, pkt_recv, rssi_min, rssi_avg, rssi_max, snr_min, snr_avg, snr_max }
    })
}

fn modulation(rate: Option<RxRate>) -> Modulation {
    match rate {
        Some(RxRate::Ht(modulation) | RxRate::Vht(modulation) | RxRate::He(modulation)) => modulation,
        Some(RxRate::Legacy { .. }) | None => Modulation::default(),
    }
}

/// Least, mean and greatest in whole dB.
fn whole(spread: Option<Spread>) -> [i32; 3] {
    let Some(Spread { min, mean, max }) = spread else { return [0; 3] };
    #[expect(clippy::cast_possible_truncation, reason = "a mean of levels lies between two of 8 bits")]
    let mean = mean.round() as i32;
    [min.into(), mean, max.into()]
}

/// The code as k and n; of ours the smallest that cost the same, 2 and 3 for 50 % of repairs.
fn session(report: &Report) -> Session {
    let Some(session) = &report.session else { return Session::default() };
    let (fec_type, k, n, epoch) = match session.fec {
        Fec::WfbNg { k, n, epoch, .. } => (VANDERMONDE, k.into(), n.into(), epoch),
        Fec::Skylark(fec) => {
            let n = 1000_u16.saturating_add(fec.redundancy_permille);
            let divisor = greatest_common_divisor(1000, n);
            (fec.code.name(), 1000 / divisor, n / divisor, 0)
        }
    };
    Session { fec_type: Some(fec_type), fec_k: Some(k), fec_n: Some(n), epoch: Some(epoch) }
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a.max(1) } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use skylark_common::wfb_ng::session::BlockCode;
    use skylark_common::wire::announce::Payload;

    use super::*;
    use crate::board::Seen;
    use crate::report::tests::{report, seen};
    use crate::stats::{FrameStats, SessionStats, Terms};
    use crate::unit::tests::start;

    fn message(stats: &mut WfbStats, seen: &Seen) -> Value {
        let report = report(seen, start());
        serde_json::to_value(stats.message(&report, Duration::from_millis(1_500))).unwrap()
    }

    #[test]
    fn a_message_says_what_ground_tools_read() {
        let mut seen = seen(start());
        seen.rx.frames = FrameStats { captured: 1100, foreign: 50, bad_fcs: 40, forged: 3, ..FrameStats::default() };
        (seen.rx.frames.used, seen.rx.frames.duplicate, seen.rx.frames.late) = (900, 100, 7);
        let frames = &mut seen.rx.frames;
        (frames.session_packets, frames.session_repeats, frames.own_bytes) = (30, 20, 123_456);
        seen.rx.cards[0].frequency_mhz = Some(5805);
        let modulation = Modulation { mcs: Some(1), width_mhz: Some(40), ..Modulation::default() };
        seen.rx.cards[0].rate = Some(RxRate::Ht(modulation));
        let message = message(&mut WfbStats::default(), &seen);
        assert_eq!((&message["type"], &message["id"]), (&"rx".into(), &"video rx".into()));
        assert_eq!(message["timestamp"], 1.5);
        let packets = &message["packets"];
        for (name, total) in [
            ("all", 1010),
            ("data", 977),
            ("session", 30),
            ("uniq", 890),
            ("dec_ok", 1007),
            ("dec_err", 3),
            ("all_bytes", 123_456),
        ] {
            assert_eq!(packets[name], json!([total, total]), "{name}");
        }
        assert_eq!((&packets["fec_rec"], &packets["lost"]), (&json!([312, 312]), &json!([4, 4])));
        let antennas = message["rx_ant_stats"].as_array().unwrap();
        let numbers: Vec<u64> = antennas.iter().map(|antenna| antenna["ant"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 256, 257]);
        let first = json!({
            "ant": 0, "freq": 5805, "mcs": 1, "bw": 40, "pkt_recv": 500, "rssi_min": -51, "rssi_avg": -48,
            "rssi_max": -46, "snr_min": 44, "snr_avg": 47, "snr_max": 49
        });
        assert_eq!(antennas[0], first);
        assert_eq!(message["session"], json!({"fec_type": "window", "fec_k": 2, "fec_n": 3, "epoch": 0}));
    }

    #[test]
    fn a_session_of_the_fields_standard_is_said_in_its_words() {
        let mut seen = seen(start());
        let code = BlockCode::new(8, 12).unwrap();
        let terms = Terms::WfbNg { epoch: 3, code, payload: Payload::RtpH264, unit_interval: None };
        seen.rx.session = seen.rx.session.map(|session| SessionStats { terms, ..session });
        let session = json!({"fec_type": "VDM_RS", "fec_k": 8, "fec_n": 12, "epoch": 3});
        assert_eq!(message(&mut WfbStats::default(), &seen)["session"], session);
    }

    #[test]
    fn counts_are_pairs_of_what_came_since_and_in_all() {
        let (mut stats, mut seen) = (WfbStats::default(), seen(start()));
        message(&mut stats, &seen);
        seen.rx.streams[0].lost += 3;
        assert_eq!(message(&mut stats, &seen)["packets"]["lost"], json!([3, 7]));
        seen.rx.streams.clear();
        assert_eq!(message(&mut stats, &seen)["packets"]["lost"], json!([0, 7]), "a session that begins counts on");
    }

    #[test]
    fn before_there_is_a_transmitter_there_are_messages_without_antennas_and_session() {
        let message = message(&mut WfbStats::default(), &Seen::default());
        assert_eq!((&message["rx_ant_stats"], &message["session"]), (&json!([]), &json!({})));
        let settings = serde_json::to_value(settings(&report(&Seen::default(), start()))).unwrap();
        assert_eq!(
            (&settings["type"], &settings["settings"]["common"]["log_interval"]),
            (&"settings".into(), &1000.into())
        );
    }
}
