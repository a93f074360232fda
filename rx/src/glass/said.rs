//! What the meter says to people at the end: percentiles, where the time went, a histogram.

use skylark_common::ledger::Summary;

use super::{Bar, Measured, Mode, Until};

/// Letters of the longest bar.
const LONGEST_BAR: u64 = 40;

/// What was measured, in lines.
pub(crate) fn lines(measured: &Measured) -> Vec<String> {
    let mut lines = vec![headline(measured)];
    if measured.since_start.count > 0 {
        lines.extend(stages(measured));
        lines.extend(resolution(measured));
        let most = measured.histogram.iter().map(|bar| bar.count).max().unwrap_or(1);
        lines.extend(measured.histogram.iter().map(|bar| row(bar, most)));
    }
    lines.extend(left_out(measured));
    lines
}

fn headline(measured: &Measured) -> String {
    let what = match (measured.mode, measured.until) {
        (Mode::TimeCode, Until::Shown) => "source to screen",
        (Mode::TimeCode, Until::Decoded) => "source to decoded picture (nothing is shown)",
        (Mode::Loop, _) => "window to camera to window",
    };
    let Summary { count, mean_us, p50_us, p95_us, p99_us, max_us } = measured.since_start;
    if count == 0 {
        return format!("{what}: not measured");
    }
    format!(
        "{what}, {count} pictures: p50 {}  p95 {}  p99 {}  max {}  mean {} ms",
        ms(p50_us),
        ms(p95_us),
        ms(p99_us),
        ms(max_us),
        ms(mean_us)
    )
}

fn stages(measured: &Measured) -> Option<String> {
    let stages = measured.stages?;
    let names = ["before the transmitter", "encoder, queue and air", "unit complete", "waiting", "decoder", "shown"];
    let means = stages.means_us();
    let parts: Vec<String> = names.iter().zip(means).map(|(name, us)| format!("{name} {}", ms(us))).collect();
    Some(format!("on the mean: {} = {} ms", parts.join(" + "), ms(means.iter().sum())))
}

fn resolution(measured: &Measured) -> Option<String> {
    let resolution_us = measured.resolution_us?;
    Some(format!("a single time is up to {} ms too long: the interval of the pictures", ms(resolution_us)))
}

fn row(bar: &Bar, most: u64) -> String {
    // Whatever happened at all is seen.
    let length = (bar.count * LONGEST_BAR).div_ceil(most.max(1));
    let bars = "█".repeat(usize::try_from(length).unwrap_or(0));
    format!("{:>7} to {:>7} ms {:>7}  {bars}", ms(bar.from_us), ms(bar.to_us), bar.count).trim_end().to_owned()
}

fn left_out(measured: &Measured) -> Option<String> {
    let Measured { skipped, repeated, unmeasured, .. } = measured;
    let counts = format!("codes never seen {skipped}, seen again {repeated}, pictures not measured {unmeasured}");
    match measured.why {
        Some(why) => Some(format!("{counts}: {}", why.sentence())),
        None => (skipped + repeated > 0).then_some(counts),
    }
}

/// Milliseconds with two digits behind the point.
fn ms(us: u64) -> String {
    format!("{}.{:02}", us / 1000, us % 1000 / 10)
}

impl super::Unmeasured {
    /// The reason as machines are told it too.
    pub(crate) fn sentence(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glass::Unmeasured;
    use crate::glass::time_code::tests::measured;

    #[test]
    fn it_reads_like_this() {
        let measured = Measured { unmeasured: 2, why: Some(Unmeasured::Damaged), ..measured() };
        assert_eq!(
            lines(&measured).join("\n"),
            "\
source to screen, 1 pictures: p50 29.95  p95 29.95  p99 29.95  max 30.00  mean 30.00 ms
on the mean: before the transmitter 0.10 + encoder, queue and air 12.00 + unit complete 3.00 + waiting 0.50 + \
decoder 2.00 + shown 12.40 = 30.00 ms
  29.90 to   30.00 ms       1  ████████████████████████████████████████
codes never seen 0, seen again 0, pictures not measured 2: the time code is damaged: something in the picture \
was filled in"
        );
    }

    #[test]
    fn nothing_measured_says_so_and_why() {
        let nothing = Measured {
            since_start: Summary::default(),
            unmeasured: 60,
            why: Some(Unmeasured::NoTimeCode),
            ..measured()
        };
        let lines = lines(&nothing);
        assert!(lines[0].ends_with("not measured") && lines[1].contains("--input test"), "{lines:?}");
        assert_eq!(lines.len(), 2);
    }
}
