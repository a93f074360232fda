//! Headers as drivers send them, annotated, and headers nobody should send.

use proptest::prelude::*;

use super::*;

#[rustfmt::skip]
const HWSIM: &[u8] = &[
    0x00, 0x00, 0x24, 0x00,                         // version, pad, length 36
    0x2b, 0x48, 0x08, 0x00,                         // present: TSFT flags channel signal antenna RX-flags MCS
    0x10, 0x27, 0, 0, 0, 0, 0, 0,                   // TSFT 10000 µs
    0x00,                                           // flags: no FCS
    0x00,                                           // pad
    0x71, 0x16, 0x40, 0x01,                         // channel 5745 MHz
    0xce,                                           // signal -50 dBm
    0x00,                                           // antenna 0
    0x00, 0x00,                                     // RX flags
    0x07, 0x00, 0x01,                               // MCS 1
    0, 0, 0, 0, 0, 0, 0,                            // padding some drivers add
    b'x', b'y',                                     // the frame
];

#[rustfmt::skip]
const TWO_CHAINS_WITH_FCS: &[u8] = &[
    0x00, 0x00, 0x1c, 0x00,                         // length 28
    0x62, 0x00, 0x00, 0xa0,                         // flags signal noise, radiotap namespace, extension
    0x20, 0x08, 0x00, 0xa0,                         // signal antenna, namespace, extension
    0x20, 0x08, 0x00, 0x00,                         // signal antenna
    0x10, 0xc4, 0xa1,                               // FCS included, -60 dBm, noise -95 dBm
    0xc2, 0x00,                                     // chain 0: -62 dBm
    0xbf, 0x01,                                     // chain 1: -65 dBm
    0, 0, 0, 0, 0,
    b'f', b'r', 1, 2, 3, 4,
];

#[test]
fn a_mac80211_header_is_read() {
    let (info, frame) = RxInfo::parse(HWSIM).unwrap();
    assert_eq!(frame, b"xy");
    assert_eq!(info.tsft_us, Some(10_000));
    assert_eq!(info.frequency_mhz, Some(5745));
    assert_eq!(info.signal_dbm(), Some(-50));
    assert_eq!(info.rate.unwrap().mcs, 1);
    assert!(!info.bad_fcs && !info.has_fcs && !info.has_tx_flags);
}

#[test]
fn the_signal_of_each_chain_is_read_and_the_fcs_removed() {
    let (info, frame) = RxInfo::parse(TWO_CHAINS_WITH_FCS).unwrap();
    assert_eq!(frame, b"fr");
    let signals: Vec<_> = info.antennas.iter().flatten().map(|a| a.signal_dbm.unwrap()).collect();
    assert_eq!(signals, [-60, -62, -65]);
    assert_eq!(info.noise_dbm(), Some(-95));
}

#[test]
fn a_vendor_namespace_is_skipped() {
    #[rustfmt::skip]
    let bytes = [
        0x00, 0x00, 0x1a, 0x00,
        0x00, 0x00, 0x00, 0xc0,                     // vendor namespace, extension
        0x02, 0x00, 0x00, 0xa0,                     // a vendor's own bit, then back to radiotap
        0x20, 0x00, 0x00, 0x00,                     // signal
        0x00, 0x11, 0x22, 0x00, 0x03, 0x00,         // OUI, selector, 3 bytes to skip
        9, 9, 9,
        0xd8,                                       // -40 dBm
        b'f',
    ];
    let (info, frame) = RxInfo::parse(&bytes).unwrap();
    assert_eq!((info.signal_dbm(), frame), (Some(-40), &b"f"[..]));
}

#[test]
fn a_transmitters_header_is_read_too() {
    let rate = TxRate { mcs: 4, ..TxRate::default() };
    let header = rate.emit();
    let (info, frame) = RxInfo::parse(&header).unwrap();
    assert!(info.has_tx_flags && frame.is_empty());
    assert_eq!(info.rate, Some(rate));
}

#[test]
fn what_is_emitted_comes_back() {
    let antenna = |dbm| Some(Antenna { signal_dbm: Some(dbm), noise_dbm: None });
    let info = RxInfo {
        tsft_us: Some(77),
        frequency_mhz: Some(5805),
        bad_fcs: true,
        rate: Some(TxRate::default()),
        antennas: [Some(Antenna { signal_dbm: Some(-48), noise_dbm: Some(-92) }), antenna(-50), antenna(-61), None],
        ..RxInfo::default()
    };
    let mut out = [0; 64];
    let len = info.emit(&mut out).unwrap();
    assert_eq!(RxInfo::parse(&out[..len]).unwrap(), (info, &[][..]));
    assert_eq!(info.emit(&mut [0; 20]), None);
}

#[test]
fn every_truncation_is_refused() {
    for bytes in [HWSIM, TWO_CHAINS_WITH_FCS] {
        let header = usize::from(bytes[2]);
        for len in 0..header {
            assert!(matches!(RxInfo::parse(&bytes[..len]), Err(WireError::Truncated { .. })), "{len} bytes");
        }
    }
    assert!(RxInfo::parse(&TWO_CHAINS_WITH_FCS[..30]).is_err(), "no room for the FCS it promises");
}

#[test]
fn absurd_headers_are_refused() {
    let endless: Vec<u8> = [0, 0, 0x80, 0].into_iter().chain(std::iter::repeat_n(0xff, 124)).collect();
    assert!(matches!(RxInfo::parse(&endless), Err(WireError::Malformed { field: "present words", .. })));
    assert!(matches!(RxInfo::parse(&[1, 0, 8, 0, 0, 0, 0, 0]), Err(WireError::Malformed { field: "version", .. })));
    assert!(matches!(RxInfo::parse(&[0, 0, 4, 0, 0, 0, 0, 0]), Err(WireError::Malformed { field: "length", .. })));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
        let _ = RxInfo::parse(&bytes);
    }

    #[test]
    fn no_mutation_of_a_real_header_makes_it_panic(at in 0..36_usize, value: u8, at2 in 0..36_usize, value2: u8) {
        let mut bytes = HWSIM.to_vec();
        bytes[at] = value;
        bytes[at2] = value2;
        let _ = RxInfo::parse(&bytes);
    }
}
