//! Radios, from `NL80211_CMD_NEW_WIPHY` messages: one radio takes several, each with a part of it.

use super::attributes::{Attributes, number_in};
use super::codes::{self, attribute, band, frequency};
use super::request::wireless;
use crate::machine::{Channel, Radio, Width};

/// Radios by number, channels by frequency.
pub(super) fn parse(messages: &[Vec<u8>]) -> Vec<Radio> {
    let mut radios: Vec<Radio> = Vec::new();
    for attributes in messages.iter().filter_map(|message| wireless::body(message)) {
        let Some(index) = attributes.number(attribute::WIPHY) else { continue };
        match radios.iter_mut().find(|radio| radio.index == index) {
            Some(radio) => add(radio, attributes),
            None => {
                let mut radio = Radio { index, ..Radio::default() };
                add(&mut radio, attributes);
                radios.push(radio);
            }
        }
    }
    radios.sort_by_key(|radio| radio.index);
    radios
}

fn add(radio: &mut Radio, part: Attributes<'_>) {
    if let Some(name) = part.text(attribute::WIPHY_NAME) {
        radio.name = name;
    }
    radio.has_monitor_mode |= has_mode(part, attribute::SUPPORTED_IFTYPES, codes::IFTYPE_MONITOR);
    // Only mac80211 makes monitor interfaces in software, for every driver that it serves.
    radio.is_mac80211 |= has_mode(part, attribute::SOFTWARE_IFTYPES, codes::IFTYPE_MONITOR);
    let Some(bands) = part.nested(attribute::WIPHY_BANDS) else { return };
    for (_, band) in bands.iter() {
        let band = Attributes(band);
        radio.widest = radio.widest.max(widest(band));
        let channels = band.nested(band::FREQUENCIES).into_iter().flat_map(Attributes::iter);
        radio.channels.extend(channels.filter_map(|(_, found)| channel(Attributes(found))));
    }
    radio.channels.sort_by_key(|channel| channel.frequency_mhz);
    radio.channels.dedup_by_key(|channel| channel.frequency_mhz);
}

/// A list of interface types is a list of flags, each of the type's number.
fn has_mode(part: Attributes<'_>, list: u16, mode: u32) -> bool {
    part.nested(list).is_some_and(|modes| modes.iter().any(|(kind, _)| u32::from(kind) == mode))
}

fn channel(found: Attributes<'_>) -> Option<Channel> {
    Some(Channel {
        frequency_mhz: found.number(frequency::MHZ)?,
        disabled: found.has(frequency::DISABLED),
        no_ir: found.has(frequency::NO_IR),
        radar: found.has(frequency::RADAR),
        max_power_mbm: found.number(frequency::MAX_TX_POWER).unwrap_or_default(),
    })
}

/// The widest channel of a band, by what it can do in HT, VHT and HE (IEEE 802.11-2020 9.4.2.55.2, 9.4.2.157.2;
/// IEEE 802.11ax-2021 9.4.2.248.3).
fn widest(band: Attributes<'_>) -> Width {
    let ht = band.find(band::HT_CAPABILITIES).and_then(|value| value.first_chunk());
    let ht = ht.is_some_and(|bits| u16::from_ne_bytes(*bits) & 0b10 != 0);
    let ht = if ht { Width::Mhz40 } else { Width::Mhz20 };
    let vht = band.find(band::VHT_CAPABILITIES).and_then(number_in);
    let vht = vht.map_or(Width::Mhz20, |bits| if bits & 0b1100 == 0 { Width::Mhz80 } else { Width::Mhz160 });
    let types = band.nested(band::IFTYPE_DATA).into_iter().flat_map(Attributes::iter);
    let he = types.filter_map(|(_, data)| Attributes(data).find(band::HE_PHY)?.first().copied()).map(he_width);
    he.fold(ht.max(vht), Width::max)
}

/// The first byte of the HE PHY capabilities: bit 1 is 40 MHz at 2.4 GHz, 2 is 80 and 3 is 160 at 5 and 6 GHz.
const fn he_width(capabilities: u8) -> Width {
    match capabilities {
        bits if bits & 0b1000 != 0 => Width::Mhz160,
        bits if bits & 0b100 != 0 => Width::Mhz80,
        bits if bits & 0b10 != 0 => Width::Mhz40,
        _ => Width::Mhz20,
    }
}
