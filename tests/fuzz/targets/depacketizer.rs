//! RTP datagrams as a stranger's camera may send them, with gaps: byte 0 of each piece holds the marks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skylark_common::rtp::{Depacketizer, Marks, RtpHeader, keyframe};
use skylark_fuzz::Pieces;

fuzz_target!(|bytes: &[u8]| {
    let mut depacketizer = Depacketizer::default();
    let mut units = 0;
    for piece in Pieces(bytes) {
        let Some((marks, datagram)) = piece.split_first() else { continue };
        let marks =
            Marks { start_of_unit: marks & 1 != 0, end_of_unit: marks & 2 != 0, missing_before: u32::from(marks >> 4) };
        header(datagram);
        let _ = keyframe::is_keyframe(datagram);
        depacketizer.handle_datagram(datagram, marks);
        units += drain(&mut depacketizer);
    }
    depacketizer.handle_end();
    units += drain(&mut depacketizer);
    let stats = depacketizer.stats();
    assert_eq!(stats.complete + stats.damaged, units);
});

fn header(datagram: &[u8]) {
    let Ok((header, payload)) = RtpHeader::parse(datagram) else { return };
    let again = [&header.emit()[..], payload].concat();
    assert_eq!(RtpHeader::parse(&again), Ok((header, payload)));
}

fn drain(depacketizer: &mut Depacketizer) -> u64 {
    let mut units = 0;
    while let Some(received) = depacketizer.poll_unit() {
        assert!(!(received.is_complete() && received.unit.is_empty()));
        units += 1;
    }
    units
}
