//! The relay's half: what its cards hear goes to the viewers, at once or when it is missed.

mod frames;
mod viewers;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wire::packet::PacketHeader;
use skylark_common::wire::radiotap::RxHeader;

use frames::Frames;
use viewers::{MAX_ECHO_BYTES, Patience, Reported, Viewers, Wanted, micros};

use super::message::{Entry, MAX_ENTRY_BYTES, MAX_MESSAGE_BYTES, Message, RECENT_FRAMES};
use super::{RelayId, RelayedLink, Report};

/// How long a relay that is not prompt holds a frame: a packet reaches the viewer by a prompt relay (5 ms), is told
/// of in the next report (5 ms) and the report comes here (5 ms), with as much again for jitter. Far below the
/// receiver's latency budget of 150 ms, for this is what the loss of every prompt relay costs, once.
pub const HOLD: Duration = Duration::from_millis(25);

/// How long a word about a packet that every viewer knows waits for a message to go with: nobody waits for it, and
/// a message of its own costs more than the word.
const WORD_PATIENCE: Duration = Duration::from_millis(15);
/// Captures held or on their way out: those of a hold at 160 000 a second. Beyond, the oldest gives way.
const MAX_CAPTURES: usize = 4096;
/// Bit of the stream number that says ground to air: no viewer of a Skylark link needs that.
const UPWARD: u8 = 0x80;

/// What a forwarder is told once, at its start.
#[derive(Debug, Clone, Copy)]
pub struct ForwarderConfig {
    /// Which relay this is.
    pub id: RelayId,
    /// What to forward.
    pub link: RelayedLink,
    /// A random number of this start.
    pub run: u64,
}

/// What a forwarder counts, since the start. `captured` is the sum of `foreign`, `truncated`, `gave_way`,
/// `forwarded`, `copies`, `known` and `held`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ForwarderStats {
    /// Frames given to it.
    pub captured: u64,
    /// Not of this link, or from ground to air in it.
    pub foreign: u64,
    /// Shorter than their headers say, or longer than a frame can be.
    pub truncated: u64,
    /// Forwarded whole.
    pub forwarded: u64,
    /// Forwarded as another card's copy of one that was.
    pub copies: u64,
    /// Told of only, because every viewer knew the packet.
    pub known: u64,
    /// Given up because too many were held.
    pub gave_way: u64,
    /// Frames held at the moment.
    pub held: u64,
    /// Messages made.
    pub messages: u64,
    /// Their bytes.
    pub message_bytes: u64,
    /// Reports that came.
    pub reports: u64,
    /// Of those, the ones that could not be read.
    pub reports_malformed: u64,
    /// Of those, the ones not believed: they contradict others in the same name, or come from too many viewers.
    pub reports_contested: u64,
    /// Viewers present.
    pub viewers: u64,
    /// Whether frames are forwarded at once.
    pub prompt: bool,
}

/// The relay's state machine.
///
/// **After `handle_frame` for all that the cards have and `handle_report` for all that came, call `poll_message` until
/// it returns `None`, then wait no longer than `poll_timeout`.**
#[derive(Debug)]
pub struct Forwarder {
    config: ForwarderConfig,
    viewers: Viewers,
    frames: Frames,
    /// Captures that perhaps nobody needs, oldest first.
    held: VecDeque<Capture>,
    /// Captures to tell of in the next messages.
    ready: VecDeque<Capture>,
    /// Captures of what every viewer knew when their time was over, to be told of by the way.
    words: VecDeque<Capture>,
    free: Vec<Vec<u8>>,
    reported: bool,
    number: u32,
    sequence: u32,
    message: Vec<u8>,
    entry: Vec<u8>,
    stats: ForwarderStats,
}

/// A card heard a frame.
#[derive(Debug)]
struct Capture {
    /// Which, by its name among the frames kept.
    frame: u64,
    card: u8,
    at: Instant,
    radiotap: Vec<u8>,
    fcs: Option<[u8; 4]>,
    header: Option<PacketHeader>,
}

/// What is said of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Frame,
    Word,
}

impl Forwarder {
    /// A forwarder that has heard nothing.
    #[must_use]
    pub fn new(config: ForwarderConfig) -> Self {
        Self {
            config,
            viewers: Viewers::default(),
            frames: Frames::default(),
            held: VecDeque::new(),
            ready: VecDeque::new(),
            words: VecDeque::new(),
            free: Vec::new(),
            reported: false,
            number: 0,
            sequence: 0,
            message: Vec::with_capacity(MAX_MESSAGE_BYTES),
            entry: Vec::new(),
            stats: ForwarderStats::default(),
        }
    }

    /// Takes a frame as a card captured it, radiotap header first.
    pub fn handle_frame(&mut self, card: u8, frame: &[u8], now: Instant) {
        self.stats.captured += 1;
        let parsed = RxHeader::parse(frame).ok().filter(|_| frame.len() <= MAX_FRAME_BYTES);
        let Some((info, dot11)) = parsed else {
            self.stats.truncated += 1;
            return;
        };
        let header = self.config.link.packet_name(dot11);
        let upward = header.is_some_and(|header| header.stream & UPWARD != 0);
        if !self.config.link.has(dot11) || upward {
            self.stats.foreign += 1;
            return;
        }
        let fcs = if info.has_fcs { frame.last_chunk().copied() } else { None };
        let tail_bytes = dot11.len() + fcs.map_or(0, |fcs| fcs.len());
        let radiotap = self.copy(frame.split_at(frame.len().saturating_sub(tail_bytes)).0);
        let frame = self.frames.admit(dot11, now);
        let capture = Capture { frame, card, at: now, radiotap, fcs, header };
        self.make_room();
        match header.map_or(Wanted::AtOnce, |header| self.viewers.wanted(&header, now)) {
            Wanted::AtOnce => self.ready.push_back(capture),
            Wanted::Perhaps | Wanted::ByNobody => self.held.push_back(capture),
        }
    }

    /// Takes a viewer's report.
    pub fn handle_report(&mut self, report: &[u8], now: Instant) {
        self.stats.reports += 1;
        let Ok(report) = Report::parse(report) else {
            self.stats.reports_malformed += 1;
            return;
        };
        self.reported = true;
        match self.viewers.handle_report(report, self.config.id, now) {
            Reported::Believed => {}
            Reported::Contested => self.stats.reports_contested += 1,
        }
    }

    /// The next message to all viewers, if there is something to say.
    pub fn poll_message(&mut self, now: Instant) -> Option<&[u8]> {
        self.release(now);
        self.message.clear();
        Message { run: self.config.run, sequence: self.sequence }.emit(&mut self.message);
        let empty = self.message.len();
        self.tell_all(now);
        let patience = if self.message.len() > empty { Patience::Along } else { Patience::Alone };
        self.viewers.echo(now, patience, &mut self.message);
        if self.message.len() == empty {
            return None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.stats.messages += 1;
        self.stats.message_bytes += self.message.len() as u64;
        Some(&self.message)
    }

    /// When to call `poll_message` if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ready = self.ready.front().map(|capture| capture.at);
        let held = self.held.front().map(|capture| capture.at + HOLD);
        let word = self.words.front().map(|capture| capture.at + HOLD + WORD_PATIENCE);
        [ready, held, word, self.viewers.poll_timeout()].into_iter().flatten().min()
    }

    /// Everything that was counted.
    #[must_use]
    pub fn stats(&self, now: Instant) -> ForwarderStats {
        ForwarderStats {
            held: self.waiting() as u64,
            viewers: self.viewers.len() as u64,
            prompt: !self.config.link.names_packets() || self.viewers.want_prompt(now),
            ..self.stats
        }
    }

    /// Lets go what somebody misses, and what was held long enough.
    fn release(&mut self, now: Instant) {
        self.viewers.forget_silent(now);
        if std::mem::take(&mut self.reported) || self.viewers.len() == 0 {
            for _ in 0..self.held.len() {
                let Some(capture) = self.held.pop_front() else { break };
                let wanted = capture.header.map(|header| self.viewers.wanted(&header, now));
                let queue = if wanted == Some(Wanted::AtOnce) { &mut self.ready } else { &mut self.held };
                queue.push_back(capture);
            }
        }
        while let Some(capture) = self.held.pop_front_if(|capture| capture.at + HOLD <= now) {
            let wanted = capture.header.map(|header| self.viewers.wanted(&header, now));
            let queue = if wanted == Some(Wanted::ByNobody) { &mut self.words } else { &mut self.ready };
            queue.push_back(capture);
        }
    }

    /// Tells of as much as a message holds; of words only with something else, or when they waited long enough.
    fn tell_all(&mut self, now: Instant) {
        let waited = |word: &Capture| word.at + HOLD + WORD_PATIENCE <= now;
        let with_words = !self.ready.is_empty() || self.words.front().is_some_and(waited);
        while self.message.len() + MAX_ENTRY_BYTES + MAX_ECHO_BYTES <= MAX_MESSAGE_BYTES {
            let (capture, telling) = match self.ready.pop_front() {
                Some(capture) => (capture, Telling::Frame),
                None => match self.words.pop_front_if(|_| with_words) {
                    Some(capture) => (capture, Telling::Word),
                    None => return,
                },
            };
            self.tell(&capture, telling, now);
            self.recycle(capture);
        }
    }

    /// Writes what a capture is to the viewers: a frame, a copy of one, or a word.
    fn tell(&mut self, capture: &Capture, telling: Telling, now: Instant) {
        let (card, age_us) = (capture.card, micros(now.saturating_duration_since(capture.at)));
        let Some(kept) = self.frames.named(capture.frame) else {
            self.stats.gave_way += 1;
            return;
        };
        let radiotap = &capture.radiotap[..];
        let repeats = kept.number.filter(|number| self.number.wrapping_sub(*number) <= RECENT_FRAMES);
        self.entry.clear();
        let (entry, counter) = if telling == Telling::Word {
            self.entry.extend_from_slice(radiotap);
            self.entry.extend_from_slice(kept.bytes.get(..PacketHeader::LEN).unwrap_or(&kept.bytes));
            self.entry.extend_from_slice(capture.fcs.as_ref().map_or(&[], |fcs| fcs));
            (Entry::Heard { card, age_us, head: &self.entry }, &mut self.stats.known)
        } else if let Some(number) = repeats {
            (Entry::Copy { card, age_us, number, radiotap }, &mut self.stats.copies)
        } else {
            let number = self.number;
            kept.number = Some(number);
            self.number = number.wrapping_add(1);
            self.entry.extend_from_slice(radiotap);
            self.entry.extend_from_slice(&kept.bytes);
            self.entry.extend_from_slice(capture.fcs.as_ref().map_or(&[], |fcs| fcs));
            (Entry::Frame { card, age_us, number, bytes: &self.entry }, &mut self.stats.forwarded)
        };
        let told = entry.emit(&mut self.message).is_ok();
        *(if told { counter } else { &mut self.stats.gave_way }) += 1;
    }

    /// The oldest capture gives way if there are too many.
    fn make_room(&mut self) {
        if self.waiting() < MAX_CAPTURES {
            return;
        }
        let oldest = self.words.pop_front().or_else(|| self.held.pop_front()).or_else(|| self.ready.pop_front());
        if let Some(oldest) = oldest {
            self.stats.gave_way += 1;
            self.recycle(oldest);
        }
    }

    fn waiting(&self) -> usize {
        self.held.len() + self.ready.len() + self.words.len()
    }

    fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = self.free.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        copy
    }

    fn recycle(&mut self, capture: Capture) {
        if self.free.len() < MAX_CAPTURES {
            self.free.push(capture.radiotap);
        }
    }
}

#[cfg(test)]
mod tests;
