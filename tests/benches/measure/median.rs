//! The median of many rounds, each long enough for the clock.

use std::time::{Duration, Instant};

/// The shortest round.
const ROUND: Duration = Duration::from_micros(300);

/// The median time of one call in µs, over this many rounds.
pub(crate) fn median_us<const ROUNDS: usize>(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut calls = 0_u32;
    while begin.elapsed() < ROUND {
        work();
        calls += 1;
    }
    let mut times = [(); ROUNDS].map(|()| {
        let begin = Instant::now();
        (0..calls).for_each(|_| work());
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
    });
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
