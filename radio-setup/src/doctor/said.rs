//! What the doctor says, as it goes: marked lines for people, or lines of JSON.

use std::io::{self, IsTerminal as _};

use anyhow::Result;
use serde::Serialize;
use skylark_setup::diagnose::{Finding, Severity, Verdict};

use crate::report;

/// Says findings, and keeps them.
pub(super) struct Said {
    style: Style,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Json,
    Plain,
    Colored,
}

#[derive(Serialize)]
#[serde(tag = "ev")]
enum Line<'a> {
    #[serde(rename = "doctor.finding")]
    Finding(&'a Finding),
    #[serde(rename = "doctor.verdict")]
    Verdict(&'a Verdict),
}

impl Said {
    pub(super) fn new(json: bool) -> Self {
        let colored = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let style = match (json, colored) {
            (true, _) => Style::Json,
            (false, true) => Style::Colored,
            (false, false) => Style::Plain,
        };
        Self { style, findings: Vec::new() }
    }

    /// # Errors
    /// Nobody takes it.
    pub(super) fn say(&mut self, finding: Finding) -> Result<()> {
        let text = match self.style {
            Style::Json => json(&Line::Finding(&finding))?,
            style @ (Style::Plain | Style::Colored) => {
                format!("{} {}\n", mark(finding.severity, style), finding.sentence())
            }
        };
        self.findings.push(finding);
        report::answer(&text)
    }

    /// # Errors
    /// Nobody takes it.
    pub(super) fn verdict(&self, verdict: &Verdict) -> Result<()> {
        match self.style {
            Style::Json => report::answer(&json(&Line::Verdict(verdict))?),
            Style::Plain | Style::Colored => report::answer(&format!("\n{}\n", capitalized(verdict))),
        }
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

fn json(line: &Line<'_>) -> Result<String> {
    Ok(serde_json::to_string(line)? + "\n")
}

fn mark(severity: Severity, style: Style) -> &'static str {
    match (severity, style == Style::Colored) {
        (Severity::Fine, false) => "✓",
        (Severity::Warning, false) => "!",
        (Severity::Fault, false) => "✗",
        (Severity::Fine, true) => "\x1b[32m✓\x1b[0m",
        (Severity::Warning, true) => "\x1b[33m!\x1b[0m",
        (Severity::Fault, true) => "\x1b[31m✗\x1b[0m",
    }
}

/// With a capital at its start, but the name of a card stays as it is: whoever reads `Wlan1` types it.
fn capitalized(verdict: &Verdict) -> String {
    let sentence = &verdict.sentence;
    let begins_with_name = verdict.card.as_ref().is_some_and(|card| sentence.starts_with(card));
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) if !begins_with_name => first.to_uppercase().chain(letters).collect(),
        _ => sentence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_name_as_it_is() {
        let capitalized = |card: Option<&str>, sentence: &str| {
            let card = card.map(str::to_owned);
            let sentence = sentence.to_owned();
            capitalized(&Verdict { severity: Severity::Fault, code: None, card, sentence })
        };
        assert_eq!(capitalized(None, "no fault found."), "No fault found.");
        assert_eq!(capitalized(Some("mon"), "mon is down."), "mon is down.");
        assert_eq!(capitalized(Some("mon"), "no fault found, but mon is slow."), "No fault found, but mon is slow.");
        assert_eq!(capitalized(None, ""), "");
    }
}
