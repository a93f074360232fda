//! The screen before the first picture: who listens to what, what is heard, and why there is no picture.

use super::{Line, Tone, age};
use crate::report::{CardReport, Report};
use crate::signal::{Names, State};

/// The lines in the middle of the screen.
pub(crate) fn screen(names: &Names, report: Option<&Report>) -> Vec<Line> {
    let fingerprint = format!("{:08x}", names.fingerprint);
    let (high, low) = fingerprint.split_at_checked(4).unwrap_or((&fingerprint, ""));
    let cards = report.map_or(&[][..], |report| &report.cards);
    let width = cards.iter().map(|card| card.name.chars().count()).max().unwrap_or(0).max(4);
    let row = |name: &str, value: String| Line::of(format!("{name:<width$}  "), Tone::Dim).with(value, Tone::Plain);
    let mut lines = vec![
        Line::of("SKYLARK", Tone::Plain).large(),
        Line::new(),
        row("link", format!("{}  ({})", names.link_name, names.link)),
        row("key", format!("{high} {low}")),
    ];
    lines.extend(cards.iter().map(|found| card(found, width)));
    lines.push(Line::new());
    lines.push(reason(report));
    lines
}

fn card(card: &CardReport, width: usize) -> Line {
    let line = Line::of(format!("{:<width$}  ", card.name), Tone::Dim);
    let signal = card.stats.signal_dbm.map(|dbm| format!(", {dbm:.0} dBm")).unwrap_or_default();
    let tuned = card.tuned.as_ref().map(|tuned| format!(" on {tuned}")).unwrap_or_default();
    match (&card.fault, card.silent_ms) {
        (Some(fault), _) => line.with(fault, Tone::Bad),
        (None, None) => line.with(format!("has heard nothing of this link{tuned}"), Tone::Warn),
        (None, Some(silent_ms @ 1001..)) => line.with(format!("silent for {}{tuned}", age(silent_ms)), Tone::Warn),
        (None, Some(_)) => line.with(format!("hears the transmitter{signal}"), Tone::Good),
    }
}

fn reason(report: Option<&Report>) -> Line {
    let Some(report) = report else { return Line::of("starting", Tone::Dim) };
    let tone = match report.signal.state {
        State::Good => Tone::Good,
        State::Waiting => Tone::Plain,
        State::Frozen | State::None => Tone::Warn,
    };
    Line::of(report.signal.reason.clone(), tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{CardSeen, Seen};
    use crate::osd::tests::text;
    use crate::report::tests::{report, seen};
    use crate::signal::tests::names;
    use crate::unit::tests::start;

    #[test]
    fn before_the_first_picture_the_screen_says_what_is_heard() {
        let now = start();
        let mut seen = seen(now);
        seen.last_picture = None;
        seen.rx.cards.truncate(1);
        assert_eq!(
            text(&screen(&names(), Some(&report(&seen, now)))),
            format!(
                "\
# SKYLARK

link      hill  ({})
key       1a2b 3c4d
udp:5801  hears the transmitter, -48 dBm
udp:5802  has heard nothing of this link

the transmitter is heard; waiting for its next keyframe
",
                names().link
            )
        );
    }

    #[test]
    fn a_card_says_what_is_wrong_with_it_or_what_it_is_tuned_to() {
        let now = start();
        let (first, second) = ("udp:5801".to_owned(), "udp:5802".to_owned());
        let tuned = CardSeen { name: first, fault: None, tuned: Some("channel 149 (5745 MHz)".to_owned()) };
        let down = CardSeen { name: second, fault: Some("is down".to_owned()), tuned: None };
        let seen = Seen { cards: vec![tuned, down], ..Seen::default() };
        let text = text(&screen(&names(), Some(&report(&seen, now))));
        assert!(text.contains("udp:5801  has heard nothing of this link on channel 149 (5745 MHz)\n"), "{text}");
        assert!(text.contains("udp:5802  is down\n"), "{text}");
    }

    #[test]
    fn there_is_a_screen_before_there_is_a_report() {
        assert!(text(&screen(&names(), None)).ends_with("starting\n"));
    }
}
