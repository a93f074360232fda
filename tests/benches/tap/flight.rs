//! Camera, transmitter, air and receiver at work.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::Value;
use skylark_common::seal::LinkKey;
use skylark_tests::tap::TapCard;
use tempfile::TempDir;

use crate::program::Program;
use crate::worker::Worker;
use crate::{camera, wire};

/// 1400-byte datagrams with every header; the usual 1500 hold them too.
const MTU_BYTES: usize = 1500;
/// What is on its way has arrived: more than the receiver's latency budget and the time between two stats lines.
const SETTLED: Duration = Duration::from_millis(1500);

/// A link at work.
#[derive(Debug)]
pub(crate) struct Flight {
    camera: Worker<u64>,
    wire: Worker<u64>,
    tx: Program,
    rx: Program,
    started: Instant,
    _folder: TempDir,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Totals {
    /// How long the camera sent.
    pub(crate) seconds: f64,
    /// Datagrams of the camera.
    pub(crate) sent: u64,
    /// Those the transmitter did not take in time.
    pub(crate) gave_way: u64,
    pub(crate) units_dropped: u64,
    pub(crate) repairs_dropped: u64,
    /// Frames injected, and refused by the card.
    pub(crate) injected: u64,
    pub(crate) refused: u64,
    /// Frames the air carried.
    pub(crate) carried: u64,
    /// Frames the kernel had no room for at the receiver.
    pub(crate) kernel_dropped: u64,
    /// Datagrams the receiver handed on.
    pub(crate) handed_on: u64,
    pub(crate) tx_cpu: Duration,
    pub(crate) rx_cpu: Duration,
    /// Of the program that was counted.
    pub(crate) instructions: Option<u64>,
}

impl Flight {
    /// Everything at work; the program called `counted` under callgrind.
    pub(crate) fn start(mbit_per_s: u32, counted: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("link.key"), LinkKey::from_bytes([7; 32]).to_text()).unwrap();
        let [from, to] = ["tapt", "tapr"].map(|name| TapCard::create(name, MTU_BYTES).unwrap());
        let wire = wire::start(from, to);
        let start = |name: &str, arguments: &str| {
            let arguments = format!("--key link.key {arguments}");
            Program::start(folder.path(), name, &arguments, counted == Some(name))
        };
        let rx = start("skylark-rx", "--air tapr --output none");
        let port = free_port();
        let tx =
            start("skylark-tx", &format!("--input rtp:127.0.0.1:{port} --payload rtp --no-pacing --mcs 7 --air tapt"));
        let camera = camera::start(port, mbit_per_s);
        Self { camera, wire, tx, rx, started: Instant::now(), _folder: folder }
    }

    /// Frames injected up to the last line of figures.
    pub(crate) fn injected(&self) -> u64 {
        let stats = self.tx.last();
        stats.as_ref().and_then(|stats| stats.pointer("/airs/0/injected")).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Memory of transmitter and receiver, in KiB.
    pub(crate) fn memory_kib(&self) -> [u64; 2] {
        [self.tx.memory_kib(), self.rx.memory_kib()]
    }

    /// Ends all of it, the camera first.
    pub(crate) fn end(self) -> Totals {
        let seconds = self.started.elapsed().as_secs_f64();
        let sent = self.camera.end();
        std::thread::sleep(SETTLED);
        let (tx, rx) = (self.tx.end(), self.rx.end());
        let carried = self.wire.end();
        let of_tx = |place: &str| count(&tx.stats, place);
        Totals {
            seconds,
            sent,
            gave_way: sent - of_tx("/datagrams"),
            units_dropped: of_tx("/units_dropped"),
            repairs_dropped: of_tx("/repairs_dropped"),
            injected: of_tx("/airs/0/injected"),
            refused: of_tx("/airs/0/refused"),
            carried,
            kernel_dropped: count(&rx.stats, "/cards/0/dropped_by_machine"),
            handed_on: count(&rx.stats, "/streams/0/datagrams"),
            tx_cpu: tx.cpu,
            rx_cpu: rx.cpu,
            instructions: tx.instructions.or(rx.instructions),
        }
    }
}

impl Totals {
    /// Datagrams of the camera that the receiver did not hand on.
    pub(crate) fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.handed_on)
    }

    /// Everything that went missing anywhere, counted where it did.
    pub(crate) fn own_drops(&self) -> u64 {
        let on_the_way = self.injected - self.carried;
        let at_tx = self.gave_way + self.units_dropped + self.repairs_dropped + self.refused;
        at_tx + on_the_way + self.kernel_dropped + self.lost()
    }
}

fn count(stats: &Value, place: &str) -> u64 {
    stats.pointer(place).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {place} in {stats}"))
}

/// A UDP port nobody has.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
