//! A machine of its own on the wired network: a network namespace with one cable, and what radios a test gives it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{ETHERNET, TapCard, ip};

/// Frames on the wire, as everywhere.
const WIRE_MTU_BYTES: usize = 1500;

/// A machine; gone, with all that runs on it, when it is dropped.
#[derive(Debug)]
pub struct Station {
    /// Holds the namespaces.
    holder: Child,
    address: String,
}

impl Station {
    /// A machine with this address on the wire (`10.0.0.7/24`), and the switch's end of its cable.
    ///
    /// # Errors
    /// The machine lets us make none.
    pub fn create(name: &str, address: &str) -> io::Result<(Self, TapCard)> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private", "sh", "-c"]);
        command.arg("mount -t sysfs sysfs /sys; ip link set lo up; exec sleep infinity");
        let holder = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let station = Self { holder, address: address.to_owned() };
        station.wait_until_it_is_there()?;
        let cable = TapCard::create_as(name, WIRE_MTU_BYTES, ETHERNET).map_err(io::Error::other)?;
        station.give(&cable)?;
        station.run(&["ip", "link", "set", name, "arp", "on", "multicast", "on"])?;
        station.run(&["ip", "address", "add", address, "brd", "+", "dev", name])?;
        station.run(&["ip", "route", "add", "224.0.0.0/4", "dev", name])?;
        Ok((station, cable))
    }

    /// Gives a card to this machine, and sets it up there.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn give(&self, card: &TapCard) -> io::Result<()> {
        ip(&["link", "set", card.name(), "netns", &self.holder.id().to_string()])?;
        self.run(&["ip", "link", "set", card.name(), "up"])
    }

    /// Its address without the network's length.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.split('/').next().unwrap_or_default()
    }

    /// What to put in front of a command for it to run on this machine.
    #[must_use]
    pub fn wrapper(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        ["nsenter", "--target", &target, "--net", "--mount", "--"].map(str::to_owned).to_vec()
    }

    /// Runs a command on this machine to its end.
    ///
    /// # Errors
    /// What it says.
    pub fn run(&self, command: &[&str]) -> io::Result<()> {
        let wrapper = self.wrapper();
        let (first, others) = wrapper.split_first().ok_or(ErrorKind::InvalidInput)?;
        let output = Command::new(first).args(others).args(command).output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{}: {}", command.join(" "), said.trim())))
    }

    /// Its shell has made the namespaces when it has become `sleep`.
    fn wait_until_it_is_there(&self) -> io::Result<()> {
        let name = format!("/proc/{}/comm", self.holder.id());
        for _ in 0..PATIENCE_TURNS {
            if std::fs::read_to_string(Path::new(&name))?.trim() == "sleep" {
                return Ok(());
            }
            wait(TURN);
        }
        Err(io::Error::other("no namespaces of its own: unshare of util-linux does not start"))
    }
}

/// How often and how long it is looked whether namespaces are there: 10 s in all.
const PATIENCE_TURNS: u32 = 1000;
const TURN: Duration = Duration::from_millis(10);

#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

impl Drop for Station {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
