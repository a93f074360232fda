//! The screen before the first picture: who listens to what, what is heard, and why there is no picture.

use super::{Line, Room, Tone, age, shortened, wrap};
use crate::report::{CardReport, Report};
use crate::signal::{Names, State, Target};

/// Letters of a card's name that are shown.
const NAME_LETTERS: usize = 24;
/// Lines beside those of the cards: the title takes two, the reason at most three.
const OTHER_LINES: usize = 10;

/// The lines in the middle of the screen.
pub(crate) fn screen(names: &Names, report: Option<&Report>, room: Room) -> Vec<Line> {
    let cards = report.map_or(&[][..], |report| &report.cards);
    let width = cards.iter().map(|card| card.name.chars().count()).max().unwrap_or(0).clamp(6, NAME_LETTERS);
    let row = |name: &str, value: String| Line::of(format!("{name:<width$}  "), Tone::Dim).with(value, Tone::Plain);
    let mut lines = vec![Line::of("SKYLARK", Tone::Plain).large(), Line::new()];
    lines.extend(match &names.target {
        Target::Skylark { link, fingerprint } => {
            let (high, low) = (fingerprint >> 16, fingerprint & 0xffff);
            [row("link", format!("{}  ({link})", names.link_name)), row("key", format!("{high:04x} {low:04x}"))]
        }
        Target::WfbNg { channel, key } => [row("wfb-ng", channel.to_string()), row("key", key.clone())],
    });
    lines.extend(all(cards, width, room));
    lines.push(Line::new());
    let (reason, tone) = reason(report);
    lines.extend(wrap(reason, room.across).into_iter().map(|line| Line::of(line, tone)));
    lines
}

/// The cards, as many as there is room for; the others are counted.
fn all(cards: &[CardReport], width: usize, room: Room) -> Vec<Line> {
    let mut lines = Vec::new();
    for (shown, found) in cards.iter().enumerate() {
        let rows = card(found, width, room.across);
        let is_last = shown + 1 == cards.len();
        if lines.len() + rows.len() + usize::from(!is_last) > room.down.saturating_sub(OTHER_LINES).max(4) {
            lines.push(Line::of(format!("{} more", cards.len() - shown), Tone::Dim));
            break;
        }
        lines.extend(rows);
    }
    lines
}

fn card(card: &CardReport, width: usize, across: usize) -> Vec<Line> {
    let signal = card.stats.signal_dbm.map(|dbm| format!(", {dbm:.0} dBm")).unwrap_or_default();
    let tuned = card.tuned.as_ref().map(|tuned| format!(" on {tuned}")).unwrap_or_default();
    let (text, tone) = match (&card.fault, &card.verdict, card.silent_ms) {
        (Some(fault), _, _) => (fault.clone(), Tone::Bad),
        (None, Some(verdict), _) => (verdict.sentence.clone(), Tone::Warn),
        (None, None, None) => (format!("has heard nothing of this link{tuned}"), Tone::Warn),
        (None, None, Some(ms @ 1001..)) => (format!("silent for {}{tuned}", age(ms)), Tone::Warn),
        (None, None, Some(_)) => (format!("hears the transmitter{signal}"), Tone::Good),
    };
    let wrapped = wrap(&text, across.saturating_sub(width + 2));
    let names = std::iter::once(shortened(&card.name, width)).chain(std::iter::repeat(String::new()));
    let line = |(name, text): (String, String)| Line::of(format!("{name:<width$}  "), Tone::Dim).with(text, tone);
    names.zip(wrapped).map(line).collect()
}

fn reason(report: Option<&Report>) -> (&str, Tone) {
    let Some(report) = report else { return ("starting", Tone::Dim) };
    let tone = match report.signal.state {
        State::Good => Tone::Good,
        State::Waiting => Tone::Plain,
        State::Damaged | State::Frozen | State::None => Tone::Warn,
    };
    (&report.signal.reason, tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{CardSeen, Seen};
    use crate::osd::tests::text;
    use crate::report::tests::{report, seen};
    use crate::signal::tests::names;
    use crate::unit::tests::start;

    const ROOM: Room = Room { across: 90, down: 30 };

    #[test]
    fn before_the_first_picture_the_screen_says_what_is_heard() {
        let now = start();
        let mut seen = seen(now);
        seen.last_picture = None;
        seen.rx.cards.truncate(1);
        assert_eq!(
            text(&screen(&names(), Some(&report(&seen, now)), ROOM)),
            format!(
                "\
# SKYLARK

link      hill  ({})
key       1a2b 3c4d
udp:5801  hears the transmitter, -48 dBm
udp:5802  has heard nothing of this link

the transmitter is heard; waiting for its next keyframe
",
                names().target
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
        let text = text(&screen(&names(), Some(&report(&seen, now)), ROOM));
        assert!(text.contains("udp:5801  has heard nothing of this link on channel 149 (5745 MHz)\n"), "{text}");
        assert!(text.contains("udp:5802  is down\n"), "{text}");
    }

    #[test]
    fn there_is_a_screen_before_there_is_a_report() {
        assert!(text(&screen(&names(), None, ROOM)).ends_with("starting\n"));
    }

    #[test]
    fn long_sentences_are_broken_and_cards_beyond_the_room_are_counted() {
        let now = start();
        let mut report = report(&Seen::default(), now);
        let card = report.cards[0].clone();
        report.cards[1].fault = Some("the interface is down, expected up".to_owned());
        report.cards.extend(vec![card; 9]);
        let lines = text(&screen(&names(), Some(&report), Room { across: 30, down: 16 }));
        assert!(lines.contains("udp:5802  the interface is\n          down, expected up\n"), "{lines}");
        assert!(lines.contains("\n9 more\n"), "{lines}");
        assert!(lines.lines().count() <= 16, "{lines}");
    }
}
