//! The relays a viewer hears, in the link thread: their messages to the receiver, its reports to them.

mod arrivals;
pub(crate) mod card;
mod relay;
pub(crate) mod status;

pub(crate) use arrivals::Arrivals;
pub(crate) use relay::RelaySeen;
#[cfg(test)]
pub(crate) use relay::RelayState;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use skylark_common::queue::Queue;
use skylark_common::wire::link::LinkId;
use skylark_rx::Receiver;
use skylark_rx::relay::stations::MAX_STATIONS;
use skylark_rx::relay::{RelayId, Stations, ViewerId};

use crate::board::Network;
use crate::fabric::{Fabric, Inlet, Kind, Listen};
use crate::link::cards::Cards;
use crate::tell::tell;
use crate::worker::Worker;
use relay::Relay;
use status::Status;

/// Everything about relays.
#[derive(Debug)]
pub(crate) struct Relays {
    stations: Stations,
    relays: Vec<Relay>,
    messages: Arc<Arrivals>,
    statuses: Arc<Arrivals>,
    reports: Arc<Queue<Vec<u8>>>,
    _inlets: [Inlet; 2],
    fabric: Fabric,
    endpoints: String,
}

impl Relays {
    /// Listens to the relays of a link: those in reach, and those behind `endpoints`.
    ///
    /// # Errors
    /// The network cannot be joined.
    pub(crate) fn listen(link: LinkId, endpoints: &[String], now: Instant) -> Result<Self> {
        let fabric = Fabric::join(link, endpoints, Listen::Anywhere)?;
        let viewer = ViewerId(fabric.id().0);
        let [messages, statuses] = [Arrivals::new(), Arrivals::new()].map(|arrivals| arrivals.map(Arc::new));
        let failed = "cannot wait for relays";
        let (messages, statuses) = (messages.context(failed)?, statuses.context(failed)?);
        let inlets = [(Kind::Frames, &messages), (Kind::Status, &statuses)].map(|(kind, arrivals)| {
            let arrivals = Arc::clone(arrivals);
            fabric.subscribe(kind, move |relay, payload| arrivals.push(relay, payload.to_vec()))
        });
        let [frames, status] = inlets;
        let reports = Arc::new(Queue::new(1));
        start_reporting(&fabric, &reports)?;
        let stations = Stations::new(link, viewer, now);
        Ok(Self {
            stations,
            relays: Vec::new(),
            messages,
            statuses,
            reports,
            _inlets: [frames?, status?],
            fabric,
            endpoints: endpoints.join(", "),
        })
    }

    /// What becomes readable when there is something of a relay.
    pub(crate) fn as_fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.messages, &self.statuses].into_iter().map(|arrivals| arrivals.as_fd())
    }

    /// Takes what relays say of themselves: their cards are cards of the link from then on.
    pub(crate) fn take_statuses(&mut self, cards: &mut Cards, receiver: &mut Receiver, now: Instant) {
        while let Some((id, json)) = self.statuses.pop() {
            let Some(status) = Status::parse(&json) else { continue };
            let Some(place) = self.place(RelayId(id), &status, now) else { continue };
            if let Some(relay) = self.relays.get_mut(place) {
                relay.take_status(status, cards, receiver, now);
            }
        }
        self.relays.iter_mut().for_each(|relay| relay.listen(now));
    }

    /// Takes the next message, if there is one.
    pub(crate) fn take_message(&mut self, now: Instant) -> bool {
        let Some((id, message)) = self.messages.pop() else { return false };
        self.stations.handle_message(RelayId(id), &message, now);
        true
    }

    /// Hands the next frame of the messages taken to the receiver; false when there is none.
    pub(crate) fn deliver(&mut self, receiver: &mut Receiver, now: Instant) -> bool {
        let relays = &self.relays;
        let place = |id, card| relays.iter().find(|relay| relay.id == id)?.number(card);
        self.stations.deliver(receiver, place, now)
    }

    /// Hands a frame of a card of this machine to the receiver.
    pub(crate) fn deliver_local(&mut self, receiver: &mut Receiver, card: usize, frame: &[u8], now: Instant) {
        self.stations.deliver_local(receiver, card, frame, now);
    }

    /// Tells all relays what is known, when it is time to.
    pub(crate) fn report(&mut self, receiver: &Receiver, now: Instant) {
        while let Some(report) = self.stations.poll_report(receiver, now) {
            // One that waits has grown old.
            self.reports.push(report.to_vec());
        }
    }

    /// When to call [`report`](Self::report) if nothing comes before.
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.stations.poll_timeout()
    }

    /// What is known of each relay; tells people of one that sends what it should not.
    pub(crate) fn seen(&mut self, now: Instant) -> Vec<RelaySeen> {
        let stats = self.stations.stats(now);
        for relay in &mut self.relays {
            let stats = stats.iter().find(|stats| stats.id == relay.id);
            stats.into_iter().for_each(|stats| relay.accuse(stats));
        }
        self.relays.iter().map(|relay| relay.seen(stats.iter().find(|stats| stats.id == relay.id).copied())).collect()
    }

    /// Whom the network holds.
    pub(crate) fn network(&self) -> Network {
        match (self.fabric.is_connected(), self.endpoints.is_empty()) {
            (true, _) => Network::Others,
            (false, true) => Network::Alone,
            (false, false) => Network::Unreached(self.endpoints.clone()),
        }
    }

    /// Messages that gave way because they were not taken in time.
    pub(crate) fn dropped(&self) -> u64 {
        self.messages.dropped() + self.statuses.dropped()
    }

    /// Where a relay is among all; one that came again under another number takes the place of the one it was.
    fn place(&mut self, id: RelayId, status: &Status, now: Instant) -> Option<usize> {
        if let Some(place) = self.relays.iter().position(|relay| relay.id == id) {
            return Some(place);
        }
        let gone = |relay: &Relay| relay.is_silent && relay.name() == status.name;
        let place = self.relays.iter().position(gone).or_else(|| self.place_to_give());
        if let Some(relay) = place.and_then(|place| self.relays.get_mut(place)) {
            relay.leave();
            *relay = Relay::new(id, now);
            return place;
        }
        if self.relays.len() >= MAX_STATIONS {
            return None;
        }
        self.relays.push(Relay::new(id, now));
        self.relays.len().checked_sub(1)
    }

    /// Among as many relays as there can be, one from which nothing comes.
    fn place_to_give(&self) -> Option<usize> {
        let full = self.relays.len() >= MAX_STATIONS;
        self.relays.iter().position(|relay| relay.is_silent).filter(|_| full)
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        self.reports.close();
    }
}

/// A thread that reports, so that a network that stalls holds up no card.
fn start_reporting(fabric: &Fabric, reports: &Arc<Queue<Vec<u8>>>) -> Result<()> {
    let outlet = fabric.publish(Kind::Known)?;
    let reports = Arc::clone(reports);
    let work = move || {
        while let Some(report) = reports.pop() {
            outlet.send(report);
        }
    };
    Worker::start("reports", work).map(drop)
}

/// Says what people should know of relays.
fn tell_of(name: &str, news: &str) {
    tell(&format!("relay {name} {news}"));
}
