//! The airs every frame is injected into.

mod air;

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use skylark_common::air::airtime::airtime;
use skylark_common::air::monitor::{self, MonitorInject};
use skylark_common::air::pcap_file::{PcapError, PcapInject};
use skylark_common::air::udp::UdpInject;
use skylark_common::air::{InjectAir, MAX_FRAME_BYTES};
use skylark_common::options::AirTarget;
use skylark_common::wire::radiotap::TxRate;

pub(crate) use air::AirStats;
#[cfg(test)]
pub(crate) use air::Sample;

use crate::radio::Looks;
use air::{Air, Kind};

/// All airs. Each has a queue of its own: one that is slow, stuck or dead holds up no other.
///
/// The fastest card at work sets the pace; where none is, the fastest air. While that one is busy the sender waits, and
/// what gives way is whole units in the sender's queue; an air that is slower than that loses single frames.
#[derive(Debug)]
pub(crate) struct Airs {
    airs: Vec<Air>,
    cards: Vec<String>,
}

impl Airs {
    /// Opens all for frames of this rate, recordings last: an address that is none leaves an older recording as it was.
    pub(crate) fn open(targets: &[AirTarget], rate: TxRate, now: Instant) -> anyhow::Result<Self> {
        let targets = expand(targets)?;
        let cards = targets.iter().filter_map(card).collect();
        let mut order: Vec<(usize, AirTarget)> = targets.into_iter().enumerate().collect();
        order.sort_by_key(|(_, target)| matches!(target, AirTarget::Pcap(_)));
        let airs: anyhow::Result<Vec<(usize, Air)>> =
            order.into_iter().map(|(at, target)| Ok((at, open(&target, rate, now)?))).collect();
        let mut airs = airs?;
        airs.sort_by_key(|(at, _)| *at);
        let airs = airs.into_iter().map(|(_, air)| air).collect();
        Ok(Self { airs, cards })
    }

    /// Looks after all; call it every 100 ms.
    pub(crate) fn tend(&mut self, now: Instant) {
        self.airs.iter_mut().for_each(|air| air.tend(now));
    }

    /// Tells what has changed, with what is known of the cards.
    pub(crate) fn tell(&mut self, looks: &Looks) {
        let last = looks.last();
        for air in &mut self.airs {
            air.tell(last.iter().find(|look| look.card == air.name()));
            if air.sends() {
                looks.note_sending(air.name());
            }
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.airs.iter().map(|air| air.name().to_owned()).collect()
    }

    /// The cards among them.
    pub(crate) fn cards(&self) -> Vec<String> {
        self.cards.clone()
    }

    /// The longest frame that all of them take.
    pub(crate) fn max_frame_bytes(&self) -> usize {
        self.airs.iter().map(Air::max_frame_bytes).min().unwrap_or(MAX_FRAME_BYTES)
    }

    /// Injects a frame into every air. Call [`is_ready`](Self::is_ready) before.
    pub(crate) fn inject(&mut self, frame: &[u8], now: Instant) {
        self.airs.iter_mut().for_each(|air| air.push(frame, now));
    }

    /// Tries again where frames wait, and says whether the next frame may come.
    pub(crate) fn is_ready(&mut self, now: Instant) -> bool {
        self.airs.iter_mut().for_each(|air| air.try_inject(now));
        self.is_free()
    }

    /// Whether none that sets the pace is busy.
    fn is_free(&self) -> bool {
        let cards = self.airs.iter().filter(|air| air.is_card());
        is_any_free(cards).or_else(|| is_any_free(self.airs.iter())).unwrap_or(true)
    }

    /// When to go on: when a busy air is to be tried again and, where that is not waited for, when the sender wants to.
    pub(crate) fn poll_timeout(&self, sender: Option<Instant>, now: Instant) -> Option<Instant> {
        let retry = self.retry(now);
        if !self.is_free() {
            return retry;
        }
        retry.into_iter().chain(sender).min()
    }

    /// Whether an air took the last frame it was given.
    pub(crate) fn takes_any(&self) -> bool {
        self.airs.iter().any(Air::takes)
    }

    /// Whether frames wait for an air.
    pub(crate) fn is_busy(&self) -> bool {
        self.airs.iter().any(Air::is_busy)
    }

    fn retry(&self, now: Instant) -> Option<Instant> {
        self.airs.iter().filter_map(|air| air.retry(now)).min().map(|retry| now + retry)
    }

    /// Why the program cannot go on, when no air is left.
    pub(crate) fn all_ended(&self) -> Option<&str> {
        self.airs.iter().map(Air::ended).reduce(|first, next| first.and(next)).flatten()
    }

    pub(crate) fn stats(&self) -> Vec<AirStats> {
        self.airs.iter().map(Air::stats).collect()
    }
}

/// Whether one of those at work is not busy; `None` if none is at work.
fn is_any_free<'a>(airs: impl Iterator<Item = &'a Air>) -> Option<bool> {
    airs.filter(|air| air.is_at_work()).map(|air| !air.is_busy()).reduce(|one, other| one || other)
}

fn card(target: &AirTarget) -> Option<String> {
    match target {
        AirTarget::Monitor(card) => Some(card.clone()),
        AirTarget::Udp(_) | AirTarget::Pcap(_) => None,
    }
}

/// Every card by its name; without any air, the card that is in monitor mode.
fn expand(targets: &[AirTarget]) -> anyhow::Result<Vec<AirTarget>> {
    if targets.is_empty() {
        return the_card(&monitor::radios()?).map(|card| vec![AirTarget::Monitor(card)]);
    }
    let mut expanded = Vec::new();
    for target in targets {
        let named: Vec<AirTarget> = match target {
            AirTarget::Monitor(written) => monitor::resolve(written)?.into_iter().map(AirTarget::Monitor).collect(),
            AirTarget::Udp(_) | AirTarget::Pcap(_) => vec![target.clone()],
        };
        for target in named {
            let is_named_twice = matches!(target, AirTarget::Monitor(_)) && expanded.contains(&target);
            if !is_named_twice {
                expanded.push(target);
            }
        }
    }
    Ok(expanded)
}

fn the_card(cards: &[String]) -> anyhow::Result<String> {
    match cards {
        [card] => Ok(card.clone()),
        several => {
            bail!("several cards are in monitor mode ({}): say with --air which is to send", several.join(", "))
        }
    }
}

/// What may wait inside a card, by the model: enough for a bus that takes some milliseconds, and little enough that
/// the sender's own queue, which knows what gives way, is where frames wait when the air becomes slow.
const CARD_QUEUE: Duration = Duration::from_millis(10);
const CARD_QUEUE_FRAMES: std::ops::RangeInclusive<usize> = 4..=32;
/// The longest frames of usual cards, in bytes.
const LONG_FRAME_BYTES: usize = 1500;

fn card_queue_frames(rate: TxRate) -> usize {
    let frames = CARD_QUEUE.as_micros() / airtime(rate, LONG_FRAME_BYTES).as_micros().max(1);
    usize::try_from(frames).unwrap_or(usize::MAX).clamp(*CARD_QUEUE_FRAMES.start(), *CARD_QUEUE_FRAMES.end())
}

fn open(target: &AirTarget, rate: TxRate, now: Instant) -> anyhow::Result<Air> {
    let (air, kind): (Box<dyn InjectAir>, Kind) = match target {
        AirTarget::Monitor(card) => {
            (Box::new(MonitorInject::with_queue(card, card_queue_frames(rate), now)?), Kind::Card)
        }
        AirTarget::Udp(address) => (Box::new(UdpInject::connect(address).context("--air")?), Kind::Host),
        AirTarget::Pcap(path) => (Box::new(PcapInject::create(path, now).map_err(recording)?), Kind::Recording),
    };
    Ok(Air::new(air, kind))
}

fn recording(error: PcapError) -> anyhow::Error {
    match error {
        PcapError::Open { path, reason } => anyhow!(
            "--air pcap:{}: {reason}; name a file in a folder that is there and can be written to",
            path.display()
        ),
        PcapError::LinkType { .. } => error.into(),
    }
}

#[cfg(test)]
mod tests;
