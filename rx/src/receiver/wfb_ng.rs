//! The receiver of the field's standard, WFB-NG: captured frames in, datagrams in order out.
//!
//! ```text
//! handle_frame ─▸ radiotap ─▸ 802.11 ─▸ our channel? ─▸ session packet ─▸ sessions
//!                              foreign ◂──┘           └▸ data packet ─▸ heard before? ─▸ open ─▸ blocks ─▸ units ─▸ poll_datagram
//!                                                           duplicate ◂──┘   waiting ◂──┘
//! ```
//!
//! | room | what lives there |
//! |---|---|
//! | `sessions` | which session is followed, and the rule by which recordings are told from the air |
//! | `entering`, `seen` | session packets as they come, those that were opened before, and what waits for them |
//! | `run` | the session followed: what was heard of it |
//! | `blocks`, `block` | fragments into datagrams in order, the missing ones rebuilt |
//! | `progress`, `pace` | what may still come, and how long pauses usually are |
//! | `units` | where units begin and end |
//!
//! A packet that no known key opens waits for a session packet that comes later: the transmitter sends one a second, and
//! what came before the first is as good as what comes behind it. Opening a session packet costs less than opening a data
//! packet, since what X25519 makes of the keys is made once; a flood of forged ones costs what a flood of forged data does.
//!
//! Nothing is handed on before its turn: the next block shows what will not come, so that at 4 Mbit/s and 8/12 no picture
//! stands for the 85 ms behind which our own dialect shows damage, though a quarter is lost in bursts.

mod block;
mod blocks;
mod entering;
mod pace;
mod progress;
mod run;
mod seen;
mod sessions;
mod units;

use std::time::{Duration, Instant};

use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::{DATA_PACKET, PacketId};
use skylark_common::wfb_ng::session::SESSION_PACKET;
use skylark_common::wire::WireError;
use skylark_common::wire::packet::PacketHeader;
use skylark_common::wire::radiotap::RxHeader;

use super::card::{Card, Outcome};
use super::cards::Cards;
use super::heard::Look;
use super::waiting::{Room, Waiting};
use super::{Datagram, PacketName};
use crate::stats::{Hearing, RxStats};
use run::Run;
use seen::Seen;
use sessions::{Sessions, Stranger};

/// A session packet comes every second; 1.4 s of 8 Mbit/s at two cards, some 6 MiB, and 16 MiB of the longest frames.
const ROOM: Room = Room { patience: Duration::from_millis(1100), frames: 4096 };
/// Packets of all sessions have one name: which session they are of shows when they are opened.
const ANY_SESSION: u32 = 0;

/// What a receiver of WFB-NG is told once, at its start.
#[derive(Debug, Clone, Copy)]
pub struct WfbNgConfig {
    /// Which stream to listen to.
    pub channel: ChannelId,
    /// How long a missing datagram holds back those that follow it where nothing else shows that it will not come, 0 to
    /// 5 s, default 150 ms.
    pub latency_budget: Duration,
}

/// The state machine of a WFB-NG receiver, with the contract of [`super::Receiver`].
#[derive(Debug)]
pub struct WfbNgReceiver {
    config: WfbNgConfig,
    key: EndKey,
    sessions: Sessions,
    seen: Seen,
    run: Option<Run>,
    /// The session that was followed before, until what was there of it has been handed on.
    left: Option<Run>,
    waiting: Waiting,
    /// Frames that waited and have yet to be tried with the key of the session that was entered.
    untried: usize,
    cards: Cards<PacketId>,
    hearing: Hearing,
    body: Vec<u8>,
}

/// A data packet and how it came.
#[derive(Debug, Clone, Copy)]
struct Heard<'a> {
    card: usize,
    info: &'a RxHeader,
    id: PacketId,
    sealed: &'a [u8],
    at: Instant,
}

impl WfbNgReceiver {
    /// A receiver that has heard nothing. `key` is what `gs.key` holds for what comes from the aircraft.
    #[must_use]
    pub fn new(config: WfbNgConfig, key: EndKey, _now: Instant) -> Self {
        Self {
            config,
            key,
            sessions: Sessions::default(),
            seen: Seen::default(),
            run: None,
            left: None,
            waiting: Waiting::new(ROOM),
            untried: 0,
            cards: Cards::default(),
            hearing: Hearing::default(),
            body: Vec::with_capacity(MAX_FRAME_BYTES),
        }
    }

    /// Takes a frame as a card captured it, radiotap header first.
    pub fn handle_frame(&mut self, card: usize, frame: &[u8], now: Instant) {
        while self.try_waiting() {}
        self.hearing.any = Some(now);
        let card = self.cards.admit(card);
        let outcome = self.take_frame(card, frame, now);
        self.cards.with(card, |card| card.captured(outcome, frame.len()));
        self.settle();
    }

    /// See [`super::Receiver::add_card`].
    pub fn add_card(&mut self, card: usize, beside: Option<usize>) {
        let card = self.cards.admit(card);
        while self.waiting.give_up_of(card) {
            self.cards.waited(card, Outcome::Unannounced);
        }
        self.untried = self.untried.min(self.waiting.len());
        self.seen.forget_card(card);
        self.run.iter_mut().for_each(|run| run.forget_card(card));
        self.cards.renew(card, beside);
    }

    /// Gives up what has been waited for long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.try_waiting() {}
        if let Some(at) = self.sessions.successor(now) {
            self.enter(at, now);
            return;
        }
        while let Some(card) = self.waiting.give_up(now) {
            self.cards.waited(card, self.in_vain(now));
        }
        self.run.iter_mut().for_each(|run| run.handle_timeout(now));
    }

    /// The next datagram in order, if it is there.
    pub fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        if self.left.as_mut().is_some_and(Run::is_ready) {
            return self.left.as_mut()?.poll_datagram();
        }
        self.left = None;
        while !self.run.as_mut().is_some_and(Run::is_ready) && self.try_waiting() {}
        self.run.as_mut()?.poll_datagram()
    }

    /// When to call `handle_timeout` if no frame comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let run = self.run.as_ref().and_then(Run::poll_timeout);
        run.into_iter().chain(self.sessions.poll_timeout()).chain(self.waiting.poll_timeout()).min()
    }

    /// Everything that was counted.
    #[must_use]
    pub fn stats(&self, now: Instant) -> RxStats {
        RxStats {
            streams: self.run.iter().map(Run::stream_stats).collect(),
            session: self.run.as_ref().map(Run::stats),
            sessions: self.sessions.count(),
            hearing: self.hearing,
            ..self.cards.stats(now)
        }
    }

    /// Frames this card brought that nobody with the key has sealed. What waited in vain while no session lived may have
    /// been sealed: session packets are few, and are lost as others are.
    #[must_use]
    pub fn unsealed(&self, card: usize) -> u64 {
        self.cards.frames(card).forged
    }

    /// The packet of the session followed in this frame, if it was heard and authentic: it needs no copy.
    #[must_use]
    pub fn known_packet(&self, frame: &[u8]) -> Option<PacketName> {
        let (info, channel, id, sealed) = data_packet(frame)?;
        let is_ours = channel == self.config.channel && !info.bad_fcs;
        self.run.as_ref().filter(|_| is_ours)?.known_packet(id, sealed)
    }

    fn take_frame(&mut self, card: usize, frame: &[u8], now: Instant) -> Outcome {
        let Ok((info, dot11)) = RxHeader::parse(frame) else { return Outcome::Truncated };
        if info.bad_fcs {
            self.cards.with(card, Card::damaged);
            return Outcome::BadFcs;
        }
        let (channel, packet) = match ChannelId::parse(dot11) {
            Ok(parsed) => parsed,
            Err(WireError::Truncated { .. }) => return Outcome::Truncated,
            Err(_) => {
                let is_skylark = PacketHeader::peek_link(dot11).is_some();
                self.hearing.other_dialect = is_skylark.then_some(now).or(self.hearing.other_dialect);
                return Outcome::Foreign;
            }
        };
        if channel != self.config.channel {
            self.hearing.other_channel = Some((now, channel));
            return Outcome::Foreign;
        }
        match packet.first() {
            Some(&DATA_PACKET) => match PacketId::parse(packet) {
                Ok((id, sealed)) => self.take_packet(Heard { card, info: &info, id, sealed, at: now }, frame),
                Err(_) => Outcome::Truncated,
            },
            Some(&SESSION_PACKET) => {
                let outcome = self.take_session(card, &info, packet, now);
                self.cards.with(card, |card| card.session_packet(outcome));
                outcome
            }
            Some(_) => Outcome::UnknownVersion,
            None => Outcome::Truncated,
        }
    }

    fn take_packet(&mut self, heard: Heard<'_>, frame: &[u8]) -> Outcome {
        if let Some(outcome) = self.take_known(heard) {
            return outcome;
        }
        let stranger = self.sessions.recognize(heard.id, heard.sealed, &mut self.body, heard.at);
        if stranger == Stranger::Stale {
            return Outcome::Replayed;
        }
        if self.sessions.is_silent(heard.at) {
            self.hearing.waiting_for_session = Some(heard.at);
        }
        let origin = self.cards.origin(heard.card);
        if let Some(card) = self.waiting.push(origin, ANY_SESSION, frame, heard.at) {
            self.cards.waited(card, self.in_vain(heard.at));
        }
        if let Stranger::Enter(at) = stranger {
            self.enter(at, heard.at);
        }
        Outcome::Waiting
    }

    /// A packet of the session followed; `None` if it is not of it.
    fn take_known(&mut self, heard: Heard<'_>) -> Option<Outcome> {
        let Heard { card, info, id, sealed, at } = heard;
        let run = self.run.as_mut()?;
        let number = run.number(id);
        match run.look(id, sealed, card) {
            Some(Look::Replayed) => return Some(Outcome::Replayed),
            Some(Look::Again) => {
                run.handle_again(id, card, at);
                return Some(Outcome::Duplicate);
            }
            Some(Look::Duplicate) => {
                run.handle_copy(id, sealed, card, at);
                self.cards.duplicate(card, info, (number, &id), at);
                return Some(Outcome::Duplicate);
            }
            Some(Look::Fresh) | None => {}
        }
        self.body.clear();
        self.body.extend_from_slice(sealed);
        let fragment = run.session().key.open(id, &mut self.body).ok()?;
        if run.is_too_old(id) {
            return Some(Outcome::Replayed);
        }
        run.remember(id, sealed, card);
        let outcome = run.handle_fragment(card, id, fragment, at);
        self.sessions.advanced(id, at);
        self.cards.first(card, info, (number, &id), at);
        Some(outcome)
    }

    /// What a frame is that waited in vain: where a session lives it is of none, else of one whose session packet was lost.
    fn in_vain(&self, now: Instant) -> Outcome {
        if self.sessions.is_silent(now) { Outcome::Unannounced } else { Outcome::Forged }
    }

    /// Tells every card which packets it should have heard.
    fn settle(&mut self) {
        let cards = &mut self.cards;
        if let Some(run) = &mut self.run {
            run.settle(|heard, count| cards.settled(heard, count));
        }
    }
}

/// The data packet in a frame that was captured, and its channel.
fn data_packet(frame: &[u8]) -> Option<(RxHeader, ChannelId, PacketId, &[u8])> {
    let (info, dot11) = RxHeader::parse(frame).ok()?;
    let (channel, packet) = ChannelId::parse(dot11).ok()?;
    let (id, sealed) = PacketId::parse(packet).ok()?;
    Some((info, channel, id, sealed))
}
