//! All relays a viewer hears: their frames go to the receiver, and few of them are asked to be prompt.

mod choice;
mod copies;
mod handing;
mod slot;

use std::time::{Duration, Instant};

use serde::Serialize;
use skylark_common::ledger::Summary;

use choice::Candidate;
use copies::{Copies, Copy, LOCAL, Packet, Set, set_of};
use handing::{Handed, hand_over};
use slot::Slot;

use super::report::Prompt;
use super::station::{Station, StationStats};
use super::{RelayId, RelayedLink, Report, ViewerId};
use crate::receiver::{DialectReceiver, PacketName};

/// Relays heard at once. Beyond, one that brings nothing of use makes room.
pub const MAX_STATIONS: usize = 16;

/// Reports while packets come: often enough that relays learn within [`HOLD`](super::forwarder::HOLD) what is known.
const REPORT_INTERVAL: Duration = Duration::from_millis(5);
/// Reports while none come: a relay forgets a viewer after five of these.
const IDLE_REPORT_INTERVAL: Duration = Duration::from_millis(100);
/// How often it is chosen who is to be prompt.
const CHOICE_INTERVAL: Duration = Duration::from_millis(25);
/// The choice looks back this far,
const CHOICE_PERIOD: Duration = Duration::from_millis(400);
/// and not at packets so young that those who hold them may not have told of them.
const SETTLED: Duration = Duration::from_millis(75);
/// A relay of which nothing came for this long, while something came from others, is not asked.
const SILENCE: Duration = Duration::from_millis(50);

/// What is known of one relay.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RelayStats {
    /// Which.
    pub id: RelayId,
    /// What came from it.
    pub station: StationStats,
    /// Whether it is asked to be prompt, and anything comes from it.
    pub prompt: bool,
    /// Whether it is not asked because it did not bring what it said it heard.
    pub suspended: bool,
    /// Packets it was the first to bring, of those that were authentic.
    pub first: u64,
    /// Frames nobody with the key has sealed, as far as can be told: forged, or of a session never announced.
    pub refused: u64,
    /// Share of the source packets anybody brought here within the last 400 ms that it says to have heard, in ‰.
    pub heard_permille: u32,
    /// How far its copies come behind the first of the same packet, over the last second. What a relay held a frame for
    /// does not count. `None` when none came for 2 s.
    pub behind: Option<Summary>,
    /// There and back, in µs, once it has answered and while anything comes from it.
    pub round_trip_us: Option<u64>,
    /// From a card's capture to here, of packets it was the first to bring, over the last second: how long they were
    /// held and half the round trip. `None` when it was the first to bring none for 2 s.
    pub relayed: Option<Summary>,
}

/// All relays a viewer hears.
///
/// **After every `handle_message`, call `deliver` until it returns false, each time taking what the receiver has; then
/// call `poll_report` until it returns `None`, and wait no longer than `poll_timeout`.** With cards of its own, a viewer
/// hands their frames to `deliver_local`.
#[derive(Debug)]
pub struct Stations {
    link: RelayedLink,
    viewer: ViewerId,
    started: Instant,
    /// In places that stay; a place is free when its relay made room.
    slots: Vec<Slot>,
    /// The station to ask next.
    turn: usize,
    copies: Copies,
    local_heard: Option<Instant>,
    /// Who is asked to be prompt; `None`: every one.
    asked: Option<Set>,
    choose_at: Instant,
    /// Relays there was no room for.
    crowded_out: u64,
    /// Whether something came since the last report.
    news: bool,
    reported: Option<Instant>,
    packets: Vec<Packet>,
    report: Vec<u8>,
}

impl Stations {
    /// A viewer of this link that has heard of no relay.
    #[must_use]
    pub fn new(link: RelayedLink, viewer: ViewerId, now: Instant) -> Self {
        Self {
            link,
            viewer,
            started: now,
            slots: Vec::new(),
            turn: 0,
            copies: Copies::default(),
            local_heard: None,
            asked: None,
            choose_at: now,
            crowded_out: 0,
            news: false,
            reported: None,
            packets: Vec::new(),
            report: Vec::new(),
        }
    }

    /// Takes a relay's message.
    pub fn handle_message(&mut self, relay: RelayId, message: &[u8], now: Instant) {
        let Some(slot) = self.slot(relay, now) else {
            self.crowded_out += 1;
            return;
        };
        if slot.station.handle_message(message, now) {
            slot.heard = Some(now);
        }
    }

    /// Hands the next frame of the messages taken to the receiver; false when there is none. `place` is the receiver's
    /// number for a card of a relay; without one the frame is dropped.
    pub fn deliver(
        &mut self,
        receiver: &mut DialectReceiver,
        mut place: impl FnMut(RelayId, u8) -> Option<usize>,
        now: Instant,
    ) -> bool {
        let stamp_us = self.stamp_us(now);
        for _ in 0..self.slots.len() {
            let at = self.turn % self.slots.len();
            self.turn = at + 1;
            let Some(slot) = self.slots.get_mut(at) else { continue };
            let Some(relayed) = slot.station.poll_relayed(stamp_us, now) else { continue };
            if let Some(card) = place(slot.id, relayed.card) {
                slot.refusals.note(relayed.card, card, receiver.unsealed(card));
                let handed = hand_over(receiver, card, relayed.frame, relayed.whole, now);
                let age = relayed.age;
                self.note_relayed(at, handed, age, now);
            }
            return true;
        }
        false
    }

    /// Hands a frame of a card of this machine to the receiver: what the cards here hear, no relay need bring.
    pub fn deliver_local(&mut self, receiver: &mut DialectReceiver, card: usize, frame: &[u8], now: Instant) {
        if let Some(Handed { name, was_known }) = hand_over(receiver, card, frame, true, now) {
            self.local_heard = Some(now);
            self.news |= !was_known;
            self.note_copy(name, Copy { who: LOCAL, age: Duration::ZERO, was_known }, now);
        }
    }

    /// The report to all relays, if one is due.
    pub fn poll_report(&mut self, receiver: &DialectReceiver, now: Instant) -> Option<&[u8]> {
        let changed = self.choose(now);
        if !changed && self.report_due() > now {
            return None;
        }
        (self.news, self.reported) = (false, Some(now));
        let known = receiver.known().collect();
        let report = Report { viewer: self.viewer, stamp_us: self.stamp_us(now), prompt: self.prompt(), known };
        self.report.clear();
        report.emit(&mut self.report);
        Some(&self.report)
    }

    /// When to call `poll_report` if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        if self.slots.is_empty() { self.report_due() } else { self.report_due().min(self.choose_at) }
    }

    /// What is known of each relay.
    #[must_use]
    pub fn stats(&self, now: Instant) -> Vec<RelayStats> {
        let stats = |(place, slot): (usize, &Slot)| RelayStats {
            id: slot.id,
            station: slot.station.stats(),
            prompt: slot.is_heard(now) && self.asked.is_none_or(|asked| asked & set_of(place) != 0),
            suspended: self.asked.is_some() && slot.is_suspended(now),
            first: slot.first,
            refused: slot.refusals.count,
            heard_permille: slot.heard_permille,
            behind: slot.behind.summary(now),
            round_trip_us: slot.station.round_trip_us().filter(|_| slot.is_heard(now)),
            relayed: slot.relayed.summary(now),
        };
        self.slots.iter().enumerate().map(stats).collect()
    }

    /// Whether this relay brought an authentic packet within the last 2 s: the first copy or another.
    #[must_use]
    pub fn is_useful(&self, id: RelayId, now: Instant) -> bool {
        self.slots.iter().any(|slot| slot.id == id && slot.is_useful(now))
    }

    /// Messages of relays there was no room for.
    #[must_use]
    pub const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// The viewer's clock, from 1 on: a report's stamp.
    fn stamp_us(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started).as_micros();
        u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn report_due(&self) -> Instant {
        let has_news = self.news && self.link.names_packets();
        let interval = if has_news { REPORT_INTERVAL } else { IDLE_REPORT_INTERVAL };
        self.reported.map_or(self.started, |reported| reported + interval)
    }

    /// The relay's place; one that brings nothing of use makes room.
    fn slot(&mut self, relay: RelayId, now: Instant) -> Option<&mut Slot> {
        if let Some(place) = self.slots.iter().position(|slot| slot.id == relay) {
            return self.slots.get_mut(place);
        }
        let slot = Slot::new(relay, Station::new(self.link, self.viewer, now), now);
        if self.slots.len() < MAX_STATIONS {
            self.slots.push(slot);
            return self.slots.last_mut();
        }
        let idlest = self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.useful);
        let (place, _) = idlest.filter(|(_, idlest)| !idlest.is_useful(now))?;
        self.copies.forget(set_of(place));
        self.asked = self.asked.map(|asked| asked & !set_of(place));
        let freed = self.slots.get_mut(place)?;
        *freed = slot;
        Some(freed)
    }

    fn note_relayed(&mut self, place: usize, handed: Option<Handed>, age: Duration, now: Instant) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Some(Handed { name, was_known }) = handed else { return };
        slot.useful = Some(now);
        if !was_known {
            self.news = true;
            slot.first += 1;
            let way = Duration::from_micros(slot.station.round_trip_us().unwrap_or(0) / 2);
            slot.relayed.record(age + way, now);
        }
        if let Some(behind) = self.note_copy(name, Copy { who: set_of(place), age, was_known }, now)
            && let Some(slot) = self.slots.get_mut(place)
        {
            slot.behind.record(behind, now);
        }
    }

    fn note_copy(&mut self, name: PacketName, copy: Copy, now: Instant) -> Option<Duration> {
        if name.is_source { self.copies.note(name, copy, now) } else { None }
    }

    fn prompt(&self) -> Prompt {
        let Some(asked) = self.asked else { return Prompt::All };
        let slots = self.slots.iter().enumerate().filter(|(place, _)| asked & set_of(*place) != 0);
        Prompt::Only(slots.map(|(_, slot)| slot.id).collect())
    }

    /// Chooses who is to be prompt, where relays can hold anything back; returns whether that is a change.
    fn choose(&mut self, now: Instant) -> bool {
        if now < self.choose_at || self.slots.is_empty() {
            return false;
        }
        self.choose_at = now + CHOICE_INTERVAL;
        self.packets.clear();
        if let (Some(from), Some(to)) = (now.checked_sub(CHOICE_PERIOD), now.checked_sub(SETTLED)) {
            self.packets.extend(self.copies.between(from, to));
        }
        let everybody = Set::MAX;
        for (place, slot) in self.slots.iter_mut().enumerate() {
            slot.judge(place, &self.packets, self.asked.unwrap_or(everybody) | LOCAL, now);
            let heard = self.packets.iter().filter(|packet| packet.heard & set_of(place) != 0).count();
            slot.heard_permille = u32::try_from(heard * 1000 / self.packets.len().max(1)).unwrap_or(0);
        }
        if !self.link.names_packets() {
            return false;
        }
        let recent = |heard: &Instant| now.saturating_duration_since(*heard) < SILENCE;
        let somebody =
            self.slots.iter().filter_map(|slot| slot.heard).chain(self.local_heard).any(|heard| recent(&heard));
        let candidates: Vec<Candidate> = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| !slot.is_suspended(now) && slot.heard.is_some_and(|heard| recent(&heard)))
            .map(|(place, slot)| Candidate { place, behind: slot.usually_behind(now) })
            .collect();
        let before = self.asked;
        self.asked = if somebody { choice::choose(&self.packets, &candidates, before.unwrap_or(0)) } else { None };
        for (place, slot) in self.slots.iter_mut().enumerate() {
            slot.ask(self.asked.is_none_or(|asked| asked & set_of(place) != 0), now);
        }
        before != self.asked
    }
}
