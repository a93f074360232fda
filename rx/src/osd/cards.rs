//! The cards in flight: a line each, as many as there is room for, and what is wrong with those that are of no use.

use crate::stats::{AntennaStats, Spread};
use skylark_common::air::CardState;

use super::{Line, Room, Tone, age, shortened, wrap};
use crate::report::{CardReport, Quality};

/// Below this a fade ends the picture: 1.5 Mbit/s is still heard at -90.
const WEAK_DBM: f32 = -82.0;
/// Below this the fast rates are gone.
const FAIR_DBM: f32 = -75.0;
/// Letters of a card's name that are shown.
const NAME_LETTERS: usize = 14;
/// Letters of the bar.
const BAR_LETTERS: u64 = 10;
/// Antennas that differ by this much are shown before others, in dB: more than polarization explains.
const UNEQUAL_DB: f32 = 10.0;
/// Antennas beyond this many are shown without the range of their signal.
const ANTENNAS_WITH_RANGE: usize = 2;
/// Lines that say what is wrong.
const NOTE_LINES: usize = 4;
/// Cards that are shown however little room there is.
const LEAST_CARDS: usize = 3;

/// A heading and a line for each card; what is wrong; in the room that is left, antennas. Where there are too many
/// cards those that do well and have others like them are only counted.
pub(super) fn table(cards: &[CardReport], room: Room) -> Vec<Line> {
    let notes = notes(cards, room.across);
    let rows = room.down.saturating_sub(1 + notes.len()).max(LEAST_CARDS);
    let shown = shown(cards, rows);
    let left = rows.saturating_sub(shown.len() + usize::from(shown.len() < cards.len()));
    let antennas = with_antennas(&shown, left);
    let width = shown.iter().map(|card| card.name.chars().count()).max().unwrap_or(0).clamp(4, NAME_LETTERS);
    let mut lines = vec![heading(width)];
    for (card, with_antennas) in shown.iter().zip(antennas) {
        lines.push(row(card, width));
        lines.extend(with_antennas.then(|| antenna_line(&card.stats.antennas, width)));
    }
    lines.extend(others(cards, &shown));
    lines.extend(notes);
    lines
}

fn heading(width: usize) -> Line {
    Line::of(
        format!("{:<width$}{:>18}{:>5}{:>8}{:>8}{:>8}", "card", "dBm", "snr", "heard", "missed", "unique"),
        Tone::Dim,
    )
}

fn row(card: &CardReport, width: usize) -> Line {
    let name_tone = match (&card.fault, &card.verdict) {
        (Some(_), _) => Tone::Bad,
        (None, Some(_)) => Tone::Warn,
        (None, None) => Tone::Plain,
    };
    let line = Line::of(format!("{:<width$}  ", shortened(&card.name, width)), name_tone);
    if let Some(silent_ms) = card.silent_ms.filter(|silent_ms| *silent_ms > 1000) {
        return line.with(format!("silent for {}", age(silent_ms)), Tone::Bad);
    }
    if card.silent_ms.is_none() {
        return line.with("has heard nothing of this link", Tone::Bad);
    }
    let tone = card.quality.map_or(Tone::Dim, tone);
    let heard = card.heard_permille.map_or("-".to_owned(), |permille| format!("{}.{} %", permille / 10, permille % 10));
    bar(line, card.heard_permille.unwrap_or(0), tone)
        .with(format!("{:>6}", rounded(card.stats.signal_dbm)), strength(card.stats.signal_dbm))
        .with(format!("{:>5}", rounded(card.stats.snr_db)), Tone::Plain)
        .with(format!("{heard:>8}"), tone)
        .with(format!("{:>8}", short(card.stats.missed)), Tone::Plain)
        .with(format!("{:>8}", short(card.stats.unique)), Tone::Plain)
}

/// The share that was heard as a bar.
fn bar(line: Line, permille: u64, tone: Tone) -> Line {
    let lit = ((permille * BAR_LETTERS + 500) / 1000).clamp(u64::from(permille > 0), BAR_LETTERS);
    let blocks = |count: u64| (0..count).map(|_| '█').collect::<String>();
    line.with(blocks(lit), tone).with(blocks(BAR_LETTERS - lit), Tone::Faint)
}

fn tone(quality: Quality) -> Tone {
    match quality {
        Quality::Good => Tone::Good,
        Quality::Fair => Tone::Warn,
        Quality::Poor | Quality::Deaf => Tone::Bad,
    }
}

fn strength(signal_dbm: Option<f32>) -> Tone {
    match signal_dbm {
        Some(dbm) if dbm < WEAK_DBM => Tone::Bad,
        Some(dbm) if dbm < FAIR_DBM => Tone::Warn,
        Some(_) => Tone::Good,
        None => Tone::Dim,
    }
}

fn rounded(value: Option<f32>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.0}"))
}

/// A count in at most six letters.
fn short(count: u64) -> String {
    match count {
        0..1_000_000 => count.to_string(),
        _ => format!("{}.{}M", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// What is wrong with a card, or with several of one relay.
struct Fault<'a> {
    sentence: &'a str,
    relay: Option<&'a str>,
    /// The sentence without the card's name.
    what: &'a str,
    cards: usize,
}

impl Fault<'_> {
    fn text(&self) -> String {
        let Self { sentence, relay, what, cards } = self;
        let s = if *cards == 1 { "" } else { "s" };
        match relay {
            Some(relay) if *what == CardState::Unreachable.to_string() => {
                format!("relay {relay} is silent: {cards} card{s}")
            }
            Some(relay) if *cards > 1 => format!("{relay}, {cards} cards: {what}"),
            _ => (*sentence).to_owned(),
        }
    }
}

/// The faults of cards; what is the same with several cards of a relay, once.
fn faults(cards: &[CardReport]) -> Vec<Fault<'_>> {
    let mut faults: Vec<Fault<'_>> = Vec::new();
    for card in cards {
        let Some(sentence) = card.fault.as_deref() else { continue };
        let what = sentence.strip_prefix(&card.name).and_then(|rest| rest.strip_prefix(": "));
        let relay = card.name.rsplit_once('/').filter(|_| what.is_some()).map(|(relay, _)| relay);
        let what = what.unwrap_or(sentence);
        match faults.iter_mut().find(|fault| relay.is_some() && (fault.relay, fault.what) == (relay, what)) {
            Some(fault) => fault.cards += 1,
            None => faults.push(Fault { sentence, relay, what, cards: 1 }),
        }
    }
    faults
}

/// What is wrong with cards, one sentence each; where more is wrong than fits, the other cards are counted.
fn notes(cards: &[CardReport], across: usize) -> Vec<Line> {
    let faults = faults(cards).into_iter().map(|fault| (fault.text(), Tone::Bad, fault.cards));
    let verdict = |card: &CardReport| card.verdict.as_ref().map(|verdict| (verdict.sentence.clone(), Tone::Warn, 1));
    let verdicts = cards.iter().filter(|card| card.fault.is_none()).filter_map(verdict);
    let (mut lines, mut untold) = (Vec::new(), 0);
    for (sentence, tone, cards) in faults.chain(verdicts) {
        let wrapped = wrap(&sentence, across);
        if lines.len() + wrapped.len() <= NOTE_LINES || lines.is_empty() {
            lines.extend(wrapped.into_iter().map(|line| Line::of(line, tone)));
        } else {
            untold += cards;
        }
    }
    lines.extend((untold > 0).then(|| Line::of(format!("{untold} more of no use"), Tone::Warn)));
    lines
}

/// The cards that are shown in so many lines, in their order. Those of no use give way first to those that hear well,
/// but never all of them. Equals are told apart by their place: rows that change with every fade cannot be read.
fn shown(cards: &[CardReport], rows: usize) -> Vec<&CardReport> {
    if cards.len() <= rows {
        return cards.iter().collect();
    }
    let rows = rows.saturating_sub(1);
    let is_useless = |card: &&CardReport| card.fault.is_some() || card.verdict.is_some();
    let useless = cards.iter().filter(is_useless).count().min(rows / 2);
    let mut ranked: Vec<&CardReport> = cards.iter().filter(|card| !is_useless(card)).collect();
    ranked.sort_by_key(|card| (card.quality.is_none(), card.quality));
    ranked.truncate(rows - useless);
    let chosen = ranked.into_iter().chain(cards.iter().filter(is_useless)).take(rows);
    let chosen: Vec<&str> = chosen.map(|card| card.name.as_str()).collect();
    cards.iter().filter(|card| chosen.contains(&card.name.as_str())).collect()
}

/// How those fare that are not shown.
fn others(cards: &[CardReport], shown: &[&CardReport]) -> Option<Line> {
    let others = || cards.iter().filter(|card| shown.iter().all(|shown| shown.name != card.name));
    let count = others().count();
    let well = others().filter(|card| card.quality == Some(Quality::Good)).count();
    let line = match well {
        _ if count == 0 => return None,
        0 => Line::of(format!("{count} more, "), Tone::Dim).with("none good", Tone::Warn),
        _ => Line::of(format!("{count} more: "), Tone::Dim).with(format!("{well} good"), Tone::Good),
    };
    Some(if (1..count).contains(&well) { line.with(format!(", {} not", count - well), Tone::Warn) } else { line })
}

/// Whose antennas are shown, in so many lines: first those that differ most.
fn with_antennas(shown: &[&CardReport], lines: usize) -> Vec<bool> {
    let spread: Vec<f32> = shown.iter().map(|card| difference_db(&card.stats.antennas)).collect();
    let several: Vec<bool> = shown.iter().map(|card| card.stats.antennas.len() > 1).collect();
    let fit = several.iter().filter(|several| **several).count() <= lines;
    let mut left = lines;
    let chosen = several.iter().zip(spread).map(|(several, spread)| {
        let is_chosen = *several && (fit || spread >= UNEQUAL_DB) && left > 0;
        left -= usize::from(is_chosen);
        is_chosen
    });
    chosen.collect()
}

/// How far the strongest antenna is above the weakest.
fn difference_db(antennas: &[AntennaStats]) -> f32 {
    let means = || antennas.iter().map(|antenna| antenna.signal_dbm.mean);
    means().fold(f32::MIN, f32::max) - means().fold(f32::MAX, f32::min)
}

fn antenna_line(antennas: &[AntennaStats], width: usize) -> Line {
    let line = Line::of(format!("{:<width$}  antenna", ""), Tone::Dim);
    let range = |Spread { min, max, .. }: Spread| match antennas.len() {
        0..=ANTENNAS_WITH_RANGE => format!(" ({min}…{max}) "),
        _ => " ".to_owned(),
    };
    antennas.iter().fold(line, |line, antenna| {
        line.with(format!(" {}", antenna.number), Tone::Dim)
            .with(format!(" {:.0}", antenna.signal_dbm.mean), strength(Some(antenna.signal_dbm.mean)))
            .with(range(antenna.signal_dbm), Tone::Dim)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osd::tests::text;
    use crate::report::tests::{antenna, card_report};

    fn card(name: &str, heard_permille: u64) -> CardReport {
        let mut card = card_report(name);
        (card.heard_permille, card.quality) = (Some(heard_permille), Some(Quality::of(heard_permille)));
        card.silent_ms = Some(3);
        card
    }

    fn cards(shares: &[u64]) -> Vec<CardReport> {
        shares.iter().zip(1..).map(|(share, number)| card(&format!("wlan{number}"), *share)).collect()
    }

    const fn room(down: usize) -> Room {
        Room { across: 56, down }
    }

    #[test]
    fn a_card_that_is_silent_or_never_heard_anything_says_so() {
        let mut cards = cards(&[1000, 0]);
        cards[0].silent_ms = Some(3210);
        cards[1].silent_ms = None;
        let lines = text(&table(&cards, room(9)));
        assert!(lines.contains("\nwlan1  silent for 3.2 s\nwlan2  has heard nothing of this link\n"), "{lines}");
    }

    #[test]
    fn what_is_wrong_stands_below_the_cards_in_its_tone() {
        let mut cards = cards(&[990, 0]);
        cards[1].fault = Some("wlan2: the card is gone: plug it in again, and it goes on by itself".to_owned());
        let lines = table(&cards, room(9));
        let [.., first, second] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(text(std::slice::from_ref(first)), "wlan2: the card is gone: plug it in again, and it goes\n");
        assert_eq!(second.spans, [("on by itself".to_owned(), Tone::Bad)]);
        assert_eq!(lines[2].spans[0].1, Tone::Bad);
    }

    #[test]
    fn more_cards_than_there_is_room_for_are_counted_and_the_worst_are_not_hidden() {
        let mut cards = cards(&[990, 400, 970, 960, 850, 980, 1000, 955]);
        cards[1].fault = Some("wlan2 is down".to_owned());
        let lines = text(&table(&cards, room(7)));
        let names: Vec<&str> = lines.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, ["card", "wlan1", "wlan2", "wlan3", "wlan4", "4", "wlan2"], "{lines}");
        assert!(lines.contains("4 more: 3 good, 1 not\n"), "{lines}");
        assert_eq!(table(&cards, room(0)).len(), 1 + LEAST_CARDS + 1);
    }

    #[test]
    fn the_rows_stay_while_shares_change_and_their_words_do_not() {
        let rows = |shares: &[u64]| {
            let lines = text(&table(&cards(shares), room(5)));
            lines
                .lines()
                .skip(1)
                .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(&[990, 951, 840, 960, 1000, 955]), ["wlan1", "wlan2", "wlan4", "3"]);
        assert_eq!(rows(&[951, 1000, 949, 990, 960, 999]), ["wlan1", "wlan2", "wlan4", "3"]);
    }

    #[test]
    fn a_relay_that_is_silent_is_named_once_and_leaves_room_for_others() {
        let mut cards: Vec<CardReport> =
            ["hill/wlan1", "hill/wlan2", "hill/wlan3", "roof/wlan1", "wlan1"].map(|name| card(name, 0)).into();
        for card in &mut cards[..3] {
            card.fault = Some(format!("{}: {}", card.name, CardState::Unreachable));
        }
        cards[3].fault = Some("roof/wlan1: it is down".to_owned());
        cards[4].fault = Some("wlan1: the card is gone".to_owned());
        let expected = "relay hill is silent: 3 cards\nroof/wlan1: it is down\nwlan1: the card is gone\n";
        assert_eq!(text(&notes(&cards, 56)), expected);
        cards[4] = card("roof/wlan2", 0);
        cards[4].fault = Some("roof/wlan2: it is down".to_owned());
        assert_eq!(text(&notes(&cards[3..], 56)), "roof, 2 cards: it is down\n");
    }

    #[test]
    fn antennas_are_shown_where_there_is_room_or_they_differ() {
        let mut cards = cards(&[990, 990]);
        cards[0].stats.antennas = vec![antenna(0, -50), antenna(1, -53)];
        cards[1].stats.antennas = vec![antenna(0, -50), antenna(1, -53), antenna(2, -81)];
        let lines = text(&table(&cards, room(5)));
        assert!(lines.contains("antenna 0 -50 (-53…-48)  1 -53 (-56…-51)\n"), "{lines}");
        let lines = text(&table(&cards, room(4)));
        assert!(lines.contains("antenna 0 -50  1 -53  2 -81\n") && lines.lines().count() == 4, "{lines}");
    }

    #[test]
    fn the_bar_and_the_tones_show_the_share() {
        let lit = |permille| bar(Line::new(), permille, Tone::Good).spans[0].0.chars().count();
        assert_eq!([0, 1, 149, 150, 949, 950, 1000].map(lit), [0, 1, 1, 2, 9, 10, 10]);
        assert_eq!([-48.0, -79.0, -85.0].map(|dbm| strength(Some(dbm))), [Tone::Good, Tone::Warn, Tone::Bad]);
        assert_eq!([0, 999_999, 1_000_000, 34_567_890].map(short), ["0", "999999", "1.0M", "34.5M"]);
    }
}
