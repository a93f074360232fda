//! What a packet may have been, the likeliest first: one variant for each region.

use super::effort::MAX_TRIES;
use super::regions::Region;

/// Ways to choose a variant for each region.
#[derive(Debug)]
pub(super) struct Choices {
    /// From how many of each region's variants is chosen.
    bases: Vec<usize>,
    /// How unlikely a choice is, and its number: one digit for each region.
    ordered: Vec<(u32, usize)>,
}

impl Choices {
    /// All choices, the likeliest first; variants that few copies have are left out where there are too many,
    /// and none is left where no variant stands out. Those that are one of the copies are left out too: copies
    /// are tried when they come.
    ///
    /// A choice says in how many regions each copy is damaged. It is likelier the fewer they are, and of as many
    /// the more evenly they are spread over the copies: the sum of the squares is less.
    pub(super) fn new(regions: &[Region], copies: usize) -> Self {
        let bases = bases(regions, most(copies)).unwrap_or_default();
        let mut ordered = Vec::new();
        let mut damaged = vec![0_u32; copies];
        for number in 0..product(&bases) {
            damaged.fill(0);
            for (region, digit) in regions.iter().zip(digits(&bases, number)) {
                let agreeing = region.variants.get(digit).map_or(0, |variant| variant.copies);
                (0..).zip(&mut damaged).for_each(|(place, damaged)| *damaged += u32::from(agreeing >> place & 1 == 0));
            }
            if !damaged.contains(&0) {
                ordered.push((damaged.iter().map(|damaged| damaged * damaged).sum(), number));
            }
        }
        ordered.sort_unstable();
        Self { bases, ordered }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Writes the choice at this place into a copy.
    pub(super) fn write(&self, place: usize, regions: &[Region], copy: &mut [u8]) {
        let Some((_, number)) = self.ordered.get(place) else { return };
        for (region, digit) in regions.iter().zip(digits(&self.bases, *number)) {
            let Some(variant) = region.variants.get(digit) else { continue };
            let bytes = copy.get_mut(region.start..).and_then(|rest| rest.get_mut(..variant.bytes.len()));
            bytes.into_iter().for_each(|bytes| bytes.copy_from_slice(&variant.bytes));
        }
    }
}

/// Choices for so many copies at most: the more there are, the surer is what most of them have.
fn most(copies: usize) -> usize {
    (4 * MAX_TRIES as usize / (copies * copies).max(1)).clamp(1, MAX_TRIES as usize)
}

/// From how many variants of each region is chosen, the least supported left out until there are at most
/// `limit` choices; `None` if that would leave out one that is supported as well as any.
fn bases(regions: &[Region], limit: usize) -> Option<Vec<usize>> {
    let mut bases: Vec<usize> = regions.iter().map(|region| region.variants.len()).collect();
    while product(&bases) > limit {
        let lead = |(region, base): (&Region, &usize)| {
            let votes = |at: usize| region.variants.get(at).map_or(0, |variant| variant.copies.count_ones());
            votes(0).saturating_sub(votes(base.saturating_sub(1)))
        };
        let (lead, base) = regions.iter().zip(&mut bases).map(|(region, base)| (lead((region, base)), base)).max()?;
        *base = base.checked_sub(1).filter(|_| lead > 0)?;
    }
    Some(bases)
}

fn product(bases: &[usize]) -> usize {
    bases.iter().fold(usize::from(!bases.is_empty()), |product, base| product.saturating_mul(*base))
}

fn digits(bases: &[usize], number: usize) -> impl Iterator<Item = usize> {
    bases.iter().scan(number, |rest, base| {
        let digit = *rest % base.max(&1);
        *rest /= base.max(&1);
        Some(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::super::regions::regions;
    use super::*;

    fn candidates(copies: &[&[u8]]) -> Vec<Vec<u8>> {
        let regions = regions(copies).unwrap();
        let choices = Choices::new(&regions, copies.len());
        let mut candidate = copies[0].to_vec();
        (0..choices.len())
            .map(|place| {
                choices.write(place, &regions, &mut candidate);
                candidate.clone()
            })
            .collect()
    }

    #[test]
    fn of_two_copies_the_damage_is_on_both_and_first_spread_evenly() {
        let found = candidates(&[b"A..A..a..a", b"a..a..A..A"]);
        assert_eq!(found.len(), 14, "16 less the copies themselves");
        let damaged = |candidate: &Vec<u8>| candidate.iter().filter(|byte| **byte == b'A').count();
        let damaged: Vec<usize> = found.iter().map(damaged).collect();
        assert!(found[..6].contains(&b"a..a..a..a".to_vec()));
        assert_eq!(damaged[..6].iter().filter(|damaged| **damaged % 2 == 0).count(), 6, "two on either side first");
    }

    #[test]
    fn what_most_copies_have_is_tried_first() {
        let found = candidates(&[b"X..b..c..d", b"a..X..c..d", b"a..b..X..X"]);
        assert_eq!(found[0], b"a..b..c..d");
    }

    #[test]
    fn too_many_regions_leave_what_most_copies_have_or_nothing() {
        let wrong = |places: std::ops::Range<usize>| {
            let mut copy = vec![0_u8; 200];
            places.for_each(|place| copy[place * 4] = 1);
            copy
        };
        let (one, two, three) = (wrong(0..12), wrong(12..24), wrong(24..36));
        assert!(candidates(&[&one, &two]).is_empty());
        let found = candidates(&[&one, &two, &three]);
        assert_eq!(found[0], vec![0; 200]);
        assert!(found.len() <= most(3));
    }
}
