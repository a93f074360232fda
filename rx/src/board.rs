//! What the threads know of each other: the latest figures, under one lock that is held for moments.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::stats::RxStats;
use serde::Serialize;
use skylark_common::ledger::Ledger;
use skylark_common::scheduling::Scheduling;

use crate::glass::time_code::TimeCodes;
use crate::glass::{Glass, Measured};
use crate::healing::HealingStats;
use crate::link::relayed::RelaySeen;
use crate::picture::Decoded;
use crate::report::Report;
use crate::trust::Quality;
use crate::unit::{Stamps, Unit};

/// The stages of the ledger, by their place in it.
pub(crate) mod stage {
    /// Captured to first heard, where both ends share a clock.
    pub(crate) const CAPTURED_TO_HEARD: usize = 0;
    /// First heard to handed on.
    pub(crate) const HEARD_TO_COMPLETE: usize = 1;
    /// Handed on to decoded.
    pub(crate) const COMPLETE_TO_DECODED: usize = 2;
    /// Decoded to shown.
    pub(crate) const DECODED_TO_SHOWN: usize = 3;
    /// First heard to shown.
    pub(crate) const HEARD_TO_SHOWN: usize = 4;
    /// Captured to shown, where both ends share a clock.
    pub(crate) const CAPTURED_TO_SHOWN: usize = 5;
    /// Captured to decoded, where both ends share a clock: all there is where nothing is shown.
    pub(crate) const CAPTURED_TO_DECODED: usize = 6;
    /// How many there are.
    pub(crate) const COUNT: usize = 7;
}

/// The board all threads write to and read from.
#[derive(Debug)]
pub(crate) struct Board {
    seen: Mutex<Seen>,
    ledger: Mutex<Ledger<{ stage::COUNT }>>,
    report: Mutex<Option<Arc<Report>>>,
    /// The glass-to-glass meter, if it was asked for.
    glass: Mutex<Option<Glass>>,
}

/// The latest of everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// What the receiver counts.
    pub(crate) rx: RxStats,
    /// Bytes of the frames that cards of this machine captured, radiotap headers included.
    pub(crate) captured_bytes: u64,
    /// How the thread that owns the receiver is scheduled; none for a recording.
    pub(crate) scheduling: Option<Scheduling>,
    /// Where the time of all this stands: in a recording read as fast as possible, or at the link's end;
    /// none when it goes with the clock.
    pub(crate) standing: Option<Instant>,
    /// The airs, each a card by its number: as the user wrote them, or whoever joined is called.
    pub(crate) airs: Vec<String>,
    /// Frames the machine dropped before the program had them, by card.
    pub(crate) dropped_by_machine: Vec<u64>,
    /// What is known of cards of this machine beside what they hear.
    pub(crate) cards: Vec<CardSeen>,
    /// The relays that are heard.
    pub(crate) relays: Vec<RelaySeen>,
    /// Whom the network of relays holds, if it is listened to.
    pub(crate) network: Option<Network>,
    /// Messages of relays that gave way because they were not taken in time.
    pub(crate) relay_messages_dropped: u64,
    /// Messages of relays there was no room for.
    pub(crate) relays_crowded_out: u64,
    /// Why each air gives no frames, as it says itself.
    pub(crate) faults: Vec<Option<String>>,
    /// When a card last heard frames that are no Skylark link's.
    pub(crate) other_traffic: Option<Instant>,
    /// Whether the transmitter's clock is ours.
    pub(crate) shared_clock: bool,
    /// When a datagram of video was last handed on.
    pub(crate) last_datagram: Option<Instant>,
    /// When a picture of the session that is followed was last decoded.
    pub(crate) last_picture: Option<Instant>,
    /// Since when pictures are concealed without a good one between.
    pub(crate) concealed_since: Option<Instant>,
    /// What became of units and pictures.
    pub(crate) pictures: PictureStats,
    /// What became of what goes out.
    pub(crate) outputs: OutputStats,
}

/// Whom the network of relays holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "relay", test)), expect(dead_code, reason = "a build without relays has no network"))]
pub(crate) enum Network {
    /// Nobody answers where this end was told to connect to.
    Unreached(String),
    /// Nobody else is in it.
    Alone,
    /// Relays, viewers or routers.
    Others,
}

/// What is known of a card beside what it hears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CardSeen {
    /// Its name.
    pub(crate) name: String,
    /// Why it cannot hear, and what to do, in one sentence.
    pub(crate) fault: Option<String>,
    /// What it is tuned to.
    pub(crate) tuned: Option<String>,
}

/// What became of access units and pictures since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PictureStats {
    /// Access units made of the datagrams.
    pub(crate) units: u64,
    /// Of those, with something missing.
    pub(crate) units_damaged: u64,
    /// Access units the decoder was too slow for.
    pub(crate) units_dropped: u64,
    /// Pictures decoded.
    pub(crate) decoded: u64,
    /// Of those, with something filled in.
    pub(crate) concealed: u64,
    /// Access units that came before the first keyframe of their session.
    pub(crate) before_keyframe: u64,
    /// Access units that gave no picture.
    pub(crate) without_picture: u64,
    /// How often the decoder was made anew.
    pub(crate) decoder_restarts: u64,
    /// Access units decoded before their turn, with something missing before them or in them.
    pub(crate) early: u64,
    /// How often pictures were made good before the next keyframe did.
    pub(crate) healed: u64,
    /// Access units decoded a second time for that.
    pub(crate) replayed: u64,
    /// Pictures shown in the window.
    pub(crate) shown: u64,
    /// Of those, with something filled in.
    pub(crate) shown_concealed: u64,
    /// Pictures that gave way to a newer one before they were shown.
    pub(crate) not_shown: u64,
    /// Width of the last picture in pixels.
    pub(crate) width: usize,
    /// Height of the last picture in pixels.
    pub(crate) height: usize,
}

/// What became of what goes out since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OutputStats {
    /// Datagrams sent to rtp: outputs.
    pub(crate) datagrams_sent: u64,
    /// Datagrams the network did not take.
    pub(crate) datagrams_refused: u64,
    /// Access units written as Annex B.
    pub(crate) units_written: u64,
    /// Of those, with something missing.
    pub(crate) units_written_damaged: u64,
    /// Access units a recording was too slow for.
    pub(crate) units_not_written: u64,
    /// PNG files written.
    pub(crate) png_written: u64,
}

impl Seen {
    /// Why the air of this number and name cannot hear, where that is known: what was found out, else what its card
    /// says itself.
    pub(crate) fn fault(&self, number: usize, name: &str) -> Option<String> {
        let found = self.card(name).and_then(|card| card.fault.clone());
        found.or_else(|| self.faults.get(number)?.clone())
    }

    /// What is known of the card of this name beside what it hears, if it is one of this machine or of a relay.
    pub(crate) fn card(&self, name: &str) -> Option<&CardSeen> {
        let relayed = self.relays.iter().flat_map(|relay| &relay.cards);
        self.cards.iter().chain(relayed).find(|card| card.name == name)
    }

    /// Notes what relays say, at `now`.
    pub(crate) fn note_relays(&mut self, relays: Vec<RelaySeen>, now: Instant) {
        if relays.iter().any(|relay| relay.hears_others) {
            self.other_traffic = Some(now);
        }
        self.relays = relays;
    }
}

impl Board {
    /// A board with nothing on it but this meter.
    pub(crate) fn new(glass: Option<Glass>) -> Self {
        let names = ["captured_to_heard", "heard_to_complete", "complete_to_decoded", "decoded_to_shown"];
        let [a, b, c, d] = names;
        let ledger = Ledger::new([a, b, c, d, "heard_to_shown", "captured_to_shown", "captured_to_decoded"]);
        let (seen, report) = (Mutex::default(), Mutex::default());
        Self { seen, ledger: Mutex::new(ledger), report, glass: Mutex::new(glass) }
    }

    /// Reads or writes the latest of everything; holds up others meanwhile.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Seen) -> R) -> R {
        f(&mut lock(&self.seen))
    }

    /// The ledger of the running second.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger<{ stage::COUNT }>> {
        lock(&self.ledger)
    }

    /// Puts up what everything came to.
    pub(crate) fn put_report(&self, report: Arc<Report>) {
        *lock(&self.report) = Some(report);
    }

    /// What everything came to, a quarter of a second ago at most.
    #[cfg(feature = "window")]
    pub(crate) fn report(&self) -> Option<Arc<Report>> {
        lock(&self.report).clone()
    }

    /// Notes a unit that goes to the decoder or a recording.
    pub(crate) fn note_unit(&self, unit: &Unit) {
        self.with(|seen| {
            seen.pictures.units += 1;
            seen.pictures.units_damaged += u64::from(!unit.complete);
        });
        let Stamps { captured, heard, complete } = unit.stamps;
        let mut ledger = self.ledger();
        if unit.complete {
            ledger.record(stage::HEARD_TO_COMPLETE, complete.saturating_duration_since(heard));
        }
        if let Some(captured) = captured {
            ledger.record(stage::CAPTURED_TO_HEARD, heard.saturating_duration_since(captured));
        }
    }

    /// What the meter has measured; `is_second` says that another second is over.
    pub(crate) fn measured(&self, is_second: bool) -> Option<Measured> {
        let mut glass = lock(&self.glass);
        if is_second {
            glass.iter_mut().for_each(Glass::end_second);
        }
        glass.as_ref().map(Glass::measured)
    }

    /// Gives the meter that the camera films the window for to `f`, if it is that one.
    #[cfg(feature = "window")]
    pub(crate) fn with_round<R>(&self, f: impl FnOnce(&mut crate::glass::round::Round) -> R) -> Option<R> {
        match &mut *lock(&self.glass) {
            Some(Glass::Round(round)) => Some(f(round)),
            Some(Glass::TimeCodes(_)) | None => None,
        }
    }

    /// Gives the meter that reads time codes to `f`, if it is that one.
    fn with_time_codes(&self, f: impl FnOnce(&mut TimeCodes)) {
        match &mut *lock(&self.glass) {
            Some(Glass::TimeCodes(codes)) => f(codes),
            #[cfg(feature = "window")]
            Some(Glass::Round(_)) => {}
            None => {}
        }
    }

    /// Notes a picture that came out of the decoder.
    pub(crate) fn note_decoded(&self, decoded: &Decoded) {
        let Decoded { picture, at: now, .. } = decoded;
        let now = *now;
        self.with_time_codes(|codes| {
            if codes.ends_at_decoder() {
                codes.handle_picture(decoded, now);
            }
        });
        let standing = self.with(|seen| {
            let at = seen.standing.unwrap_or(now);
            seen.last_picture = Some(at);
            seen.pictures.decoded += 1;
            (seen.pictures.width, seen.pictures.height) = (picture.width, picture.height);
            match picture.quality {
                Quality::Good => seen.concealed_since = None,
                Quality::Concealed => {
                    seen.pictures.concealed += 1;
                    seen.concealed_since.get_or_insert(at);
                }
            }
            seen.standing
        });
        // The link's time and the clock are two: what lies between their stamps is no time at all.
        if standing.is_some() {
            return;
        }
        let mut ledger = self.ledger();
        ledger.record(stage::COMPLETE_TO_DECODED, now.saturating_duration_since(picture.stamps.complete));
        if let Some(captured) = picture.stamps.captured {
            ledger.record(stage::CAPTURED_TO_DECODED, now.saturating_duration_since(captured));
        }
    }

    /// Notes what the decoder counts.
    pub(crate) fn note_decoder(&self, stats: &HealingStats) {
        let HealingStats { decoder, early, healed, replayed } = *stats;
        self.with(|seen| {
            seen.pictures.before_keyframe = decoder.before_keyframe;
            seen.pictures.without_picture = decoder.without_picture;
            seen.pictures.decoder_restarts = decoder.restarts;
            (seen.pictures.early, seen.pictures.healed, seen.pictures.replayed) = (early, healed, replayed);
        });
    }

    /// Notes a picture that is on the screen at `now`.
    #[cfg(feature = "window")]
    pub(crate) fn note_shown(&self, decoded: &Decoded, now: Instant) {
        let Decoded { picture, at, .. } = decoded;
        self.with_time_codes(|codes| {
            if !codes.ends_at_decoder() {
                codes.handle_picture(decoded, now);
            }
        });
        let standing = self.with(|seen| {
            seen.pictures.shown += 1;
            seen.pictures.shown_concealed += u64::from(picture.quality == Quality::Concealed);
            seen.standing
        });
        let mut ledger = self.ledger();
        ledger.record(stage::DECODED_TO_SHOWN, now.saturating_duration_since(*at));
        if standing.is_some() {
            return;
        }
        ledger.record(stage::HEARD_TO_SHOWN, now.saturating_duration_since(picture.stamps.heard));
        if let Some(captured) = picture.stamps.captured {
            ledger.record(stage::CAPTURED_TO_SHOWN, now.saturating_duration_since(captured));
        }
    }
}

/// A thread that panicked elsewhere has left the figures whole enough to show.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
