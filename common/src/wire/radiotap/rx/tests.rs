//! What is read, what is obeyed and what is refused. Headers as real drivers write them are tested in
//! `tests/tests/radiotap.rs`.

use proptest::prelude::*;

use super::*;
use crate::wire::radiotap::{Format, GuardInterval, TxRate, Width};

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

/// A header of one present word with these fields behind it, and as much of a frame as may be an FCS.
fn parse(present: u32, fields: &[u8]) -> RxHeader {
    let len = u8::try_from(8 + fields.len()).unwrap();
    let bytes = [&[0, 0, len, 0], &present.to_le_bytes()[..], fields, &[0; 4]].concat();
    RxHeader::parse(&bytes).unwrap().0
}

fn antenna(number: u8, signal_dbm: i8) -> Option<Antenna> {
    Some(Antenna { number, signal_dbm: Some(signal_dbm), noise_dbm: None })
}

#[test]
fn a_mac80211_header_is_read() {
    let (header, frame) = RxHeader::parse(HWSIM).unwrap();
    assert_eq!(frame, b"xy");
    assert_eq!(header.tsft_us, Some(10_000));
    assert_eq!(header.frequency_mhz, Some(5745));
    assert_eq!(header.antennas, [antenna(0, -50), None, None, None]);
    assert_eq!((header.signal_dbm(), header.combined_signal_dbm), (Some(-50), None));
    assert_eq!(header.rate.and_then(RxRate::to_tx), Some(TxRate::default()));
    assert!(!header.bad_fcs && !header.has_fcs && !header.is_own());
}

#[test]
fn the_signal_of_each_chain_is_read_and_the_fcs_removed() {
    let (header, frame) = RxHeader::parse(TWO_CHAINS_WITH_FCS).unwrap();
    assert_eq!(frame, b"fr");
    assert_eq!((header.combined_signal_dbm, header.noise_dbm()), (Some(-60), Some(-95)));
    assert_eq!(header.antennas, [antenna(0, -62), antenna(1, -65), None, None]);
    assert_eq!(header.signal_dbm(), Some(-60));
}

#[test]
fn a_fifth_chain_is_left_out() {
    let chain = [0x20, 0x08, 0, 0xa0];
    let words = [chain, chain, chain, chain, [0x20, 0x08, 0, 0]].concat();
    let chains = [[0xd0, 0], [0xd1, 1], [0xd2, 2], [0xd3, 3], [0xff, 4]].concat();
    let bytes = [&[0, 0, 34, 0][..], &words, &chains].concat();
    let (header, _) = RxHeader::parse(&bytes).unwrap();
    assert_eq!(header.antennas.map(|antenna| antenna.unwrap().number), [0, 1, 2, 3]);
    assert_eq!(header.signal_dbm(), Some(-45));
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
    let (header, frame) = RxHeader::parse(&bytes).unwrap();
    assert_eq!((header.signal_dbm(), frame), (Some(-40), &b"f"[..]));
}

#[test]
fn what_a_driver_does_not_know_is_not_claimed() {
    let rate = |present, field: &[u8]| parse(present, field).rate;
    // MCS: everything set, nothing but the index known.
    let only_index = Modulation { mcs: Some(9), streams: Some(2), ..Modulation::default() };
    assert_eq!(rate(1 << MCS, &[0x02, 0xff, 9]), Some(RxRate::Ht(only_index)));
    assert_eq!(rate(1 << MCS, &[0x00, 0xff, 9]), None);
    // VHT: MCS 7, 1 stream; width, guard interval and STBC are not known; coding has no such bit.
    let vht = [0, 0, 0xff, 4, 0x71, 0, 0, 0, 0, 0, 0, 0];
    let no_extras = Modulation { mcs: Some(7), streams: Some(1), ldpc: Some(false), ..Modulation::default() };
    assert_eq!(rate(1 << VHT, &vht), Some(RxRate::Vht(no_extras)));
    // HE: everything set, nothing known but the number of streams, which says so itself.
    let he = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0];
    let only_streams = Modulation { streams: Some(2), ..Modulation::default() };
    assert_eq!(rate(1 << HE, &he), Some(RxRate::He(only_streams)));
    assert_eq!(rate(1 << RATE, &[0]), None);
}

#[test]
fn the_width_of_a_vht_frame_is_its_own_and_not_its_channels() {
    let width = |code| match parse(1 << VHT, &[0x40, 0, 0, code, 0x01, 0, 0, 0, 0, 0, 0, 0]).rate {
        Some(RxRate::Vht(Modulation { width_mhz, .. })) => width_mhz,
        other => panic!("{other:?}"),
    };
    // 20, 40, 20 in 40, 80, 40 in 80, 20 in 80, 160, 80 in 160, 40 in 160, 20 in 160, none.
    let widths = [0, 1, 2, 4, 5, 7, 11, 12, 14, 25, 26].map(width);
    let expected = [20, 40, 20, 80, 40, 20, 160, 80, 40, 20];
    assert_eq!(widths[..10], expected.map(Some));
    assert_eq!(widths[10], None);
}

#[test]
fn a_transmitters_header_is_read_too() {
    let vht = TxRate {
        format: Format::Vht { streams: 2 },
        width: Width::Mhz80,
        guard_interval: GuardInterval::Short,
        ldpc: true,
        ..TxRate::default()
    };
    for rate in [TxRate { mcs: 4, stbc: 1, ..TxRate::default() }, vht] {
        let sent = rate.emit();
        let (header, frame) = RxHeader::parse(sent.as_slice()).unwrap();
        assert!(header.is_own() && !header.is_tx_status() && frame.is_empty());
        assert_eq!(header.rate.and_then(RxRate::to_tx), Some(rate));
    }
}

#[test]
fn a_copy_of_a_frame_the_card_has_sent_is_told_from_one_that_was_heard() {
    // As mac80211 writes it: TX flags, data retries, MCS.
    let status = parse((1 << TX_FLAGS) | (1 << DATA_RETRIES) | (1 << MCS), &[0, 0, 0, 0x07, 0x00, 3]);
    assert!(status.is_own() && status.is_tx_status());
    assert_eq!((status.tx_flags, status.data_retries), (Some(0), Some(0)));
    assert!(!RxHeader::parse(HWSIM).unwrap().0.is_tx_status());
}

#[test]
fn nothing_but_fields_of_fixed_form_is_read() {
    // Bit 28: type-length-value fields follow; here one of type 5, that must not be taken for the signal.
    let header = parse((1 << FLAGS) | (1 << 28), &[0x10, 0, 0, 0, 5, 0, 1, 0, 0xd0, 0, 0, 0]);
    assert_eq!(header, RxHeader { has_fcs: true, ..RxHeader::default() });
}

#[test]
fn a_field_past_the_end_ends_the_reading_but_the_flags_must_be_there() {
    let header = parse((1 << FLAGS) | (1 << SIGNAL) | (1 << TX_FLAGS), &[0x10, 0xd0, 0]);
    assert_eq!((header.has_fcs, header.signal_dbm(), header.tx_flags), (true, Some(-48), None));
    let no_flags = [0, 0, 16, 0, 0x03, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let expected = WireError::Truncated { header: "radiotap", found: 16, expected: 17 };
    assert_eq!(RxHeader::parse(&no_flags), Err(expected));
}

#[test]
fn every_truncation_is_refused() {
    for bytes in [HWSIM, TWO_CHAINS_WITH_FCS] {
        let header = usize::from(bytes[2]);
        for len in 0..header {
            assert!(matches!(RxHeader::parse(&bytes[..len]), Err(WireError::Truncated { .. })), "{len} bytes");
        }
    }
    // No room for the FCS it promises.
    let expected = WireError::Truncated { header: "radiotap", found: 30, expected: 32 };
    assert_eq!(RxHeader::parse(&TWO_CHAINS_WITH_FCS[..30]), Err(expected));
}

#[test]
fn absurd_headers_are_refused() {
    let malformed = |bytes: &[u8]| match RxHeader::parse(bytes) {
        Err(WireError::Malformed { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let endless: Vec<u8> = [0, 0, 0x80, 0].into_iter().chain(std::iter::repeat_n(0xff, 124)).collect();
    assert_eq!(malformed(&endless), "number of present words");
    assert_eq!(malformed(&[1, 0, 8, 0, 0, 0, 0, 0]), "version");
    assert_eq!(malformed(&[0, 0, 4, 0, 0, 0, 0, 0]), "length");
    let words_past_the_end = [0, 0, 12, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0];
    assert!(matches!(RxHeader::parse(&words_past_the_end), Err(WireError::Truncated { .. })));
}

prop_compose! {
    fn modulations()(
        mcs in 0..10_u8,
        streams in 1..=4_u8,
        width_mhz in prop::sample::select(vec![None, Some(20), Some(40), Some(80), Some(160)]),
        guard_interval_ns in prop::sample::select(vec![None, Some(400), Some(800)]),
        ldpc: bool,
        stbc in prop::option::of(0..2_u8),
    ) -> Modulation {
        Modulation { mcs: Some(mcs), streams: Some(streams), width_mhz, guard_interval_ns, ldpc: Some(ldpc), stbc }
    }
}

fn rates() -> impl Strategy<Value = Option<RxRate>> {
    let ht = |modulation: Modulation| {
        let streams = modulation.mcs.map(|mcs| mcs / 8 + 1);
        RxRate::Ht(Modulation { streams, width_mhz: modulation.width_mhz.map(|mhz| mhz.min(40)), ..modulation })
    };
    prop_oneof![
        Just(None),
        (1..=255_u8).prop_map(|half_mbit_per_s| Some(RxRate::Legacy { half_mbit_per_s })),
        modulations().prop_map(move |modulation| Some(ht(modulation))),
        modulations().prop_map(|modulation| Some(RxRate::Vht(modulation))),
    ]
}

proptest! {
    #[test]
    fn what_is_emitted_comes_back(
        tsft_us: Option<u64>,
        frequency_mhz: Option<u16>,
        has_fcs: bool,
        bad_fcs: bool,
        rate in rates(),
        combined_signal_dbm: Option<i8>,
        combined_noise_dbm: Option<i8>,
        chains in prop::collection::vec(any::<(u8, Option<i8>, Option<i8>)>(), 0..=MAX_ANTENNAS),
    ) {
        let mut antennas = [None; MAX_ANTENNAS];
        for (place, (number, signal_dbm, noise_dbm)) in antennas.iter_mut().zip(chains) {
            *place = Some(Antenna { number, signal_dbm, noise_dbm });
        }
        let header = RxHeader {
            tsft_us, frequency_mhz, has_fcs, bad_fcs, rate, combined_signal_dbm, combined_noise_dbm, antennas,
            ..RxHeader::default()
        };
        let mut out = [0xff; 96];
        let len = header.emit(&mut out).unwrap();
        let fcs = if has_fcs { 4 } else { 0 };
        prop_assert_eq!(RxHeader::parse(&out[..len + fcs]).unwrap(), (header, &[][..]));
        prop_assert_eq!(header.emit(&mut out[..len - 1]), None);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        let _ = RxHeader::parse(&bytes);
    }

    #[test]
    fn no_present_words_make_it_panic(words in prop::collection::vec(any::<u32>(), 1..20), fill: u8, len: u8) {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let bytes = [&[0, 0, len, 0][..], &words, &[fill; 200]].concat();
        let _ = RxHeader::parse(&bytes);
    }
}
