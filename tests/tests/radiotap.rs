//! Headers as real drivers write them: `tests/data/radiotap`, built from what each driver's source says it writes
//! or captured, and checked against Wireshark's dissection.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::path::PathBuf;

use skylark_common::wire::radiotap::{Antenna, MAX_ANTENNAS, Modulation, RxHeader, RxRate};

/// What stands behind each header: an 802.11 header and three bytes.
const FRAME_BYTES: usize = 27;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/radiotap")
}

/// The bytes of a file: `OFFSET BYTES ; meaning` in each line, `#` before what is said of all.
fn bytes(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(directory().join(format!("{name}.txt"))).unwrap();
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(';').next().unwrap().split_whitespace();
        assert_eq!(words.next().unwrap().parse(), Ok(bytes.len()), "{name}: {line}");
        bytes.extend(words.map(|word| u8::from_str_radix(word, 16).unwrap()));
    }
    bytes
}

/// What is read of a file's header, if the frame behind it is whole and its FCS cut off.
fn header(name: &str) -> RxHeader {
    let bytes = bytes(name);
    let (header, frame) = RxHeader::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(frame.len(), FRAME_BYTES, "{name}");
    assert!(frame.starts_with(&[0x08, 0x01]) && frame.ends_with(&[0xc0, 0xff, 0xee]), "{name}");
    header
}

/// Number, signal and noise of each chain.
fn antennas(all: &[(u8, i8, Option<i8>)]) -> [Option<Antenna>; MAX_ANTENNAS] {
    let mut all = all.iter().map(|&(number, dbm, noise_dbm)| Antenna { number, signal_dbm: Some(dbm), noise_dbm });
    std::array::from_fn(|_| all.next())
}

/// MCS, streams, width in MHz, guard interval in ns.
fn modulation(mcs: u8, streams: u8, width_mhz: u16, guard_interval_ns: u16) -> Modulation {
    Modulation {
        mcs: Some(mcs),
        streams: Some(streams),
        width_mhz: Some(width_mhz),
        guard_interval_ns: Some(guard_interval_ns),
        ..Modulation::default()
    }
}

#[test]
fn ath9k_says_each_chain_and_includes_the_fcs() {
    let expected = RxHeader {
        tsft_us: Some(123_456_789),
        frequency_mhz: Some(5745),
        has_fcs: true,
        rate: Some(RxRate::Ht(Modulation { stbc: Some(0), ..modulation(5, 1, 40, 400) })),
        combined_signal_dbm: Some(-58),
        antennas: antennas(&[(0, -61, None), (1, -60, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("ath9k"), expected);
}

#[test]
fn ath9k_htc_hands_on_damaged_frames() {
    let expected = RxHeader {
        tsft_us: Some(1 << 32),
        frequency_mhz: Some(2437),
        has_fcs: true,
        bad_fcs: true,
        rate: Some(RxRate::Ht(modulation(1, 1, 20, 800))),
        combined_signal_dbm: Some(-75),
        antennas: antennas(&[(0, -75, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("ath9k_htc"), expected);
}

#[test]
fn rtl88xxau_writes_one_antenna_and_puts_two_streams_in_the_second_place() {
    let ht = RxHeader {
        tsft_us: Some(1_000_000),
        frequency_mhz: Some(5745),
        has_fcs: true,
        rate: Some(RxRate::Ht(Modulation { stbc: Some(1), ..modulation(3, 1, 20, 800) })),
        antennas: antennas(&[(0, -46, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("rtl88xxau_ht"), ht);
    let rate = Modulation { ldpc: Some(false), stbc: Some(0), ..modulation(7, 2, 80, 400) };
    assert_eq!(header("rtl88xxau_vht"), RxHeader { rate: Some(RxRate::Vht(rate)), ..ht });
}

#[test]
fn an_rtl8812au_with_two_chains_does_not_look_damaged() {
    let expected = RxHeader {
        tsft_us: Some(2_000_000),
        frequency_mhz: Some(5745),
        has_fcs: true,
        rate: Some(RxRate::Ht(Modulation { stbc: Some(0), ..modulation(3, 1, 20, 800) })),
        antennas: antennas(&[(2, -48, Some(-92)), (0, -49, Some(-93)), (1, -44, Some(-91))]),
        ..RxHeader::default()
    };
    assert_eq!(header("rtl8812au_svpcom"), expected);
    assert_eq!((expected.signal_dbm(), expected.noise_dbm()), (Some(-44), Some(-92)));
}

#[test]
fn rtl88x2eu_names_no_antenna() {
    let expected = RxHeader {
        frequency_mhz: Some(5745),
        has_fcs: true,
        rate: Some(RxRate::Ht(Modulation { ldpc: Some(true), stbc: Some(0), ..modulation(2, 1, 40, 800) })),
        combined_signal_dbm: Some(-53),
        ..RxHeader::default()
    };
    assert_eq!(header("rtl88x2eu"), expected);
}

#[test]
fn mt76_has_cut_the_fcs_off() {
    let expected = RxHeader {
        frequency_mhz: Some(5745),
        rate: Some(RxRate::Vht(Modulation { ldpc: Some(true), ..modulation(4, 1, 80, 800) })),
        combined_signal_dbm: Some(-56),
        antennas: antennas(&[(0, -56, None), (1, -59, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("mt7612u"), expected);
    let rate = Modulation { ldpc: Some(true), stbc: Some(0), ..modulation(5, 2, 80, 1600) };
    let expected = RxHeader {
        tsft_us: Some(123_456_789),
        frequency_mhz: Some(5745),
        rate: Some(RxRate::He(rate)),
        combined_signal_dbm: Some(-55),
        antennas: antennas(&[(0, -55, None), (1, -64, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("mt7921u"), expected, "behind an A-MPDU field and a timestamp");
}

#[test]
fn iwlwifis_vendor_data_is_skipped_in_both_its_forms() {
    let rate = Modulation { ldpc: Some(true), stbc: Some(0), ..modulation(7, 2, 160, 800) };
    let expected = RxHeader {
        tsft_us: Some(123_456_789),
        frequency_mhz: Some(5745),
        has_fcs: true,
        rate: Some(RxRate::He(rate)),
        combined_signal_dbm: Some(-70),
        antennas: antennas(&[(0, -70, None), (1, -73, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("iwlwifi_tlv"), expected);
    let rate = Modulation { ldpc: Some(true), stbc: Some(0), ..modulation(9, 1, 80, 400) };
    let expected = RxHeader {
        rate: Some(RxRate::Vht(rate)),
        combined_signal_dbm: Some(-60),
        antennas: antennas(&[(0, -60, None), (1, -68, None)]),
        ..expected
    };
    assert_eq!(header("iwlwifi_vendor"), expected);
}

#[test]
fn nexmon_has_an_mcs_field_even_where_it_knows_none() {
    let legacy = RxHeader {
        tsft_us: Some(1_000_000),
        frequency_mhz: Some(2437),
        has_fcs: true,
        rate: Some(RxRate::Legacy { half_mbit_per_s: 12 }),
        combined_signal_dbm: Some(-59),
        combined_noise_dbm: Some(-91),
        ..RxHeader::default()
    };
    assert_eq!(header("nexmon_legacy"), legacy);
    let rate = Modulation { ldpc: Some(false), stbc: Some(0), ..modulation(3, 1, 20, 800) };
    assert_eq!(header("nexmon_ht"), RxHeader { rate: Some(RxRate::Ht(rate)), ..legacy });
}

#[test]
fn hwsim_names_its_antenna_in_the_only_word() {
    let expected = RxHeader {
        tsft_us: Some(1_795_432_010_740_667),
        frequency_mhz: Some(5745),
        rate: Some(RxRate::Ht(modulation(1, 1, 20, 800))),
        antennas: antennas(&[(0, -50, None)]),
        ..RxHeader::default()
    };
    assert_eq!(header("hwsim_ht"), expected);
    let vht = Modulation { ldpc: Some(false), ..modulation(8, 2, 80, 400) };
    let tsft_us = Some(1_795_432_012_268_890);
    assert_eq!(header("hwsim_vht"), RxHeader { tsft_us, rate: Some(RxRate::Vht(vht)), ..expected });
}

#[test]
fn copies_of_own_frames_say_the_rate_they_left_at_and_nothing_of_a_reception() {
    let status = |rate| RxHeader { rate: Some(rate), tx_flags: Some(0), data_retries: Some(0), ..RxHeader::default() };
    assert_eq!(header("tx_status_ht"), status(RxRate::Ht(modulation(1, 1, 20, 800))));
    let vht = Modulation { ldpc: Some(false), ..modulation(8, 2, 80, 400) };
    assert_eq!(header("tx_status_vht"), status(RxRate::Vht(vht)));
    assert_eq!(header("tx_status_legacy"), status(RxRate::Legacy { half_mbit_per_s: 12 }));
    for entry in std::fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let header = header(&name);
        assert_eq!(
            (header.is_own(), header.is_tx_status()),
            (name.starts_with("tx_"), name.starts_with("tx_")),
            "{name}"
        );
    }
}

#[test]
fn no_damage_to_one_byte_makes_it_panic() {
    for entry in std::fs::read_dir(directory()).unwrap() {
        let bytes = bytes(entry.unwrap().path().file_stem().unwrap().to_str().unwrap());
        for at in 0..bytes.len() - FRAME_BYTES {
            assert!(RxHeader::parse(&bytes[..at]).is_err(), "cut off behind {at} bytes");
            let mut damaged = bytes.clone();
            for value in 0..=0xff {
                damaged[at] = value;
                let _ = RxHeader::parse(&damaged);
            }
        }
    }
}
