//! What hearings come to, case by case.

use super::super::tests::machine;
use super::*;
use crate::machine::Width;

fn link() -> Link {
    Link { name: "default".to_owned(), id: Id::Skylark(LinkId::from_name("default")), fingerprint: Some(0x1a2b_3c4d) }
}

fn on(channel_mhz: u32) -> Option<Tuned> {
    Some(Tuned { frequency_mhz: channel_mhz, center_mhz: channel_mhz, width: Width::Mhz20 })
}

fn listened(card: &str, heard: Heard) -> Listened {
    Listened { card: card.to_owned(), tuned: on(5745), heard, scan: None }
}

fn judged(purpose: Purpose, all: &[Listened]) -> Vec<(Code, Severity, String)> {
    let findings = hearing(&machine(), &link(), purpose, all);
    findings.into_iter().map(|finding| (finding.code, finding.severity, finding.sentence())).collect()
}

fn only(heard: Heard) -> (Code, Severity, String) {
    let mut findings = judged(Purpose::Receive, &[listened("wlan1", heard)]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn a_link_that_is_heard_and_opens_is_fine() {
    let heard = Heard { frames: 40, ours: 40, opened: 4, signal_dbm: Some(-54), ..Heard::default() };
    let expected = "wlan1 hears the transmitter at -54 dBm, and key 1a2b3c4d opens it";
    assert_eq!(only(heard), (Code::Heard, Severity::Fine, expected.to_owned()));
}

#[test]
fn what_is_heard_instead_is_named() {
    let base = Heard { frames: 9, ..Heard::default() };
    let table = [
        (Heard { ours: 9, refused: 2, ..base.clone() }, Code::OtherKey, "key 1a2b3c4d does not open it"),
        (Heard { other_version: Some(7), ..base.clone() }, Code::OtherVersion, "version 7, expected 1"),
        (
            Heard { other_links: vec![(LinkId::from_number(0xabcdef), 9)], ..base.clone() },
            Code::OtherLink,
            "hears only link abcdef, expected 37a8ee (default)",
        ),
        (
            Heard { other_channels: vec![(ChannelId::new(7_669_206, 16), 9)], ..base.clone() },
            Code::WfbNg,
            "only WFB-NG, link 7669206 port 16: receive it with `skylark-rx --dialect wfb-ng --key gs.key --link-id \
             7669206 --radio-port 16`",
        ),
        (base, Code::NothingHeard, "other WiFi but nothing of link default on channel 149: is the transmitter on"),
        (Heard::default(), Code::NothingHeard, "nothing at all on channel 149"),
    ];
    for (heard, code, words) in table {
        let (found, severity, sentence) = only(heard);
        assert_eq!((found, severity), (code, Severity::Fault), "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn what_is_heard_instead_of_a_wfb_ng_link_is_named() {
    let channel = ChannelId::new(7_669_206, 0);
    let link = Link { name: channel.to_string(), id: Id::WfbNg(channel), fingerprint: Some(0x1a2b_3c4d) };
    let base = Heard { frames: 9, ..Heard::default() };
    let table = [
        (Heard { ours: 9, opened: 1, ..base.clone() }, Code::Heard, "and key 1a2b3c4d opens it"),
        (Heard { ours: 9, ..base.clone() }, Code::Heard, "but no session packet of it was among the frames heard"),
        (Heard { ours: 9, refused: 1, ..base.clone() }, Code::OtherKey, "have to be of one pair"),
        (
            Heard { other_channels: vec![(ChannelId::new(7_669_206, 16), 9)], ..base.clone() },
            Code::OtherLink,
            "hears link 7669206 (port 16), but not its video (port 0): start the aircraft's camera",
        ),
        (
            Heard { other_channels: vec![(ChannelId::new(1, 16), 9)], ..base.clone() },
            Code::OtherLink,
            "hears only WFB-NG link 1 port 16, expected 7669206 port 0: give --link-id 1 --radio-port 16",
        ),
        (
            Heard { other_links: vec![(LinkId::from_number(0xabcdef), 9)], ..base.clone() },
            Code::OtherLink,
            "hears only a Skylark link, abcdef: leave out --dialect wfb-ng",
        ),
        (base, Code::NothingHeard, "nothing of link 7669206 port 0"),
    ];
    for (heard, code, words) in table {
        let findings = hearing(&machine(), &link, Purpose::Receive, &[listened("wlan1", heard)]);
        assert_eq!(findings[0].code, code);
        assert!(findings[0].sentence().contains(words), "{}", findings[0].sentence());
    }
}

#[test]
fn what_goes_up_is_heard_with_the_key_of_the_aircraft() {
    let channel = ChannelId::new(7_669_206, 144);
    let up = Link { name: channel.to_string(), id: Id::WfbNg(channel), fingerprint: Some(1) };
    let told = |link: &Link, heard: Heard| {
        hearing(&machine(), link, Purpose::Receive, &[listened("wlan1", heard)])[0].sentence()
    };
    let refused = told(&up, Heard { frames: 9, ours: 9, refused: 1, ..Heard::default() });
    assert!(refused.contains("the ground's gs.key and this drone.key"), "{refused}");
    let other = told(&link(), Heard { frames: 9, other_channels: vec![(channel, 9)], ..Heard::default() });
    assert!(other.contains("--key drone.key --link-id 7669206 --radio-port 144"), "{other}");
}

#[test]
fn a_link_on_another_channel_is_found_by_the_search_or_by_another_card() {
    let there = Heard { frames: 1, ours: 1, ..Heard::default() };
    let scan = Scan { found: Some((on(5765).unwrap(), there.clone())), listened: 3, ..Scan::default() };
    let searched = Listened { scan: Some(scan), ..listened("wlan1", Heard::default()) };
    let expected = "the transmitter is heard on channel 153, 20 MHz wide, and wlan1 is set to channel 149, 20 MHz wide: \
                    run `skylark-setup up wlan1 --channel 153`";
    let expected = (Code::OtherChannel, Severity::Fault, expected.to_owned());
    assert_eq!(judged(Purpose::Unknown, std::slice::from_ref(&searched)), std::slice::from_ref(&expected));
    let findings = judged(Purpose::Unknown, &[searched, listened("wlan2", Heard::default())]);
    assert_eq!(findings[1].0, Code::OtherChannel, "the search of one card tells the others");
    let other = Listened { tuned: on(5765), ..listened("wlan2", there) };
    assert_eq!(judged(Purpose::Receive, &[listened("wlan1", Heard::default()), other])[0], expected);
}

#[test]
fn one_of_two_cards_that_hears_nothing_is_a_warning() {
    let hears = Heard { frames: 9, ours: 9, opened: 1, ..Heard::default() };
    let findings = judged(Purpose::Receive, &[listened("wlan1", Heard::default()), listened("wlan2", hears)]);
    assert_eq!((findings[0].0, findings[0].1), (Code::NothingHeard, Severity::Warning));
    assert_eq!(
        findings[0].2,
        "wlan1 hears nothing of the link on channel 149, where wlan2 hears it: check its antenna"
    );
    assert_eq!(findings[1].1, Severity::Fine);
}

#[test]
fn a_simulated_card_has_no_other_channels() {
    let simulated = Listened { tuned: None, ..listened("tap0", Heard::default()) };
    let sentence = &judged(Purpose::Receive, &[simulated])[0].2;
    assert!(sentence.starts_with("tap0 hears nothing at all: is the") && !sentence.contains("--scan"), "{sentence}");
}

#[test]
fn silence_is_no_fault_of_a_machine_that_may_be_the_aircraft() {
    let findings = judged(Purpose::Unknown, &[listened("wlan1", Heard::default())]);
    assert_eq!(findings[0].1, Severity::Warning);
}

#[test]
fn frames_wider_than_the_card_are_told() {
    let heard = Heard { ours: 1, opened: 1, width_mhz: Some(40), ..Heard::default() };
    let findings = judged(Purpose::Receive, &[listened("wlan1", heard)]);
    let expected = "the transmitter sends 40 MHz wide, and wlan1 is set to 20 MHz: run `skylark-setup up wlan1 --channel \
                    149 --width 40`";
    assert_eq!(findings[1], (Code::Width, Severity::Warning, expected.to_owned()));
}

#[test]
fn clocks_that_disagree_are_told_with_the_way_they_do() {
    let heard = Heard { ours: 1, opened: 1, clock_ahead_us: Some(-7_300_000_000), ..Heard::default() };
    let findings = judged(Purpose::Receive, &[listened("wlan1", heard)]);
    assert_eq!((findings[1].0, findings[1].1), (Code::Clock, Severity::Warning));
    assert!(findings[1].2.starts_with("the transmitter's clock is 121 min behind this machine's"), "{}", findings[1].2);
}

#[test]
fn a_card_that_was_not_put_back_is_told() {
    let scan = Scan { not_restored: Some("busy".to_owned()), ..Scan::default() };
    let findings = judged(Purpose::Receive, &[Listened { scan: Some(scan), ..listened("wlan1", Heard::default()) }]);
    assert!(findings[1].2.ends_with("(busy): run `skylark-setup up wlan1 --channel 149`"), "{}", findings[1].2);
}
