//! Which relays are asked to be prompt: few that together hear nearly everything, the nearer ones first.

use std::time::Duration;

use super::copies::{LOCAL, Packet, Set, set_of};

/// Packets that must be known before a choice is made.
const ENOUGH: usize = 20;
/// As long as those asked miss more together, in ‰, another is asked. What is left comes later by the time relays
/// hold, and is what repairs bring back at less.
const MISSED_PERMILLE: usize = 50;
/// A relay that adds less, in ‰, is not worth its bandwidth.
const WORTH_PERMILLE: usize = 10;
/// What a relay that is asked is ahead of one that is not, in ‰: so that equals do not take turns.
const STAYS_PERMILLE: usize = 40;
/// What a millisecond on the way costs a relay, in ‰.
const PER_MS_PERMILLE: usize = 10;

/// What the choice is made from.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) place: usize,
    /// How far its copies come behind the first.
    pub(super) behind: Duration,
}

/// Who is to be prompt: the places of relays; `None`: every one.
///
/// One after the other, the relay that hears most of what is still missed, until little is.
pub(super) fn choose(packets: &[Packet], candidates: &[Candidate], present: Set) -> Option<Set> {
    if packets.len() < ENOUGH {
        return None;
    }
    let permille = |count: usize| count * 1000 / packets.len();
    let missed = |by: Set| packets.iter().filter(|packet| packet.heard & by == 0).count();
    let mut chosen: Set = 0;
    while permille(missed(chosen | LOCAL)) > MISSED_PERMILLE {
        let left = missed(chosen | LOCAL);
        let score = |candidate: &Candidate| {
            let set = set_of(candidate.place);
            let gain = permille(left - missed(chosen | LOCAL | set));
            let stays = if present & set == 0 { 0 } else { STAYS_PERMILLE };
            let behind_ms = usize::try_from(candidate.behind.as_micros() / 1000).unwrap_or(usize::MAX);
            (gain >= WORTH_PERMILLE)
                .then(|| (gain + stays + 1000).saturating_sub(behind_ms.saturating_mul(PER_MS_PERMILLE)))
        };
        let free = candidates.iter().filter(|candidate| chosen & set_of(candidate.place) == 0);
        let scored = free.filter_map(|candidate| Some((score(candidate)?, std::cmp::Reverse(candidate.place))));
        let Some((_, std::cmp::Reverse(place))) = scored.max() else { break };
        chosen |= set_of(place);
    }
    let nobody = chosen == 0 && permille(missed(LOCAL)) > MISSED_PERMILLE;
    (!nobody).then_some(chosen)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use std::time::Instant;

    use super::super::copies::{Copies, Copy};
    use super::*;
    use crate::receiver::PacketName;

    /// Someone, and which packets they hear.
    type Ear = (Set, fn(u32) -> bool);

    /// 100 packets.
    fn packets(hears: &[Ear]) -> Vec<Packet> {
        let now = Instant::now();
        let mut copies = Copies::default();
        for sequence in 0..100 {
            let name = PacketName { session: 1, stream: 0, is_source: true, sequence };
            for (who, _) in hears.iter().filter(|(_, hears)| hears(sequence)) {
                copies.note(name, Copy { who: *who, age: Duration::ZERO, was_known: false }, now);
            }
        }
        copies.between(now, now + Duration::from_millis(1)).copied().collect()
    }

    fn candidates(behind_ms: &[u64]) -> Vec<Candidate> {
        let behind = behind_ms.iter().map(|ms| Duration::from_millis(*ms));
        behind.enumerate().map(|(place, behind)| Candidate { place, behind }).collect()
    }

    #[test]
    fn the_nearest_of_those_that_hear_all_is_asked_alone() {
        let packets = packets(&[(1, |_| true), (2, |_| true), (4, |n| n % 10 > 0)]);
        assert_eq!(choose(&packets, &candidates(&[12, 2, 0]), 0), Some(2));
        assert_eq!(choose(&packets, &candidates(&[2, 2, 0]), 2), Some(2), "an equal does not take its place");
    }

    #[test]
    fn relays_that_hear_different_things_are_asked_together() {
        let packets = packets(&[(1, |n| n < 50), (2, |n| n >= 45), (4, |n| n % 10 > 7)]);
        assert_eq!(choose(&packets, &candidates(&[0, 0, 0]), 0), Some(3));
    }

    #[test]
    fn nobody_is_asked_where_the_cards_here_hear_all() {
        let packets = packets(&[(LOCAL, |n| n != 7), (1, |_| true)]);
        assert_eq!(choose(&packets, &candidates(&[0]), 0), Some(0));
    }

    #[test]
    fn everybody_is_asked_while_little_is_known() {
        let all = packets(&[(1, |_| true)]);
        assert_eq!(choose(&all[..19], &candidates(&[0]), 0), None);
        assert_eq!(choose(&all, &[], 0), None);
    }
}
