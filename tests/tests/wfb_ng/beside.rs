//! Our receiver beside the reference's: under the same losses at least as much, in order, and not later.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_common::wfb_ng::session::BlockCode;
use skylark_tests::Traffic;
use skylark_tests::wfb_ng::flight::{Flown, Plan, fly};

const CODES: [(u8, u8); 4] = [(1, 2), (4, 8), (8, 12), (12, 15)];

fn losing(loss: Loss) -> ReceiverConfig {
    ReceiverConfig { loss, ..ReceiverConfig::default() }
}

fn independent(share: f64) -> ReceiverConfig {
    losing(Loss::Independent { share })
}

fn bursts(share: f64) -> ReceiverConfig {
    losing(Loss::Bursts { share, mean_frames: 5.0 })
}

fn flown(code: (u8, u8), receivers: &[ReceiverConfig], seed: u64) -> Flown {
    let plan = Plan {
        code: BlockCode::new(code.0, code.1).unwrap(),
        receivers: receivers.to_vec(),
        traffic: Traffic::default(),
        duration: Duration::from_secs(6),
        seed,
    };
    fly(&plan, Instant::now())
}

/// By how much ours was sooner (below zero) or later, of what both handed on, in µs, sorted.
fn later_us(flown: &Flown) -> Vec<i64> {
    let reference: BTreeMap<_, _> = flown.reference.iter().copied().collect();
    let us = |at: Duration| i64::try_from(at.as_micros()).unwrap();
    let both = flown.ours.iter().filter_map(|(label, at)| Some(us(*at) - us(*reference.get(label)?)));
    let mut later: Vec<i64> = both.collect();
    later.sort_unstable();
    later
}

#[test]
fn whatever_the_reference_receiver_hands_on_ours_does_in_order_and_no_later_at_the_median() {
    let airs: [&[ReceiverConfig]; 8] = [
        &[independent(0.0)],
        &[independent(0.05)],
        &[independent(0.2)],
        &[bursts(0.1)],
        &[bursts(0.25)],
        &[independent(0.2), independent(0.2)],
        &[bursts(0.2), ReceiverConfig { delay: Duration::from_millis(2), ..bursts(0.2) }],
        &[independent(0.2), ReceiverConfig { delay: Duration::from_millis(10), ..independent(0.0) }],
    ];
    println!("k/n      air   sent   ours   reference   sooner by at p5, p50, p95, most (ms)");
    for code in CODES {
        for (air, receivers) in airs.iter().enumerate() {
            let flown = flown(code, receivers, 7 + air as u64);
            let ours: Vec<(u32, u32)> = flown.ours.iter().map(|(label, _)| *label).collect();
            assert!(ours.is_sorted_by(|a, b| a < b), "{code:?}, air {air}: out of order or twice");
            let left_out: Vec<_> =
                flown.reference.iter().filter(|(label, _)| ours.binary_search(label).is_err()).collect();
            let later = later_us(&flown);
            let at = |percent: usize| later[(later.len() - 1) * percent / 100] as f64 / -1000.0;
            println!(
                "{:>2}/{:<2} {air:8} {:6} {:6} {:11}   {:7.2} {:7.2} {:7.2} {:7.2}",
                code.0,
                code.1,
                flown.sent,
                flown.ours.len(),
                flown.reference.len(),
                at(95),
                at(50),
                at(5),
                at(0)
            );
            assert!(left_out.is_empty(), "{code:?}, air {air}: without {left_out:?}");
            assert!(at(50) >= 0.0, "{code:?}, air {air}: later at the median by {} ms", -at(50));
            assert!(!flown.reference.is_empty());
        }
    }
}
