//! Whether frames that were injected really left, from the reports of the stack about a sample of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::Confirmed;
use crate::wire::packet::{Kind, PacketHeader};

/// How long a report may take: longer than a frame waits in any card's queue.
const GRACE: Duration = Duration::from_millis(250);
/// How long an announce counts after that.
const WINDOW: Duration = Duration::from_secs(2);
/// Announces kept: three times as many as are sent within [`GRACE`] and [`WINDOW`].
const MAX_ANNOUNCES: usize = 80;

/// Announces that were injected, and which of them were reported.
#[derive(Debug, Default)]
pub(super) struct SelfCheck {
    announces: VecDeque<Announce>,
    ever: bool,
}

#[derive(Debug)]
struct Announce {
    session: u32,
    sequence: u32,
    at: Instant,
    came_back: bool,
}

impl SelfCheck {
    /// A frame was injected.
    pub(super) fn injected(&mut self, frame: &[u8], now: Instant) {
        let Some(PacketHeader { session, sequence, .. }) = announce(frame) else { return };
        while self.announces.len() >= MAX_ANNOUNCES {
            self.announces.pop_front();
        }
        self.announces.push_back(Announce { session, sequence, at: now, came_back: false });
    }

    /// The stack reports a frame as sent.
    pub(super) fn reported(&mut self, frame: &[u8]) {
        let Some(report) = announce(frame) else { return };
        let is_it = |sent: &&mut Announce| (sent.session, sent.sequence) == (report.session, report.sequence);
        if let Some(sent) = self.announces.iter_mut().rev().find(is_it) {
            sent.came_back = true;
            self.ever = true;
        }
    }

    /// What became of the announces that are old enough to tell; `None` if there are none.
    pub(super) fn confirmed(&mut self, now: Instant) -> Option<Confirmed> {
        let age = |sent: &Announce| now.saturating_duration_since(sent.at);
        while self.announces.pop_front_if(|oldest| age(oldest) > GRACE + WINDOW).is_some() {}
        let told = self.announces.iter().filter(|sent| age(sent) >= GRACE || sent.came_back);
        let none = Confirmed { injected: 0, came_back: 0, ever: self.ever };
        let confirmed = told.fold(none, |sum, sent| Confirmed {
            injected: sum.injected + 1,
            came_back: sum.came_back + u32::from(sent.came_back),
            ..sum
        });
        (confirmed.injected > 0).then_some(confirmed)
    }
}

/// The packet header of an announce, whatever the radiotap header in front says.
fn announce(frame: &[u8]) -> Option<PacketHeader> {
    let [_, _, low, high] = frame.first_chunk::<4>()?;
    let frame = frame.get(usize::from(u16::from_le_bytes([*low, *high]))..)?;
    let (header, _) = PacketHeader::parse(frame).ok()?;
    (header.kind == Kind::Announce).then_some(header)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

    use super::*;
    use crate::wire::link::LinkId;

    fn frame(kind: Kind, sequence: u32) -> Vec<u8> {
        let header = PacketHeader { link: LinkId::from_number(7), stream: 0, kind, session: 1, sequence };
        [&[0, 0, 8, 0, 0, 0, 0, 0][..], &header.emit()].concat()
    }

    /// The same frame behind another header, with a sequence number of the card's.
    fn report(kind: Kind, sequence: u32) -> Vec<u8> {
        let mut frame = [&[0, 0, 10, 0, 0, 0x80, 0, 0, 0, 0][..], &frame(kind, sequence)[8..]].concat();
        frame[10 + 22] = 0x50;
        frame
    }

    fn confirmed(injected: u32, came_back: u32, ever: bool) -> Option<Confirmed> {
        Some(Confirmed { injected, came_back, ever })
    }

    #[test]
    fn announces_that_come_back_are_told_from_those_that_do_not() {
        let (mut check, start) = (SelfCheck::default(), Instant::now());
        assert_eq!(check.confirmed(start), None);
        for sequence in 0..4 {
            check.injected(&frame(Kind::Announce, sequence), start);
            check.injected(&frame(Kind::Source, sequence), start);
        }
        assert_eq!(check.confirmed(start), None, "reports take their time");
        check.reported(&report(Kind::Announce, 0));
        assert_eq!(check.confirmed(start), confirmed(1, 1, true));
        check.reported(&report(Kind::Announce, 3));
        check.reported(&report(Kind::Announce, 9));
        check.reported(&report(Kind::Source, 1));
        assert_eq!(check.confirmed(start + GRACE), confirmed(4, 2, true));
        assert_eq!(check.confirmed(start + GRACE + WINDOW * 2), None);
        check.injected(&frame(Kind::Announce, 4), start + WINDOW * 2);
        assert_eq!(check.confirmed(start + WINDOW * 2 + GRACE), confirmed(1, 0, true));
    }

    #[test]
    fn what_is_no_frame_of_ours_is_nothing() {
        let (mut check, start) = (SelfCheck::default(), Instant::now());
        let whole = frame(Kind::Announce, 1);
        for len in 0..whole.len() {
            check.injected(&whole[..len], start);
        }
        check.injected(&[0xff; 60], start);
        assert_eq!(check.confirmed(start + GRACE), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let (mut check, start) = (SelfCheck::default(), Instant::now());
        (0..1000).for_each(|sequence| check.injected(&frame(Kind::Announce, sequence), start));
        assert_eq!(check.announces.len(), MAX_ANNOUNCES);
        check.reported(&report(Kind::Announce, 999));
        assert_eq!(check.confirmed(start + GRACE), confirmed(80, 1, true));
    }
}
