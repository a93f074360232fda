//! Cards that join a link that runs, and cards without number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use skylark_common::air::sim::Loss;
use skylark_common::wire::radiotap::RxHeader;
use skylark_tests::tap::{ETHERNET, MONITOR, TapCard, in_own_network};

use crate::reception::packet;
use crate::rig::{MTU_BYTES, Rig};

#[test]
fn a_card_that_fits_the_pattern_joins_a_link_that_runs() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::None, Loss::None]);
        rig.medium.with(|ether| ether.receivers[1] = None);
        let mut rx = rig.rx("--air monitor:tapr*");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(5);
        for mode in [ETHERNET, MONITOR] {
            rig.medium.with(|ether| ether.receivers[1] = None);
            let card = TapCard::create_as("tapr1", MTU_BYTES, mode).unwrap();
            rig.medium.with(|ether| ether.receivers[1] = Some(card));
            rig.player.wait_for_units(10);
        }
        rx.wait_for("frames of the second card", |rx| rx.count("/cards/1/heard") > 0);
        rig.medium.with(|ether| ether.receivers[0] = None);
        rig.player.wait_for_units(30);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!((rx.text("/cards/1/name"), rx.count("/streams/0/lost")), ("tapr1".to_owned(), 0));
        assert_eq!(rig.said("rx", "joins").len(), 1, "only as a monitor, and once");
    });
}

#[test]
fn a_receiver_whose_pattern_fits_nothing_yet_runs_while_it_has_another_air() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::None, Loss::None]);
        let mut rx = rig.rx("--air tapr0 --air monitor:wlx*");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(5);
        let card = TapCard::create("wlx00c0caabcdef", MTU_BYTES).unwrap();
        rig.medium.with(|ether| ether.receivers[1] = Some(card));
        rx.wait_for("frames of the card", |rx| rx.count("/cards/1/heard") > 0);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!(rig.said("rx", "no card in monitor mode is called wlx*").len(), 1);
    });
}

/// Seven cards that lose most of what is sent, and one that hears nothing but garbage, as fast as it can be made.
#[test]
fn seven_poor_cards_make_a_picture_beside_one_that_is_flooded() {
    in_own_network(|| {
        let rig = Rig::new(&[(); 7].map(|()| Loss::Independent { share: 0.6 }));
        let flood = Flood::start("tapr7");
        let mut rx = rig.rx("--air tapr*");
        let mut tx = rig.tx("--air tapt");
        rx.wait_for("units", |rx| rx.count("/streams/0/units") >= 150);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        let sent = flood.end();
        let heard = |card| rx.count(&format!("/cards/{card}/heard"));
        println!(
            "{sent} frames of garbage, {} captured; heard {:?}, dropped {:?}; lost {}, recovered {}",
            rx.count("/frames/captured"),
            [0, 1, 2, 3, 4, 5, 6, 7].map(heard),
            [0, 6, 7].map(|card| rx.count(&format!("/cards/{card}/dropped_by_machine"))),
            rx.count("/streams/0/lost"),
            rx.count("/streams/0/recovered"),
        );
        assert_eq!((rx.count("/streams/0/lost"), rx.count("/streams/0/units_damaged")), (0, 0));
        assert!((0..7).all(|card| heard(card) > 100) && heard(7) == 0);
    });
}

/// A card that hears garbage at full speed.
struct Flood {
    ending: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Flood {
    fn start(name: &str) -> Self {
        let card = TapCard::create(name, MTU_BYTES).unwrap();
        let mut header = [0; 64];
        let len = RxHeader::default().emit(&mut header).unwrap();
        let frames = ["other", "default"].map(|link| [&header[..len], &packet(link)].concat());
        let (ending, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_over, count) = (Arc::clone(&ending), Arc::clone(&sent));
        let thread = thread::spawn(move || {
            for frame in frames.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                count.fetch_add(u64::from(card.hear(frame).unwrap()), Ordering::Relaxed);
            }
        });
        Self { ending, sent, thread }
    }

    fn end(self) -> u64 {
        self.ending.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}
