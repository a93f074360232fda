//! Cards in monitor mode as the programs see them, on TAP cards and in virtual time: only the kernel is real.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that begins at some instant")]

use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::monitor::{MonitorCapture, MonitorError, MonitorInject, cards, resolve};
use skylark_common::air::{CaptureAir, CaptureError, CardState, Confirmed, InjectAir, MAX_FRAME_BYTES, Refusal};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_tests::tap::{ETHERNET, TapCard, in_own_network, ip};

/// The MTU cards come with.
const MTU_BYTES: usize = 1500;
/// A card is looked at in this time, whatever its state.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is tried whether a card is open, and how many times: ten seconds of a machine with much to do.
const TRY_INTERVAL: Duration = Duration::from_millis(1);
const MOST_TRIES: usize = 10_000;
/// Radiotap headers: as a driver writes it, as a program does, as mac80211 reports a frame that was sent.
const HEARD: &[u8] = &[0, 0, 8, 0, 0, 0, 0, 0];
const WRITTEN: &[u8] = &[0, 0, 13, 0, 0, 0x80, 8, 0, 8, 0, 0x37, 0, 1];
const REPORT: &[u8] = &[0, 0, 12, 0, 0, 0x80, 2, 0, 0, 0, 0, 0];

fn frame(radiotap: &[u8], kind: Kind, sequence: u32) -> Vec<u8> {
    let header = PacketHeader { link: LinkId::from_number(7), stream: 0, kind, session: 1, sequence };
    [radiotap, &header.emit(), &[0; 100]].concat()
}

/// Takes all frames that are there.
fn drain(air: &mut MonitorCapture, now: Instant) -> Vec<Vec<u8>> {
    let mut buffer = [0; MAX_FRAME_BYTES];
    let next = || air.capture(&mut buffer, now).unwrap().map(|captured| buffer[..captured.len].to_vec());
    std::iter::from_fn(next).collect()
}

/// Asks an air that has nothing what it says next.
fn told(air: &mut MonitorCapture, now: Instant) -> Option<CardState> {
    match air.capture(&mut [0; MAX_FRAME_BYTES], now) {
        Ok(None) => None,
        Err(CaptureError::Lost(state)) => Some(state),
        other => panic!("{other:?}"),
    }
}

/// What an air says until it has a socket: opening one takes real time, on a thread.
fn told_until_open(air: &mut MonitorCapture, now: &mut Instant) -> Option<CardState> {
    let mut said = told(air, *now);
    for _ in 0..MOST_TRIES {
        if air.as_fd().is_some() {
            break;
        }
        thread::sleep(TRY_INTERVAL);
        *now += air.wait(*now).unwrap_or(TRY_INTERVAL);
        said = said.or(told(air, *now));
    }
    said
}

/// Injects a frame as soon as the card is open.
fn inject_when_open(air: &mut MonitorInject, frame: &[u8], now: &mut Instant) {
    let is_taken = (0..MOST_TRIES).any(|_| {
        thread::sleep(TRY_INTERVAL);
        *now += TRY_INTERVAL * 2;
        air.inject(frame, *now).is_ok()
    });
    assert!(is_taken, "{air:?}");
}

/// Whether `poll` says at once that there is something to do.
fn is_ready(air: &MonitorCapture) -> bool {
    let Some(fd) = air.as_fd() else { return false };
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&Timespec::default())).unwrap() > 0
}

#[test]
fn frames_of_every_link_are_captured_and_nothing_else() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        assert!(!is_ready(&air));
        let mut other = frame(HEARD, Kind::Source, 1);
        other[HEARD.len() + 10] = 0x57;
        for unwanted in [&frame(REPORT, Kind::Source, 1), &frame(WRITTEN, Kind::Source, 1), &other] {
            assert!(card.hear(unwanted).unwrap());
        }
        assert!(!is_ready(&air), "the kernel keeps it back");
        let wanted: Vec<Vec<u8>> = (0..2000).map(|sequence| frame(HEARD, Kind::Source, sequence)).collect();
        wanted.iter().for_each(|frame| assert!(card.hear(frame).unwrap()));
        assert!(is_ready(&air));
        assert_eq!(drain(&mut air, now), wanted);
        assert!(!is_ready(&air));
        assert_eq!((air.dropped(), air.state(), air.name()), (0, CardState::Working, "wlan0"));
    });
}

#[test]
fn what_this_machine_injects_it_does_not_hear() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut capture = MonitorCapture::open("wlan0", now).unwrap();
        let mut inject = MonitorInject::open("wlan0", now).unwrap();
        // Another program's frame without TX flags passes the kernel's filter, unless the direction is looked at.
        for radiotap in [WRITTEN, HEARD] {
            inject.inject(&frame(radiotap, Kind::Source, 1), now).unwrap();
            assert!(card.injected(&mut [0; MAX_FRAME_BYTES]).unwrap().is_some());
        }
        assert_eq!(drain(&mut capture, now), [[0; 0]; 0]);
    });
}

#[test]
fn a_card_that_goes_down_is_told_once_and_goes_on_when_it_is_up() {
    in_own_network(|| {
        let (card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        for _ in 0..3 {
            card.down().unwrap();
            let mut said = Vec::new();
            for _ in 0..10 {
                said.extend(told(&mut air, now));
                assert!(!is_ready(&air), "the caller would turn for ever");
                now += air.wait(now).unwrap();
            }
            assert_eq!((said, air.state()), (vec![CardState::Down], CardState::Down));
            card.up().unwrap();
            now += LOOK;
            assert_eq!((told_until_open(&mut air, &mut now), air.state()), (None, CardState::Working));
            assert!(card.hear(&frame(HEARD, Kind::Source, 1)).unwrap() && is_ready(&air));
            assert_eq!(drain(&mut air, now).len(), 1);
        }
    });
}

#[test]
fn a_card_whose_sockets_never_live_long_is_refused_with_the_machines_words_until_one_does() {
    in_own_network(|| {
        let (card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("wlan0", now).unwrap();
        let frame = frame(WRITTEN, Kind::Source, 1);
        for _ in 0..5 {
            inject_when_open(&mut air, &frame, &mut now);
            assert_eq!((air.state(), air.reason()), (CardState::Working, None));
            // It is looked at once and found well; then the socket fails, while the interface is up again.
            now += LOOK;
            air.tend(now);
            card.down().unwrap();
            card.up().unwrap();
            assert!(matches!(air.inject(&frame, now), Err(Refusal::Failed(_))));
        }
        assert_eq!(air.state(), CardState::Refused);
        assert!(air.reason().is_some_and(|reason| reason.contains("down")), "{:?}", air.reason());
        now += LOOK * 10;
        inject_when_open(&mut air, &frame, &mut now);
        assert_eq!(air.state(), CardState::Refused, "it has yet to live");
        now += LOOK * 20;
        air.tend(now);
        assert_eq!((air.state(), air.reason()), (CardState::Working, None));
    });
}

#[test]
fn a_card_that_is_pulled_out_is_told_once_and_another_of_its_name_is_taken() {
    in_own_network(|| {
        let (mut card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        for _ in 0..3 {
            drop(card);
            let mut said = Vec::new();
            for _ in 0..10 {
                said.extend(told(&mut air, now));
                assert!(!is_ready(&air));
                now += air.wait(now).unwrap();
            }
            assert_eq!((said, air.state()), (vec![CardState::Gone], CardState::Gone));
            card = TapCard::create("wlan0", MTU_BYTES).unwrap();
            now += LOOK;
            assert_eq!((told_until_open(&mut air, &mut now), air.state()), (None, CardState::Working));
            assert!(card.hear(&frame(HEARD, Kind::Source, 1)).unwrap());
            assert_eq!(drain(&mut air, now).len(), 1);
        }
    });
}

#[test]
fn a_card_that_was_replaced_between_two_looks_is_taken_all_the_same() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        let card = card.replugged().unwrap();
        let mut now = now + LOOK;
        assert_eq!((told_until_open(&mut air, &mut now), air.state()), (None, CardState::Working));
        assert!(card.hear(&frame(HEARD, Kind::Source, 1)).unwrap());
        assert_eq!(drain(&mut air, now).len(), 1);
    });
}

#[test]
fn a_card_that_leaves_monitor_mode_is_told() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        drop(card);
        let managed = TapCard::create_as("wlan0", MTU_BYTES, ETHERNET).unwrap();
        assert_eq!(told(&mut air, now + LOOK), Some(CardState::WrongMode));
        drop(managed);
        assert_eq!(told(&mut air, now + LOOK * 2), Some(CardState::Gone));
        let _card = TapCard::create("wlan0", MTU_BYTES).unwrap();
        assert_eq!((told_until_open(&mut air, &mut (now + LOOK * 3)), air.state()), (None, CardState::Working));
    });
}

#[test]
fn a_card_that_is_down_is_opened_and_works_once_it_is_up() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        card.down().unwrap();
        let mut capture = MonitorCapture::open("wlan0", now).unwrap();
        let mut inject = MonitorInject::open("wlan0", now).unwrap();
        assert_eq!((told(&mut capture, now), told(&mut capture, now)), (Some(CardState::Down), None));
        assert!(matches!(inject.inject(&frame(WRITTEN, Kind::Source, 1), now), Err(Refusal::Failed(_))));
        card.up().unwrap();
        assert_eq!((told_until_open(&mut capture, &mut (now + LOOK)), capture.state()), (None, CardState::Working));
        inject_when_open(&mut inject, &frame(WRITTEN, Kind::Source, 1), &mut (now + LOOK));
    });
}

#[test]
fn injecting_survives_what_happens_to_the_card() {
    in_own_network(|| {
        let (card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("wlan0", now).unwrap();
        let frame = frame(WRITTEN, Kind::Source, 1);
        let refused = |air: &mut MonitorInject, now| match air.inject(&frame, now) {
            Err(Refusal::Failed(error)) => error.to_string(),
            other => panic!("{other:?}"),
        };
        card.down().unwrap();
        assert_eq!(refused(&mut air, now), CardState::Down.to_string());
        card.up().unwrap();
        now += LOOK;
        inject_when_open(&mut air, &frame, &mut now);
        drop(card);
        for _ in 0..5 {
            assert_eq!(refused(&mut air, now), CardState::Gone.to_string());
            now += LOOK / 4;
        }
        assert_eq!(air.state(), CardState::Gone);
        let card = TapCard::create("wlan0", 700).unwrap();
        now += LOOK;
        inject_when_open(&mut air, &frame, &mut now);
        assert!(matches!(air.inject(&[0; 715], now), Err(Refusal::TooLong { found: 715, limit: 714 })));
        let mut buffer = [0; MAX_FRAME_BYTES];
        assert_eq!(card.injected(&mut buffer).unwrap().map(|len| &buffer[..len]), Some(&frame[..]));
        assert!(matches!(air.inject(&[], now), Err(Refusal::Failed(_))), "no frame at all");
    });
}

#[test]
fn an_mtu_that_changes_is_followed() {
    in_own_network(|| {
        let (_card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("wlan0", now).unwrap();
        assert_eq!(air.max_frame_bytes(), MTU_BYTES + 14);
        ip(&["link", "set", "wlan0", "mtu", "1000"]).unwrap();
        assert!(matches!(air.inject(&[0; 1514], now), Err(Refusal::TooLong { found: 1514, limit: 1014 })));
        air.inject(&[0; 1014], now).unwrap();
        ip(&["link", "set", "wlan0", "mtu", "2000"]).unwrap();
        air.inject(&[0; 2014], now + LOOK).unwrap();
    });
}

#[test]
fn a_full_queue_pushes_back_and_no_frame_vanishes() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("wlan0", now).unwrap();
        let frame = frame(WRITTEN, Kind::Source, 1);
        let taken = (0..10_000).take_while(|_| air.inject(&frame, now).is_ok()).count();
        assert!(matches!(air.inject(&frame, now), Err(Refusal::Busy)));
        let mut buffer = [0; MAX_FRAME_BYTES];
        let left = std::iter::from_fn(|| card.injected(&mut buffer).unwrap()).count();
        assert_eq!((taken, air.state()), (left, CardState::Working));
        air.inject(&frame, now).unwrap();
    });
}

#[test]
fn frames_there_was_no_room_for_are_counted_over_all_sockets() {
    in_own_network(|| {
        let (mut card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("wlan0", now).unwrap();
        let (mut heard, mut captured) = (0, 0);
        for _ in 0..2 {
            for sequence in 0..3000 {
                heard += u64::from(card.hear(&frame(HEARD, Kind::Source, sequence)).unwrap());
            }
            captured += drain(&mut air, now).len();
            card = card.replugged().unwrap();
            now += LOOK;
            assert_eq!(told_until_open(&mut air, &mut now), None);
        }
        assert!(captured >= 4000, "each socket holds 2048 frames, and {captured} were captured");
        assert_eq!(air.dropped() + captured as u64, heard);
    });
}

#[test]
fn reports_of_announces_say_that_frames_leave() {
    in_own_network(|| {
        let (card, mut now) = (TapCard::create("wlan0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("wlan0", now).unwrap();
        let mut run = |air: &mut MonitorInject, reported: bool| {
            for sequence in 0..30 {
                air.inject(&frame(WRITTEN, Kind::Announce, sequence), now).unwrap();
                if reported {
                    assert!(card.hear(&frame(REPORT, Kind::Announce, sequence)).unwrap());
                }
                now += LOOK;
                air.tend(now);
            }
            air.confirmed()
        };
        let silent = run(&mut air, false).unwrap();
        assert!(matches!(silent, Confirmed { injected: 10.., came_back: 0, ever: false }), "{silent:?}");
        let reported = run(&mut air, true).unwrap();
        assert!(reported.injected >= 10 && reported.ever, "{reported:?}");
        assert_eq!(reported.came_back, reported.injected);
    });
}

#[test]
fn cards_are_found_by_pattern_in_natural_order() {
    in_own_network(|| {
        let names = ["wlan10", "wlan2", "mon0"];
        let _cards = names.map(|name| TapCard::create(name, MTU_BYTES).unwrap());
        let _managed = TapCard::create_as("wlan3", MTU_BYTES, ETHERNET).unwrap();
        assert_eq!(cards("*"), ["mon0", "wlan2", "wlan10"]);
        assert_eq!(resolve("wlan*").unwrap(), ["wlan2", "wlan10"]);
        assert_eq!(resolve("wlan3").unwrap(), ["wlan3"]);
        let error = |name| MonitorCapture::open(name, Instant::now()).unwrap_err();
        assert!(matches!(error("wlan3"), MonitorError::NotWireless { found: 1, .. }));
        assert!(matches!(error("wlx1"), MonitorError::Missing { there, .. } if there.len() == 3));
    });
}
