//! What becomes of frames at a relay, with and without viewers.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::Kind;
use skylark_common::wire::radiotap::RxHeader;

use super::*;
use crate::receiver::Known;
use crate::relay::ViewerId;
use crate::relay::report::Prompt;

const OWN: RelayId = RelayId(3);
const LINK: LinkId = LinkId::from_number(5);

fn forwarder() -> Forwarder {
    Forwarder::new(ForwarderConfig { id: OWN, link: RelayedLink::Skylark(LINK), run: 1 })
}

fn frame_of(link: LinkId, stream: u8, sequence: u32, info: &RxHeader) -> Vec<u8> {
    let header = PacketHeader { link, stream, kind: Kind::Source, session: 1, sequence };
    let mut radiotap = [0; 64];
    let length = info.emit(&mut radiotap).unwrap();
    [&radiotap[..length], &header.emit(), &sequence.to_be_bytes().repeat(20)].concat()
}

fn frame(sequence: u32) -> Vec<u8> {
    frame_of(LINK, 0, sequence, &RxHeader::default())
}

/// A viewer knows all before `next` but for those missing, and wants nobody.
fn report(forwarder: &mut Forwarder, next: u32, missing: &[u32], now: Instant) {
    let mut bits = [u64::MAX; 4];
    missing.iter().for_each(|sequence| bits[0] &= !(1 << (next - 1 - sequence)));
    let known = vec![Known { session: 1, stream: 0, kind: Kind::Source, next, bits }];
    let report = Report { viewer: ViewerId(9), stamp_us: u64::from(next), prompt: Prompt::Only(vec![]), known };
    let mut bytes = Vec::new();
    report.emit(&mut bytes);
    forwarder.handle_report(&bytes, now);
}

/// What the next message says, if there is one.
fn told(forwarder: &mut Forwarder, now: Instant) -> Vec<String> {
    let Some(message) = forwarder.poll_message(now) else { return Vec::new() };
    let (_, entries) = Message::parse(message).unwrap();
    let told = entries.map(|entry| match entry.unwrap() {
        Entry::Frame { card, age_us, number, bytes } => format!("frame {number} {card} {age_us} {}", bytes.len()),
        Entry::Copy { card, age_us, number, radiotap } => format!("copy {number} {card} {age_us} {}", radiotap.len()),
        Entry::Heard { card, age_us, head } => format!("heard {card} {age_us} {}", head.len()),
        Entry::Echo { viewer, stamp_us, held_us } => format!("echo {} {stamp_us} {held_us}", viewer.0),
    });
    told.collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn while_nobody_is_there_everything_leaves_at_once_and_copies_are_short() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    assert_eq!((forwarder.poll_timeout(), told(&mut forwarder, now).len()), (None, 0));
    forwarder.handle_frame(0, &frame(7), now);
    forwarder.handle_frame(1, &frame(7), now);
    forwarder.handle_frame(1, &frame(8), now);
    assert_eq!(forwarder.poll_timeout(), Some(now));
    let expected = ["frame 0 0 2000 116", "copy 0 1 2000 9", "frame 1 1 2000 116"];
    assert_eq!(told(&mut forwarder, now + ms(2)), expected);
    assert_eq!(told(&mut forwarder, now + ms(2)), [""; 0]);
}

#[test]
fn what_is_no_frame_of_the_link_stays_here() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    forwarder.handle_frame(0, &frame_of(LinkId::from_number(6), 0, 1, &RxHeader::default()), now);
    forwarder.handle_frame(0, &frame_of(LINK, 0x81, 1, &RxHeader::default()), now);
    forwarder.handle_frame(0, &frame(1)[..20], now);
    forwarder.handle_frame(0, &[0; 5000], now);
    assert_eq!(told(&mut forwarder, now), [""; 0]);
    let stats = forwarder.stats(now);
    assert_eq!((stats.captured, stats.foreign, stats.truncated), (4, 3, 1), "20 bytes are a header and no packet");
    let damaged = RxHeader { bad_fcs: true, ..RxHeader::default() };
    forwarder.handle_frame(0, &frame_of(LINK, 0, 1, &damaged), now);
    assert_eq!(told(&mut forwarder, now).len(), 1, "a damaged copy may help to make a good one");
}

#[test]
fn of_a_wfb_ng_stream_everything_leaves_at_once_whatever_viewers_say() {
    let now = Instant::now();
    let channel = ChannelId::new(7_669_206, 0);
    let config = ForwarderConfig { id: OWN, link: RelayedLink::WfbNg(channel), run: 1 };
    let mut forwarder = Forwarder::new(config);
    let of = |channel: ChannelId| {
        let mut radiotap = [0; 64];
        let length = RxHeader::default().emit(&mut radiotap).unwrap();
        [&radiotap[..length], &channel.dot11().emit(), &[1; 60]].concat()
    };
    for other in [ChannelId::new(7_669_206, 16), ChannelId::new(5, 0)] {
        forwarder.handle_frame(0, &of(other), now);
    }
    forwarder.handle_frame(0, &frame(7), now);
    assert_eq!((told(&mut forwarder, now), forwarder.stats(now).foreign), (vec![], 3));
    report(&mut forwarder, 10, &[], now);
    forwarder.handle_frame(0, &of(channel), now);
    forwarder.handle_frame(1, &of(channel), now);
    assert_eq!(told(&mut forwarder, now), ["frame 0 0 0 93", "copy 0 1 0 9"]);
    assert!(forwarder.stats(now).prompt);
}

#[test]
fn what_is_sent_again_goes_whole_for_whoever_came_since() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    forwarder.handle_frame(0, &frame(7), now);
    forwarder.handle_frame(0, &frame(7), now + ms(90));
    assert_eq!(told(&mut forwarder, now + ms(90)), ["frame 0 0 90000 116", "frame 1 0 0 116"]);
}

#[test]
fn what_every_viewer_reports_known_is_only_told_of() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    report(&mut forwarder, 10, &[], now);
    forwarder.handle_frame(0, &frame(10), now);
    assert_eq!(told(&mut forwarder, now), [""; 0]);
    assert_eq!(forwarder.poll_timeout(), Some(now + HOLD));
    report(&mut forwarder, 11, &[], now + ms(12));
    assert_eq!(told(&mut forwarder, now + HOLD), [""; 0]);
    assert_eq!(forwarder.poll_timeout(), Some(now + HOLD + WORD_PATIENCE));
    assert_eq!(told(&mut forwarder, now + HOLD + WORD_PATIENCE), ["heard 0 40000 36", "echo 9 11 28000"]);
}

#[test]
fn what_a_viewer_misses_leaves_at_once() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    report(&mut forwarder, 10, &[], now);
    forwarder.handle_frame(0, &frame(10), now);
    forwarder.handle_frame(0, &frame(11), now);
    report(&mut forwarder, 12, &[10], now + ms(12));
    assert_eq!(told(&mut forwarder, now + ms(12)), ["frame 0 0 12000 116"]);
    forwarder.handle_frame(1, &frame(10), now + ms(13));
    assert_eq!(told(&mut forwarder, now + ms(13)), ["copy 0 1 0 9"]);
}

#[test]
fn what_nobody_said_anything_about_leaves_when_its_time_is_over() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    report(&mut forwarder, 10, &[], now);
    forwarder.handle_frame(0, &frame(10), now);
    report(&mut forwarder, 10 + 256, &[], now + ms(1));
    assert_eq!(told(&mut forwarder, now + ms(24)), [""; 0]);
    assert_eq!(told(&mut forwarder, now + ms(40)).len(), 2, "known at last");
    forwarder.handle_frame(0, &frame(266), now + ms(41));
    assert_eq!(told(&mut forwarder, now + ms(65)), [""; 0]);
    assert_eq!(told(&mut forwarder, now + ms(66)), ["frame 0 0 25000 116"]);
}

#[test]
fn a_viewer_that_falls_silent_is_waited_for_no_longer() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    report(&mut forwarder, 10, &[], now);
    let later = now + ms(499);
    forwarder.handle_frame(0, &frame(10), later);
    assert_eq!(told(&mut forwarder, later), ["echo 9 10 499000"]);
    assert_eq!(told(&mut forwarder, later + ms(1)), ["frame 0 0 1000 116"]);
    assert_eq!(forwarder.stats(later + ms(1)).viewers, 0);
}

#[test]
fn a_frame_told_long_ago_is_told_whole_again() {
    let now = Instant::now();
    let mut forwarder = forwarder();
    (0..300).for_each(|sequence| forwarder.handle_frame(0, &frame(sequence), now));
    assert_eq!(told(&mut forwarder, now).len(), 300);
    forwarder.handle_frame(1, &frame(43), now);
    forwarder.handle_frame(1, &frame(44), now);
    assert_eq!(told(&mut forwarder, now), ["frame 300 1 0 116", "frame 301 1 0 116"]);
    forwarder.handle_frame(2, &frame(43), now);
    forwarder.handle_frame(2, &frame(46), now);
    assert_eq!(told(&mut forwarder, now), ["copy 300 2 0 9", "copy 46 2 0 9"]);
}
