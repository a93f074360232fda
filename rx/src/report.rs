//! What everything came to over the last second: the figures of the stats line and of the OSD, in one place.

mod cards;
#[cfg(test)]
mod documented;
mod latency;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use skylark_common::VIDEO_STREAM;
use skylark_common::fec::FecConfig;
use skylark_common::ledger::Summary;
use skylark_common::wire::announce::Payload;
use skylark_rx::stats::{CombiningStats, FrameStats, RxStats, SessionStats, StreamStats};

#[cfg_attr(not(feature = "window"), expect(unused_imports, reason = "only the OSD takes figures one by one"))]
pub(crate) use latency::{Latency, Took, Unknown};

pub(crate) use cards::{CardReport, Quality, sources};

use crate::board::{OutputStats, PictureStats, Seen, stage};
use crate::link::relayed::RelaySeen;
use crate::signal::{Evidence, Names, Signal, State};
use crate::verdict::Judge;

/// Rates are taken over this many reports: four a second make one second.
const RATE_REPORTS: usize = 4;

/// What everything came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Time since the program's start.
    pub(crate) t_ms: u64,
    /// Whether there is a picture, and if not, why.
    pub(crate) signal: SignalReport,
    /// The session that is followed.
    pub(crate) session: Option<SessionReport>,
    /// Sessions followed since the start.
    pub(crate) sessions: u64,
    /// Rates over the last second.
    pub(crate) rates: Rates,
    /// Pictures.
    pub(crate) picture: PictureReport,
    /// What each stage took.
    pub(crate) latency: Latency,
    /// The cards in the order they were given.
    pub(crate) cards: Vec<CardReport>,
    /// The relays.
    pub(crate) relays: Vec<RelaySeen>,
    /// Messages of relays that this machine did not take in time.
    pub(crate) relay_messages_dropped: u64,
    /// The streams of the session.
    pub(crate) streams: Vec<StreamStats>,
    /// What became of every captured frame.
    pub(crate) frames: FrameStats,
    /// What became of damaged copies.
    pub(crate) combining: CombiningStats,
    /// What became of what goes out.
    pub(crate) outputs: OutputStats,
}

/// Whether there is a picture, and if not, why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SignalReport {
    /// In one word.
    pub(crate) state: State,
    /// In one sentence.
    pub(crate) reason: String,
    /// Time since the transmitter was last heard; none when it never was.
    pub(crate) silent_ms: Option<u64>,
    /// A picture older than this is frozen.
    pub(crate) frozen_after_ms: u64,
    /// For whoever wants to tell them apart without reading.
    #[serde(skip)]
    pub(crate) signal: Signal,
}

/// The session that is followed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SessionReport {
    /// Its number on the air, as six hexadecimal digits.
    #[serde(serialize_with = "hexadecimal")]
    pub(crate) id: u32,
    /// What the datagrams are.
    pub(crate) payload: Payload,
    /// How the stream is protected.
    pub(crate) fec: FecConfig,
    /// Whether the transmitter's clock is ours.
    pub(crate) shared_clock: bool,
}

/// Rates over the last second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Rates {
    /// Video handed on.
    pub(crate) bits_per_s: u64,
    /// Units heard of, per 1000 s.
    pub(crate) units_per_1000_s: u64,
    /// Pictures decoded, per 1000 s.
    pub(crate) pictures_per_1000_s: u64,
}

/// Pictures: counts and ages.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct PictureReport {
    /// Counts since the start.
    #[serde(flatten)]
    pub(crate) stats: PictureStats,
    /// Age of the last picture.
    pub(crate) age_ms: Option<u64>,
    /// How long pictures have been concealed without a good one between; 0 when the last one is good.
    pub(crate) concealed_ms: u64,
}

/// Makes reports, and remembers what rates need.
#[derive(Debug)]
pub(crate) struct Reporting {
    names: Names,
    started: Instant,
    decodes: bool,
    before: VecDeque<(Instant, Seen)>,
    summaries: [Summary; stage::COUNT],
    judge: Judge,
}

impl Reporting {
    /// Nothing reported so far; `decodes` says whether pictures are wanted.
    pub(crate) fn new(names: Names, decodes: bool, now: Instant) -> Self {
        let (before, summaries) = (VecDeque::new(), Default::default());
        Self { names, started: now, decodes, before, summaries, judge: Judge::default() }
    }

    /// Takes what the ledger says of the last second, for the reports of the next.
    pub(crate) fn set_ledger(&mut self, summaries: [(&'static str, Summary); stage::COUNT]) {
        self.summaries = summaries.map(|(_, summary)| summary);
    }

    /// What it came to at `now`; call it [`RATE_REPORTS`] times a second.
    pub(crate) fn report(&mut self, seen: &Seen, now: Instant) -> Report {
        let session = seen.rx.session;
        let report = Report {
            t_ms: millis(now, self.started),
            signal: self.signal(seen, now),
            session: session.map(|session| SessionReport::of(&session, seen.shared_clock)),
            sessions: seen.rx.sessions,
            rates: self.rates(seen, now),
            picture: PictureReport {
                stats: seen.pictures,
                age_ms: seen.last_picture.map(|at| millis(now, at)),
                concealed_ms: seen.concealed_since.map_or(0, |at| millis(now, at)),
            },
            latency: Latency::of(session.as_ref(), self.unknown(seen), &self.summaries),
            cards: self.cards(seen, now),
            relays: seen.relays.clone(),
            relay_messages_dropped: seen.relay_messages_dropped,
            streams: seen.rx.streams.clone(),
            frames: seen.rx.frames,
            combining: seen.rx.combining,
            outputs: seen.outputs,
        };
        if self.before.len() >= RATE_REPORTS {
            self.before.pop_front();
        }
        self.before.push_back((now, seen.clone()));
        report
    }

    /// Why the time from the camera on cannot be known, if it cannot.
    fn unknown(&self, seen: &Seen) -> Option<Unknown> {
        seen.rx.session?;
        if self.names.are_recordings() {
            return Some(Unknown::Recorded);
        }
        (!seen.shared_clock).then_some(Unknown::NoSharedClock)
    }

    fn signal(&self, seen: &Seen, now: Instant) -> SignalReport {
        let mut hearing = seen.rx.hearing;
        hearing.any = hearing.any.max(seen.other_traffic);
        let last_heard = seen.rx.session.map(|session| session.last_heard);
        let evidence = Evidence {
            hearing,
            session: seen.rx.session.map(|session| (session.last_heard, session.announce.payload)),
            last_datagram: seen.last_datagram,
            last_picture: seen.last_picture,
            picture_interval: seen
                .rx
                .session
                .and_then(|session| session.announce.unit_interval_us.map(|us| Duration::from_micros(us.into()))),
            decodes: self.decodes,
        };
        let fault = Self::fault_of_all_cards(seen);
        let (signal, reason) = match (evidence.signal(now), fault) {
            (Signal::Nothing | Signal::NotSkylark, Some(fault)) => (Signal::DeafCards, fault),
            (signal, _) => (signal, signal.reason(&self.names)),
        };
        SignalReport {
            state: signal.state(),
            reason,
            silent_ms: last_heard.map(|at| millis(now, at)),
            frozen_after_ms: whole_millis(evidence.frozen_after()),
            signal,
        }
    }

    /// What is wrong with the first card, if something is wrong with every air.
    fn fault_of_all_cards(seen: &Seen) -> Option<String> {
        let mut faults = seen.airs.iter().enumerate().map(|(number, name)| seen.fault(number, name));
        faults.next()?.filter(|_| faults.all(|fault| fault.is_some()))
    }

    fn rates(&self, seen: &Seen, now: Instant) -> Rates {
        let Some((then, before)) = self.before.front() else { return Rates::default() };
        let passed = now.saturating_duration_since(*then);
        let (video, video_before) = (video(&seen.rx), video(&before.rx));
        let units = |stream: &StreamStats| stream.units + stream.units_damaged;
        Rates {
            bits_per_s: rate(8 * video.datagram_bytes, 8 * video_before.datagram_bytes, passed) / 1000,
            units_per_1000_s: rate(units(&video), units(&video_before), passed),
            pictures_per_1000_s: rate(seen.pictures.decoded, before.pictures.decoded, passed),
        }
    }

    /// Verdicts on cards that began or are over since the last call, each in one sentence.
    pub(crate) fn take_news(&mut self) -> Vec<String> {
        self.judge.take_news()
    }

    fn cards(&mut self, seen: &Seen, now: Instant) -> Vec<CardReport> {
        let mut cards = cards::cards(seen, self.before.front().map(|(_, before)| before), now);
        self.judge.judge(&mut cards, now);
        cards
    }
}

impl SessionReport {
    fn of(session: &SessionStats, shared_clock: bool) -> Self {
        Self { id: session.id, payload: session.announce.payload, fec: session.announce.fec, shared_clock }
    }
}

fn hexadecimal<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:06x}"))
}

/// The video stream's counts.
fn video(rx: &RxStats) -> StreamStats {
    rx.streams.iter().find(|stream| stream.stream == VIDEO_STREAM).copied().unwrap_or_default()
}

/// Events per 1000 s.
fn rate(count: u64, before: u64, passed: Duration) -> u64 {
    let passed_us = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
    count.saturating_sub(before).saturating_mul(1_000_000_000).checked_div(passed_us).unwrap_or(0)
}

fn millis(now: Instant, then: Instant) -> u64 {
    whole_millis(now.saturating_duration_since(then))
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
