//! The loop with real sockets on the loopback interface.

use std::io::Write as _;

use clap::Parser;
use skylark_common::wire::radiotap::{RxHeader, TxRate};

use super::*;

/// A channel, a transmitter in front of it, and a receiver behind it.
fn desk(settings: &str, arguments: &[&str]) -> (Air, UdpInject, UdpCapture) {
    let receiver = UdpCapture::bind("127.0.0.1:0").unwrap();
    let to = format!("{}{settings}", receiver.local_addr().unwrap());
    let line = ["skylark-air", "--listen", "127.0.0.1:0", "--to", &to];
    let air = Air::open(&Args::try_parse_from(line.iter().chain(arguments)).unwrap()).unwrap();
    let transmitter = UdpInject::connect(&air.listen.local_addr().unwrap().to_string()).unwrap();
    (air, transmitter, receiver)
}

/// Injects a frame of this byte and lets the channel run until its time on the air is over.
fn send(air: &mut Air, transmitter: &mut UdpInject, byte: u8) {
    let signals = Signals::register().unwrap();
    let frame = [TxRate::default().emit().as_slice(), &[byte; 100]].concat();
    transmitter.inject(&frame, Instant::now()).unwrap();
    let before = air.channel.stats().injected;
    while air.channel.stats().injected == before || air.channel.poll_timeout().is_some() {
        assert!(air.turn(None).unwrap());
        air.wait(&signals, false).unwrap();
    }
}

#[test]
fn a_frame_goes_through_and_comes_with_a_cards_header() {
    let (mut air, mut transmitter, mut receiver) = desk(",rssi=-61,antennas=2", &[]);
    send(&mut air, &mut transmitter, 7);
    let mut buffer = [0; MAX_FRAME_BYTES];
    let captured = receiver.capture(&mut buffer, Instant::now()).unwrap().unwrap();
    let (info, mpdu) = RxHeader::parse(&buffer[..captured.len]).unwrap();
    assert_eq!((info.signal_dbm(), mpdu), (Some(-61), &[7; 100][..]));
    assert!(air.end().contains(" 1 frames, "));
}

#[test]
fn a_receiver_that_is_cut_off_hears_nothing_until_it_is_back() {
    let (mut air, mut transmitter, mut receiver) = desk("", &[]);
    let now = Instant::now();
    air.change(None, &Change::Cut, now);
    send(&mut air, &mut transmitter, 1);
    air.change(Some(0), &Change::Back, now);
    send(&mut air, &mut transmitter, 2);
    let mut buffer = [0; MAX_FRAME_BYTES];
    let captured = receiver.capture(&mut buffer, now).unwrap().unwrap();
    assert_eq!(RxHeader::parse(&buffer[..captured.len]).unwrap().1, [2; 100]);
    assert_eq!(receiver.capture(&mut buffer, now).unwrap(), None);
}

#[test]
fn it_ends_when_its_time_is_over() {
    let (mut air, _transmitter, _receiver) = desk("", &["--duration", "1us"]);
    assert!(!air.turn(None).unwrap());
}

#[test]
fn it_outlives_whoever_reads_its_stats() {
    let (mut air, mut transmitter, _receiver) = desk("", &[]);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    air.stats = Some(StatsWriter::to(writer));
    for byte in 0..3 {
        air.next_stats = Instant::now();
        send(&mut air, &mut transmitter, byte);
    }
    assert!(air.end().contains(" 3 frames, "));
}

#[test]
fn stats_that_nobody_reads_do_not_hold_it_up() {
    let (mut air, mut transmitter, _receiver) = desk("", &[]);
    let (_reader, mut full) = io::pipe().unwrap();
    // As much as a pipe holds (pipe(7)).
    full.write_all(&[b' '; 64 << 10]).unwrap();
    air.stats = Some(StatsWriter::to(full));
    for byte in 0..3 {
        air.next_stats = Instant::now();
        send(&mut air, &mut transmitter, byte);
    }
    assert!(air.end().contains(" 3 frames, "));
}

#[test]
fn what_cannot_be_opened_is_named() {
    let taken = UdpCapture::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let refused = |arguments: &[&str]| {
        let line = ["skylark-air", "--to", "127.0.0.1:1"].iter().chain(arguments);
        format!("{:#}", Air::open(&Args::try_parse_from(line).unwrap()).err().unwrap())
    };
    assert!(refused(&["--listen", &listen]).contains("is in use"));
    assert!(refused(&["--listen", "127.0.0.1:0", "--script", "/nowhere"]).starts_with("script /nowhere: No such file"));
    let stats = refused(&["--listen", "127.0.0.1:0", "--stats", "json:/nowhere/s"]);
    assert!(stats.starts_with("--stats json:/nowhere/s: No such file"), "{stats}");
}
