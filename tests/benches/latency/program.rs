//! A program of the workspace at work, and its lines of figures.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How often its first line is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running program; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stats: PathBuf,
    log: PathBuf,
}

impl Program {
    /// Starts it in `folder` and waits for its first line.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str, arguments: &str) -> Self {
        let [stats, log] = ["json", "log"].map(|suffix| folder.join(format!("{name}.{suffix}")));
        // The first line is that of this run.
        let _ = fs::remove_file(&stats);
        command.args(arguments.split(' ')).arg("--stats").arg(format!("json:{}", stats.display()));
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let mut program = Self { child: command.spawn().unwrap(), stats, log };
        while !program.stats.exists() {
            assert!(program.child.try_wait().unwrap().is_none(), "{}", program.said());
            thread::sleep(LOOK_AGAIN);
        }
        program
    }

    /// Its lines of figures so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.stats).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What it told people.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
