//! A field: a transmitter and viewers on this machine, relays on machines of their own with a card each.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use skylark_common::air::sim::{Config, Loss, ReceiverConfig};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_common::wire::radiotap::RxHeader;
use skylark_tests::tap::ethernet::{Cable, Switch};
use skylark_tests::tap::station::Station;
use skylark_tests::tap::{ETHERNET, Medium, TapCard, ip};

use crate::desk::{CLIP, Desk, Program, binary};
use crate::player::Player;

/// What each way between a machine and the switch takes; to another machine it is twice as much.
const CABLE_DELAY: Duration = Duration::from_micros(2500);
/// The usual MTU, of interfaces in monitor mode as well.
const MTU_BYTES: usize = 1500;

/// The transmitter's card is `tapt`, the relays' `tapr0`, `tapr1` …; cable 0 is this machine's, the relays' follow.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) desk: Desk,
    pub(crate) player: Player,
    _medium: Medium,
    pub(crate) switch: Switch,
    pub(crate) stations: Vec<Station>,
}

/// From one forged frame to the next.
const GARBAGE_INTERVAL: Duration = Duration::from_micros(200);

/// A relay that is fed garbage as long as this lives.
#[derive(Debug)]
pub(crate) struct Garbage {
    _relay: Program,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Garbage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn garbage(sequence: u32) -> Vec<u8> {
    let mut frame = vec![0; 64];
    let len = RxHeader::default().emit(&mut frame).unwrap();
    frame.truncate(len);
    let link = LinkId::from_name("default");
    let header = PacketHeader { link, stream: 0, kind: Kind::Announce, session: sequence & 0xff_ffff, sequence };
    frame.extend_from_slice(&header.emit());
    frame.extend((0..80).map(|index| (sequence.wrapping_mul(index + 7) >> 3).to_le_bytes()[0]));
    frame
}

impl Field {
    /// Relays' machines whose cards lose so much.
    pub(crate) fn new(losses: &[Loss]) -> Self {
        let own = TapCard::create_as("wire", MTU_BYTES, ETHERNET).unwrap();
        ip(&["link", "set", "wire", "arp", "on", "multicast", "on"]).unwrap();
        ip(&["address", "add", "10.0.0.100/24", "brd", "+", "dev", "wire"]).unwrap();
        ip(&["route", "add", "224.0.0.0/4", "dev", "wire"]).unwrap();
        let mut cables = vec![Cable::new(own, Duration::ZERO)];
        let (mut stations, mut cards) = (Vec::new(), Vec::new());
        for number in 0..losses.len() {
            let (station, cable) =
                Station::create(&format!("wire{number}"), &format!("10.0.0.{}/24", number + 1)).unwrap();
            let card = TapCard::create(&format!("tapr{number}"), MTU_BYTES).unwrap();
            station.give(&card).unwrap();
            cables.push(Cable::new(cable, 2 * CABLE_DELAY));
            stations.push(station);
            cards.push(card);
        }
        let hear = |loss: &Loss| ReceiverConfig { loss: loss.clone(), ..ReceiverConfig::default() };
        let config = Config { receivers: losses.iter().map(hear).collect(), ..Config::default() };
        let transmitter = TapCard::create("tapt", MTU_BYTES).unwrap();
        Self {
            desk: Desk::new(),
            player: Player::new(),
            _medium: Medium::start(config, 1, vec![transmitter], cards),
            switch: Switch::start(cables, 1),
            stations,
        }
    }

    /// A transmitter of the clip, again and again.
    pub(crate) fn tx(&self) -> Program {
        self.desk.start("skylark-tx", "tx", &format!("--input file:{CLIP} --loop --key link.key --air tapt"))
    }

    /// The relay of this machine, with its card.
    pub(crate) fn relay(&self, number: usize, more: &str) -> Program {
        let arguments = format!("relay --name station{number} --air tapr{number}{more}");
        self.start_on(number, &arguments)
    }

    /// A relay of this machine whose card hears what nobody sealed: announces with this link's addresses.
    pub(crate) fn relay_of_garbage(&self, number: usize) -> Garbage {
        let card = TapCard::create("tapg", MTU_BYTES).unwrap();
        self.stations[number].give(&card).unwrap();
        let arguments = format!("relay --name station{number} --air tapg");
        let relay = self.start_on(number, &arguments);
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                for sequence in 0.. {
                    if is_over.load(Ordering::Relaxed) || card.hear(&garbage(sequence)).is_err() {
                        return;
                    }
                    std::thread::sleep(GARBAGE_INTERVAL);
                }
            }
        });
        Garbage { _relay: relay, is_over, thread: Some(thread) }
    }

    fn start_on(&self, number: usize, arguments: &str) -> Program {
        let wrapper = self.stations[number].wrapper();
        let mut command = Command::new(&wrapper[0]);
        // Entering another machine's mounts leaves the folder.
        command.args(&wrapper[1..]).args(["sh", "-c", "cd \"$0\" && exec \"$@\""]);
        command.arg(self.desk.folder.path()).arg(binary("skylark-rx"));
        self.desk.start_command(command, &format!("relay{number}"), arguments, Stdio::null())
    }

    /// A viewer that hands on to the player.
    pub(crate) fn viewer(&self, more: &str) -> Program {
        self.desk.start("skylark-rx", "viewer", &format!("--key link.key --output {} {more}", self.player.output()))
    }
}
