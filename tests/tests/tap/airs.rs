//! The monitor air itself: what the programs are told of a card.

use std::time::{Duration, Instant};

use skylark_common::air::monitor::{MonitorCapture, MonitorInject};
use skylark_common::air::{CaptureAir as _, CardState, InjectAir as _, MAX_FRAME_BYTES, Refusal};
use skylark_common::options::Dialect;
use skylark_common::wire::radiotap::{RxHeader, TxRate};
use skylark_tests::tap::{TapCard, in_own_network, ip};

use crate::player::PATIENCE;
use crate::reception::packet;
use crate::rig::MTU_BYTES;

/// A frame of ours as a card hands it on.
fn heard() -> Vec<u8> {
    let mut header = [0; 64];
    let len = RxHeader::default().emit(&mut header).unwrap();
    [&header[..len], &packet("default")].concat()
}

#[test]
fn frames_go_through_the_card_as_they_are() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("tapm0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorInject::open("tapm0", now).unwrap();
        let mut buffer = [0; MAX_FRAME_BYTES];
        let frame = heard();
        air.inject(&frame, now).unwrap();
        let len = card.injected(&mut buffer).unwrap().unwrap();
        assert_eq!(buffer[..len], frame);

        let mut air = MonitorCapture::open("tapm0", now).unwrap();
        assert!(card.hear(&frame).unwrap());
        let captured = air.capture(&mut buffer, now).unwrap().unwrap();
        assert_eq!(buffer[..captured.len], frame);
        assert_eq!(air.capture(&mut buffer, now).unwrap(), None);
    });
}

#[test]
fn what_this_machine_sends_is_not_heard() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("tapm0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("tapm0", now).unwrap();
        // Another program that sends as the kernel does by default shows its frames to everybody.
        let mut other = pcap::Capture::from_device("tapm0").unwrap().open().unwrap();
        let written = [TxRate::default().emit().as_slice(), &packet("default")].concat();
        for frame in [&written, &heard()] {
            other.sendpacket(&frame[..]).unwrap();
        }
        // A driver tells what became of a frame under a header with TX flags.
        assert!(card.hear(&written).unwrap());
        assert_eq!(air.capture(&mut [0; MAX_FRAME_BYTES], now).unwrap(), None);
        assert!(card.hear(&heard()).unwrap());
        assert!(air.capture(&mut [0; MAX_FRAME_BYTES], now).unwrap().is_some());
    });
}

#[test]
fn the_longest_frame_is_the_mtu_and_14_bytes() {
    in_own_network(|| {
        let (_card, now) = (TapCard::create("tapm0", 700).unwrap(), Instant::now());
        let mut air = MonitorInject::open("tapm0", now).unwrap();
        assert_eq!(air.max_frame_bytes(), 714);
        air.inject(&[0; 714], now).unwrap();
        let refusal = air.inject(&[0; 715], now);
        assert!(matches!(refusal, Err(Refusal::TooLong { found: 715, limit: 714 })), "{refusal:?}");
    });
}

#[test]
fn the_longest_frame_of_wfb_ng_is_captured_whole() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("tapm0", MAX_FRAME_BYTES - 14).unwrap(), Instant::now());
        let mut air = MonitorCapture::open_for(Dialect::WfbNg, "tapm0", now).unwrap();
        let mut buffer = [0; MAX_FRAME_BYTES];
        for len in [1500, 3900, 4000, MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES] {
            let mut frame = heard();
            frame.resize(len, 7);
            assert!(card.hear(&frame).unwrap());
            let captured = air.capture(&mut buffer, now).unwrap().unwrap();
            assert_eq!((captured.len, &buffer[..captured.len]), (len, &frame[..]));
        }
    });
}

#[test]
fn a_full_transmit_queue_is_told() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("tapm0", MTU_BYTES).unwrap(), Instant::now());
        ip(&["link", "set", "tapm0", "txqueuelen", "10"]).unwrap();
        let mut air = MonitorInject::open("tapm0", now).unwrap();
        let frame = heard();
        let taken = (0..2000).take_while(|_| air.inject(&frame, now).is_ok()).count();
        let refusal = air.inject(&frame, now);
        assert!(matches!(refusal, Err(Refusal::Busy)), "{refusal:?} after {taken}");
        let mut buffer = [0; MAX_FRAME_BYTES];
        let mut sent = 0;
        while card.injected(&mut buffer).unwrap().is_some() {
            sent += 1;
        }
        assert_eq!(sent, taken);
        air.inject(&frame, now).unwrap();
    });
}

#[test]
fn frames_the_kernel_has_no_room_for_are_counted() {
    in_own_network(|| {
        let (card, now) = (TapCard::create("tapm0", MTU_BYTES).unwrap(), Instant::now());
        let mut air = MonitorCapture::open("tapm0", now).unwrap();
        let (frame, mut buffer) = ([&heard()[..], &[0; 1200]].concat(), [0; MAX_FRAME_BYTES]);
        let heard = 20_000;
        (0..heard).for_each(|_| assert!(card.hear(&frame).unwrap()));
        let mut captured = 0;
        let later = now + Duration::from_secs(1);
        while air.capture(&mut buffer, later).unwrap().is_some() {
            captured += 1;
        }
        assert!(captured < heard, "{captured} fit");
        let _ = air.capture(&mut buffer, later + Duration::from_secs(1)).unwrap();
        assert_eq!(air.dropped(), heard - captured);
    });
}

#[test]
fn a_card_that_is_opened_again_holds_nobody_up() {
    in_own_network(|| {
        let card = TapCard::create("tapm0", MTU_BYTES).unwrap();
        let mut air = MonitorCapture::open("tapm0", Instant::now()).unwrap();
        let mut longest = Duration::ZERO;
        card.down().unwrap();
        until(&mut air, &mut longest, |air, _| air.state() == CardState::Down);
        card.up().unwrap();
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(air.capture(&mut [0; MAX_FRAME_BYTES], later).unwrap(), None);
        assert!(air.as_fd().is_none(), "the call waited for the socket");
        let hears = |card: &TapCard, heard| {
            assert!(card.hear(&self::heard()).unwrap());
            heard
        };
        until(&mut air, &mut longest, |_, heard| hears(&card, heard));
        let card = card.replugged().unwrap();
        until(&mut air, &mut longest, |_, heard| hears(&card, heard));
        println!("of the calls during an outage the longest took {longest:?}");
    });
}

/// Captures until something is so, and measures how long a call took.
fn until(air: &mut MonitorCapture, longest: &mut Duration, is_so: impl Fn(&MonitorCapture, bool) -> bool) {
    let start = Instant::now();
    loop {
        let called = Instant::now();
        let heard = air.capture(&mut [0; MAX_FRAME_BYTES], called).is_ok_and(|heard| heard.is_some());
        *longest = called.elapsed().max(*longest);
        if is_so(air, heard) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{air:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
