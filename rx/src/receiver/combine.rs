//! Good packets from bad copies: what several cards heard damaged, put together until the seal fits.
//!
//! ```text
//! damaged copy ─▸ known parts set right ─▸ packet known? ─▸ alone ─▸ with the others' ─▸ mended ─▸ kept
//!                              dropped ◂──┘        opened? ◂──┴────────┴──────────────┘
//! ```
//!
//! The idea is MRD's (Miu, Balakrishnan, Koksal: "Improving Loss Resilience with Multi-Radio Diversity in
//! Wireless Networks", MobiCom 2005); in place of a checksum the seal's tag decides, so nothing is handed on
//! that was not sent.

mod candidates;
mod copy;
mod effort;
mod kept;
mod regions;

use std::time::{Duration, Instant};

use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};

use super::UPWARD;
use super::fairness::Origin;
use super::heard::Look;
use super::session::Session;
use super::sessions::behind_salt;
use crate::stats::CombiningStats;
use candidates::Choices;
use copy::DamagedCopy;
use effort::{Effort, MENDING_TRIES};
use kept::{Joined, Kept};
use regions::{MAX_SPLICED_BYTES, Region};

/// Damaged copies of the session that is followed, and what was made of them.
#[derive(Debug)]
pub(super) struct Combiner {
    link: LinkId,
    keep_for: Duration,
    session: Option<u32>,
    kept: Kept,
    effort: Effort,
    candidate: Vec<u8>,
    body: Vec<u8>,
    stats: CombiningStats,
}

/// A packet whose seal was opened: its header, and the length of its body.
type Opened = (PacketHeader, usize);

/// Who looks for which packet.
#[derive(Clone, Copy)]
struct Search<'a> {
    session: &'a Session,
    origin: Origin,
    now: Instant,
}

impl Combiner {
    /// Combines copies that are at most `keep_for` apart.
    pub(super) fn new(link: LinkId, keep_for: Duration) -> Self {
        Self {
            link,
            keep_for,
            session: None,
            kept: Kept::default(),
            effort: Effort::default(),
            candidate: Vec::new(),
            body: Vec::with_capacity(MAX_FRAME_BYTES),
            stats: CombiningStats::default(),
        }
    }

    pub(super) fn stats(&self) -> CombiningStats {
        CombiningStats { held: self.kept.len(), ..self.stats }
    }

    /// Takes a frame whose FCS was wrong. Returns the packet it completes, if it does, and its opened body.
    pub(super) fn handle_copy(
        &mut self,
        origin: Origin,
        dot11: &[u8],
        session: &Session,
        now: Instant,
    ) -> Option<(PacketHeader, &[u8])> {
        self.expire(session.id(), now);
        let mut copy = DamagedCopy::read(self.kept.free(), origin, dot11, self.link, session.id(), now)?;
        self.stats.copies += 1;
        let joined = self.kept.packet_of(&copy);
        let is_known = copy.header.is_some_and(|header| is_known(session, &header, origin.card));
        if matches!(joined, Joined::Enough) || is_known && self.kept.all_say(joined, copy.header) {
            self.stats.known += 1;
            self.kept.recycle(copy);
            return None;
        }
        let search = Search { session, origin, now };
        let opened = self.open_alone(&mut copy, search);
        let packet = self.kept.keep(copy, joined);
        self.stats.gave_way += self.kept.make_room();
        let opened = opened.or_else(|| self.open_combined(packet, search));
        let (header, length) = opened.or_else(|| self.open_mended(packet, search))?;
        self.stats.spent += self.kept.remove(packet);
        self.stats.rebuilt += 1;
        Some((header, self.body.get(..length)?))
    }

    /// A packet was heard whole: no copy of it is of use any more.
    pub(super) fn forget(&mut self, header: &PacketHeader) {
        self.stats.known += self.kept.forget(header);
    }

    /// Drops what is too old, or of another session than the one followed.
    fn expire(&mut self, session: u32, now: Instant) {
        let has_changed = self.session.replace(session) != Some(session);
        let keep_for = if has_changed { Duration::ZERO } else { self.keep_for };
        self.stats.expired += self.kept.expire(now, keep_for);
    }

    /// What damaged the copy may have touched only what is set right, or what no seal covers.
    fn open_alone(&mut self, copy: &mut DamagedCopy, search: Search<'_>) -> Option<Opened> {
        self.candidate.clear();
        self.candidate.extend_from_slice(&copy.frame);
        self.open(&mut copy.tries, search).ok().flatten()
    }

    /// Tries what the copies of a packet can be put together to.
    fn open_combined(&mut self, packet: u64, search: Search<'_>) -> Option<Opened> {
        let copies: Vec<&[u8]> = self.kept.copies(packet).map(|copy| &copy.frame[..]).collect();
        let count = copies.len();
        if count < 2 {
            return None;
        }
        if !self.effort.take_comparing(search.origin.station, count, search.now) {
            self.stats.out_of_effort += 1;
            return None;
        }
        self.stats.tries += count as u64;
        let mut regions = regions::regions(&copies)?;
        let first = copies.first()?;
        self.candidate.clear();
        self.candidate.extend_from_slice(first);
        let spent: u32 = self.kept.copies(packet).map(|copy| copy.tries).sum();
        let mut tries = spent;
        let opened = self.open_any(&mut regions, count, &mut tries, search);
        self.kept.charge(packet, tries.saturating_sub(spent));
        opened.unwrap_or_else(|OutOfEffort| {
            self.stats.out_of_effort += 1;
            None
        })
    }

    /// Tries the newest copy of a packet without the one burst that its tag says is wrong.
    fn open_mended(&mut self, packet: u64, search: Search<'_>) -> Option<Opened> {
        let copy = self.kept.copies(packet).last()?;
        let (header, sealed) = PacketHeader::parse(&copy.frame).ok()?;
        if header.kind == Kind::Announce || !is_wanted(&header, search) {
            return None;
        }
        if !self.effort.take_mending(search.origin.station, search.now) {
            return None;
        }
        self.stats.tries += u64::from(MENDING_TRIES);
        self.body.clear();
        self.body.extend_from_slice(sealed);
        let key = search.session.key();
        let body = key.mend(&header, &mut self.body).then(|| key.open(&header, &mut self.body).ok())??;
        self.stats.mended += 1;
        Some((header, body.len()))
    }

    /// First every region as one of the copies has it; then, the longest first, one region begun as one copy
    /// has it and ended as another, where two bursts meet. Regions too long for two bursts are left out.
    fn open_any(
        &mut self,
        regions: &mut [Region],
        copies: usize,
        tries: &mut u32,
        search: Search<'_>,
    ) -> Result<Option<Opened>, OutOfEffort> {
        if let Some(opened) = self.open_choices(regions, copies, tries, search)? {
            return Ok(Some(opened));
        }
        regions.sort_by_key(|region| std::cmp::Reverse(region.len()));
        for at in 0..regions.len() {
            let Some(region) = regions.get_mut(at) else { break };
            if region.len() > MAX_SPLICED_BYTES {
                self.stats.unspliced += 1;
                continue;
            }
            let whole = region.splice();
            let opened = self.open_choices(regions, copies, tries, search)?;
            if opened.is_some() {
                return Ok(opened);
            }
            regions.get_mut(at).into_iter().for_each(|region| region.variants.clone_from(&whole));
        }
        Ok(None)
    }

    fn open_choices(
        &mut self,
        regions: &[Region],
        copies: usize,
        tries: &mut u32,
        search: Search<'_>,
    ) -> Result<Option<Opened>, OutOfEffort> {
        let choices = Choices::new(regions, copies);
        if choices.len() == 0 {
            self.take_try(tries, search)?;
        }
        for place in 0..choices.len() {
            choices.write(place, regions, &mut self.candidate);
            if let Some(opened) = self.open(tries, search)? {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }

    /// Tries the candidate. `None`: it is not what was sent, or what was sent is known.
    fn open(&mut self, tries: &mut u32, search: Search<'_>) -> Result<Option<Opened>, OutOfEffort> {
        self.take_try(tries, search)?;
        let Ok((header, sealed)) = PacketHeader::parse(&self.candidate) else { return Ok(None) };
        let sealed = if header.kind == Kind::Announce { behind_salt(sealed) } else { Some(sealed) };
        let sealed = sealed.filter(|_| is_wanted(&header, search));
        let Some(sealed) = sealed else { return Ok(None) };
        self.body.clear();
        self.body.extend_from_slice(sealed);
        let body = search.session.key().open(&header, &mut self.body).ok();
        Ok(body.map(|body| (header, body.len())))
    }

    /// Everything that takes time costs a try, whatever comes of it.
    fn take_try(&mut self, tries: &mut u32, search: Search<'_>) -> Result<(), OutOfEffort> {
        if !self.effort.take(search.origin.station, *tries, search.now) {
            return Err(OutOfEffort);
        }
        *tries += 1;
        self.stats.tries += 1;
        Ok(())
    }
}

/// Whether a packet is one for us that is not known.
fn is_wanted(header: &PacketHeader, search: Search<'_>) -> bool {
    header.stream & UPWARD == 0 && !is_known(search.session, header, search.origin.card)
}

/// Whether a card heard a packet, or repairs brought it back.
fn is_known(session: &Session, header: &PacketHeader, card: usize) -> bool {
    session.look(header, card) != Look::Fresh || session.knows(header)
}

/// The limits of the effort do not allow another try.
struct OutOfEffort;
