//! Lines of figures for machines (`--stats`): JSON, each behind the name of what it tells of.

use anyhow::{Context as _, Result};
use serde::Serialize;
use skylark_common::lines::Lines;
use skylark_common::options::StatsTarget;

use crate::tell::tell;

/// Where lines of figures go.
#[derive(Debug)]
pub(crate) struct StatsLines(Lines);

/// What is told, behind what kind of line it is.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a, T> {
    /// What kind.
    pub(crate) ev: &'static str,
    /// What is told.
    #[serde(flatten)]
    pub(crate) told: &'a T,
}

impl StatsLines {
    /// Opens what the command line names.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn open(target: &StatsTarget) -> Result<Self> {
        let failed = |error| tell(&format!("--stats: {error}: no more figures are written"));
        let lines = Lines::open(target, failed).with_context(|| match target {
            StatsTarget::Stdout => "--stats json: cannot write to standard output".to_owned(),
            StatsTarget::File(path) => format!("--stats json:{}: cannot create this file", path.display()),
        });
        lines.map(Self)
    }

    /// Adds a line of this kind.
    pub(crate) fn push(&self, ev: &'static str, told: &impl Serialize) {
        match serde_json::to_string(&Line { ev, told }) {
            Ok(line) => self.0.push(line),
            Err(error) => tell(&format!("--stats: {error}: a line is missing")),
        }
    }
}
