//! One JSON line a second, for machines.

use std::fs::File;
use std::io::{self, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::control::Control;
use crate::history::Snapshot;
use skylark_common::options::StatsTarget;

/// Where the lines go.
pub(crate) struct StatsWriter {
    out: Box<dyn Write>,
    name: String,
}

/// All counters are cumulative since the start.
#[derive(Debug, Serialize)]
struct Line<'a> {
    ev: &'static str,
    t_ms: u128,
    frames: u64,
    bytes: u64,
    airtime_us: u128,
    refused_busy: u64,
    refused_malformed: u64,
    receivers: Vec<ReceiverLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ReceiverLine<'a> {
    to: &'a str,
    signal_dbm: i8,
    noise_dbm: i8,
    loss: &'a str,
    cut: bool,
    on_air: u64,
    heard: u64,
    damaged: u64,
    lost: u64,
    overflowed: u64,
    unheard: u64,
}

impl StatsWriter {
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn open(target: &StatsTarget) -> Result<Self> {
        Ok(match target {
            StatsTarget::Stdout => Self { out: Box::new(io::stdout()), name: "stdout".to_owned() },
            StatsTarget::File(path) => {
                let name = path.display().to_string();
                let file = File::create(path).with_context(|| format!("stats file {name}"))?;
                Self { out: Box::new(file), name }
            }
        })
    }

    /// # Errors
    /// The line could not be written: disk full, or nobody reads any more.
    pub(crate) fn write(&mut self, snapshot: &Snapshot, controls: &[Control]) -> Result<()> {
        let mut text = line(snapshot, controls);
        text.push('\n');
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.with_context(|| format!("writing stats to {}", self.name))
    }
}

fn line(snapshot: &Snapshot, controls: &[Control]) -> String {
    let counted = snapshot.receivers.iter().zip(&snapshot.unheard);
    let receivers = controls.iter().zip(counted).map(|(control, (stats, unheard))| ReceiverLine {
        to: &control.address,
        signal_dbm: control.signal_dbm,
        noise_dbm: control.noise_dbm,
        loss: &control.loss.name,
        cut: control.cut,
        on_air: stats.on_air,
        heard: stats.heard,
        damaged: stats.damaged,
        lost: stats.lost,
        overflowed: stats.overflowed,
        unheard: *unheard,
    });
    let line = Line {
        ev: "air.stats",
        t_ms: snapshot.at.as_millis(),
        frames: snapshot.channel.injected,
        bytes: snapshot.channel.bytes,
        airtime_us: snapshot.channel.airtime.as_micros(),
        refused_busy: snapshot.channel.refused_busy,
        refused_malformed: snapshot.channel.refused_malformed,
        receivers: receivers.collect(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use skylark_common::air::sim::{ChannelStats, ReceiverStats};

    use super::*;

    #[test]
    fn a_line_is_one_json_object_with_units_in_its_names() {
        let snapshot = Snapshot {
            at: Duration::from_millis(1500),
            channel: ChannelStats { injected: 10, airtime: Duration::from_micros(77), ..ChannelStats::default() },
            receivers: vec![ReceiverStats { on_air: 10, heard: 9, lost: 1, ..ReceiverStats::default() }],
            unheard: vec![3],
        };
        let control = Control::new(&"h:1,loss=random:10%".parse().unwrap());
        let expected = concat!(
            r#"{"ev":"air.stats","t_ms":1500,"frames":10,"bytes":0,"airtime_us":77,"refused_busy":0,"#,
            r#""refused_malformed":0,"receivers":[{"to":"h:1","signal_dbm":-55,"noise_dbm":-95,"loss":"random:10%","#,
            r#""cut":false,"on_air":10,"heard":9,"damaged":0,"lost":1,"overflowed":0,"unheard":3}]}"#
        );
        assert_eq!(line(&snapshot, &[control]), expected);
    }
}
