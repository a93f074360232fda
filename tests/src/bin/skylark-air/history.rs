//! The last half minute, for rates and sparklines.

use std::collections::VecDeque;
use std::time::Duration;

use skylark_common::air::sim::{ChannelStats, ReceiverStats};

/// Time between two snapshots.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Snapshots kept: 40 s, more than a sparkline of a usual terminal shows.
const SNAPSHOTS: usize = 160;

/// Snapshots in a rate: one second.
const RATE_TICKS: usize = 4;

/// All counters at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// Time since the start.
    pub(crate) at: Duration,
    pub(crate) channel: ChannelStats,
    pub(crate) receivers: Vec<ReceiverStats>,
    /// Frames nobody listened to, by receiver.
    pub(crate) unheard: Vec<u64>,
}

/// What went over the air in the last second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Rates {
    pub(crate) frames_per_s: f64,
    pub(crate) bits_per_s: f64,
    /// Share of the time the air was taken, 0 to 1.
    pub(crate) airtime_share: f64,
}

/// Snapshots, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Snapshot>);

impl History {
    pub(crate) fn push(&mut self, snapshot: Snapshot) {
        if self.0.len() >= SNAPSHOTS {
            self.0.pop_front();
        }
        self.0.push_back(snapshot);
    }

    /// The newest snapshot.
    pub(crate) fn latest(&self) -> Option<&Snapshot> {
        self.0.back()
    }

    pub(crate) fn rates(&self) -> Rates {
        let Some((before, latest)) = self.last_second() else { return Rates::default() };
        let seconds = (latest.at - before.at).as_secs_f64().max(1e-3);
        let frames = latest.channel.injected - before.channel.injected;
        let bytes = latest.channel.bytes - before.channel.bytes;
        let airtime = latest.channel.airtime - before.channel.airtime;
        Rates {
            frames_per_s: frames as f64 / seconds,
            bits_per_s: 8.0 * bytes as f64 / seconds,
            // Counted when a frame is taken, so that a queue that fills may exceed the second.
            airtime_share: (airtime.as_secs_f64() / seconds).min(1.0),
        }
    }

    /// Share of frames a receiver lost in the last second; `None` if there were none.
    pub(crate) fn loss(&self, receiver: usize) -> Option<f64> {
        let (before, latest) = self.last_second()?;
        loss_between(before, latest, receiver)
    }

    /// Whether nobody listened on a receiver's port in the last second.
    pub(crate) fn unheard(&self, receiver: usize) -> bool {
        let count = |snapshot: &Snapshot| snapshot.unheard.get(receiver).copied().unwrap_or(0);
        self.last_second().is_some_and(|(before, latest)| count(latest) > count(before))
    }

    /// A receiver's loss in percent in each tick, oldest first; nothing where no frame was on the air.
    pub(crate) fn losses_percent(&self, receiver: usize) -> Vec<Option<u64>> {
        let ticks = self.0.iter().zip(self.0.iter().skip(1));
        ticks.map(|(before, after)| loss_between(before, after, receiver).map(percent)).collect()
    }

    fn last_second(&self) -> Option<(&Snapshot, &Snapshot)> {
        let latest = self.0.back()?;
        let before = self.0.iter().rev().nth(RATE_TICKS).or(self.0.front())?;
        Some((before, latest))
    }
}

fn loss_between(before: &Snapshot, after: &Snapshot, receiver: usize) -> Option<f64> {
    let (before, after) = (before.receivers.get(receiver)?, after.receivers.get(receiver)?);
    let on_air = after.on_air - before.on_air;
    let heard = after.heard - before.heard;
    (on_air > 0).then(|| (on_air - heard) as f64 / on_air as f64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1")]
fn percent(share: f64) -> u64 {
    (share * 100.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(quarter: u32, frames: u64, heard: u64) -> Snapshot {
        let channel = ChannelStats {
            injected: frames,
            bytes: frames * 1000,
            airtime: Duration::from_millis(frames),
            ..ChannelStats::default()
        };
        let receiver = ReceiverStats { on_air: frames, heard, lost: frames - heard, ..ReceiverStats::default() };
        Snapshot { at: TICK * quarter, channel, receivers: vec![receiver], unheard: vec![frames - heard] }
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let mut history = History::default();
        assert_eq!((history.rates(), history.loss(0)), (Rates::default(), None));
        for (quarter, frames, heard) in [(0, 0, 0), (1, 10, 0), (2, 20, 10), (3, 30, 20), (4, 40, 30), (5, 510, 450)] {
            history.push(snapshot(quarter, frames, heard));
        }
        let rates = history.rates();
        assert_eq!((rates.frames_per_s, rates.bits_per_s, rates.airtime_share), (500.0, 4_000_000.0, 0.5));
        assert_eq!(history.loss(0), Some(0.1));
        assert!(history.unheard(0) && !history.unheard(1));
        let losses = [Some(100), Some(0), Some(0), Some(0), Some(11)];
        assert_eq!(history.losses_percent(0), losses);
    }

    #[test]
    fn a_tick_without_frames_has_no_loss() {
        let mut history = History::default();
        history.push(snapshot(0, 5, 5));
        history.push(snapshot(1, 5, 5));
        assert_eq!(history.losses_percent(0), [None]);
        assert_eq!(history.losses_percent(7), [None]);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        (0..1000).for_each(|quarter| history.push(snapshot(quarter, 0, 0)));
        assert_eq!(history.0.len(), SNAPSHOTS);
        assert_eq!(history.latest().unwrap().at, TICK * 999);
    }
}
