//! The relays a viewer hears, in the link thread: their messages to the receiver, its reports to them.

mod arrivals;
pub(crate) mod card;
mod relay;
mod roster;
pub(crate) mod status;
mod strangers;

pub(crate) use arrivals::Arrivals;
pub(crate) use relay::RelaySeen;
#[cfg(test)]
pub(crate) use relay::RelayState;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use crate::receiver::DialectReceiver;
use crate::relay::message::MAX_MESSAGE_BYTES;
use crate::relay::{RelayId, RelayedLink, Stations, ViewerId};
use anyhow::{Context as _, Result};
use skylark_common::queue::Queue;

use crate::board::Network;
use crate::fabric::{Fabric, Inlet, Kind, Listen};
use crate::link::cards::Cards;
use crate::tell::tell;
use crate::worker::Worker;
use roster::Roster;
use status::{MAX_STATUS_BYTES, Status};
use strangers::{Accused, Strangers};

/// Statuses taken before messages have their turn.
const STATUSES_A_TURN: usize = 64;

/// Everything about relays.
#[derive(Debug)]
pub(crate) struct Relays {
    stations: Stations,
    roster: Roster,
    strangers: Strangers,
    accused: Accused,
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
    pub(crate) fn listen(link: RelayedLink, endpoints: &[String], now: Instant) -> Result<Self> {
        let fabric = Fabric::join(link, endpoints, Listen::Anywhere)?;
        let viewer = ViewerId(fabric.id().0);
        let [messages, statuses] = [Arrivals::new(), Arrivals::new()].map(|arrivals| arrivals.map(Arc::new));
        let failed = "cannot wait for relays";
        let (messages, statuses) = (messages.context(failed)?, statuses.context(failed)?);
        let inlet = |kind, arrivals: &Arc<Arrivals>, most_bytes| {
            let arrivals = Arc::clone(arrivals);
            fabric.subscribe(kind, move |relay, payload| arrivals.push_up_to(most_bytes, relay, payload))
        };
        let frames = inlet(Kind::Frames, &messages, MAX_MESSAGE_BYTES);
        let status = inlet(Kind::Status, &statuses, MAX_STATUS_BYTES);
        let reports = Arc::new(Queue::new(1));
        start_reporting(&fabric, &reports)?;
        let stations = Stations::new(link, viewer, now);
        Ok(Self {
            stations,
            roster: Roster::default(),
            strangers: Strangers::default(),
            accused: Accused::default(),
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
    pub(crate) fn take_statuses(&mut self, cards: &mut Cards, receiver: &mut DialectReceiver, now: Instant) {
        for _ in 0..STATUSES_A_TURN {
            let Some((id, json)) = self.statuses.pop() else { break };
            let Some(status) = Status::parse(&json) else { continue };
            let id = RelayId(id);
            let is_useful = |id| self.stations.is_useful(id, now);
            self.roster.take_status(id, status, is_useful, (cards, receiver), now);
            if self.roster.has(id) {
                self.strangers.forget(id);
            }
        }
        self.roster.listen(now);
    }

    /// Takes the next message, if there is one.
    pub(crate) fn take_message(&mut self, now: Instant) -> bool {
        let Some((id, message)) = self.messages.pop() else { return false };
        let id = RelayId(id);
        if !self.roster.has(id) {
            self.strangers.note(id, now);
        }
        self.stations.handle_message(id, &message, now);
        true
    }

    /// Hands the next frame of the messages taken to the receiver; false when there is none.
    pub(crate) fn deliver(&mut self, receiver: &mut DialectReceiver, now: Instant) -> bool {
        self.stations.deliver(receiver, |id, card| self.roster.number(id, card), now)
    }

    /// Hands a frame of a card of this machine to the receiver.
    pub(crate) fn deliver_local(&mut self, receiver: &mut DialectReceiver, card: usize, frame: &[u8], now: Instant) {
        self.stations.deliver_local(receiver, card, frame, now);
    }

    /// Tells all relays what is known, when it is time to.
    pub(crate) fn report(&mut self, receiver: &DialectReceiver, now: Instant) {
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
        for (id, news) in self.accused.accuse(&stats) {
            tell_of(self.roster.name(id).unwrap_or(&id.to_string()), &news);
        }
        let mut seen = self.roster.seen(&stats);
        seen.extend(self.strangers.seen(&stats, now));
        seen
    }

    /// Messages of relays there was no room for.
    pub(crate) fn crowded_out(&self) -> u64 {
        self.stations.crowded_out()
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
