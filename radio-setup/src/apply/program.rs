//! Programs that hold a card (wpa_supplicant, hostapd): what started them, ending them, starting them again.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use crate::machine::User;
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
    /// Nothing is known of how it was started.
    #[error("it is not known how {0} was started; start it again yourself, or restart the machine")]
    Unknown(String),
    /// A file could not be written or removed.
    #[error("{0}: {1}")]
    File(String, io::Error),
}

/// How a program that runs can be started again.
#[must_use]
pub fn identify(user: &User) -> Program {
    identify_in(Path::new("/proc"), user)
}

/// Ends a program that holds a card. One that serves other cards too is left to those who have just been told to
/// let go: it is not ended.
///
/// # Errors
/// It may not be ended.
pub fn stop(user: &User) -> Result<(), ProgramError> {
    let program = identify(user);
    if is_shared(&program) {
        return Ok(());
    }
    if let Some(unit) = &program.unit {
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
    let mut command = Command::new(path);
    // A group of its own: the Ctrl-C that ends us is not meant for it.
    command.args(arguments).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop).map_err(|error| ProgramError::Run(path.clone(), error))
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

/// Whether it serves whoever asks (as `NetworkManager` does over D-Bus), or several cards.
fn is_shared(program: &Program) -> bool {
    let is_for_all = program.command.iter().any(|word| word == "-u");
    let cards = program.command.iter().filter(|word| word.starts_with("-i")).count();
    is_for_all || cards > 1
}

fn identify_in(proc: &Path, user: &User) -> Program {
    let process = proc.join(user.pid.to_string());
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut command: Vec<String> = words.collect();
    // The last word ends with a zero too.
    command.pop();
    if let (Some(first), Ok(path)) = (command.first_mut(), fs::read_link(process.join("exe"))) {
        *first = path.display().to_string();
    }
    let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    Program { program: user.program.clone(), unit: service(&groups), command }
}

/// The systemd service of a process that serves one card, from its `/proc/PID/cgroup`.
fn service(groups: &str) -> Option<String> {
    let mut units = groups.lines().filter_map(|line| line.trim_end().rsplit('/').next());
    let is_of_one_card = |unit: &&str| {
        unit.ends_with(".service") && SERVICES_OF_ONE_CARD.iter().any(|beginning| unit.starts_with(beginning))
    };
    units.find(is_of_one_card).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identified(cmdline: &str, cgroup: &str) -> Program {
        let proc = tempfile::tempdir().unwrap();
        let process = proc.path().join("812");
        fs::create_dir(&process).unwrap();
        fs::write(process.join("cmdline"), cmdline.replace(' ', "\0") + "\0").unwrap();
        fs::write(process.join("cgroup"), cgroup).unwrap();
        std::os::unix::fs::symlink("/usr/sbin/wpa_supplicant", process.join("exe")).unwrap();
        identify_in(proc.path(), &User { program: "wpa_supplicant".to_owned(), pid: 812 })
    }

    #[test]
    fn a_service_of_one_card_is_stopped_as_a_service() {
        let groups = "0::/system.slice/system-wpa_supplicant.slice/wpa_supplicant@wlan1.service\n";
        let program = identified("wpa_supplicant -c /etc/w.conf -i wlan1", groups);
        assert_eq!(program.unit.as_deref(), Some("wpa_supplicant@wlan1.service"));
        assert!(!is_shared(&program));
    }

    #[test]
    fn a_child_of_a_service_for_all_cards_is_known_by_its_command_line() {
        let program = identified("wpa_supplicant -B -c/etc/w.conf -iwlan1", "0::/system.slice/dhcpcd.service\n");
        assert_eq!(program.unit, None);
        assert_eq!(program.command, ["/usr/sbin/wpa_supplicant", "-B", "-c/etc/w.conf", "-iwlan1"]);
        assert!(!is_shared(&program));
    }

    #[test]
    fn one_that_serves_other_cards_too_is_not_ended() {
        assert!(is_shared(&identified("wpa_supplicant -u -s -O /run/w", "0::/system.slice/wpa_supplicant.service\n")));
        assert!(is_shared(&identified("wpa_supplicant -iwlan0 -cx -N -iwlan1 -cx", "")));
    }

    #[test]
    fn a_process_that_is_gone_is_ended_already() {
        let nobody = User { program: "wpa_supplicant".to_owned(), pid: 0x3fff_fff0 };
        assert!(stop(&nobody).is_ok());
        assert!(matches!(start(&identify(&nobody)), Err(ProgramError::Unknown(_))));
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_first_line() {
        let error = run("sh", &["-c", "echo >&2; echo no such card >&2; exit 3"]).unwrap_err();
        assert!(error.to_string().ends_with("failed: no such card"), "{error}");
        assert!(run("sh", &["-c", "exit 3"]).unwrap_err().to_string().contains("exit status: 3"));
    }
}
