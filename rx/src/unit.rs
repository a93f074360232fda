//! One access unit on its way through the program, and how the link's datagrams become one.

use std::time::Instant;

use crate::receiver::Datagram;
use skylark_common::h264::{AccessUnit, ParameterSets};
use skylark_common::rtp::{Depacketizer, Marks, ReceivedUnit};

/// An access unit with its story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Counts every unit of the program's life: a gap is a unit a queue dropped.
    pub number: u64,
    /// The session it came in.
    pub session: u32,
    /// The number of its last datagram in its stream, wrapping.
    pub last_esi: u32,
    /// What there is of it.
    pub access_unit: AccessUnit,
    /// Whether nothing of it is missing.
    pub complete: bool,
    /// Whether something is missing between the unit before and this one.
    pub gap_before: bool,
    /// Whether it was handed on before its turn, with what is there of it; it comes again in its turn.
    pub early: bool,
    /// When it passed where.
    pub stamps: Stamps,
}

/// When a unit passed where, on our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// Captured, where both ends share a clock.
    pub captured: Option<Instant>,
    /// First packet heard.
    pub heard: Instant,
    /// Handed on by the receiver, whole or given up.
    pub complete: Instant,
}

/// Makes units of the datagrams of one stream.
#[derive(Debug, Clone, Default)]
pub struct Units {
    depacketizer: Depacketizer,
    parameter_sets: ParameterSets,
    session: Option<u32>,
    number: u64,
    /// When the unit under way passed where, and its last datagram so far.
    under_way: Option<(Stamps, u32)>,
    is_early: bool,
    /// What goes on with what is handed on early, and its newest datagram, until that has come in its turn.
    ahead: Option<Box<(Self, u32)>>,
}

impl Units {
    /// Takes the next datagram, captured at `captured`, handed on at `now`; whole units go to `take`.
    pub fn handle_datagram(
        &mut self,
        datagram: &Datagram<'_>,
        captured: Option<Instant>,
        now: Instant,
        mut take: impl FnMut(Unit),
    ) {
        if self.session != Some(datagram.session) {
            self.handle_end(&mut take);
            let Self { number, is_early, .. } = *self;
            *self = Self { session: Some(datagram.session), number, is_early, ..Self::default() };
        }
        let marks = Marks {
            start_of_unit: datagram.start_of_unit,
            end_of_unit: datagram.end_of_unit,
            missing_before: datagram.missing_before,
        };
        let before = self.under_way.take();
        let fresh = Stamps { captured, heard: datagram.heard, complete: now };
        self.depacketizer.handle_datagram(datagram.bytes, marks);
        let [first, second] = [(); 2].map(|()| self.depacketizer.poll_unit());
        let is_under_way = self.depacketizer.is_under_way();
        let units = [first.is_some(), second.is_some(), is_under_way].into_iter().map(usize::from).sum::<usize>();
        // A unit whose end was lost comes out when the next begins: its stamps are those from before.
        let stamps = before.filter(|_| units == 1).map_or(fresh, |(before, _)| Stamps { complete: now, ..before });
        let own = (stamps, datagram.esi);
        for (received, story) in [(first, before.filter(|_| units > 1).unwrap_or(own)), (second, own)] {
            received.into_iter().for_each(|received| take(self.unit(received, story)));
        }
        self.under_way = is_under_way.then_some(own);
        self.ahead.take_if(|ahead| datagram.esi.wrapping_sub(ahead.1) < u32::MAX / 2);
    }

    /// Takes a datagram that is handed on before its turn; units it completes are early. In their turn they come again.
    pub fn handle_early(
        &mut self,
        datagram: &Datagram<'_>,
        captured: Option<Instant>,
        now: Instant,
        take: impl FnMut(Unit),
    ) {
        let ahead = self.ahead.take();
        let begin = || Box::new((Self { is_early: true, ..self.clone() }, datagram.esi));
        let mut ahead = ahead.unwrap_or_else(begin);
        ahead.0.handle_datagram(datagram, captured, now, take);
        ahead.1 = datagram.esi;
        self.ahead = Some(ahead);
    }

    /// Nothing more will come: what there is of the unit under way goes to `take`.
    pub fn handle_end(&mut self, mut take: impl FnMut(Unit)) {
        self.depacketizer.handle_end();
        while let Some(received) = self.depacketizer.poll_unit() {
            if let Some(story) = self.under_way {
                take(self.unit(received, story));
            }
        }
    }

    fn unit(&mut self, received: ReceivedUnit, (stamps, last_esi): (Stamps, u32)) -> Unit {
        self.number += 1;
        let complete = received.is_complete();
        let gap_before = received.missing_before > 0;
        let mut access_unit = received.unit;
        self.parameter_sets.complete(&mut access_unit);
        let session = self.session.unwrap_or_default();
        let (number, early) = (self.number, self.is_early);
        Unit { number, session, last_esi, access_unit, complete, gap_before, early, stamps }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use skylark_common::h264::Assembler;
    use skylark_common::rtp::Packetizer;

    use super::*;

    /// Three seconds at 30 pictures a second, a keyframe each second, several slices a picture.
    pub(crate) const CLIP: &[u8] = include_bytes!("../../tests/data/clip.h264");

    /// Three seconds at 30 pictures a second, one keyframe at the start, a refresh every second (x264).
    pub(crate) const REFRESHED: &[u8] = include_bytes!("../../tests/data/refresh.h264");

    /// The clip's access units.
    pub(crate) fn clip() -> Vec<AccessUnit> {
        access_units(CLIP)
    }

    /// The access units of a clip.
    pub(crate) fn access_units(clip: &[u8]) -> Vec<AccessUnit> {
        let now = start();
        let mut assembler = Assembler::default();
        assembler.handle_bytes(clip, now);
        assembler.handle_end(now);
        std::iter::from_fn(|| assembler.poll_unit()).map(|assembled| assembled.unit).collect()
    }

    /// A complete unit around `access_unit`.
    pub(crate) fn unit(number: u64, access_unit: AccessUnit) -> Unit {
        let stamps = Stamps { captured: None, heard: start(), complete: start() };
        let last_esi = u32::try_from(number).unwrap();
        Unit { number, session: 1, last_esi, access_unit, complete: true, gap_before: false, early: false, stamps }
    }

    /// Some instant: pictures do not depend on which.
    #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
    pub(crate) fn start() -> Instant {
        Instant::now()
    }

    fn datagram(bytes: &[u8], start_of_unit: bool, end_of_unit: bool) -> Datagram<'_> {
        Datagram {
            session: 1,
            stream: 0,
            esi: 0,
            bytes,
            end_of_unit,
            start_of_unit,
            keyframe: false,
            missing_before: 0,
            recovered: false,
            captured_us: None,
            heard: start(),
            available: start(),
        }
    }

    /// The clip through the packetizer; `keep` says which datagrams arrive.
    fn through_the_link(session: u32, mut keep: impl FnMut(usize) -> bool, units: &mut Units) -> Vec<Unit> {
        let now = start();
        let mut packetizer = Packetizer::new(1, 0, 1400);
        let (mut made, mut index, mut missing) = (Vec::new(), 0, 0);
        for (access_unit, time_us) in clip().iter().zip((0..).step_by(33_333)) {
            let mut first = true;
            packetizer.for_each_datagram(access_unit, time_us, |bytes, end_of_unit| {
                let start_of_unit = std::mem::take(&mut first);
                index += 1;
                if !keep(index - 1) {
                    missing += 1;
                    return;
                }
                let heard = now + Duration::from_micros(time_us);
                let datagram = Datagram {
                    session,
                    missing_before: std::mem::take(&mut missing),
                    heard,
                    available: heard,
                    ..datagram(bytes, start_of_unit, end_of_unit)
                };
                units.handle_datagram(&datagram, None, heard, |unit| made.push(unit));
            });
        }
        units.handle_end(|unit| made.push(unit));
        made
    }

    #[test]
    fn datagrams_become_the_units_they_were_made_of() {
        let made = through_the_link(1, |_| true, &mut Units::default());
        let units: Vec<_> = made.iter().map(|unit| unit.access_unit.clone()).collect();
        assert_eq!(units, clip());
        assert!(made.iter().all(|unit| unit.complete && !unit.gap_before));
        assert!(made.iter().map(|unit| unit.number).eq(1..=made.len() as u64));
        assert!(made.windows(2).all(|pair| pair[0].stamps.heard < pair[1].stamps.heard));
    }

    #[test]
    fn a_lost_datagram_leaves_its_mark() {
        for lost in 0..60 {
            let made = through_the_link(1, |index| index != lost, &mut Units::default());
            let marked = made.iter().filter(|unit| !unit.complete || unit.gap_before).count();
            assert!((1..=2).contains(&marked), "datagram {lost}: {marked} units marked");
        }
    }

    #[test]
    fn a_unit_dropped_before_it_was_sent_leaves_its_mark() {
        let mut units = Units::default();
        let mut packetizer = Packetizer::new(1, 0, 1400);
        let mut gaps = Vec::new();
        for (number, access_unit) in (0..6).zip(clip()) {
            if number == 3 {
                packetizer.skip(1);
                continue;
            }
            let mut index = 0..;
            packetizer.for_each_datagram(&access_unit, number * 33_333, |bytes, end_of_unit| {
                let start_of_unit = index.next() == Some(0);
                let datagram = datagram(bytes, start_of_unit, end_of_unit);
                units.handle_datagram(&datagram, None, start(), |unit| gaps.push((unit.complete, unit.gap_before)));
            });
        }
        assert_eq!(gaps, [(true, false), (true, false), (true, false), (true, true), (true, false)]);
    }

    #[test]
    fn what_is_handed_on_early_becomes_units_that_come_again_in_their_turn() {
        let mut packetizer = Packetizer::new(1, 0, 1400);
        let (mut datagrams, mut ends) = (Vec::new(), Vec::new());
        for (access_unit, time_us) in clip().iter().zip((0..).step_by(33_333)).take(8) {
            packetizer.for_each_datagram(access_unit, time_us, |bytes, end| {
                datagrams.push((bytes.to_vec(), ends.last().is_none_or(|end| *end), end));
                ends.push(end);
            });
        }
        let at = |esi: usize, missing_before| {
            let (bytes, start, end) = &datagrams[esi];
            Datagram { esi: u32::try_from(esi).unwrap(), missing_before, ..datagram(bytes, *start, *end) }
        };
        // The first datagram of the fourth unit is missing; from there on two units come early.
        let fourth = ends.iter().enumerate().filter(|(_, end)| **end).nth(2).unwrap().0 + 1;
        let sixth = ends.iter().enumerate().filter(|(_, end)| **end).nth(4).unwrap().0 + 1;
        let (mut units, mut made) = (Units::default(), Vec::new());
        (0..fourth).for_each(|esi| units.handle_datagram(&at(esi, 0), None, start(), |unit| made.push(unit)));
        for esi in fourth + 1..sixth + 1 {
            let missing_before = u32::from(esi == fourth + 1);
            units.handle_early(&at(esi, missing_before), None, start(), |unit| made.push(unit));
        }
        let early = made.split_off(3);
        assert!(early.iter().all(|unit| unit.early));
        assert_eq!(early.iter().map(|unit| unit.number).collect::<Vec<_>>(), [4, 5]);
        assert!(!early[0].complete && early[1].complete && !early[1].gap_before);
        (fourth..datagrams.len()).for_each(|esi| {
            units.handle_datagram(&at(esi, 0), None, start(), |unit| made.push(unit));
            assert_eq!(units.ahead.is_some(), esi < sixth);
        });
        assert_eq!(made.iter().map(|unit| unit.access_unit.clone()).collect::<Vec<_>>(), clip()[..8]);
        assert!(made.iter().all(|unit| unit.complete && !unit.early && !unit.gap_before));
        assert_eq!((made[3].last_esi, made[4].last_esi), (early[0].last_esi, early[1].last_esi));
    }

    #[test]
    fn another_session_begins_anew_and_numbers_go_on() {
        let mut units = Units::default();
        let before = through_the_link(1, |index| index < 20, &mut units);
        let after = through_the_link(2, |_| true, &mut units);
        assert_eq!(after.first().unwrap().number, before.last().unwrap().number + 1);
        assert!(after.iter().all(|unit| unit.session == 2 && unit.complete));
    }
}
