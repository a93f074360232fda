//! Where the copies of a packet differ, and what each has there.

/// Bytes within which two differing bytes are one burst's: one between them may be right by chance.
const SAME_BURST: usize = 2;
/// Regions of a packet that are looked at: with more it is damaged too much, or no copies of one packet.
const MAX_REGIONS: usize = 64;
/// Longest region in which two bursts may meet: each of 16 bits, which touch three bytes, and one byte between.
pub(super) const MAX_SPLICED_BYTES: usize = 7;
/// Cuts that are looked at: all those of two copies in the longest region, and those of the likeliest of more.
const MAX_CUTS: usize = 128;

/// Bytes in which not all copies agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    /// Where it begins.
    pub(super) start: usize,
    /// What it may be, what most copies have first. Never empty.
    pub(super) variants: Vec<Variant>,
}

/// What a region may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) bytes: Vec<u8>,
    /// The copies that have it, as a set of their places.
    pub(super) copies: u64,
}

/// The regions in which copies of one length differ, in their order; `None` if there are none or too many.
pub(super) fn regions(copies: &[&[u8]]) -> Option<Vec<Region>> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in differing(copies) {
        match runs.last_mut() {
            Some((_, end)) if at < *end + SAME_BURST => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
        if runs.len() > MAX_REGIONS {
            return None;
        }
    }
    let region = |(start, end)| Region { start, variants: variants(copies, start, end) };
    (!runs.is_empty()).then(|| runs.into_iter().map(region).collect())
}

fn differing<'a>(copies: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
    let (first, others) = copies.split_first().map_or((&[][..], &[][..]), |(first, others)| (*first, others));
    let differs = |at: usize, byte: &u8| others.iter().any(|other| other.get(at) != Some(byte));
    first.iter().enumerate().filter(move |(at, byte)| differs(*at, byte)).map(|(at, _)| at)
}

fn variants(copies: &[&[u8]], start: usize, end: usize) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for (place, copy) in (0..u64::BITS).zip(copies) {
        let bytes = copy.get(start..end).unwrap_or_default();
        match variants.iter_mut().find(|variant| variant.bytes == bytes) {
            Some(variant) => variant.copies |= 1 << place,
            None => variants.push(Variant { bytes: bytes.to_vec(), copies: 1 << place }),
        }
    }
    variants.sort_by_key(|variant| std::cmp::Reverse(variant.copies.count_ones()));
    variants
}

impl Region {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.variants.first().map_or(0, |variant| variant.bytes.len())
    }

    /// Makes it a region in which two bursts meet: begun as one copy has it, ended as another. Returns what
    /// the copies have.
    pub(super) fn splice(&mut self) -> Vec<Variant> {
        let whole = std::mem::take(&mut self.variants);
        let pairs = whole.iter().flat_map(|begun| whole.iter().map(move |ended| (begun, ended)));
        let cuts = pairs.flat_map(|(begun, ended)| {
            let differing = (0..8 * begun.bytes.len()).filter(|bit| has_bit(begun, *bit) != has_bit(ended, *bit));
            // Cut at the first differing bit it would be the other copy's, whole.
            differing.skip(1).map(move |bit| spliced(begun, ended, bit))
        });
        cuts.take(MAX_CUTS).for_each(|bytes| self.add(bytes, &whole));
        whole
    }

    fn add(&mut self, bytes: Vec<u8>, whole: &[Variant]) {
        if self.variants.iter().chain(whole).all(|variant| variant.bytes != bytes) {
            self.variants.push(Variant { bytes, copies: 0 });
        }
    }
}

/// Bits are counted in the order in which they are on the air, of a byte the lowest first.
fn has_bit(variant: &Variant, bit: usize) -> bool {
    variant.bytes.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// One's bits before `bit`, the other's from there on.
fn spliced(begun: &Variant, ended: &Variant, bit: usize) -> Vec<u8> {
    let byte = |(at, (begun, ended)): (usize, (&u8, &u8))| {
        let bits_begun = bit.saturating_sub(8 * at).min(8);
        let mask = u8::try_from((1_u32 << bits_begun) - 1).unwrap_or(u8::MAX);
        begun & mask | ended & !mask
    };
    begun.bytes.iter().zip(&ended.bytes).enumerate().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(region: &Region) -> Vec<(&[u8], u64)> {
        region.variants.iter().map(|variant| (&variant.bytes[..], variant.copies)).collect()
    }

    #[test]
    fn differing_bytes_of_one_burst_are_one_region() {
        let regions = regions(&[b"abcdefghij", b"aXcXefghij", b"abcdefgXij"]).unwrap();
        let [burst, byte] = &regions[..] else { panic!("{regions:?}") };
        assert_eq!((burst.start, bytes(burst)), (1, vec![(&b"bcd"[..], 0b101), (b"XcX", 0b010)]));
        assert_eq!((byte.start, bytes(byte)), (7, vec![(&b"h"[..], 0b011), (b"X", 0b100)]));
    }

    #[test]
    fn copies_without_a_difference_and_with_too_many_have_no_regions() {
        assert_eq!(regions(&[b"abc", b"abc"]), None);
        let other: Vec<u8> = (0..300_u32).map(|at| u8::from(at % 4 == 0)).collect();
        assert_eq!(regions(&[&[0; 300], &other]), None);
        assert_eq!(regions(&[&[0; 4 * MAX_REGIONS], &other[..4 * MAX_REGIONS]]).unwrap().len(), MAX_REGIONS);
    }

    #[test]
    fn a_region_in_which_two_bursts_meet_is_begun_as_one_copy_has_it_and_ended_as_the_other() {
        // The first copy is wrong in bits 4 to 7 of the first byte, the other in the two lowest of the second.
        let mut regions = regions(&[&[0xf0, 0x00], &[0x00, 0x03]]).unwrap();
        let whole = regions[0].splice();
        assert_eq!(whole.len(), 2);
        let spliced: Vec<_> = regions[0].variants.iter().map(|variant| variant.bytes.clone()).collect();
        assert!(spliced.contains(&vec![0x00, 0x00]), "{spliced:?}");
        // Five cuts either way, and no two make the same.
        assert_eq!(spliced.len(), 10, "{spliced:?}");
    }

    #[test]
    fn many_copies_make_no_more_cuts_than_are_looked_at() {
        let copies: Vec<Vec<u8>> = (1..=62_u8).map(|copy| vec![copy.wrapping_mul(37); MAX_SPLICED_BYTES]).collect();
        let copies: Vec<&[u8]> = copies.iter().map(|copy| &copy[..]).collect();
        let mut regions = regions(&copies).unwrap();
        assert_eq!(regions[0].splice().len(), 62);
        assert!(regions[0].variants.len() <= MAX_CUTS, "{}", regions[0].variants.len());
    }
}
