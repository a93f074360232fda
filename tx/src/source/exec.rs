//! An encoder as a child process that writes H.264 to its stdout; started again when it dies.
#![expect(clippy::disallowed_methods, reason = "runs a process, and a thread for its stderr")]

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::annex_b::{LiveEnd, run_live};
use super::sniff::NotH264;
use crate::outlet::Outlet;
use crate::report::{child_says, note};
use crate::stop::{Stop, Wake};

/// Wait before the first new start; doubles with each death.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A child that lived so long has worked: its death begins with the shortest wait again.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// Time a child has between the request to end and being killed: cameras are let go of cleanly.
const GRACE: Duration = Duration::from_millis(500);
/// A line of the child's stderr beyond this is cut into several.
const LONGEST_LINE_BYTES: u64 = 4096;

/// A command to run.
#[derive(Debug)]
pub(crate) struct Exec {
    command: String,
    wait: Duration,
}

/// A running shell and all its children; none is left when it is dropped.
#[derive(Debug)]
struct Group {
    shell: Child,
}

impl Exec {
    pub(crate) fn new(command: &str) -> Self {
        Self { command: command.to_owned(), wait: SHORTEST_WAIT }
    }

    pub(crate) fn run(mut self, outlet: &Outlet) -> anyhow::Result<()> {
        loop {
            let started = Instant::now();
            let mut group = Group::start(&self.command).context("exec: sh does not start")?;
            let stdout = group.shell.stdout.take().context("exec: the child has no stdout")?;
            let end = run_live(stdout, outlet);
            let ended_itself = matches!(end, Ok(LiveEnd::Closed | LiveEnd::Refused(NotH264::Empty)));
            let status = group.end(ended_itself);
            let reason = match end {
                Ok(LiveEnd::Stopped) => return Ok(()),
                Ok(LiveEnd::Refused(refusal)) if !ended_itself => refusal.to_string(),
                Ok(_) => status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                Err(error) => error.to_string(),
            };
            outlet.count(|stats| stats.failures += 1);
            let wait = self.next_wait(started.elapsed());
            note(format_args!("`{}` ended ({reason}), starting it again in {:.1} s", self.command, wait.as_secs_f32()));
            if outlet.stop.wait_until(Instant::now() + wait) == Wake::Stopped {
                return Ok(());
            }
        }
    }

    fn next_wait(&mut self, lived: Duration) -> Duration {
        if lived >= LONG_LIFE {
            self.wait = SHORTEST_WAIT;
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        wait
    }
}

impl Group {
    fn start(command: &str) -> std::io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        if let Some(stderr) = shell.stderr.take() {
            std::thread::spawn(move || pass_on(stderr));
        }
        Ok(Self { shell })
    }

    /// Ends whatever is left of the group and says how the shell ended. A shell that has closed its stdout
    /// by itself is given time to say how.
    fn end(&mut self, ended_itself: bool) -> std::io::Result<ExitStatus> {
        if !(ended_itself && self.ends_within(GRACE)) {
            self.signal(Signal::TERM);
            self.ends_within(GRACE);
        }
        self.signal(Signal::KILL);
        self.shell.wait()
    }

    /// Whether the shell ends by itself in that time. It stays a zombie, so that its number, which is the
    /// group's, is not given to another before the group was signaled.
    fn ends_within(&self, patience: Duration) -> bool {
        let Some(pid) = self.pid() else { return false };
        let (Ok(pidfd), Ok(never)) = (pidfd_open(pid, PidfdFlags::empty()), Stop::new()) else { return false };
        never.wait_readable(pidfd, Some(Instant::now() + patience)) == Wake::Ready
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It fails when nobody is left, which is what is wanted.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.shell.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.shell.wait();
        }
    }
}

/// Passes the child's messages on until its last process has closed stderr.
fn pass_on(stderr: ChildStderr) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    while matches!((&mut stderr).take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line), Ok(1..)) {
        child_says(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use skylark_common::queue::Popped;

    use super::*;
    use crate::outlet::{Item, Taken};

    /// Two tiny pictures, then death.
    const COMMAND: &str = r"printf '\0\0\0\1\147\102\300\015\331\001\101\373\001\020\0\0\3\0\020\0\0\3\3\310\361\102\244\200';
        printf '\0\0\0\1\145\210\0\0\0\1\101\232\1'; exit 3";

    fn run_until(command: &str, done: impl Fn(&Outlet) -> bool) -> Outlet {
        let outlet = Outlet::new(100).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| Exec::new(command).run(&outlet).unwrap());
            let began = Instant::now();
            while !done(&outlet) && began.elapsed() < Duration::from_secs(20) {
                outlet.stop.wait_until(Instant::now() + Duration::from_millis(5));
            }
            outlet.end();
        });
        outlet
    }

    #[test]
    fn a_child_that_dies_is_started_again() {
        let outlet = run_until(COMMAND, |outlet| outlet.stats().failures >= 2);
        assert!(outlet.stats().failures >= 2);
        assert!(outlet.stats().handed_on >= 2);
        assert!(
            matches!(outlet.pop_within(Duration::ZERO), Popped::Item(Taken { item: Item::Unit(first), .. }) if first.unit.keyframe)
        );
    }

    #[test]
    fn nothing_of_a_child_is_left_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        // The grandchild is deaf to requests to end.
        let command = format!("(trap '' TERM; echo $$ > {0}; exec sleep 600) & sleep 600", pids.display());
        run_until(&command, |_| pids.exists() && std::fs::read_to_string(&pids).unwrap().ends_with('\n'));
        let group = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
        let group = Pid::from_raw(group).unwrap();
        let began = Instant::now();
        // Orphans are reaped by init, a moment later.
        while rustix::process::test_kill_process_group(group).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(20), "the group still lives");
            std::thread::yield_now();
        }
    }

    #[test]
    fn waits_double_up_to_a_limit_and_start_over_after_a_long_life() {
        let mut exec = Exec::new("");
        let waits: Vec<u128> = (0..7).map(|_| exec.next_wait(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(exec.next_wait(LONG_LIFE), SHORTEST_WAIT);
    }
}
