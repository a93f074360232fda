//! Viewers that lie and flood beside a true one: they get what they ask for, and it misses nothing.

use std::time::Duration;

use skylark_rx::receiver::Known;
use skylark_rx::relay::report::Prompt;
use skylark_rx::relay::{Report, ViewerId};

use super::field::{Field, VIEWER};
use super::hostile::{truth, under_attack};
use super::{SECOND, added, percentile};

/// Runs for 6 s with a second viewer, whose reports `lie` makes.
fn with_viewer(case: &str, mut lie: impl FnMut(u32, &Field) -> Vec<Report>) -> Field {
    under_attack(case, |now_ms, field| {
        for report in lie(now_ms, field) {
            let mut bytes = Vec::new();
            report.emit(&mut bytes);
            let now = field.now;
            field.relays.iter_mut().for_each(|relay| relay.forwarder.handle_report(&bytes, now));
        }
    })
}

/// A report that says that everything is known and nobody is wanted.
fn everything(viewer: ViewerId, stamp_us: u64, field: &Field) -> Report {
    let all = |known: Known| Known { next: known.next.wrapping_add(200), bits: [u64::MAX; 4], ..known };
    Report { viewer, stamp_us, prompt: Prompt::Only(Vec::new()), known: field.receiver.known().map(all).collect() }
}

#[test]
fn a_viewer_that_says_it_knows_everything_harms_only_itself() {
    let mut plain = truth();
    plain.run(6 * SECOND);
    plain.idle(SECOND);
    let field = with_viewer("a know-all", |now_ms, field| vec![everything(ViewerId(1), u64::from(now_ms), field)]);
    let added = added(&field, &plain);
    assert!(percentile(&added, 95) < Duration::from_millis(2), "{:?}", percentile(&added, 95));
}

#[test]
fn a_stranger_that_reports_in_a_viewers_name_only_makes_relays_prompt() {
    let field = with_viewer("a double", |_, field| {
        let since = (field.now - field.start).as_micros();
        vec![everything(VIEWER, u64::try_from(since).unwrap() + 1, field)]
    });
    for relay in &field.relays {
        let stats = relay.forwarder.stats(field.now);
        assert!(stats.reports_contested > 1000 && stats.forwarded * 10 > stats.captured * 9, "{stats:?}");
    }
}

#[test]
fn a_flood_of_viewers_only_makes_relays_prompt() {
    let mut stamp = 0;
    let field = with_viewer("a crowd of viewers", |_, field| {
        stamp += 1;
        (0..40).map(|viewer| everything(ViewerId(100 + stamp * 40 + viewer), stamp, field)).collect()
    });
    for relay in &field.relays {
        let stats = relay.forwarder.stats(field.now);
        assert!(stats.viewers <= 16 && stats.reports_contested > 100_000, "{stats:?}");
    }
}
