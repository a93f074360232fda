//! A wired network between machines, in real time: a switch whose cables have delay, loss and may be pulled.
#![expect(clippy::disallowed_methods, reason = "moves frames between real programs by the real clock")]

use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::air::sim::{Purpose, Random};

use super::TapCard;

/// Frames taken from one cable before the others have their turn.
const FRAMES_AT_ONCE: usize = 64;
/// How soon a change asked for is made at the latest.
const PATIENCE: Duration = Duration::from_millis(2);
/// Length of an Ethernet address (IEEE 802.3 3.2.3).
const ADDRESS_LEN: usize = 6;

/// One cable from a machine to the switch.
#[derive(Debug)]
pub struct Cable {
    /// The machine's end, of link type Ethernet.
    pub card: TapCard,
    /// What each way takes.
    pub delay: Duration,
    /// Share of the frames lost each way, 0 to 1.
    pub loss: f64,
    /// Whether it is pulled out: nothing passes.
    pub is_out: bool,
}

/// A switch with its cables; gone when it is dropped.
#[derive(Debug)]
pub struct Switch {
    changes: Option<Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

type Change = Box<dyn FnOnce(&mut [Cable]) + Send>;

struct Wires {
    cables: Vec<Cable>,
    /// Whom each cable leads to, as frames from there have shown.
    addresses: Vec<Vec<[u8; ADDRESS_LEN]>>,
    /// Frames on their way up and down each cable: when they arrive.
    up: Vec<VecDeque<(Instant, Vec<u8>)>>,
    down: Vec<VecDeque<(Instant, Vec<u8>)>>,
    random: Random,
}

impl Cable {
    /// A cable that takes so long each way and loses nothing.
    #[must_use]
    pub fn new(card: TapCard, delay: Duration) -> Self {
        Self { card, delay, loss: 0.0, is_out: false }
    }
}

impl Switch {
    /// Connects these machines.
    #[must_use]
    pub fn start(cables: Vec<Cable>, seed: u64) -> Self {
        let (changes, asked) = mpsc::channel::<Change>();
        let mut wires = Wires::new(cables, seed);
        let thread = std::thread::spawn(move || {
            loop {
                match asked.try_recv() {
                    Ok(change) => change(&mut wires.cables),
                    Err(TryRecvError::Empty) => wires.turn(),
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        Self { changes: Some(changes), thread: Some(thread) }
    }

    /// Changes the cables between two frames.
    pub fn with(&self, change: impl FnOnce(&mut [Cable]) + Send + 'static) {
        // A thread that has panicked has said so.
        let _ = self.changes.as_ref().map(|changes| changes.send(Box::new(change)));
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Wires {
    fn new(cables: Vec<Cable>, seed: u64) -> Self {
        let random = Random::stream(seed, 0, Purpose::Loss);
        let empty = || cables.iter().map(|_| VecDeque::new()).collect();
        Self { addresses: vec![Vec::new(); cables.len()], up: empty(), down: empty(), cables, random }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        for number in 0..self.cables.len() {
            self.take(number, now);
        }
        for number in 0..self.cables.len() {
            while let Some((_, frame)) = self.up[number].pop_front_if(|(due, _)| *due <= now) {
                self.switch(number, &frame, now);
            }
        }
        for (cable, down) in self.cables.iter().zip(&mut self.down) {
            while let Some((_, frame)) = down.pop_front_if(|(due, _)| *due <= now) {
                // A machine that is gone hears nothing.
                let _ = cable.card.hear(&frame);
            }
        }
        self.wait(now);
    }

    /// Takes what a machine sends.
    fn take(&mut self, number: usize, now: Instant) {
        let mut buffer = [0; MAX_FRAME_BYTES];
        let cable = &self.cables[number];
        for _ in 0..FRAMES_AT_ONCE {
            let Ok(Some(len)) = cable.card.injected(&mut buffer) else { break };
            if passes(cable, &mut self.random) {
                self.up[number].push_back((now + cable.delay, buffer[..len].to_vec()));
            }
        }
    }

    /// Sends a frame on to whom it is for, or to everybody.
    fn switch(&mut self, from: usize, frame: &[u8], now: Instant) {
        let Some((destination, rest)) = frame.split_first_chunk::<ADDRESS_LEN>() else { return };
        let Some((source, _)) = rest.split_first_chunk::<ADDRESS_LEN>() else { return };
        if !self.addresses[from].contains(source) {
            self.addresses[from].push(*source);
        }
        let known = self.addresses.iter().position(|behind| behind.contains(destination));
        for (number, cable) in self.cables.iter().enumerate() {
            let is_meant = known.map_or(number != from, |known| known == number);
            if is_meant && passes(cable, &mut self.random) {
                self.down[number].push_back((now + cable.delay, frame.to_vec()));
            }
        }
    }

    fn wait(&self, now: Instant) {
        let due = self.up.iter().chain(&self.down).filter_map(|way| way.front()).map(|(due, _)| *due).min();
        let patience = due.map_or(PATIENCE, |due| due.saturating_duration_since(now).min(PATIENCE));
        let mut fds: Vec<_> = self.cables.iter().map(|cable| PollFd::new(&cable.card, PollFlags::IN)).collect();
        // Interrupted or refused, the next turn looks at everything anyway.
        let _ = poll(&mut fds, Timespec::try_from(patience).ok().as_ref());
    }
}

fn passes(cable: &Cable, random: &mut Random) -> bool {
    !random.chance(cable.loss) && !cable.is_out
}
