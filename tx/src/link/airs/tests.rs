//! Airs that take, refuse, fail and come back.
#![expect(clippy::disallowed_methods, reason = "any instant serves as the start")]

use std::collections::VecDeque;

use skylark_common::air::Refusal;

use super::*;

/// Answers as it was told to, then takes everything.
#[derive(Debug)]
struct Scripted(VecDeque<Result<(), Refusal>>);

impl InjectAir for Scripted {
    fn inject(&mut self, _frame: &[u8], _now: Instant) -> Result<(), Refusal> {
        self.0.pop_front().unwrap_or(Ok(()))
    }

    fn name(&self) -> &str {
        "scripted"
    }
}

fn broken() -> Result<(), Refusal> {
    Err(Refusal::Failed(std::io::Error::other("broken")))
}

fn airs(scripts: Vec<(Vec<Result<(), Refusal>>, Failure)>) -> Airs {
    let airs = scripts.into_iter().map(|(script, failure)| Air::new(Box::new(Scripted(script.into())), failure));
    Airs { airs: airs.collect(), cards: Vec::new(), frame: Vec::new() }
}

fn counts(airs: &Airs) -> Vec<(u64, u64)> {
    airs.stats().iter().map(|air| (air.injected, air.refused)).collect()
}

#[test]
fn a_busy_air_gets_its_frame_later_and_the_others_get_it_once() {
    let busy = vec![Err(Refusal::Busy), Err(Refusal::Busy)];
    let mut airs = airs(vec![(busy, Failure::MayPass), (vec![], Failure::MayPass)]);
    let now = Instant::now();
    airs.inject(b"frame", now);
    assert!(!airs.is_ready(now));
    assert_eq!(airs.poll_timeout(now), Some(now + RETRY));
    assert!(airs.is_ready(now + RETRY));
    assert_eq!((airs.poll_timeout(now), counts(&airs)), (None, vec![(1, 0), (1, 0)]));
}

#[test]
fn an_air_that_stays_busy_loses_the_frame_and_then_holds_nobody_up() {
    let busy = (0..9).map(|_| Err(Refusal::Busy)).collect();
    let mut airs = airs(vec![(busy, Failure::MayPass), (vec![], Failure::MayPass)]);
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_millis(50));
    airs.inject(b"frame", now);
    assert!(!airs.is_ready(now) && airs.is_ready(later));
    airs.inject(b"frame", later);
    assert!(airs.is_ready(later));
    assert_eq!(counts(&airs), [(0, 2), (2, 0)]);
}

#[test]
fn an_air_that_fails_is_tried_again_with_each_frame() {
    let mut airs = airs(vec![(vec![broken(), broken()], Failure::MayPass)]);
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
    assert!(Airs::open(&targets, Instant::now()).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    let targets = [AirTarget::Pcap(path), AirTarget::Udp("127.0.0.1:9".to_owned())];
    let names = Airs::open(&targets, Instant::now()).unwrap().names();
    assert!(names[0].starts_with("pcap:") && names[1].starts_with("udp:"), "{names:?}");
}

#[test]
fn frames_that_nobody_listens_to_are_counted() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    drop(taken);
    let now = Instant::now();
    let mut airs = Airs::open(&[AirTarget::Udp(address)], now).unwrap();
    for _ in 0..10 {
        airs.inject(b"frame", now);
    }
    let stats = &airs.stats()[0];
    assert!(stats.injected == 10 && stats.unheard > 0, "{stats:?}");
}

#[test]
fn the_program_ends_with_the_last_air_that_cannot_come_back() {
    let mut airs = airs(vec![(vec![broken()], Failure::IsFinal), (vec![Ok(()), broken()], Failure::IsFinal)]);
    let now = Instant::now();
    airs.inject(b"frame", now);
    assert_eq!(airs.all_ended(), None);
    airs.inject(b"frame", now);
    assert!(airs.all_ended().is_some());
    assert_eq!(counts(&airs), [(0, 1), (1, 1)]);
}
