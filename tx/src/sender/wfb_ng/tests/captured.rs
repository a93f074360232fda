//! What the field's own transmitter was captured sending, frame by frame.

use skylark_common::wfb_ng::packet::HEADER_LEN;

use super::*;

/// 160 datagrams at 8/12, every frame heard; tests/vectors/wfb-ng.
const CAPTURE: &[u8] = include_bytes!("../../../../../tests/vectors/wfb-ng/k8n12-clean/air.pcap");
const GROUND_KEY: &[u8] = include_bytes!("../../../../../tests/vectors/wfb-ng/k8n12-clean/gs.key");
const DRONE_KEY: &[u8] = include_bytes!("../../../../../tests/vectors/wfb-ng/k8n12-clean/drone.key");
/// Heads of the file and of each frame in it.
const FILE_HEAD: usize = 24;
const FRAME_HEAD: usize = 16;

/// The frames from their 802.11 header to before the FCS.
fn captured() -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), &CAPTURE[FILE_HEAD..]);
    while let Some((head, behind)) = rest.split_first_chunk::<FRAME_HEAD>() {
        let len = u32::from_le_bytes(*head[8..].first_chunk().unwrap()) as usize;
        let (frame, behind) = behind.split_at(len);
        let (_, dot11) = RxHeader::parse(frame).unwrap();
        frames.push(dot11.to_vec());
        rest = behind;
    }
    frames
}

#[test]
fn with_the_same_key_and_nonce_the_same_datagrams_leave_as_the_same_frames() {
    let captured = captured();
    let (first, rest) = captured.split_first().unwrap();
    let (_, packet) = Dot11::parse(first).unwrap();
    let session = Session::open(packet, &EndKey::parse(GROUND_KEY).unwrap(), CHANNEL).unwrap();
    let datagrams: Vec<Vec<u8>> = rest
        .iter()
        .filter_map(|frame| {
            let (id, sealed) = PacketId::parse(&frame[Dot11::LEN..]).unwrap();
            let mut sealed = sealed.to_vec();
            let fragment = session.key.open(id, &mut sealed).unwrap();
            (id.fragment < session.code.k()).then(|| datagram(fragment).unwrap())
        })
        .collect();
    assert_eq!((datagrams.len(), rest.len()), (160, 240));

    let now = Instant::now();
    let mut sender = sender(config(8, 12), now);
    let nonce = packet[1..].first_chunk().copied().unwrap();
    let (epoch, drone) = (session.epoch, EndKey::parse(DRONE_KEY).unwrap());
    sender.dialect.frames = FrameWriter::new((session, nonce), &drone);
    let mut left = Vec::new();
    for bytes in &datagrams {
        push(&mut sender, bytes, false, now);
        left.extend(sent(&mut sender, now, now));
    }
    assert_eq!(epoch, 0);
    let header = TxRate::default().header_len();
    assert_eq!(left.len(), captured.len());
    for (ours, theirs) in left.iter().zip(&captured) {
        assert_eq!(ours[header..], theirs[..], "{:?}", &theirs[Dot11::LEN..][..HEADER_LEN]);
    }
}

/// 13 bytes: TX flags (no acknowledgement), MCS field with bandwidth, index, guard interval, FEC and STBC known.
#[test]
fn the_radiotap_header_is_as_the_field_sends_it() {
    let now = Instant::now();
    let rate = TxRate { mcs: 1, ldpc: true, stbc: 1, ..TxRate::default() };
    let mut sender = sender_of(config(8, 12), SenderConfig { rate, ..SenderConfig::default() }, now);
    let frame = sender.poll_transmit(now).unwrap();
    assert_eq!(frame[..13], [0, 0, 13, 0, 0, 0x80, 0x08, 0, 0x08, 0, 0x37, 0x30, 1]);
}
