//! Channels against the tables of the standard.

use super::*;

#[test]
fn every_channel_comes_back_from_its_frequency() {
    for band in [Band::Ghz2, Band::Ghz5, Band::Ghz6] {
        for &known in band.numbers() {
            let frequency_mhz = band.frequency_mhz(known).unwrap();
            assert_eq!((Band::of(frequency_mhz), number(frequency_mhz)), (Some(band), Some(known)));
        }
    }
    assert_eq!(number(5935), Some(2));
    assert_eq!(number(5190), None, "the center of a pair is no channel of 20 MHz");
}

#[test]
fn a_channel_may_be_a_number_or_a_frequency() {
    for (text, frequency_mhz) in [
        ("149", 5745),
        ("5745MHz", 5745),
        (" 2412 ", 2412),
        ("14", 2484),
        ("6g37", 6135),
        ("36", 5180),
        ("5885 mhz", 5885),
    ] {
        assert_eq!(parse(text), Ok(frequency_mhz), "{text}");
    }
}

#[test]
fn what_is_no_channel_is_refused_with_the_nearest() {
    let sentence = |text| parse(text).unwrap_err().to_string();
    assert_eq!(sentence("150"), "5 GHz has no channel 150 (nearest: 149 and 153)");
    assert_eq!(sentence("15"), "2.4 GHz has no channel 15 (nearest: 14)");
    assert_eq!(sentence("30"), "5 GHz has no channel 30 (nearest: 36)");
    assert_eq!(sentence("6g240"), "6 GHz has no channel 240 (nearest: 233)");
    assert!(sentence("900MHz").starts_with("900 MHz is no WiFi frequency"));
    for text in ["", "MHz", "-1", "99999999999", "chan 5", "6g", "5.7GHz"] {
        assert_eq!(parse(text), Err(ChannelError::NotOne), "{text}");
    }
}

fn center(primary: u32, width: Width, secondary: Option<Secondary>) -> Option<u32> {
    tune(primary, width, secondary).ok().map(|tuned| tuned.center_mhz)
}

#[test]
fn wide_channels_have_the_centers_of_the_standard() {
    for (primary, width, expected) in [
        (5180, Width::Mhz40, 5190),
        (5200, Width::Mhz40, 5190),
        (5745, Width::Mhz40, 5755),
        (5765, Width::Mhz40, 5755),
        (5825, Width::Mhz40, 5835),
        (5240, Width::Mhz80, 5210),
        (5500, Width::Mhz80, 5530),
        (5745, Width::Mhz80, 5775),
        (5180, Width::Mhz160, 5250),
        (5885, Width::Mhz160, 5815),
        (5955, Width::Mhz40, 5965),
        (5955, Width::Mhz80, 5985),
        (6135, Width::Mhz160, 6185),
    ] {
        assert_eq!(center(primary, width, None), Some(expected), "{primary} {width}");
    }
}

#[test]
fn narrow_channels_are_their_own_center() {
    for width in [Width::Mhz5, Width::Mhz10, Width::Mhz20] {
        assert_eq!(center(2484, width, None), Some(2484));
    }
}

#[test]
fn at_2_4_ghz_the_side_can_be_chosen() {
    assert_eq!(center(2437, Width::Mhz40, None), Some(2447), "6 upwards");
    assert_eq!(center(2442, Width::Mhz40, None), Some(2432), "7 downwards");
    assert_eq!(center(2437, Width::Mhz40, Some(Secondary::Below)), Some(2427));
    assert_eq!(center(2472, Width::Mhz40, None), Some(2462));
    let refused = tune(2412, Width::Mhz40, Some(Secondary::Below)).unwrap_err();
    assert_eq!(refused.to_string(), "channel 1 has no room below it for 40 MHz; take 40+");
}

#[test]
fn what_is_too_wide_is_refused_with_what_there_is() {
    let sentence = |frequency, width| tune(frequency, width, None).unwrap_err().to_string();
    assert_eq!(
        sentence(5720, Width::Mhz160),
        "channel 144 (5720 MHz) is part of no 160 MHz channel; it can be up to 80 MHz wide"
    );
    assert!(sentence(2484, Width::Mhz40).ends_with("it can be up to 20 MHz wide"));
    assert!(sentence(2412, Width::Mhz80).ends_with("it can be up to 40 MHz wide"));
    assert!(sentence(7115, Width::Mhz40).ends_with("it can be up to 20 MHz wide"));
    assert_eq!(tune(5190, Width::Mhz40, None), Err(ChannelError::BesideChannels(5190)));
}

#[test]
fn widths_are_read_as_people_write_them() {
    assert_eq!(parse_width("40+"), Ok((Width::Mhz40, Some(Secondary::Above))));
    assert_eq!(parse_width("80 MHz"), Ok((Width::Mhz80, None)));
    assert_eq!(parse_width("30"), Err(ChannelError::NotAWidth));
}
