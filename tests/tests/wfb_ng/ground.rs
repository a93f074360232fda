//! A receiver in virtual time: frames in, everything it hands on kept with its time.

use std::time::{Duration, Instant};

use skylark_common::wire::radiotap::RxHeader;
use skylark_rx::receiver::wfb_ng::WfbNgReceiver;
use skylark_rx::stats::RxStats;

/// How long these receivers wait.
pub(crate) const LATENCY_BUDGET: Duration = Duration::from_millis(150);
/// More timeouts than can be due at one moment.
const MAX_ROUNDS: u32 = 10_000;

/// A receiver and what came out of it.
pub(crate) struct Ground {
    receiver: WfbNgReceiver,
    start: Instant,
    now: Instant,
    /// In order.
    pub(crate) handed: Vec<Handed>,
}

/// A datagram handed on.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) session: u32,
    pub(crate) esi: u32,
    pub(crate) missing_before: u32,
    /// When it was handed on, from the start.
    pub(crate) at: Duration,
}

impl Ground {
    pub(crate) fn new(receiver: WfbNgReceiver, now: Instant) -> Self {
        Self { receiver, start: now, now, handed: Vec::new() }
    }

    /// A card captures a frame, radiotap header first.
    pub(crate) fn hear(&mut self, card: usize, frame: &[u8], at: Duration) {
        self.wait_until(at);
        self.receiver.handle_frame(card, frame, self.now);
        self.drain();
        self.check();
    }

    /// Time passes.
    pub(crate) fn wait_until(&mut self, at: Duration) {
        let until = self.start + at;
        let mut rounds = 0;
        while let Some(due) = self.receiver.poll_timeout().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.receiver.handle_timeout(self.now);
            self.drain();
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "a timeout that is never over");
        }
        self.now = until.max(self.now);
    }

    pub(crate) fn stats(&self) -> RxStats {
        self.receiver.stats(self.now)
    }

    fn drain(&mut self) {
        while let Some(datagram) = self.receiver.poll_datagram() {
            self.handed.push(Handed {
                bytes: datagram.bytes.to_vec(),
                session: datagram.session,
                esi: datagram.esi,
                missing_before: datagram.missing_before,
                at: self.now - self.start,
            });
        }
    }

    /// Every frame was counted once.
    fn check(&self) {
        let f = self.stats().frames;
        let outcomes = f.foreign + f.truncated + f.bad_fcs + f.unknown_version + f.waiting + f.unannounced;
        assert_eq!(f.captured, outcomes + f.forged + f.replayed + f.duplicate + f.late + f.used);
    }
}

/// A frame as a card captures it.
pub(crate) fn captured(frame: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 64];
    let length = RxHeader::default().emit(&mut head).unwrap();
    head.truncate(length);
    [head, frame.to_vec()].concat()
}
