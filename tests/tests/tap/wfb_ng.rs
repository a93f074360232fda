//! The field's standard over TAP cards: the real programs and the models of what people fly, both ways, with every usual
//! code, datagrams of every length, and restarts of either end.

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use skylark_common::air::monitor::{MonitorCapture, MonitorInject};
use skylark_common::air::sim::{Config, Loss, ReceiverConfig};
use skylark_common::air::{CaptureAir as _, InjectAir as _, MAX_FRAME_BYTES};
use skylark_common::options::Dialect;
use skylark_common::wfb_ng::MAX_DATAGRAM_BYTES;
use skylark_common::wfb_ng::session::BlockCode;
use skylark_common::wire::radiotap::TxRate;
use skylark_tests::tap::{Medium, TapCard, in_own_network};
use skylark_tests::wfb_ng::flight::{CHANNEL, keys};
use skylark_tests::wfb_ng::{ModelReceiver, ModelSender};

use crate::desk::{Desk, Program, ports};

const CODES: [(u8, u8); 4] = [(1, 2), (4, 8), (8, 12), (12, 15)];
/// The longest frame there is fits: the interface takes 14 bytes more.
const MTU_BYTES: usize = MAX_FRAME_BYTES - 14;
/// 8 Mbit/s of datagrams of 2000 bytes on the mean.
const INTERVAL: Duration = Duration::from_millis(2);
/// Set to a number, each flight takes so many seconds.
const SECONDS: &str = "SKYLARK_WFB_NG_SECONDS";
/// Nothing for so long, and nothing is on its way.
const SILENCE: Duration = Duration::from_millis(500);

/// The transmitter's card is `tapt`, the receiver's `tapr`.
struct Rig {
    desk: Desk,
    _medium: Medium,
}

impl Rig {
    fn new(loss: Loss) -> Self {
        let card = |name: &str| TapCard::create(name, MTU_BYTES).unwrap();
        let receivers = vec![ReceiverConfig { loss, ..ReceiverConfig::default() }];
        let config = Config { receivers, ..Config::default() };
        let (desk, keys) = (Desk::new(), keys());
        fs::write(desk.folder.path().join("gs.key"), keys.ground.emit()).unwrap();
        fs::write(desk.folder.path().join("drone.key"), keys.drone.emit()).unwrap();
        Self { desk, _medium: Medium::start(config, 3, vec![card("tapt")], vec![card("tapr")]) }
    }

    fn rx(&self, port: u16) -> Program {
        let arguments =
            format!("--dialect wfb-ng --key gs.key --link-id 7669206 --air tapr --output rtp:127.0.0.1:{port}");
        self.desk.start("skylark-rx", "rx", &arguments)
    }

    fn tx(&self, name: &str, code: (u8, u8), port: u16) -> Program {
        let (k, n) = code;
        let arguments = format!(
            "--dialect wfb-ng --key drone.key --link-id 7669206 --fec {k}/{n} --mcs 4 --air tapt --input udp:127.0.0.1:{port}"
        );
        self.desk.start("skylark-tx", name, &arguments)
    }
}

/// How many datagrams a flight has, half of them before what restarts in its middle.
fn count() -> u32 {
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    seconds * 1000 / u32::try_from(INTERVAL.as_millis()).unwrap()
}

/// Datagram `number`: of a length that goes through all there are, and bytes that depend on both.
fn datagram(number: u32) -> Vec<u8> {
    let len = 4.max(1 + (number as usize * 1597) % MAX_DATAGRAM_BYTES);
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend((4..len).map(|at| u8::try_from((at * 31 + number as usize) % 251).unwrap()));
    bytes
}

fn number_of(bytes: &[u8]) -> u32 {
    let number = u32::from_be_bytes(*bytes.first_chunk().unwrap());
    assert!(bytes == datagram(number), "datagram {number} came changed, {} bytes", bytes.len());
    number
}

/// Sends datagrams of these numbers in their time.
fn fly(numbers: std::ops::Range<u32>, mut send: impl FnMut(&[u8])) {
    let start = Instant::now();
    for (turn, number) in (0..).zip(numbers) {
        thread::sleep((INTERVAL * turn).saturating_sub(start.elapsed()));
        send(&datagram(number));
    }
}

/// A transmitter of the standard on the card `tapt`.
struct Transmitter {
    air: MonitorInject,
    sender: ModelSender,
    session_at: Instant,
}

impl Transmitter {
    fn new(code: (u8, u8), run: u64) -> Self {
        let (now, code) = (Instant::now(), BlockCode::new(code.0, code.1).unwrap());
        let sender = ModelSender::new(CHANNEL, keys().drone, code, 0, run);
        Self { air: MonitorInject::open("tapt", now).unwrap(), sender, session_at: now }
    }

    fn push(&mut self, datagram: &[u8]) {
        if Instant::now() >= self.session_at {
            self.session_at += Duration::from_secs(1);
            let session = self.sender.session();
            self.inject(&[session]);
        }
        let frames = self.sender.push(datagram);
        self.inject(&frames);
    }

    fn inject(&mut self, frames: &[Vec<u8>]) {
        let rate = TxRate { mcs: 4, ..TxRate::default() };
        for frame in frames {
            self.air.inject(&[rate.emit().as_slice(), frame].concat(), Instant::now()).unwrap();
        }
    }
}

/// A socket that holds a second of everything: what waited for a session comes at once.
fn player() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20).unwrap();
    socket
}

/// What has come to a socket until it is silent.
fn taken(socket: &UdpSocket) -> Vec<u32> {
    let mut buffer = [0; MAX_FRAME_BYTES];
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|len| number_of(&buffer[..len]))).collect()
}

/// Takes in another thread what comes to a socket until it is silent, once something has come.
fn take(socket: UdpSocket) -> thread::JoinHandle<Vec<u32>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        while all.is_empty() {
            all = taken(&socket);
        }
        all
    })
}

#[test]
fn our_receiver_hears_what_the_field_sends_with_every_code_and_length_and_across_restarts() {
    in_own_network(|| {
        for code in CODES {
            let rig = Rig::new(Loss::Independent { share: 0.02 });
            let socket = player();
            let mut rx = rig.rx(socket.local_addr().unwrap().port());
            let handed = take(socket);
            let half = count() / 2;
            for run in 0..2 {
                let mut transmitter = Transmitter::new(code, u64::from(run) + 1);
                fly(half * run..half * (run + 1), |datagram| transmitter.push(datagram));
                let rest = transmitter.sender.close();
                transmitter.inject(&rest);
            }
            let handed = handed.join().unwrap();
            let (lost, sessions) = (rx.count("/streams/0/lost"), rx.count("/sessions"));
            println!("{code:?}: {} of {} handed on, {lost} lost, {sessions} sessions", handed.len(), 2 * half);
            assert_eq!(rx.end(), 0);
            assert!(handed.is_sorted_by(|a, b| a < b), "out of order or twice");
            // What two and more losses of a block take away, 2 % of frames lost.
            assert!(handed.len() * 100 >= 2 * half as usize * 98, "{code:?}: {} of {}", handed.len(), 2 * half);
            assert_eq!(rx.count("/sessions"), 2);
        }
    });
}

#[test]
fn a_receiver_that_starts_in_flight_hears_the_rest() {
    in_own_network(|| {
        let rig = Rig::new(Loss::None);
        let socket = player();
        let mut transmitter = Transmitter::new((8, 12), 1);
        fly(0..500, |datagram| transmitter.push(datagram));
        let mut rx = rig.rx(socket.local_addr().unwrap().port());
        let handed = take(socket);
        fly(500..1500, |datagram| transmitter.push(datagram));
        let handed = handed.join().unwrap();
        assert_eq!(rx.end(), 0);
        println!("the first is {:?} of 500 to 1500, {} handed on", handed.first(), handed.len());
        // The transmitter tells its key each second; what came before it waits for it.
        assert!(handed.len() >= 980 && handed.is_sorted_by(|a, b| a + 1 == *b), "{}", handed.len());
    });
}

#[test]
fn the_field_hears_what_our_transmitter_sends_with_every_code_and_length_and_across_restarts() {
    in_own_network(|| {
        for code in CODES {
            let rig = Rig::new(Loss::None);
            let [port] = ports();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut air = MonitorCapture::open_for(Dialect::WfbNg, "tapr", Instant::now()).unwrap();
            let mut model = ModelReceiver::new(CHANNEL, keys().ground);
            let mut listen = |patience: Duration| {
                let mut buffer = [0; MAX_FRAME_BYTES];
                let end = Instant::now() + patience;
                while Instant::now() < end {
                    match air.capture(&mut buffer, Instant::now()).unwrap() {
                        Some(captured) => model.handle_frame(&buffer[..captured.len]),
                        None => thread::sleep(Duration::from_micros(200)),
                    }
                }
            };
            let half = count() / 2;
            for run in 0..2 {
                let mut tx = rig.tx(&format!("tx{run}"), code, port);
                let start = Instant::now();
                for (turn, number) in (0..).zip(half * run..half * (run + 1)) {
                    listen((INTERVAL * turn).saturating_sub(start.elapsed()));
                    socket.send_to(&datagram(number), ("127.0.0.1", port)).unwrap();
                }
                listen(SILENCE);
                assert_eq!(tx.end(), 0);
                listen(SILENCE);
            }
            let handed: Vec<u32> = model.handed.iter().map(|bytes| number_of(bytes)).collect();
            println!("{code:?}: {} of {} handed on", handed.len(), 2 * half);
            let missing: BTreeSet<u32> = (0..2 * half).filter(|number| handed.binary_search(number).is_err()).collect();
            assert!(handed.is_sorted_by(|a, b| a < b), "out of order or twice");
            assert!(missing.is_empty(), "{code:?}: {missing:?}");
        }
    });
}
