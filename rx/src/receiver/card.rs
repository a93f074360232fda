//! What one card is worth: its counts, its signal, its delay.

use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::RxHeader;

use super::heard::bit;
use super::meter::{Measured, Meter};
use crate::stats::{CardStats, FrameStats};

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Foreign,
    Truncated,
    BadFcs,
    UnknownVersion,
    Waiting,
    Unannounced,
    Forged,
    Replayed,
    Duplicate,
    Late,
    Used,
}

#[derive(Debug, Default)]
pub(super) struct Card {
    stats: CardStats,
    meter: Meter,
}

impl Card {
    /// A frame of so many bytes was captured, and this became of it.
    pub(super) fn captured(&mut self, outcome: Outcome, bytes: usize) {
        self.stats.frames.captured += 1;
        if !matches!(outcome, Outcome::Foreign | Outcome::BadFcs) {
            self.stats.frames.own_bytes += bytes as u64;
        }
        self.count(outcome);
    }

    /// The frame was a session packet or an announce.
    pub(super) const fn session_packet(&mut self, outcome: Outcome) {
        let frames = &mut self.stats.frames;
        frames.session_packets += matches!(outcome, Outcome::Used | Outcome::Duplicate) as u64;
        frames.session_repeats += matches!(outcome, Outcome::Duplicate) as u64;
    }

    /// It is known what became of a frame, of one that waited as well.
    pub(super) fn count(&mut self, outcome: Outcome) {
        let frames = &mut self.stats.frames;
        let counter = match outcome {
            Outcome::Foreign => &mut frames.foreign,
            Outcome::Truncated => &mut frames.truncated,
            Outcome::BadFcs => &mut frames.bad_fcs,
            Outcome::UnknownVersion => &mut frames.unknown_version,
            Outcome::Waiting => &mut frames.waiting,
            Outcome::Unannounced => &mut frames.unannounced,
            Outcome::Forged => &mut frames.forged,
            Outcome::Replayed => &mut frames.replayed,
            Outcome::Duplicate => &mut frames.duplicate,
            Outcome::Late => &mut frames.late,
            Outcome::Used => &mut frames.used,
        };
        *counter += 1;
    }

    /// A frame that waited waits no longer.
    pub(super) fn waited(&mut self) {
        let waiting = &mut self.stats.frames.waiting;
        *waiting = waiting.saturating_sub(1);
    }

    pub(super) fn damaged(&mut self) {
        self.stats.bad_fcs += 1;
    }

    /// It was the first card to bring a packet.
    pub(super) fn first(&mut self, info: &RxHeader, now: Instant) {
        self.stats.first += 1;
        self.heard(info, now);
    }

    /// It brought a packet another card had brought.
    pub(super) fn duplicate(&mut self, info: &RxHeader, now: Instant) {
        self.stats.duplicates += 1;
        self.heard(info, now);
    }

    /// It brought a packet so long after the first card.
    pub(super) fn behind(&mut self, time: Duration, now: Instant) {
        self.meter.behind(time, now);
    }

    /// A source packet has reached the cards in the set `heard` and will reach no others; `count` such in a row.
    pub(super) fn settled(&mut self, number: usize, heard: u64, count: u64) {
        let own = bit(number);
        self.stats.expected += count;
        match heard {
            0 => self.stats.lost += count,
            cards if cards & own == 0 => self.stats.missed += count,
            cards if cards == own => self.stats.unique += count,
            _ => {}
        }
    }

    /// What became of its frames.
    pub(super) const fn frames(&self) -> FrameStats {
        self.stats.frames
    }

    pub(super) fn stats(&self, now: Instant) -> CardStats {
        let second = self.meter.second(now);
        let (frequency_mhz, rate) = second.map(Measured::tuning).unwrap_or_default();
        CardStats {
            frequency_mhz,
            rate,
            signal_dbm: second.and_then(Measured::signal_dbm),
            snr_db: second.and_then(Measured::snr_db),
            antennas: second.map(Measured::antennas).unwrap_or_default(),
            behind: second.and_then(Measured::mean_behind),
            ..self.stats.clone()
        }
    }

    fn heard(&mut self, info: &RxHeader, now: Instant) {
        self.stats.heard += 1;
        self.stats.last_heard = Some(now);
        self.meter.heard(info, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_packet_is_missed_lost_unique_or_none_of_them() {
        let mut card = Card::default();
        for (heard, count) in [(0b01, 1), (0b10, 1), (0b11, 1), (0, 1000)] {
            card.settled(1, heard, count);
        }
        let CardStats { expected, missed, lost, unique, .. } = card.stats;
        assert_eq!((expected, missed, lost, unique), (1003, 1, 1000, 1));
    }
}
