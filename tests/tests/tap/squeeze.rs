//! An air that becomes slow under the real programs, and fast again.

use std::time::Duration;

use skylark_tests::tap::{in_own_network, ip};

use crate::rig::Rig;

/// What the encoder is asked for: half of what MCS 0 carries beside repairs.
const ASKED_BITS_PER_S: u64 = 2_000_000;

#[test]
fn on_a_slow_air_the_encoder_makes_less_and_when_it_is_fast_again_as_much_as_before() {
    in_own_network(|| {
        let rig = Rig::clean();
        // What a card holds of 10 ms; a TAP device takes no notice of the send buffer.
        ip(&["link", "set", "tapt", "txqueuelen", "5"]).unwrap();
        let mut rx = rig.rx("--air tapr0");
        let mut tx = rig.tx_from("test", "--size 640x480 --fps 30 --bitrate 2M --bitrate-min 300k --mcs 0 --air tapt");
        rig.player.wait_for_units(60);
        tx.wait_for("the bitrate asked for", |tx| tx.count("/encoder/target_bits_per_s") == ASKED_BITS_PER_S);

        rig.medium.with(|ether| ether.channel.set_airtime_percent(400));
        tx.wait_for("a lower bitrate", |tx| {
            (1..ASKED_BITS_PER_S / 2).contains(&tx.count("/encoder/target_bits_per_s"))
        });
        assert_eq!(tx.text("/encoder/reason"), "air");
        // Generous: other tests share the processor.
        let queue = Duration::from_micros(tx.count("/encoder/queue_us"));
        assert!(queue < Duration::from_millis(500), "{queue:?}");
        rig.player.wait_for_units(30);

        rig.medium.with(|ether| ether.channel.set_airtime_percent(100));
        tx.wait_for("the bitrate asked for", |tx| tx.count("/encoder/target_bits_per_s") == ASKED_BITS_PER_S);
        rig.player.wait_for_units(30);
        assert_eq!(tx.count("/airs/0/refused"), 0, "the sender waits, the card loses nothing");
        assert_eq!([tx.end(), rx.end()], [0; 2]);
        assert!(!rig.said("tx", "encoder lowered").is_empty(), "{:?}", rig.said("tx", ""));
        assert!(!rig.said("tx", "encoder raised").is_empty(), "{:?}", rig.said("tx", ""));
    });
}
