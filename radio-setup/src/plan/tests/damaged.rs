//! Damaged frames: asked for before a monitor comes up, and no longer when a monitor that was down is given back.

use super::*;

fn monitor(up: bool) -> Machine {
    with(machine(), |machine| {
        let tuned = up.then_some(CH149);
        *the(machine) = Interface { mode: Mode::Monitor, mtu_bytes: 2304, up, tuned, ..interface("wlan1") };
    })
}

fn given_back(found: &Machine) -> Vec<String> {
    let found = Found::of(found, "wlan1", |_| None).unwrap();
    let state = CardState { phase: Phase::Up, address: None, wanted: wanted(), found };
    words(&give_back(&monitor(true), "wlan1", &state, true))
}

#[test]
fn a_monitor_that_is_down_is_asked_before_it_comes_up() {
    let steps = planned(&monitor(false), &wanted());
    assert_eq!(steps[..2], ["wlan1: damaged frames dropped → handed on", "wlan1: down → up"]);
    assert!(planned(&monitor(true), &wanted()).is_empty());
}

#[test]
fn a_card_whose_driver_refuses_comes_up_all_the_same() {
    let refused = Step::new(&interface("wlan1"), Change::DamagedFrames(true));
    assert!(!refused.is_essential());
    let next = plan(&monitor(false), &wanted()).unwrap().next_step(&[refused]);
    assert_eq!(next.map(|step| step.change), Some(Change::Up));
}

#[test]
fn a_monitor_given_back_hands_on_damaged_frames_only_if_it_may_have_before() {
    assert_eq!(given_back(&monitor(false)), ["wlan1: damaged frames handed on → dropped", "wlan1: up → down"]);
    assert!(given_back(&monitor(true)).is_empty());
    let managed = given_back(&machine());
    assert!(managed.iter().all(|step| !step.contains("damaged")), "the wish goes with the mode: {managed:?}");
}
