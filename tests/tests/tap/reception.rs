//! What arrives, and what is counted, while nothing breaks.

use skylark_common::air::sim::Loss;
use skylark_common::wire::dot11::Dot11;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_tests::tap::in_own_network;

use crate::desk::Program;
use crate::rig::Rig;

fn loses(share: f64) -> Loss {
    Loss::Independent { share }
}

/// Frames the receiver was given, of which none may be uncounted.
fn captured(rx: &Program) -> u64 {
    rx.count("/frames/captured")
}

#[test]
fn a_picture_comes_over_cards_that_lose_packets() {
    in_own_network(|| {
        let rig = Rig::new(&[loses(0.1), loses(0.1)]);
        let mut rx = rig.rx("--air tapr0 --air monitor:tapr1 --output png:picture.png --latency-budget 2s");
        let mut tx = rig.tx("--air tapt");
        rx.wait_for("pictures", |rx| rx.count("/picture/decoded") >= 45 && rx.count("/outputs/png_written") > 0);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert!(rx.count("/streams/0/recovered") > 0);
        assert_eq!((rx.count("/streams/0/lost"), rx.count("/streams/0/units_damaged")), (0, 0));
        assert_eq!((tx.count("/airs/0/refused"), rx.count("/cards/0/dropped_by_machine")), (0, 0));
    });
}

#[test]
fn several_cards_hear_together_what_one_alone_loses() {
    in_own_network(|| {
        let rig = Rig::new(&[loses(0.2), loses(0.2), loses(0.2)]);
        let mut all = rig.rx("--air tapr*");
        let alone = "--key link.key --output none --air tapr0";
        let mut one = rig.desk.start("skylark-rx", "one", alone);
        let mut tx = rig.tx("--air tapt --fec none");
        all.wait_for("datagrams", |all| all.count("/streams/0/datagrams") >= 500);
        assert_eq!([tx.end(), all.end(), one.end()], [0; 3]);
        let lost = |rx: &Program| {
            let [lost, came] = ["lost", "datagrams"].map(|count| rx.count(&format!("/streams/0/{count}")) as f64);
            lost / (lost + came)
        };
        let [one, all] = [&one, &all].map(lost);
        println!("lost with one card {one:.3}, with three {all:.3}");
        assert!((0.1..0.3).contains(&one) && all < 0.03, "{one} {all}");
    });
}

#[test]
fn a_pattern_takes_all_cards_it_fits_and_no_others() {
    in_own_network(|| {
        let rig = Rig::new(&[Loss::None, Loss::None]);
        let mut rx = rig.rx("--air monitor:tapr*");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(10);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        let names = [0, 1, 2].map(|card| rx.text(&format!("/cards/{card}/name")));
        assert!(names[0].contains("tapr0") && names[1].contains("tapr1") && names[2].is_empty(), "{names:?}");
        assert!(rx.count("/cards/1/heard") > 0);
    });
}

#[test]
fn what_goes_out_on_a_card_is_not_taken_for_received() {
    in_own_network(|| {
        let rig = Rig::clean();
        let mut rx = rig.rx("--air tapt --air tapr0");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(30);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert_eq!(rx.count("/cards/0/heard"), 0);
        assert!(rx.count("/cards/1/heard") > 0);
        assert_eq!((rx.count("/frames/duplicate"), rx.count("/frames/replayed")), (0, 0));
    });
}

#[test]
fn frames_of_other_links_and_garbage_are_counted_and_do_no_harm() {
    in_own_network(|| {
        let rig = Rig::clean();
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx("--air tapt");
        rig.player.wait_for_units(10);
        let before = captured(&rx);
        rig.medium.with(|ether| {
            let card = ether.receivers[0].as_ref().unwrap();
            for frame in garbage() {
                assert!(card.hear(&frame).unwrap());
            }
        });
        rx.wait_for("the other link", |rx| rx.count("/frames/foreign") >= 1);
        rx.wait_for("what is cut off", |rx| rx.count("/frames/truncated") >= 2);
        rig.player.wait_for_units(10);
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert!(captured(&rx) > before);
        assert_eq!(rx.count("/streams/0/lost"), 0);
    });
}

/// Frames anybody may send: of another link, of ours but cut off, with radiotap headers that lie, and noise.
fn garbage() -> Vec<Vec<u8>> {
    let ours = packet("default");
    let shortest = [0, 0, 8, 0, 0, 0, 0, 0];
    let claims_fields_it_has_no_room_for = [0, 0, 8, 0, 0xff, 0xff, 0, 0];
    let words_without_end = [&[0, 0, 64, 0][..], &[0, 0, 0, 0x80].repeat(15)].concat();
    let longer_than_the_frame = [0, 0, 0xff, 0xff, 0, 0, 0, 0];
    let noise = (0..200_u8).map(|seed| (0..seed).map(|at| at.wrapping_mul(seed) ^ 0x5a).collect());
    let made = [
        [&shortest, &packet("other")[..]].concat(),
        [&shortest, &ours[..Dot11::LEN - 1]].concat(),
        [&shortest, &ours[..Dot11::LEN + 3]].concat(),
        [&claims_fields_it_has_no_room_for, &ours[..]].concat(),
        [&words_without_end, &ours[..]].concat(),
        [&longer_than_the_frame, &ours[..]].concat(),
    ];
    made.into_iter().chain(noise.skip(SHORTEST_FRAME_BYTES)).collect()
}

/// What the kernel takes at least: an Ethernet header.
const SHORTEST_FRAME_BYTES: usize = 14;

/// A packet of this link that nobody sealed.
pub(crate) fn packet(link: &str) -> Vec<u8> {
    let link = LinkId::from_name(link);
    let header = PacketHeader { link, stream: 0, kind: Kind::Source, session: 7, sequence: 9 };
    [&header.emit()[..], &[0; 100]].concat()
}
