//! What a card was before `up` changed it and what it is wanted to be: a file per card under [`FOLDER`],
//! written before the first change, so that `down` can give back whatever happened in between.

mod lock;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::machine::{Interface, Machine, Mode, Radio, Region, Tuned, User};
use crate::plan::Wanted;
pub use lock::Lock;

/// Where the files are: forgotten at every start of the machine, as what they describe is.
pub const FOLDER: &str = "/run/skylark/cards";

/// No state file is longer than this many bytes; a longer one is something else.
const LARGEST_FILE_BYTES: u64 = 64 * 1024;

/// A card that is set up for the link, or on its way there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// How far it is.
    pub phase: Phase,
    /// The address of its radio from the factory, where the kernel tells: it may come back under another name.
    pub address: Option<[u8; 6]>,
    /// What it is wanted to be; names it too.
    pub wanted: Wanted,
    /// What it was.
    pub found: Found,
}

/// How far a card is on its way to the link or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `up` has begun; if it is not at work any more, `down` repairs.
    SettingUp,
    /// It is what is wanted, and is to be so again after it was unplugged.
    Up,
    /// `down` has begun.
    GivingBack,
}

/// What was found before the first change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The regulatory domain of the machine.
    pub region: Region,
    /// Whether the radio was switched off by software.
    pub soft_blocked: bool,
    /// The interfaces of the card's radio; the card itself is the first.
    pub interfaces: Vec<FoundInterface>,
}

/// What an interface was before the first change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundInterface {
    /// Its name.
    pub name: String,
    /// What it did.
    pub mode: Mode,
    /// Whether it was up.
    pub up: bool,
    /// Its longest packet.
    pub mtu_bytes: u32,
    /// What it was tuned to.
    pub tuned: Option<Tuned>,
    /// A power that somebody had chosen, in hundredths of dBm.
    pub power_mbm: Option<i32>,
    /// Whether `NetworkManager` looked after it.
    pub managed_by_network_manager: bool,
    /// Programs that held it and have to be started again.
    pub programs: Vec<Program>,
}

/// A program that holds a card, and how it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, as in `/proc/PID/comm`.
    pub program: String,
    /// The systemd service it belongs to.
    pub unit: Option<String>,
    /// Its command line.
    pub command: Vec<String>,
}

/// Why a state file cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// It could not be read or written.
    #[error("{0}: {1}; run it with sudo")]
    Io(PathBuf, io::Error),
    /// It holds something else.
    #[error("{0}: {1}, expected what `skylark-setup up` writes; delete the file, and unplug and replug the card")]
    Malformed(PathBuf, serde_json::Error),
    /// It would not be a file name.
    #[error("`{0}` is no name of a card")]
    NoName(String),
}

/// The folder of state files.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(FOLDER)
    }
}

/// The cards that were set up, in order of name.
#[derive(Debug, Default)]
pub struct Known {
    /// Those whose files can be read.
    pub cards: Vec<CardState>,
    /// Why the others' cannot be.
    pub unreadable: Vec<StateError>,
}

impl Store {
    /// Keeps the files in `folder`, which is made when the first is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The state of the card of this name, if it was set up.
    ///
    /// # Errors
    /// The file is there and cannot be read or understood.
    pub fn read(&self, card: &str) -> Result<Option<CardState>, StateError> {
        let path = self.path(card)?;
        match read_limited(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| StateError::Malformed(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::Io(path, error)),
        }
    }

    /// The state of every card that was set up.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn all(&self) -> Result<Known, StateError> {
        let names = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::default()),
            Err(error) => return Err(StateError::Io(self.folder.clone(), error)),
        };
        let mut names: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        names.sort();
        let mut known = Known::default();
        for name in names {
            match self.read(&name) {
                Ok(state) => known.cards.extend(state),
                Err(error) => known.unreadable.push(error),
            }
        }
        Ok(known)
    }

    /// Writes the state of a card, whole or not at all.
    ///
    /// # Errors
    /// It did not reach the folder.
    pub fn write(&self, state: &CardState) -> Result<(), StateError> {
        let path = self.path(&state.wanted.card)?;
        let text = serde_json::to_string_pretty(state).map_err(|error| StateError::Malformed(path.clone(), error))?;
        self.make_folder().and_then(|()| replace(&path, text.as_bytes())).map_err(|error| StateError::Io(path, error))
    }

    /// Forgets a card; one that is not there is forgotten already.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn remove(&self, card: &str) -> Result<(), StateError> {
        let path = self.path(card)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StateError::Io(path, error)),
            _ => Ok(()),
        }
    }

    /// Makes the folder: what is in it is done as root, and nobody else may write it.
    fn make_folder(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(&self.folder)
    }

    fn path(&self, card: &str) -> Result<PathBuf, StateError> {
        if card.is_empty() || card.starts_with('.') || card.contains('/') {
            return Err(StateError::NoName(card.to_owned()));
        }
        Ok(self.folder.join(format!("{card}.json")))
    }
}

impl CardState {
    /// The name that the card has: the one it had, unless its radio is here under another.
    #[must_use]
    pub fn locate<'a>(&self, machine: &'a Machine) -> Option<&'a str> {
        let is_same = |radio: &&Radio| self.address.is_some() && radio.permanent_mac == self.address;
        let named = |radio: &'a Radio| radio.interfaces.iter().find(|each| each.name == self.wanted.card);
        let known = machine.radios.iter().find(is_same);
        let found = match known {
            Some(radio) => named(radio).or(radio.interfaces.first()),
            // Another card in its place is one that was put there for it.
            None => machine.radios.iter().find_map(named),
        };
        found.map(|interface| interface.name.as_str())
    }
}

impl Found {
    /// What a card and the interfaces that share its radio are. `identify` says how a program is started,
    /// if it may be started again.
    pub fn of(machine: &Machine, card: &str, identify: impl Fn(&User) -> Option<Program>) -> Option<Self> {
        let (radio, interface) = machine.interface(card)?;
        let others = radio.interfaces.iter().filter(|other| other.name != interface.name);
        let interfaces = std::iter::once(interface).chain(others);
        Some(Self {
            region: machine.region,
            soft_blocked: radio.rfkill.soft,
            interfaces: interfaces.map(|interface| FoundInterface::of(radio, interface, &identify)).collect(),
        })
    }
}

impl FoundInterface {
    fn of(radio: &Radio, interface: &Interface, identify: impl Fn(&User) -> Option<Program>) -> Self {
        let holders = interface.users.iter().filter(|user| crate::plan::can_be_stopped(&user.program));
        // NetworkManager starts its own programs.
        let holders = holders.filter(|_| !interface.managed_by_network_manager);
        Self {
            name: interface.name.clone(),
            mode: interface.mode,
            up: interface.up,
            mtu_bytes: interface.mtu_bytes,
            tuned: interface.tuned,
            power_mbm: chosen_power_mbm(radio, interface),
            managed_by_network_manager: interface.managed_by_network_manager,
            programs: holders.filter_map(identify).collect(),
        }
    }
}

impl Program {
    /// Whether a program of this name holds the interface.
    #[must_use]
    pub fn runs_on(&self, interface: &Interface) -> bool {
        interface.users.iter().any(|user| user.program == self.program)
    }
}

/// The power of a card, unless it is what the region allows: then nobody has chosen it.
fn chosen_power_mbm(radio: &Radio, interface: &Interface) -> Option<i32> {
    let channel = radio.channel(interface.tuned?.frequency_mhz)?;
    interface.power_mbm.filter(|power| i64::from(*power) < i64::from(channel.max_power_mbm))
}

fn read_limited(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    File::open(path)?.take(LARGEST_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes beside the file's place and moves it there once it is on the disk.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("part");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Width;

    fn state(card: &str) -> CardState {
        let tuned = Tuned { frequency_mhz: 5745, center_mhz: 5745, width: Width::Mhz20 };
        let region = Some(Region(*b"BO"));
        let wanted = Wanted { card: card.to_owned(), tuned, power_mbm: Some(2000), region, mtu_bytes: 2304 };
        let found = Found { region: Region::WORLD, soft_blocked: false, interfaces: Vec::new() };
        CardState { phase: Phase::SettingUp, address: Some([2, 0, 0, 0, 1, 0]), wanted, found }
    }

    fn radio(mac: [u8; 6], names: &[&str]) -> Radio {
        let interface = |name: &&str| Interface { name: (*name).to_owned(), ..Interface::default() };
        Radio { permanent_mac: Some(mac), interfaces: names.iter().map(interface).collect(), ..Radio::default() }
    }

    #[test]
    fn what_is_written_is_read_again_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("cards"));
        assert!(store.all().unwrap().cards.is_empty());
        store.write(&state("wlan2")).unwrap();
        store.write(&state("wlan1")).unwrap();
        assert_eq!(store.read("wlan1").unwrap(), Some(state("wlan1")));
        assert_eq!(store.all().unwrap().cards, [state("wlan1"), state("wlan2")]);
        store.remove("wlan1").unwrap();
        store.remove("wlan1").unwrap();
        assert_eq!(store.read("wlan1").unwrap(), None);
    }

    #[test]
    fn a_file_with_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("wlan1.json"), "{}").unwrap();
        let store = Store::new(folder.path());
        let error = store.read("wlan1").unwrap_err().to_string();
        assert!(error.contains("wlan1.json") && error.contains("skylark-setup up"), "{error}");
        store.write(&state("wlan2")).unwrap();
        let known = store.all().unwrap();
        assert_eq!(known.cards, [state("wlan2")]);
        assert_eq!(known.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(), [error]);
    }

    #[test]
    fn a_card_cannot_be_named_out_of_the_folder() {
        for name in ["", "../x", ".hidden", "a/b"] {
            assert!(matches!(Store::default().read(name), Err(StateError::NoName(_))), "{name}");
        }
    }

    #[test]
    fn a_card_is_known_by_its_radio_else_by_its_name() {
        let mine = [2, 0, 0, 0, 1, 0];
        let at = |radios: Vec<Radio>| {
            let machine = Machine { radios, ..Machine::default() };
            state("wlan1").locate(&machine).map(str::to_owned)
        };
        let other = [2, 0, 0, 0, 9, 0];
        assert_eq!(at(vec![radio(mine, &["mon0", "wlan1"])]).as_deref(), Some("wlan1"));
        assert_eq!(at(vec![radio(other, &["wlan1"]), radio(mine, &["wlan5"])]).as_deref(), Some("wlan5"));
        assert_eq!(at(vec![radio(other, &["wlan1"])]).as_deref(), Some("wlan1"));
        assert_eq!(at(vec![radio(other, &["wlan2"])]), None);
    }
}
