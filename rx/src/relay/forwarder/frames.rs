//! The frames a relay heard last: what is held is here, and what another card's copy may repeat.

use skylark_common::wire::dot11::Dot11;

/// Frames kept: those of a hold at 40 000 a second. At most 4 MiB.
const FRAMES: usize = 1024;
/// Frames of the same key that are compared byte by byte; a forger could make all have the same.
const MAX_COMPARED: usize = 4;

/// The newest frames, each from its 802.11 header to before its FCS.
#[derive(Debug, Default)]
pub(super) struct Frames {
    keys: Vec<u64>,
    kept: Vec<Kept>,
    /// Frames ever kept: the place of the next one is this modulo [`FRAMES`].
    next: u64,
}

/// A frame in its place.
#[derive(Debug, Default)]
pub(super) struct Kept {
    name: u64,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The number it was forwarded under.
    pub(super) number: Option<u32>,
}

impl Frames {
    /// The name of this frame, which is kept if no frame like it is here.
    pub(super) fn admit(&mut self, frame: &[u8]) -> u64 {
        let key = key(frame);
        let alike = self.keys.iter().zip(&self.kept).filter(|(other, _)| **other == key).take(MAX_COMPARED);
        if let Some((_, kept)) = alike.into_iter().find(|(_, kept)| are_copies(&kept.bytes, frame)) {
            return kept.name;
        }
        self.keep(key, frame)
    }

    /// The frame of this name, if it has not given way.
    pub(super) fn named(&mut self, name: u64) -> Option<&mut Kept> {
        let kept = self.kept.get_mut(place(name));
        kept.filter(|kept| kept.name == name)
    }

    fn keep(&mut self, key: u64, frame: &[u8]) -> u64 {
        let name = self.next;
        self.next += 1;
        if self.kept.len() < FRAMES {
            self.kept.push(Kept::default());
            self.keys.push(0);
        }
        if let (Some(kept), Some(place)) = (self.kept.get_mut(place(name)), self.keys.get_mut(place(name))) {
            (kept.name, kept.number) = (name, None);
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
    use super::*;

    fn frame(marker: u8) -> Vec<u8> {
        let mut frame = vec![7; 100];
        frame[50] = marker;
        frame
    }

    #[test]
    fn only_what_is_the_same_but_for_the_cards_own_fields_is_a_copy() {
        let mut frames = Frames::default();
        let name = frames.admit(&frame(1));
        let mut copy = frame(1);
        for at in [1, 2, 3, 22, 23] {
            copy[at] ^= 0xff;
        }
        assert_eq!(frames.admit(&copy), name);
        for at in [0, 4, 21, 24, 50, 99] {
            let mut other = frame(1);
            other[at] ^= 1;
            assert_ne!(frames.admit(&other), name, "byte {at}");
        }
        assert_eq!(frames.admit(&frame(1)), name);
    }

    #[test]
    fn forged_frames_of_the_same_tag_cost_copies_not_frames() {
        let mut frames = Frames::default();
        let names: Vec<u64> = (0..8).map(|marker| frames.admit(&frame(marker))).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert_ne!(frames.admit(&frame(7)), names[7], "is kept again: it was not looked for so far");
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut frames = Frames::default();
        let first = frames.admit(&frame(0));
        let numbered = |n: u32| [&frame(1)[..], &n.to_be_bytes()].concat();
        (0..1024).for_each(|n| assert_ne!(frames.admit(&numbered(n)), first));
        assert!(frames.named(first).is_none());
        assert_eq!((frames.kept.len(), frames.keys.len()), (FRAMES, FRAMES));
        assert_eq!(frames.named(FRAMES as u64).unwrap().bytes, numbered(1023));
    }
}
