//! Real sockets on the loopback interface.

use std::net::UdpSocket;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a real air has a real clock")]
fn now() -> Instant {
    Instant::now()
}

/// The next frame, which must come within a second.
fn next(air: &mut UdpCapture) -> Vec<u8> {
    let mut fds = [PollFd::from_borrowed_fd(air.as_fd().unwrap(), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 1, tv_nsec: 0 })).unwrap();
    let mut buffer = [0; MAX_FRAME_BYTES];
    let captured = air.capture(&mut buffer, now()).unwrap().expect("a frame");
    buffer[..captured.len].to_vec()
}

fn to(air: &UdpCapture, host: &str) -> UdpInject {
    UdpInject::connect(&format!("{host}:{}", air.local_addr().unwrap().port())).unwrap()
}

#[test]
fn a_frame_comes_out_as_it_went_in() {
    let mut rx = UdpCapture::bind("127.0.0.1:0").unwrap();
    let mut tx = to(&rx, "127.0.0.1");
    let frame: Vec<u8> = (0..MAX_FRAME_BYTES).map(|byte| byte.to_le_bytes()[0]).collect();
    tx.inject(&frame, now()).unwrap();
    tx.inject(&[7], now()).unwrap();
    assert_eq!(next(&mut rx), frame);
    assert_eq!(next(&mut rx), [7]);
    assert_eq!(rx.capture(&mut [0; 8], now()).unwrap(), None);
}

#[test]
fn a_port_alone_hears_both_families_and_host_names() {
    let mut rx = UdpCapture::bind("0").unwrap();
    for host in ["127.0.0.1", "localhost"] {
        to(&rx, host).inject(host.as_bytes(), now()).unwrap();
        assert_eq!(next(&mut rx), host.as_bytes());
    }
    if UdpSocket::bind("[::1]:0").is_ok() {
        to(&rx, "[::1]").inject(b"six", now()).unwrap();
        assert_eq!(next(&mut rx), b"six");
    }
}

#[test]
fn what_the_kernel_had_no_room_for_is_counted() {
    for address in ["127.0.0.1:0", "0"] {
        let mut rx = UdpCapture::bind(address).unwrap();
        let mut tx = to(&rx, "127.0.0.1");
        assert_eq!(rx.dropped(), 0);
        // More than the buffer asked for holds, and twice as much again.
        let sent = 3 * RECEIVE_BUFFER_BYTES as u64 / 1400;
        (0..sent).for_each(|_| tx.inject(&[7; 1400], now()).unwrap());
        let mut buffer = [0; MAX_FRAME_BYTES];
        let heard = std::iter::from_fn(|| rx.capture(&mut buffer, now()).unwrap()).count() as u64;
        assert!(heard < sent, "{heard} of {sent}");
        assert_eq!(rx.dropped(), sent - heard, "{address}");
    }
}

#[test]
fn a_receiver_that_starts_later_misses_nothing_sent_from_then_on() {
    let port = UdpCapture::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut tx = UdpInject::connect(&format!("127.0.0.1:{port}")).unwrap();
    for _ in 0..5 {
        tx.inject(&[1], now()).unwrap();
    }
    assert!(tx.unheard() > 0);
    let mut rx = UdpCapture::bind(&format!("127.0.0.1:{port}")).unwrap();
    tx.inject(&[2], now()).unwrap();
    assert_eq!(next(&mut rx), [2]);
}

#[test]
fn a_multicast_group_is_heard_by_every_receiver_that_joins() {
    let Ok(mut first) = UdpCapture::bind("239.255.77.1:0") else { return };
    let port = first.local_addr().unwrap().port();
    let mut second = UdpCapture::bind(&format!("239.255.77.1:{port}")).unwrap();
    let mut tx = UdpInject::connect(&format!("239.255.77.1:{port}")).unwrap();
    // A machine without a multicast route cannot send; that is not what this test is about.
    if tx.inject(&[9], now()).is_ok() {
        assert_eq!(next(&mut first), [9]);
        assert_eq!(next(&mut second), [9]);
    }
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let first = UdpCapture::bind("127.0.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let error = UdpCapture::bind(&format!("127.0.0.1:{port}")).unwrap_err().to_string();
    let expected = format!("udp port {port} is in use: end the program that has it");
    assert!(error.starts_with(&expected), "{error}");
    assert!(matches!(UdpCapture::bind(&port.to_string()), Err(UdpError::PortInUse { .. })));
}

#[test]
fn what_is_no_address_is_refused_with_the_form_expected() {
    for address in ["", "host", ":5801", "host:", "host:99999", "::1:5801", "udp:host:1"] {
        let error = UdpInject::connect(address).unwrap_err();
        assert!(matches!(error, UdpError::Address { expected: "HOST:PORT", .. }), "{address}: {error}");
    }
    for address in ["", "99999", "127.0.0.1"] {
        assert!(matches!(UdpCapture::bind(address), Err(UdpError::Address { .. })), "{address}");
    }
}

#[test]
fn a_host_without_an_address_is_named() {
    let error = UdpInject::connect("no-such-host.invalid:5801").unwrap_err();
    assert!(matches!(error, UdpError::Unresolved { .. }), "{error}");
}

#[test]
fn a_frame_no_datagram_can_carry_is_refused() {
    let rx = UdpCapture::bind("127.0.0.1:0").unwrap();
    let refused = to(&rx, "127.0.0.1").inject(&vec![0; 70_000], now());
    assert!(matches!(refused, Err(Refusal::TooLong { found: 70_000, .. })));
}
