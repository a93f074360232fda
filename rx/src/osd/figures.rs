//! The figures in flight: the stream, each card, what the repairs did, and where the milliseconds go.

use skylark_common::VIDEO_STREAM;
use skylark_common::fec::Code;
use skylark_common::ledger::Summary;

use super::{Line, Room, Tone, cards, tenths, wrap};
use crate::glass::{Bar, Measured, Mode, Until};
use crate::report::{Fec, Latency, Report, Took, Unknown};

/// How wide the ledger is: a stage and two figures.
const LEDGER_LETTERS: usize = 34;

/// How the figures are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Two panels side by side.
    SideBySide,
    /// One, where the window is too small for two.
    Single,
}

/// The stream, the cards, the repairs, in as much of the room as they need; where the milliseconds go in one line, if
/// they have no panel of their own.
pub(crate) fn stream(report: &Report, room: Room, layout: Layout) -> Vec<Line> {
    let mut below = vec![repairs(report)];
    below.extend(overload(report));
    if layout == Layout::Single {
        below.push(total(report));
        below.extend(report.measured.iter().flat_map(|said| measured(said, room.across)));
    }
    let left = Room { down: room.down.saturating_sub(1 + below.len()), ..room };
    let mut lines = vec![headline(report)];
    lines.extend(cards::table(&report.cards, left));
    lines.extend(below);
    lines
}

/// Where the milliseconds go.
pub(crate) fn latency(report: &Report) -> Vec<Line> {
    let Latency { captured_to_encoded, encoded_to_on_air, on_air_to_heard, .. } = report.latency;
    let Latency { heard_to_complete, complete_to_decoded, decoded_to_shown, .. } = report.latency;
    let Latency { heard_to_shown, captured_to_shown, unknown, relayed, .. } = report.latency;
    let stage = |name: &str, took| row(name, took, Tone::Plain);
    let mut lines = vec![Line::of(format!("{:<20}{:>7}{:>7}", "ms, last second", "p50", "p95"), Tone::Dim)];
    lines.push(stage("capture → encoded", captured_to_encoded));
    lines.push(stage("encoded → on air", encoded_to_on_air));
    lines.push(stage("on air → heard", on_air_to_heard));
    lines.extend(relayed.map(|relayed| stage("relay → here", Some(relayed))));
    lines.push(stage("heard → complete", heard_to_complete));
    lines.push(stage("complete → decoded", complete_to_decoded));
    lines.push(stage("decoded → shown", decoded_to_shown));
    lines.push(match captured_to_shown {
        Some(_) => row("capture → shown", captured_to_shown, Tone::Good),
        None => row("heard → shown", heard_to_shown, Tone::Good),
    });
    lines.extend(report.measured.iter().flat_map(|said| measured(said, LEDGER_LETTERS)));
    lines.extend(unknown.map(|unknown| {
        let why = match unknown {
            Unknown::NotSaid => "on air → heard: wfb-ng says no time",
            Unknown::NoSharedClock => "on air → heard: no shared clock",
            Unknown::Recorded => "capture → heard: long ago, recorded",
        };
        Line::of(why, Tone::Dim)
    }));
    lines
}

/// What the glass-to-glass meter says, in lines of at most `letters`: the last second, the histogram since the start,
/// and why nothing was measured if nothing was.
fn measured(measured: &Measured, letters: usize) -> Vec<Line> {
    let name = match (measured.mode, measured.until) {
        (Mode::TimeCode, Until::Shown) => "source → screen",
        (Mode::TimeCode, Until::Decoded) => "source → decoded",
        (Mode::Loop, _) => "window → window",
    };
    let took = measured.last_second.map(|Summary { p50_us, p95_us, .. }| Took { p50_us, p95_us });
    let mut lines = vec![row(name, took, Tone::Good)];
    lines.extend(histogram(measured));
    let why = match measured.why.filter(|_| took.is_none()) {
        Some(why) => format!("not measured: {}", why.sentence()),
        None if lines.len() == 1 => "not measured".to_owned(),
        None => return lines,
    };
    lines.extend(wrap(&why, letters).into_iter().map(|part| Line::of(part, Tone::Warn)));
    lines
}

/// The histogram from the shortest to the longest; what lies beyond the even bars stands behind where they end.
fn histogram(measured: &Measured) -> Option<Line> {
    let bars = &measured.histogram;
    let most = bars.iter().map(|bar| bar.count).max()?.max(1);
    let steps = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let step = |count: u64| usize::try_from((count * 7).div_ceil(most)).ok().and_then(|step| steps.get(step));
    let drawn = |bars: &[Bar]| -> String { bars.iter().filter_map(|bar| step(bar.count)).collect() };
    let first = bars.first()?;
    let width = |bar: &Bar| bar.to_us.saturating_sub(bar.from_us);
    let even = bars.iter().take_while(|bar| width(bar) == width(first)).count();
    let (even, beyond) = bars.split_at_checked(even)?;
    let (from, to) = (first.from_us / 1000, even.last()?.to_us / 1000);
    let line = Line::of(format!("{from:>4} "), Tone::Dim).with(drawn(even), Tone::Plain);
    let line = line.with(format!(" {to} ms"), Tone::Dim);
    let line = match beyond {
        [] => line.with(",", Tone::Dim),
        beyond => line.with(format!(" {}", drawn(beyond)), Tone::Plain),
    };
    Some(line.with(format!(" most {}", tenths(measured.since_start.max_us)), Tone::Dim))
}

/// The way of a picture in one line.
fn total(report: &Report) -> Line {
    let Latency { captured_to_shown, heard_to_shown, .. } = report.latency;
    let (name, took) = match captured_to_shown {
        Some(_) => ("capture → shown ", captured_to_shown),
        None => ("heard → shown ", heard_to_shown),
    };
    let line = Line::of(name, Tone::Dim);
    match took {
        Some(Took { p50_us, p95_us }) => line
            .with(tenths(p50_us), Tone::Good)
            .with(" ms  95 % within ", Tone::Dim)
            .with(tenths(p95_us), Tone::Good)
            .with(" ms", Tone::Dim),
        None => line.with("-", Tone::Dim),
    }
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

fn fec(fec: Fec) -> String {
    let fec = match fec {
        Fec::Skylark(fec) => fec,
        Fec::WfbNg { k, n, .. } => return format!("{k}/{n}"),
    };
    let percent = fec.redundancy_permille / 10;
    match fec.code {
        Code::None => "no FEC".to_owned(),
        Code::Window => format!("window +{percent} %"),
        Code::Block => format!("block +{percent} %"),
    }
}

fn repairs(report: &Report) -> Line {
    let video = report.streams.iter().find(|stream| stream.stream == VIDEO_STREAM).copied().unwrap_or_default();
    let bad_if_any = |count: u64| if count > 0 { Tone::Warn } else { Tone::Plain };
    let stats = report.picture.stats;
    Line::new()
        .with("recovered ", Tone::Dim)
        .with(video.recovered.to_string(), Tone::Plain)
        .with("  rebuilt ", Tone::Dim)
        .with(report.combining.rebuilt.to_string(), Tone::Plain)
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
    use crate::glass::Unmeasured;
    use crate::osd::tests::text;
    use crate::report::tests::{report, seen};
    use crate::unit::tests::start;

    const ROOM: Room = Room { across: 60, down: 12 };

    fn stream(report: &Report) -> Vec<Line> {
        super::stream(report, ROOM, Layout::SideBySide)
    }

    #[test]
    fn a_good_flight_reads_like_this() {
        let now = start();
        assert_eq!(
            text(&stream(&report(&seen(now), now))),
            "\
1280×720  60.0 fps  8.0 Mbit/s  window +50 %
card                   dBm  snr   heard  missed  unique
udp:5801  ██████████   -48   47  98.0 %      20      88
          antenna 0 -48 (-51…-46)  1 -52 (-55…-50)
udp:5802  ██████████   -79   16  90.0 %     100       8
          antenna 0 -79 (-82…-77)  1 -83 (-86…-81)
recovered 312  rebuilt 0  lost 4  late 1  concealed 0
"
        );
    }

    #[test]
    fn a_small_window_has_one_panel() {
        let now = start();
        let lines = super::stream(&report(&seen(now), now), Room { across: 60, down: 6 }, Layout::Single);
        let lines = text(&lines);
        assert!(lines.ends_with("concealed 0\ncapture → shown 2.5 ms  95 % within 8.1 ms\n"), "{lines}");
        assert_eq!(lines.lines().count(), 6, "{lines}");
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
    fn what_was_measured_stands_below_the_ledger() {
        let now = start();
        let mut report = report(&seen(now), now);
        report.measured = Some(crate::glass::time_code::tests::measured());
        let ledger = text(&latency(&report));
        assert!(ledger.contains("source → screen        29.9   29.9\n  29 █ 30 ms, most 30.0\n"), "{ledger}");
    }

    #[test]
    fn times_beyond_the_even_bars_stand_behind_where_those_end() {
        let bar = |from_us, to_us, count| Bar { from_us, to_us, count };
        let histogram = vec![bar(10_000, 12_000, 70), bar(12_000, 14_000, 20), bar(14_000, 89_600, 1)];
        let mut measured = Measured { histogram, ..crate::glass::time_code::tests::measured() };
        measured.since_start.max_us = 89_600;
        assert_eq!(text(&super::histogram(&measured).into_iter().collect::<Vec<_>>()), "  10 █▃ 14 ms ▂ most 89.6\n");
    }

    #[test]
    fn a_meter_that_measures_nothing_says_why_within_its_panel() {
        let (now, before) = (start(), crate::glass::time_code::tests::measured());
        let why = Some(Unmeasured::NoSharedClock);
        let stopped = Measured { last_second: None, why, ..before.clone() };
        let never = Measured { histogram: Vec::new(), ..stopped };
        let mut report = report(&seen(now), now);
        for (measured, says_histogram) in [(stopped, true), (never.clone(), false)] {
            report.measured = Some(measured);
            let ledger = latency(&report);
            assert!(ledger.iter().all(|line| line.letters() <= LEDGER_LETTERS), "{ledger:?}");
            let ledger = text(&ledger);
            let why = "not measured: the transmitter's\nclock is not this machine's: use\n--measure-loop\n";
            assert!(ledger.contains(why), "{ledger}");
            assert_eq!(ledger.contains("most 30.0"), says_histogram, "{ledger}");
        }
        let single = text(&super::stream(&report, ROOM, Layout::Single));
        assert!(
            single.contains("not measured: the transmitter's clock is not this machine's:\nuse --measure-loop\n"),
            "{single}"
        );
        report.measured = Some(Measured { why: None, ..never });
        assert!(text(&latency(&report)).contains("not measured\n"));
        report.measured = Some(Measured { why, ..before });
        assert!(!text(&latency(&report)).contains("not measured"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let now = start();
        let report = report(&Seen::default(), now);
        assert!(text(&latency(&report)).contains("encoded → on air          -      -"));
    }
}
