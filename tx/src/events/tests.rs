//! A line is what docs/STATS.md says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::link::airs::Sample;

/// A line in which everything is there.
fn line() -> Value {
    let air = AirStats {
        air: "wlan1".to_owned(),
        injected: 1,
        refused: 0,
        unheard: 0,
        failing: None,
        confirmed: Some(Sample { injected: 1, sent: 1 }),
    };
    let (tx, source) = (TxStats::default(), SourceStats::default());
    let totals = Totals { tx, airs: vec![air], source, scheduling: Scheduling::Ordinary };
    let announced = TxLatency { encode_p50_us: 9000, encode_p95_us: 12_000, queue_p50_us: 40, queue_p95_us: 900 };
    let allowed = Allowance { bits_per_s: 1_900_000, unit_bytes: 9000 };
    let encoder = EncoderRate::of((allowed, RateReason::Air, Duration::from_millis(7)), 4_000_000);
    serde_json::to_value(Event::stats(1000, totals, Some(announced), Summary::default(), Some(encoder))).unwrap()
}

#[test]
fn a_line_has_its_name_its_counters_the_ledger_and_what_the_encoder_may_make() {
    let line = line();
    assert_eq!(line["ev"], "tx.stats");
    assert_eq!(line["units"], 0);
    assert_eq!(line["source"]["gave_way"], 0);
    assert_eq!(line["latency"]["encode"]["p95_us"], 12_000);
    assert_eq!(line["latency"]["send"], Value::Null);
    assert_eq!((&line["encoder"]["reason"], &line["encoder"]["queue_us"]), (&"air".into(), &7000.into()));
}

/// The names of each object, by where it is in a line.
type Names = BTreeMap<String, BTreeSet<String>>;

/// The names the document gives: a heading is an object, the rows of its table are the names in it.
fn documented() -> Names {
    let (mut names, mut object) = (Names::new(), None);
    for line in include_str!("../../../docs/STATS.md").lines() {
        let quoted = |prefix: &str| line.strip_prefix(prefix)?.split_once('`').map(|(quoted, _)| quoted.to_owned());
        object = quoted("## `").or(object);
        let ours = object.as_ref().filter(|object| object.starts_with("tx."));
        if let (Some(name), Some(object)) = (quoted("| `"), ours) {
            names.entry(object.clone()).or_default().insert(name);
        }
    }
    names
}

/// The names in a line. What is described once for many is found there.
fn found(value: &Value, at: &str, names: &mut Names) {
    let at = if at.starts_with("tx.stats.latency.") { "tx.stats.latency.*" } else { at };
    if let Value::Array(values) = value {
        values.iter().for_each(|value| found(value, &format!("{at}[]"), names));
    }
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        names.entry(at.to_owned()).or_default().insert(name.clone());
        found(value, &format!("{at}.{name}"), names);
    }
}

#[test]
fn every_figure_is_documented_and_nothing_else() {
    let mut names = Names::new();
    found(&line(), "tx.stats", &mut names);
    assert_eq!(names, documented());
}
