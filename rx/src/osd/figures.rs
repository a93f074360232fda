//! The figures in flight: the stream, each card, what the repairs did, and where the milliseconds go.

use skylark_common::VIDEO_STREAM;
use skylark_common::fec::{Code, FecConfig};

use super::{Line, Tone, age, tenths};
use crate::report::{CardReport, Latency, Report, Took, Unknown};

/// The strength of five bars, weakest first, in dBm: 1.5 Mbit/s is still heard at -90, the fastest rates
/// need -65 and more.
const BARS_DBM: [(f32, char); 5] = [(-90.0, '▁'), (-82.0, '▂'), (-75.0, '▄'), (-68.0, '▆'), (-60.0, '█')];
/// Below this a fade ends the picture.
const WEAK_DBM: f32 = -82.0;
/// Below this the fast rates are gone.
const FAIR_DBM: f32 = -75.0;
/// Letters of a card's name that are shown.
const NAME_LETTERS: usize = 14;

/// The stream, the cards, the repairs.
pub(crate) fn stream(report: &Report) -> Vec<Line> {
    let mut lines = vec![headline(report), card_header()];
    lines.extend(report.cards.iter().map(card));
    lines.push(repairs(report));
    lines.extend(overload(report));
    lines
}

/// Where the milliseconds go.
pub(crate) fn latency(report: &Report) -> Vec<Line> {
    let Latency { captured_to_encoded, encoded_to_on_air, on_air_to_heard, .. } = report.latency;
    let Latency { heard_to_complete, complete_to_decoded, decoded_to_shown, .. } = report.latency;
    let Latency { heard_to_shown, captured_to_shown, unknown, .. } = report.latency;
    let stage = |name: &str, took| row(name, took, Tone::Plain);
    let mut lines = vec![Line::of(format!("{:<20}{:>7}{:>7}", "ms, last second", "p50", "p95"), Tone::Dim)];
    lines.push(stage("capture → encoded", captured_to_encoded));
    lines.push(stage("encoded → on air", encoded_to_on_air));
    lines.push(stage("on air → heard", on_air_to_heard));
    lines.push(stage("heard → complete", heard_to_complete));
    lines.push(stage("complete → decoded", complete_to_decoded));
    lines.push(stage("decoded → shown", decoded_to_shown));
    lines.push(match captured_to_shown {
        Some(_) => row("capture → shown", captured_to_shown, Tone::Good),
        None => row("heard → shown", heard_to_shown, Tone::Good),
    });
    lines.extend(unknown.map(|unknown| {
        let why = match unknown {
            Unknown::NoSharedClock => "on air → heard: no shared clock",
            Unknown::Recorded => "capture → heard: long ago, recorded",
        };
        Line::of(why, Tone::Dim)
    }));
    lines
}

fn headline(report: &Report) -> Line {
    let stats = report.picture.stats;
    let fec = report.session.map(|session| fec(session.fec)).unwrap_or_default();
    Line::new()
        .with(format!("{}×{}  ", stats.width, stats.height), Tone::Plain)
        .with(tenths(report.rates.pictures_per_1000_s), Tone::Plain)
        .with(" fps  ", Tone::Dim)
        .with(tenths(report.rates.bits_per_s / 1000), Tone::Plain)
        .with(" Mbit/s  ", Tone::Dim)
        .with(fec, Tone::Plain)
}

fn fec(fec: FecConfig) -> String {
    let percent = fec.redundancy_permille / 10;
    match fec.code {
        Code::None => "no FEC".to_owned(),
        Code::Window => format!("window +{percent} %"),
        Code::Block => format!("block +{percent} %"),
    }
}

fn card_header() -> Line {
    Line::of(format!("{:<14} {:<6}{:>8}{:>7}{:>9}{:>9}", "card", "", "signal", "snr", "heard", "missed"), Tone::Dim)
}

fn card(card: &CardReport) -> Line {
    let line = Line::of(format!("{:<14} ", ending(&card.name)), Tone::Plain);
    if let Some(silent_ms) = card.silent_ms.filter(|silent_ms| *silent_ms > 1000) {
        return line.with(format!("      silent for {}", age(silent_ms)), Tone::Bad);
    }
    if card.silent_ms.is_none() {
        return line.with("      has heard nothing of this link", Tone::Bad);
    }
    let tone = strength(card.stats.signal_dbm);
    let decibels = |value: Option<f32>, unit: &str| value.map_or("-".to_owned(), |value| format!("{value:.0} {unit}"));
    let heard = card.heard_permille.map_or("-".to_owned(), |permille| format!("{} %", tenths(permille * 100)));
    let heard_tone = match card.heard_permille {
        Some(..800) => Tone::Bad,
        Some(800..950) => Tone::Warn,
        Some(_) | None => Tone::Plain,
    };
    bars(line, card.stats.signal_dbm, tone)
        .with(format!("{:>9}", decibels(card.stats.signal_dbm, "dBm")), tone)
        .with(format!("{:>7}", decibels(card.stats.snr_db, "dB")), Tone::Plain)
        .with(format!("{heard:>9}"), heard_tone)
        .with(format!("{:>9}", card.stats.missed), Tone::Plain)
}

/// A name that is too long by its end, which tells it from others.
fn ending(name: &str) -> String {
    let letters = name.chars().count();
    if letters <= NAME_LETTERS {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(letters - NAME_LETTERS + 1)).collect()
}

fn strength(signal_dbm: Option<f32>) -> Tone {
    match signal_dbm {
        Some(dbm) if dbm < WEAK_DBM => Tone::Bad,
        Some(dbm) if dbm < FAIR_DBM => Tone::Warn,
        Some(_) => Tone::Good,
        None => Tone::Dim,
    }
}

fn bars(line: Line, signal_dbm: Option<f32>, tone: Tone) -> Line {
    BARS_DBM.iter().fold(line, |line, &(least_dbm, bar)| {
        let lit = signal_dbm.is_some_and(|dbm| dbm >= least_dbm);
        line.with(bar, if lit { tone } else { Tone::Dim })
    })
}

fn repairs(report: &Report) -> Line {
    let video = report.streams.iter().find(|stream| stream.stream == VIDEO_STREAM).copied().unwrap_or_default();
    let bad_if_any = |count: u64| if count > 0 { Tone::Warn } else { Tone::Plain };
    let stats = report.picture.stats;
    Line::new()
        .with("recovered ", Tone::Dim)
        .with(video.recovered.to_string(), Tone::Plain)
        .with("  lost ", Tone::Dim)
        .with(video.lost.to_string(), bad_if_any(video.lost))
        .with("  late ", Tone::Dim)
        .with(video.late.to_string(), bad_if_any(video.late))
        .with("  concealed ", Tone::Dim)
        .with(stats.concealed.to_string(), bad_if_any(stats.concealed))
}

/// What this machine dropped of what its cards had heard: no fault of the air.
fn overload(report: &Report) -> Option<Line> {
    let frames: u64 = report.cards.iter().map(|card| card.dropped_by_machine).sum();
    (frames > 0).then(|| Line::of(format!("this machine was too busy for {frames} frames"), Tone::Bad))
}

fn row(name: &str, took: Option<Took>, tone: Tone) -> Line {
    let line = Line::of(format!("{name:<20}"), Tone::Dim);
    match took {
        Some(Took { p50_us, p95_us }) => line.with(format!("{:>7}{:>7}", tenths(p50_us), tenths(p95_us)), tone),
        None => line.with(format!("{:>7}{:>7}", "-", "-"), Tone::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Seen;
    use crate::osd::tests::text;
    use crate::report::tests::{report, seen};
    use crate::unit::tests::start;

    #[test]
    fn a_good_flight_reads_like_this() {
        let now = start();
        assert_eq!(
            text(&stream(&report(&seen(now), now))),
            "\
1280×720  60.0 fps  8.0 Mbit/s  window +50 %
card                   signal    snr    heard   missed
udp:5801       ▁▂▄▆█  -48 dBm  47 dB   98.0 %       20
udp:5802       ▁▂▄▆█  -79 dBm  16 dB   90.0 %      100
recovered 312  lost 4  late 1  concealed 0
"
        );
    }

    #[test]
    fn frames_the_machine_dropped_are_not_blamed_on_the_air() {
        let now = start();
        let seen = Seen { dropped_by_machine: vec![0, 1255], ..seen(now) };
        assert!(text(&stream(&report(&seen, now))).ends_with("this machine was too busy for 1255 frames\n"));
    }

    #[test]
    fn the_ledger_reads_like_this() {
        let now = start();
        let ledger = text(&latency(&report(&seen(now), now)));
        assert_eq!(
            ledger,
            "\
ms, last second         p50    p95
capture → encoded       9.0   12.0
encoded → on air        0.4    0.9
on air → heard          0.0    0.0
heard → complete        2.5    8.1
complete → decoded      2.5    8.1
decoded → shown         2.5    8.1
capture → shown         2.5    8.1
on air → heard: no shared clock
"
        );
    }

    #[test]
    fn a_card_that_hears_nothing_says_so() {
        let now = start();
        let lines = text(&stream(&report(&Seen::default(), now)));
        assert!(lines.contains("udp:5801             has heard nothing of this link"), "{lines}");
        assert!(text(&latency(&report(&Seen::default(), now))).contains("encoded → on air          -      -"));
    }

    #[test]
    fn long_names_are_told_apart_by_their_ends() {
        assert_eq!(ending("udp:5801"), "udp:5801");
        assert_eq!(ending("udp:127.0.0.1:15801"), "…7.0.0.1:15801");
    }

    #[test]
    fn a_weak_card_is_colored() {
        assert_eq!([-48.0, -79.0, -85.0].map(|dbm| strength(Some(dbm))), [Tone::Good, Tone::Warn, Tone::Bad]);
    }
}
