//! The loop's turns, with airs that never run dry.

use std::os::fd::BorrowedFd;

use crate::stats::FrameStats;
use crate::{Receiver, ReceiverConfig};
use skylark_common::air::{CaptureError, Captured};
use skylark_common::seal::LinkKey;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;

use super::*;

/// An air that has so many frames of a session nobody announces.
#[derive(Debug)]
struct Supply(usize);

const ENDLESS: Supply = Supply(usize::MAX);

impl CaptureAir for Supply {
    fn capture(&mut self, buffer: &mut [u8], now: Instant) -> Result<Option<Captured>, CaptureError> {
        if self.0 == 0 {
            return Ok(None);
        }
        self.0 -= 1;
        let len = RxHeader::default().emit(buffer).unwrap();
        let header =
            PacketHeader { link: LinkId::from_name("default"), stream: 0, kind: Kind::Source, session: 7, sequence: 1 };
        let header = header.emit();
        buffer[len..len + header.len()].copy_from_slice(&header);
        Ok(Some(Captured { len: len + header.len(), at: now }))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn wait(&self, _: Instant) -> Option<Duration> {
        None
    }

    fn ended(&self) -> bool {
        false
    }

    fn dropped(&self) -> u64 {
        0
    }

    fn name(&self) -> &str {
        "supply"
    }
}

fn link(airs: Vec<Box<dyn CaptureAir>>, now: Instant) -> Running {
    let config = ReceiverConfig::default();
    let link = Link {
        receiver: DialectReceiver::Skylark(Box::new(Receiver::new(config, &LinkKey::from_bytes([7; 32]), now))),
        airs,
        joining: Arc::new(Joining::new()),
        relays: None,
        outlets: Outlets::default(),
        board: Arc::new(Board::new(None)),
        control: Arc::new(Control::new(1).unwrap()),
        time: Time::Real,
        are_recordings: false,
        until: None,
        latency_budget: config.latency_budget,
        clock: SharedClock::of_this_machine(),
    };
    link.begin(now)
}

fn frames(link: &Running, now: Instant) -> Vec<FrameStats> {
    link.link.receiver.stats(now).cards.iter().map(|card| card.frames).collect()
}

#[test]
fn a_card_that_never_runs_dry_delays_the_others_by_a_turn_of_64_frames() {
    let start = now();
    let mut link = link(vec![Box::new(ENDLESS), Box::new(Supply(1)), Box::new(ENDLESS)], start);
    assert!(link.turn(start), "there is more");
    let captured: Vec<u64> = frames(&link, start).iter().map(|frames| frames.captured).collect();
    assert_eq!(captured, [64, 1, 64]);
}

#[test]
fn a_card_that_never_runs_dry_does_not_hold_up_what_is_due() {
    let start = now();
    let mut link = link(vec![Box::new(ENDLESS), Box::new(Supply(1))], start);
    assert!(link.turn(start) && link.turn(start + Duration::from_secs(1)));
    let now = start + Duration::from_secs(1);
    assert_eq!(frames(&link, now)[1].unannounced, 1, "it was waited for long enough");
}

#[test]
fn an_air_that_joins_is_the_next_card_and_known_by_its_name() {
    let start = now();
    let mut link = link(vec![Box::new(Supply(0))], start);
    link.link.joining.join(Box::new(Supply(3)));
    assert!(!link.turn(start));
    assert_eq!(frames(&link, start)[1].captured, 3);
    assert_eq!(link.link.board.with(|seen| seen.airs.len()), 2);
    assert!(!link.is_over());
}
