//! One session: its key, its clock, its streams, and what was heard of it.

use std::time::{Duration, Instant};

use skylark_common::VIDEO_STREAM;
use skylark_common::seal::SessionKey;
use skylark_common::wire::announce::Announce;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::repair;
use skylark_common::wire::symbol::CAPTURED_MODULUS_US;

use super::heard::{Heard, Look};
use super::known::Known;
use super::stream::{Arrival, StreamReceiver};
use super::{Datagram, Outcome};
use crate::stats::{SessionStats, StreamStats, Terms};

/// Streams followed in a session. A transmitter of ours has one or two; more are ignored.
const MAX_STREAMS: usize = 8;
/// A transmitter sends an announce every 100 ms: one that is silent for this long is gone or out of reach.
const SILENCE: Duration = Duration::from_millis(300);
/// Without an announce on schedule for this long, what is heard may be a recording of packets that were never
/// heard. Six announces are lost in a row only in a fade.
const UNCONFIRMED: Duration = Duration::from_millis(600);
/// How far a session's clock may seem off before its packets must be recordings: more than any queue and
/// any crystal explain within the time a session is remembered.
const CLOCK_TOLERANCE_US: i64 = 500_000;
/// The offset between the clocks is the least of about this time.
const OFFSET_PERIOD: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Session {
    key: SessionKey,
    patience: Patience,
    started: Instant,
    announce: Announce,
    announced: Instant,
    entered: Instant,
    last_heard: Instant,
    last_on_schedule: Instant,
    offset: Offset,
    streams: Vec<StreamReceiver>,
    heard: Vec<HeardKind>,
}

/// How long what is missing is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Before those behind it are handed on without it.
    pub(super) budget: Duration,
    /// Before what is there of video is handed on early.
    pub(super) early: Option<Duration>,
}

/// The packets of one kind in one stream.
#[derive(Debug)]
struct HeardKind {
    stream: u8,
    kind: Kind,
    heard: Heard,
}

impl HeardKind {
    fn is_of(&self, header: &PacketHeader) -> bool {
        self.stream == header.stream && self.kind == header.kind
    }
}

impl Session {
    pub(super) fn new(key: SessionKey, announce: Announce, patience: Patience, started: Instant, now: Instant) -> Self {
        Self {
            key,
            patience,
            started,
            announce,
            announced: now,
            entered: now,
            last_heard: now,
            last_on_schedule: now,
            offset: Offset::default(),
            streams: Vec::new(),
            heard: Vec::new(),
        }
    }

    pub(super) const fn id(&self) -> u32 {
        self.key.id()
    }

    pub(super) const fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Whether nothing shows that its transmitter is alive and in reach.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_heard) >= SILENCE
            || now.saturating_duration_since(self.last_on_schedule) >= UNCONFIRMED
    }

    /// When it was entered first.
    pub(super) const fn entered(&self) -> Instant {
        self.entered
    }

    /// Frees what only a session that is followed needs. What was heard of it stays remembered.
    pub(super) fn put_on_hold(&mut self) {
        self.streams = Vec::new();
    }

    /// When it started by the transmitter's wall clock, if it has one.
    pub(super) const fn order(&self) -> Option<u64> {
        self.announce.unix_start_us
    }

    /// Whether an announce shows the time this session's clock must show now: a recording shows an earlier
    /// one. Measured against the least offset seen, which no announce played back late can change.
    pub(super) fn is_on_schedule(&self, announce: &Announce, now: Instant) -> bool {
        self.offset_us(announce, now).saturating_sub(self.offset.least_us()) < CLOCK_TOLERANCE_US
    }

    pub(super) fn stats(&self) -> SessionStats {
        SessionStats { id: self.id(), last_heard: self.last_heard, terms: Terms::Skylark(self.announce) }
    }

    pub(super) fn stream_stats(&self) -> Vec<StreamStats> {
        self.streams.iter().map(StreamReceiver::stats).collect()
    }

    /// What is known of a packet before its seal is looked at.
    pub(super) fn look(&self, header: &PacketHeader, card: usize) -> Look {
        let kind = self.heard.iter().find(|kind| kind.is_of(header));
        kind.map_or(Look::Fresh, |kind| kind.heard.look(header.sequence, card))
    }

    /// Which of the newest packets need no copy: one entry for each kind heard in each stream.
    pub(super) fn known(&self) -> impl Iterator<Item = Known> {
        self.heard.iter().filter_map(|kind| {
            let stream = self.streams.iter().find(|stream| stream.number() == kind.stream);
            Known::of((self.id(), kind.stream, kind.kind), &kind.heard, stream)
        })
    }

    /// Whether a packet needs no copy.
    pub(super) fn knows(&self, header: &PacketHeader) -> bool {
        let stream = self.streams.iter().find(|stream| stream.number() == header.stream);
        let recovered = header.kind == Kind::Source && stream.is_some_and(|stream| stream.is_known(header.sequence));
        recovered || self.heard.iter().any(|kind| kind.is_of(header) && kind.heard.is_heard(header.sequence))
    }

    /// Notes that a card heard a packet that was opened, this copy of it or another.
    pub(super) fn remember(&mut self, header: &PacketHeader, card: usize) {
        if let Some(heard) = self.heard_kind(header) {
            heard.remember(header.sequence, card);
        }
    }

    /// Another card has this number from here on.
    pub(super) fn forget_card(&mut self, card: usize) {
        self.heard.iter_mut().for_each(|kind| kind.heard.forget_card(card));
    }

    /// Hands the set of cards that heard them, and how many in a row, to `settled`, for every source packet that has
    /// reached all cards it will. Of repairs nobody knows: one that found no gap on the air has a number all the same.
    pub(super) fn settle(&mut self, mut settled: impl FnMut(u64, u64)) {
        for HeardKind { kind, heard, .. } in &mut self.heard {
            heard.settle(|cards, count| {
                if *kind == Kind::Source {
                    settled(cards, count);
                }
            });
        }
    }

    /// Takes the opened body of a packet.
    pub(super) fn handle_body(&mut self, header: &PacketHeader, body: &[u8], now: Instant) -> Outcome {
        self.last_heard = now;
        if header.kind == Kind::Announce {
            return self.handle_announce(header, body, now);
        }
        let Some(stream) = self.stream(header.stream) else { return Outcome::Used };
        match header.kind {
            Kind::Source => match stream.handle_source(header.sequence, body, now) {
                Arrival::InTime => {}
                Arrival::Late => return Outcome::Late,
                Arrival::Recovered => return Outcome::Duplicate,
            },
            Kind::WindowRepair => match repair::parse_window(header.sequence, body) {
                Ok((id, symbol)) => stream.handle_window_repair(id, symbol, now),
                Err(_) => stream.handle_malformed(),
            },
            Kind::BlockRepair => match repair::parse_block(body) {
                Ok((id, symbol)) => stream.handle_block_repair(id, symbol, now),
                Err(_) => stream.handle_malformed(),
            },
            Kind::Announce => {}
        }
        Outcome::Used
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.streams.iter_mut().for_each(|stream| stream.handle_timeout(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.streams.iter().filter_map(StreamReceiver::poll_timeout).min()
    }

    pub(super) fn poll_datagram(&mut self) -> Option<Datagram<'_>> {
        let (id, captured) = (self.id(), self.captured());
        let ready = self.streams.iter().position(StreamReceiver::is_ready)?;
        self.streams.get_mut(ready)?.poll_datagram(id, captured)
    }

    pub(super) fn poll_early(&mut self) -> Option<Datagram<'_>> {
        let (id, captured) = (self.id(), self.captured());
        self.streams.iter_mut().find(|stream| stream.is_early())?.poll_early(id, captured)
    }

    /// Makes a whole capture time of its low bits and when its datagram was there.
    fn captured(&self) -> impl Fn(u32, Instant) -> u64 + use<> {
        let (session_time_us, announced) = (self.announce.session_time_us, self.announced);
        move |low, available| {
            let since = available.saturating_duration_since(announced).as_micros();
            unwrap_captured(low, session_time_us.saturating_add(u64::try_from(since).unwrap_or(0)))
        }
    }

    fn handle_announce(&mut self, header: &PacketHeader, body: &[u8], now: Instant) -> Outcome {
        let announce = Announce::parse(body).ok();
        let Some(stream) = self.stream(header.stream) else { return Outcome::Used };
        let Some(announce) = announce else {
            stream.handle_malformed();
            return Outcome::Used;
        };
        stream.handle_announce(announce.fec, announce.next_esi, now);
        let is_newest = announce.session_time_us >= self.announce.session_time_us;
        if is_newest && self.streams.first().is_some_and(|first| first.number() == header.stream) {
            self.announce = announce;
            self.announced = now;
        }
        self.offset.add(self.offset_us(&announce, now), now);
        if self.is_on_schedule(&announce, now) {
            self.last_on_schedule = now;
        }
        Outcome::Used
    }

    /// Arrival on our clock − session time on the transmitter's, in µs.
    fn offset_us(&self, announce: &Announce, now: Instant) -> i64 {
        let arrival_us = now.saturating_duration_since(self.started).as_micros();
        signed_difference(arrival_us, announce.session_time_us)
    }

    /// The stream of this number, kept in order of numbers; `None` if there are too many.
    fn stream(&mut self, number: u8) -> Option<&mut StreamReceiver> {
        let place = self.streams.binary_search_by_key(&number, StreamReceiver::number);
        let place = match place {
            Ok(place) => place,
            Err(_) if self.streams.len() >= MAX_STREAMS => return None,
            Err(place) => {
                let Patience { budget, early } = self.patience;
                let early = early.filter(|_| number == VIDEO_STREAM);
                self.streams.insert(place, StreamReceiver::new(number, budget, early));
                place
            }
        };
        self.streams.get_mut(place)
    }

    fn heard_kind(&mut self, header: &PacketHeader) -> Option<&mut Heard> {
        let place = self.heard.iter().position(|kind| kind.is_of(header));
        let place = match place {
            Some(place) => place,
            None if self.heard.len() >= MAX_STREAMS * 4 => return None,
            None => {
                self.heard.push(HeardKind { stream: header.stream, kind: header.kind, heard: Heard::new() });
                self.heard.len().saturating_sub(1)
            }
        };
        self.heard.get_mut(place).map(|kind| &mut kind.heard)
    }
}

/// The least of (arrival − session time), taken anew every period so that drifting crystals are followed.
#[derive(Debug, Default)]
struct Offset {
    current: Option<(i64, Instant)>,
    last: Option<i64>,
}

impl Offset {
    fn add(&mut self, offset_us: i64, now: Instant) {
        match &mut self.current {
            Some((least, since)) if now.saturating_duration_since(*since) < OFFSET_PERIOD => {
                *least = offset_us.min(*least);
            }
            current => self.last = current.replace((offset_us, now)).map(|(least, _)| least),
        }
    }

    fn least_us(&self) -> i64 {
        let current = self.current.map(|(least, _)| least);
        current.into_iter().chain(self.last).min().unwrap_or(0)
    }
}

fn signed_difference(a_us: u128, b_us: u64) -> i64 {
    let a = i128::try_from(a_us).unwrap_or(i128::MAX);
    i64::try_from(a.saturating_sub(i128::from(b_us))).unwrap_or(0)
}

/// The capture time with these low bits that is nearest to `about_us`.
fn unwrap_captured(low: u32, about_us: u64) -> u64 {
    let modulus = u64::from(CAPTURED_MODULUS_US);
    let half = modulus / 2;
    let base = about_us.saturating_sub(about_us % modulus).saturating_add(u64::from(low));
    if base > about_us.saturating_add(half) {
        base.checked_sub(modulus).unwrap_or(base)
    } else if base.saturating_add(half) < about_us {
        base.saturating_add(modulus)
    } else {
        base
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

    use skylark_common::fec::{Code, FecConfig};
    use skylark_common::seal::LinkKey;
    use skylark_common::wire::announce::Payload;
    use skylark_common::wire::link::LinkId;

    use super::*;

    const ANNOUNCE: Announce = Announce {
        session_time_us: 0,
        unix_start_us: None,
        clock_id: None,
        next_esi: 0,
        unit_interval_us: None,
        payload: Payload::Opaque,
        fec: FecConfig { code: Code::None, redundancy_permille: 0, window_units: 0 },
        latency: None,
    };

    #[test]
    fn copies_whose_seal_nobody_looked_at_do_not_keep_a_session_alive() {
        let now = Instant::now();
        let key = SessionKey::derive(&LinkKey::from_bytes([7; 32]), &[9; 16]);
        let session = key.id();
        let mut followed = Session::new(key, ANNOUNCE, Patience { budget: Duration::ZERO, early: None }, now, now);
        let header =
            PacketHeader { link: LinkId::from_name("default"), stream: 0, kind: Kind::Source, session, sequence: 5 };
        followed.remember(&header, 1);
        assert_eq!(followed.last_heard, now);
        followed.handle_body(&header, &[], now + OFFSET_PERIOD);
        assert_eq!(followed.last_heard, now + OFFSET_PERIOD);
    }

    #[test]
    fn a_capture_time_is_the_one_nearest_to_the_session_time() {
        let modulus = u64::from(CAPTURED_MODULUS_US);
        for captured in [0, 5, modulus - 1, modulus, 3 * modulus + 17, 10 * modulus - 1] {
            for later in [0, 1, 40_000, 900_000] {
                let low = u32::try_from(captured % modulus).unwrap();
                assert_eq!(unwrap_captured(low, captured + later), captured);
                assert_eq!(unwrap_captured(low, captured.saturating_sub(later)), captured);
            }
        }
    }
}
