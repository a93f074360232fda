//! A program of the workspace at work: its figures, its CPU time, its memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How often what is awaited is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// The clock of CPU times in `/proc` (proc(5); 100 on every Linux with glibc's default configuration).
const TICK: Duration = Duration::from_millis(10);

/// A running program; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stats: PathBuf,
    log: PathBuf,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its last line of figures.
    pub(crate) stats: Value,
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Instructions, if they were counted.
    pub(crate) instructions: Option<u64>,
}

impl Program {
    /// Starts it in `folder`, under callgrind if its instructions are to be counted.
    pub(crate) fn start(folder: &Path, name: &str, arguments: &str, counted: bool) -> Self {
        let [stats, log] = ["json", "log"].map(|suffix| folder.join(format!("{name}.{suffix}")));
        let mut command = Command::new(if counted { "valgrind".into() } else { binary(name) });
        if counted {
            command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(binary(name));
        }
        command.args(arguments.split(' ')).arg("--stats").arg(format!("json:{}", stats.display()));
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let mut program = Self { child: command.spawn().unwrap(), stats, log };
        while program.last().is_none() {
            assert!(program.child.try_wait().unwrap().is_none(), "{}", program.said());
            std::thread::sleep(LOOK_AGAIN);
        }
        program
    }

    /// The last whole line of its figures.
    pub(crate) fn last(&self) -> Option<Value> {
        let text = fs::read_to_string(&self.stats).unwrap_or_default();
        let (whole, _) = text.rsplit_once('\n')?;
        serde_json::from_str(whole.lines().last()?).ok()
    }

    /// Memory it holds, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        held.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Ends it as a user does.
    pub(crate) fn end(mut self) -> Ended {
        let cpu = self.cpu();
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        let collected = self.said();
        let collected = collected.split_once("Collected : ").and_then(|(_, rest)| rest.split_whitespace().next());
        let instructions = collected.map(|number| number.parse().unwrap());
        Ended { stats: self.last().unwrap(), cpu, instructions }
    }

    /// User and system time so far: fields 14 and 15, counted behind the name in parentheses (proc(5)).
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the bench went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program built beside this bench.
fn binary(name: &str) -> PathBuf {
    let bench = std::env::current_exe().unwrap();
    let path = bench.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is not built: run cargo build --release --bins", path.display());
    path
}
