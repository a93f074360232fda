//! Programs that hold a card (wpa_supplicant, hostapd): what started them, ending them, starting them again.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use crate::machine::{Machine, User};
use crate::plan::{Change, Plan, Refused};
use crate::state::Program;

/// Beginnings of systemd services that serve one card, and may be stopped for it.
const SERVICES_OF_ONE_CARD: [&str; 4] = ["wpa_supplicant@", "wpa_supplicant-nl80211@", "netplan-wpa-", "hostapd"];

/// Why another program did not do its part.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// A command could not be run at all.
    #[error("cannot run `{0}`: {1}; is it installed?")]
    Run(String, io::Error),
    /// A command failed.
    #[error("`{0}` failed: {1}")]
    Failed(String, String),
    /// A process may not be ended.
    #[error("cannot end {0} (process {1}): {2}; end it and try again")]
    Kill(String, u32, io::Error),
    /// Somebody else than root decides what it is.
    #[error("{0} is not root's alone and is neither ended nor started as root; do so yourself")]
    NotRoots(String),
    /// Nothing is known of how it was started.
    #[error("it is not known how {0} was started; start it again yourself, or restart the machine")]
    Unknown(String),
    /// A file could not be written or removed.
    #[error("{0}: {1}")]
    File(String, io::Error),
}

/// How a program that runs can be started again as root; `None` for one that is not root's alone, and for one that
/// serves other cards too and is therefore not ended.
#[must_use]
pub fn identify(user: &User) -> Option<Program> {
    Process::read(Path::new("/proc"), user).program(user)
}

/// Whether every program that `plan` ends may be ended.
///
/// # Errors
/// One may not: it belongs to somebody else, or other cards need it.
pub fn check(machine: &Machine, plan: &Plan) -> Result<(), Refused> {
    check_in(Path::new("/proc"), machine, plan)
}

/// Ends a program that holds a card. One that serves other cards too is left to those who have just been told to
/// let go: it is not ended.
///
/// # Errors
/// It may not be ended.
pub fn stop(user: &User) -> Result<(), ProgramError> {
    let process = Process::read(Path::new("/proc"), user);
    if process.is_gone || process.is_shared() {
        return Ok(());
    }
    if !process.is_roots {
        return Err(ProgramError::NotRoots(format!("{} (process {})", user.program, user.pid)));
    }
    if let Some(unit) = process.service_of_one_card() {
        return run("systemctl", &["stop", unit]);
    }
    let pid = i32::try_from(user.pid).ok().and_then(Pid::from_raw);
    match pid.map(|pid| kill_process(pid, Signal::TERM)) {
        None | Some(Ok(()) | Err(rustix::io::Errno::SRCH)) => Ok(()),
        Some(Err(errno)) => Err(ProgramError::Kill(user.program.clone(), user.pid, errno.into())),
    }
}

/// Starts a program again as it was started.
///
/// # Errors
/// It does not start, or it is not known how.
pub fn start(program: &Program) -> Result<(), ProgramError> {
    if let Some(unit) = &program.unit {
        return run("systemctl", &["start", unit]);
    }
    let Some((path, arguments)) = program.command.split_first() else {
        return Err(ProgramError::Unknown(program.program.clone()));
    };
    if !only_root_changes(Path::new(path)) {
        return Err(ProgramError::NotRoots(path.clone()));
    }
    let mut command = Command::new(path);
    // A group of its own: the Ctrl-C that ends us is not meant for it.
    command.args(arguments).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop).map_err(|error| ProgramError::Run(path.clone(), error))
}

/// What to say where a program that serves several cards has not let go of one.
pub(super) fn still_held(card: &str, user: &User) -> Option<Refused> {
    let process = Process::read(Path::new("/proc"), user);
    (process.is_roots && process.is_shared()).then(|| process.held(card, user))
}

/// Runs a command to its end.
pub(super) fn run(command: &str, arguments: &[&str]) -> Result<(), ProgramError> {
    let line = format!("{command} {}", arguments.join(" "));
    let output = Command::new(command).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| ProgramError::Run(line.clone(), error))?;
    if output.status.success() { Ok(()) } else { Err(ProgramError::Failed(line, reason(&output))) }
}

fn reason(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

fn check_in(proc: &Path, machine: &Machine, plan: &Plan) -> Result<(), Refused> {
    for step in &plan.steps {
        let Change::Stop(user) = &step.change else { continue };
        let process = Process::read(proc, user);
        // What serves whoever asks lets go a moment after NetworkManager has.
        let may_let_go = machine.has_network_manager && process.serves_all();
        if !process.is_gone && (!process.is_trusted() || process.is_shared() && !may_let_go) {
            return Err(process.held(&step.card, user));
        }
    }
    Ok(())
}

/// What `/proc` tells of a process.
#[derive(Debug, Default)]
struct Process {
    is_gone: bool,
    /// Whether root has started it, and it has remained root's.
    is_roots: bool,
    words: Vec<String>,
    /// Only root sees it of root's processes.
    executable: Option<PathBuf>,
    /// The systemd service it belongs to.
    service: Option<String>,
}

impl Process {
    fn read(proc: &Path, user: &User) -> Self {
        let process = proc.join(user.pid.to_string());
        let Ok(status) = fs::read_to_string(process.join("status")) else {
            return Self { is_gone: true, ..Self::default() };
        };
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut words: Vec<_> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into()).collect();
        // The last word ends with a zero too.
        words.pop();
        let executable = fs::read_link(process.join("exe")).ok().map(|path| {
            // An update has put another in its place.
            path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map_or(path.clone(), PathBuf::from)
        });
        let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
        Self { is_gone: false, is_roots: is_roots(&status), words, executable, service: service(&groups) }
    }

    /// As root is what is started again: no other user may choose what that is.
    fn is_trusted(&self) -> bool {
        self.is_roots && self.executable.as_deref().is_none_or(only_root_changes)
    }

    fn program(mut self, user: &User) -> Option<Program> {
        let executable =
            self.executable.as_ref().filter(|_| self.is_trusted() && !self.is_shared())?.to_str()?.to_owned();
        let unit = self.service_of_one_card().map(str::to_owned);
        *self.words.first_mut()? = executable;
        Some(Program { program: user.program.clone(), unit, command: self.words })
    }

    fn service_of_one_card(&self) -> Option<&str> {
        let is_of_one_card = |unit: &&str| SERVICES_OF_ONE_CARD.iter().any(|beginning| unit.starts_with(beginning));
        self.service.as_deref().filter(is_of_one_card)
    }

    /// Whether it serves whoever asks, as `NetworkManager` does over D-Bus.
    fn serves_all(&self) -> bool {
        self.words.iter().any(|word| word == "-u")
    }

    fn is_shared(&self) -> bool {
        self.serves_all() || self.words.iter().filter(|word| word.starts_with("-i")).count() > 1
    }

    fn held(&self, card: &str, user: &User) -> Refused {
        let (card, program, pid) = (card.to_owned(), user.program.clone(), user.pid);
        if !self.is_trusted() {
            let why = "is another user's, or its file is, and cannot be started again as root";
            return Refused::Held { card, program, pid, why, remedy: format!("kill {pid}") };
        }
        let remedy = match (self.control(), &self.service) {
            (Some(path), _) => format!("wpa_cli -g {path} interface_remove {card}"),
            (None, Some(unit)) => format!("systemctl stop {unit}"),
            (None, None) => format!("kill {pid}"),
        };
        Refused::Held { card, program, pid, why: "serves other cards too", remedy }
    }

    /// Where wpa_supplicant takes orders that concern all of its cards.
    fn control(&self) -> Option<&str> {
        let place = self.words.iter().position(|word| word.starts_with("-g"))?;
        match self.words.get(place)?.strip_prefix("-g")? {
            "" => self.words.get(place + 1).map(String::as_str),
            path => Some(path),
        }
    }
}

/// Whether all user numbers (real, effective, saved, file system) in a `/proc/PID/status` are root's. The owner of
/// `/proc/PID` would not tell: of programs with capabilities it is root, whoever has started them.
fn is_roots(status: &str) -> bool {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    users.split_ascii_whitespace().eq(["0"; 4])
}

/// Whether nobody but root can put another file in this one's place.
fn only_root_changes(path: &Path) -> bool {
    let is_roots = |path: &Path| fs::metadata(path).is_ok_and(|found| found.uid() == 0 && found.mode() & 0o002 == 0);
    path.is_absolute() && path.ancestors().all(is_roots)
}

/// The systemd service of the machine that a process belongs to, from its `/proc/PID/cgroup`.
fn service(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.trim_end().splitn(3, ':').nth(2));
    let mut of_machine = paths.filter(|path| path.starts_with("/system.slice/"));
    of_machine.find_map(|path| path.rsplit('/').next().filter(|unit| unit.ends_with(".service")).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Name:\twpa_supplicant\nUid:\t0\t0\t0\t0\n";

    /// A `/proc` with one process.
    fn proc(cmdline: &str, cgroup: &str, status: &str, exe: &Path) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        let process = proc.path().join("812");
        fs::create_dir(&process).unwrap();
        fs::write(process.join("cmdline"), cmdline.replace(' ', "\0") + "\0").unwrap();
        fs::write(process.join("cgroup"), cgroup).unwrap();
        fs::write(process.join("status"), status).unwrap();
        std::os::unix::fs::symlink(exe, process.join("exe")).unwrap();
        proc
    }

    fn user() -> User {
        User { program: "wpa_supplicant".to_owned(), pid: 812 }
    }

    /// A file that only root can change.
    fn roots_file() -> PathBuf {
        fs::canonicalize("/bin/sh").unwrap()
    }

    fn process(cmdline: &str, cgroup: &str) -> Process {
        Process::read(proc(cmdline, cgroup, ROOT, &roots_file()).path(), &user())
    }

    fn identified(cmdline: &str, cgroup: &str) -> Program {
        process(cmdline, cgroup).program(&user()).unwrap()
    }

    /// What stopping it for wlan1 is answered with.
    fn refusal(cmdline: &str, status: &str, exe: &Path) -> Option<String> {
        let interface = crate::machine::Interface { name: "wlan1".to_owned(), ..Default::default() };
        let step = crate::plan::Step { card: interface.name, index: 3, change: Change::Stop(user()) };
        let plan = Plan { steps: vec![step], ..Plan::default() };
        let proc = proc(cmdline, "0::/system.slice/wpa_supplicant.service\n", status, exe);
        check_in(proc.path(), &Machine::default(), &plan).err().map(|refused| refused.to_string())
    }

    #[test]
    fn what_another_user_runs_is_neither_ended_nor_started_as_root() {
        let line = "wpa_supplicant -i wlan1";
        let mine = tempfile::NamedTempFile::new().unwrap();
        let set_uid = ROOT.replacen('0', "1000", 1);
        for (status, exe) in [(ROOT, mine.path()), (&set_uid, &roots_file()), ("Name:\tx\n", &roots_file())] {
            let proc = proc(line, "", status, exe);
            assert_eq!(Process::read(proc.path(), &user()).program(&user()), None, "{status} {exe:?}");
            let refused = refusal(line, status, exe).unwrap();
            assert!(refused.contains("another user's") && refused.contains("`sudo kill 812`"), "{refused}");
        }
        assert_eq!(refusal(line, ROOT, &roots_file()), None);
        let command = vec![mine.path().display().to_string()];
        let program = Program { program: "hostapd".to_owned(), unit: None, command };
        assert!(matches!(start(&program), Err(ProgramError::NotRoots(_))));
    }

    #[test]
    fn a_service_of_one_card_is_stopped_as_a_service() {
        let groups = "0::/system.slice/system-wpa_supplicant.slice/wpa_supplicant@wlan1.service\n";
        let program = identified("wpa_supplicant -c /etc/w.conf -i wlan1", groups);
        assert_eq!(program.unit.as_deref(), Some("wpa_supplicant@wlan1.service"));
        let users = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/hostapd.service\n";
        assert_eq!(identified("hostapd -i wlan1", users).unit, None);
    }

    #[test]
    fn a_child_of_a_service_for_all_cards_is_known_by_its_command_line() {
        let program = identified("wpa_supplicant -B -c/etc/w.conf -iwlan1", "0::/system.slice/dhcpcd.service\n");
        assert_eq!(program.unit, None);
        assert_eq!(program.command, [roots_file().to_str().unwrap(), "-B", "-c/etc/w.conf", "-iwlan1"]);
    }

    #[test]
    fn one_that_serves_other_cards_too_is_not_ended_and_the_command_that_helps_is_told() {
        assert!(!process("wpa_supplicant -i wlan1", "").is_shared());
        assert_eq!(process("wpa_supplicant -u -s -O /run/w", "").program(&user()), None);
        let refused = |line| refusal(line, ROOT, &roots_file()).unwrap();
        let by_service = refused("wpa_supplicant -u -s -O /run/w");
        assert!(by_service.contains("`sudo systemctl stop wpa_supplicant.service`"), "{by_service}");
        let by_order = refused("wpa_supplicant -g /run/w -iwlan0 -cx -N -iwlan1 -cx");
        assert!(by_order.contains("`sudo wpa_cli -g /run/w interface_remove wlan1`"), "{by_order}");
    }

    #[test]
    fn a_process_that_is_gone_is_ended_already() {
        let nobody = User { program: "wpa_supplicant".to_owned(), pid: 0x3fff_fff0 };
        assert!(stop(&nobody).is_ok());
        assert_eq!(identify(&nobody), None);
        let unknown = Program { program: "wpa_supplicant".to_owned(), unit: None, command: Vec::new() };
        assert!(matches!(start(&unknown), Err(ProgramError::Unknown(_))));
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_first_line() {
        let error = run("sh", &["-c", "echo >&2; echo no such card >&2; exit 3"]).unwrap_err();
        assert!(error.to_string().ends_with("failed: no such card"), "{error}");
        assert!(run("sh", &["-c", "exit 3"]).unwrap_err().to_string().contains("exit status: 3"));
    }
}
