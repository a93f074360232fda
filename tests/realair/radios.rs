//! The guest's radios, set up by the system's own tools: what Skylark's do is compared with those.

use std::fs;
use std::process::{Command, Output};

/// Channel 149: one that may be sent on where [`REGION`] is in force.
pub(crate) const CHANNEL_MHZ: u32 = 5745;
pub(crate) const REGION: &str = "US";
/// The cards every test finds.
pub(crate) const CARDS: [&str; 3] = ["wlan0", "wlan1", "wlan2"];

/// All cards down and managed, in the world domain, as after booting.
pub(crate) fn give_back() {
    run("iw reg set 00");
    for card in CARDS {
        run(&format!("ip link set {card} down mtu 1500"));
        run(&format!("iw dev {card} set type managed"));
    }
}

/// These cards in monitor mode on the channel.
pub(crate) fn listen_on(cards: &[&str], mhz: u32) {
    run(&format!("iw reg set {REGION}"));
    for card in cards {
        run(&format!("ip link set {card} down"));
        run(&format!("iw dev {card} set type monitor"));
        run(&format!("ip link set {card} mtu 2304 up"));
        run(&format!("iw dev {card} set freq {mhz} HT20"));
    }
}

/// Runs a command that must go well; what it wrote.
pub(crate) fn run(command: &str) -> String {
    let output = try_run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that may fail.
pub(crate) fn try_run(command: &str) -> Output {
    let mut words = command.split(' ');
    Command::new(words.next().unwrap()).args(words).output().unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// The device of the first camera the name of which begins like this.
pub(crate) fn camera(name: &str) -> String {
    let devices = fs::read_dir("/sys/class/video4linux").unwrap().flatten();
    let mut named: Vec<_> = devices
        .filter(|device| fs::read_to_string(device.path().join("name")).unwrap().starts_with(name))
        .map(|device| format!("/dev/{}", device.file_name().into_string().unwrap()))
        .collect();
    named.sort();
    named.into_iter().next().unwrap_or_else(|| panic!("no camera is called {name}"))
}
