//! Whether what a card sends leaves it: region, width, MTU. All three fail silently.

use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::seal::session::TAG_LEN;
use skylark_common::wire::packet::PacketHeader;
use skylark_common::wire::radiotap::TxRate;
use skylark_common::wire::repair::BLOCK_LEN;
use skylark_common::wire::symbol::Symbol;

use super::{Case, Code, Finding, Purpose, channel_number, options, up};
use crate::channel::{self, Band};
use crate::machine::{Channel, Region, Tuned, Width};

/// The longest frame of a video of ours: a repair of datagrams of the packetizer's usual length.
const LONGEST_FRAME_BYTES: usize = TxRate::MAX_HEADER_LEN
    + PacketHeader::LEN
    + BLOCK_LEN
    + Symbol::MAX_HEADER_LEN
    + Packetizer::DEFAULT_MAX_DATAGRAM_BYTES
    + TAG_LEN;
/// A packet socket takes this many bytes more than the MTU, the length of an Ethernet header.
const BEYOND_MTU_BYTES: usize = 14;
/// Channels named where another one is proposed: more do not fit a sentence.
const PROPOSED_CHANNELS: usize = 8;

/// What hinders sending on the channel the card is set to, or that nothing does.
pub(super) fn sending(case: &Case<'_>) -> Vec<Finding> {
    let (Some(tuned), true) = (case.interface.tuned, case.purpose != Purpose::Receive) else {
        return Vec::new();
    };
    let broken: Vec<Finding> = [region(case, tuned).or_else(|| radar(case, tuned)), width(case, tuned), mtu(case)]
        .into_iter()
        .flatten()
        .collect();
    if broken.is_empty() { vec![may_send(case, tuned)] } else { broken }
}

fn may_send(case: &Case<'_>, tuned: Tuned) -> Finding {
    let region = case.machine.region_of(case.radio);
    let power = case.radio.channel(tuned.frequency_mhz).map(|channel| channel.max_power_mbm / 100);
    let power = power.map(|dbm| format!(" with up to {dbm} dBm")).unwrap_or_default();
    case.fine(Code::Region, format!("{} may send there in region {region}{power}", case.name()))
}

/// mac80211 drops what is injected where nothing may be sent, and tells nobody.
fn region(case: &Case<'_>, tuned: Tuned) -> Option<Finding> {
    let parts = parts(tuned);
    let refused =
        parts.iter().filter_map(|mhz| case.radio.channel(*mhz)).find(|channel| channel.disabled || channel.no_ir)?;
    let region = case.machine.region_of(case.radio);
    let number = channel_number(refused.frequency_mhz);
    let (rule, name) = (rule(refused), case.name());
    if case.radio.is_mac80211 {
        let found = format!("region {region} {rule} on channel {number}, so what {name} sends is dropped silently");
        return case.unsendable(Code::Region, found, way_out(case, tuned, region));
    }
    // Drivers outside mac80211 have rules of their own.
    let found = format!("region {region} {rule} on channel {number}, so what {name} sends may be dropped silently");
    Some(case.warning(Code::Region, found, way_out(case, tuned, region)))
}

fn rule(channel: &Channel) -> &'static str {
    if channel.disabled { "forbids everything" } else { "does not let a card begin to send (no-IR)" }
}

/// The kernel lets a monitor interface send there all the same.
fn radar(case: &Case<'_>, tuned: Tuned) -> Option<Finding> {
    let parts = parts(tuned);
    let channel = parts.iter().filter_map(|mhz| case.radio.channel(*mhz)).find(|channel| channel.radar)?;
    let (region, number) = (case.machine.region_of(case.radio), channel_number(channel.frequency_mhz));
    let found = format!("region {region} lets nobody send on channel {number} who does not listen for radar first");
    let fix = format!("this link does not, so {}", another_channel(case));
    Some(case.warning(Code::Region, found, fix))
}

fn way_out(case: &Case<'_>, tuned: Tuned, region: Region) -> String {
    if region != Region::WORLD || case.radio.own_region.is_some() {
        return another_channel(case);
    }
    let options = options(tuned.frequency_mhz, tuned.width);
    let up = up(case.machine, case.name(), &format!("{options} --region XX"));
    // A database may be in force that is not where it is looked for: only the fix mentions it.
    let install = "install the regulatory database (`sudo apt install wireless-regdb`, then reboot), then ";
    let install = if case.machine.has_region_database { "" } else { install };
    format!("{install}run {up} with your country's two letters for XX")
}

fn another_channel(case: &Case<'_>) -> String {
    let channels = sendable(case);
    let Some(first) = channels.first() else {
        return "no channel of this card may send here: use another card".to_owned();
    };
    let numbers = channels.iter().map(|mhz| channel_number(*mhz)).collect::<Vec<_>>().join(", ");
    let up = up(case.machine, case.name(), &options(*first, Width::Mhz20));
    format!("take one of the channels {numbers}, for instance with {up}, at both ends")
}

/// Channels that may send, those of the band in use first.
fn sendable(case: &Case<'_>) -> Vec<u32> {
    let band = case.interface.tuned.and_then(|tuned| Band::of(tuned.frequency_mhz));
    let free = case.radio.channels.iter().filter(|channel| channel.may_send()).map(|channel| channel.frequency_mhz);
    let (mut near, far): (Vec<u32>, Vec<u32>) = free.partition(|mhz| Band::of(*mhz) == band);
    near.extend(far);
    near.truncate(PROPOSED_CHANNELS);
    near
}

/// Centers of the 20 MHz channels a wider one consists of.
fn parts(tuned: Tuned) -> Vec<u32> {
    let count = tuned.width.mhz() / 20;
    if count <= 1 {
        return vec![tuned.frequency_mhz];
    }
    let lowest = tuned.center_mhz.saturating_sub(tuned.width.mhz() / 2).saturating_add(10);
    (0..count).map(|part| lowest.saturating_add(20 * part)).collect()
}

fn width(case: &Case<'_>, tuned: Tuned) -> Option<Finding> {
    let Purpose::Transmit { width } = case.purpose else { return None };
    // In a channel of 5 or 10 MHz frames of 20 MHz are sent slower, not wider.
    (tuned.width.max(Width::Mhz20) < width).then(|| {
        let found =
            format!("frames are sent {width} wide, but {} is set to {}, so they are lost", case.name(), tuned.width);
        let can = can_be_as_wide(case, tuned.frequency_mhz, width);
        let up = up(case.machine, case.name(), &options(tuned.frequency_mhz, width));
        let wider = if can { format!("{up} at both ends, or ") } else { String::new() };
        let fix = format!("run {wider}`skylark-tx --width {}`", sent_within(tuned.width));
        case.fault(Code::Width, found, fix)
    })
}

fn can_be_as_wide(case: &Case<'_>, frequency_mhz: u32, width: Width) -> bool {
    let has = |mhz: u32| case.radio.channel(mhz).is_some_and(|channel| !channel.disabled);
    let wide = channel::tune(frequency_mhz, width, None);
    case.radio.widest >= width && wide.is_ok_and(|tuned| parts(tuned).into_iter().all(has))
}

/// The widest frames a channel holds, as `skylark-tx --width` takes them, in MHz.
const fn sent_within(channel: Width) -> u32 {
    match channel {
        Width::Mhz5 | Width::Mhz10 | Width::Mhz20 => 20,
        Width::Mhz40 => 40,
        Width::Mhz80 | Width::Mhz160 => 80,
    }
}

fn mtu(case: &Case<'_>) -> Option<Finding> {
    let needed = LONGEST_FRAME_BYTES.saturating_sub(BEYOND_MTU_BYTES);
    let found = usize::try_from(case.interface.mtu_bytes).unwrap_or(usize::MAX);
    (found < needed).then_some(())?;
    let found =
        format!("the MTU of {} is {found}, expected at least {needed}, so full frames are refused", case.name());
    case.unsendable(Code::Mtu, found, format!("run {}", case.up()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{first, machine};
    use super::super::{Severity, card, faults};
    use super::*;
    use crate::machine::Machine;

    const TRANSMIT: Purpose = Purpose::Transmit { width: Width::Mhz20 };

    fn no_ir() -> Machine {
        let mut machine = machine();
        machine.region = Region::WORLD;
        machine.radios[0].channels.iter_mut().filter(|c| c.frequency_mhz > 5000).for_each(|c| c.no_ir = true);
        machine
    }

    fn only_fault(machine: &Machine, purpose: Purpose) -> Finding {
        let mut faults = faults(card(machine, "wlan1", purpose));
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn a_card_that_may_send_says_where_and_how_loud() {
        let findings = card(&machine(), "wlan1", TRANSMIT);
        assert_eq!(findings[1].found, "wlan1 may send there in region US with up to 30 dBm");
    }

    #[test]
    fn the_world_domain_stops_a_transmitter_and_no_receiver() {
        let finding = only_fault(&no_ir(), TRANSMIT);
        assert_eq!(
            finding.sentence(),
            "region 00 does not let a card begin to send (no-IR) on channel 149, so what wlan1 sends is dropped silently: \
             run `skylark-setup up wlan1 --channel 149 --region XX` with your country's two letters for XX"
        );
        assert_eq!(first(&no_ir(), Purpose::Receive).severity, Severity::Fine);
        let unsure = card(&no_ir(), "wlan1", Purpose::Unknown).remove(1);
        assert_eq!((unsure.code, unsure.severity), (Code::Region, Severity::Warning));
    }

    #[test]
    fn a_driver_with_rules_of_its_own_is_not_condemned() {
        let mut machine = no_ir();
        machine.radios[0].is_mac80211 = false;
        let finding = card(&machine, "wlan1", TRANSMIT).remove(1);
        assert_eq!((finding.code, finding.severity), (Code::Region, Severity::Warning));
    }

    #[test]
    fn without_a_database_it_is_to_be_installed_first() {
        let mut machine = no_ir();
        machine.has_region_database = false;
        let sentence = only_fault(&machine, TRANSMIT).sentence();
        assert!(sentence.contains("install wireless-regdb`, then reboot), then run `skylark-setup up"), "{sentence}");
    }

    #[test]
    fn where_the_region_is_set_another_channel_is_the_way_out() {
        let mut machine = no_ir();
        machine.region = Region(*b"US");
        let sentence = only_fault(&machine, TRANSMIT).sentence();
        assert!(sentence.contains("take one of the channels 1, for instance"), "{sentence}");
        machine.radios[0].channels.iter_mut().for_each(|channel| channel.disabled = true);
        let sentence = only_fault(&machine, TRANSMIT).sentence();
        assert!(sentence.contains("forbids everything") && sentence.contains("use another card"), "{sentence}");
    }

    #[test]
    fn both_halves_of_a_wide_channel_have_to_be_free() {
        let mut machine = machine();
        let wide = Tuned { frequency_mhz: 5745, center_mhz: 5755, width: Width::Mhz40 };
        machine.radios[0].interfaces[0].tuned = Some(wide);
        machine.radios[0].channels.iter_mut().filter(|c| c.frequency_mhz == 5765).for_each(|c| c.no_ir = true);
        assert!(only_fault(&machine, TRANSMIT).found.contains("(no-IR) on channel 153"));
    }

    #[test]
    fn a_radar_channel_sends_and_is_not_to_be_used() {
        let mut machine = machine();
        machine.radios[0].channels.iter_mut().filter(|c| c.frequency_mhz == 5745).for_each(|c| c.radar = true);
        let finding = card(&machine, "wlan1", TRANSMIT).remove(1);
        assert_eq!((finding.code, finding.severity), (Code::Region, Severity::Warning));
        assert!(finding.sentence().contains("take one of the channels 36, 153, 1, for"), "{}", finding.sentence());
    }

    #[test]
    fn frames_wider_than_the_channel_are_lost() {
        let finding = only_fault(&machine(), Purpose::Transmit { width: Width::Mhz40 });
        assert_eq!(
            finding.sentence(),
            "frames are sent 40 MHz wide, but wlan1 is set to 20 MHz, so they are lost: run `skylark-setup up wlan1 \
             --channel 149 --width 40` at both ends, or `skylark-tx --width 20`"
        );
    }

    #[test]
    fn only_widths_are_proposed_that_card_channel_and_program_have() {
        let fix = |width, primary, channel| {
            let mut machine = machine();
            let tuned = Tuned { frequency_mhz: primary, center_mhz: primary, width: channel };
            machine.radios[0].interfaces[0].tuned = Some(tuned);
            only_fault(&machine, Purpose::Transmit { width }).fix.unwrap()
        };
        assert!(fix(Width::Mhz40, 5745, Width::Mhz10).ends_with("or `skylark-tx --width 20`"));
        assert_eq!(fix(Width::Mhz80, 5745, Width::Mhz20), "run `skylark-tx --width 20`", "the card has 40 at most");
        assert_eq!(fix(Width::Mhz40, 5180, Width::Mhz20), "run `skylark-tx --width 20`", "the card has no channel 40");
    }

    #[test]
    fn channels_of_the_same_band_are_proposed_first() {
        let mut machine = machine();
        let mut channels = vec![machine.radios[0].channels[0]; 4];
        let mhz = [5180, 5745, 5955, 6115];
        channels.iter_mut().zip(mhz).for_each(|(channel, mhz)| channel.frequency_mhz = mhz);
        channels[3].radar = true;
        machine.radios[0].channels = channels;
        machine.radios[0].interfaces[0].tuned =
            Some(Tuned { frequency_mhz: 6115, center_mhz: 6115, width: Width::Mhz20 });
        let sentence = card(&machine, "wlan1", TRANSMIT).remove(1).sentence();
        assert!(sentence.contains("take one of the channels 6g1, 36, 149, for"), "{sentence}");
    }

    #[test]
    fn an_mtu_below_a_full_frame_is_a_fault() {
        let mut machine = machine();
        machine.radios[0].interfaces[0].mtu_bytes = 1400;
        let finding = only_fault(&machine, TRANSMIT);
        assert!(finding.found.contains("is 1400, expected at least 1463"), "{}", finding.found);
        machine.radios[0].interfaces[0].mtu_bytes = 1500;
        assert_eq!(faults(card(&machine, "wlan1", TRANSMIT)), []);
    }
}
