//! The relay's loop: one wait over all cards, the viewers' reports and the forwarder's deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::relay::Forwarder;

use super::Outgoing;
use super::figures::Figures;
use super::reaching::Reaching;
use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::fabric::Kind;
use crate::link::cards::Cards;
use crate::link::joining::Joining;
use crate::stations::Arrivals;
use crate::stations::status::MAX_CARDS;
use crate::tell::tell;

/// Reports taken before cards have their turn.
const REPORTS_A_TURN: usize = 64;
/// How often viewers are told of the cards.
const STATUS_INTERVAL: Duration = Duration::from_millis(250);

/// What a running relay is made of.
#[derive(Debug)]
pub(super) struct Turns {
    /// The pure core.
    pub(super) forwarder: Forwarder,
    /// Whether whoever is to be connected to is reached.
    pub(super) reaching: Reaching,
    /// The cards.
    pub(super) cards: Cards,
    /// Where further ones come from.
    pub(super) joining: Arc<Joining>,
    /// What viewers report.
    pub(super) reports: Arc<Arrivals>,
    /// What goes to viewers.
    pub(super) outgoing: Arc<Outgoing>,
    /// What is known of the cards.
    pub(super) board: Arc<Board>,
    /// What ends the program.
    pub(super) control: Arc<Control>,
    /// When to end.
    pub(super) until: Option<Instant>,
    /// Who is told how it goes.
    pub(super) figures: Figures,
}

impl Turns {
    /// Runs until the program ends.
    pub(super) fn run(mut self) {
        let mut status_at = now();
        while !self.control.is_stopping() && !self.is_over() {
            let now = now();
            self.take_joining();
            let more = self.cards.capture(now, |card, frame| {
                self.forwarder.handle_frame(u8::try_from(card).unwrap_or(u8::MAX), frame, now);
            });
            if self.take_reports(now) {
                // A viewer that has come wants to know whose frames these are.
                status_at = now;
            }
            while let Some(message) = self.forwarder.poll_message(now) {
                self.outgoing.push((Kind::Frames, message.to_vec()));
            }
            if now >= status_at {
                status_at = now + STATUS_INTERVAL;
                self.tell_status(now);
            }
            if !more {
                self.wait(status_at, now);
            }
        }
        self.figures.end(&self.forwarder, self.outgoing.dropped(), now());
    }

    /// Whether the time is up, or the last recording has been played and all of it forwarded.
    fn is_over(&self) -> bool {
        let played = self.cards.have_ended() && self.joining.is_closed() && self.forwarder.poll_timeout().is_none();
        played || self.until.is_some_and(|until| now() >= until)
    }

    /// Takes what viewers reported; returns whether there is one more of them.
    fn take_reports(&mut self, now: Instant) -> bool {
        let viewers = self.forwarder.stats(now).viewers;
        for _ in 0..REPORTS_A_TURN {
            let Some((_, report)) = self.reports.pop() else { break };
            self.forwarder.handle_report(&report, now);
        }
        self.forwarder.stats(now).viewers > viewers
    }

    fn take_joining(&mut self) {
        while let Some(air) = self.joining.take() {
            let name = air.name().to_owned();
            match self.cards.add_among(air, MAX_CARDS) {
                Some(_) => tell(&format!("{name} joins")),
                None => tell(&format!("{name} is not forwarded: a relay has at most {MAX_CARDS} cards")),
            }
        }
    }

    fn tell_status(&mut self, now: Instant) {
        self.cards.tell_states(now);
        self.reaching.look(now);
        let (names, faults, dropped) = (self.cards.names(), self.cards.faults(), self.cards.dropped());
        let seen = self.board.with(|seen| {
            (seen.airs, seen.faults, seen.dropped_by_machine) = (names, faults, dropped);
            seen.clone()
        });
        let status = self.figures.tell(&self.forwarder, &seen, self.outgoing.dropped(), now);
        self.outgoing.push((Kind::Status, status));
    }

    fn wait(&self, status_at: Instant, now: Instant) {
        let due = self.cards.wait(now).map(|wait| now + wait);
        let next = [due, self.forwarder.poll_timeout(), self.until, Some(status_at)].into_iter().flatten().min();
        let patience = next.map(|next| next.saturating_duration_since(now));
        let others = [self.control.as_fd(), self.reports.as_fd()];
        self.cards.wait_for_frames(others.into_iter(), patience);
    }
}
