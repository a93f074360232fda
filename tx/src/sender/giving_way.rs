//! What the sender does when the air carries less than it is given: it learns so, and drops what comes too late.

use std::time::{Duration, Instant};

use super::dialect::Dialect;
use super::queue::{Queued, Role, Unit};
use super::units::Units;
use super::{Keyframes, Sender, SenderConfig};

/// What is queued may be expected to take so much of the time a unit may wait: what gives way when another is queued, no
/// repair of that covers, and receivers do not wait for it.
const QUEUED_PERCENT: u32 = 70;

/// The frame that left last, while others waited behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) airtime: Duration,
    pub(super) at: Instant,
    /// Whether the air was too busy for the next one meanwhile.
    pub(super) air_was_busy: bool,
}

/// Why a unit is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Disposable,
    Overflow,
    Late,
    Useless,
}

impl SenderConfig {
    /// What waits is to leave within this.
    pub(super) fn longest_wait(&self) -> Duration {
        self.patience * QUEUED_PERCENT / 100
    }
}

impl<D: Dialect> Sender<D> {
    /// Learns from the time since the last frame left what the air takes; only the air's own time counts.
    pub(super) fn measure(&mut self, now: Instant) {
        let rate = &mut self.rate;
        match self.left.take() {
            Some(Left { airtime, at, air_was_busy: true }) => {
                rate.left(airtime, now.saturating_duration_since(at).max(airtime));
            }
            Some(Left { airtime, .. }) => rate.left(airtime, airtime),
            None => rate.idle(),
        }
    }

    /// Latency stays bounded where the air carries less than the encoder makes; the module `queue` says in which order.
    pub(super) fn bound_queue(&mut self, now: Instant) {
        let longest = self.config.longest_wait();
        while let wait = self.rate.expected(self.queue.airtime())
            && wait > longest
        {
            if self.dialect.repairs_give_way(&mut self.queue, now + wait) {
                continue;
            }
            let disposable = self.queue.oldest_disposable().map(|unit| (unit, Reason::Disposable));
            let oldest = || self.queue.oldest().map(|unit| (unit, Reason::Overflow));
            let Some((unit, reason)) = disposable.or_else(oldest) else { return };
            self.drop_unit(unit, reason);
        }
    }

    /// How long what waits is expected to take.
    pub(super) fn expected_wait(&self) -> Duration {
        self.rate.expected(self.dialect.with_repairs(self.queue.airtime()))
    }

    pub(super) fn drop_late(&mut self, now: Instant) {
        let Some(then) = now.checked_sub(self.config.patience) else { return };
        let as_they_come = self.config.keyframes == Keyframes::AsTheyCome;
        if self.keyframes_are_late && !as_they_come {
            return;
        }
        let is_cut = |unit: &Unit| !(unit.keyframe && (as_they_come || unit.replaces_dropped));
        while let Some(unit) = self.queue.queued_before(then).filter(is_cut) {
            if self.queue.has_source_packets(unit) {
                self.drop_unit(unit, Reason::Late);
            } else {
                self.queue.drop_next_repair();
            }
        }
    }

    /// Learns from the last packet of a keyframe whether another would leave in time.
    pub(super) fn time_keyframe(&mut self, queued: &Queued, now: Instant) {
        let Queued { unit, role, due, .. } = *queued;
        if unit.keyframe && role == Role::Source && !self.queue.has_source_packets(unit) {
            self.keyframes_are_late = now.saturating_duration_since(due) > self.config.patience;
        }
    }

    fn drop_unit(&mut self, unit: Unit, reason: Reason) {
        self.queue.drop_unit(unit);
        if let Some(at) = self.stream_of(unit) {
            let is_under_way = self.streams.get(at).is_some_and(|units| units.is_under_way(unit));
            self.dialect.forget(at, unit, is_under_way);
        }
        self.stats.units_dropped += 1;
        match reason {
            Reason::Disposable => self.stats.dropped_disposable += 1,
            Reason::Late => self.stats.dropped_late += 1,
            Reason::Useless => self.stats.dropped_useless += 1,
            Reason::Overflow => {}
        }
        if matches!(reason, Reason::Late | Reason::Overflow) {
            self.wish_for_keyframe(unit);
        }
    }

    /// Where a keyframe comes when asked for, what refers to a unit that was dropped is not worth its airtime.
    fn wish_for_keyframe(&mut self, unit: Unit) {
        let Some(at) = self.stream_of(unit) else { return };
        let is_vain = self.streams.get_mut(at).is_none_or(|units| units.wish().is_vain());
        if self.config.keyframes == Keyframes::AsTheyCome || is_vain {
            return;
        }
        while let Some(following) = self.queue.following(unit) {
            self.drop_unit(following, Reason::Useless);
        }
        if !self.queue.has_keyframe_behind(unit) && self.streams.get_mut(at).is_some_and(Units::wish_for_keyframe) {
            self.dialect.abandon(at);
        }
    }

    fn stream_of(&self, unit: Unit) -> Option<usize> {
        self.streams.iter().position(|units| units.stream() == unit.stream)
    }
}

#[cfg(test)]
mod tests;
