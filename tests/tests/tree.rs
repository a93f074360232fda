//! Checks of the source tree itself: sizes, names, words, what must be there, what depends on what.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No file is longer, tests included: what grows past it is two things.
const MAX_LINES: usize = 400;

/// Folders that hold what was built, found or fetched.
const NOT_SOURCE: [&str; 5] = ["target", ".git", "corpus", "artifacts", "data"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below the root whose name ends like `extension`, as its path from the root and its text.
fn files(extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !NOT_SOURCE.contains(&name) && !name.starts_with("target-") {
                folders.push(path);
            } else if path.is_file() && path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found.sort();
    found
}

fn names(wrong: impl Iterator<Item = String>) -> Vec<String> {
    wrong.collect()
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let long = files("rs").into_iter().filter(|(_, text)| text.lines().count() > MAX_LINES);
    assert_eq!(names(long.map(|(path, text)| format!("{path}: {}", text.lines().count()))), [""; 0]);
}

#[test]
fn every_source_file_begins_by_saying_what_it_is() {
    let silent = files("rs").into_iter().filter(|(_, text)| !text.starts_with("//! "));
    assert_eq!(names(silent.map(|(path, _)| path)), [""; 0]);
}

#[test]
fn no_module_is_called_mod_or_utils() {
    let bad = ["mod.rs", "util.rs", "utils.rs", "helpers.rs"];
    let found = files("rs").into_iter().filter(|(path, _)| bad.iter().any(|bad| path.rsplit('/').next() == Some(bad)));
    assert_eq!(names(found.map(|(path, _)| path)), [""; 0]);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat(), ["todo", "!("].concat()];
    let mut found = Vec::new();
    for (path, text) in ["rs", "toml", "sh", "md"].into_iter().flat_map(files) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{path}:{}: {line}", number + 1));
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn what_every_project_has_is_there() {
    let expected = [
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "Makefile",
        "Cargo.lock",
        "docs/ARCHITECTURE.md",
        "docs/PROTOCOL.md",
        "tests/fuzz/Cargo.lock",
    ];
    assert_eq!(names(expected.iter().filter(|path| !root().join(path).is_file()).map(ToString::to_string)), [""; 0]);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in files("md") {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn every_fuzz_target_has_seeds_and_is_built() {
    let fuzz = root().join("tests/fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let mut targets: Vec<String> = fs::read_dir(fuzz.join("targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    targets.sort();
    let mut seeds: Vec<String> = fs::read_dir(fuzz.join("seeds"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    seeds.sort();
    assert_eq!(targets, seeds);
    let unbuilt = targets.iter().filter(|target| !manifest.contains(&format!("path = \"targets/{target}.rs\"")));
    assert_eq!(names(unbuilt.cloned()), [""; 0]);
}

/// The packages `package` is built from, without those only its tests need.
fn dependencies(package: &str, more: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}", "--edges", "normal,build"])
        .args(["--package", package])
        .args(more)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_aircraft_needs_no_window_library_and_neither_end_knows_the_other() {
    let tx = dependencies("skylark-tx", &[]);
    assert!(tx.contains(&"openh264".to_owned()));
    for unwanted in ["sdl2", "sdl2-sys", "skylark-rx"] {
        assert!(!tx.contains(&unwanted.to_owned()), "skylark-tx depends on {unwanted}");
    }
    assert!(!dependencies("skylark-rx", &[]).contains(&"skylark-tx".to_owned()));
}

#[test]
fn the_cores_depend_on_nothing_that_touches_the_machine() {
    for package in ["skylark-common", "skylark-tx", "skylark-rx"] {
        let found = dependencies(package, &["--no-default-features"]);
        for shell in ["pcap", "rustix", "socket2", "openh264", "sdl2", "v4l", "signal-hook", "clap", "tokio"] {
            assert!(!found.contains(&shell.to_owned()), "the core of {package} depends on {shell}");
        }
    }
}
