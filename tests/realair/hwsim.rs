//! The guest's radios from the other side (mac80211_hwsim): the air between them, and plugging them in and out.
//!
//! Radios hear everything each other sends, in the kernel, until an [`Air`] takes that over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use netlink_packet_core::{
    DefaultNla, Emitable as _, NLA_HEADER_SIZE, NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NlasIterator,
};
use netlink_sys::Socket;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::sim::Random;

/// The kernel's generic netlink, and its controller (`linux/genetlink.h`).
const GENERIC: isize = netlink_sys::protocols::NETLINK_GENERIC;
const CONTROLLER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_NUMBER: u16 = 1;
const FAMILY_NAME: u16 = 2;
const ERROR: u16 = 2;

/// `mac80211_hwsim.h` of the kernel.
mod command {
    pub(super) const REGISTER: u8 = 1;
    pub(super) const FRAME: u8 = 2;
    pub(super) const TX_INFO_FRAME: u8 = 3;
    pub(super) const NEW_RADIO: u8 = 4;
    pub(super) const DEL_RADIO: u8 = 5;
}
mod attribute {
    pub(super) const RECEIVER: u16 = 1;
    pub(super) const TRANSMITTER: u16 = 2;
    pub(super) const FRAME: u16 = 3;
    pub(super) const FLAGS: u16 = 4;
    pub(super) const RX_RATE: u16 = 5;
    pub(super) const SIGNAL: u16 = 6;
    pub(super) const TX_INFO: u16 = 7;
    pub(super) const COOKIE: u16 = 8;
    pub(super) const RADIO: u16 = 10;
    pub(super) const FREQUENCY: u16 = 19;
    pub(super) const ADDRESS: u16 = 22;
}
/// The frame was acknowledged.
const FLAG_ACKNOWLEDGED: u32 = 4;

const HEADER_LEN: usize = 16;
/// Room for all frames that are sent while this process is kept from running.
const SOCKET_BYTES: usize = 8 << 20;
const MAX_DATAGRAM_BYTES: usize = 64 * 1024;
/// How soon an air that is to end does.
const LOOK_UP: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// What a radio hears of another; without one it hears nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) from: u8,
    pub(crate) to: u8,
    /// Share of frames lost, 0 to 1.
    pub(crate) loss: f64,
    pub(crate) signal_dbm: i32,
}

/// Frames that were carried and lost, by the radios they came from and went to.
pub(crate) type Carried = BTreeMap<(u8, u8), [u64; 2]>;

/// Carries frames between radios while it lives.
#[derive(Debug)]
pub(crate) struct Air {
    carried: Arc<Mutex<Carried>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Air {
    pub(crate) fn new(links: &[Link], seed: u64) -> Self {
        let mut hwsim = Hwsim::open();
        assert_eq!(hwsim.ask(command::REGISTER, &[]), 0, "hwsim takes no air");
        let (carried, stop) = (Arc::default(), Arc::default());
        let mut work = Work { hwsim, links: links.to_vec(), random: Random::new(seed), carried: Arc::clone(&carried) };
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !AtomicBool::load(&stopping, Ordering::Relaxed) {
                work.carry();
            }
        });
        Self { carried, stop, thread: Some(thread) }
    }

    /// What it has done so far.
    pub(crate) fn carried(&self) -> Carried {
        self.carried.lock().unwrap().clone()
    }
}

impl Drop for Air {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended_well = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        // A test that fails already says why.
        assert!(ended_well || std::thread::panicking(), "the air broke down");
    }
}

/// Plugs in a radio with this number in its address, which mac80211 numbers anew.
pub(crate) fn plug_in(number: u8) {
    let address = DefaultNla::new(attribute::ADDRESS, vec![2, 0, 0, 0, number, 0]);
    let made = Hwsim::open().ask(command::NEW_RADIO, &[address]);
    assert!(made >= 0, "hwsim makes no radio: {made}");
}

/// Pulls out the radio that has this interface.
pub(crate) fn pull_out(card: &str) {
    let device = std::fs::read_link(format!("/sys/class/net/{card}/device")).unwrap();
    let name = device.file_name().unwrap().to_str().unwrap();
    let id: u32 = name.strip_prefix("hwsim").unwrap().parse().unwrap();
    let gone = Hwsim::open().ask(command::DEL_RADIO, &[number(attribute::RADIO, id)]);
    assert_eq!(gone, 0, "hwsim keeps radio {id}");
}

/// The state of the thread that is the air.
#[derive(Debug)]
struct Work {
    hwsim: Hwsim,
    links: Vec<Link>,
    random: Random,
    carried: Arc<Mutex<Carried>>,
}

impl Work {
    /// Carries what has been sent, or waits a while for it.
    fn carry(&mut self) {
        let mut datagram = Vec::with_capacity(MAX_DATAGRAM_BYTES);
        if !self.hwsim.receive(&mut datagram) {
            return;
        }
        for (kind, body) in messages(&datagram) {
            if kind == self.hwsim.family && body.first() == Some(&command::FRAME) {
                self.carry_frame(&body[4..]);
            }
        }
    }

    fn carry_frame(&mut self, sent: &[u8]) {
        let find = |kind| find(sent, kind).unwrap_or_else(|| panic!("hwsim's frame has no attribute {kind}"));
        let transmitter = find(attribute::TRANSMITTER);
        let copy = |kind| DefaultNla::new(kind, find(kind).to_vec());
        for link in self.links.clone().iter().filter(|link| link.from == transmitter[4]) {
            let lost = self.random.chance(link.loss);
            self.carried.lock().unwrap().entry((link.from, link.to)).or_default()[usize::from(lost)] += 1;
            if lost {
                continue;
            }
            let mut receiver = transmitter.to_vec();
            receiver[4] = link.to;
            let attributes = [
                DefaultNla::new(attribute::RECEIVER, receiver),
                copy(attribute::FRAME),
                number(attribute::RX_RATE, 0),
                number(attribute::SIGNAL, link.signal_dbm.cast_unsigned()),
                copy(attribute::FREQUENCY),
            ];
            self.hwsim.tell(command::FRAME, &attributes, 0);
        }
        let flags = u32::from_ne_bytes(find(attribute::FLAGS).try_into().unwrap()) | FLAG_ACKNOWLEDGED;
        let attributes = [
            copy(attribute::TRANSMITTER),
            number(attribute::FLAGS, flags),
            number(attribute::SIGNAL, (-30_i32).cast_unsigned()),
            copy(attribute::TX_INFO),
            copy(attribute::COOKIE),
        ];
        self.hwsim.tell(command::TX_INFO_FRAME, &attributes, 0);
    }
}

/// A way to the driver.
#[derive(Debug)]
struct Hwsim {
    socket: Socket,
    family: u16,
}

impl Hwsim {
    fn open() -> Self {
        let mut socket = Socket::new(GENERIC).unwrap();
        socket.bind_auto().unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BYTES).unwrap();
        let mut hwsim = Self { socket, family: CONTROLLER };
        let name = DefaultNla::new(FAMILY_NAME, b"MAC80211_HWSIM\0".to_vec());
        hwsim.tell(GET_FAMILY, &[name], 0);
        let mut answer = Vec::with_capacity(MAX_DATAGRAM_BYTES);
        assert!(hwsim.receive(&mut answer), "no answer from generic netlink");
        let (_, body) = messages(&answer).next().unwrap();
        let family = find(&body[4..], FAMILY_NUMBER).expect("this kernel has no mac80211_hwsim");
        hwsim.family = u16::from_ne_bytes(family.try_into().unwrap());
        hwsim
    }

    /// What the driver answers: 0 or more if it went well, else a negative error number.
    fn ask(&mut self, command: u8, attributes: &[DefaultNla]) -> i32 {
        self.tell(command, attributes, NLM_F_ACK);
        let mut answer = Vec::with_capacity(MAX_DATAGRAM_BYTES);
        while self.receive(&mut answer) {
            if let Some((_, body)) = messages(&answer).find(|(kind, _)| *kind == ERROR) {
                return i32::from_ne_bytes(body[..4].try_into().unwrap());
            }
            answer.clear();
        }
        panic!("hwsim gave no answer to command {command}");
    }

    fn tell(&self, command: u8, attributes: &[DefaultNla], flags: u16) {
        let mut bytes = vec![0; HEADER_LEN + 4 + attributes.buffer_len()];
        let mut header = NetlinkHeader::default();
        header.length = u32::try_from(bytes.len()).unwrap();
        header.message_type = self.family;
        header.flags = NLM_F_REQUEST | flags;
        header.emit(&mut bytes);
        bytes[HEADER_LEN] = command;
        bytes[HEADER_LEN + 1] = 1;
        attributes.emit(&mut bytes[HEADER_LEN + 4..]);
        // Radios come and go: a frame for one that has gone is refused, and lost as on any air.
        let _ = self.socket.send_to(&bytes, &netlink_sys::SocketAddr::new(0, 0), 0);
    }

    /// Whether something came before it was time to look up. What finds no room is lost and no loss of the air's:
    /// the kernel says so here, once (netlink(7), `ENOBUFS`).
    fn receive(&self, datagram: &mut Vec<u8>) -> bool {
        use std::os::fd::AsFd as _;
        let mut ready = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)];
        if !poll(&mut ready, Some(&LOOK_UP)).is_ok_and(|ready| ready > 0) {
            return false;
        }
        self.socket.recv(datagram, 0).expect("frames were sent faster than the air was let carry them");
        true
    }
}

fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_ne_bytes().to_vec())
}

/// Type and body of each message of a datagram.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(datagram).ok()?;
        let length = usize::try_from(message.length()).ok()?;
        let body = datagram.get(HEADER_LEN..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((message.message_type(), body))
    })
}

/// The value of the first attribute of this kind.
fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    let found = NlasIterator::new(attributes).flatten().find(|found| found.kind() == kind)?;
    let end = usize::from(found.length());
    found.into_inner().get(NLA_HEADER_SIZE..end)
}
