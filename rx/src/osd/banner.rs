//! What a pilot must not miss: no signal, a frozen picture, a picture with something filled in.

use super::{Line, Tone, age};
use crate::report::Report;
use crate::signal::State;

/// The lines at the top of the picture; none when all is well. `age_ms` is the time since the picture
/// that is on the screen was put there, `concealed_ms` how long pictures have had something filled in, if
/// that one has.
pub(crate) fn banner(report: Option<&Report>, age_ms: u64, concealed_ms: Option<u64>) -> Vec<Line> {
    let reason = |report: &Report| Line::of(report.signal.reason.clone(), Tone::Plain);
    // Without a report nobody knows how slowly pictures come.
    let frozen = report.is_some_and(|report| age_ms > report.signal.frozen_after_ms);
    match (report, concealed_ms) {
        (Some(report), _) if frozen && report.signal.state == State::None => {
            let silent_ms = report.signal.silent_ms.unwrap_or(age_ms).max(age_ms);
            vec![Line::of(format!("NO SIGNAL FOR {}", age(silent_ms)), Tone::Bad).large(), reason(report)]
        }
        (Some(report), _) if frozen && report.signal.state != State::Good => vec![freeze(age_ms), reason(report)],
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
        assert_eq!(text(&banner(Some(&report), 16, None)), "");
        assert_eq!(text(&banner(Some(&report), 250, None)), "");
    }

    #[test]
    fn a_picture_that_does_not_move_says_so_before_anybody_has_found_out_why() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(text(&banner(Some(&report), 251, None)), "# FROZEN FOR 0.2 s\n");
    }

    #[test]
    fn silence_says_since_when_and_why() {
        let now = start();
        let report = report(&Seen::default(), now);
        let lines = text(&banner(Some(&report), 3210, None));
        assert_eq!(
            lines,
            "# NO SIGNAL FOR 3.2 s\nnothing is heard: is the transmitter on, and does it send to this host and port?\n"
        );
    }

    #[test]
    fn a_concealed_picture_is_marked() {
        let now = start();
        let report = report(&seen(now), now);
        assert_eq!(text(&banner(Some(&report), 16, Some(1230))), "PICTURE INCOMPLETE  1.2 s\n");
        assert_eq!(text(&banner(None, 300, Some(0))), "PICTURE INCOMPLETE  0.0 s\n");
    }
}
