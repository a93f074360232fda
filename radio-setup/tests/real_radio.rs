//! Each request to the kernel on a radio that is there to be tried (mac80211_hwsim), read back.
//!
//! Without one every test says so and passes; with `SKYLARK_REQUIRE_REALAIR=1` it fails.

use rustix::io::Errno;
use skylark_setup::channel;
use skylark_setup::machine::{Interface, Mode, Radio, Region, Width};
use skylark_setup::netlink::{Kernel, KernelError};
use skylark_setup::probe;

/// The simulated radio with the highest number: the others are left to other tests.
fn simulated() -> Option<(Radio, Interface)> {
    let machine = probe::machine().expect("netlink works");
    if !machine.permissions.net_admin {
        return None;
    }
    let radio = machine.radios.into_iter().rfind(|radio| radio.driver.as_deref() == Some("mac80211_hwsim"));
    let found = radio.and_then(|radio| radio.interfaces.first().cloned().map(|interface| (radio, interface)));
    assert!(found.is_some() || std::env::var_os("SKYLARK_REQUIRE_REALAIR").is_none(), "no mac80211_hwsim radio");
    found
}

fn interface(index: u32) -> Option<Interface> {
    let radios = probe::machine().expect("netlink works").radios;
    radios.into_iter().flat_map(|radio| radio.interfaces).find(|interface| interface.index == index)
}

/// One test: the requests build upon each other.
#[test]
fn every_request_takes_effect() {
    let Some((radio, card)) = simulated() else {
        eprintln!("SKIPPED: no mac80211_hwsim radio, or not root");
        return;
    };
    let mut kernel = Kernel::open().unwrap();
    let region = probe::machine().unwrap().region;
    let read = || interface(card.index).unwrap();

    for wanted in [Region(*b"US"), Region::WORLD, Region(*b"DE"), Region(*b"US")] {
        kernel.set_region(wanted).unwrap();
        assert_eq!(probe::machine().unwrap().region, wanted);
    }
    let refused = kernel.set_region(Region(*b"QQ")).unwrap_err();
    assert!(matches!(refused, KernelError::RegionNotTaken { .. }), "{refused}");
    kernel.set_region(Region(*b"US")).expect("the kernel has recovered from a region that it does not know");

    kernel.set_up(card.index, true).unwrap();
    assert!(read().up);
    let refused = kernel.set_mode(card.index, Mode::Monitor).unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::BUSY), "{refused}");
    kernel.set_up(card.index, false).unwrap();
    kernel.set_mode(card.index, Mode::Monitor).unwrap();
    kernel.set_mtu(card.index, 2304).unwrap();
    assert_eq!(kernel.set_mtu(card.index, 2305).unwrap_err().errno(), Some(Errno::INVAL));
    let tuned = channel::tune(5745, Width::Mhz20, None).unwrap();
    println!("{}", kernel.set_channel(card.index, tuned).unwrap_err());
    kernel.set_up(card.index, true).unwrap();
    assert_eq!((read().mode, read().mtu_bytes, read().up), (Mode::Monitor, 2304, true));

    for (frequency_mhz, width) in
        [(5745, Width::Mhz20), (5745, Width::Mhz40), (5180, Width::Mhz80), (2437, Width::Mhz40), (5745, Width::Mhz20)]
    {
        let tuned = channel::tune(frequency_mhz, width, None).unwrap();
        kernel.set_channel(card.index, tuned).unwrap();
        assert_eq!(read().tuned, Some(tuned));
    }
    println!("{}", kernel.set_channel(card.index, channel::tune(5000, Width::Mhz20, None).unwrap()).unwrap_err());

    kernel.set_power(card.index, Some(1000)).unwrap();
    println!("power {:?}", read().power_mbm);
    kernel.set_power(card.index, None).unwrap();
    println!("power {:?}", read().power_mbm);
    kernel.set_monitor_fcs_failures(card.index, true).unwrap();
    kernel.set_monitor_fcs_failures(card.index, false).unwrap();

    let added = kernel.add_interface(radio.index, "skytest0", Mode::Monitor).unwrap();
    assert_eq!(interface(added).map(|found| found.name), Some("skytest0".to_owned()));
    println!("{}", kernel.add_interface(radio.index, "skytest0", Mode::Monitor).unwrap_err());
    kernel.remove_interface(added).unwrap();
    assert_eq!(interface(added), None);
    assert_eq!(kernel.remove_interface(added).unwrap_err().errno(), Some(Errno::NODEV));

    let blocked =
        || probe::machine().unwrap().radios.into_iter().find(|found| found.index == radio.index).unwrap().rfkill;
    kernel.block_rfkill(radio.index).unwrap();
    assert!(blocked().soft && !blocked().hard);
    println!("{}", kernel.set_up(card.index, true).unwrap_err());
    kernel.unblock_rfkill(radio.index).unwrap();
    assert!(!blocked().soft);

    kernel.set_up(card.index, false).unwrap();
    kernel.set_mode(card.index, card.mode).unwrap();
    kernel.set_mtu(card.index, card.mtu_bytes).unwrap();
    kernel.set_up(card.index, card.up).unwrap();
    kernel.set_region(region).unwrap();
}
