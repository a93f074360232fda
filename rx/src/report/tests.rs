//! Reports of a flight, and what the figures in them are.

use skylark_common::air::CardState;
use skylark_common::wire::announce::{Announce, TxLatency};
use skylark_rx::stats::{AntennaStats, CardStats, Spread};

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
        latency: Some(TxLatency { encode_p50_us: 9000, encode_p95_us: 12_000, queue_p50_us: 400, queue_p95_us: 900 }),
    };
    let session = SessionStats { id: 7, last_heard: now, announce, announced: now, offset_us: 0 };
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
    AntennaStats { number, signal_dbm: spread(dbm), snr_db: Some(spread(dbm + 95)) }
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
    let summary = Summary { count: 60, p50_us: 2500, p95_us: 8100, p99_us: 9000, max_us: 9000 };
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
    let deaf = |name: &str, fault: &str| CardSeen { name: name.to_owned(), fault: Some(fault.to_owned()), tuned: None };
    let mut seen = Seen { cards: vec![deaf("udp:5801", "wlan1 is down")], ..Seen::default() };
    assert!(report(&seen, now).signal.reason.starts_with("nothing is heard"));
    seen.states = vec![CardState::Working, CardState::Gone];
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
