//! Airs that take, refuse, fail and come back.
#![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skylark_common::air::Refusal;

use super::*;

/// Answers as it was told to, then takes everything; the frames it took.
#[derive(Debug)]
struct Scripted(VecDeque<Result<(), Refusal>>, Taken);

type Taken = Arc<Mutex<Vec<u8>>>;

impl InjectAir for Scripted {
    fn inject(&mut self, frame: &[u8], _now: Instant) -> Result<(), Refusal> {
        self.0.pop_front().unwrap_or(Ok(()))?;
        self.1.lock().unwrap_or_else(PoisonError::into_inner).extend(frame);
        Ok(())
    }

    fn name(&self) -> &str {
        "scripted"
    }
}

type Script = Vec<Result<(), Refusal>>;

fn broken() -> Result<(), Refusal> {
    Err(Refusal::Failed(std::io::Error::other("broken")))
}

fn busy(times: usize) -> Script {
    (0..times).map(|_| Err(Refusal::Busy)).collect()
}

fn airs(scripts: Vec<(Script, Kind)>) -> Airs {
    airs_and_taken(scripts).0
}

fn airs_and_taken(scripts: Vec<(Script, Kind)>) -> (Airs, Vec<Taken>) {
    let taken: Vec<Taken> = scripts.iter().map(|_| Taken::default()).collect();
    let airs = scripts.into_iter().zip(&taken);
    let airs = airs.map(|((script, kind), taken)| Air::new(Box::new(Scripted(script.into(), Arc::clone(taken))), kind));
    (Airs { airs: airs.collect(), cards: Vec::new() }, taken)
}

fn counts(airs: &Airs) -> Vec<(u64, u64)> {
    airs.stats().iter().map(|air| (air.injected, air.refused)).collect()
}

/// Injects one frame after the other, 1 ms apart, whether or not the airs are ready; how often they were.
fn fly(airs: &mut Airs, start: Instant, frames: u8) -> usize {
    let ready = (0..frames).filter(|number| {
        let now = start + Duration::from_millis(u64::from(*number));
        let is_ready = airs.is_ready(now);
        airs.inject(&[*number], now);
        is_ready
    });
    ready.count()
}

#[test]
fn a_busy_card_gets_its_frames_later_in_their_order_and_the_other_is_not_held_up() {
    let (mut airs, taken) = airs_and_taken(vec![(busy(9), Kind::Card), (vec![], Kind::Card)]);
    let start = Instant::now();
    assert_eq!(fly(&mut airs, start, 3), 3);
    assert_eq!(airs.poll_timeout(None, start), Some(start + air::SOONEST_RETRY));
    assert_eq!(counts(&airs), [(0, 0), (3, 0)]);
    assert_eq!(fly(&mut airs, start, 10), 10);
    assert!(airs.is_ready(start));
    assert_eq!((airs.poll_timeout(None, start), counts(&airs)), (None, vec![(13, 0), (13, 0)]));
    assert_eq!(*taken[0].lock().unwrap(), *taken[1].lock().unwrap());
}

#[test]
fn of_a_card_that_stays_busy_the_oldest_frames_give_way() {
    let (mut airs, taken) = airs_and_taken(vec![(busy(200), Kind::Card), (vec![], Kind::Card)]);
    let start = Instant::now();
    assert_eq!(fly(&mut airs, start, 100), 100);
    assert_eq!(counts(&airs), [(0, 68), (100, 0)]);
    let stuck = start + Duration::from_millis(500);
    assert!(airs.poll_timeout(None, stuck) > Some(stuck + Duration::from_millis(5)), "it costs little to look");
    airs.airs[0] = Air::new(Box::new(Scripted(VecDeque::new(), Arc::clone(&taken[0]))), Kind::Card);
    fly(&mut airs, start, 5);
    assert_eq!(*taken[0].lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn the_sender_waits_for_the_only_card_at_work_whatever_else_there_is() {
    let start = Instant::now();
    let others = [vec![], vec![(vec![], Kind::Recording)], vec![((0..9).map(|_| broken()).collect(), Kind::Card)]];
    for other in others {
        let alone = other.is_empty();
        let mut airs = airs(std::iter::once((busy(3), Kind::Card)).chain(other).collect());
        assert!(airs.is_ready(start));
        airs.inject(b"f", start);
        assert_eq!(
            [1, 2, 3].map(|ms| airs.is_ready(start + Duration::from_millis(ms))),
            [false, false, true],
            "{alone}"
        );
        assert_eq!(counts(&airs)[0], (1, 0));
    }
}

#[test]
fn the_senders_own_time_counts_unless_the_card_at_work_is_busy() {
    let start = Instant::now();
    let (due, stuck) = (start + Duration::from_millis(501), start + Duration::from_millis(500));
    for (other, wake) in [(vec![(vec![], Kind::Card)], due), (vec![], stuck + air::LATEST_RETRY)] {
        let mut airs = airs(std::iter::once((busy(99), Kind::Card)).chain(other).collect());
        assert_eq!(airs.poll_timeout(Some(due), start), Some(due));
        airs.inject(b"f", start);
        assert_eq!(airs.poll_timeout(Some(due), stuck), Some(wake));
    }
}

#[test]
fn a_card_that_takes_nothing_for_a_second_loses_what_waits() {
    let mut airs = airs(vec![(busy(99), Kind::Card)]);
    let start = Instant::now();
    airs.inject(b"f", start);
    assert!(!airs.is_ready(start + Duration::from_millis(999)));
    assert!(airs.is_ready(start + Duration::from_secs(1)));
    assert_eq!(counts(&airs), [(0, 1)]);
}

#[test]
fn a_recording_goes_on_while_the_only_card_is_stuck_and_the_card_when_it_is_not() {
    let mut airs = airs(vec![(busy(1100), Kind::Card), (vec![], Kind::Recording)]);
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    airs.inject(b"f", start);
    let waited = (1..).take_while(|ms| !airs.is_ready(at(*ms))).count();
    assert_eq!((waited, counts(&airs)), (999, vec![(0, 1), (1, 0)]));
    for ms in 2000..2200 {
        assert!(airs.is_ready(at(ms)), "{ms}");
        airs.inject(b"f", at(ms));
    }
    assert_eq!(counts(&airs), [(101, 100), (201, 0)]);
    assert!(airs.stats()[0].failing.is_none());
}

#[test]
fn an_air_that_fails_is_tried_again_with_each_frame() {
    let mut airs = airs(vec![(vec![broken(), broken()], Kind::Card)]);
    let now = Instant::now();
    for failing in [true, true, false] {
        airs.inject(b"frame", now);
        assert_eq!(airs.stats()[0].failing.is_some(), failing);
        assert!(airs.is_ready(now) && airs.all_ended().is_none());
    }
    assert_eq!(counts(&airs), [(1, 2)]);
}

#[test]
fn a_recording_is_left_as_it_was_when_another_air_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.pcap");
    std::fs::write(&path, "old").unwrap();
    let targets = [AirTarget::Pcap(path.clone()), AirTarget::Udp("nowhere".to_owned())];
    assert!(Airs::open(&targets, TxRate::default(), Instant::now()).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    let targets = [AirTarget::Pcap(path), AirTarget::Udp("127.0.0.1:9".to_owned())];
    let names = Airs::open(&targets, TxRate::default(), Instant::now()).unwrap().names();
    assert!(names[0].starts_with("pcap:") && names[1].starts_with("udp:"), "{names:?}");
}

#[test]
fn a_card_holds_ten_milliseconds_of_frames_and_never_so_few_that_it_runs_dry() {
    let frames = |mcs| card_queue_frames(TxRate { mcs, ..TxRate::default() });
    assert_eq!([0, 1, 3, 7, 31].map(frames), [5, 9, 16, 30, 32]);
}

#[test]
fn frames_that_nobody_listens_to_are_counted() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    drop(taken);
    let now = Instant::now();
    let mut airs = Airs::open(&[AirTarget::Udp(address)], TxRate::default(), now).unwrap();
    for _ in 0..10 {
        airs.inject(b"frame", now);
    }
    let stats = &airs.stats()[0];
    assert!(stats.injected == 10 && stats.unheard > 0, "{stats:?}");
}

#[test]
fn the_program_ends_with_the_last_air_that_cannot_come_back() {
    let mut airs = airs(vec![(vec![broken()], Kind::Recording), (vec![Ok(()), broken()], Kind::Recording)]);
    let now = Instant::now();
    airs.inject(b"frame", now);
    assert_eq!(airs.all_ended(), None);
    airs.inject(b"frame", now);
    assert!(airs.all_ended().is_some());
    assert_eq!(counts(&airs), [(0, 1), (1, 1)]);
}
