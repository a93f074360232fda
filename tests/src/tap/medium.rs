//! The air between TAP cards, in real time: the modelled channel, moved by a thread.
#![expect(clippy::disallowed_methods, reason = "moves frames between real programs by the real clock")]

use std::sync::mpsc::{self, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::air::sim::{Channel, Config};

use super::TapCard;

/// Frames taken from one card before what is due is heard.
const FRAMES_AT_ONCE: usize = 64;
/// What may wait inside the radios; the rest waits in the interfaces' queues, as behind a driver that is full.
const MOST_BACKLOG: Duration = Duration::from_millis(10);
/// How soon a change asked for is made at the latest.
const PATIENCE: Duration = Duration::from_millis(2);

/// A thread that carries frames from transmitting cards over a modelled channel to receiving cards.
#[derive(Debug)]
pub struct Medium {
    changes: Option<Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread moves frames between. A card that is `None` is not there.
#[derive(Debug)]
pub struct Ether {
    /// What happens to frames on the way.
    pub channel: Channel,
    /// Cards whose injected frames go on the air.
    pub transmitters: Vec<Option<TapCard>>,
    /// Cards that hear, one for each receiver of the channel.
    pub receivers: Vec<Option<TapCard>>,
    /// Whether injected frames are taken at all; otherwise the interfaces' queues fill up.
    pub takes_frames: bool,
    /// Frames heard by a card that was down or not there.
    pub unheard: u64,
}

type Change = Box<dyn FnOnce(&mut Ether) + Send>;

impl Medium {
    /// An air with these cards at its ends; `config` has a receiver for each card that hears.
    #[must_use]
    pub fn start(config: Config, seed: u64, transmitters: Vec<TapCard>, receivers: Vec<TapCard>) -> Self {
        let (changes, asked) = mpsc::channel::<Change>();
        let mut ether = Ether {
            channel: Channel::new(config, seed, Instant::now()),
            transmitters: transmitters.into_iter().map(Some).collect(),
            receivers: receivers.into_iter().map(Some).collect(),
            takes_frames: true,
            unheard: 0,
        };
        let thread = std::thread::spawn(move || {
            loop {
                match asked.try_recv() {
                    Ok(change) => change(&mut ether),
                    Err(TryRecvError::Empty) => ether.turn(),
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        Self { changes: Some(changes), thread: Some(thread) }
    }

    /// Looks at the air, or changes it, between two frames.
    ///
    /// # Panics
    /// The thread has panicked.
    pub fn with<T: Send + 'static>(&self, change: impl FnOnce(&mut Ether) -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        let change: Change = Box::new(move |ether| {
            // Whoever asked waits for it.
            let _ = answer.send(change(ether));
        });
        let sent = self.changes.as_ref().is_some_and(|changes| changes.send(change).is_ok());
        let answer = answered.recv().ok().filter(|_| sent);
        let Some(answer) = answer else { panic!("the air's thread has panicked") };
        answer
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Ether {
    fn turn(&mut self) {
        let now = Instant::now();
        let takes_frames = self.takes_frames && self.channel.backlog(now) < MOST_BACKLOG;
        if takes_frames {
            self.take_frames(now);
        }
        self.hand_over(now);
        self.wait(takes_frames);
    }

    fn take_frames(&mut self, now: Instant) {
        let mut frame = [0; MAX_FRAME_BYTES];
        for card in self.transmitters.iter().flatten() {
            for _ in 0..FRAMES_AT_ONCE {
                let Ok(Some(len)) = card.injected(&mut frame) else { break };
                // The channel counts what it refuses.
                let _ = self.channel.inject(frame.get(..len).unwrap_or_default(), now);
            }
        }
    }

    fn hand_over(&mut self, now: Instant) {
        while let Some((receiver, frame, _)) = self.channel.poll_capture(now) {
            let card = self.receivers.get(receiver).and_then(Option::as_ref);
            let heard = card.is_some_and(|card| card.hear(frame).unwrap_or(false));
            self.unheard += u64::from(!heard);
        }
    }

    fn wait(&self, takes_frames: bool) {
        let cards = self.transmitters.iter().flatten().filter(|_| takes_frames);
        let mut fds: Vec<PollFd<'_>> = cards.map(|card| PollFd::new(card, PollFlags::IN)).collect();
        let due = self.channel.poll_timeout().map(|due| due.saturating_duration_since(Instant::now()));
        let patience = due.map_or(PATIENCE, |due| due.min(PATIENCE));
        // Interrupted or refused, the next turn looks at everything anyway.
        let _ = poll(&mut fds, Timespec::try_from(patience).ok().as_ref());
    }
}
