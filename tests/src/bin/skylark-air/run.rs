//! The loop: frames in, the channel, frames out, and whoever watches.
#![expect(clippy::disallowed_methods, reason = "the program that owns the clock")]

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use skylark_common::air::sim::{Channel, Config};
use skylark_common::air::udp::{UdpCapture, UdpInject};
use skylark_common::air::{CaptureAir, InjectAir, MAX_FRAME_BYTES};

use skylark_common::options::StatsTarget;

use crate::args::Args;
use crate::control::{Change, Control};
use crate::history::{History, Snapshot, TICK};
use crate::keys::Action;
use crate::script::Script;
use crate::signals::Signals;
use crate::stats::StatsWriter;
use crate::terminal::Screen;
use crate::view::Shown;

/// Frames taken from the socket before the channel is served again, so that a flood delays no receiver.
const FRAMES_AT_ONCE: usize = 64;

/// Time between two lines of stats.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until it is told to end, and says in one line what went over the air.
///
/// # Errors
/// A port, file or terminal cannot be had or is lost.
pub(crate) fn run(args: Args) -> Result<String> {
    let signals = Signals::register()?;
    let mut air = Air::open(&args)?;
    let stdout_is_taken = args.stats == Some(StatsTarget::Stdout) && io::stdout().is_terminal();
    let watched = io::stdin().is_terminal() && io::stderr().is_terminal() && !args.plain && !stdout_is_taken;
    let mut screen = watched.then(Screen::open).transpose()?;
    while !signals.arrived() && air.turn(screen.as_mut())? {
        air.wait(&signals, screen.is_some())?;
    }
    drop(screen);
    Ok(air.end())
}

/// The channel with its sockets and its settings.
struct Air {
    channel: Channel,
    listen: UdpCapture,
    receivers: Vec<UdpInject>,
    controls: Vec<Control>,
    chosen: usize,
    script: Script,
    stats: Option<StatsWriter>,
    history: History,
    start: Instant,
    end: Option<Instant>,
    next_tick: Instant,
    next_stats: Instant,
    /// A whole batch of frames was taken: there may be more.
    more: bool,
}

impl Air {
    fn open(args: &Args) -> Result<Self> {
        let script = args.script.as_deref().map(|path| read_script(path, args.receivers.len())).transpose()?;
        let receivers = args.receivers.iter().map(|spec| UdpInject::connect(&spec.address)).collect::<Result<_, _>>();
        let config =
            Config { receivers: args.receivers.iter().map(|spec| spec.config.clone()).collect(), ..Config::default() };
        let start = Instant::now();
        Ok(Self {
            channel: Channel::new(config, args.seed, start),
            listen: UdpCapture::bind(&args.listen).context("--listen")?,
            receivers: receivers.context("--to")?,
            controls: args.receivers.iter().map(Control::new).collect(),
            chosen: 0,
            script: script.unwrap_or_default(),
            stats: args.stats.as_ref().map(StatsWriter::open).transpose()?,
            history: History::default(),
            start,
            end: args.duration.map(|duration| start + duration),
            next_tick: start,
            next_stats: start + STATS_INTERVAL,
            more: false,
        })
    }

    /// Does everything that is due; false when the program ends.
    fn turn(&mut self, screen: Option<&mut Screen>) -> Result<bool> {
        let now = Instant::now();
        while let Some(command) = self.script.due(now - self.start) {
            self.change(command.receiver, &command.change, now);
        }
        self.take_frames(now)?;
        self.hand_over(now);
        if self.end.is_some_and(|end| now >= end) {
            return Ok(false);
        }
        if let Some(screen) = screen
            && !self.watch(screen, now)?
        {
            return Ok(false);
        }
        self.report(now);
        Ok(true)
    }

    fn take_frames(&mut self, now: Instant) -> Result<()> {
        let mut frame = [0; MAX_FRAME_BYTES];
        for _ in 0..FRAMES_AT_ONCE {
            let Some(captured) = self.listen.capture(&mut frame, now)? else {
                self.more = false;
                return Ok(());
            };
            // The channel counts what it refuses.
            let _ = self.channel.inject(frame.get(..captured.len).unwrap_or_default(), now);
        }
        self.more = true;
        Ok(())
    }

    fn hand_over(&mut self, now: Instant) {
        while let Some((card, frame, _)) = self.channel.poll_capture(now) {
            if let Some(receiver) = self.receivers.get_mut(card) {
                // A frame the machine does not take is lost, as on any air.
                let _ = receiver.inject(frame, now);
            }
        }
    }

    fn change(&mut self, receiver: Option<usize>, change: &Change, now: Instant) {
        for (card, control) in self.controls.iter_mut().enumerate() {
            if receiver.is_none_or(|receiver| receiver == card) {
                control.apply(change.clone(), &mut self.channel, card, now);
            }
        }
    }

    /// Takes keys and draws; false when a key ends the program.
    fn watch(&mut self, screen: &mut Screen, now: Instant) -> Result<bool> {
        let actions = screen.actions()?;
        let changed = !actions.is_empty();
        for action in actions {
            match action {
                Action::Change(change) => self.change(Some(self.chosen), &change, now),
                Action::Next => self.chosen = (self.chosen + 1) % self.controls.len(),
                Action::Previous => self.chosen = (self.chosen + self.controls.len() - 1) % self.controls.len(),
                Action::Quit => return Ok(false),
            }
        }
        if changed || now >= self.next_tick {
            screen.draw(&Shown {
                listen: self.listen.name(),
                running: now - self.start,
                controls: &self.controls,
                chosen: self.chosen,
                history: &self.history,
            })?;
        }
        Ok(true)
    }

    fn report(&mut self, now: Instant) {
        if now >= self.next_tick {
            self.history.push(self.snapshot(now));
            self.next_tick = now + TICK;
        }
        if now >= self.next_stats {
            self.next_stats = (self.next_stats + STATS_INTERVAL).max(now);
            self.write_stats(now);
        }
    }

    fn write_stats(&self, now: Instant) {
        if let Some(stats) = &self.stats {
            stats.write(&self.snapshot(now), &self.controls);
        }
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            at: now - self.start,
            channel: self.channel.stats(),
            receivers: self.channel.receivers().map(|(_, stats)| stats).collect(),
            unheard: self.receivers.iter().map(InjectAir::unheard).collect(),
        }
    }

    /// Waits for the next frame in or out, key, signal or line, to the microsecond: a frame lasts 200 of them.
    fn wait(&self, signals: &Signals, keys: bool) -> Result<()> {
        let stdin = io::stdin();
        let descriptors = [Some(signals.as_fd()), self.listen.as_fd(), keys.then(|| stdin.as_fd())];
        let mut fds: Vec<PollFd<'_>> = descriptors.into_iter().flatten().map(readable).collect();
        let deadlines = [
            self.channel.poll_timeout(),
            self.end,
            self.script.next_at().map(|at| self.start + at),
            Some(self.next_stats),
        ];
        let next = deadlines.into_iter().flatten().chain([self.next_tick]).min().filter(|_| !self.more);
        let timeout = next.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now()));
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("waiting"),
        }
    }

    /// The last line of stats, and the summary.
    fn end(self) -> String {
        let now = Instant::now();
        self.write_stats(now);
        let Snapshot { at, channel, receivers, .. } = self.snapshot(now);
        let seconds = at.as_secs_f64().max(1e-3);
        let mut summary = format!(
            "{seconds:.1} s, {} frames, {:.1} Mbit/s, {:.0} % of the air",
            channel.injected,
            8.0 * channel.bytes as f64 / seconds / 1e6,
            (100.0 * channel.airtime.as_secs_f64() / seconds).min(100.0)
        );
        for (card, stats) in receivers.iter().enumerate() {
            let share = 100.0 * (stats.on_air - stats.heard) as f64 / stats.on_air.max(1) as f64;
            summary += &format!(", rx{} lost {share:.1} %", card + 1);
        }
        summary
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::from_borrowed_fd(fd, PollFlags::IN)
}

fn read_script(path: &Path, receivers: usize) -> Result<Script> {
    let name = || format!("script {}", path.display());
    let text = std::fs::read_to_string(path).with_context(name)?;
    Script::parse(&text, receivers).with_context(name)
}

#[cfg(test)]
mod tests;
