//! What everything came to over the last second: the figures of the stats line and of the OSD, in one place.

mod cards;
// A build without relays knows less.
#[cfg(all(test, feature = "relay"))]
mod documented;
mod latency;
mod rates;
mod session;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::stats::{CombiningStats, FrameStats, StreamStats};
use serde::Serialize;
use skylark_common::ledger::Summary;
use skylark_common::options::Dialect;
use skylark_common::scheduling::Scheduling;

#[cfg(feature = "window")]
pub(crate) use cards::Quality;
pub(crate) use cards::{CardReport, sources};
pub(crate) use latency::{Latency, Took, Unknown};
pub(crate) use rates::Rates;
pub(crate) use session::{Fec, SessionReport};

use crate::board::{OutputStats, PictureStats, Seen, stage};
use crate::glass::Measured;
use crate::link::relayed::RelaySeen;
use crate::signal::{Evidence, Listening, Names, Signal, State, silence_of_relays};
use crate::verdict::Judge;

/// Rates are taken over this many reports: four a second make one second.
const RATE_REPORTS: usize = 4;

/// What everything came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Time since the program's start.
    pub(crate) t_ms: u64,
    /// Whether there is a picture, and if not, why.
    pub(crate) signal: SignalReport,
    /// The session that is followed.
    pub(crate) session: Option<SessionReport>,
    /// Sessions followed since the start.
    pub(crate) sessions: u64,
    /// Rates over the last second.
    pub(crate) rates: Rates,
    /// Pictures.
    pub(crate) picture: PictureReport,
    /// What each stage took.
    pub(crate) latency: Latency,
    /// What the glass-to-glass meter has measured, if it was asked for.
    pub(crate) measured: Option<Measured>,
    /// The cards in the order they were given.
    pub(crate) cards: Vec<CardReport>,
    /// The relays.
    pub(crate) relays: Vec<RelaySeen>,
    /// Messages of relays that this machine did not take in time.
    pub(crate) relay_messages_dropped: u64,
    /// Messages of relays there was no room for.
    pub(crate) relays_crowded_out: u64,
    /// The streams of the session.
    pub(crate) streams: Vec<StreamStats>,
    /// What became of every captured frame.
    pub(crate) frames: FrameStats,
    /// Bytes of the frames that cards of this machine captured, radiotap headers included.
    pub(crate) captured_bytes: u64,
    /// What became of damaged copies.
    pub(crate) combining: CombiningStats,
    /// What became of what goes out.
    pub(crate) outputs: OutputStats,
    /// How the thread that hears is scheduled.
    pub(crate) scheduling: Option<Scheduling>,
}

/// Whether there is a picture, and if not, why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SignalReport {
    /// In one word.
    pub(crate) state: State,
    /// In one sentence.
    pub(crate) reason: String,
    /// Time since the transmitter was last heard; none when it never was.
    pub(crate) silent_ms: Option<u64>,
    /// A picture older than this is frozen.
    pub(crate) frozen_after_ms: u64,
    /// For whoever wants to tell them apart without reading.
    #[serde(skip)]
    pub(crate) signal: Signal,
}

/// Pictures: counts and ages.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct PictureReport {
    /// Counts since the start.
    #[serde(flatten)]
    pub(crate) stats: PictureStats,
    /// Age of the last picture.
    pub(crate) age_ms: Option<u64>,
    /// How long pictures have been concealed without a good one between; 0 when the last one is good.
    pub(crate) concealed_ms: u64,
}

/// Makes reports, and remembers what rates need.
#[derive(Debug)]
pub(crate) struct Reporting {
    names: Names,
    started: Instant,
    decodes: bool,
    before: VecDeque<(Instant, Seen)>,
    summaries: [Summary; stage::COUNT],
    measured: Option<Measured>,
    judge: Judge,
}

impl Reporting {
    /// Nothing reported so far; `decodes` says whether pictures are wanted.
    pub(crate) fn new(names: Names, decodes: bool, now: Instant) -> Self {
        let (before, summaries) = (VecDeque::new(), Default::default());
        Self { names, started: now, decodes, before, summaries, measured: None, judge: Judge::default() }
    }

    /// Takes what the ledger says of the last second, for the reports of the next.
    pub(crate) fn set_ledger(&mut self, summaries: [(&'static str, Summary); stage::COUNT]) {
        self.summaries = summaries.map(|(_, summary)| summary);
    }

    /// Takes what the meter has measured, for the next report.
    pub(crate) fn set_measured(&mut self, measured: Option<Measured>) {
        self.measured = measured;
    }

    /// What it came to at `now`; call it [`RATE_REPORTS`] times a second.
    pub(crate) fn report(&mut self, seen: &Seen, now: Instant) -> Report {
        let session = seen.rx.session;
        let report = Report {
            t_ms: millis(now, self.started),
            signal: self.signal(seen, now),
            session: session.map(|session| SessionReport::of(&session, seen.shared_clock)),
            sessions: seen.rx.sessions,
            rates: Rates::since(self.before.front(), seen, now),
            picture: PictureReport {
                stats: seen.pictures,
                age_ms: seen.last_picture.map(|at| millis(now, at)),
                concealed_ms: seen.concealed_since.map_or(0, |at| millis(now, at)),
            },
            latency: Latency {
                relayed: relayed(seen),
                ..Latency::of(session.as_ref(), self.unknown(seen), &self.summaries)
            },
            measured: self.measured.take(),
            cards: self.cards(seen, now),
            relays: seen.relays.clone(),
            relay_messages_dropped: seen.relay_messages_dropped,
            relays_crowded_out: seen.relays_crowded_out,
            streams: seen.rx.streams.clone(),
            frames: seen.rx.frames,
            captured_bytes: seen.captured_bytes,
            combining: seen.rx.combining,
            outputs: seen.outputs,
            scheduling: seen.scheduling,
        };
        if self.before.len() >= RATE_REPORTS {
            self.before.pop_front();
        }
        self.before.push_back((now, seen.clone()));
        report
    }

    /// Why the time from the camera on cannot be known, if it cannot.
    fn unknown(&self, seen: &Seen) -> Option<Unknown> {
        seen.rx.session?;
        if self.names.are_recordings() {
            return Some(Unknown::Recorded);
        }
        if self.names.target.dialect() == Dialect::WfbNg {
            return Some(Unknown::NotSaid);
        }
        (!seen.shared_clock).then_some(Unknown::NoSharedClock)
    }

    fn signal(&self, seen: &Seen, now: Instant) -> SignalReport {
        let mut hearing = seen.rx.hearing;
        hearing.any = hearing.any.max(seen.other_traffic);
        let last_heard = seen.rx.session.map(|session| session.last_heard);
        let evidence = Evidence {
            dialect: self.names.target.dialect(),
            hearing,
            session: seen.rx.session.map(|session| (session.last_heard, session.payload())),
            last_datagram: seen.last_datagram,
            last_picture: seen.last_picture,
            concealed: seen.concealed_since.is_some(),
            picture_interval: seen.rx.session.and_then(|session| session.unit_interval()),
            decodes: self.decodes,
        };
        let fault = Self::fault_of_all_cards(seen);
        let (signal, reason) = match (evidence.signal(now), fault) {
            (Signal::Nothing | Signal::NoLink, Some(fault)) => (Signal::DeafCards, fault),
            (Signal::Nothing, None) if self.names.listening == Listening::Relays => {
                (Signal::Nothing, silence_of_relays(seen.network.as_ref(), seen.relays.len(), &self.names))
            }
            (signal, _) => (signal, signal.reason(&self.names)),
        };
        SignalReport {
            state: signal.state(),
            reason,
            silent_ms: last_heard.map(|at| millis(now, at)),
            frozen_after_ms: whole_millis(evidence.frozen_after()),
            signal,
        }
    }

    /// What is wrong with the first card, if something is wrong with every air.
    fn fault_of_all_cards(seen: &Seen) -> Option<String> {
        let mut faults = seen.airs.iter().enumerate().map(|(number, name)| seen.fault(number, name));
        faults.next()?.filter(|_| faults.all(|fault| fault.is_some()))
    }

    /// Verdicts on cards that began or are over since the last call, each in one sentence.
    pub(crate) fn take_news(&mut self) -> Vec<String> {
        self.judge.take_news()
    }

    fn cards(&mut self, seen: &Seen, now: Instant) -> Vec<CardReport> {
        let mut cards = cards::cards(seen, self.before.front().map(|(_, before)| before), now);
        self.judge.judge(&mut cards, now);
        cards
    }
}

/// What the way from the cards of that relay took that brings most.
fn relayed(seen: &Seen) -> Option<Took> {
    let ways = seen.relays.iter().filter_map(|relay| relay.relayed());
    ways.max_by_key(|way| way.count).and_then(|way| Took::of(&way))
}

fn millis(now: Instant, then: Instant) -> u64 {
    whole_millis(now.saturating_duration_since(then))
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::stats::{AntennaStats, CardStats, RxStats, SessionStats, Spread, Terms};
    use skylark_common::fec::FecConfig;
    use skylark_common::wire::announce::{Announce, Payload, TxLatency};

    use super::*;
    use crate::board::CardSeen;
    use crate::signal::tests::names;
    use crate::unit::tests::start;

    /// A receiver that hears two cards and shows pictures.
    pub(crate) fn seen(now: Instant) -> Seen {
        let announce = Announce {
            session_time_us: 0,
            unix_start_us: None,
            clock_id: None,
            next_esi: 0,
            unit_interval_us: Some(16_667),
            payload: Payload::H264,
            fec: FecConfig::default(),
            latency: Some(TxLatency {
                encode_p50_us: 9000,
                encode_p95_us: 12_000,
                queue_p50_us: 400,
                queue_p95_us: 900,
            }),
        };
        let session = SessionStats { id: 7, last_heard: now, terms: Terms::Skylark(announce) };
        let card = |heard, missed, unique, dbm: i8| CardStats {
            heard,
            expected: heard + missed,
            missed,
            unique,
            signal_dbm: Some(dbm.into()),
            snr_db: Some(f32::from(dbm) + 95.0),
            antennas: vec![antenna(0, dbm), antenna(1, dbm - 4)],
            behind: Some(Duration::from_micros(800)),
            last_heard: Some(now),
            ..CardStats::default()
        };
        let video = StreamStats {
            datagram_bytes: 1_000_000,
            recovered: 312,
            lost: 4,
            late: 1,
            units: 60,
            ..StreamStats::default()
        };
        Seen {
            rx: RxStats {
                cards: vec![card(980, 20, 88, -48), card(900, 100, 8, -79)],
                streams: vec![video],
                session: Some(session),
                sessions: 1,
                ..RxStats::default()
            },
            last_datagram: Some(now),
            last_picture: Some(now),
            pictures: PictureStats { decoded: 60, shown: 60, width: 1280, height: 720, ..PictureStats::default() },
            ..Seen::default()
        }
    }

    /// An antenna that hears steadily.
    pub(crate) fn antenna(number: u8, dbm: i8) -> AntennaStats {
        let spread = |db: i8| Spread { min: db - 3, mean: db.into(), max: db + 2 };
        AntennaStats { number, frames: 500, signal_dbm: spread(dbm), snr_db: Some(spread(dbm + 95)) }
    }

    /// A card that has heard nothing.
    pub(crate) fn card_report(name: &str) -> CardReport {
        let seen = Seen { airs: vec![name.to_owned()], ..Seen::default() };
        cards::cards(&seen, None, start()).remove(0)
    }

    /// The report over the second that ended at `now` with what [`seen`] says.
    pub(crate) fn report(seen: &Seen, now: Instant) -> Report {
        let then = now.checked_sub(Duration::from_secs(1)).unwrap();
        let mut reporting = Reporting::new(names(), true, then);
        reporting.report(&Seen::default(), then);
        let summary = Summary { count: 60, mean_us: 3000, p50_us: 2500, p95_us: 8100, p99_us: 9000, max_us: 9000 };
        reporting.set_ledger([("", summary); stage::COUNT]);
        let airs = vec!["udp:5801".to_owned(), "udp:5802".to_owned()];
        reporting.report(&Seen { airs, ..seen.clone() }, now)
    }

    #[test]
    fn rates_are_what_came_in_the_last_second() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(report.rates.bits_per_s, 8_000_000);
        assert_eq!(report.rates.pictures_per_1000_s, 60_000);
        assert_eq!(report.rates.units_per_1000_s, 60_000);
        assert_eq!(report.cards[0].heard_permille, Some(980));
        assert_eq!(report.cards[1].heard_permille, Some(900));
        assert_eq!(report.signal.state, State::Good);
    }

    #[test]
    fn a_card_that_heard_nothing_is_there_all_the_same() {
        let now = start();
        let report = report(&Seen::default(), now);
        assert_eq!(report.cards.len(), 2);
        assert_eq!((report.cards[1].heard_permille, report.cards[1].silent_ms), (None, None));
        assert_eq!(report.signal.state, State::None);
    }

    #[test]
    fn what_is_wrong_with_every_card_is_the_reason() {
        let now = start();
        let deaf =
            |name: &str, fault: &str| CardSeen { name: name.to_owned(), fault: Some(fault.to_owned()), tuned: None };
        let mut seen = Seen { cards: vec![deaf("udp:5801", "wlan1 is down")], ..Seen::default() };
        assert!(report(&seen, now).signal.reason.starts_with("nothing is heard"));
        seen.faults = vec![None, Some("udp:5802: the card is gone".to_owned())];
        assert!(report(&seen, now).cards[1].fault.as_ref().unwrap().starts_with("udp:5802: the card is gone"));
        seen.cards.push(deaf("udp:5802", "wlan2 is gone"));
        seen.other_traffic = Some(now);
        let report = report(&seen, now);
        assert_eq!((report.signal.state, report.signal.reason.as_str()), (State::None, "wlan1 is down"));
        assert_eq!(report.cards[1].fault.as_deref(), Some("wlan2 is gone"));
    }

    #[test]
    fn a_stats_line_is_one_line_of_json() {
        let now = start();
        let line = serde_json::to_string(&report(&seen(now), now)).unwrap();
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["signal"]["state"], "good");
        assert_eq!(value["cards"][1]["name"], "udp:5802");
        assert_eq!(value["picture"]["decoded"], 60);
        assert_eq!(value["session"]["payload"], "h264");
        assert_eq!(value["session"]["id"], "000007");
    }
}
