//! Clips with units withheld, shown early and healed.

use std::time::{Duration, Instant};

use super::*;
use crate::unit::tests::{clip, start, unit};

/// Units in the clip, and from keyframe to keyframe.
const UNITS: u64 = 90;
const KEYFRAME_INTERVAL: u64 = 30;

/// A clip, its pictures as they should be, and what was shown.
struct Show {
    start: Instant,
    units: Vec<Arc<Unit>>,
    whole: Vec<Picture>,
    healing: Healing,
    shown: Vec<(u64, Picture)>,
}

impl Show {
    fn new() -> Self {
        let start = start();
        let story = |(number, access_unit)| {
            let mut unit = unit(number, access_unit);
            unit.stamps.captured = Some(start + Duration::from_millis(number));
            Arc::new(unit)
        };
        let units: Vec<_> = (1..).zip(clip()).map(story).collect();
        assert_eq!(units.len() as u64, UNITS);
        let (mut whole, mut decoder) = (Vec::new(), Decoder::new().unwrap());
        units.iter().for_each(|unit| decoder.decode(unit, |picture| whole.push(picture)).unwrap());
        Self { start, units, whole, healing: Healing::new().unwrap(), shown: Vec::new() }
    }

    fn unit(&self, number: u64) -> Unit {
        Unit::clone(&self.units[usize::try_from(number).unwrap() - 1])
    }

    /// These units come in their turn.
    fn play(&mut self, numbers: impl IntoIterator<Item = u64>) {
        numbers.into_iter().for_each(|number| self.decode(self.unit(number)));
    }

    /// These come early, behind one that is missing.
    fn play_early(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for (at, number) in (0..).zip(numbers) {
            let unit = self.unit(number);
            self.decode(Unit { number: number - 1, early: true, gap_before: at == 0, ..unit });
        }
    }

    fn decode(&mut self, unit: Unit) {
        let (start, shown) = (self.start, &mut self.shown);
        let take = |picture: Picture| {
            let since = picture.stamps.captured.unwrap() - start;
            shown.push((u64::try_from(since.as_millis()).unwrap(), picture));
        };
        self.healing.decode(&Arc::new(unit), take).unwrap();
    }

    fn replay(&mut self, units: usize) {
        (0..units).for_each(|_| self.healing.replay().unwrap());
    }

    /// The numbers of all pictures shown, and of those that were good; whatever was good was what the encoder made.
    fn finish(&self) -> (Vec<u64>, Vec<u64>) {
        let good: Vec<_> = self.shown.iter().filter(|(_, picture)| picture.quality == Quality::Good).collect();
        assert!(
            good.iter()
                .all(|(number, picture)| picture.bytes == self.whole[usize::try_from(*number).unwrap() - 1].bytes)
        );
        let number = |(number, _): &(u64, Picture)| *number;
        let shown: Vec<_> = self.shown.iter().map(number).collect();
        assert!(shown.is_sorted_by(|a, b| a < b), "never twice and never back: {shown:?}");
        (shown, good.into_iter().map(number).collect())
    }

    fn counted(&self) -> (u64, u64, u64) {
        let HealingStats { early, healed, replayed, .. } = self.healing.stats();
        (early, healed, replayed)
    }
}

#[test]
fn without_damage_one_decoder_does_it_all() {
    let mut show = Show::new();
    for number in 1..=UNITS {
        show.play([number]);
        assert!(!show.healing.has_work());
    }
    assert_eq!(show.finish(), ((1..=UNITS).collect(), (1..=UNITS).collect()));
    assert_eq!(show.healing.stats(), HealingStats::default());
}

#[test]
fn damage_near_a_keyframe_is_healed_with_the_next_picture() {
    let mut show = Show::new();
    show.play(1..=3);
    show.play_early(5..=8);
    show.play(4..=12);
    let shown: Vec<_> = (1..=3).chain(5..=12).collect();
    assert_eq!(show.finish(), (shown, (1..=3).chain(9..=12).collect()));
    assert_eq!(show.counted(), (4, 1, 8));
}

#[test]
fn damage_far_from_a_keyframe_is_healed_when_the_replay_has_caught_up() {
    let mut show = Show::new();
    show.play(1..=19);
    show.play_early(21..=24);
    assert!(show.healing.has_work(), "all before the gap can be made good while it stands");
    show.play(20..=24);
    for number in 25..=29 {
        show.replay(4);
        show.play([number]);
    }
    // 20 replayed in five pauses, and the eight before 29 on the short way.
    let (shown, good) = show.finish();
    assert_eq!(shown, (1..=19).chain(21..=29).collect::<Vec<_>>());
    assert_eq!(good, (1..=19).chain(29..=29).collect::<Vec<_>>());
    assert_eq!(show.counted().1, 1);
}

#[test]
fn with_time_enough_the_replay_needs_no_short_way() {
    let mut show = Show::new();
    show.play(1..=19);
    show.play_early(21..=24);
    show.replay(100);
    assert_eq!(show.counted(), (4, 0, 19), "what is shown is newer than what is whole");
    show.play(20..=24);
    show.replay(100);
    assert_eq!(show.counted().1, 1);
    show.play(25..=29);
    assert_eq!(show.finish().1, (1..=19).chain(25..=29).collect::<Vec<_>>());
}

#[test]
fn a_second_gap_while_the_first_is_being_healed_begins_nothing_anew() {
    let mut show = Show::new();
    show.play(1..=15);
    show.play_early(17..=18);
    show.play(16..=18);
    show.replay(10);
    show.play_early(20..=22);
    show.replay(100);
    assert_eq!(show.counted(), (5, 0, 18));
    show.play(19..=25);
    assert_eq!(show.finish().1, (1..=15).chain(23..=25).collect::<Vec<_>>());
    assert_eq!(show.counted(), (5, 1, 22));
}

#[test]
fn the_decoder_behind_keeps_up_for_a_while_and_heals_the_next_damage_at_once() {
    let mut show = Show::new();
    show.play(1..=15);
    show.play_early([17]);
    show.play([16, 17]);
    show.replay(100);
    show.play(18..=20);
    show.replay(100);
    assert_eq!(show.counted(), (1, 1, 17 + 20));
    show.play_early(22..=23);
    show.play(21..=26);
    assert_eq!(show.finish().1, (1..=15).chain(18..=20).chain(24..=26).collect::<Vec<_>>());
    for number in 27..=UNITS {
        show.play([number]);
        show.replay(1);
    }
    show.play(UNITS + 1 - KEYFRAME_INTERVAL..=UNITS);
    assert_eq!(show.counted().1, 2);
}

#[test]
fn what_is_given_up_is_healed_by_the_next_keyframe_alone() {
    let mut show = Show::new();
    show.play(1..=19);
    show.play_early(21..=24);
    for number in 21..=35 {
        let unit = show.unit(number);
        show.decode(Unit { number: number - 1, gap_before: number == 21, ..unit });
        show.replay(100);
    }
    assert_eq!(show.finish().1, (1..=19).chain(31..=35).collect::<Vec<_>>());
    assert_eq!(show.counted(), (4, 0, 5), "and the decoder behind keeps up from there");
}

#[test]
fn a_keyframe_shown_early_and_whole_is_good() {
    let mut show = Show::new();
    show.play(1..=29);
    show.play_early(31..=33);
    show.play(30..=40);
    let shown: Vec<_> = (1..=29).chain(31..=40).collect();
    assert_eq!(show.finish(), (shown.clone(), shown));
}

#[test]
fn another_session_ends_all_that() {
    let mut show = Show::new();
    show.play(1..=19);
    show.play_early(21..=24);
    show.replay(5);
    show.shown.clear();
    for number in 1..=10 {
        let unit = show.unit(number);
        show.decode(Unit { number: 24 + number, session: 2, last_esi: 7, ..unit });
    }
    assert_eq!(show.finish(), ((1..=10).collect(), (1..=10).collect()));
    assert!(!show.healing.has_work());
    // Early units of the session before, as if they had waited.
    show.play_early([26]);
    assert_eq!(show.counted().0, 4);
}

#[test]
fn the_log_is_bounded_and_then_waits_for_a_keyframe() {
    let units = Show::new().units;
    let next = |number: u64, keyframe: bool| {
        let source = if keyframe { &units[0] } else { &units[1] };
        Arc::new(Unit { number, ..Unit::clone(source) })
    };
    let mut log = Log::default();
    assert_eq!(log.push(&next(1, true)), Logged::Anew);
    for number in 2..=MAX_LOG_UNITS as u64 {
        assert_eq!(log.push(&next(number, false)), Logged::On);
    }
    let beyond = MAX_LOG_UNITS as u64 + 1;
    assert_eq!((log.push(&next(beyond, false)), log.units.len(), log.bytes), (Logged::Anew, 0, 0));
    assert_eq!((log.push(&next(beyond + 1, false)), log.units.len()), (Logged::Anew, 0));
    assert_eq!((log.push(&next(beyond + 2, true)), log.units.len()), (Logged::Anew, 1));
    log.bytes = MAX_LOG_BYTES;
    assert_eq!(log.push(&next(beyond + 3, false)), Logged::Anew);
}
