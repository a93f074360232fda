//! Where one access unit ends and the next begins (ITU-T H.264 7.4.1.2.3).

use super::access_unit::AccessUnit;
use super::annex_b::MAX_NAL_BYTES;
use super::nal::{NalHeader, first_mb_in_slice};

/// An access unit as long as this is ended, in bytes: one NAL unit of the longest kind and as much again
/// around it. With the NAL unit that comes last it is at most half as long again.
pub const MAX_UNIT_BYTES: usize = 2 * MAX_NAL_BYTES;

/// Groups NAL units into access units.
///
/// A picture ends where its slices stop growing in macroblock address, where an IDR picture meets another
/// kind, a reference picture one that is none, or where a delimiter, parameter set or SEI comes behind a
/// slice. That needs no parameter sets; it is wrong for arbitrary slice order and redundant slices (two
/// tools of the baseline profile that encoders do not use).
#[derive(Debug, Default)]
pub struct Grouper {
    unit: AccessUnit,
    last_slice: Option<Slice>,
    /// A prefix NAL unit (type 14): it goes where the slice behind it goes.
    prefix: Vec<u8>,
}

/// What tells the slices of two pictures apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    is_idr: bool,
    is_reference: bool,
    first_mb: u32,
}

impl Grouper {
    /// Takes a NAL unit and returns the access unit that ends before it, if one does.
    pub fn push(&mut self, nal: &[u8]) -> Option<AccessUnit> {
        let ended = if self.ends_before(nal) || self.is_full() { self.finish() } else { None };
        if NalHeader::of(nal).is_some_and(|header| header.kind() == NalHeader::PREFIX) {
            self.prefix = nal.to_vec();
            return ended;
        }
        if !self.prefix.is_empty() {
            self.unit.push_nal(&std::mem::take(&mut self.prefix));
        }
        self.unit.push_nal(nal);
        self.last_slice = Slice::of(nal).or(self.last_slice);
        ended
    }

    /// Whether the access unit under way has a slice and `nal`, of which the beginning is enough, belongs
    /// to the next.
    pub fn ends_before(&self, nal: &[u8]) -> bool {
        let (Some(last), Some(header)) = (self.last_slice, NalHeader::of(nal)) else { return false };
        header.begins_access_unit() || Slice::of(nal).is_some_and(|slice| !slice.continues(last))
    }

    /// Ends the access unit under way; one without a slice stays, its slices will come.
    pub fn finish(&mut self) -> Option<AccessUnit> {
        if self.last_slice.take().is_none() && !self.is_full() {
            return None;
        }
        let next = AccessUnit { bytes: Vec::with_capacity(self.unit.bytes.len()), keyframe: false };
        Some(std::mem::replace(&mut self.unit, next))
    }

    /// The last slice of the access unit under way.
    pub fn last_slice(&self) -> Option<Slice> {
        self.last_slice
    }

    /// Whether nothing of an access unit is there.
    pub fn is_empty(&self) -> bool {
        self.unit.is_empty() && self.prefix.is_empty()
    }

    fn is_full(&self) -> bool {
        self.unit.bytes.len() >= MAX_UNIT_BYTES
    }
}

impl Slice {
    /// What the beginning of a slice NAL unit says; `None` when it is no slice or too short to tell.
    pub fn of(nal: &[u8]) -> Option<Self> {
        let header = NalHeader::of(nal)?;
        let first_mb = first_mb_in_slice(nal)?;
        Some(Self { is_idr: header.is_idr(), is_reference: header.ref_idc() != 0, first_mb })
    }

    /// Whether this slice belongs to the picture of the slice before it.
    pub fn continues(self, before: Self) -> bool {
        self.is_idr == before.is_idr && self.is_reference == before.is_reference && self.first_mb > before.first_mb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUD: &[u8] = &[0x09, 0xf0];
    const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0d, 0xd9];
    const PPS: &[u8] = &[0x68, 0xcb, 0x8c, 0xb2];
    const SEI: &[u8] = &[0x06, 0x05, 0xff];
    const IDR: &[u8] = &[0x65, 0x88, 0x84];
    /// `first_mb_in_slice` 75.
    const IDR_75: &[u8] = &[0x65, 0x02, 0x62, 0x21];
    const P: &[u8] = &[0x41, 0x9a, 0x24];
    const P_75: &[u8] = &[0x41, 0x02, 0x66, 0x89];
    /// As P_75, but no other picture refers to it.
    const DISPOSABLE_75: &[u8] = &[0x01, 0x02, 0x66, 0x89];
    const PREFIX: &[u8] = &[0x6e, 0x40];
    const FILLER: &[u8] = &[0x0c, 0xff, 0x80];

    /// The number of NAL units in each access unit.
    fn group(nals: &[&[u8]]) -> Vec<usize> {
        let mut grouper = Grouper::default();
        let mut units: Vec<_> = nals.iter().filter_map(|nal| grouper.push(nal)).collect();
        units.extend(grouper.finish());
        units.iter().map(|unit| unit.nal_units().count()).collect()
    }

    #[test]
    fn slices_of_one_picture_stay_together() {
        assert_eq!(group(&[SPS, PPS, SEI, IDR, IDR_75, P, P_75, P, P_75]), [5, 2, 2]);
    }

    #[test]
    fn what_stands_before_a_picture_goes_with_it() {
        assert_eq!(group(&[AUD, SPS, PPS, IDR, AUD, P, SEI, P, PPS, P, FILLER, AUD, P]), [4, 2, 2, 3, 2]);
    }

    #[test]
    fn a_picture_without_its_first_slice_is_told_from_the_one_before() {
        assert_eq!(group(&[P, P_75, P_75]), [2, 1]);
        assert_eq!(group(&[IDR, P_75]), [1, 1]);
        assert_eq!(group(&[P, DISPOSABLE_75]), [1, 1]);
    }

    #[test]
    fn the_prefix_of_a_slice_goes_with_it() {
        assert_eq!(group(&[PREFIX, IDR, PREFIX, IDR_75, PREFIX, P, PREFIX, P_75]), [4, 4]);
    }

    #[test]
    fn parameter_sets_alone_are_no_access_unit() {
        assert_eq!(group(&[SPS, PPS, SEI]), [0; 0]);
    }

    #[test]
    fn an_endless_access_unit_is_ended() {
        let mut grouper = Grouper::default();
        let filler = [0x0c; 1 << 16];
        let ended = (0..40).filter_map(|_| grouper.push(&filler)).count();
        assert_eq!(ended, 1);
    }

    #[test]
    fn a_boundary_shows_in_the_first_bytes() {
        let mut grouper = Grouper::default();
        grouper.push(P);
        assert!(!grouper.ends_before(&[]));
        assert!(!grouper.ends_before(&[0x41]));
        assert!(grouper.ends_before(&P[..2]));
        assert!(grouper.ends_before(&AUD[..1]));
        assert!(!grouper.ends_before(&P_75[..2]));
        assert!(!grouper.ends_before(P_75));
    }
}
