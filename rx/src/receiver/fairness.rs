//! Who gives way where room is scarce: a station that brings more than the others displaces only its own.

use super::heard::MAX_CARDS;

/// Who brought a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// Which card.
    pub(super) card: usize,
    /// Whose card it is: the number of one of its cards. All cards of a relay are of one station, every other card is
    /// a station by itself.
    pub(super) station: usize,
}

/// Whose each card is.
#[derive(Debug)]
pub(super) struct Stations([usize; MAX_CARDS]);

impl Default for Stations {
    fn default() -> Self {
        Self(std::array::from_fn(|card| card))
    }
}

impl Stations {
    /// A card has this number from here on: one of the station of the card `beside`, or one by itself.
    pub(super) fn add(&mut self, card: usize, beside: Option<usize>) {
        let others = || (0..MAX_CARDS).filter(move |other| *other != card);
        // A station keeps together when the card it is named after gives its number up.
        if let Some(heir) = others().find(|other| self.0.get(*other) == Some(&card)) {
            self.0.iter_mut().filter(|station| **station == card).for_each(|station| *station = heir);
        }
        let station = beside.filter(|beside| *beside != card).map_or(card, |beside| self.origin(beside).station);
        self.0.get_mut(card).into_iter().for_each(|of_card| *of_card = station);
    }

    pub(super) fn origin(&self, card: usize) -> Origin {
        Origin { card, station: self.0.get(card).copied().unwrap_or(card) }
    }
}

/// The place of the oldest entry of the station that has most of them. `origins` says whose each is, the oldest
/// first; of two that have as many the one with the newest entry gives way.
pub(super) fn gives_way(mut origins: impl DoubleEndedIterator<Item = Origin> + Clone) -> Option<usize> {
    let mut held = [0_u32; MAX_CARDS];
    for origin in origins.clone() {
        held.get_mut(origin.station).into_iter().for_each(|held| *held += 1);
    }
    let of = |origin: &Origin| held.get(origin.station).copied().unwrap_or(0);
    // `max_by_key` takes the last of equals.
    let greediest = origins.clone().max_by_key(of)?;
    origins.position(|origin| origin.station == greediest.station)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gives way among cards that are stations by themselves.
    fn gives_way_alone(cards: &[usize]) -> Option<usize> {
        gives_way(cards.iter().map(|card| Origin { card: *card, station: *card }))
    }

    #[test]
    fn the_oldest_of_the_card_that_has_most_gives_way() {
        assert_eq!(gives_way_alone(&[0, 1, 2, 1, 0, 1]), Some(1));
        assert_eq!(gives_way_alone(&[0, 0, 1, 2]), Some(0));
        assert_eq!(gives_way_alone(&[]), None);
    }

    #[test]
    fn a_station_keeps_together_when_its_first_card_gives_its_number_up() {
        let mut stations = Stations::default();
        [(1, None), (2, Some(1)), (3, Some(2)), (1, None)]
            .into_iter()
            .for_each(|(card, beside)| stations.add(card, beside));
        assert_eq!([0, 1, 2, 3].map(|card| stations.origin(card).station), [0, 1, 2, 2]);
        stations.add(2, None);
        assert_eq!([1, 2, 3].map(|card| stations.origin(card).station), [1, 2, 3]);
    }

    #[test]
    fn cards_of_one_station_give_way_as_one() {
        let origins = [(0, 0), (0, 0), (1, 1), (2, 1), (3, 1)].map(|(card, station)| Origin { card, station });
        assert_eq!(gives_way(origins.into_iter()), Some(2));
    }

    #[test]
    fn of_two_that_have_as_many_the_one_that_came_last_gives_way() {
        assert_eq!(gives_way_alone(&[0, 1, 0, 1]), Some(1));
        assert_eq!(gives_way_alone(&[1, 0, 1, 0]), Some(1));
    }
}
