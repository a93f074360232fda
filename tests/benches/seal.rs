//! What sealing and opening a packet costs.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "measure/median.rs"]
mod median;

use std::hint::black_box;

use median::median_us;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wfb_ng::packet::{PacketId, PacketKey};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};

/// Rounds a figure is the median of.
const ROUNDS: usize = 101;

fn main() {
    let key = LinkKey::from_bytes([7; LinkKey::LEN]);
    let session = SessionKey::derive(&key, &[9; 16]);
    println!("ChaCha20-Poly1305, median of {ROUNDS} rounds        µs      GB/s");
    for bytes in [64, 300, 1400] {
        row("seal", bytes, seal_us(&session, bytes));
        row("open", bytes, open_us(&session, bytes));
        row("refuse a forged one of", bytes, refuse_us(&session, bytes));
        row("look for a burst to mend in", bytes, mend_us(&session, bytes));
        row("WFB-NG: seal", bytes, wfb_ng_seal_us(bytes));
        row("WFB-NG: refuse a forged one of", bytes, wfb_ng_refuse_us(bytes));
    }
    let derive_us = median_us::<ROUNDS>(|| _ = black_box(SessionKey::derive(black_box(&key), &[9; 16])));
    println!("derive a session's key                        {derive_us:7.3}");
}

fn row(what: &str, bytes: usize, us: f64) {
    println!("{:40} {us:7.3} {:9.2}", format!("{what} {bytes} bytes"), bytes as f64 / us / 1e3);
}

fn header(session: &SessionKey) -> PacketHeader {
    let link = LinkId::from_name("default");
    PacketHeader { link, stream: 0, kind: Kind::Source, session: session.id(), sequence: 5 }
}

fn seal_us(session: &SessionKey, bytes: usize) -> f64 {
    let (header, mut body) = (header(session), vec![0; bytes]);
    median_us::<ROUNDS>(|| {
        black_box(session.seal(&header, black_box(&mut body)));
    })
}

/// The copy that every round needs, because opening is done in place, is counted.
fn open_us(session: &SessionKey, bytes: usize) -> f64 {
    let header = header(session);
    let mut sealed = vec![0; bytes];
    let tag = session.seal(&header, &mut sealed);
    sealed.extend_from_slice(&tag);
    let mut body = Vec::new();
    median_us::<ROUNDS>(|| {
        body.clear();
        body.extend_from_slice(black_box(&sealed));
        black_box(session.open(&header, &mut body).unwrap());
    })
}

fn refuse_us(session: &SessionKey, bytes: usize) -> f64 {
    let (header, mut forged) = (header(session), vec![0; bytes + 16]);
    median_us::<ROUNDS>(|| {
        black_box(session.open(&header, black_box(&mut forged)).unwrap_err());
    })
}

fn mend_us(session: &SessionKey, bytes: usize) -> f64 {
    let (header, mut damaged) = (header(session), vec![0; bytes + 16]);
    median_us::<ROUNDS>(|| {
        black_box(session.mend(&header, black_box(&mut damaged)));
    })
}

const WFB_NG: PacketKey = PacketKey::from_bytes([7; 32]);
const PACKET: PacketId = PacketId { block: 5, fragment: 1 };

fn wfb_ng_seal_us(bytes: usize) -> f64 {
    let mut fragment = vec![0; bytes];
    median_us::<ROUNDS>(|| {
        black_box(WFB_NG.seal(PACKET, black_box(&mut fragment)));
    })
}

fn wfb_ng_refuse_us(bytes: usize) -> f64 {
    let mut forged = vec![0; bytes + 16];
    median_us::<ROUNDS>(|| {
        black_box(WFB_NG.open(PACKET, black_box(&mut forged)).unwrap_err());
    })
}
