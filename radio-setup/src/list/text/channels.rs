//! The bands of a radio, and where it may send.

use skylark_setup::channel::{self, Band};
use skylark_setup::machine::Radio;

/// Each band with its channels, and which of them may send.
pub(super) fn summary(radio: &Radio) -> String {
    let bands = [Band::Ghz2, Band::Ghz5, Band::Ghz6].map(|band| of_band(radio, band));
    let bands: Vec<_> = bands.into_iter().flatten().collect();
    if bands.is_empty() {
        return "none that WiFi uses".to_owned();
    }
    format!("{}; up to {} wide", bands.join("; "), radio.widest)
}

fn of_band(radio: &Radio, band: Band) -> Option<String> {
    let channels = radio.channels.iter().filter(|channel| Band::of(channel.frequency_mhz) == Some(band));
    let channels: Vec<_> = channels.collect();
    let sending: Vec<u32> = channels
        .iter()
        .filter(|found| found.may_send())
        .filter_map(|found| channel::number(found.frequency_mhz))
        .collect();
    match (channels.len(), sending.is_empty()) {
        (0, _) => None,
        (all, true) => Some(format!("{band}: {all} channels, may send on none")),
        (all, false) => Some(format!("{band}: {all} channels, may send on {}", ranges(band, &sending))),
    }
}

/// Channels that follow each other in the band's list, as a range: `36-48, 149-165`.
fn ranges(band: Band, sending: &[u32]) -> String {
    let listed = band.numbers().split(|number| !sending.contains(number));
    let range = |run: &[u32]| match run {
        [] => None,
        [only] => Some(only.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    };
    listed.filter_map(range).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use skylark_setup::machine::{Channel, Width};

    use super::*;

    fn channel(frequency_mhz: u32, no_ir: bool) -> Channel {
        Channel { frequency_mhz, disabled: false, no_ir, radar: false, max_power_mbm: 2000 }
    }

    #[test]
    fn channels_that_may_send_are_ranges() {
        let channels = vec![
            channel(2412, true),
            channel(5180, false),
            channel(5200, false),
            channel(5220, true),
            channel(5745, false),
        ];
        let radio = Radio { channels, widest: Width::Mhz80, ..Radio::default() };
        assert_eq!(
            summary(&radio),
            "2.4 GHz: 1 channels, may send on none; 5 GHz: 4 channels, may send on 36-40, 149; up to 80 MHz wide"
        );
    }

    #[test]
    fn a_radio_without_channels_has_no_band() {
        assert_eq!(summary(&Radio::default()), "none that WiFi uses");
    }
}
