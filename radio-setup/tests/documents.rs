//! `docs/RADIOS.md` says what the programs know: the table of drivers, and every diagnosis.
//!
//! `SKYLARK_WRITE_TABLES=1 cargo test -p skylark-setup --test documents` writes the table anew.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use skylark_setup::channel::Band;
use skylark_setup::drivers::{self, Driver};

const BEGIN: &str = "<!-- drivers -->\n";
const END: &str = "<!-- end of drivers -->";

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/RADIOS.md")
}

fn table() -> String {
    let mut text = "\n| driver | chips | GHz | verdict | tells | why |\n|---|---|---|---|---|---|\n".to_owned();
    for driver in drivers::all() {
        let bands: Vec<_> = driver.bands.iter().map(|band| ghz(*band)).collect();
        let Driver { names, chips, verdict, reason, .. } = driver;
        let (bands, verdict) = (bands.join(", "), verdict.word());
        writeln!(text, "| {} | {chips} | {bands} | {verdict} | {} | {reason} |", names[0], tells(driver)).unwrap();
    }
    text.push_str("\nWhat they need (+), and what they do wrong (!):\n\n```text\n");
    for driver in drivers::all() {
        let needs = driver.needs.iter().map(|need| format!("  + {need}\n"));
        let notes: String = needs.chain(driver.traps.iter().map(|trap| format!("  ! {trap}\n"))).collect();
        if !notes.is_empty() {
            write!(text, "{}\n{notes}", driver.names[0]).unwrap();
        }
    }
    text.push_str("```\n\n");
    text
}

const fn ghz(band: Band) -> &'static str {
    match band {
        Band::Ghz2 => "2.4",
        Band::Ghz5 => "5",
        Band::Ghz6 => "6",
    }
}

const fn tells(driver: &Driver) -> &'static str {
    match driver.reports_tx_status {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

#[test]
fn the_document_has_the_table_of_drivers_as_it_is() {
    let text = fs::read_to_string(document()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (recorded, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SKYLARK_WRITE_TABLES").is_some() {
        fs::write(document(), format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(recorded, table(), "SKYLARK_WRITE_TABLES=1 writes it anew");
}

#[test]
fn the_document_explains_every_diagnosis_and_no_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose/finding.rs");
    let source = fs::read_to_string(source).unwrap();
    let (_, body) = source.split_once("pub enum Code {\n").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let codes: Vec<_> = body.lines().filter_map(|line| line.strip_suffix(',')).map(|name| kebab(name.trim())).collect();
    assert!(codes.len() > 20, "{codes:?}");

    let text = fs::read_to_string(document()).unwrap();
    let (_, section) = text.split_once("## What doctor says\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let explained = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    assert_eq!(explained.map(|(code, _)| code).collect::<Vec<_>>(), codes);
}

/// `NoDriver` as JSON has it: `no-driver`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
