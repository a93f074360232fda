//! Two decoders: one shows what is newest, damaged or not; the other makes good in idle moments what damage has spoilt.
//!
//! ```text
//! in its turn ──▸ log since the keyframe ──▸ back (whole units only, when nothing waits)
//!        └────────────────┐                     ╎ has caught up: the two change places
//! early ──────────────────┴──▸ front ──▸ pictures
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use openh264::Error;

use crate::decoder::{Decoder, DecoderStats};
use crate::picture::Picture;
use crate::trust::Quality;
use crate::unit::Unit;

/// Units kept since the last keyframe: five seconds at 60 a second. A stream with fewer keyframes is healed by the next.
const MAX_LOG_UNITS: usize = 300;
/// Bytes kept since the last keyframe: four seconds at 16 Mbit/s.
const MAX_LOG_BYTES: usize = 8 << 20;
/// Units after the last early one for which the back decoder keeps up, so that the next damage is healed at once: two
/// seconds at 60 a second. Where damage is rarer than that, it costs nothing in between.
const WATCHFUL_UNITS: u32 = 120;
/// With so few units to make good, the next picture waits for them and is whole: 20 ms at 720p.
const SHORT_WAY: usize = 8;

/// Decodes one stream from session to session, and heals what is shown early.
///
/// **Decode what waits first; [`replay`](Self::replay) while [`has_work`](Self::has_work) and nothing waits.**
#[derive(Debug)]
pub struct Healing {
    /// Takes what is newest, and shows it.
    front: Decoder,
    /// Takes the log. Made when first needed.
    back: Option<Decoder>,
    log: Log,
    /// Units of the log that the back decoder has taken.
    replayed: usize,
    /// Whether the front decoder has taken an early unit that no keyframe and no healing has made good.
    is_damaged: bool,
    /// The last datagram of the newest early unit, until that unit has come in its turn.
    shown_to: Option<u32>,
    watchful: u32,
    stats: HealingStats,
}

/// What became of damage since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealingStats {
    /// What both decoders did.
    pub decoder: DecoderStats,
    /// Units decoded before their turn, with something missing before them or in them.
    pub early: u64,
    /// How often pictures were made good before the next keyframe did.
    pub healed: u64,
    /// Units decoded a second time for that.
    pub replayed: u64,
}

/// The units since the last keyframe, as long as none is missing or damaged.
#[derive(Debug, Default)]
struct Log {
    units: VecDeque<Arc<Unit>>,
    bytes: usize,
    last: Option<(u32, u64)>,
}

impl Healing {
    /// A decoder that waits for a keyframe or a recovery point.
    ///
    /// # Errors
    /// openh264 cannot be started: out of memory.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            front: Decoder::new()?,
            back: None,
            log: Log::default(),
            replayed: 0,
            is_damaged: false,
            shown_to: None,
            watchful: 0,
            stats: HealingStats::default(),
        })
    }

    /// Takes the next unit, early or in its turn; pictures to show go to `take`. A unit that was shown early gives none
    /// in its turn.
    ///
    /// # Errors
    /// openh264 cannot be started anew: out of memory.
    pub fn decode(&mut self, unit: &Arc<Unit>, take: impl FnMut(Picture)) -> Result<(), Error> {
        if unit.early {
            return self.decode_early(unit, take);
        }
        if self.log.session() != Some(unit.session) {
            (self.is_damaged, self.shown_to, self.watchful) = (false, None, 0);
        }
        if self.log.push(unit) == Logged::Anew {
            self.replayed = 0;
        }
        self.watchful = self.watchful.saturating_sub(1);
        if self.was_shown(unit) {
            return Ok(());
        }
        if unit.complete && unit.access_unit.keyframe {
            self.is_damaged = false;
        }
        if self.is_damaged && self.log.units.len() <= self.replayed + 1 + SHORT_WAY {
            while self.replayed + 1 < self.log.units.len() {
                self.replay_next()?;
            }
            self.change_places_before(unit);
        }
        self.front.decode(unit, take)
    }

    /// Whether the back decoder has units to make good.
    pub fn has_work(&self) -> bool {
        self.watchful > 0 && self.replayed < self.log.units.len()
    }

    /// Makes one unit good, if there is one.
    ///
    /// # Errors
    /// openh264 cannot be started: out of memory.
    pub fn replay(&mut self) -> Result<(), Error> {
        if !self.has_work() {
            return Ok(());
        }
        self.replay_next()?;
        if self.is_damaged && self.shown_to.is_none() && self.replayed == self.log.units.len() {
            self.change_places();
        }
        Ok(())
    }

    /// What became of damage so far.
    pub fn stats(&self) -> HealingStats {
        let back = self.back.as_ref().map(Decoder::stats).unwrap_or_default();
        HealingStats { decoder: self.front.stats() + back, ..self.stats }
    }

    fn decode_early(&mut self, unit: &Unit, take: impl FnMut(Picture)) -> Result<(), Error> {
        if self.log.session() != Some(unit.session) {
            return Ok(());
        }
        self.stats.early += 1;
        self.is_damaged = true;
        self.shown_to = Some(unit.last_esi);
        self.watchful = WATCHFUL_UNITS;
        self.front.decode(unit, take)
    }

    /// Whether this unit, or a newer one, was shown early.
    fn was_shown(&mut self, unit: &Unit) -> bool {
        let Some(shown_to) = self.shown_to else { return false };
        // The early one may have lacked its end, but never ends behind the whole one.
        let ahead = unit.last_esi.wrapping_sub(shown_to);
        if ahead < u32::MAX / 2 {
            self.shown_to = None;
        }
        true
    }

    fn replay_next(&mut self) -> Result<(), Error> {
        let Some(unit) = self.log.units.get(self.replayed) else { return Ok(()) };
        let back = match &mut self.back {
            Some(back) => back,
            none => none.insert(Decoder::new()?),
        };
        let mut is_good = true;
        back.decode(unit, |picture| is_good &= picture.quality == Quality::Good)?;
        self.replayed += 1;
        self.stats.replayed += 1;
        if !is_good {
            self.log.clear();
            self.replayed = 0;
        }
        Ok(())
    }

    /// The back decoder has taken all before this unit, the newest in the log, which the front decoder is to take.
    fn change_places_before(&mut self, unit: &Arc<Unit>) {
        if self.log.units.back().is_some_and(|newest| Arc::ptr_eq(newest, unit)) {
            self.change_places();
        }
    }

    /// The back decoder is where the stream is, and everything it took was whole.
    fn change_places(&mut self) {
        if let Some(back) = &mut self.back {
            std::mem::swap(&mut self.front, back);
            self.is_damaged = false;
            self.replayed = 0;
            self.stats.healed += 1;
        }
    }
}

/// What the log made of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logged {
    /// It goes on.
    On,
    /// It begins with this unit, or waits for a keyframe.
    Anew,
}

impl Log {
    fn session(&self) -> Option<u32> {
        self.last.map(|(session, _)| session)
    }

    fn push(&mut self, unit: &Arc<Unit>) -> Logged {
        let follows = self.last == Some((unit.session, unit.number.wrapping_sub(1))) && !unit.gap_before;
        self.last = Some((unit.session, unit.number));
        let begins = unit.complete && unit.access_unit.keyframe;
        let has_room = self.units.len() < MAX_LOG_UNITS && self.bytes < MAX_LOG_BYTES;
        let goes_on = unit.complete && follows && has_room && !self.units.is_empty() && !begins;
        if !goes_on {
            self.clear();
        }
        if goes_on || begins {
            self.bytes += unit.access_unit.bytes.len();
            self.units.push_back(Arc::clone(unit));
        }
        if goes_on { Logged::On } else { Logged::Anew }
    }

    fn clear(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests;
