//! The loop that owns the sender and the airs: takes what the source hands on, injects what is due, and
//! reports once a second.
#![expect(clippy::disallowed_methods, reason = "drives the pure sender by the real clock")]

pub(crate) mod airs;
mod dropped;
mod flight;
mod rate;

use std::time::{Duration, Instant};

use anyhow::bail;
use skylark_common::VIDEO_STREAM;
use skylark_common::queue::Popped;
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::scheduling::Scheduling;
use skylark_common::wire::announce::Payload;

use crate::events::{EncoderRate, Event, Totals};
use crate::outlet::{EncodedUnit, Item, Outlet, Taken};
use crate::radio::Looks;
use crate::report::{Reporter, note};
use crate::sender::{Dialect, Outgoing, PushError, Sender};
use crate::session::{Key, Sessions};
use crate::stats::TxStats;
use crate::wfb_stats::Figures;
use airs::Airs;
pub(crate) use dropped::Dropped;
use dropped::{Counted, advice};
use flight::Flight;
pub(crate) use rate::ToldRate;

const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the airs are looked after.
const TEND_INTERVAL: Duration = Duration::from_millis(100);
/// What waits at the end of the input leaves within this, or the air does not carry it.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);

/// The link's side of the program.
#[derive(Debug)]
pub(crate) struct Link<'a, K: Key> {
    pub(crate) outlet: &'a Outlet,
    pub(crate) sessions: Sessions<'a, K>,
    pub(crate) transmitter: Transmitter<K::Dialect>,
    /// What the session carries.
    pub(crate) payload: Payload,
    pub(crate) packetizer: Packetizer,
    pub(crate) reporter: &'a Reporter,
    /// The same for the field's tools.
    pub(crate) figures: &'a Figures,
    /// When the program is to end by itself.
    pub(crate) ends_at: Option<Instant>,
    /// What is known of the cards beside what they send.
    pub(crate) looks: &'a Looks,
    /// How its thread is scheduled.
    pub(crate) scheduling: Scheduling,
    /// Units dropped up to the last report, and whether that was said.
    pub(crate) dropped: Dropped,
    /// What people know of the encoder's bitrate.
    pub(crate) rate: ToldRate,
}

/// The sender and where its frames go.
#[derive(Debug)]
pub(crate) struct Transmitter<D> {
    sender: Sender<D>,
    airs: Airs,
    /// What the sessions before this one came to.
    before: TxStats,
    flight: Flight,
    too_long_told: bool,
}

impl<K: Key> Link<'_, K> {
    /// Runs until the input has ended, the program is to end, or no air is left.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        self.say_start();
        let mut next_report = self.sessions.clock.started + REPORT_INTERVAL;
        let mut next_tend = self.sessions.clock.started;
        loop {
            self.transmitter.transmit();
            self.tell_encoder();
            if let Some(reason) = self.transmitter.airs.all_ended() {
                bail!("no air is left: {reason}");
            }
            let now = Instant::now();
            if now >= next_report {
                self.report(now);
                next_report = (next_report + REPORT_INTERVAL).max(now);
            }
            if now >= next_tend {
                self.transmitter.tend(now);
                next_tend = now + TEND_INTERVAL;
            }
            if self.ends_at.is_some_and(|end| now >= end) {
                break;
            }
            let soon = next_report.min(next_tend);
            let wake =
                [self.ends_at, self.transmitter.poll_timeout(now)].into_iter().flatten().fold(soon, Instant::min);
            let patience = wake.saturating_duration_since(now);
            match self.outlet.pop_within(patience) {
                Popped::Item(taken) => self.push(taken)?,
                Popped::TimedOut => {}
                Popped::Closed => break,
            }
        }
        self.finish();
        Ok(())
    }

    fn push(&mut self, Taken { item, gave_way }: Taken) -> anyhow::Result<()> {
        match item {
            Item::Unit(unit) => {
                self.packetizer.skip(gave_way);
                self.push_unit(&unit);
            }
            Item::Datagram(datagram) => {
                if datagram.payload != self.payload {
                    self.change_payload(datagram.payload)?;
                }
                self.transmitter.push(Outgoing {
                    stream: VIDEO_STREAM,
                    bytes: &datagram.bytes,
                    end_of_unit: datagram.end_of_unit,
                    keyframe: datagram.keyframe,
                    captured: datagram.captured,
                });
            }
        }
        Ok(())
    }

    fn tell_encoder(&mut self) {
        let sender = &mut self.transmitter.sender;
        self.outlet.allow(sender.allowance(), sender.has_room());
        if sender.keyframe_wanted(Instant::now()) {
            self.outlet.want_keyframe();
        }
    }

    /// Goes on with another payload, where receivers are told so in another session.
    fn change_payload(&mut self, payload: Payload) -> anyhow::Result<()> {
        self.payload = payload;
        if K::TELLS_PAYLOAD {
            self.transmitter.begin(self.sessions.begin(payload)?);
        } else {
            self.transmitter.sender.carry(payload);
        }
        self.say_start();
        Ok(())
    }

    fn say_start(&self) {
        let (airs, session) = (self.transmitter.airs.names(), self.transmitter.sender.session());
        self.reporter.emit(&self.sessions.start(self.payload, airs, session));
    }

    fn push_unit(&mut self, EncodedUnit { unit, captured }: &EncodedUnit) {
        let transmitter = &mut self.transmitter;
        self.packetizer.for_each_datagram(unit, self.sessions.clock.session_us(*captured), |bytes, end_of_unit| {
            let keyframe = unit.keyframe;
            transmitter.push(Outgoing { stream: VIDEO_STREAM, bytes, end_of_unit, keyframe, captured: *captured });
        });
    }

    fn report(&mut self, now: Instant) {
        let totals = self.totals();
        self.tell_dropped(&totals);
        self.dropped.tell_of_deaf(self.sessions.obeys);
        self.transmitter.airs.tell(self.looks);
        let encoder = self.transmitter.sender.rate().map(|rate| EncoderRate::of(rate, self.sessions.args.bitrate));
        encoder.iter().for_each(|encoder| self.rate.tell(encoder, self.sessions.args.bitrate_min));
        self.figures.push(&totals, Duration::from_micros(self.sessions.clock.time_of_day_us(now)));
        let send = self.transmitter.flight.take();
        self.reporter.emit(&Event::stats(
            self.sessions.clock.session_us(now) / 1000,
            totals,
            self.transmitter.sender.latency(),
            send,
            encoder,
        ));
    }

    fn tell_dropped(&mut self, totals: &Totals) {
        let counted = Counted {
            by_the_sender: totals.tx.units_dropped,
            before_it: totals.source.gave_way,
            is_any_taken: self.transmitter.airs.takes_any(),
        };
        self.dropped.tell(counted, advice(self.sessions.obeys, self.sessions.args));
    }

    fn totals(&self) -> Totals {
        let (tx, airs, source) = (self.transmitter.stats(), self.transmitter.airs.stats(), self.outlet.stats());
        Totals { tx, airs, source, scheduling: self.scheduling }
    }

    /// Sends what waits, repairs that are spread over time included, and then what receivers are still owed.
    fn finish(&mut self) {
        let deadline = Instant::now() + DRAIN_PATIENCE;
        let mut has_ended = false;
        loop {
            self.transmitter.transmit();
            let now = Instant::now();
            let is_idle = self.transmitter.is_idle();
            if (is_idle && has_ended) || now >= deadline || self.transmitter.airs.all_ended().is_some() {
                break;
            }
            if is_idle {
                self.transmitter.sender.end(now);
                has_ended = true;
                continue;
            }
            let wake = self.transmitter.poll_timeout(now).map_or(deadline, |wake| wake.min(deadline));
            // The request to end has come already, if that is why we are here: nothing else can end this wait.
            std::thread::sleep(wake.saturating_duration_since(now));
        }
        let t_ms = self.sessions.clock.session_us(Instant::now()) / 1000;
        let totals = self.totals();
        self.tell_dropped(&totals);
        self.transmitter.airs.tell(self.looks);
        self.reporter.emit(&Event::End { t_ms, totals });
    }
}

impl<D: Dialect> Transmitter<D> {
    pub(crate) fn new(sender: Sender<D>, airs: Airs) -> Self {
        let (before, flight) = (TxStats::default(), Flight::default());
        let mut transmitter = Self { sender, airs, before, flight, too_long_told: false };
        transmitter.sender.fit_frames(transmitter.airs.max_frame_bytes());
        transmitter
    }

    /// The longest datagram that fits into a frame of every air.
    pub(crate) fn max_datagram_bytes(&self) -> usize {
        self.sender.max_datagram_bytes()
    }

    /// Looks after the airs; how long a frame may be can change under way.
    fn tend(&mut self, now: Instant) {
        self.airs.tend(now);
        self.sender.fit_frames(self.airs.max_frame_bytes());
    }

    /// Goes on with another sender. What waits in this one is of the session before and is left.
    fn begin(&mut self, sender: Sender<D>) {
        self.before = TxStats { queued_us: 0, ..self.stats() };
        self.sender = sender;
        self.sender.fit_frames(self.airs.max_frame_bytes());
        self.flight = Flight::default();
    }

    fn stats(&self) -> TxStats {
        self.before + self.sender.stats()
    }

    /// Pushes a datagram and injects what is due, before the next is even made.
    fn push(&mut self, outgoing: Outgoing<'_>) {
        match self.sender.push_datagram(outgoing, Instant::now()) {
            Ok(()) => self.flight.pushed(outgoing.end_of_unit),
            Err(error @ (PushError::TooLong { .. } | PushError::NoStream(_))) => {
                if !std::mem::replace(&mut self.too_long_told, true) {
                    note(format_args!("{error} (told once)"));
                }
            }
        }
        self.transmit();
    }

    /// Injects what is due.
    fn transmit(&mut self) {
        loop {
            let now = Instant::now();
            if !self.airs.is_ready(now) {
                self.sender.air_is_busy();
                return;
            }
            let Some(frame) = self.sender.poll_transmit(now) else { return };
            self.airs.inject(frame, now);
            self.flight.sent(&self.sender.stats(), self.sender.is_idle(), now);
        }
    }

    fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.airs.poll_timeout(self.sender.poll_timeout(), now)
    }

    fn is_idle(&self) -> bool {
        self.sender.is_idle() && !self.airs.is_busy()
    }
}

#[cfg(test)]
mod tests;
