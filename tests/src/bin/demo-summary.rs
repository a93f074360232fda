//! The figures of a demo in one line of JSON, out of the stats of its transmitter and its receiver:
//! `demo-summary TX.json RX.json`. Exits with 1 when no picture arrived.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "writes its line, or why there is none")]

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    match paths.as_slice() {
        [tx, rx] => summarize(tx, rx),
        _ => Err(anyhow::anyhow!("usage: demo-summary TX.json RX.json")),
    }
    .unwrap_or_else(|error| {
        eprintln!("demo-summary: {error:#}");
        ExitCode::FAILURE
    })
}

fn summarize(tx: &str, rx: &str) -> Result<ExitCode> {
    let summary = summary(&last(tx, "tx.stats")?, &last(rx, "rx.stats")?, &last(rx, "rx.end")?);
    println!("{summary}");
    Ok(if summary["picture"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The last line of this kind.
fn last(path: &str, event: &str) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let lines = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.into_iter().find(|line| line["ev"] == event).with_context(|| format!("{path}: no line of {event}"))
}

/// Counts of the whole run; rates and latencies of the last whole second.
fn summary(tx: &Value, second: &Value, end: &Value) -> Value {
    let (picture, video) = (&end["picture"], &end["streams"][0]);
    json!({
        "picture": picture["decoded"].as_u64().is_some_and(|decoded| decoded > 0),
        "size": format!("{}x{}", picture["width"], picture["height"]),
        "pictures": picture["decoded"],
        "concealed": picture["concealed"],
        "units": video["units"],
        "units_damaged": video["units_damaged"],
        "packets_recovered": video["recovered"],
        "packets_lost": video["lost"],
        "fps": thousandths(&second["rates"]["pictures_per_1000_s"]),
        "latency_ms": latency(&second["latency"]),
        "cards": end["cards"].as_array().map(|cards| cards.iter().map(card).collect::<Vec<_>>()),
        "tx": {
            "video_bits_per_s": per_second(&tx["datagram_bytes"], &tx["t_ms"]),
            "air_bits_per_s": per_second(&tx["air_bytes"], &tx["t_ms"]),
            "pictures_skipped": tx["source"]["skipped"],
            "units_dropped": tx["units_dropped"].as_u64().zip(tx["source"]["gave_way"].as_u64()).map(|(a, b)| a + b),
        },
    })
}

/// Each stage that was passed, with its median and 95th percentile.
fn latency(stages: &Value) -> Map<String, Value> {
    let took = |stage: &Value| json!({ "p50": thousandths(&stage["p50_us"]), "p95": thousandths(&stage["p95_us"]) });
    let stages = stages.as_object().into_iter().flatten();
    stages.filter(|(_, stage)| stage.is_object()).map(|(name, stage)| (name.clone(), took(stage))).collect()
}

fn card(card: &Value) -> Value {
    json!({
        "air": card["name"],
        "heard": card["heard"],
        "missed": card["missed"],
        "dropped_by_machine": card["dropped_by_machine"],
    })
}

fn thousandths(value: &Value) -> Option<f64> {
    value.as_f64().map(|value| value / 1000.0)
}

fn per_second(bytes: &Value, ms: &Value) -> Option<u64> {
    (8000 * bytes.as_u64()?).checked_div(ms.as_u64()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_both_ends_become_one_line() {
        let tx = json!({ "t_ms": 2000, "datagram_bytes": 1_000_000, "air_bytes": 1_600_000, "units_dropped": 1,
            "source": { "skipped": 2, "gave_way": 3 } });
        let second = json!({ "rates": { "pictures_per_1000_s": 59_900 },
            "latency": { "complete_to_decoded": { "p50_us": 2500, "p95_us": 4000 }, "captured_to_shown": null } });
        let end = json!({ "picture": { "decoded": 120, "concealed": 0, "width": 1280, "height": 720 },
            "streams": [{ "units": 120, "units_damaged": 0, "recovered": 80, "lost": 0 }],
            "cards": [{ "name": "udp:5801", "heard": 900, "missed": 100, "dropped_by_machine": 0 }] });
        let summary = summary(&tx, &second, &end);
        assert_eq!((&summary["picture"], &summary["fps"]), (&true.into(), &59.9.into()));
        assert_eq!(summary["latency_ms"], json!({ "complete_to_decoded": { "p50": 2.5, "p95": 4.0 } }));
        assert_eq!(summary["cards"][0]["missed"], 100);
        assert_eq!(
            (&summary["tx"]["video_bits_per_s"], &summary["tx"]["units_dropped"]),
            (&4_000_000.into(), &4.into())
        );
        assert!(!summary.to_string().contains('\n'));
    }

    #[test]
    fn without_a_picture_the_summary_says_so() {
        let nothing = json!({});
        assert_eq!(summary(&nothing, &nothing, &nothing)["picture"], false);
    }
}
