//! What receivers see of a transmitter that is given more than the air carries.

use std::collections::BTreeSet;

use super::*;

/// Pushes units of `count` datagrams of about 1 ms each 10 ms, twice as much as MCS 1 carries, and opens what leaves.
fn overloaded(link: WfbNgConfig, count: usize) -> (Sender<WfbNg>, Vec<PacketId>, Vec<Vec<u8>>) {
    let start = Instant::now();
    let mut sender = sender_of(link, SenderConfig::default(), start);
    let (mut ground, mut ids, mut datagrams) = (ground(), Vec::new(), Vec::new());
    for unit in 0_u32..200 {
        let now = start + 10 * MS * unit;
        for at in 0..count {
            let mut bytes = vec![0x41; 1400];
            bytes[..4].copy_from_slice(&unit.to_be_bytes());
            push(&mut sender, &bytes, at + 1 == count, now);
            assert!(sender.stats().queued_us <= 100_000, "latency is bounded: {:?}", sender.stats());
        }
        for frame in sent(&mut sender, now, now + 10 * MS) {
            if let Some(Opened::Data(id, fragment)) = ground.open(&frame) {
                ids.push(id);
                datagrams.extend((id.fragment < link.code.k()).then(|| datagram(&fragment)).flatten());
            }
        }
    }
    (sender, ids, datagrams)
}

#[test]
fn blocks_have_no_gap_whatever_gives_way() {
    for closing in [Closing::UnitEnds, Closing::Never] {
        let link = WfbNgConfig { closing, ..config(8, 12) };
        let (sender, ids, _) = overloaded(link, 20);
        assert!(sender.stats().units_dropped > 50, "{:?}", sender.stats());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no nonce is used twice");
        assert!(ids.is_sorted(), "in order");
        let sources: Vec<_> = ids.iter().filter(|id| id.fragment < 8).collect();
        let places = sources.iter().map(|id| (id.block, id.fragment));
        assert!(places.eq((0..).map(|at: u64| (at / 8, (at % 8) as u8)).take(sources.len())), "{closing:?}: no gap");
    }
}

#[test]
fn repairs_give_way_first_and_are_counted() {
    let (sender, ids, datagrams) = overloaded(config(8, 12), 9);
    let expected = sender.dialect.with_repairs(20 * MS);
    assert!(expected >= 29 * MS, "what blocks need is not forgotten meanwhile: {expected:?}");
    let stats = sender.stats();
    let parities = ids.iter().filter(|id| id.fragment >= 8).count();
    assert!(stats.repairs_dropped > 100 && parities > 0, "{stats:?}");
    assert!(stats.units_dropped < 20, "the air carries the sources: {stats:?}");
    assert!(datagrams.len() as u64 > stats.datagrams * 9 / 10, "{} of {stats:?}", datagrams.len());
}
