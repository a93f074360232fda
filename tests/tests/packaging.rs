//! What `make install` puts on a machine: programs, units that name options the programs have, and their settings.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const UNITS: [&str; 4] = ["skylark-card@.service", "skylark-relay.service", "skylark-rx.service", "skylark-tx.service"];
const PROGRAMS: [&str; 3] = ["skylark-rx", "skylark-setup", "skylark-tx"];

/// A folder into which the programs of this build were installed with `PREFIX=/usr`.
struct Staged {
    folder: TempDir,
}

impl Staged {
    fn new() -> Self {
        let staged = Self { folder: tempfile::tempdir().unwrap() };
        let output = staged.make("install");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            String::from_utf8_lossy(&output.stdout)
                .contains("setcap cap_net_raw,cap_net_admin,cap_sys_nice+ep /usr/bin/skylark-tx")
        );
        staged
    }

    fn make(&self, target: &str) -> Output {
        let built = self.folder.path().join("built");
        if !built.exists() {
            fs::create_dir(&built).unwrap();
            symlink(built_programs(), built.join("release")).unwrap();
        }
        Command::new("make")
            .args([target, "PREFIX=/usr", &format!("DESTDIR={}", self.root().display())])
            .env("CARGO_TARGET_DIR", built)
            .env_remove("MAKEFLAGS")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .output()
            .unwrap()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn unit(&self, name: &str) -> String {
        fs::read_to_string(self.root().join("usr/lib/systemd/system").join(name)).unwrap()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The folder with the programs, which lies above that of the tests.
fn built_programs() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    for program in PROGRAMS {
        assert!(folder.join(program).exists(), "{program} is not built: run cargo build --workspace --bins");
    }
    folder
}

#[test]
fn every_unit_may_start_a_program_with_the_capabilities_it_was_given() {
    let staged = Staged::new();
    let makefile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Makefile")).unwrap();
    let given = makefile.lines().find_map(|line| line.strip_prefix("CAPABILITIES := ")).unwrap();
    let given: Vec<String> = given.trim_end_matches("+ep").split(',').map(str::to_uppercase).collect();
    assert!(given.len() >= 2, "{given:?}");
    for unit in UNITS.into_iter().filter(|unit| *unit != "skylark-card@.service") {
        let text = staged.unit(unit);
        let bounds = text.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
        let bounds: Vec<&str> = bounds.split(' ').collect();
        let missing: Vec<_> = given.iter().filter(|given| !bounds.contains(&given.as_str())).collect();
        // capabilities(7): the kernel refuses to execute a file of which it cannot give all capabilities.
        assert!(missing.is_empty(), "{unit} forbids {missing:?}");
    }
}

#[test]
fn programs_units_and_settings_are_installed_and_taken_away_again() {
    let staged = Staged::new();
    assert_eq!(staged.files("usr/bin"), PROGRAMS);
    assert_eq!(staged.files("usr/lib/systemd/system"), UNITS);
    assert_eq!(staged.files("etc/skylark"), ["card.env", "relay.env", "rx.env", "tx.env"]);
    for unit in UNITS {
        let text = staged.unit(unit);
        let left = ["@BINDIR@", "@ETCDIR@", "@DOCDIR@"].into_iter().find(|place| text.contains(place));
        assert_eq!(left, None, "{unit}");
    }
    fs::write(staged.root().join("etc/skylark/tx.env"), "mine").unwrap();
    assert!(staged.make("install").status.success());
    assert!(staged.make("uninstall").status.success());
    assert_eq!(staged.files("usr/bin"), [""; 0]);
    assert_eq!(staged.files("usr/lib/systemd/system"), [""; 0]);
    assert_eq!(fs::read_to_string(staged.root().join("etc/skylark/tx.env")).unwrap(), "mine");
}

#[test]
fn the_programs_understand_what_the_units_start_them_with() {
    let staged = Staged::new();
    let mut started = 0;
    for unit in UNITS {
        let text = staged.unit(unit);
        for settings in settings(&staged, &text) {
            for line in
                text.lines().filter_map(|line| line.strip_prefix("ExecStart=").or(line.strip_prefix("ExecStop=")))
            {
                let words = expand(line, &settings);
                let (program, arguments) = words.split_first().unwrap();
                let program = staged.root().join(program.trim_start_matches('/'));
                // With --help a program looks at all arguments before it, and does nothing.
                let output = Command::new(program).args(arguments).arg("--help").output().unwrap();
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{words:?}: {told}");
                started += 1;
            }
        }
    }
    assert!(started >= 10, "{started}");
}

/// The variables a unit starts with: its own, and with each line of its settings file, commented out or not.
fn settings(staged: &Staged, unit: &str) -> Vec<BTreeMap<String, String>> {
    let own = unit.lines().filter_map(|line| line.strip_prefix("Environment=")).filter_map(variable);
    let own: BTreeMap<_, _> = own.collect();
    let file = unit.lines().find_map(|line| line.strip_prefix("EnvironmentFile=-/")).unwrap();
    let file = fs::read_to_string(staged.root().join(file)).unwrap();
    let lines = file.lines().filter_map(|line| variable(line.trim_start_matches('#')));
    let changed = lines.map(|(name, value)| {
        let mut settings = own.clone();
        settings.insert(name, value);
        settings
    });
    std::iter::once(own.clone()).chain(changed.collect::<Vec<_>>()).collect()
}

/// `NAME=VALUE`, either quoted as a whole or its value.
fn variable(text: &str) -> Option<(String, String)> {
    let (name, value) = text.trim_matches('"').split_once('=')?;
    let is_name = name.starts_with("SKYLARK_") && !name.contains(' ');
    is_name.then(|| (name.to_owned(), value.trim_matches('"').to_owned()))
}

/// The words of a command line as systemd makes them: `${NAME}` is one word, `$NAME` as many as it holds, `%I` the
/// instance (systemd.service(5), Command lines).
fn expand(line: &str, settings: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| settings.get(name).cloned().unwrap_or_default();
    let words = line.split(' ').flat_map(|word| match word.strip_prefix('$') {
        Some(name) if name.starts_with('{') => vec![value(name.trim_matches(['{', '}']))],
        Some(name) => value(name).split_whitespace().map(str::to_owned).collect(),
        None => vec![word.replace("%I", "wlan1")],
    });
    words.collect()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let staged = Staged::new();
    let folder = staged.folder.path().join("units");
    fs::create_dir(&folder).unwrap();
    let bin = staged.root().join("usr/bin");
    let paths = UNITS.map(|unit| {
        let path = folder.join(unit.replace('@', "@wlan1"));
        fs::write(&path, staged.unit(unit).replace("/usr/bin", bin.to_str().unwrap())).unwrap();
        path
    });
    match Command::new("systemd-analyze").arg("verify").args(paths).output() {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            let about_us: Vec<_> = told.lines().filter(|line| line.contains("skylark")).collect();
            assert!(output.status.success() && about_us.is_empty(), "{told}");
        }
        Err(error) => eprintln!("LEFT OUT: systemd-analyze: {error}; the units were not verified"),
    }
}
