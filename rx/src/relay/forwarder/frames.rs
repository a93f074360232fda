//! The frames a relay heard last: what is held is here, and what another card's copy may repeat.

use std::time::{Duration, Instant};

use skylark_common::wire::dot11::Dot11;

/// Frames kept: those of a hold at 40 000 a second. At most 4 MiB.
const FRAMES: usize = 1024;
/// Frames of the same key that are compared byte by byte; a forger could make all have the same.
const MAX_COMPARED: usize = 4;

/// Cards hear a frame within this of each other. What comes later was sent again, as session packets of WFB-NG are, and
/// goes whole: whoever came since has nothing it could be a copy of.
const COPIES_WITHIN: Duration = Duration::from_millis(50);

/// The newest frames, each from its 802.11 header to before its FCS.
#[derive(Debug, Default)]
pub(super) struct Frames {
    keys: Vec<u64>,
    kept: Vec<Kept>,
    /// Frames ever kept: the place of the next one is this modulo [`FRAMES`].
    next: u64,
}

/// A frame in its place.
#[derive(Debug)]
pub(super) struct Kept {
    name: u64,
    /// When a card heard it first.
    at: Instant,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The number it was forwarded under.
    pub(super) number: Option<u32>,
}

impl Frames {
    /// The name of this frame, which is kept if no frame like it was heard lately.
    pub(super) fn admit(&mut self, frame: &[u8], now: Instant) -> u64 {
        let key = key(frame);
        let is_alike = |other: u64, kept: &Kept| other == key && now.saturating_duration_since(kept.at) < COPIES_WITHIN;
        let alike = self.keys.iter().zip(&self.kept).filter(|(other, kept)| is_alike(**other, kept)).take(MAX_COMPARED);
        if let Some((_, kept)) = alike.into_iter().find(|(_, kept)| are_copies(&kept.bytes, frame)) {
            return kept.name;
        }
        self.keep(key, frame, now)
    }

    /// The frame of this name, if it has not given way.
    pub(super) fn named(&mut self, name: u64) -> Option<&mut Kept> {
        let kept = self.kept.get_mut(place(name));
        kept.filter(|kept| kept.name == name)
    }

    fn keep(&mut self, key: u64, frame: &[u8], now: Instant) -> u64 {
        let name = self.next;
        self.next += 1;
        if self.kept.len() < FRAMES {
            self.kept.push(Kept { name, at: now, bytes: Vec::new(), number: None });
            self.keys.push(0);
        }
        if let (Some(kept), Some(place)) = (self.kept.get_mut(place(name)), self.keys.get_mut(place(name))) {
            (kept.name, kept.at, kept.number) = (name, now, None);
            kept.bytes.clear();
            kept.bytes.extend_from_slice(frame);
            *place = key;
        }
        name
    }
}

fn place(name: u64) -> usize {
    usize::try_from(name % FRAMES as u64).unwrap_or(0)
}

/// What frames are looked up by: the end of the seal's tag, and the length.
fn key(frame: &[u8]) -> u64 {
    let tag = frame.last_chunk().map_or(0, |tag| u64::from_be_bytes(*tag));
    tag ^ (frame.len() as u64)
}

/// Whether two frames are the same but for what cards write into the 802.11 header.
fn are_copies(a: &[u8], b: &[u8]) -> bool {
    match (a.split_first_chunk::<{ Dot11::LEN }>(), b.split_first_chunk::<{ Dot11::LEN }>()) {
        (Some((head, body)), Some((other_head, other_body))) => {
            masked(head) == masked(other_head) && body == other_body
        }
        _ => a == b,
    }
}

/// The header without flags, duration and sequence control (IEEE 802.11-2020 9.2.4).
fn masked(header: &[u8; Dot11::LEN]) -> [u8; Dot11::LEN] {
    let mut masked = *header;
    let [_, flags, duration0, duration1, .., sequence0, sequence1] = &mut masked;
    for byte in [flags, duration0, duration1, sequence0, sequence1] {
        *byte = 0;
    }
    masked
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use super::*;

    fn frame(marker: u8) -> Vec<u8> {
        let mut frame = vec![7; 100];
        frame[50] = marker;
        frame
    }

    #[test]
    fn only_what_is_the_same_but_for_the_cards_own_fields_is_a_copy() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        let name = frames.admit(&frame(1), now);
        let mut copy = frame(1);
        for at in [1, 2, 3, 22, 23] {
            copy[at] ^= 0xff;
        }
        assert_eq!(frames.admit(&copy, now), name);
        for at in [0, 4, 21, 24, 50, 99] {
            let mut other = frame(1);
            other[at] ^= 1;
            assert_ne!(frames.admit(&other, now), name, "byte {at}");
        }
        assert_eq!(frames.admit(&frame(1), now), name);
    }

    #[test]
    fn what_is_sent_again_is_no_copy() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        let name = frames.admit(&frame(1), now);
        let late = now + COPIES_WITHIN - Duration::from_millis(1);
        assert_eq!(frames.admit(&frame(1), late), name);
        let again = frames.admit(&frame(1), now + COPIES_WITHIN);
        assert_ne!(again, name);
        assert_eq!(frames.admit(&frame(1), now + COPIES_WITHIN), again, "and another card hears that as well");
    }

    #[test]
    fn forged_frames_of_the_same_tag_cost_copies_not_frames() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        let names: Vec<u64> = (0..8).map(|marker| frames.admit(&frame(marker), now)).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert_ne!(frames.admit(&frame(7), now), names[7], "is kept again: it was not looked for so far");
    }

    #[test]
    fn the_oldest_gives_way() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        let first = frames.admit(&frame(0), now);
        let numbered = |n: u32| [&frame(1)[..], &n.to_be_bytes()].concat();
        (0..1024).for_each(|n| assert_ne!(frames.admit(&numbered(n), now), first));
        assert!(frames.named(first).is_none());
        assert_eq!((frames.kept.len(), frames.keys.len()), (FRAMES, FRAMES));
        assert_eq!(frames.named(FRAMES as u64).unwrap().bytes, numbered(1023));
    }
}
