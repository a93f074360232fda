//! What the air sounds like on one card: whose frames are heard, and whether the key opens them.
//!
//! [`Ear`] is pure: captured bytes in, [`Heard`] out. [`card`] opens the card, [`scan`] looks for the link on
//! other channels, [`inject`] asks the card whether what is sent leaves it.

pub mod card;
pub mod inject;
pub mod scan;
mod wfb_ng;

use skylark_common::clock_id;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wire::WireError;
use skylark_common::wire::announce::{Announce, SALT_LEN};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::{RxHeader, RxRate};

/// Other links told apart. More than a field holds; frames of further ones still count as frames.
const MAX_OTHER_LINKS: usize = 8;

/// Listens for one link.
#[derive(Debug)]
pub struct Ear {
    wanted: Wanted,
    heard: Heard,
}

/// What is listened for, with the key to try where there is one.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A link of our own dialect.
    Skylark(LinkId, Option<LinkKey>),
    /// A stream of a WFB-NG link.
    WfbNg(ChannelId, Option<EndKey>),
}

/// What was heard, in frames. Own frames and broken ones are counted apart from all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Frames of others, all kinds.
    pub frames: u64,
    /// Frames that failed their FCS, or broke off.
    pub broken: u64,
    /// Reports of the card about frames this machine sent: those that left it.
    pub left: u64,
    /// Those among them that [`inject`] sent.
    pub probes_left: u64,
    /// Frames of the link, in the version this program speaks.
    pub ours: u64,
    /// Announces of the link, or session packets, that the key opened.
    pub opened: u64,
    /// Announces of the link, or session packets, that the key did not open.
    pub refused: u64,
    /// A version in which the link was heard and that this program does not speak.
    pub other_version: Option<u8>,
    /// Other Skylark links, with their frames.
    pub other_links: Vec<(LinkId, u64)>,
    /// Other streams of WFB-NG links, with their frames.
    pub other_channels: Vec<(ChannelId, u64)>,
    /// The strongest signal of a frame of the link, in dBm.
    pub signal_dbm: Option<i8>,
    /// The widest a frame of the link was, in MHz, where the card says it.
    pub width_mhz: Option<u16>,
    /// How far the transmitter's wall clock is ahead of ours, in µs, where it has one and is another machine.
    pub clock_ahead_us: Option<i64>,
}

impl Ear {
    /// Listens for what is wanted.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, heard: Heard::default() }
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Takes one captured frame, radiotap header first; `unix_us` is our wall clock in µs since 1970.
    pub fn hear(&mut self, captured: &[u8], unix_us: u64) {
        let Ok((radiotap, frame)) = RxHeader::parse(captured) else {
            return increment(&mut self.heard.broken);
        };
        if radiotap.bad_fcs {
            return increment(&mut self.heard.broken);
        }
        if radiotap.is_own() {
            return self.hear_report(&radiotap, frame);
        }
        increment(&mut self.heard.frames);
        if let Some((channel, packet)) = wfb_ng::packet(frame) {
            return self.hear_channel(&radiotap, channel, packet);
        }
        match PacketHeader::parse(frame) {
            Ok((header, body)) if self.wants(header.link) => {
                self.hear_ours(&radiotap);
                self.hear_packet(&header, body, unix_us);
            }
            Ok((header, _)) => count(&mut self.heard.other_links, header.link),
            Err(WireError::Version { found, .. }) => match PacketHeader::peek_link(frame) {
                Some(link) if self.wants(link) => self.heard.other_version = Some(found),
                Some(link) => count(&mut self.heard.other_links, link),
                None => {}
            },
            Err(_) => {}
        }
    }

    fn wants(&self, heard: LinkId) -> bool {
        matches!(&self.wanted, Wanted::Skylark(link, _) if *link == heard)
    }

    fn hear_ours(&mut self, radiotap: &RxHeader) {
        increment(&mut self.heard.ours);
        self.heard.signal_dbm = self.heard.signal_dbm.max(radiotap.signal_dbm());
        self.heard.width_mhz = self.heard.width_mhz.max(radiotap.rate.and_then(width_mhz));
    }

    fn hear_channel(&mut self, radiotap: &RxHeader, channel: ChannelId, packet: &[u8]) {
        let opens = match &self.wanted {
            Wanted::WfbNg(wanted, key) if *wanted == channel => wfb_ng::opens(packet, key.as_ref(), channel),
            Wanted::Skylark(..) | Wanted::WfbNg(..) => return count(&mut self.heard.other_channels, channel),
        };
        self.hear_ours(radiotap);
        match opens {
            Some(true) => increment(&mut self.heard.opened),
            Some(false) => increment(&mut self.heard.refused),
            None => {}
        }
    }

    fn hear_report(&mut self, radiotap: &RxHeader, frame: &[u8]) {
        if !radiotap.is_tx_status() {
            return;
        }
        increment(&mut self.heard.left);
        if inject::is_probe(frame) {
            increment(&mut self.heard.probes_left);
        }
    }

    fn hear_packet(&mut self, header: &PacketHeader, body: &[u8], unix_us: u64) {
        let (Wanted::Skylark(_, Some(key)), Kind::Announce) = (&self.wanted, header.kind) else { return };
        match open(key, header, body) {
            Some(announce) => {
                increment(&mut self.heard.opened);
                self.heard.clock_ahead_us = clock_ahead(&announce, unix_us).or(self.heard.clock_ahead_us);
            }
            None => increment(&mut self.heard.refused),
        }
    }
}

impl Heard {
    /// Whether the link is heard, however little of it can be read.
    #[must_use]
    pub fn has_link(&self) -> bool {
        self.ours > 0 || self.other_version.is_some()
    }

    /// The link heard most among the others.
    #[must_use]
    pub fn loudest_other_link(&self) -> Option<LinkId> {
        self.other_links.iter().max_by_key(|(_, frames)| *frames).map(|(link, _)| *link)
    }

    /// The WFB-NG stream heard most among the others.
    #[must_use]
    pub fn loudest_other_channel(&self) -> Option<ChannelId> {
        self.other_channels.iter().max_by_key(|(_, frames)| *frames).map(|(channel, _)| *channel)
    }
}

/// Counts a frame of another link.
fn count<L: PartialEq>(others: &mut Vec<(L, u64)>, heard: L) {
    if let Some((_, frames)) = others.iter_mut().find(|(known, _)| *known == heard) {
        increment(frames);
    } else if others.len() < MAX_OTHER_LINKS {
        others.push((heard, 1));
    }
}

fn open(key: &LinkKey, header: &PacketHeader, body: &[u8]) -> Option<Announce> {
    let (salt, sealed) = body.split_first_chunk::<SALT_LEN>()?;
    let session = SessionKey::derive(key, salt);
    let mut sealed = sealed.to_vec();
    (session.id() == header.session).then_some(())?;
    Announce::parse(session.open(header, &mut sealed).ok()?).ok()
}

fn clock_ahead(announce: &Announce, unix_us: u64) -> Option<i64> {
    let is_ours = announce.clock_id.is_some() && announce.clock_id == clock_id::read();
    let theirs_us = announce.unix_start_us.filter(|_| !is_ours)?.saturating_add(announce.session_time_us);
    i64::try_from(i128::from(theirs_us) - i128::from(unix_us)).ok()
}

fn width_mhz(rate: RxRate) -> Option<u16> {
    match rate {
        RxRate::Legacy { .. } => Some(20),
        RxRate::Ht(modulation) | RxRate::Vht(modulation) | RxRate::He(modulation) => modulation.width_mhz,
    }
}

fn increment(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
pub(crate) mod tests;
