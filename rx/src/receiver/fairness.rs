//! Who gives way where room is scarce: a card that brings more than the others displaces only its own.

use super::heard::MAX_CARDS;

/// The place of the oldest entry of the card that has most of them. `cards` says whose each is, the oldest
/// first; of two that have as many the one with the newest entry gives way.
pub(super) fn gives_way(mut cards: impl DoubleEndedIterator<Item = usize> + Clone) -> Option<usize> {
    let mut held = [0_u32; MAX_CARDS];
    for card in cards.clone() {
        held.get_mut(card).into_iter().for_each(|held| *held += 1);
    }
    let of = |card: &usize| held.get(*card).copied().unwrap_or(0);
    // `max_by_key` takes the last of equals.
    let greediest = cards.clone().max_by_key(of)?;
    cards.position(|card| card == greediest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_card_that_has_most_gives_way() {
        assert_eq!(gives_way([0, 1, 2, 1, 0, 1].into_iter()), Some(1));
        assert_eq!(gives_way([0, 0, 1, 2].into_iter()), Some(0));
        assert_eq!(gives_way(std::iter::empty()), None);
    }

    #[test]
    fn of_two_that_have_as_many_the_one_that_came_last_gives_way() {
        assert_eq!(gives_way([0, 1, 0, 1].into_iter()), Some(1));
        assert_eq!(gives_way([1, 0, 1, 0].into_iter()), Some(1));
    }
}
