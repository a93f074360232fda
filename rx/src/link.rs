//! The link thread: one wait over all cards and the receiver's deadline; owns the receiver.

pub(crate) mod cards;
pub(crate) mod joining;
pub(crate) mod relayed;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::receiver::{Datagram, DialectReceiver, MAX_CARDS};
use crate::stats::SessionStats;
use skylark_common::VIDEO_STREAM;
use skylark_common::air::{CaptureAir, MAX_FRAME_BYTES};
use skylark_common::scheduling;

use crate::board::Board;
use crate::clock::{SharedClock, now};
use crate::control::Control;
use crate::output::Outlets;
use crate::tell::tell;
use crate::unit::Units;
use cards::Cards;
use joining::Joining;
use relayed::Relays;

/// How often the figures are put up.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);
/// How often the machine is asked what it has dropped.
const DROPS_INTERVAL: Duration = Duration::from_secs(1);
/// How long a recording waits for outputs that are busy.
const BUSY_WAIT: Duration = Duration::from_millis(1);

/// Receives until the program ends or there is nothing left to hear.
#[derive(Debug)]
pub(crate) struct Link {
    /// The pure core.
    pub(crate) receiver: DialectReceiver,
    /// The airs it begins with.
    pub(crate) airs: Vec<Box<dyn CaptureAir>>,
    /// Where further ones come from.
    pub(crate) joining: Arc<Joining>,
    /// The relays it hears, if it is to hear any.
    pub(crate) relays: Option<Relays>,
    /// Where datagrams and units go.
    pub(crate) outlets: Outlets,
    /// Where the figures go.
    pub(crate) board: Arc<Board>,
    /// What ends the program.
    pub(crate) control: Arc<Control>,
    /// Whether recordings are read in their own time.
    pub(crate) time: Time,
    /// Whether the cards are recordings: when those were captured says nothing about the present.
    pub(crate) are_recordings: bool,
    /// When to end.
    pub(crate) until: Option<Instant>,
    /// How long after the last frame of the last recording something may still come out.
    pub(crate) latency_budget: Duration,
    /// The machine's clock, perhaps that of the transmitter too.
    pub(crate) clock: SharedClock,
}

/// Which time frames and deadlines go by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Time {
    /// The machine's.
    Real,
    /// That of recordings read as fast as possible: it jumps to what is due next.
    Recorded(Instant),
}

/// What a running link keeps from turn to turn.
#[derive(Debug)]
struct Running {
    link: Link,
    cards: Cards,
    units: Units,
    session: Option<SessionStats>,
    last_datagram: Option<Instant>,
    publish_at: Instant,
    drops_at: Instant,
    ended_at: Option<Instant>,
    captured_bytes: u64,
    datagram: Vec<u8>,
}

impl Link {
    /// Runs until the program ends; closes the outlets.
    pub(crate) fn run(self) {
        if matches!(self.time, Time::Real) && !self.are_recordings {
            let scheduling = scheduling::real_time();
            self.board.with(|seen| seen.scheduling = Some(scheduling));
        }
        self.begin(now()).run();
    }

    fn begin(mut self, now: Instant) -> Running {
        let mut cards = Cards::default();
        let numbers = self.airs.drain(..).filter_map(|air| cards.add(air));
        numbers.for_each(|number| self.receiver.add_card(number, None));
        Running {
            link: self,
            cards,
            units: Units::default(),
            session: None,
            last_datagram: None,
            publish_at: now,
            drops_at: now,
            ended_at: None,
            captured_bytes: 0,
            datagram: Vec::with_capacity(MAX_FRAME_BYTES),
        }
    }
}

impl Running {
    fn run(mut self) {
        while !self.link.control.is_stopping() && !self.is_over() {
            if matches!(self.link.time, Time::Recorded(_)) && self.link.outlets.are_busy() {
                self.wait(Some(BUSY_WAIT));
                continue;
            }
            let now = self.now();
            if !self.turn(now) {
                self.advance(now);
            }
        }
        self.finish();
    }

    /// Does what is to be done at `now`; returns whether there may be more.
    fn turn(&mut self, now: Instant) -> bool {
        self.take_joining();
        let more = self.capture(now) | self.take_relayed(now);
        if self.link.receiver.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.link.receiver.handle_timeout(now);
            self.drain(now);
        }
        self.publish_when_due();
        more
    }

    fn now(&self) -> Instant {
        match self.link.time {
            Time::Real => now(),
            Time::Recorded(at) => at,
        }
    }

    /// Whether the time is up, or the last recording has been played and nothing more can come out of it.
    fn is_over(&mut self) -> bool {
        if self.link.until.is_some_and(|until| now() >= until) {
            self.link.control.stop();
            return true;
        }
        if !self.link.joining.is_closed() || self.link.relays.is_some() || !self.cards.have_ended() {
            return false;
        }
        let now = self.now();
        let ended_at = *self.ended_at.get_or_insert(now);
        let drained = self.link.receiver.poll_timeout().is_none();
        drained || now >= ended_at + self.link.latency_budget
    }

    fn take_joining(&mut self) {
        while let Some(air) = self.link.joining.take() {
            let name = air.name().to_owned();
            match self.cards.add(air) {
                Some(number) => {
                    self.link.receiver.add_card(number, None);
                    tell(&format!("{name} joins"));
                    self.publish();
                }
                None => tell(&format!("{name} does not join: {MAX_CARDS} cards work, and more there cannot be")),
            }
        }
    }

    /// Takes what the cards have; returns whether there may be more.
    fn capture(&mut self, now: Instant) -> bool {
        let mut cards = std::mem::take(&mut self.cards);
        let more = cards.capture(now, |number, frame| {
            self.captured_bytes += frame.len() as u64;
            self.hear(number, frame, now);
            self.drain(now);
        });
        self.cards = cards;
        more
    }

    /// Hands on everything the receiver has.
    fn drain(&mut self, now: Instant) {
        self.drain_in_order(now);
        while let Some(datagram) = self.link.receiver.poll_early() {
            self.datagram.clear();
            self.datagram.extend_from_slice(datagram.bytes);
            let bytes = std::mem::take(&mut self.datagram);
            let datagram = with_bytes(datagram, &bytes);
            self.hand_on_early(&datagram, now);
            self.datagram = bytes;
        }
    }

    fn drain_in_order(&mut self, now: Instant) {
        while let Some(datagram) = self.link.receiver.poll_datagram() {
            if datagram.stream != VIDEO_STREAM {
                continue;
            }
            self.datagram.clear();
            self.datagram.extend_from_slice(datagram.bytes);
            let bytes = std::mem::take(&mut self.datagram);
            let datagram = with_bytes(datagram, &bytes);
            self.hand_on(&datagram, now);
            self.datagram = bytes;
        }
    }

    fn hand_on(&mut self, datagram: &Datagram<'_>, now: Instant) {
        self.last_datagram = Some(now);
        self.link.outlets.send_datagram(datagram.bytes);
        if self.session.is_none_or(|session| session.id != datagram.session) {
            self.session = self.link.receiver.stats(now).session;
            self.link.board.with(|seen| seen.last_picture = None);
        } else if self.session.is_some_and(|session| session.is_undecided()) {
            self.session = self.link.receiver.stats(now).session;
        }
        if !self.link.outlets.want_units() || !self.is_h264() {
            return;
        }
        let captured = self.captured(datagram);
        let (outlets, board) = (&self.link.outlets, &self.link.board);
        self.units.handle_datagram(datagram, captured, now, |unit| push(unit, outlets, board));
    }

    /// Hands on what only pictures are made of: it comes again in its turn.
    fn hand_on_early(&mut self, datagram: &Datagram<'_>, now: Instant) {
        if !self.is_h264() {
            return;
        }
        let captured = self.captured(datagram);
        let (outlets, board) = (&self.link.outlets, &self.link.board);
        self.units.handle_early(datagram, captured, now, |unit| {
            let gave_way = outlets.push_early(unit);
            if gave_way > 0 {
                board.with(|seen| seen.pictures.units_dropped += gave_way);
            }
        });
    }

    fn is_h264(&self) -> bool {
        self.session.is_some_and(|session| session.payload().is_h264())
    }

    /// When its unit was captured, on our clock, where that can be known.
    fn captured(&self, datagram: &Datagram<'_>) -> Option<Instant> {
        let session = self.session?;
        let clock = self.link.clock;
        let shared = self.shares_clock(&session);
        let unix_start_us = session.announce()?.unix_start_us.filter(|_| shared);
        let (start, since) = unix_start_us.zip(datagram.captured_us)?;
        clock.captured(start, since, datagram.heard)
    }

    fn shares_clock(&self, session: &SessionStats) -> bool {
        !self.link.are_recordings
            && session.announce().is_some_and(|announce| self.link.clock.is_shared(announce.clock_id))
    }

    fn publish_when_due(&mut self) {
        let now = self.now();
        if now >= self.publish_at {
            self.publish_at = now + PUBLISH_INTERVAL;
            self.cards.tell_states(now);
            self.publish();
        }
        if now >= self.drops_at {
            self.drops_at = now + DROPS_INTERVAL;
            self.publish_drops();
        }
    }

    fn publish(&mut self) {
        let now = self.now();
        let rx = self.link.receiver.stats(now);
        self.session = rx.session;
        let shared_clock = rx.session.is_some_and(|session| self.shares_clock(&session));
        let standing = matches!(self.link.time, Time::Recorded(_)).then_some(now);
        let (sent, refused) = self.link.outlets.datagrams();
        let (names, faults) = (self.cards.names(), self.cards.faults());
        let relays = self.link.relays.as_mut().map(|relays| relays.seen(now)).unwrap_or_default();
        let dropped = self.link.relays.as_ref().map_or(0, Relays::dropped);
        let crowded_out = self.link.relays.as_ref().map_or(0, Relays::crowded_out);
        self.link.board.with(|seen| {
            (seen.rx, seen.standing, seen.captured_bytes) = (rx, standing, self.captured_bytes);
            (seen.airs, seen.faults) = (names, faults);
            seen.note_relays(relays, now);
            (seen.relay_messages_dropped, seen.relays_crowded_out) = (dropped, crowded_out);
            seen.shared_clock = shared_clock;
            seen.last_datagram = self.last_datagram;
            (seen.outputs.datagrams_sent, seen.outputs.datagrams_refused) = (sent, refused);
        });
    }

    fn publish_drops(&self) {
        let dropped = self.cards.dropped();
        let network = self.link.relays.as_ref().map(Relays::network);
        self.link.board.with(|seen| (seen.dropped_by_machine, seen.network) = (dropped, network));
    }

    /// Waits for the next thing to happen; recorded time jumps there.
    fn advance(&mut self, now: Instant) {
        let due = self.cards.wait(now).map(|wait| now + wait);
        let deadline = self.link.receiver.poll_timeout();
        let over = self.ended_at.map(|ended_at| ended_at + self.link.latency_budget);
        let report = self.link.relays.as_ref().map(Relays::poll_timeout);
        let next = [due, deadline, over, report].into_iter().flatten().min();
        match &mut self.link.time {
            Time::Recorded(at) => {
                *at = next.unwrap_or(*at).max(*at);
                if next.is_none() {
                    self.wait(Some(BUSY_WAIT));
                }
            }
            Time::Real => {
                let next = [next, self.link.until, Some(self.publish_at)].into_iter().flatten().min();
                self.wait(next.map(|next| next.saturating_duration_since(now)));
            }
        }
    }

    /// One wait over every card and whatever ends the program.
    fn wait(&self, patience: Option<Duration>) {
        let relays = self.link.relays.iter().flat_map(Relays::as_fds);
        self.cards.wait_for_frames(relays.chain([self.link.control.as_fd()]), patience);
    }

    fn finish(mut self) {
        let (outlets, board) = (&self.link.outlets, &self.link.board);
        self.units.handle_end(|unit| push(unit, outlets, board));
        self.publish();
        self.publish_drops();
        let now = self.now();
        self.link.board.with(|seen| seen.standing = Some(now));
        self.link.outlets.close();
    }
}

/// The datagram with a copy of its bytes, so that the receiver can be asked about it.
fn with_bytes<'a>(datagram: Datagram<'_>, bytes: &'a [u8]) -> Datagram<'a> {
    let Datagram { session, stream, esi, end_of_unit, start_of_unit, keyframe, .. } = datagram;
    let Datagram { missing_before, recovered, captured_us, heard, available, .. } = datagram;
    Datagram {
        session,
        stream,
        esi,
        bytes,
        end_of_unit,
        start_of_unit,
        keyframe,
        missing_before,
        recovered,
        captured_us,
        heard,
        available,
    }
}

fn push(unit: crate::unit::Unit, outlets: &Outlets, board: &Board) {
    board.note_unit(&unit);
    let gave_way = outlets.push_unit(unit);
    if gave_way != Default::default() {
        board.with(|seen| {
            seen.pictures.units_dropped += gave_way.decoder;
            seen.outputs.units_not_written += gave_way.recordings;
        });
    }
}

#[cfg(test)]
mod tests;
