//! What is heard, and what that says of the other end.

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::key_file::End;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::VERSION;

use super::{Code, Finding, Purpose, Severity, channel_number, options, up};
use crate::listen::Heard;
use crate::listen::scan::Scan;
use crate::machine::{Machine, Tuned};

/// Clocks that differ by more than this were not set by the same authority, in µs.
const CLOCKS_APART_US: i64 = 60_000_000;

/// The link that is listened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its number on the air.
    pub id: Id,
    /// The fingerprint of its key, where there is one to try.
    pub fingerprint: Option<u32>,
}

/// A link's number on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// Of our own dialect.
    Skylark(LinkId),
    /// A stream of a WFB-NG link.
    WfbNg(ChannelId),
}

/// A card that was listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listened {
    /// Its name.
    pub card: String,
    /// What it is set to, where that is known.
    pub tuned: Option<Tuned>,
    /// What it heard there.
    pub heard: Heard,
    /// What was heard on other channels, where they were looked through.
    pub scan: Option<Scan>,
}

impl Listened {
    /// Where this card heard the link.
    fn place(&self) -> Option<Tuned> {
        if self.heard.has_link() {
            return self.tuned;
        }
        self.scan.as_ref()?.found.as_ref().map(|(tuned, _)| *tuned)
    }
}

/// What each card heard of the link, and what to do about it.
#[must_use]
pub fn hearing(machine: &Machine, link: &Link, purpose: Purpose, all: &[Listened]) -> Vec<Finding> {
    all.iter().flat_map(|listened| Hearing { machine, link, purpose, listened, all }.findings()).collect()
}

struct Hearing<'a> {
    machine: &'a Machine,
    link: &'a Link,
    purpose: Purpose,
    listened: &'a Listened,
    all: &'a [Listened],
}

impl Hearing<'_> {
    fn findings(&self) -> Vec<Finding> {
        let heard = &self.listened.heard;
        if heard.opened > 0 || (heard.ours > 0 && heard.refused == 0) {
            return [Some(self.heard()), self.width(), self.clock()].into_iter().flatten().collect();
        }
        let scan = self.listened.scan.as_ref();
        let lost = scan.and_then(|scan| scan.not_restored.as_ref()).map(|reason| self.not_restored(reason));
        let stranger = self.foreign_end().or_else(|| self.elsewhere()).or_else(|| self.stranger());
        let why = stranger.unwrap_or_else(|| self.nothing());
        [Some(why), lost].into_iter().flatten().collect()
    }

    fn heard(&self) -> Finding {
        let (card, heard) = (&self.listened.card, &self.listened.heard);
        let signal = heard.signal_dbm.map(|dbm| format!(" at {dbm} dBm")).unwrap_or_default();
        let key = match self.link.fingerprint {
            Some(fingerprint) if heard.opened > 0 => format!(", and key {fingerprint:08x} opens it"),
            Some(_) => match self.link.id {
                Id::Skylark(_) => ", but no announce of it was among the frames heard".to_owned(),
                Id::WfbNg(_) => ", but no session packet of it was among the frames heard".to_owned(),
            },
            None => ", and there is no key to try on it".to_owned(),
        };
        Finding::fine(Code::Heard, Some(card), format!("{card} hears the transmitter{signal}{key}"))
    }

    /// A warning only: the frames are heard, and some drivers may be wrong about their width.
    fn width(&self) -> Option<Finding> {
        let Listened { card, tuned, heard, .. } = self.listened;
        let (tuned, width_mhz) = ((*tuned)?, u32::from(heard.width_mhz?));
        (width_mhz > tuned.width.mhz()).then_some(())?;
        let found = format!("the transmitter sends {width_mhz} MHz wide, and {card} is set to {}", tuned.width);
        let options = format!(" --channel {} --width {width_mhz}", channel_number(tuned.frequency_mhz));
        let up = up(self.machine, card, &options);
        Some(Finding::warning(Code::Width, Some(card), found, format!("run {up}")))
    }

    fn clock(&self) -> Option<Finding> {
        let ahead_us = self.listened.heard.clock_ahead_us.filter(|us| us.abs() > CLOCKS_APART_US)?;
        let (minutes, way) = (ahead_us.unsigned_abs() / 60_000_000, if ahead_us > 0 { "ahead of" } else { "behind" });
        let found = format!("the transmitter's clock is {minutes} min {way} this machine's");
        let fix = "set both by `sudo timedatectl set-ntp true` or a clock module: receivers tell a flight from a recording by it";
        Some(Finding::warning(Code::Clock, Some(&self.listened.card), found, fix))
    }

    /// The link is heard, and cannot be read.
    fn foreign_end(&self) -> Option<Finding> {
        let (card, heard) = (&self.listened.card, &self.listened.heard);
        if heard.refused > 0 {
            let fingerprint = self.link.fingerprint.unwrap_or_default();
            let found = format!("{card} hears this link, but key {fingerprint:08x} does not open it");
            let fix = match self.link.id {
                Id::Skylark(_) => "give both ends the same key; `skylark-setup pair` carries it over",
                Id::WfbNg(channel) if channel.goes_up() => {
                    "the ground's gs.key and this drone.key have to be of one pair: copy it from where both were made"
                }
                Id::WfbNg(_) => {
                    "the aircraft's drone.key and this gs.key have to be of one pair: copy it from where both were made"
                }
            };
            return Some(Finding::fault(Code::OtherKey, Some(card), found, fix));
        }
        let version = heard.other_version?;
        let found = format!("{card} hears this link in protocol version {version}, expected {VERSION}");
        Some(Finding::fault(Code::OtherVersion, Some(card), found, "install the same release at both ends"))
    }

    /// The link is heard on another channel, by this card or by another one.
    fn elsewhere(&self) -> Option<Finding> {
        let Listened { card, tuned, .. } = self.listened;
        let tuned = (*tuned)?;
        let there = self.listened.place().or_else(|| self.all.iter().find_map(Listened::place));
        let there = there.filter(|place| *place != tuned)?;
        let place = |t: Tuned| format!("channel {}, {} wide", channel_number(t.frequency_mhz), t.width);
        let found = format!("the transmitter is heard on {}, and {card} is set to {}", place(there), place(tuned));
        let up = up(self.machine, card, &options(there.frequency_mhz, there.width));
        Some(Finding::fault(Code::OtherChannel, Some(card), found, format!("run {up}")))
    }

    /// Only others are heard.
    fn stranger(&self) -> Option<Finding> {
        let (card, heard) = (&self.listened.card, &self.listened.heard);
        let name = &self.link.name;
        match (self.link.id, heard.loudest_other_link(), heard.loudest_other_channel()) {
            (Id::Skylark(id), Some(other), _) => {
                let found = format!("{card} hears only link {other}, expected {id} ({name})");
                Some(Finding::fault(Code::OtherLink, Some(card), found, "give both ends the same `--link` name"))
            }
            (Id::Skylark(_), None, Some(other)) => {
                let found = format!("{card} hears only WFB-NG, link {other}");
                let (id, port) = (other.link_id(), other.radio_port());
                let key = End::hearing(other).file_name();
                let fix = format!(
                    "receive it with `skylark-rx --dialect wfb-ng --key {key} --link-id {id} --radio-port {port}`, or \
                     start `skylark-tx` without --dialect on the aircraft"
                );
                Some(self.silent(Code::WfbNg, found, &fix))
            }
            (Id::WfbNg(channel), _, Some(other)) => Some(self.other_channel(channel, other)),
            (Id::WfbNg(_), Some(other), None) => {
                let found = format!("{card} hears only a Skylark link, {other}");
                Some(self.silent(Code::OtherLink, found, "leave out --dialect wfb-ng"))
            }
            (_, None, None) => None,
        }
    }

    /// Every aircraft sends on several ports: that one of them is heard says that the link is, and seldom that the port
    /// is wrong.
    fn other_channel(&self, channel: ChannelId, other: ChannelId) -> Finding {
        let (card, (link, port)) = (&self.listened.card, (other.link_id(), other.radio_port()));
        if channel.link_id() == link && channel.radio_port() == ChannelId::VIDEO {
            let found =
                format!("{card} hears link {link} (port {port}), but not its video (port {})", ChannelId::VIDEO);
            return Finding::fault(
                Code::OtherLink,
                Some(card),
                found,
                "start the aircraft's camera and its transmitter",
            );
        }
        let found = format!("{card} hears only WFB-NG link {other}, expected {channel}");
        let fix = format!("give --link-id {link} --radio-port {port}, or set the transmitter so");
        Finding::fault(Code::OtherLink, Some(card), found, fix)
    }

    fn nothing(&self) -> Finding {
        let Listened { card, tuned, heard, scan, .. } = self.listened;
        let channel = tuned.map(|t| format!(" on channel {}", channel_number(t.frequency_mhz))).unwrap_or_default();
        let scan = scan.as_ref().filter(|scan| scan.listened > 0);
        let others = scan.map(|scan| format!(", nor on {} others", scan.listened)).unwrap_or_default();
        let neighbour = self.all.iter().find(|other| other.heard.ours > 0);
        if let Some(neighbour) = neighbour {
            let found = format!("{card} hears nothing of the link{channel}, where {} hears it", neighbour.card);
            return Finding::warning(Code::NothingHeard, Some(card), found, "check its antenna");
        }
        let found = match heard.frames {
            0 => format!("{card} hears nothing at all{channel}{others}"),
            _ => format!("{card} hears other WiFi but nothing of link {}{channel}{others}", self.link.name),
        };
        // What is tuned to nothing has no other channel.
        let fix = if tuned.is_none() || self.all.iter().any(|other| other.scan.is_some()) {
            "is the transmitter on and in range, and an antenna on the card?"
        } else {
            "is the transmitter on, in range and on this channel? (`skylark-setup doctor --scan` looks on the others)"
        };
        self.silent(Code::NothingHeard, found, fix)
    }

    /// A receiver that hears nothing has a fault; where nobody said what the card is for, it may be the aircraft.
    fn silent(&self, code: Code, found: String, fix: &str) -> Finding {
        let finding = Finding::fault(code, Some(&self.listened.card), found, fix);
        let is_receiver = self.purpose == Purpose::Receive;
        Finding { severity: if is_receiver { Severity::Fault } else { Severity::Warning }, ..finding }
    }

    fn not_restored(&self, reason: &str) -> Finding {
        let card = &self.listened.card;
        let found = format!("{card} could not be put back on its channel after the search ({reason})");
        let tuned = self.listened.tuned.map(|tuned| options(tuned.frequency_mhz, tuned.width));
        let up = up(self.machine, card, &tuned.unwrap_or_default());
        Finding::fault(Code::Channel, Some(card), found, format!("run {up}"))
    }
}

#[cfg(test)]
mod tests;
