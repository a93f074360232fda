//! The pure core of the receiver: captured frames in, datagrams in order out.
//!
//! ```text
//! handle_frame ─▸ radiotap ─▸ 802.11 ─▸ our link? ─▸ heard before? ─▸ open ─▸ stream ─▸ poll_datagram
//!                              foreign ◂──┘   duplicate ◂──┘   forged ◂──┘
//! ```

mod card;
mod cards;
mod combine;
mod dialect;
mod fairness;
mod heard;
mod known;
mod meter;
mod order;
mod race;
mod session;
mod sessions;
mod stream;
mod waiting;
pub mod wfb_ng;

use std::time::{Duration, Instant};

use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::seal::LinkKey;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wire::WireError;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;

pub use dialect::DialectReceiver;
pub use known::{Known, PacketName, Told};

use card::{Card, Outcome};
use cards::Cards;
use combine::Combiner;
pub use heard::MAX_CARDS;
use heard::{Look, REBUILT};
use session::{Patience, Session};
use sessions::{Sessions, Verdict};
use waiting::{Room, Waiting};

use crate::stats::{Hearing, RxStats};

/// Bit of the stream number that says ground to air.
const UPWARD: u8 = 0x80;

/// What a receiver is told once, at its start.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverConfig {
    /// Which link to listen to.
    pub link: LinkId,
    /// How long a missing datagram holds back those that follow it, 0 to 5 s, default 150 ms. Longer: more
    /// is repaired after a fade, and the picture stands still for as long.
    pub latency_budget: Duration,
    /// How long no unit of video may have been handed on before what is there behind a missing datagram can be had by
    /// [`Receiver::poll_early`], default none: it cannot. Shorter: a viewer sees damage sooner, and more of it.
    pub early: Option<Duration>,
    /// Whether packets are put together from damaged copies of several cards, default true. It costs memory
    /// and some computing, and nothing where no card hands on frames with a wrong FCS.
    pub combining: bool,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        let latency_budget = Duration::from_millis(150);
        Self { link: LinkId::from_name("default"), latency_budget, early: None, combining: true }
    }
}

/// A datagram handed on, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The session it belongs to: another number than before means that the transmitter was restarted.
    pub session: u32,
    /// The stream it belongs to: 0 is video.
    pub stream: u8,
    /// Its number in the stream, wrapping.
    pub esi: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether it is the first of its unit.
    pub start_of_unit: bool,
    /// Whether it is the last of its unit.
    pub end_of_unit: bool,
    /// Whether its unit can be decoded without any before it.
    pub keyframe: bool,
    /// How many datagrams of this stream are missing between the one handed on before and this one.
    pub missing_before: u32,
    /// Whether repairs brought it back.
    pub recovered: bool,
    /// On the first datagram of a unit: when the unit was captured, in µs since the session's start.
    pub captured_us: Option<u64>,
    /// When the first datagram of its unit, of those handed on so far, was there.
    pub heard: Instant,
    /// When it was there, heard or recovered.
    pub available: Instant,
}

/// The receiver's state machine.
///
/// **After every `handle_frame` and `handle_timeout`, call `poll_datagram` until it returns `None`, then
/// wait no longer than `poll_timeout`.** Where [`ReceiverConfig::early`] is given, drain `poll_early` behind it. Nothing that is captured makes it fail: every frame is counted
/// once, by what became of it. Holds at most 62 cards, the session it follows and 16 on hold; about 10 MiB for
/// one stream.
#[derive(Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    key: LinkKey,
    sessions: Sessions,
    waiting: Waiting,
    combiner: Combiner,
    cards: Cards<PacketHeader>,
    hearing: Hearing,
    body: Vec<u8>,
}

impl Receiver {
    /// A receiver that has heard nothing.
    #[must_use]
    pub fn new(config: ReceiverConfig, key: &LinkKey, now: Instant) -> Self {
        Self {
            key: key.clone(),
            sessions: Sessions::new(Patience { budget: config.latency_budget, early: config.early }, now),
            waiting: Waiting::new(Room::SKYLARK),
            combiner: Combiner::new(config.link, config.latency_budget),
            cards: Cards::default(),
            hearing: Hearing::default(),
            body: Vec::with_capacity(MAX_FRAME_BYTES),
            config,
        }
    }

    /// Takes a frame as a card captured it, radiotap header first.
    pub fn handle_frame(&mut self, card: usize, frame: &[u8], now: Instant) {
        self.hearing.any = Some(now);
        let card = self.cards.admit(card);
        let outcome = self.take_frame(card, frame, now);
        self.cards.with(card, |card| card.captured(outcome, frame.len()));
        self.settle();
    }

    /// A card has this number from here on, whoever had it before: it begins with nothing counted, and what it misses
    /// counts though it may never bring a frame. A card that was not added counts from its first frame on.
    ///
    /// `beside` is another card of the same station, a relay: where room or effort is scarce all its cards have the
    /// share of one.
    pub fn add_card(&mut self, card: usize, beside: Option<usize>) {
        let card = self.cards.admit(card);
        while self.waiting.give_up_of(card) {
            self.gave_up(card);
        }
        self.sessions.forget_card(card);
        self.cards.renew(card, beside);
    }

    /// Gives up what has been waited for long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(card) = self.waiting.give_up(now) {
            self.gave_up(card);
        }
        self.sessions.handle_timeout(now);
    }

    /// The next datagram in order, if it is there.
    pub fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        self.sessions.current()?.poll_datagram()
    }

    /// The next datagram of video behind one that has been missing for too long: each at most once, in order, with what
    /// is missing before it. All of them come through `poll_datagram` again.
    pub fn poll_early(&mut self) -> Option<Datagram<'_>> {
        self.sessions.current()?.poll_early()
    }

    /// When to call `handle_timeout` if no frame comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sessions.poll_timeout().into_iter().chain(self.waiting.poll_timeout()).min()
    }

    /// Everything that was counted.
    #[must_use]
    pub fn stats(&self, now: Instant) -> RxStats {
        RxStats {
            streams: self.sessions.followed().map(Session::stream_stats).unwrap_or_default(),
            session: self.sessions.followed().map(Session::stats),
            sessions: self.sessions.count(),
            combining: self.combiner.stats(),
            hearing: self.hearing,
            ..self.cards.stats(now)
        }
    }

    /// Frames this card brought that nobody with the key has sealed: forged, or of a session that waited for its announce
    /// in vain.
    #[must_use]
    pub fn unsealed(&self, card: usize) -> u64 {
        let frames = self.cards.frames(card);
        frames.forged + frames.unannounced
    }

    fn take_frame(&mut self, card: usize, frame: &[u8], now: Instant) -> Outcome {
        let Ok((info, dot11)) = RxHeader::parse(frame) else { return Outcome::Truncated };
        if info.bad_fcs {
            self.cards.with(card, Card::damaged);
            self.take_damaged(card, dot11, now);
            return Outcome::BadFcs;
        }
        let (header, sealed) = match PacketHeader::parse(dot11) {
            Ok(parsed) => parsed,
            Err(error) => return self.refuse(error, dot11, now),
        };
        if header.link != self.config.link || header.stream & UPWARD != 0 {
            self.hearing.other_link =
                (header.link != self.config.link).then_some((now, header.link)).or(self.hearing.other_link);
            return Outcome::Foreign;
        }
        let outcome = match self.sessions.followed().map(Session::id) {
            Some(id) if id == header.session => self.take_packet(card, &info, &header, sealed, now),
            _ if header.kind == Kind::Announce => self.take_announce(card, &info, &header, sealed, now),
            _ => {
                if let Some(card) = self.waiting.push(self.cards.origin(card), header.session, frame, now) {
                    self.gave_up(card);
                }
                Outcome::Waiting
            }
        };
        if header.kind == Kind::Announce {
            self.cards.with(card, |card| card.session_packet(outcome));
        }
        outcome
    }

    /// A damaged copy, counted already: perhaps the one that was missing to rebuild its packet.
    fn take_damaged(&mut self, card: usize, dot11: &[u8], now: Instant) {
        let origin = self.cards.origin(card);
        let Some(session) = self.sessions.current().filter(|_| self.config.combining) else { return };
        if let Some((header, body)) = self.combiner.handle_copy(origin, dot11, session, now) {
            session.remember(&header, REBUILT);
            session.handle_body(&header, body, now);
        }
    }

    fn refuse(&mut self, error: WireError, dot11: &[u8], now: Instant) -> Outcome {
        let ours = PacketHeader::peek_link(dot11) == Some(self.config.link);
        match error {
            WireError::Version { found, .. } if ours => {
                self.hearing.other_version = Some((now, found));
                Outcome::UnknownVersion
            }
            WireError::Malformed { .. } if ours => Outcome::UnknownVersion,
            WireError::Truncated { .. } => Outcome::Truncated,
            WireError::Version { .. } | WireError::Malformed { .. } | WireError::Foreign => {
                if ChannelId::parse(dot11).is_ok() {
                    self.hearing.other_dialect = Some(now);
                }
                Outcome::Foreign
            }
        }
    }

    /// A packet of the session that is followed.
    fn take_packet(
        &mut self,
        card: usize,
        info: &RxHeader,
        header: &PacketHeader,
        sealed: &[u8],
        now: Instant,
    ) -> Outcome {
        let Some(session) = self.sessions.current() else { return Outcome::Waiting };
        match session.look(header, card) {
            Look::Replayed => return Outcome::Replayed,
            Look::Again => return Outcome::Duplicate,
            Look::Duplicate => {
                session.remember(header, card);
                self.cards.duplicate(card, info, (header.sequence, header), now);
                return Outcome::Duplicate;
            }
            Look::Fresh => {}
        }
        let sealed = if header.kind == Kind::Announce { sessions::behind_salt(sealed) } else { Some(sealed) };
        let Some(sealed) = sealed else { return Outcome::Truncated };
        self.body.clear();
        self.body.extend_from_slice(sealed);
        let Ok(body) = session.key().open(header, &mut self.body) else { return Outcome::Forged };
        session.remember(header, card);
        self.combiner.forget(header);
        let outcome = session.handle_body(header, body, now);
        self.cards.first(card, info, (header.sequence, header), now);
        outcome
    }

    /// An announce of a session that is not followed: perhaps of one to follow.
    fn take_announce(
        &mut self,
        card: usize,
        info: &RxHeader,
        header: &PacketHeader,
        sealed: &[u8],
        now: Instant,
    ) -> Outcome {
        match self.sessions.judge(&self.key, header, sealed, now) {
            Verdict::Truncated => Outcome::Truncated,
            Verdict::Forged => {
                self.hearing.other_key = Some(now);
                Outcome::Forged
            }
            Verdict::Stale => Outcome::Replayed,
            Verdict::Enter => {
                self.take_waiting(header.session);
                self.take_packet(card, info, header, sealed, now)
            }
        }
    }

    /// The session has been entered: what waited for it is read.
    fn take_waiting(&mut self, session: u32) {
        while let Some(frame) = self.waiting.take(session) {
            let card = frame.origin.card;
            self.cards.with(card, Card::waited);
            if let Ok((info, dot11)) = RxHeader::parse(&frame.bytes)
                && let Ok((header, sealed)) = PacketHeader::parse(dot11)
            {
                let outcome = self.take_packet(card, &info, &header, sealed, frame.at);
                self.cards.with(card, |card| card.count(outcome));
            }
        }
    }

    /// A frame of this card waited in vain.
    fn gave_up(&mut self, card: usize) {
        self.cards.waited(card, Outcome::Unannounced);
    }

    /// Tells every card which packets it should have heard.
    fn settle(&mut self) {
        let cards = &mut self.cards;
        if let Some(session) = self.sessions.current() {
            session.settle(|heard, count| cards.settled(heard, count));
        }
    }
}
