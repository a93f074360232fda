//! Tables of found and wanted, and a model of the kernel that refuses what the real one refuses.

mod damaged;

use proptest::prelude::*;

use super::*;
use crate::machine::{Channel, Rfkill, User, Width};
use crate::state::{Found, Phase, Program};

const CH149: Tuned = Tuned { frequency_mhz: 5745, center_mhz: 5745, width: Width::Mhz20 };

fn wanted() -> Wanted {
    Wanted { card: "wlan1".to_owned(), tuned: CH149, power_mbm: None, region: None, mtu_bytes: MTU_BYTES }
}

fn interface(name: &str) -> Interface {
    Interface { index: 3, name: name.to_owned(), up: true, mtu_bytes: 1500, ..Interface::default() }
}

fn channel(frequency_mhz: u32) -> Channel {
    Channel { frequency_mhz, disabled: false, no_ir: false, radar: false, max_power_mbm: 2000 }
}

fn radio(name: &str) -> Radio {
    Radio {
        index: 1,
        name: "phy1".to_owned(),
        driver: Some("rtl88xxau".to_owned()),
        has_monitor_mode: true,
        channels: [2412, 2417, 2437, 5180, 5200, 5745, 5765].map(channel).to_vec(),
        widest: Width::Mhz40,
        interfaces: vec![interface(name)],
        ..Radio::default()
    }
}

fn machine() -> Machine {
    Machine {
        radios: vec![radio("wlan1")],
        region: Region(*b"US"),
        has_region_database: true,
        other_interfaces: vec!["lo".to_owned(), "eth0".to_owned()],
        ..Machine::default()
    }
}

/// A machine, or a wish, with one thing changed.
fn with<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}

fn words(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

fn planned(machine: &Machine, wanted: &Wanted) -> Vec<String> {
    words(&plan(machine, wanted).unwrap())
}

fn refused(machine: &Machine, wanted: &Wanted) -> String {
    plan(machine, wanted).unwrap_err().to_string()
}

fn the(machine: &mut Machine) -> &mut Interface {
    &mut machine.radios[0].interfaces[0]
}

#[test]
fn a_fresh_card_takes_six_steps() {
    let expected = [
        "wlan1: up → down",
        "wlan1: mode managed → monitor",
        "wlan1: MTU 1500 → 2304",
        "wlan1: damaged frames dropped → handed on",
        "wlan1: down → up",
        "wlan1: channel none → 5745 MHz, 20 MHz wide",
    ];
    assert_eq!(planned(&machine(), &wanted()), expected);
}

#[test]
fn a_card_that_is_as_wanted_is_left_alone() {
    let ready = with(machine(), |machine| {
        *the(machine) = Interface { mode: Mode::Monitor, mtu_bytes: 2304, tuned: Some(CH149), ..interface("wlan1") };
    });
    assert_eq!(plan(&ready, &wanted()), Ok(Plan::default()));
}

#[test]
fn another_channel_does_not_take_the_card_down() {
    let elsewhere = with(machine(), |machine| {
        let tuned = Some(Tuned { frequency_mhz: 2412, center_mhz: 2412, width: Width::Mhz20 });
        *the(machine) = Interface { mode: Mode::Monitor, mtu_bytes: 2304, tuned, ..interface("wlan1") };
    });
    assert_eq!(planned(&elsewhere, &wanted()), ["wlan1: channel 2412 MHz, 20 MHz wide → 5745 MHz, 20 MHz wide"]);
}

#[test]
fn everything_that_stands_in_the_way_goes_first() {
    let busy = with(machine(), |machine| {
        machine.radios[0].rfkill = Rfkill { soft: true, hard: false };
        the(machine).managed_by_network_manager = true;
        let users = vec![User { program: "hostapd".to_owned(), pid: 9 }];
        machine.radios[0].interfaces.push(Interface { index: 4, users, ..interface("wlan1ap") });
    });
    let wanted = with(wanted(), |wanted| {
        wanted.region = Some(Region(*b"BO"));
        wanted.power_mbm = Some(1500);
    });
    let expected = [
        "wlan1: radio switched off by software → switched on",
        "wlan1: NetworkManager looks after the card → lets go of it",
        "wlan1ap: program hostapd (process 9) running → stopped",
        "wlan1ap: up → down",
        "wlan1: up → down",
        "region US → BO (for the whole machine)",
        "wlan1: mode managed → monitor",
        "wlan1: MTU 1500 → 2304",
        "wlan1: damaged frames dropped → handed on",
        "wlan1: down → up",
        "wlan1: channel none → 5745 MHz, 20 MHz wide",
        "wlan1: power automatic → 15 dBm",
    ];
    assert_eq!(planned(&busy, &wanted), expected);
}

#[test]
fn a_supplicant_of_network_managers_is_not_stopped_behind_its_back() {
    let managed = with(machine(), |machine| {
        the(machine).managed_by_network_manager = true;
        the(machine).users = vec![User { program: "wpa_supplicant".to_owned(), pid: 7 }];
    });
    let planned = planned(&managed, &wanted());
    assert!(planned[0].contains("NetworkManager") && !planned.iter().any(|step| step.contains("wpa_supplicant")));
}

#[test]
fn what_cannot_be_is_refused_with_what_was_found_and_what_to_do() {
    let other = |card: &str| with(wanted(), |wanted| wanted.card = card.to_owned());
    let at = |frequency_mhz, center_mhz, width| {
        with(wanted(), |wanted| wanted.tuned = Tuned { frequency_mhz, center_mhz, width })
    };
    let iwd = with(machine(), |m| the(m).users = vec![User { program: "iwd".to_owned(), pid: 5 }]);
    let forbidden = with(machine(), |machine| machine.radios[0].channels[5].disabled = true);
    let table = [
        (machine(), other("wlan7"), "wlan7: no such card; found wlan1;"),
        (Machine::default(), wanted(), "wlan1: no such card; found no WiFi card at all;"),
        (machine(), other("eth0"), "eth0: no WiFi card but another network interface; found wlan1"),
        (
            with(machine(), |m| m.radios[0].has_monitor_mode = false),
            wanted(),
            "wlan1: its driver rtl88xxau has no monitor mode",
        ),
        (with(machine(), |m| m.radios[0].rfkill.hard = true), wanted(), "wlan1: its radio is switched off by a switch"),
        (iwd, wanted(), "wlan1: iwd (process 5) holds it"),
        (
            machine(),
            at(5825, 5825, Width::Mhz20),
            "wlan1: its radio has no channel at 5825 MHz; it has 1-6, 36-40, 149-153",
        ),
        (forbidden.clone(), wanted(), "wlan1: region US forbids 5745 MHz, 20 MHz wide; allowed are 1-6, 36-40, 153;"),
        (forbidden, at(5765, 5755, Width::Mhz40), "wlan1: region US forbids 5765 MHz, 40 MHz wide"),
        (
            machine(),
            at(5745, 5775, Width::Mhz80),
            "wlan1: a channel of 80 MHz was asked for, its radio does at most 40 MHz",
        ),
    ];
    for (machine, wanted, beginning) in table {
        let sentence = refused(&machine, &wanted);
        assert!(sentence.starts_with(beginning), "{sentence}\n{beginning}");
    }
}

#[test]
fn a_region_is_asked_before_what_it_allows_is_judged() {
    let unknown = with(machine(), |machine| machine.radios[0].channels[5].disabled = true);
    let wanted = with(wanted(), |wanted| wanted.region = Some(Region(*b"BO")));
    assert!(plan(&unknown, &wanted).is_ok());
}

#[test]
fn warnings_say_what_will_not_work() {
    let warned = |machine: &Machine, wanted: &Wanted| {
        plan(machine, wanted).unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let silent = with(machine(), |machine| {
        machine.region = Region::WORLD;
        for channel in &mut machine.radios[0].channels[3..] {
            channel.no_ir = true;
        }
    });
    let sentence = warned(&silent, &wanted());
    assert!(sentence.starts_with("wlan1: in region 00 nothing may be sent on 5745 MHz"), "{sentence}");
    assert!(sentence.contains("--region") && sentence.ends_with("1-6"), "{sentence}");
    let own = with(machine(), |machine| machine.radios[0].own_region = Some(Region(*b"DE")));
    let region = with(wanted(), |wanted| wanted.region = Some(Region(*b"BO")));
    assert!(warned(&own, &region).starts_with("wlan1: it keeps to a region of its own, DE;"));
    assert!(!planned(&own, &region).iter().any(|step| step.contains("region")));
    let bare = with(machine(), |machine| machine.has_region_database = false);
    assert!(warned(&bare, &region).contains("apt install wireless-regdb"));
    let strong = with(wanted(), |wanted| wanted.power_mbm = Some(3000));
    assert_eq!(warned(&machine(), &strong), "wlan1: 30 dBm wanted, region US allows 20 dBm on this channel");
    let dhcpcd = with(machine(), |m| the(m).users = vec![User { program: "dhcpcd".to_owned(), pid: 5 }]);
    assert!(warned(&dhcpcd, &wanted()).contains("denyinterfaces"));
    assert_eq!(warned(&machine(), &wanted()), "");
}

#[test]
fn power_that_the_kernel_has_cut_to_the_limit_is_not_asked_for_again() {
    let strong = with(wanted(), |wanted| wanted.power_mbm = Some(3000));
    let cut = with(machine(), |machine| the(machine).power_mbm = Some(2000));
    assert!(!planned(&cut, &strong).iter().any(|step| step.contains("power")));
    let low = with(machine(), |machine| the(machine).power_mbm = Some(700));
    assert!(planned(&low, &strong).contains(&"wlan1: power 7 dBm → 30 dBm".to_owned()));
}

#[test]
fn without_a_name_only_an_unmistakable_card_is_taken() {
    let route =
        |name: &str| with(machine(), |machine| machine.default_routes = vec!["eth0".to_owned(), name.to_owned()]);
    let two = with(machine(), |machine| machine.radios.push(radio("wlan2")));
    let second_joined = with(two.clone(), |m| m.radios[1].interfaces[0].joined = Some("home".to_owned()));
    let builtin = with(two.clone(), |machine| machine.radios[0].has_monitor_mode = false);
    let monitor_beside = with(machine(), |machine| {
        machine.radios[0].interfaces.push(Interface { mode: Mode::Monitor, ..interface("mon0") });
    });
    let table = [
        (machine(), "wlan1"),
        (route("eth0"), "wlan1"),
        (route("wlan1"), "no card to set up: wlan1 cannot listen to everything, or carries a network"),
        (Machine::default(), "no card to set up: this machine has no WiFi card, or no driver for it"),
        (two, "which card? wlan1, wlan2 would do; name one or more: `skylark-setup up wlan1`"),
        (second_joined, "wlan1"),
        (builtin, "wlan2"),
        (monitor_beside, "mon0"),
    ];
    for (machine, expected) in table {
        let answer = choose(&machine).unwrap_or_else(|refused| refused.to_string());
        assert!(answer.starts_with(expected), "{answer}\n{expected}");
    }
}

#[test]
fn without_a_channel_both_ends_take_the_same_unless_a_radio_does_not_have_it() {
    assert_eq!(usual_frequency_mhz(&machine(), "wlan1"), 5745);
    let low = with(machine(), |machine| machine.radios[0].channels.truncate(3));
    assert_eq!(usual_frequency_mhz(&low, "wlan1"), 2437);
    assert_eq!(usual_frequency_mhz(&low, "wlan9"), 5745);
}

#[test]
fn a_card_carries_the_default_route_if_any_interface_of_its_radio_does() {
    let shared = with(machine(), |machine| {
        machine.radios[0].interfaces.push(interface("wlan1sta"));
        machine.default_routes = vec!["wlan1sta".to_owned()];
    });
    assert!(carries_default_route(&shared, "wlan1"));
    assert!(!carries_default_route(&machine(), "wlan1"));
}

#[test]
fn what_a_card_was_comes_back_whatever_it_was() {
    let program = |user: &User| Program { program: user.program.clone(), unit: None, command: Vec::new() };
    proptest!(|(found in any_machine(), wanted in any_wanted(), interrupted_after in 0..20_usize)| {
        let state = CardState {
            phase: Phase::Up,
            address: None,
            wanted: wanted.clone(),
            found: Found::of(&found, "wlan1", |user| Some(program(user))).unwrap(),
        };
        let mut machine = found.clone();
        carry_out(&mut machine, interrupted_after, |machine| plan(machine, &wanted).unwrap());
        carry_out(&mut machine, usize::MAX, |machine| give_back(machine, "wlan1", &state, true));
        prop_assert_eq!(comparable(machine), comparable(found));
    });
}

#[test]
fn a_plan_is_carried_out_by_a_kernel_that_refuses_what_is_out_of_order() {
    proptest!(|(found in any_machine(), wanted in any_wanted())| {
        let mut machine = found;
        carry_out(&mut machine, usize::MAX, |machine| plan(machine, &wanted).unwrap());
        let (radio, card) = machine.interface("wlan1").unwrap();
        prop_assert!(card.up && card.mode == Mode::Monitor && card.tuned == Some(CH149) && card.mtu_bytes == 2304);
        prop_assert!(radio.interfaces.iter().filter(|each| each.up).count() == 1);
        prop_assert_eq!(machine.region, wanted.region.unwrap_or(machine.region));
    });
}

#[test]
fn a_card_that_network_manager_never_let_go_of_is_given_back_as_well() {
    let found = with(machine(), |machine| the(machine).managed_by_network_manager = true);
    let program = |_: &User| panic!("no program holds it");
    let found_state = Found::of(&found, "wlan1", |user| Some(program(user))).unwrap();
    let state = CardState { phase: Phase::Up, address: None, wanted: wanted(), found: found_state };
    let stubborn = with(found, |machine| {
        the(machine).mode = Mode::Monitor;
        the(machine).tuned = Some(CH149);
    });
    let steps = words(&give_back(&stubborn, "wlan1", &state, true));
    assert_eq!(steps[..2], ["wlan1: up → down", "wlan1: mode monitor → managed"]);
}

/// Plans, takes the first step and plans again, as `apply` does, until nothing is left.
fn carry_out(machine: &mut Machine, most: usize, plan: impl Fn(&Machine) -> Plan) {
    let mut tried = Vec::new();
    for _ in 0..most.min(40) {
        let Some(step) = plan(machine).next_step(&tried) else { return };
        take(machine, &step);
        assert_eq!(step.taken(machine), Ok(()));
        if !step.is_essential() {
            tried.push(step);
        }
    }
    assert!(most < 40, "no end: {:?}", plan(machine).steps);
}

/// What mac80211 does with a step; panics where it refuses.
fn take(machine: &mut Machine, step: &Step) {
    if let Change::Region(_, to) = step.change {
        machine.region = to;
        return;
    }
    let radio = &mut machine.radios[0];
    let others_up = radio.interfaces.iter().any(|each| each.up && each.name != step.card);
    let is_blocked = radio.rfkill.soft;
    let card = radio.interfaces.iter_mut().find(|each| each.name == step.card).unwrap();
    match &step.change {
        Change::Unblock(_) => radio.rfkill.soft = false,
        Change::Block(_) => radio.rfkill.soft = true,
        Change::LeaveNetworkManager => card.managed_by_network_manager = false,
        Change::JoinNetworkManager => card.managed_by_network_manager = true,
        Change::Stop(user) => card.users.retain(|other| other != user),
        Change::Start(program) => card.users.push(User { program: program.program.clone(), pid: 1 }),
        Change::Region(..) => {}
        Change::Down => card.up = false,
        Change::Up => {
            assert!(!is_blocked, "ERFKILL");
            card.up = true;
        }
        Change::Mode(_, to) => {
            assert!(!card.up, "EBUSY: up");
            card.mode = *to;
            card.tuned = None;
        }
        Change::DamagedFrames(_) => assert_eq!(card.mode, Mode::Monitor, "EINVAL"),
        Change::Mtu(_, to) => card.mtu_bytes = *to,
        Change::Channel(_, to) => {
            assert!(card.up && !others_up && card.mode == Mode::Monitor, "EBUSY: {card:?}");
            card.tuned = Some(*to);
        }
        Change::Power(_, to) => card.power_mbm = to.or(Some(2000)),
    }
}

/// Without what is not given back: a supplicant has another process, a managed card tunes by itself.
fn comparable(mut machine: Machine) -> Machine {
    for interface in &mut machine.radios[0].interfaces {
        interface.users.iter_mut().for_each(|user| user.pid = 0);
        interface.tuned = None;
        interface.power_mbm = None;
    }
    machine
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    (any::<bool>(), any::<bool>()).prop_map(|(power, region)| {
        let region = region.then_some(Region(*b"BO"));
        Wanted { power_mbm: power.then_some(1500), region, ..wanted() }
    })
}

fn any_machine() -> impl Strategy<Value = Machine> {
    (any_interface("wlan1"), prop::option::of(any_interface("wlan2")), any::<bool>()).prop_map(
        |(card, other, blocked)| {
            with(machine(), |machine| {
                let both = std::iter::once(card).chain(other);
                // A switched off radio has nothing up.
                let both = both.map(|each| Interface { up: each.up && !blocked, ..each });
                machine.radios[0].interfaces = both.collect();
                machine.radios[0].rfkill.soft = blocked;
            })
        },
    )
}

fn any_interface(name: &'static str) -> impl Strategy<Value = Interface> {
    let mode = prop_oneof![Just(Mode::Managed), Just(Mode::Monitor)];
    (mode, any::<bool>(), 0..3_u8).prop_map(move |(mode, up, keeper)| Interface {
        mode,
        up,
        managed_by_network_manager: keeper == 1,
        users: (keeper == 2).then(|| User { program: "wpa_supplicant".to_owned(), pid: 7 }).into_iter().collect(),
        ..interface(name)
    })
}
