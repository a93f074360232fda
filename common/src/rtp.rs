//! RTP (RFC 3550) and its payload format for H.264 (RFC 6184); of that for H.265 (RFC 7798) what shows from outside.

pub mod depacketizer;
mod following;
mod h265;
pub mod header;
pub mod inspector;
pub mod keyframe;
pub mod packetizer;
pub mod payload;
pub mod received;

pub use depacketizer::{Depacketizer, DepacketizerStats, Marks};
pub use header::{RtpError, RtpHeader};
pub use inspector::{Inspected, Inspector};
pub use keyframe::is_referred_to;
pub use packetizer::Packetizer;
pub use received::ReceivedUnit;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::{AccessUnit, Assembler};

    const CLIP: &[u8] = include_bytes!("../../tests/data/clip.h264");
    const NOT_MARKED: Marks = Marks { start_of_unit: false, end_of_unit: false, missing_before: 0 };

    #[expect(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
    fn clip() -> Vec<AccessUnit> {
        let now = std::time::Instant::now();
        let mut assembler = Assembler::default();
        assembler.handle_bytes(CLIP, now);
        assembler.handle_end(now);
        std::iter::from_fn(|| assembler.poll_unit()).map(|assembled| assembled.unit).collect()
    }

    /// The datagrams of the clip, each with the number of its picture, as the link would mark them.
    fn datagrams(max_bytes: usize) -> Vec<(usize, Vec<u8>, Marks)> {
        let mut packetizer = Packetizer::new(7, 65_500, max_bytes);
        let mut datagrams = Vec::new();
        for (picture, unit) in clip().iter().enumerate() {
            let mut start_of_unit = true;
            packetizer.for_each_datagram(unit, picture as u64 * 33_333, |bytes, end_of_unit| {
                let marks = Marks { start_of_unit, end_of_unit, missing_before: 0 };
                datagrams.push((picture, bytes.to_vec(), marks));
                start_of_unit = false;
            });
        }
        datagrams
    }

    fn receive<'a>(datagrams: impl Iterator<Item = (&'a [u8], Marks)>) -> Vec<ReceivedUnit> {
        let mut depacketizer = Depacketizer::default();
        let mut units = Vec::new();
        for (bytes, marks) in datagrams {
            depacketizer.handle_datagram(bytes, marks);
            units.extend(std::iter::from_fn(|| depacketizer.poll_unit()));
        }
        depacketizer.handle_end();
        units.extend(std::iter::from_fn(|| depacketizer.poll_unit()));
        units
    }

    #[test]
    fn the_clip_comes_back_nal_for_nal() {
        let clip = clip();
        for max_bytes in [64, 300, 1400, 2048] {
            let datagrams = datagrams(max_bytes);
            let units = receive(datagrams.iter().map(|(_, bytes, marks)| (&**bytes, *marks)));
            assert!(units.iter().all(|unit| unit.is_complete() && unit.missing_before == 0));
            assert!(units.iter().map(|unit| &unit.unit).eq(&clip), "datagrams of {max_bytes}");
        }
    }

    #[test]
    fn without_the_links_marks_all_but_the_first_are_known_to_be_complete() {
        let datagrams = datagrams(1400);
        let units = receive(datagrams.iter().map(|(_, bytes, _)| (&**bytes, NOT_MARKED)));
        assert!(units.iter().map(|unit| &unit.unit).eq(&clip()));
        assert!(!units[0].is_complete());
        assert!(units[1..].iter().all(ReceivedUnit::is_complete));
    }

    #[test]
    fn one_lost_datagram_damages_its_unit_and_no_other() {
        let clip = clip();
        for marked in [true, false] {
            let datagrams = datagrams(400);
            for lost in 1..datagrams.len() {
                let (picture, _, marks) = &datagrams[lost];
                let alone = marks.start_of_unit && marks.end_of_unit;
                let left = datagrams.iter().enumerate().filter(|(at, _)| *at != lost);
                let mut units = receive(left.map(|(at, (_, bytes, marks))| {
                    let missing_before = u32::from(at == lost + 1);
                    (&**bytes, if marked { Marks { missing_before, ..*marks } } else { NOT_MARKED })
                }));
                if alone {
                    assert!(units.get(*picture).is_none_or(|unit| unit.missing_before == 1));
                    units.insert(*picture, ReceivedUnit { missing_within: 1, ..ReceivedUnit::default() });
                }
                assert_eq!(units.len(), clip.len());
                // Who has not seen the first datagram marked cannot know that it was the first; nor, when the
                // one lost was all or the first of a unit, where the next begins.
                for (at, (unit, sent)) in units.iter().zip(&clip).enumerate().skip(usize::from(!marked)) {
                    let unknown = !marked && alone && at == picture + 1;
                    assert_eq!(unit.is_complete(), at != *picture && !unknown, "lost {lost} of {picture}, unit {at}");
                    assert!(at == *picture || unit.unit == *sent);
                }
            }
        }
    }

    #[test]
    fn a_slice_with_a_hole_keeps_its_beginning_and_nothing_else_is_changed() {
        let clip = clip();
        let datagrams = datagrams(400);
        for lost in 0..datagrams.len() {
            let left = datagrams.iter().enumerate().filter(|(at, _)| *at != lost);
            let units = receive(left.map(|(_, (_, bytes, marks))| (&**bytes, *marks)));
            let sent: Vec<_> = clip.iter().flat_map(AccessUnit::nal_units).collect();
            let mut from = sent.iter();
            // Every NAL unit received is one that was sent or the beginning of one, in the order in which they were.
            for nal in units.iter().flat_map(|unit| unit.unit.nal_units()) {
                assert!(from.any(|sent| sent.starts_with(nal)));
            }
        }
    }
}
