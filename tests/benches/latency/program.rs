//! A program of the workspace at work, and its lines of figures.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How often its first line is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running program; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// One that writes lines of figures.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) process: Process,
    stats: PathBuf,
}

impl Process {
    /// Starts it; what it tells people is kept in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> Result<Self, String> {
        let log = folder.join(format!("{name}.log"));
        let started = command.stderr(File::create(&log).unwrap()).spawn();
        let child = started.map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// What it writes, where that is piped.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// That it still runs; if not, how it ended.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait().unwrap() {
            None => Ok(()),
            Some(status) => Err(format!("{} has ended ({status}): {}", self.name, self.last_line())),
        }
    }

    /// What it told people last.
    pub(crate) fn last_line(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    }
}

impl Program {
    /// Starts it in `folder` and waits for its first line.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str, arguments: &str) -> Result<Self, String> {
        let stats = folder.join(format!("{name}.json"));
        // The first line is that of this run.
        let _ = fs::remove_file(&stats);
        command.args(arguments.split(' ')).arg("--stats").arg(format!("json:{}", stats.display()));
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Process::start(command, folder, name)?;
        while !stats.exists() {
            process.check()?;
            thread::sleep(LOOK_AGAIN);
        }
        Ok(Self { process, stats })
    }

    /// Its lines of figures so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.stats).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where something went wrong, and `check` has told so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// That something was seen and everything runs to the end; if not, why, in the words of the program it was.
pub(crate) fn check_all(seen: u64, processes: &mut [&mut Process]) -> Result<(), String> {
    processes.iter_mut().try_for_each(|process| process.check())?;
    if seen > 0 {
        return Ok(());
    }
    let said: Vec<String> =
        processes.iter().map(|process| format!("{}: {}", process.name, process.last_line())).collect();
    Err(format!("everything runs and nothing arrives; {}", said.join("; ")))
}

/// A program built beside this bench.
pub(crate) fn binary(name: &str) -> Command {
    let bench = std::env::current_exe().unwrap();
    let path = bench.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is not built: run cargo build --release --bins", path.display());
    Command::new(path)
}

/// A UDP port nobody has.
pub(crate) fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
