//! The glass-to-glass meter of the real programs.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::TEST_PICTURE;
use crate::desk::{CLIP, Desk, Program, binary, ports};

/// Means are whole µs, each rounded down.
const ROUNDING_US: u64 = 7;
/// The capture time in the picture and in the packet are one instant in whole µs, on their way through two clocks.
const ONE_INSTANT_US: u64 = 10;

fn number(line: &Value, pointer: &str) -> u64 {
    line.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {line}"))
}

fn measured(rx: &Program) -> u64 {
    rx.count("/measured/since_start/count")
}

#[test]
fn the_means_of_the_stages_add_up_to_the_age_that_is_read_from_the_picture() {
    let desk = Desk::new();
    let [card] = ports();
    let shows = format!("--air udp:127.0.0.1:{card} --key link.key --output window --measure-latency");
    let mut command = Command::new(binary("skylark-rx"));
    command.env("SDL_VIDEODRIVER", "dummy");
    let mut rx = desk.start_command(command, "rx", &shows, Stdio::null());
    let mut tx = desk.start("skylark-tx", "tx", &format!("{TEST_PICTURE} --air udp:127.0.0.1:{card} --key link.key"));
    rx.wait_for("measured pictures", |rx| measured(rx) >= 60);
    assert_eq!([tx.end(), rx.end()], [0; 2]);

    let end = rx.stats().pop().unwrap();
    let stages = end.pointer("/measured/stages").and_then(Value::as_object).unwrap();
    assert_eq!(stages.len(), 6);
    let sum: u64 = stages.values().map(|stage| number(stage, "/mean_us")).sum();
    let mean = number(&end, "/measured/since_start/mean_us");
    assert!(mean.abs_diff(sum) <= ROUNDING_US + ONE_INSTANT_US, "{mean} and {sum}: {stages:?}");
    assert!(number(&end, "/measured/stages/code_to_captured/max_us") <= ONE_INSTANT_US, "{stages:?}");
    let count = measured(&rx);
    assert!(stages.values().all(|stage| number(stage, "/count") == count));
    let bars = end.pointer("/measured/histogram").and_then(Value::as_array).unwrap();
    assert_eq!(bars.iter().map(|bar| number(bar, "/count")).sum::<u64>(), count);
    assert_eq!(end["measured"]["until"], "shown");
}

#[test]
fn a_source_without_a_time_code_is_not_measured_and_the_reason_is_told() {
    let desk = Desk::new();
    let [card] = ports();
    let listens = format!("--air udp:127.0.0.1:{card} --key link.key --output none --measure-latency");
    let mut rx = desk.start("skylark-rx", "rx", &listens);
    let sends = format!("--input file:{CLIP} --loop --air udp:127.0.0.1:{card} --key link.key");
    let mut tx = desk.start("skylark-tx", "tx", &sends);
    rx.wait_for("pictures", |rx| rx.count("/measured/unmeasured") > 0);
    assert_eq!([tx.end(), rx.end()], [0; 2]);
    assert!(rx.text("/measured/why").contains("--input test"));
    assert_eq!((measured(&rx), rx.text("/measured/until").as_str()), (0, "decoded"));
    assert!(String::from_utf8_lossy(&desk.read("rx.log")).contains("not measured"));
}
