//! What the kernel is asked and told about radios: each method is one request and its answer.

mod attributes;
mod codes;
#[cfg(test)]
mod dumps;
mod error;
mod interfaces;
mod links;
mod radios;
mod regions;
mod request;
mod rfkill;
mod socket;

use std::time::Duration;

pub use error::{Attempt, KernelError};

use crate::machine::{Interface, Mode, Radio, Region, Tuned};
use crate::probe::region_database;
use attributes::{nested, number, text};
use codes::{attribute, command};
pub(crate) use links::{Link, Route};
pub(crate) use regions::Regions;
use request::{Request, wireless};
use socket::{Conversation, Failure};

/// The kernel, as far as radios go (nl80211, rtnetlink, rfkill).
#[derive(Debug)]
pub struct Kernel {
    generic: Conversation,
    route: Conversation,
    /// The number of nl80211, where the kernel has it.
    family: Option<wireless::Family>,
}

impl Kernel {
    /// Longer than the kernel itself waits for rules it cannot find, 3142 ms, until it falls back to the world
    /// domain and takes further requests. Regions that it knows take milliseconds.
    const REGION_TIMEOUT: Duration = Duration::from_secs(4);

    /// Opens the ways to the kernel. A kernel without nl80211 is one without radios, not an error.
    ///
    /// # Errors
    /// The kernel refuses netlink sockets.
    pub fn open() -> Result<Self, KernelError> {
        let opened = |failure: Failure| failure.during(Attempt::Open);
        let mut generic = Conversation::open(socket::GENERIC).map_err(opened)?;
        let route = Conversation::open(socket::ROUTE).map_err(opened)?;
        let family = wireless::Family::find(&mut generic).map_err(opened)?;
        Ok(Self { generic, route, family })
    }

    /// Its radios without their interfaces, and without what only sysfs knows; by number.
    pub(crate) fn radios(&mut self) -> Result<Vec<Radio>, KernelError> {
        Ok(radios::parse(&self.dump(Attempt::ReadRadios, |family| family.radios())?))
    }

    /// The interfaces of radios, each with the number of its radio.
    pub(crate) fn interfaces(&mut self) -> Result<Vec<(u32, Interface)>, KernelError> {
        Ok(interfaces::parse(&self.dump(Attempt::ReadInterfaces, |family| family.dump(command::GET_INTERFACE))?))
    }

    /// The regulatory domains in force.
    pub(crate) fn regions(&mut self) -> Result<Regions, KernelError> {
        Ok(regions::parse(&self.dump(Attempt::ReadRegion, |family| family.dump(command::GET_REG))?))
    }

    /// All network interfaces, of radios and others.
    pub(crate) fn links(&mut self) -> Result<Vec<Link>, KernelError> {
        let answers = self.route.ask(&links::dump()).map_err(|failure| failure.during(Attempt::ReadInterfaces))?;
        Ok(links::parse(&answers))
    }

    /// The default routes, best first.
    pub(crate) fn default_routes(&mut self) -> Result<Vec<Route>, KernelError> {
        let answers = self.route.ask(&links::dump_routes()).map_err(|failure| failure.during(Attempt::ReadRoutes))?;
        Ok(links::parse_default_routes(&answers))
    }

    /// Brings an interface up, or takes it down.
    ///
    /// # Errors
    /// `ENODEV`: it is gone. `ERFKILL`: the radio is switched off. `EPERM`: `CAP_NET_ADMIN` is missing.
    pub fn set_up(&mut self, interface: u32, up: bool) -> Result<(), KernelError> {
        let attempt = if up { Attempt::SetUp } else { Attempt::SetDown };
        self.set_link(attempt, &links::set_up(interface, up))
    }

    /// Sets the longest packet in bytes: 256 to 2304 on radios.
    ///
    /// # Errors
    /// `EINVAL`: out of the interface's range. `ENODEV`, `EPERM` as always.
    pub fn set_mtu(&mut self, interface: u32, mtu_bytes: u32) -> Result<(), KernelError> {
        self.set_link(Attempt::SetMtu(mtu_bytes), &links::set_mtu(interface, mtu_bytes))
    }

    /// Changes what an interface does. It must be down.
    ///
    /// # Errors
    /// `EBUSY`: it is up. `EOPNOTSUPP`: the driver cannot.
    pub fn set_mode(&mut self, interface: u32, mode: Mode) -> Result<(), KernelError> {
        let attributes = [number(attribute::IFINDEX, interface), number(attribute::IFTYPE, codes::mode_number(mode))];
        self.command(Attempt::SetMode(mode), command::SET_INTERFACE, &attributes)
    }

    /// Whether a monitor interface hands on frames whose checksum failed.
    ///
    /// # Errors
    /// `EINVAL`: no monitor interface. Drivers that cannot do it say nothing.
    pub fn set_monitor_fcs_failures(&mut self, interface: u32, wanted: bool) -> Result<(), KernelError> {
        let flags = wanted.then(|| attributes::flag(codes::MONITOR_FLAG_FCS_FAIL));
        let attributes = [
            number(attribute::IFINDEX, interface),
            number(attribute::IFTYPE, codes::mode_number(Mode::Monitor)),
            nested(attribute::MNTR_FLAGS, flags.as_slice()),
        ];
        self.command(Attempt::SetMonitorFlags, command::SET_INTERFACE, &attributes)
    }

    /// Tunes an interface. A monitor interface must be up, and the only one of its radio that is.
    ///
    /// # Errors
    /// `EBUSY`: it is down, or another interface of the radio is up. `EINVAL`: the region or the radio does not
    /// have this channel.
    pub fn set_channel(&mut self, interface: u32, tuned: Tuned) -> Result<(), KernelError> {
        let attributes = [
            number(attribute::IFINDEX, interface),
            number(attribute::WIPHY_FREQ, tuned.frequency_mhz),
            number(attribute::CHANNEL_WIDTH, codes::width_number(tuned.width)),
            number(attribute::CENTER_FREQ1, tuned.center_mhz),
        ];
        self.command(Attempt::SetChannel(tuned), command::SET_WIPHY, &attributes)
    }

    /// Sets transmit power in hundredths of dBm, or leaves it to the driver with `None`.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: the driver decides alone. `EINVAL`: beyond what it can.
    pub fn set_power(&mut self, interface: u32, power_mbm: Option<i32>) -> Result<(), KernelError> {
        let attempt = Attempt::SetPower(power_mbm);
        let level = codes::power_attributes(power_mbm);
        // mac80211 of Linux 6.12 acknowledges the power of a monitor interface and does nothing; that of its radio
        // it takes.
        if let Some(radio) = self.radio_of(interface)? {
            let of_radio = [vec![number(attribute::WIPHY, radio)], level.clone()].concat();
            let result = self.command(attempt, command::SET_WIPHY, &of_radio);
            let Err(KernelError::Refused { errno: rustix::io::Errno::OPNOTSUPP, .. }) = result else { return result };
        }
        let of_interface = [vec![number(attribute::IFINDEX, interface)], level].concat();
        self.command(attempt, command::SET_WIPHY, &of_interface)
    }

    /// Asks for a regulatory domain and waits until it is in force: milliseconds, or 4 s if the kernel is busy with
    /// one that it does not find.
    ///
    /// # Errors
    /// [`KernelError::RegionNotTaken`]: the database does not have it, then the kernel is not asked; or the kernel
    /// keeps another. [`KernelError::RegionOfNetwork`]: a network that was joined has a say in it.
    pub fn set_region(&mut self, wanted: Region) -> Result<(), KernelError> {
        let attempt = Attempt::SetRegion(wanted);
        let family = self.family.as_ref().ok_or(KernelError::NoWireless { attempt })?;
        let events = family.region_events().map_err(|failure| failure.during(attempt))?;
        if self.regions()?.common == wanted {
            return Ok(());
        }
        if region_database::has(wanted) == Some(false) {
            return Err(KernelError::RegionNotTaken { wanted, found: self.regions()?.common });
        }
        self.command(attempt, command::REQ_SET_REG, &[text(attribute::REG_ALPHA2, &wanted.to_string())])?;
        let deadline = socket::now() + Self::REGION_TIMEOUT;
        loop {
            let found = self.regions()?.common;
            if found == wanted {
                return Ok(());
            }
            let patience = deadline.saturating_duration_since(socket::now());
            if patience.is_zero() {
                return Err(self.not_taken(wanted, found));
            }
            events.wait(patience).map_err(|failure| failure.during(attempt))?;
        }
    }

    /// Makes another interface of a radio, down, and returns its number.
    ///
    /// # Errors
    /// `ENFILE`, `EEXIST`: the name is taken. `EOPNOTSUPP`: the driver cannot.
    pub fn add_interface(&mut self, radio: u32, name: &str, mode: Mode) -> Result<u32, KernelError> {
        let attempt = Attempt::AddInterface(mode);
        let attributes = [
            number(attribute::WIPHY, radio),
            text(attribute::IFNAME, name),
            number(attribute::IFTYPE, codes::mode_number(mode)),
        ];
        let answers = self.wireless(attempt, |family| family.request(command::NEW_INTERFACE, &attributes))?;
        let (_, made) = interfaces::parse(&answers).pop().ok_or(KernelError::Garbled { attempt })?;
        Ok(made.index)
    }

    /// Removes an interface that was added.
    ///
    /// # Errors
    /// `ENODEV`: it is gone. `EOPNOTSUPP`: the driver cannot.
    pub fn remove_interface(&mut self, interface: u32) -> Result<(), KernelError> {
        self.command(Attempt::RemoveInterface, command::DEL_INTERFACE, &[number(attribute::IFINDEX, interface)])
    }

    /// Lifts the software block of a radio. A hardware switch stays what it is.
    ///
    /// # Errors
    /// `EACCES`: `/dev/rfkill` is not ours to write. `ENOENT`: the radio has no such switch.
    pub fn unblock_rfkill(&mut self, radio: u32) -> Result<(), KernelError> {
        rfkill::set(radio, rfkill::Block::Lifted).map_err(|errno| KernelError::refused(Attempt::UnblockRfkill, errno))
    }

    /// Switches a radio off by software.
    ///
    /// # Errors
    /// As [`Self::unblock_rfkill`].
    pub fn block_rfkill(&mut self, radio: u32) -> Result<(), KernelError> {
        rfkill::set(radio, rfkill::Block::Set).map_err(|errno| KernelError::refused(Attempt::BlockRfkill, errno))
    }

    fn not_taken(&mut self, wanted: Region, found: Region) -> KernelError {
        let interfaces = self.interfaces().unwrap_or_default();
        let joined = interfaces.into_iter().find(|(_, interface)| interface.joined.is_some());
        KernelError::region(wanted, found, joined.map(|(_, interface)| interface.name))
    }

    fn radio_of(&mut self, interface: u32) -> Result<Option<u32>, KernelError> {
        let interfaces = self.interfaces()?;
        Ok(interfaces.into_iter().find(|(_, found)| found.index == interface).map(|(radio, _)| radio))
    }

    fn set_link(&mut self, attempt: Attempt, request: &Request) -> Result<(), KernelError> {
        self.route.ask(request).map(drop).map_err(|failure| failure.during(attempt))
    }

    fn command(
        &mut self,
        attempt: Attempt,
        command: u8,
        attributes: &[netlink_packet_core::DefaultNla],
    ) -> Result<(), KernelError> {
        self.wireless(attempt, |family| family.request(command, attributes)).map(drop)
    }

    /// Nothing, where there is no nl80211 to ask.
    fn dump(
        &mut self,
        attempt: Attempt,
        request: impl FnOnce(&wireless::Family) -> Request,
    ) -> Result<Vec<Vec<u8>>, KernelError> {
        if self.family.is_none() {
            return Ok(Vec::new());
        }
        self.wireless(attempt, request)
    }

    fn wireless(
        &mut self,
        attempt: Attempt,
        request: impl FnOnce(&wireless::Family) -> Request,
    ) -> Result<Vec<Vec<u8>>, KernelError> {
        let family = self.family.as_ref().ok_or(KernelError::NoWireless { attempt })?;
        self.generic.ask(&request(family)).map_err(|failure| failure.during(attempt))
    }
}
