//! docs/STATS.md names every figure of a line of a viewer or of a relay, and none that is not there. Those of the
//! transmitter are compared where they are made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tests::{report, seen};
use crate::board::Seen;
use crate::unit::tests::start;

/// The names of each object, by where it is in a line.
type Names = BTreeMap<String, BTreeSet<String>>;

/// The names the document gives: a heading is an object, the rows of its table are the names in it.
fn documented() -> Names {
    let (mut names, mut object) = (Names::new(), None);
    for line in include_str!("../../../docs/STATS.md").lines() {
        let quoted = |prefix: &str| line.strip_prefix(prefix)?.split_once('`').map(|(quoted, _)| quoted.to_owned());
        object = quoted("## `").or(object);
        let ours = object.as_ref().filter(|object| !object.starts_with("tx."));
        if let (Some(name), Some(object)) = (quoted("| `"), ours) {
            let is_first = names.entry(object.clone()).or_default().insert(name);
            assert!(is_first, "twice in {object}: {line}");
        }
    }
    names
}

/// The names in a line. What is described once for many is found there.
fn found(value: &Value, at: &str, names: &mut Names) {
    let at = match at {
        "cards[].frames" => "frames",
        "cards[].antennas[].signal_dbm" | "cards[].antennas[].snr_db" => "cards[].antennas[].*",
        _ if at.starts_with("latency.") => "latency.*",
        "relays[].behind" | "relays[].relayed" => "relays[].*",
        "measured.last_second" | "measured.since_start" => "measured.*",
        _ if at.starts_with("measured.stages.") => "measured.*",
        _ => at,
    };
    if let Value::Array(values) = value {
        values.iter().for_each(|value| found(value, &format!("{at}[]"), names));
    }
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        names.entry(at.to_owned()).or_default().insert(name.clone());
        let inner = if at == "rx.stats" { name.clone() } else { format!("{at}.{name}") };
        found(value, &inner, names);
    }
}

fn relay() -> crate::link::relayed::RelaySeen {
    use crate::relay::{RelayId, RelayStats, RelayedLink, Stations, ViewerId};
    use skylark_common::ledger::Summary;

    let now = start();
    let link = RelayedLink::Skylark(skylark_common::wire::link::LinkId::from_name("hill"));
    let mut stations = Stations::new(link, ViewerId(1), now);
    stations.handle_message(RelayId(7), &[b"SKR\x01".as_slice(), &[0; 12]].concat(), now);
    let took = Some(Summary::default());
    let stats = stations.stats(now).pop().map(|stats| RelayStats { behind: took, relayed: took, ..stats });
    assert!(stats.is_some());
    crate::link::relayed::RelaySeen {
        name: "roof".to_owned(),
        state: crate::stations::RelayState::Heard,
        stats,
        cards: Vec::new(),
        hears_others: false,
    }
}

#[test]
fn every_figure_is_documented_and_nothing_else() {
    let now = start();
    let mut report = report(&Seen { relays: vec![relay()], ..seen(now) }, now);
    report.measured = Some(crate::glass::time_code::tests::measured());
    let line = serde_json::to_value(report).unwrap();
    let mut names = Names::new();
    found(&line, "rx.stats", &mut names);
    found(&crate::relaying::figures::tests::line(), "relay.stats", &mut names);
    for line in ["rx.stats", "relay.stats"] {
        names.entry(line.to_owned()).or_default().insert("ev".to_owned());
    }
    let documented = documented();
    let only = |these: &Names, those: &Names| -> Vec<String> {
        let new = |(at, names): (&String, &BTreeSet<String>)| {
            let known = those.get(at).cloned().unwrap_or_default();
            names.difference(&known).map(|name| format!("{at}: {name}")).collect::<Vec<_>>()
        };
        these.iter().flat_map(new).collect()
    };
    assert_eq!(only(&names, &documented), [""; 0], "in the line and not in docs/STATS.md");
    assert_eq!(only(&documented, &names), [""; 0], "in docs/STATS.md and not in the line");
}
