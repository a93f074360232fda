//! The air is cut to a third for 10 s and comes back, under the real encoder: with and without telling it.
//!
//! Virtual time; only the pictures are really encoded. `cargo bench -p skylark-tests --bench squeeze` prints the table and
//! draws `docs/figures/squeeze.svg`.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use skylark_tests::figure::{self, Curve, Panel};
use skylark_tests::squeeze::{Orders, Outcome, Picture, Squeeze};
use skylark_tx::encoder::{Encoder, EncoderSettings, Keyframe};
use skylark_tx::source::test_pattern::Pattern;

const FIGURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/figures/squeeze.svg");
const S: Duration = Duration::from_secs(1);
/// A point of a curve is the worst, or the sum, of so long.
const POINT: Duration = Duration::from_millis(200);

fn main() {
    let told = run(&Squeeze::default());
    let not_told = run(&Squeeze { orders: Orders::None, ..Squeeze::default() });
    println!("1280 x 720 at 60 pictures/s, 4 Mbit/s, MCS 1, 50 % redundancy; from 5 s to 15 s a third of the air");
    println!("orders taken | seconds | kbit/s | source to screen p50, p95, max ms | left out, damaged, lost of 60/s");
    let slow = run(&Squeeze { airtime_percent: 1500, ..Squeeze::default() });
    let keyframes = run(&Squeeze { orders: Orders::Keyframes, ..Squeeze::default() });
    let rows = [("all", &told), ("none", &not_told), ("keyframes", &keyframes), ("all, a 15th of the air", &slow)];
    for (name, outcome) in rows {
        for (from, to) in [(0, 5), (5, 6), (6, 15), (15, 16), (16, 25)] {
            println!("{name} | {from:2} to {to:2} | {}", line(outcome, S * from..S * to));
        }
        let stats = outcome.stats;
        println!(
            "{name} | longest queue {} ms by the model, longest pause {} ms, units dropped {} (late {}, useless {}), back after {:?}",
            outcome.longest_queue.as_millis(),
            outcome.longest_pause().as_millis(),
            stats.units_dropped,
            stats.dropped_late,
            stats.dropped_useless,
            back_after(outcome),
        );
    }
    draw(&[("told", &told), ("not told", &not_told)]);
}

/// The real encoder on the test picture.
fn run(squeeze: &Squeeze) -> Outcome {
    let settings = EncoderSettings {
        bits_per_s: squeeze.limits.most_bits_per_s,
        pictures_per_s: squeeze.pictures_per_s,
        keyframe_interval: S,
    };
    let (mut encoder, mut pattern) = (Encoder::new(settings).unwrap(), Pattern::new(1280, 720));
    let mut encode = |number, allowed: Option<_>, keyframe| {
        allowed.into_iter().for_each(|allowed| encoder.allow(allowed));
        let keyframe = if keyframe { Keyframe::Forced } else { Keyframe::WhenDue };
        encoder.encode(pattern.draw(number, 0), keyframe).unwrap()
    };
    squeeze.run(&mut encode, Instant::now())
}

fn line(outcome: &Outcome, time: Range<Duration>) -> String {
    let pictures: Vec<&Picture> = outcome.within(time.clone()).collect();
    let mut shown: Vec<Duration> = pictures.iter().filter_map(|picture| picture.shown_after).collect();
    shown.sort_unstable();
    let ms = |percent: usize| shown.get((shown.len() * percent / 100).min(shown.len() - 1)).map_or(0.0, ms);
    let count = |is: fn(&Picture) -> bool| pictures.iter().filter(|picture| is(picture)).count();
    format!(
        "{:4} | {:5.1} {:5.1} {:5.1} | {} {} {}",
        outcome.bits_per_s(time) / 1000,
        ms(50),
        ms(95),
        ms(100),
        count(|picture| picture.bytes == 0),
        count(|picture| picture.shown_after.is_some() && !picture.is_whole),
        count(|picture| picture.bytes > 0 && picture.shown_after.is_none()),
    )
}

/// How long after the air the encoder may make as much as before.
fn back_after(outcome: &Outcome) -> Option<Duration> {
    let most = outcome.pictures.first()?.allowed_bits_per_s;
    let back = outcome.within(S * 15..S * 25).find(|picture| picture.allowed_bits_per_s >= most)?;
    Some(back.captured - S * 15)
}

fn draw(outcomes: &[(&str, &Outcome)]) {
    let panel = |title: &str, y_label: &str, top: f64, y: &dyn Fn(&Outcome, Range<Duration>) -> f64| Panel {
        title: title.to_owned(),
        x_label: "time in s; a third of the air from 5 to 15".to_owned(),
        y_label: y_label.to_owned(),
        x: 0.0..25.0,
        y: 0.0..top,
        curves: outcomes
            .iter()
            .map(|(name, outcome)| Curve {
                name: (*name).to_owned(),
                points: (0..125).map(|at| (f64::from(at) / 5.0, y(outcome, POINT * at..POINT * (at + 1)))).collect(),
            })
            .collect(),
    };
    let latest = |outcome: &Outcome, time| ms(&outcome.latest(time)).min(400.0);
    let whole = |outcome: &Outcome, time| outcome.within(time).filter(|picture| picture.is_whole).count() as f64 * 5.0;
    let panels = [
        panel("source to screen, the latest", "ms", 400.0, &latest),
        panel("what the encoder makes", "Mbit/s", 8.0, &|outcome, time| outcome.bits_per_s(time) as f64 / 1e6),
        panel("pictures without damage", "pictures/s", 65.0, &whole),
    ];
    std::fs::create_dir_all(Path::new(FIGURE).parent().unwrap()).unwrap();
    figure::write(Path::new(FIGURE), &panels, 3).unwrap();
}

fn ms(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
