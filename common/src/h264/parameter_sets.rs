//! Puts parameter sets in front of keyframes and recovery points that come without them, so that a receiver can join
//! at any.

use std::collections::BTreeMap;

use super::access_unit::AccessUnit;
use super::bits::BitReader;
use super::nal::NalHeader;
use super::sps::{self, PictureFormat};

/// The longest parameter set remembered, in bytes. Real ones, scaling lists included, stay below 400; with
/// the 32 + 256 numbers there are (H.264 7.4.2.1, 7.4.2.2) this bounds the memory at 288 KiB.
const MAX_SET_BYTES: usize = 1024;

/// The parameter sets a stream has shown, the newest of each number.
#[derive(Debug, Clone, Default)]
pub struct ParameterSets {
    /// Sequence parameter sets sort before picture parameter sets: they must be sent in that order.
    sets: BTreeMap<(u8, u32), Vec<u8>>,
    picture_format: Option<PictureFormat>,
}

impl ParameterSets {
    /// Remembers the parameter sets in `unit`; when decoding can begin there, puts in front those that it lacks.
    ///
    /// Those behind a slice are put in front as well: GStreamer's rtph264pay repeats them before every slice of a
    /// keyframe, and there they would begin another access unit (H.264 7.4.1.2.3) when these are written one after the
    /// other.
    pub fn complete(&mut self, unit: &mut AccessUnit) {
        let mut carried = Vec::new();
        let (mut has_slice, mut is_any_behind) = (false, false);
        for nal in unit.nal_units() {
            has_slice |= NalHeader::of(nal).is_some_and(NalHeader::is_slice);
            if let Some(key) = self.handle_nal(nal) {
                carried.push(key);
                is_any_behind |= has_slice;
            }
        }
        let lacks_some = self.sets.keys().any(|key| !carried.contains(key));
        if is_any_behind || lacks_some && (unit.keyframe || unit.recovery_point().is_some()) {
            *unit = self.put_in_front(unit);
        }
    }

    /// Size and rate as the newest sequence parameter set says; `None` before the first that can be read.
    pub fn picture_format(&self) -> Option<PictureFormat> {
        self.picture_format
    }

    /// Remembers `nal` if it is a parameter set; returns its type and number then.
    pub fn handle_nal(&mut self, nal: &[u8]) -> Option<(u8, u32)> {
        let key = key(nal).filter(|_| nal.len() <= MAX_SET_BYTES)?;
        if self.sets.get(&key).is_none_or(|known| known != nal) {
            if key.0 == NalHeader::SPS {
                self.picture_format = sps::parse(nal).ok().or(self.picture_format);
            }
            self.sets.insert(key, nal.to_vec());
        }
        Some(key)
    }

    /// All that are remembered, in the order in which they are to be sent.
    pub fn nal_units(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.values().map(Vec::as_slice)
    }

    fn put_in_front(&self, unit: &AccessUnit) -> AccessUnit {
        let is_delimiter = |nal: &&[u8]| NalHeader::of(nal).is_some_and(|header| header.kind() == NalHeader::AUD);
        let is_remembered = |nal: &[u8]| self.sets.values().any(|set| set == nal);
        let mut completed = AccessUnit::default();
        // A delimiter must stay first (H.264 7.4.1.2.3).
        unit.nal_units().take_while(is_delimiter).for_each(|nal| completed.push_nal(nal));
        self.sets.values().for_each(|set| completed.push_nal(set));
        let rest = unit.nal_units().skip_while(is_delimiter).filter(|nal| !is_remembered(nal));
        rest.for_each(|nal| completed.push_nal(nal));
        completed
    }
}

/// The type and number of a parameter set; `None` when the NAL unit is none or its number is out of range.
fn key(nal: &[u8]) -> Option<(u8, u32)> {
    let (&header, payload) = nal.split_first()?;
    let (payload, limit) = match NalHeader(header).kind() {
        // Profile, constraints and level stand before the number.
        NalHeader::SPS => (payload.get(3..)?, 32),
        NalHeader::PPS => (payload, 256),
        _ => return None,
    };
    let number = BitReader::new(payload).unsigned_exp_golomb().ok()?;
    (number < limit).then_some((NalHeader(header).kind(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[
        0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
        0x03, 0xc8, 0xf1, 0x42, 0xa4, 0x80,
    ];
    const PPS: &[u8] = &[0x68, 0xcb, 0x8c, 0xb2];
    /// Number 1.
    const OTHER_PPS: &[u8] = &[0x68, 0x4b, 0x8c, 0xb2];
    const IDR: &[u8] = &[0x65, 0x88, 0x84];
    const AUD: &[u8] = &[0x09, 0x10];

    fn unit(nals: &[&[u8]]) -> AccessUnit {
        let mut unit = AccessUnit::default();
        nals.iter().for_each(|nal| unit.push_nal(nal));
        unit
    }

    fn completed(sets: &mut ParameterSets, nals: &[&[u8]]) -> AccessUnit {
        let mut unit = unit(nals);
        sets.complete(&mut unit);
        unit
    }

    #[test]
    fn a_keyframe_without_parameter_sets_gets_the_newest() {
        let mut sets = ParameterSets::default();
        assert_eq!(completed(&mut sets, &[IDR]), unit(&[IDR]));
        assert_eq!(completed(&mut sets, &[PPS, SPS, IDR]), unit(&[PPS, SPS, IDR]));
        assert_eq!(completed(&mut sets, &[IDR]), unit(&[SPS, PPS, IDR]));
        assert_eq!(completed(&mut sets, &[AUD, IDR]), unit(&[AUD, SPS, PPS, IDR]));
        assert_eq!(completed(&mut sets, &[SPS, IDR]), unit(&[SPS, PPS, IDR]));
    }

    #[test]
    fn a_recovery_point_gets_them_too() {
        let mut sets = ParameterSets::default();
        completed(&mut sets, &[SPS, PPS, IDR]);
        let (point, slice): (&[u8], &[u8]) = (&[0x06, 0x06, 0x02, 0x09, 0xc4, 0x80], &[0x41, 0x9a]);
        assert_eq!(completed(&mut sets, &[point, slice]), unit(&[SPS, PPS, point, slice]));
    }

    #[test]
    fn what_is_repeated_between_slices_is_put_in_front() {
        let mut sets = ParameterSets::default();
        let slice: &[u8] = &[0x65, 0x01, 0x42];
        let sent = [AUD, SPS, PPS, IDR, SPS, PPS, slice];
        assert_eq!(completed(&mut sets, &sent), unit(&[AUD, SPS, PPS, IDR, slice]));
    }

    #[test]
    fn other_pictures_are_left_alone() {
        let mut sets = ParameterSets::default();
        completed(&mut sets, &[SPS, PPS, IDR]);
        assert_eq!(completed(&mut sets, &[OTHER_PPS, &[0x41, 0x9a]]), unit(&[OTHER_PPS, &[0x41, 0x9a]]));
        assert_eq!(completed(&mut sets, &[IDR]), unit(&[SPS, PPS, OTHER_PPS, IDR]));
    }

    #[test]
    fn the_format_follows_the_stream() {
        let mut sets = ParameterSets::default();
        assert_eq!(sets.picture_format(), None);
        completed(&mut sets, &[SPS]);
        assert_eq!(sets.picture_format().map(|format| (format.width, format.height)), Some((320, 240)));
    }

    #[test]
    fn sets_that_no_encoder_writes_are_not_remembered() {
        let mut sets = ParameterSets::default();
        let long = [SPS, &[7; MAX_SET_BYTES]].concat();
        // A PPS with number 256: ue(v) 00000000 1 00000001.
        completed(&mut sets, &[&long, &[0x68, 0x00, 0x80, 0xc0], &[0x67], &[0x68]]);
        assert!(sets.sets.is_empty());
    }
}
