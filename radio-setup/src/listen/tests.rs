//! What an ear makes of frames: those of the protocol's test vectors, and changed ones.

use skylark_common::wfb_ng::keys::KeyPair;
use skylark_common::wfb_ng::packet::PacketKey;
use skylark_common::wfb_ng::session::{BlockCode, Session};
use skylark_common::wire::radiotap::TxRate;

use super::*;

/// `announce_frame` of docs/PROTOCOL.md: link `default`, the key 00 01 02 … 1f, session time 74 565 µs,
/// wall clock 0x00060a24181e4000 µs, clock id badcafe.
const ANNOUNCE: &str = "08010000ffffffffffff564c37a8ee0056145e975c000000000000a0a1a2a3a4a5a6a7a8a9aaabacadae\
                        af9f84a2697d5e5d0ee30099502b2c033f9ded7fe974a0dc0326d355f45cd263c572dda1c07729c846a0\
                        de8300cb51cd14b9";
const UNIX_START_US: u64 = 0x0006_0a24_181e_4000;

pub(crate) fn announce() -> Vec<u8> {
    let digits: Vec<u8> = ANNOUNCE.bytes().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key() -> LinkKey {
    LinkKey::from_bytes(std::array::from_fn(|i| u8::try_from(i).unwrap()))
}

fn wanted(key: Option<LinkKey>) -> Wanted {
    Wanted::Skylark(LinkId::from_name("default"), key)
}

fn received(frame: &[u8]) -> Vec<u8> {
    let header = RxHeader { combined_signal_dbm: Some(-54), ..RxHeader::default() };
    let mut bytes = vec![0; 64];
    let len = header.emit(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes.extend_from_slice(frame);
    bytes
}

fn heard(key: LinkKey, frames: &[Vec<u8>]) -> Heard {
    let mut ear = Ear::new(wanted(Some(key)));
    for frame in frames {
        ear.hear(&received(frame), UNIX_START_US);
    }
    ear.heard().clone()
}

fn changed(at: usize, value: u8) -> Vec<u8> {
    let mut frame = announce();
    frame[at] = value;
    frame
}

#[test]
fn the_links_own_announce_opens_and_tells_its_clock() {
    let heard = heard(key(), &[announce()]);
    let expected = Heard {
        frames: 1,
        ours: 1,
        opened: 1,
        signal_dbm: Some(-54),
        clock_ahead_us: Some(74_565),
        ..Heard::default()
    };
    assert_eq!(heard, expected);
}

#[test]
fn another_key_does_not_open_it() {
    let heard = heard(LinkKey::from_bytes([9; 32]), &[announce()]);
    assert_eq!((heard.ours, heard.opened, heard.refused), (1, 0, 1));
}

#[test]
fn a_damaged_announce_is_refused() {
    let last = announce().len() - 1;
    assert_eq!(heard(key(), &[changed(last, 0)]).refused, 1);
    let short = announce()[..PacketHeader::LEN + 3].to_vec();
    assert_eq!(heard(key(), &[short]).refused, 1);
}

#[test]
fn other_versions_and_links_are_told_apart() {
    let heard = heard(key(), &[changed(17, 0x24), changed(14, 0xef), changed(14, 0xef), changed(13, 0x11)]);
    assert_eq!((heard.other_version, heard.ours), (Some(2), 0));
    assert_eq!(heard.loudest_other_link().unwrap().to_string(), "37a8ef");
    assert!(heard.has_link());
}

#[test]
fn wfb_ng_and_other_frames_are_told_apart() {
    let mut wfb = vec![0x08, 0x01, 0, 0];
    wfb.extend([0xff; 6]);
    wfb.extend([0x57, 0x42, 0x75, 0x05, 0xd6, 0x00].repeat(2));
    wfb.extend([0; 30]);
    let beacon = [&[0x80, 0, 0, 0][..], &[0xff; 6], &[2; 20]].concat();
    let heard = heard(key(), &[wfb, beacon]);
    assert_eq!((heard.frames, heard.has_link()), (2, false));
    assert_eq!(heard.other_channels, [(ChannelId::new(7_669_206, 0), 1)]);
}

#[test]
fn a_wfb_ng_session_opens_with_its_own_key_only() {
    let keys = KeyPair::from_secrets([1; 32], [2; 32]);
    let channel = ChannelId::new(7_669_206, 0);
    let session = Session { epoch: 5, channel, code: BlockCode::DEFAULT, key: PacketKey::from_bytes([3; 32]) };
    let frame = |packet: &[u8]| received(&[&channel.dot11().emit()[..], packet].concat());
    let heard = |channel, key: Option<&EndKey>| {
        let mut ear = Ear::new(Wanted::WfbNg(channel, key.cloned()));
        ear.hear(&frame(&session.seal(&keys.drone, [4; 24])), 0);
        ear.hear(&frame(&[1; 60]), 0);
        ear.hear(&received(&announce()), 0);
        let Heard { frames, ours, opened, refused, .. } = *ear.heard();
        assert_eq!((frames, ear.heard().other_links.len()), (3, 1));
        (ours, opened, refused, ear.heard().other_channels.len())
    };
    assert_eq!(heard(channel, Some(&keys.ground)), (2, 1, 0, 0));
    let other = KeyPair::from_secrets([1; 32], [9; 32]);
    assert_eq!(heard(channel, Some(&other.ground)), (2, 0, 1, 0));
    assert_eq!(heard(channel, None), (2, 0, 0, 0));
    assert_eq!(heard(ChannelId::new(7_669_206, 16), Some(&keys.ground)), (0, 0, 0, 1));
}

#[test]
fn a_frame_too_short_for_a_session_packet_opens_nothing() {
    let channel = ChannelId::new(7_669_206, 0);
    let key = KeyPair::from_secrets([1; 32], [2; 32]).ground;
    let mut ear = Ear::new(Wanted::WfbNg(channel, Some(key)));
    for len in [1, 40, 87] {
        ear.hear(&received(&[&channel.dot11().emit()[..], &vec![2; len]].concat()), 0);
    }
    assert_eq!((ear.heard().ours, ear.heard().opened, ear.heard().refused), (3, 0, 0));
}

#[test]
fn reports_of_what_this_machine_sent_are_no_frames_of_others() {
    let mut ear = Ear::new(wanted(Some(key())));
    let probe = inject::probe(TxRate::default());
    // Present: TX flags, data retries. TX flags 8, no retry; a pad byte.
    let status = [0, 0, 12, 0, 0, 0x80, 0x02, 0, 8, 0, 0, 0];
    ear.hear(&[&status, &announce()[..]].concat(), 0);
    ear.hear(&[&status, &probe[TxRate::default().header_len()..]].concat(), 0);
    ear.hear(&probe, 0);
    let expected = Heard { left: 2, probes_left: 1, ..Heard::default() };
    assert_eq!(*ear.heard(), expected);
}

#[test]
fn broken_frames_and_many_links_are_counted_and_bounded() {
    let mut ear = Ear::new(wanted(None));
    for len in 0..10 {
        ear.hear(&announce()[..len], 0);
    }
    assert_eq!(ear.heard().broken, 10);
    for link in 0..=255 {
        ear.hear(&received(&changed(13, link)), 0);
    }
    assert_eq!(ear.heard().other_links.len(), MAX_OTHER_LINKS);
}
