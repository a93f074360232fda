//! The viewer's half of one relay: messages in, frames as that relay's cards captured them out.

mod run;
mod signal;

use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wire::radiotap::RxHeader;

use run::{Run, Turn};

use super::bucket::Bucket;
use super::message::{Entries, Entry, Message};
use super::{RelayedLink, ViewerId};

/// Cards of a relay; what comes from more is counted and dropped.
pub const MAX_RELAY_CARDS: u8 = 8;
/// Frames a second, copies and words counted like whole ones: two cards at 100 Mbit/s, or eight at 30.
pub const MAX_FRAMES_PER_S: u32 = 20_000;

/// Frames at once: what a network that stalled for 200 ms hands on.
const FRAMES_BURST: u32 = 4_000;
/// A run that is silent for this long gives its place to another; as long as it is not, strangers that talk in the
/// same relay's name share the other place.
const RUN_SILENCE: Duration = Duration::from_millis(300);
/// An age nobody can have: frames are held for milliseconds.
const MAX_AGE: Duration = Duration::from_secs(1);
/// A round trip longer than this is a lie.
const MAX_ROUND_TRIP_US: u64 = 10_000_000;
const FCS_BYTES: usize = 4;
/// Room for the header that says nothing of the signal.
const MAX_BARE_BYTES: usize = 64;

/// What came from one relay, since it was first heard of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StationStats {
    /// Messages that came.
    pub messages: u64,
    /// Their bytes.
    pub message_bytes: u64,
    /// Messages that did not come, as the others' numbers show.
    pub messages_lost: u64,
    /// Runs of the relay; above 1 it was restarted, or somebody talks in its name.
    pub runs: u64,
    /// Frames that came whole.
    pub frames: u64,
    /// Frames that came as another card's copy.
    pub copies: u64,
    /// Frames told of only, because they were known here.
    pub known: u64,
    /// Messages, and parts of messages, that cannot be.
    pub malformed: u64,
    /// Messages that had come before.
    pub replayed: u64,
    /// Frames of no link, or of another.
    pub foreign: u64,
    /// Frames beyond [`MAX_FRAMES_PER_S`].
    pub flooded: u64,
    /// Frames of cards beyond [`MAX_RELAY_CARDS`].
    pub too_many_cards: u64,
    /// Copies of frames that are not here.
    pub orphaned: u64,
    /// Frames whose signal cannot be: it is not believed.
    pub implausible: u64,
}

/// What a relay's card captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relayed<'a> {
    /// Which of the relay's cards.
    pub card: u8,
    /// From its capture to the message's making, as the relay says, at most 1 s.
    pub age: Duration,
    /// The frame, radiotap header first; only its headers if it is not `whole`.
    pub frame: &'a [u8],
    /// Whether all of it is there: for [`Receiver::handle_frame`](crate::Receiver::handle_frame), else for
    /// [`Receiver::handle_heard`](crate::Receiver::handle_heard).
    pub whole: bool,
}

/// One relay, as a viewer sees it.
///
/// **After every `handle_message`, call `poll_relayed` until it returns `None`.** What is not polled is dropped. Keeps
/// at most 512 frames.
#[derive(Debug)]
pub struct Station {
    link: RelayedLink,
    viewer: ViewerId,
    /// The run that is listened to first, and one that may take its place.
    runs: [Option<Run>; 2],
    bucket: Bucket,
    message: Vec<u8>,
    read_bytes: usize,
    run: usize,
    frame: Vec<u8>,
    round_trip_us: Option<u64>,
    stats: StationStats,
}

/// What became of an entry.
enum Taken {
    /// It is in the station's frame, with this card and age.
    Relayed {
        card: u8,
        age_us: u32,
        whole: bool,
    },
    Dropped,
}

impl Station {
    /// A relay of this link that was not heard before.
    #[must_use]
    pub fn new(link: RelayedLink, viewer: ViewerId, now: Instant) -> Self {
        Self {
            link,
            viewer,
            runs: [None, None],
            bucket: Bucket::new(MAX_FRAMES_PER_S, FRAMES_BURST, now),
            message: Vec::new(),
            read_bytes: 0,
            run: 0,
            frame: Vec::with_capacity(MAX_FRAME_BYTES),
            round_trip_us: None,
            stats: StationStats::default(),
        }
    }

    /// Takes a message; returns whether it is one, and did not come before.
    pub fn handle_message(&mut self, message: &[u8], now: Instant) -> bool {
        self.stats.messages += 1;
        self.stats.message_bytes += message.len() as u64;
        self.message.clear();
        let Ok((head, entries)) = Message::parse(message) else {
            self.stats.malformed += 1;
            return false;
        };
        self.run = self.place_of(&head, now);
        let Some(Some(run)) = self.runs.get_mut(self.run) else { return false };
        match run.note(head.sequence, now) {
            Turn::Newest { missing } => self.stats.messages_lost += u64::from(missing),
            Turn::Reordered => self.stats.messages_lost = self.stats.messages_lost.saturating_sub(1),
            Turn::Replayed => {
                self.stats.replayed += 1;
                return false;
            }
        }
        self.message.extend_from_slice(entries.rest());
        self.read_bytes = 0;
        true
    }

    /// The next frame of the message; `stamp_us` is what a report made at this moment would say.
    pub fn poll_relayed(&mut self, stamp_us: u64, now: Instant) -> Option<Relayed<'_>> {
        let message = std::mem::take(&mut self.message);
        let mut entries = Entries::new(message.get(self.read_bytes..).unwrap_or_default());
        let taken = loop {
            match entries.next() {
                None => break None,
                Some(Err(_)) => self.stats.malformed += 1,
                Some(Ok(entry)) => {
                    if let Taken::Relayed { card, age_us, whole } = self.take(&entry, stamp_us, now) {
                        break Some((card, age_us, whole));
                    }
                }
            }
        };
        self.read_bytes = message.len() - entries.rest().len();
        self.message = message;
        let (card, age_us, whole) = taken?;
        let age = Duration::from_micros(u64::from(age_us)).min(MAX_AGE);
        Some(Relayed { card, age, frame: &self.frame, whole })
    }

    /// There and back, in µs, once it has answered a report.
    #[must_use]
    pub const fn round_trip_us(&self) -> Option<u64> {
        self.round_trip_us
    }

    /// Everything that was counted.
    #[must_use]
    pub const fn stats(&self) -> StationStats {
        self.stats
    }

    /// The place of a message's run. A run that is not known takes the second place, and the first when that is silent.
    fn place_of(&mut self, head: &Message, now: Instant) -> usize {
        if let Some(place) = self.runs.iter().position(|run| run.as_ref().is_some_and(|run| run.id == head.run)) {
            return place;
        }
        self.stats.runs += 1;
        let [first, second] = &mut self.runs;
        let run = Some(Run::new(head.run, head.sequence, now));
        if first.as_ref().is_none_or(|run| now.saturating_duration_since(run.heard) >= RUN_SILENCE) {
            *first = run;
            return 0;
        }
        *second = run;
        1
    }

    fn take(&mut self, entry: &Entry<'_>, stamp_us: u64, now: Instant) -> Taken {
        let (card, age_us) = match *entry {
            Entry::Frame { card, age_us, .. }
            | Entry::Copy { card, age_us, .. }
            | Entry::Heard { card, age_us, .. } => (card, age_us),
            Entry::Echo { viewer, stamp_us: stamp, held_us } => {
                if viewer == self.viewer {
                    self.take_echo(stamp, held_us, stamp_us);
                }
                return Taken::Dropped;
            }
        };
        if !self.bucket.take(now) {
            self.stats.flooded += 1;
        } else if card >= MAX_RELAY_CARDS {
            self.stats.too_many_cards += 1;
        } else if self.assemble(entry) {
            return Taken::Relayed { card, age_us, whole: !matches!(entry, Entry::Heard { .. }) };
        }
        Taken::Dropped
    }

    /// Puts what a card captured into `frame`; false if it cannot be.
    fn assemble(&mut self, entry: &Entry<'_>) -> bool {
        self.frame.clear();
        let assembled = match *entry {
            // A relay tells of packets by their names, where they have one.
            Entry::Heard { .. } if !self.link.names_packets() => None,
            Entry::Frame { bytes, .. } | Entry::Heard { head: bytes, .. } => {
                self.frame.extend_from_slice(bytes);
                RxHeader::parse(&self.frame).ok()
            }
            Entry::Copy { number, radiotap, .. } => {
                let run = self.runs.get(self.run).and_then(Option::as_ref);
                let Some(frame) = run.and_then(|run| run.frame(number)) else {
                    self.stats.orphaned += 1;
                    return false;
                };
                put_together(&mut self.frame, radiotap, frame)
            }
            Entry::Echo { .. } => None,
        };
        let Some((header, dot11)) = assembled else {
            self.stats.malformed += 1;
            return false;
        };
        if !self.link.has(dot11) {
            self.stats.foreign += 1;
            return false;
        }
        match *entry {
            Entry::Frame { number, .. } => {
                self.stats.frames += 1;
                if let Some(Some(run)) = self.runs.get_mut(self.run) {
                    run.keep(number, dot11);
                }
            }
            Entry::Copy { .. } => self.stats.copies += 1,
            Entry::Heard { .. } => self.stats.known += 1,
            Entry::Echo { .. } => {}
        }
        if !signal::is_plausible(&header) {
            self.stats.implausible += 1;
            let dot11 = dot11.to_vec();
            self.frame.clear();
            emit_bare(&header, &dot11, &mut self.frame);
        }
        true
    }

    fn take_echo(&mut self, stamp_us: u64, held_us: u32, now_us: u64) {
        let Some(round_trip_us) = now_us.checked_sub(stamp_us).and_then(|us| us.checked_sub(u64::from(held_us))) else {
            return;
        };
        if round_trip_us <= MAX_ROUND_TRIP_US {
            let before = self.round_trip_us.unwrap_or(round_trip_us);
            self.round_trip_us = Some((7 * before + round_trip_us) / 8);
        }
    }
}

/// Makes a whole frame of one card's radiotap header and another's frame; `None` if that is no such header.
fn put_together<'a>(out: &'a mut Vec<u8>, radiotap: &[u8], dot11: &[u8]) -> Option<(RxHeader, &'a [u8])> {
    out.extend_from_slice(radiotap);
    out.extend_from_slice(dot11);
    // Where the header says that an FCS follows, one must; nobody reads it.
    out.extend_from_slice(&[0; FCS_BYTES]);
    let (header, _) = RxHeader::parse(out).ok()?;
    if !header.has_fcs {
        out.truncate(out.len().saturating_sub(FCS_BYTES));
    }
    let fits = out.len() <= MAX_FRAME_BYTES;
    RxHeader::parse(out).ok().filter(|(_, found)| fits && found.len() == dot11.len())
}

/// Writes a frame whose header says nothing of the signal.
fn emit_bare(header: &RxHeader, dot11: &[u8], out: &mut Vec<u8>) {
    out.resize(MAX_BARE_BYTES, 0);
    let written = signal::without_signal(header).emit(out).unwrap_or(0);
    out.truncate(written);
    out.extend_from_slice(dot11);
}

#[cfg(test)]
mod tests;
