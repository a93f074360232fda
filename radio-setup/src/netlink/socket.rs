//! A netlink socket on which one thing is asked at a time and the whole answer awaited.
#![expect(clippy::disallowed_methods, reason = "a kernel that does not answer must not stop the program")]

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use netlink_packet_core::{ErrorBuffer, NLM_F_DUMP_INTR, NetlinkBuffer};
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::error::{Attempt, KernelError};
use super::request::{Request, messages};

/// The protocol of nl80211.
pub(super) const GENERIC: isize = netlink_sys::protocols::NETLINK_GENERIC;
/// The protocol of interfaces and routes.
pub(super) const ROUTE: isize = netlink_sys::protocols::NETLINK_ROUTE;

/// How long the kernel may take to answer: drivers load firmware while an interface comes up.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Message types of every protocol (`linux/netlink.h`).
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// `NLMSGERR_ATTR_MSG`: the reason of a refusal in words.
const REASON: u16 = 1;
/// `NLM_F_CAPPED`, `NLM_F_ACK_TLVS`.
const CAPPED: u16 = 0x100;
const HAS_ATTRIBUTES: u16 = 0x200;

/// How often a list that changed while it was told is asked for again.
const DUMP_ATTEMPTS: usize = 5;

/// The most one datagram from the kernel holds (`netlink(7)`: 32 KiB since Linux 4.9).
const DATAGRAM_BYTES: usize = 32 * 1024;

/// A way to ask the kernel.
#[derive(Debug)]
pub(super) struct Conversation {
    socket: Socket,
    sequence: u32,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    Refused { errno: Errno, reason: Option<String> },
    Silent,
    Garbled,
}

/// How far a request got with one datagram of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    /// Everything has been told.
    complete: bool,
    /// The list changed while it was told.
    inconsistent: bool,
}

impl Conversation {
    pub(super) fn open(protocol: isize) -> Result<Self, Failure> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Without them refusals come without words, on kernels before 4.12.
        let _ = socket.set_ext_ack(true).and_then(|()| socket.set_cap_ack(true));
        Ok(Self { socket, sequence: 0 })
    }

    /// The bodies of all messages that answer a request.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Vec<Vec<u8>>, Failure> {
        let mut answers = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            answers.clear();
            if self.ask_once(request, &mut answers)? {
                break;
            }
        }
        Ok(answers)
    }

    /// False if the list changed while it was told.
    fn ask_once(&mut self, request: &Request, answers: &mut Vec<Vec<u8>>) -> Result<bool, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&request.emit(self.sequence), 0)?;
        let deadline = now() + PATIENCE;
        let mut consistent = true;
        loop {
            wait(&self.socket, deadline.saturating_duration_since(now()))?;
            let mut datagram = Vec::with_capacity(DATAGRAM_BYTES);
            self.socket.recv(&mut datagram, 0)?;
            let progress = take(&datagram, self.sequence, answers)?;
            consistent &= !progress.inconsistent;
            if progress.complete {
                return Ok(consistent);
            }
        }
    }
}

/// Takes the messages of one datagram. Answers to earlier requests that were given up are passed over.
fn take(datagram: &[u8], sequence: u32, answers: &mut Vec<Vec<u8>>) -> Result<Progress, Failure> {
    let mut progress = Progress::default();
    for (header, body) in messages(datagram).filter(|(header, _)| header.sequence_number() == sequence) {
        progress.inconsistent |= header.flags() & NLM_F_DUMP_INTR != 0;
        if matches!(header.message_type(), ERROR | DONE) {
            refusal(&header, body)?;
            progress.complete = true;
        } else {
            answers.push(body.to_vec());
        }
    }
    Ok(progress)
}

/// An error message with code 0 is the acknowledgement.
fn refusal(header: &NetlinkBuffer<&[u8]>, body: &[u8]) -> Result<(), Failure> {
    let code = ErrorBuffer::new_checked(body).map_err(|_| Failure::Garbled)?.code();
    let Some(code) = code else { return Ok(()) };
    let errno = Errno::from_raw_os_error(code.get().wrapping_neg());
    Err(Failure::Refused { errno, reason: reason(header, body) })
}

/// The kernel's words stand behind the error number and the request it echoes.
fn reason(header: &NetlinkBuffer<&[u8]>, body: &[u8]) -> Option<String> {
    if header.flags() & HAS_ATTRIBUTES == 0 {
        return None;
    }
    let (_code, rest) = body.split_first_chunk::<4>()?;
    let (request, attributes) = rest.split_first_chunk::<16>()?;
    let [length @ .., _, _, _, _, _, _, _, _, _, _, _, _] = request;
    let echoed = if header.flags() & CAPPED == 0 { u32::from_ne_bytes(*length).saturating_sub(16) } else { 0 };
    let echoed = usize::try_from(echoed).ok()?.next_multiple_of(4);
    Attributes(attributes.get(echoed..)?).text(REASON)
}

/// What the kernel tells unasked.
#[derive(Debug)]
pub(super) struct Events(Socket);

impl Events {
    /// Without a group nothing is heard.
    pub(super) fn open(group: Option<u32>) -> Result<Self, Failure> {
        let mut socket = Socket::new(GENERIC)?;
        socket.bind_auto()?;
        if let Some(group) = group {
            socket.add_membership(group)?;
        }
        Ok(Self(socket))
    }

    /// Waits for the next, or until patience is over.
    pub(super) fn wait(&self, patience: Duration) -> Result<(), Failure> {
        match wait(&self.0, patience) {
            Ok(()) => {}
            Err(Failure::Silent) => return Ok(()),
            Err(failure) => return Err(failure),
        }
        let mut datagram = Vec::with_capacity(DATAGRAM_BYTES);
        self.0.recv(&mut datagram, 0)?;
        Ok(())
    }
}

pub(super) fn now() -> Instant {
    Instant::now()
}

fn wait(socket: &Socket, patience: Duration) -> Result<(), Failure> {
    let deadline = now() + patience;
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(now())).map_err(|_| Failure::Silent)?;
        match poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(Failure::Silent),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::Refused { errno, reason: None }),
        }
    }
}

impl Failure {
    pub(super) fn during(self, attempt: Attempt) -> KernelError {
        match self {
            Self::Refused { errno, reason } => KernelError::Refused { attempt, errno, reason },
            Self::Silent => KernelError::Silent { attempt },
            Self::Garbled => KernelError::Garbled { attempt },
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Refused { errno: Errno::from_io_error(&error).unwrap_or(Errno::IO), reason: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attributes::{emit, text};

    fn error(code: i32, flags: u16, behind: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = 20 + behind.len();
        bytes.extend(u32::try_from(length).unwrap().to_ne_bytes());
        bytes.extend(ERROR.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(5u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(code.to_ne_bytes());
        bytes.extend(behind);
        bytes
    }

    #[test]
    fn an_error_without_a_number_completes_the_answer() {
        let complete = Progress { complete: true, inconsistent: false };
        assert_eq!(take(&error(0, CAPPED, &[0; 16]), 5, &mut Vec::new()), Ok(complete));
    }

    #[test]
    fn answers_to_another_request_are_passed_over() {
        assert_eq!(take(&error(0, CAPPED, &[0; 16]), 6, &mut Vec::new()), Ok(Progress::default()));
    }

    #[test]
    fn a_refusal_carries_its_number_and_the_kernels_words() {
        let mut behind = vec![0; 16];
        behind.extend(emit(&[], &[text(REASON, "bad channel")]));
        let refused = take(&error(-22, CAPPED | HAS_ATTRIBUTES, &behind), 5, &mut Vec::new());
        let reason = Some("bad channel".to_owned());
        assert_eq!(refused, Err(Failure::Refused { errno: Errno::INVAL, reason }));
    }

    #[test]
    fn the_words_stand_behind_an_echoed_request() {
        let mut behind = 22u32.to_ne_bytes().to_vec();
        behind.extend([0; 12 + 8]);
        behind.extend(emit(&[], &[text(REASON, "no")]));
        let refused = take(&error(-16, HAS_ATTRIBUTES, &behind), 5, &mut Vec::new());
        assert_eq!(refused, Err(Failure::Refused { errno: Errno::BUSY, reason: Some("no".to_owned()) }));
    }

    #[test]
    fn an_error_too_short_for_its_number_is_garbled() {
        let mut short = error(-16, 0, &[]);
        short.truncate(18);
        short[0] = 18;
        assert_eq!(take(&short, 5, &mut Vec::new()), Err(Failure::Garbled));
    }
}
