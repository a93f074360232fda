//! When blocks end that are not full, and what that costs.

use super::*;

/// Sends a datagram after each of these times, again and again for 3 s, every one a unit; source packets and repairs that
/// left.
fn trickle(link: WfbNgConfig, payload: Payload, times: &[Duration]) -> (u64, u64) {
    let start = Instant::now();
    let mut sender = sender(WfbNgConfig { payload, ..link }, start);
    let mut now = start;
    for between in times.iter().cycle().copied() {
        if now >= start + 3000 * MS {
            break;
        }
        push(&mut sender, &[7; 300], true, now);
        sent(&mut sender, now, now + between);
        now += between;
    }
    (sender.stats().source_packets, sender.stats().repair_packets)
}

#[test]
fn datagrams_that_are_no_pictures_end_no_block() {
    let two = |payload: Payload| {
        let now = Instant::now();
        let mut sender = sender(WfbNgConfig { payload, ..config(8, 12) }, now);
        for _ in 0..2 {
            push(&mut sender, b"1", true, now);
            sent(&mut sender, now, now);
        }
        (sender, now)
    };
    for payload in [Payload::Opaque, Payload::Rtp] {
        assert_eq!(two(payload).0.stats().repair_packets, 0, "{payload:?}");
    }
    assert_eq!(two(Payload::RtpH265).0.stats().repair_packets, 10);
    let (mut sender, now) = two(Payload::RtpH264);
    sender.carry(Payload::Opaque);
    (0..2).for_each(|_| push(&mut sender, b"1", true, now));
    sent(&mut sender, now, now);
    assert_eq!(sender.stats().repair_packets, 10, "what is carried has changed");
}

#[test]
fn rtp_of_another_kind_ends_blocks_where_its_markers_end_units() {
    let now = Instant::now();
    let mut sender = sender(WfbNgConfig { payload: Payload::Rtp, ..config(8, 12) }, now);
    [false, true].iter().for_each(|ends| push(&mut sender, b"1", *ends, now));
    sent(&mut sender, now, now);
    assert_eq!(sender.stats().repair_packets, 10);
}

#[test]
fn a_steady_stream_has_no_pause_in_which_blocks_are_filled() {
    for per_second in [16, 25, 30, 60, 200] {
        for (payload, closing) in
            [(Payload::Opaque, Closing::UnitEnds), (Payload::H264, Closing::UnitEnds), (Payload::H264, Closing::Never)]
        {
            // No camera is a clock.
            let times = [4, 4, 2, 6].map(|quarters| Duration::from_secs(1) / per_second / 4 * quarters);
            // One of eight packets: too few to end a block with their unit, until a second joins them.
            let (sources, repairs) = trickle(WfbNgConfig { closing, ..config(16, 24) }, payload, &times);
            let most = if closing == Closing::Never || payload == Payload::Opaque { sources / 2 } else { 5 * sources };
            assert!(repairs <= most, "{per_second} {payload:?} {closing:?}: {repairs} for {sources}");
        }
    }
}

#[test]
fn a_pause_is_known_by_the_time_between_units() {
    let start = Instant::now();
    let mut sender = sender(WfbNgConfig { payload: Payload::Opaque, ..config(8, 12) }, start);
    let mut now = start;
    for _ in 0..25 {
        push(&mut sender, b"1", true, now);
        sent(&mut sender, now, now + 30 * MS);
        now += 30 * MS;
    }
    let last = now - 30 * MS;
    let before = sender.stats().repair_packets;
    sent(&mut sender, now, last + 60 * MS);
    assert_eq!((before, sender.stats().repair_packets), (12, 12), "the twenty-fifth waits alone");
    sent(&mut sender, last + 60 * MS, last + 61 * MS);
    assert_eq!(sender.stats().repair_packets, 12 + 11);
}

#[test]
fn a_code_without_repairs_fills_nothing() {
    assert_eq!(trickle(config(8, 8), Payload::H264, &[17 * MS]).1, 0);
    let filling = Filling::After(MS);
    assert_eq!(trickle(WfbNgConfig { filling, ..config(8, 8) }, Payload::H264, &[17 * MS]).1, 0);
}

#[test]
fn at_the_end_the_last_block_has_its_repairs() {
    for filling in [Filling::Pause, Filling::Never] {
        let now = Instant::now();
        let mut sender = sender(WfbNgConfig { filling, ..config(8, 12) }, now);
        push(&mut sender, b"1", true, now);
        sent(&mut sender, now, now);
        sender.end(now);
        assert!(!sender.is_idle());
        sent(&mut sender, now, now);
        sender.end(now);
        assert_eq!((sender.stats().repair_packets, sender.is_idle()), (11, true), "seven fillers, four parities");
    }
}

#[test]
fn a_large_unit_that_ends_where_a_part_would_begin_is_begun_once() {
    let now = Instant::now();
    let mut sender = sender(config(1, 1), now);
    for _ in 0..MAX_PART {
        push(&mut sender, b"1", false, now);
        sent(&mut sender, now, now);
    }
    push(&mut sender, b"1", true, now);
    assert!(!sender.is_idle() && !sender.queue.has_whole_unit());
}
