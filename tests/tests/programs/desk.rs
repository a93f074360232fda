//! A desk with the real programs on it: starts them, waits for what they say, ends them.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use skylark_common::h264::{AccessUnit, Assembler};
use skylark_common::seal::LinkKey;
use tempfile::TempDir;

/// Three seconds at 30 pictures a second, a keyframe each second.
pub(crate) const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/clip.h264");
/// How long something may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A folder with the link's key, in which the programs run.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

/// A running program; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    name: String,
    folder: PathBuf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, seed) in [("link.key", 7), ("other.key", 8)] {
            fs::write(folder.path().join(name), LinkKey::from_bytes([seed; 32]).to_text()).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Starts `program` with these arguments, the stats of which go to `NAME.json`, and waits until its airs
    /// and outputs are open.
    pub(crate) fn start(&self, program: &str, name: &str, arguments: &str) -> Program {
        self.start_fed(program, name, arguments, Stdio::null())
    }

    /// The same with something on its standard input.
    pub(crate) fn start_fed(&self, program: &str, name: &str, arguments: &str, stdin: impl Into<Stdio>) -> Program {
        self.start_command(Command::new(binary(program)), name, arguments, stdin)
    }

    /// The same with a command to which the arguments are added.
    pub(crate) fn start_command(
        &self,
        mut command: Command,
        name: &str,
        arguments: &str,
        stdin: impl Into<Stdio>,
    ) -> Program {
        let folder = self.folder.path().to_owned();
        let log = File::create(folder.join(format!("{name}.log"))).unwrap();
        command.args(arguments.split(' ')).args(["--stats", &format!("json:{name}.json")]);
        command.current_dir(&folder).stdin(stdin).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let mut program = Program { child, name: name.to_owned(), folder };
        program.wait_for("its stats", |program| program.stats_file().exists());
        program
    }

    /// The modelled air between `from` and the receivers, each `PORT,SETTINGS`.
    pub(crate) fn air(&self, from: u16, receivers: &[String]) -> Program {
        let receivers: String = receivers.iter().map(|receiver| format!(" --to 127.0.0.1:{receiver}")).collect();
        self.start("skylark-air", "air", &format!("--plain --listen 127.0.0.1:{from}{receivers}"))
    }

    /// Whether any process was started in this folder and still runs.
    pub(crate) fn is_left_behind(&self) -> bool {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let folder = self.folder.path().canonicalize().unwrap();
        processes.into_iter().any(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
    }
}

impl Program {
    /// The lines of its stats so far; each is JSON.
    pub(crate) fn stats(&self) -> Vec<Value> {
        whole_lines(&self.stats_file()).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The number at this place of the last line of its stats.
    pub(crate) fn count(&self, pointer: &str) -> u64 {
        self.last()[..].first().and_then(|line| line.pointer(pointer)).and_then(Value::as_u64).unwrap_or(0)
    }

    /// The text at this place of the last line of its stats.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let last = self.last();
        last.first().and_then(|line| line.pointer(pointer)).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Waits until `what` is there; the program runs meanwhile.
    pub(crate) fn wait_for(&mut self, what: &str, mut is_there: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() || is_there(self), "{} ended ({ended:?}) before {what}: {}", self.name, self.log());
            assert!(Instant::now() < deadline, "{what} did not come from {}: {}", self.name, self.log());
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until it ends by itself; its exit code.
    pub(crate) fn wait(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| panic!("{}: {status}: {}", self.name, self.log()));
            }
            assert!(Instant::now() < deadline, "{} does not end: {}", self.name, self.log());
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Asks it to end; its exit code.
    pub(crate) fn end(&mut self) -> i32 {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.wait()
    }

    fn last(&self) -> Vec<Value> {
        self.stats().pop().into_iter().collect()
    }

    fn stats_file(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    /// What it said, and the last stats of every program on the desk: one that fails may have been let down by another.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default();
        let stats = fs::read_dir(&self.folder).unwrap().flatten().map(|entry| entry.path());
        let last: String = stats
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| format!("{}\n", last_line(&path)))
            .collect();
        format!("{log}{last}")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a file that are written to their ends.
fn whole_lines(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.rsplit_once('\n').map_or("", |(whole, _)| whole).to_owned()
}

/// The last of them, after the file's name.
fn last_line(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().display();
    format!("{name}: {}", whole_lines(path).lines().next_back().unwrap_or_default())
}

/// UDP ports nobody has, all different.
pub(crate) fn ports<const N: usize>() -> [u16; N] {
    let sockets: [UdpSocket; N] = std::array::from_fn(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

/// The access units of the clip.
pub(crate) fn clip() -> Vec<AccessUnit> {
    let now = Instant::now();
    let mut assembler = Assembler::default();
    assembler.handle_bytes(&fs::read(CLIP).unwrap(), now);
    assembler.handle_end(now);
    std::iter::from_fn(|| assembler.poll_unit()).map(|assembled| assembled.unit).collect()
}

/// A program of the workspace, built beside this test.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is not built: run cargo build --workspace --bins", path.display());
    path
}
