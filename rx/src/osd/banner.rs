//! What a pilot must not miss: no signal, a frozen picture, a picture with something filled in.

use super::{Line, Tone, age, wrap};
use crate::report::Report;
use crate::signal::State;

/// The lines at the top of the picture; none when all is well. `age_ms` is the time since the picture
/// that is on the screen was put there, `concealed_ms` how long pictures have had something filled in, if
/// that one has; `across` how many letters fit side by side.
pub(crate) fn banner(report: Option<&Report>, age_ms: u64, concealed_ms: Option<u64>, across: usize) -> Vec<Line> {
    let with_reason = |first: Line, report: &Report| {
        let reason = wrap(&report.signal.reason, across).into_iter().map(|line| Line::of(line, Tone::Plain));
        std::iter::once(first).chain(reason).collect()
    };
    // Without a report nobody knows how slowly pictures come.
    let frozen = report.is_some_and(|report| age_ms > report.signal.frozen_after_ms);
    match (report, concealed_ms) {
        (Some(report), _) if frozen && report.signal.state == State::None => {
            let silent_ms = report.signal.silent_ms.unwrap_or(age_ms).max(age_ms);
            with_reason(Line::of(format!("NO SIGNAL FOR {}", age(silent_ms)), Tone::Bad).large(), report)
        }
        (Some(report), _) if frozen && !report.signal.state.has_pictures() => with_reason(freeze(age_ms), report),
        (_, _) if frozen => vec![freeze(age_ms)],
        (_, Some(ms)) => vec![Line::of(format!("PICTURE INCOMPLETE  {}", age(ms)), Tone::Warn)],
        (_, None) => Vec::new(),
    }
}

fn freeze(age_ms: u64) -> Line {
    Line::of(format!("FROZEN FOR {}", age(age_ms)), Tone::Bad).large()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Seen;
    use crate::osd::tests::text;
    use crate::report::tests::{report, seen};
    use crate::unit::tests::start;

    #[test]
    fn a_good_picture_has_no_banner() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(text(&banner(Some(&report), 16, None, 100)), "");
        assert_eq!(text(&banner(Some(&report), 250, None, 100)), "");
    }

    #[test]
    fn a_picture_that_does_not_move_says_so_before_anybody_has_found_out_why() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(text(&banner(Some(&report), 251, None, 100)), "# FROZEN FOR 0.2 s\n");
    }

    #[test]
    fn silence_says_since_when_and_why() {
        let now = start();
        let report = report(&Seen::default(), now);
        let lines = text(&banner(Some(&report), 3210, None, 100));
        assert_eq!(
            lines,
            "# NO SIGNAL FOR 3.2 s\nnothing is heard: is the transmitter on, and does it send to this host and port?\n"
        );
    }

    #[test]
    fn a_concealed_picture_is_marked() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(text(&banner(Some(&report), 16, Some(1230), 100)), "PICTURE INCOMPLETE  1.2 s\n");
        assert_eq!(text(&banner(None, 300, Some(0), 100)), "PICTURE INCOMPLETE  0.0 s\n");
    }

    #[test]
    fn a_reason_that_is_too_long_for_the_window_is_broken() {
        let now = start();
        let report = report(&Seen::default(), now);
        let lines = banner(Some(&report), 3210, None, 40);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.letters() <= 40), "{lines:?}");
    }
}
