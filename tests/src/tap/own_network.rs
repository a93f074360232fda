//! A network of its own for each test that needs cards: the test runs again as a process in fresh namespaces.
//!
//! Cards of tests that run side by side do not meet, the machine's network is out of reach, and whatever a
//! killed test leaves behind ends with its namespaces.

use std::any::type_name_of_val;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output};

use super::{NotAllowed, TapCard, ip};

/// Set to 1, a machine that allows no TAP cards fails the tests that need them.
pub const REQUIRED: &str = "SKYLARK_REQUIRE_TAP";

/// Set for the process that has a network of its own.
const INSIDE: &str = "SKYLARK_OWN_NETWORK";
/// How the process inside tells that it could not make cards.
const NO_CARDS: &str = "skylark: no TAP cards:";

/// Runs the body of the test it is called in, in a process with a network of its own where `lo` is up. Give it
/// a closure: its type says which test that is.
///
/// As root a network namespace is enough; anybody else needs a user namespace too. Where neither is allowed, the
/// test is skipped with a word on stderr that no capturing hides, or fails if [`REQUIRED`] is 1.
///
/// # Panics
/// The body panicked, or its test was not found by name.
pub fn in_own_network(body: impl FnOnce()) {
    if is_inside() {
        match prepare() {
            Ok(()) => body(),
            Err(reason) => tell(&format!("{NO_CARDS} {reason}")),
        }
        return;
    }
    let test = test_name(type_name_of_val(&body));
    match run_again(test) {
        Ok(said) => pass_on(&said),
        Err(reason) if is_required() => panic!("{test} needs TAP cards: {reason}"),
        Err(reason) => {
            tell(&format!("\n*** SKIPPED, NOT PASSED: {test}\n*** {reason}; {REQUIRED}=1 makes this fail\n"))
        }
    }
}

/// `program` in a network of its own; it ends with the process that starts it, and everything it started with it.
/// It has to call [`prepare`].
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]).arg(program).env(INSIDE, "1");
    command
}

/// Whether [`REQUIRED`] is 1.
#[must_use]
pub fn is_required() -> bool {
    std::env::var_os(REQUIRED).is_some_and(|value| value == "1")
}

/// Whether this process was started by [`command`].
#[must_use]
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Sets `lo` up, lets `/sys` and `/proc` show what is inside, and tries whether TAP cards can be made.
///
/// # Errors
/// They cannot.
pub fn prepare() -> Result<(), NotAllowed> {
    drop(TapCard::create("probe0", 1500)?);
    // Where that is not allowed, those who look there see the machine's; nobody else is concerned.
    for [kind, place] in [["sysfs", "/sys"], ["proc", "/proc"]] {
        let _ = Command::new("mount").args(["-t", kind, kind, place]).output();
    }
    let _ = ip(&["link", "set", "lo", "up"]);
    Ok(())
}

/// The path of a test as the test harness has it, from the type of a closure in it: `crate::room::test::{{closure}}`.
fn test_name(closure: &str) -> &str {
    let path = closure.strip_suffix("::{{closure}}").unwrap_or(closure);
    path.split_once("::").map_or(path, |(_, path)| path)
}

fn run_again(test: &str) -> Result<Output, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = command(&program).args(["--exact", test, "--nocapture", "--include-ignored"]).output();
    let output = output.map_err(|error| format!("setpriv and unshare of util-linux: {error}"))?;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    if let Some(no_cards) = stderr.lines().find(|line| line.starts_with(NO_CARDS)) {
        return Err(no_cards.to_owned());
    }
    if !stdout.contains("running ") {
        return Err(format!("no network of its own: {}", stderr.trim()));
    }
    assert!(output.status.success() && stdout.contains("1 passed"), "{test}: {stdout}\n{stderr}");
    Ok(output)
}

/// What a test says is shown or hidden as the harness was told to.
#[expect(clippy::print_stdout, reason = "the harness captures what tests print")]
fn pass_on(said: &Output) {
    print!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
}

/// The harness does not capture what is written past the macros.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_known_by_the_type_of_its_body() {
        let name = || ();
        let name = test_name(type_name_of_val(&name));
        assert_eq!(name, "tap::own_network::tests::a_test_is_known_by_the_type_of_its_body");
    }

    #[test]
    fn a_card_is_made_in_a_network_where_there_is_no_other() {
        in_own_network(|| {
            let card = TapCard::create("wlan0", 1500).unwrap();
            assert!(TapCard::create("wlan0", 1500).is_err());
            let card = card.replugged().unwrap();
            card.down().unwrap();
            assert!(!card.hear(&[0; 64]).unwrap());
            card.up().unwrap();
            assert!(card.hear(&[0; 64]).unwrap());
            assert!(!Path::new("/sys/class/net/eth0").exists());
        });
    }
}
